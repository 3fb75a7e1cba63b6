//! Unwind information written by hand, after Microsoft's "x64 exception handling".

use super::*;
use crate::base::Abi;
use crate::debuggee::AddressSpace;
use crate::native::regfile::RegFile;
use crate::native::synth_pe::{self, BASE, STACK};

const RBX: u16 = 3;
const RBP: u16 = 6;

/// Flags and version, size of the prolog, number of codes, frame register and offset; codes; what it is chained to.
fn unwind_info(head: [u8; 4], codes: &[u8], chained: Option<[u32; 3]>) -> Vec<u8> {
    let mut out = [&head[..], codes].concat();
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(chained.into_iter().flatten().flat_map(u32::to_le_bytes));
    out
}

fn process(infos: &[Vec<u8>]) -> (AddressSpace, PeImage) {
    let functions: Vec<(&[u8], &[u8])> = infos.iter().map(|info| (&[][..], &info[..])).collect();
    synth_pe::process(synth_pe::image(&functions))
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
