use super::*;
use crate::base::{Abi, Addr};
use crate::os::linux::signals::{SIGFPE, SIGSEGV, codes};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn every_table_is_whole_and_names_its_registers_alike() {
    for cpu in ALL {
        assert!(std::ptr::eq(super::cpu(cpu.arch), cpu), "{}: `ALL` and `cpu` differ", cpu.name);
        assert_eq!(cpu.unwind.arch, cpu.arch);
        let shown: BTreeSet<&str> = cpu.shown.iter().copied().collect();
        assert_eq!(shown.len(), cpu.shown.len(), "{}: a register twice", cpu.name);
        let stored: BTreeSet<&str> = cpu.prstatus.iter().copied().collect();
        assert_eq!(stored, shown, "{}: registers of cores are not those that are shown", cpu.name);
        let unwind = &cpu.unwind;
        for number in [unwind.ip, unwind.sp, unwind.fp].iter().chain(unwind.callee_saved).chain(unwind.arguments) {
            let name = unwind.name(*number).expect(cpu.name);
            assert!(shown.contains(name), "{}: {name}", cpu.name);
        }
        for name in cpu.debugger.iter().chain(cpu.aliases.iter().map(|(ours, _)| ours)) {
            assert!(shown.contains(name), "{}: {name}", cpu.name);
        }
        for number in cpu.signal_frame.order {
            assert!(unwind.name(*number).is_some(), "{}: {number} of the signal frame", cpu.name);
        }
        assert_eq!(by_elf_machine(cpu.elf_machine).map(|c| c.arch), Some(cpu.arch));
        for name in cpu.tool_names {
            assert_eq!(by_tool_name(name).map(|c| c.arch), Some(cpu.arch), "{name}");
        }
    }
    assert_eq!(by_tool_name("x86_64-pc-linux-gnu").map(|c| c.arch), Some(Arch::X86_64));
    assert!(by_tool_name("i386").is_none() && by_elf_machine(3).is_none());
}

#[test]
fn a_minidumps_context_comes_back_as_it_was_written() {
    let abi = Abi::LINUX_X86_64;
    for minidump in ALL.iter().filter_map(|cpu| cpu.minidump.as_ref()) {
        let layout = &minidump.contexts[0];
        let values: BTreeMap<&str, u64> = (1..).zip(layout.fields()).map(|(n, f)| (f.name, n)).collect();
        let bytes = minidump.write(|name| values[name], &abi);
        assert_eq!(bytes.len(), layout.size);
        let read: BTreeMap<&str, u64> = minidump.read(&bytes, &abi).unwrap().into_iter().collect();
        assert_eq!(read, values);
        assert_eq!(minidump.read(&vec![0; layout.size], &abi), None, "no flags");
        assert_eq!(minidump.read(&bytes[..100], &abi), None, "cut");
    }
}

fn padded(code: &[u8]) -> [u8; 7] {
    let mut out = [0x90; 7];
    out[7 - code.len()..].copy_from_slice(code);
    out
}

#[test]
fn every_form_of_call_is_known_and_a_jump_is_not() {
    let follows_call = super::cpu(Arch::X86_64).unwind.follows_call;
    for call in [
        &[0xe8, 1, 2, 3, 4][..],         // call rel32
        &[0xff, 0xd0],                   // call *%rax
        &[0x41, 0xff, 0xd4],             // call *%r12
        &[0xff, 0x10],                   // call *(%rax)
        &[0xff, 0x50, 0x18],             // call *0x18(%rax)
        &[0xff, 0x15, 1, 2, 3, 4],       // call *x(%rip)
        &[0xff, 0x90, 1, 2, 3, 4],       // call *0x..(%rax)
        &[0xff, 0x14, 0xc8],             // call *(%rax,%rcx,8)
        &[0xff, 0x54, 0x24, 0x08],       // call *8(%rsp)
        &[0xff, 0x94, 0x24, 1, 2, 3, 4], // call *0x..(%rsp)
        &[0xff, 0x14, 0xc5, 1, 2, 3, 4], // call *0x..(,%rax,8)
    ] {
        assert!(follows_call(&padded(call)), "{call:x?}");
    }
    for other in [&[0xff, 0xe0][..], &[0xeb, 0x10], &[0xe9, 1, 2, 3, 4], &[0xff, 0x20]] {
        assert!(!follows_call(&padded(other)), "{other:x?}");
    }
    let follows_call = |code: u32| (super::cpu(Arch::Aarch64).unwind.follows_call)(&code.to_le_bytes());
    assert!(follows_call(0x9400_0010) && follows_call(0xd63f_0100) && follows_call(0xd63f_0acd));
    assert!(!follows_call(0x1400_0010) && !follows_call(0xd61f_0100));
}

#[test]
fn a_trap_of_x86_is_told_from_the_machine_context() {
    let fault_of = |trap: u64, error: u64, code: [u8; 4]| {
        let read = |at: Addr, width: usize| match at.0 {
            0x1000..0x2000 => match at.0 - 0x1000 {
                168 => Some(0x4000),
                192 => Some(error),
                200 => Some(trap),
                216 => Some(0x18),
                _ => Some(0),
            },
            0x4000..0x4004 => code.get(at.0 as usize - 0x4000..)?.get(..width).map(|b| Abi::LINUX_X86_64.uint(b)),
            _ => None,
        };
        (super::cpu(Arch::X86_64).signal_frame.fault)(Addr(0x1000), &read)
    };
    let fault = fault_of(14, 6, [0x90; 4]).unwrap();
    assert_eq!((fault.number, fault.code, fault.addr), (SIGSEGV, codes::SEGV_MAPERR, Addr(0x18)));
    assert_eq!(fault.access, Some(AccessKind::Write));
    // `idiv %ecx`, `div %r9`, `not %ecx`.
    for (code, number) in
        [([0xf7, 0xf9, 0, 0], Some(SIGFPE)), ([0x49, 0xf7, 0xf1, 0], Some(SIGFPE)), ([0xf7, 0xd1, 0, 0], None)]
    {
        assert_eq!(fault_of(0, 0, code).map(|f| f.number), number, "{code:x?}");
    }
}

#[test]
fn loads_stores_and_calls_of_riscv_are_told_apart() {
    let cpu = super::cpu(Arch::Riscv64);
    let operand = |code: u32| {
        (cpu.signal_frame.operand)(&code.to_le_bytes())
            .map(|o| (o.kind, cpu.unwind.name(o.base).unwrap(), o.offset, o.size))
    };
    // As GNU as encodes them.
    for (code, expected) in [
        (0x0087_b783, (AccessKind::Read, "a5", 8, 8)),   // ld a5,8(a5)
        (0xff87_a783, (AccessKind::Read, "a5", -8, 4)),  // lw a5,-8(a5)
        (0x679c, (AccessKind::Read, "a5", 8, 8)),        // c.ld a5,8(a5)
        (0x43dc, (AccessKind::Read, "a5", 4, 4)),        // c.lw a5,4(a5)
        (0x60a2, (AccessKind::Read, "sp", 8, 8)),        // c.ldsp ra,8(sp)
        (0x1007_27af, (AccessKind::Read, "a4", 0, 4)),   // lr.w a5,(a4)
        (0x00f7_3423, (AccessKind::Write, "a4", 8, 8)),  // sd a5,8(a4)
        (0xfef7_2c23, (AccessKind::Write, "a4", -8, 4)), // sw a5,-8(a4)
        (0xe71c, (AccessKind::Write, "a4", 8, 8)),       // c.sd a5,8(a4)
        (0xc398, (AccessKind::Write, "a5", 0, 4)),       // c.sw a4,0(a5)
        (0xe406, (AccessKind::Write, "sp", 8, 8)),       // c.sdsp ra,8(sp)
        (0x00d7_27af, (AccessKind::Write, "a4", 0, 4)),  // amoadd.w a5,a3,(a4)
    ] {
        assert_eq!(operand(code), Some(expected), "{code:#x}");
    }
    // `addi a0,a0,1`, `c.mv a0,a1`, `jalr ra,0(a5)`.
    for other in [0x0015_0513, 0x852e, 0x0007_80e7] {
        assert_eq!(operand(other), None, "{other:#x}");
    }
    let follows_call = |code: u32| (cpu.unwind.follows_call)(&code.to_le_bytes());
    // `jal ra,.`, `jalr ra,0(a5)`, a `c.nop` and `c.jalr a5`.
    assert!(follows_call(0x0000_00ef) && follows_call(0x0007_80e7) && follows_call(0x9782_0001));
    // `j .`, `jr a5`, `c.jr a5`.
    assert!(!follows_call(0x0000_006f) && !follows_call(0x0007_8067) && !follows_call(0x8782_0001));
}

#[test]
fn loads_and_stores_of_aarch64_are_told_apart() {
    use AccessKind::{Read, Write};
    let cpu = super::cpu(Arch::Aarch64);
    let operand = |code: u32| (cpu.signal_frame.operand)(&code.to_le_bytes());
    let name = |register: u16| cpu.unwind.name(register).unwrap();
    // As GNU as encodes them.
    for (code, kind, base, offset, size) in [
        (0xf940_0c20, Read, "x1", 24, 8),    // ldr x0, [x1, #24]
        (0xb940_0083, Read, "x4", 0, 4),     // ldr w3, [x4]
        (0xf85f_8020, Read, "x1", -8, 8),    // ldur x0, [x1, #-8]
        (0xf840_8420, Read, "x1", 0, 8),     // ldr x0, [x1], #8
        (0xf85f_0c20, Read, "x1", -16, 8),   // ldr x0, [x1, #-16]!
        (0xb980_0420, Read, "x1", 4, 4),     // ldrsw x0, [x1, #4]
        (0x39c0_0020, Read, "x1", 0, 1),     // ldrsb w0, [x1]
        (0xb900_0fe0, Write, "sp", 12, 4),   // str w0, [sp, #12]
        (0x3900_04bf, Write, "x5", 1, 1),    // strb wzr, [x5, #1]
        (0xa9be_7bfd, Write, "sp", -32, 16), // stp x29, x30, [sp, #-32]!
        (0xa941_0440, Read, "x2", 16, 16),   // ldp x0, x1, [x2, #16]
        (0xa8c1_0440, Read, "x2", 0, 16),    // ldp x0, x1, [x2], #16
        (0x6941_0440, Read, "x2", 8, 8),     // ldpsw x0, x1, [x2, #8]
        (0xad41_0460, Read, "x3", 32, 32),   // ldp q0, q1, [x3, #32]
        (0x3d80_0420, Write, "x1", 16, 16),  // str q0, [x1, #16]
        (0xfd40_0420, Read, "x1", 8, 8),     // ldr d0, [x1, #8]
        (0x4c40_a000, Read, "x0", 0, 32),    // ld1 {v0.16b, v1.16b}, [x0]
        (0x0c00_7060, Write, "x3", 0, 8),    // st1 {v0.8b}, [x3]
        (0xc85f_7c20, Read, "x1", 0, 8),     // ldxr x0, [x1]
        (0x889f_fc20, Write, "x1", 0, 4),    // stlr w0, [x1]
        (0xc87f_8440, Read, "x2", 0, 16),    // ldaxp x0, x1, [x2]
        (0xc8df_fc20, Read, "x1", 0, 8),     // ldar x0, [x1]
        (0xf820_0041, Write, "x2", 0, 8),    // ldadd x0, x1, [x2]
        (0xb8e0_8041, Write, "x2", 0, 4),    // swpal w0, w1, [x2]
        (0xf8bf_c020, Read, "x1", 0, 8),     // ldapr x0, [x1]
        (0xc8a0_7c41, Write, "x2", 0, 8),    // cas x0, x1, [x2]
        (0x4820_7c82, Write, "x4", 0, 16),   // casp x0, x1, x2, x3, [x4]
        (0x0820_7c82, Write, "x4", 0, 8),    // casp w0, w1, w2, w3, [x4]
    ] {
        let found = operand(code).unwrap_or_else(|| panic!("{code:#x}"));
        assert_eq!((found.kind, name(found.base), found.offset, found.size), (kind, base, offset, size), "{code:#x}");
        assert_eq!(found.index, None, "{code:#x}");
    }
    let minus_two = u64::from(u32::MAX - 1);
    for (code, size, added) in [
        (0xf862_7820, 8, minus_two << 3),          // ldr x0, [x1, x2, lsl #3]
        (0xb862_d820, 4, (-8i64).cast_unsigned()), // ldr w0, [x1, w2, sxtw #2]
        (0x3862_6820, 1, minus_two),               // ldrb w0, [x1, x2]
        (0x3862_4820, 1, minus_two),               // ldrb w0, [x1, w2, uxtw]
        (0xbc62_7820, 4, minus_two << 2),          // ldr s0, [x1, x2, lsl #2]
    ] {
        let found = operand(code).unwrap_or_else(|| panic!("{code:#x}"));
        let index = found.index.unwrap();
        assert_eq!(
            (found.kind, name(found.base), name(index.register), found.size),
            (Read, "x1", "x2", size),
            "{code:#x}"
        );
        assert_eq!(index.added(minus_two), added, "{code:#x}");
    }
    // `prfm`, `add x0, x1, #1`, `blr x3`, `ldr x0, .`, `ldraa x0, [x1]`.
    for other in [0xf980_0000, 0x9100_0420, 0xd63f_0060, 0x5800_0000, 0xf820_0420] {
        assert_eq!(operand(other), None, "{other:#x}");
    }
}

#[test]
fn a_signal_frame_of_riscv_says_the_fault_by_its_siginfo() {
    let fault = super::cpu(Arch::Riscv64).signal_frame.fault;
    let frame = |code: u64| {
        move |at: Addr, _: usize| match at.0 - 0x1000 {
            0 => Some(11),
            8 => Some(code),
            16 => Some(0x30),
            _ => None,
        }
    };
    let found = fault(Addr(0x1000), &frame(1)).unwrap();
    assert_eq!((found.number, found.code, found.addr), (SIGSEGV, codes::SEGV_MAPERR, Addr(0x30)));
    assert_eq!(fault(Addr(0x1000), &frame(0)), None, "sent by kill");
}

#[test]
fn what_ends_a_thread_is_known_and_a_call_of_exit_is_not() {
    let exits = |arch| super::cpu(arch).unwind.exits;
    // glibc 2.36 and musl 1.2 after `call *%rax`; `mov $60, %eax` without a system call; `mov $15, %eax; syscall`.
    assert!(exits(Arch::X86_64)(&[0x89, 0xc7, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]));
    assert!(exits(Arch::X86_64)(&[0x89, 0xc7, 0x31, 0xc0, 0xb0, 60, 0x0f, 0x05, 0xf4]));
    assert!(!exits(Arch::X86_64)(&[0xb8, 60, 0, 0, 0, 0xe8, 0x0f, 0x05, 0, 0]));
    assert!(!exits(Arch::X86_64)(&[0xb8, 15, 0, 0, 0, 0x0f, 0x05]));
    assert!(exits(Arch::Aarch64)(&[0xa8, 0x0b, 0x80, 0xd2, 1, 0, 0, 0xd4]));
    assert!(!exits(Arch::Aarch64)(&[0x68, 0x11, 0x80, 0xd2, 1, 0, 0, 0xd4]));
    assert!(exits(Arch::Riscv64)(&[0x13, 0, 0, 0, 0x93, 0x08, 0xd0, 0x05, 0x73, 0, 0, 0]));
    assert!(!exits(Arch::Riscv64)(&[0x93, 0x08, 0xb0, 0x08, 0x73, 0, 0, 0]));
}

/// What instructions do, each as `objdump` shows it.
#[test]
fn effects_of_instructions() {
    use super::{Flow, Step, Value};
    let effect = |arch, code: &[u8]| super::cpu(arch).effect.unwrap()(code, Addr(0x1_2345)).unwrap();
    let arm = |word: u32| effect(Arch::Aarch64, &word.to_le_bytes());
    let set = |register, value| vec![Step::Set { register, value }];
    // adrp x0, +0x3000; add x0, x0, #0x18; sub sp, sp, #0x1, lsl #12; mov w1, wzr; mov x2, x3; mov w2, #-1; cmp x0, #1
    assert_eq!(arm(0xf000_0000).steps, set(0, Value::Constant(0x1_5000)));
    assert_eq!(arm(0x9100_6000).steps, set(0, Value::Sum(0, 0x18)));
    assert_eq!(arm(0xd140_07ff).steps, set(31, Value::Sum(31, -0x1000)));
    assert_eq!(arm(0x2a1f_03e1).steps, set(1, Value::Constant(0)));
    assert_eq!(arm(0xaa03_03e2).steps, set(2, Value::Sum(3, 0)));
    assert_eq!(arm(0x1280_0002).steps, set(2, Value::Constant(0xffff_ffff)));
    assert_eq!(arm(0xf100_041f).steps, []);
    // b.eq -8; tbnz w0, #3, +8; blr x1; br x1; retaa
    let flows = [0x54ff_ffc0u32, 0x3718_0040, 0xd63f_0020, 0xd61f_0020, 0xd65f_0bff].map(|word| arm(word).flow);
    let branches = [Flow::Branch(Addr(0x1_233d)), Flow::Branch(Addr(0x1_234d))];
    assert_eq!(flows, [branches[0], branches[1], Flow::Call, Flow::Indirect, Flow::Leaves]);
    // str x0, [sp, #-16]!; ldp x0, x1, [sp], #16; str x0, [x1, x2]
    let store = |base, offset, from| Step::Store { base, offset, size: 8, from: Some(from) };
    let moved = |added| Step::Set { register: 31, value: Value::Sum(31, added) };
    assert_eq!(arm(0xf81f_0fe0).steps, [moved(-16), store(Some(31), 0, 0)]);
    assert_eq!(arm(0xa8c1_07e0).steps, [Step::forget(0), Step::forget(1), moved(16)]);
    assert_eq!(arm(0xf822_6820).steps, [store(None, 0, 0)]);
    let long = |word: u32| effect(Arch::Riscv64, &word.to_le_bytes());
    let short = |half: u16| effect(Arch::Riscv64, &half.to_le_bytes());
    // auipc a0, 0x3; addi a0, a0, -8; lui a1, 0x80000; li a2, -1 (compressed); mv s0, a0; addi16sp -32; addi4spn a0, 8
    assert_eq!(long(0x0000_3517).steps, set(10, Value::Constant(0x1_5345)));
    assert_eq!(long(0xff85_0513).steps, set(10, Value::Sum(10, -8)));
    assert_eq!(long(0x8000_05b7).steps, set(11, Value::Constant(0xffff_ffff_8000_0000)));
    assert_eq!(short(0x567d).steps, set(12, Value::Constant(u64::MAX)));
    assert_eq!(short(0x842a).steps, set(8, Value::Sum(10, 0)));
    assert_eq!(short(0x7179).steps, set(2, Value::Sum(2, -48)));
    assert_eq!(short(0x0028).steps, set(10, Value::Sum(2, 8)));
    // beqz a0, +8; jal ra; j -4 (compressed); jr t1; ret (compressed)
    let flows = [long(0x0005_0463), long(0x0080_00ef), short(0xbff5), long(0x0003_0067), short(0x8082)].map(|e| e.flow);
    let jumps = [Flow::Branch(Addr(0x1_234d)), Flow::Jump(Addr(0x1_2341))];
    assert_eq!(flows, [jumps[0], Flow::Call, jumps[1], Flow::Indirect, Flow::Leaves]);
    // Nothing makes it fail.
    let mut word = 1u32;
    for _ in 0..200_000 {
        word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let half = (word >> 16) as u16;
        let _ = (arm(word), long(word | 3), short(if half & 3 == 3 { half ^ 1 } else { half }));
    }
}
