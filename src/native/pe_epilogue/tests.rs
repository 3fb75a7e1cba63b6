//! Epilogues written by hand, and, asked for by `PYINQUEST_DLL=FILE`, all of a real DLL.

use super::*;
use crate::base::{Abi, Arch};
use crate::native::regfile::RegFile;
use crate::native::synth_pe::{BASE, STACK, image, process};

const RBX: u16 = 3;
const RBP: u16 = 6;

fn registers(values: &[(u16, u64)]) -> RegFile {
    let mut regs = RegFile::empty(&crate::arch::cpu(Arch::X86_64).unwind);
    values.iter().for_each(|(number, value)| regs.set(*number, *value));
    regs
}

/// push rbp; push rbx; sub rsp, 0x28, and then at 0x10 the epilogue.
const CODE: &[u8] = b"\x55\x53\x48\x83\xec\x28\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x48\x83\xc4\x28\x5b\x5d\xc3";
const INFO: &[u8] = &[1, 6, 3, 0, 6, 0x42, 2, 0x30, 1, 0x50, 0, 0];

#[test]
fn each_instruction_that_is_left_is_undone() {
    let (memory, image) = process(image(&[(CODE, INFO)]));
    // rsp after each instruction that has run; rbx and rbp are those of the caller once they were popped.
    for (at, sp, rbx, rbp) in
        [(0x10, 0, 0x28, 0x30), (0x14, 0x28, 0x28, 0x30), (0x15, 0x30, 1 - STACK as i64, 0x30), (0x16, 0x38, 1, 2)]
    {
        let row = row(&memory, &image, Addr(BASE + 0x800 + at)).unwrap();
        let before = registers(&[(RSP, STACK + sp), (RBX, 1), (RBP, 2)]);
        let caller = row.apply(&before, &memory, &Abi::WINDOWS_X86_64).unwrap().caller;
        assert_eq!((caller.get(RIP), caller.get(RSP)), (Some(STACK + 0x38), Some(STACK + 0x40)), "{at:#x}");
        let saved = |value: i64, own: u64| if value < 8 { own } else { STACK.wrapping_add_signed(value) };
        assert_eq!((caller.get(RBX), caller.get(RBP)), (Some(saved(rbx, 1)), Some(saved(rbp, 2))), "{at:#x}");
    }
    // Neither the prolog, nor the body, nor the middle of an instruction.
    for at in [0x0, 0x2, 0x8] {
        assert!(row(&memory, &image, Addr(BASE + 0x800 + at)).is_none(), "{at:#x}");
    }
}

#[test]
fn a_frame_register_and_tail_calls() {
    // push rbp; sub rsp, 0x20; lea rbp, [rsp+0x10] | lea rsp, [rbp+0x10]; pop rbp; jmp to the next function.
    let info = &[1, 10, 3, 0x15, 10, 0x03, 5, 0x32, 1, 0x50, 0, 0];
    let mut code = vec![0x90u8; 0x10];
    code.extend(b"\x48\x8d\x65\x10\x5d\xe9\xe6\x00\x00\x00");
    let (memory, tail) = process(image(&[(&code, info), (CODE, INFO)]));
    let lea = row(&memory, &tail, Addr(BASE + 0x810)).unwrap();
    let caller = lea.apply(&registers(&[(RSP, 3), (RBP, STACK + 0x10)]), &memory, &Abi::WINDOWS_X86_64).unwrap().caller;
    assert_eq!(
        (caller.get(RIP), caller.get(RBP), caller.get(RSP)),
        (Some(STACK + 0x28), Some(STACK + 0x20), Some(STACK + 0x30))
    );
    // The same with a part of this function that lies elsewhere is not an end of it: it has codes but no prolog.
    let cold = &[1, 0, 3, 0x15, 0, 0x03, 0, 0x32, 0, 0x50, 0, 0];
    let (memory, split) = process(image(&[(&code, info), (CODE, cold)]));
    assert!(row(&memory, &split, Addr(BASE + 0x810)).is_none());
    // Another register than the frame register, and a jump within the function.
    code[0x12] = 0x63;
    let (memory, other) = process(image(&[(&code, info), (CODE, INFO)]));
    assert!(row(&memory, &other, Addr(BASE + 0x810)).is_none());
    code[0x12] = 0x65;
    code[0x16] = 0x10;
    code[0x17] = 0;
    let (memory, inside) = process(image(&[(&code, info), (CODE, INFO)]));
    assert!(row(&memory, &inside, Addr(BASE + 0x810)).is_none());
}

/// Before the first instruction of an epilogue nothing is undone yet: its row and that of the unwind codes must agree.
#[test]
fn all_epilogues_of_a_real_dll() {
    let Some(path) = std::env::var_os("PYINQUEST_DLL") else {
        eprintln!("skipped: PYINQUEST_DLL is not set");
        return;
    };
    let file = std::fs::read(path).unwrap();
    let headers = PeImage::from_file(&file, Addr(BASE)).unwrap();
    let mut loaded = vec![0u8; headers.size as usize];
    loaded[..0x400].copy_from_slice(&file[..0x400]);
    for s in &headers.sections {
        let (from, len) = (s.file_offset as usize, s.file_size.min(s.size) as usize);
        loaded[s.rva as usize..][..len].copy_from_slice(&file[from..][..len]);
    }
    let (memory, image) = process(loaded);
    let (table, size) = image.function_table().unwrap();
    let (mut seen, mut wrong) = (0, Vec::new());
    for index in 0..size / 12 {
        let start = u64::from(u32::from_le_bytes(memory.read_array(table.wrapping_add(index * 12)).unwrap()));
        let Some(function) = image.function_at(&memory, Addr(BASE + start)) else { continue };
        let mut at = function.start;
        // In an epilogue, or just after `mov rsp, r11`, with which compilers begin some.
        let mut ended = false;
        while at < function.end {
            let Some(instruction) = decode(&memory, at) else { break };
            // The first of an epilogue comes after what is none.
            if let Some(row) = row(&memory, &image, at) {
                if !ended && let Some(by_codes) = crate::native::pe::row(&memory, &image, at) {
                    seen += 1;
                    let middle = STACK + 0x1_0000;
                    let frame = Head::read(&memory, function).and_then(|h| h.frame);
                    let mut regs = registers(&(0..16).map(|n| (n, 0x1000 + u64::from(n))).collect::<Vec<_>>());
                    regs.set(RSP, middle);
                    frame.into_iter().for_each(|f| regs.set(f, middle + 0x80));
                    let of = |row: &Row| {
                        let caller = row.apply(&regs, &memory, &Abi::WINDOWS_X86_64).ok()?.caller;
                        Some((caller.get(RIP), caller.get(RSP)))
                    };
                    if of(&row) != of(&by_codes) {
                        wrong.push(format!("{:#x}: {:?} {:?}", at.0 - BASE, of(&row), of(&by_codes)));
                    }
                }
                ended = true;
            } else {
                ended = instruction.op0_kind() == OpKind::Register && instruction.op0_register() == Register::RSP;
            }
            at = at.wrapping_add(instruction.len() as u64);
        }
    }
    assert!(wrong.len() * 1000 < seen, "{} of {seen} differ:\n{}", wrong.len(), wrong.join("\n"));
    eprintln!("{seen} epilogues, {} differ\n{}", wrong.len(), wrong.join("\n"));
}
