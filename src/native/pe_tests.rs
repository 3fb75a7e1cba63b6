//! Unwind information written by hand, after Microsoft's "x64 exception handling".

use super::*;
use crate::base::Abi;
use crate::debuggee::{AddressSpace, Segment};
use crate::native::regfile::RegFile;
use std::sync::Arc;

const BASE: u64 = 0x1_8000_0000;
const STACK: u64 = 0x7f_0000;
const RBX: u16 = 3;
const RBP: u16 = 6;

/// Flags and version, size of the prolog, number of codes, frame register and offset; codes; what it is chained to.
fn unwind_info(head: [u8; 4], codes: &[u8], chained: Option<[u32; 3]>) -> Vec<u8> {
    let mut out = [&head[..], codes].concat();
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(chained.into_iter().flatten().flat_map(u32::to_le_bytes));
    out
}

/// An image whose functions begin at 0x800, 0x900, ..., each with its unwind information; after it a stack whose
/// words hold their own addresses.
fn process(infos: &[Vec<u8>]) -> (AddressSpace, PeImage) {
    let mut bytes = vec![0u8; 0x2000];
    let mut put = |at: usize, new: &[u8]| bytes[at..at + new.len()].copy_from_slice(new);
    put(0, b"MZ");
    put(0x3c, &0x80u32.to_le_bytes());
    put(0x80, b"PE\0\0\x64\x86\0\0");
    put(0x94, &[0xf0, 0]);
    put(0x98, &[0x0b, 0x02]);
    put(0x98 + 56, &0x2000u32.to_le_bytes());
    put(0x98 + 108, &16u32.to_le_bytes());
    let count = u32::try_from(infos.len()).unwrap();
    for (at, value) in [(0x98 + 112 + 24, 0x1200), (0x98 + 116 + 24, 12 * count)] {
        put(at, &u32::to_le_bytes(value));
    }
    for (index, info) in (0u32..).zip(infos) {
        let entry = [0x800 + index * 0x100, 0x900 + index * 0x100, 0x1300 + index * 0x40];
        for (i, word) in entry.into_iter().enumerate() {
            put(0x1200 + index as usize * 12 + i * 4, &word.to_le_bytes());
        }
        put(0x1300 + index as usize * 0x40, info);
    }
    let image = PeImage::from_file(&bytes, Addr(BASE)).unwrap();
    bytes.extend((0..0x400u64).step_by(8).flat_map(|at| (STACK + at).to_le_bytes()));
    let segment = |start, size, offset| Segment {
        start: Addr(start),
        size,
        offset,
        available: size,
        dumped: size,
        protection: Default::default(),
    };
    let segments = vec![segment(BASE, 0x2000, 0), segment(STACK, 0x400, 0x2000)];
    (AddressSpace::from_dump(Arc::new(bytes), segments), image)
}

/// The caller's registers of code at an offset from the image, with these.
fn caller(infos: &[Vec<u8>], at: u64, registers: &[(u16, u64)]) -> RegFile {
    let (memory, image) = process(infos);
    let mut regs = RegFile::empty(&crate::arch::cpu(crate::base::Arch::X86_64).unwind);
    registers.iter().for_each(|(number, value)| regs.set(*number, *value));
    let row = row(&memory, &image, Addr(BASE + at)).unwrap();
    row.apply(&regs, &memory, &Abi::WINDOWS_X86_64).unwrap().caller
}

/// push rbp (1); sub rsp, 0x20 (5); lea rbp, [rsp+0x10] (10).
fn with_frame_register() -> Vec<u8> {
    unwind_info([1, 10, 3, 0x15], &[10, 0x03, 5, 0x32, 1, 0x50], None)
}

#[test]
fn a_prolog_is_undone_as_far_as_it_has_run() {
    let infos = [with_frame_register()];
    // Nothing has run: the return address is on top.
    let at_start = caller(&infos, 0x800, &[(RSP, STACK), (RBP, 1)]);
    assert_eq!((at_start.get(RIP), at_start.get(RSP)), (Some(STACK), Some(STACK + 8)));
    let pushed = caller(&infos, 0x801, &[(RSP, STACK), (RBP, 1)]);
    assert_eq!((pushed.get(RIP), pushed.get(RBP)), (Some(STACK + 8), Some(STACK)));
    let reserved = caller(&infos, 0x805, &[(RSP, STACK), (RBP, 1)]);
    assert_eq!((reserved.get(RIP), reserved.get(RBP)), (Some(STACK + 0x28), Some(STACK + 0x20)));
    // From here on rsp may be anywhere.
    let body = caller(&infos, 0x880, &[(RSP, 3), (RBP, STACK + 0x10)]);
    assert_eq!((body.get(RIP), body.get(RBP)), (Some(STACK + 0x28), Some(STACK + 0x20)));
    assert_eq!(body.get(RSP), Some(STACK + 0x30));
}

#[test]
fn a_chained_part_goes_on_from_the_frame_register_of_the_part_before() {
    // mov [rbp-0x10+8], rbx: the base is that of the frame register, which the first part has set.
    let saves = unwind_info([1 | 4 << 3, 5, 2, 0x15], &[5, 0x34, 1, 0], Some([0x800, 0x900, 0x1300]));
    let infos = [with_frame_register(), saves];
    // The function has used alloca: rsp is elsewhere.
    let found = caller(&infos, 0x920, &[(RSP, 3), (RBP, STACK + 0x10), (RBX, 1)]);
    assert_eq!(found.get(RBX), Some(STACK + 8));
    assert_eq!((found.get(RIP), found.get(RBP)), (Some(STACK + 0x28), Some(STACK + 0x20)));
    // Before the save has run rbx still has the caller's value.
    let before = caller(&infos, 0x901, &[(RSP, 3), (RBP, STACK + 0x10), (RBX, 1)]);
    assert_eq!((before.get(RBX), before.get(RIP)), (Some(1), Some(STACK + 0x28)));
}

#[test]
fn large_frames_and_machine_frames() {
    // sub rsp, 0x100, in units of 8.
    let large = unwind_info([1, 7, 2, 0], &[7, 0x01, 0x20, 0], None);
    let found = caller(&[large], 0x880, &[(RSP, STACK)]);
    assert_eq!((found.get(RIP), found.get(RSP)), (Some(STACK + 0x100), Some(STACK + 0x108)));
    // A trap with an error code: rip is after it, rsp three words further.
    let trap = unwind_info([1, 0, 1, 0], &[0, 0x1a], None);
    let found = caller(&[trap], 0x880, &[(RSP, STACK)]);
    assert_eq!((found.get(RIP), found.get(RSP)), (Some(STACK + 8), Some(STACK + 0x20)));
}
