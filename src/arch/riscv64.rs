//! RISC-V, 64 bits (RV64GC as Linux distributions build for it).

mod effect;

use super::{
    AccessKind, Cpu, DeliveredFault, FrameRecord, Operand, ReadUint, SignalFrame, SystemCalls, ThreadPointer, Trap,
    UnwindInfo,
};
use crate::base::{Addr, Arch};
use crate::os::linux::signals::{codes, has_fault_address};
use object::elf;

/// The table.
pub static CPU: Cpu = Cpu {
    arch: Arch::Riscv64,
    name: "riscv64",
    // Sv57.
    address_bits: 56,
    elf_machine: elf::EM_RISCV.0,
    host_arch: "riscv64",
    tool_names: &["riscv64", "riscv64gc", "riscv:rv64"],
    shown: REGISTERS,
    // Linux arch/riscv/include/uapi/asm/ptrace.h, `struct user_regs_struct`.
    prstatus: REGISTERS,
    unknown_in_prstatus: &[],
    debugger: REGISTERS,
    // gdb's.
    aliases: &[("s0", "fp")],
    thread_pointer: ThreadPointer { register: Some("tp"), note: None, debugger: "tp", descriptor: None },
    // `ecall`.
    system_call: &[0x73, 0, 0, 0],
    system_calls: SystemCalls {
        number: "a7",
        number_again: "a7",
        arguments: ["a0", "a1", "a2", "a3"],
        futex: 98,
        restart: 128,
        number_code: None,
        sleeping: super::system_calls::GENERAL_SLEEPING,
    },
    fd_calls: super::fd_calls::GENERAL,
    unwind: UnwindInfo {
        arch: Arch::Riscv64,
        // "RISC-V DWARF Specification": `x0` to `x31` by their psABI names; `pc` has no number there and the slot 32 here.
        names: &[
            "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
            "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6", "pc",
        ],
        ip: 32,
        sp: 2,
        fp: 8,
        link: Some(1),
        callee_saved: &[8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27],
        arguments: &[10, 11, 12, 13, 14, 15, 16, 17],
        code_bits: 64,
        signs_return_addresses: false,
        // psABI, "Frame Pointer Convention": `s0` is the frame's end.
        frame_record: FrameRecord { saved: -16, return_address: -8, end: 0 },
        call_size: 4,
        follows_call,
        exits,
    },
    signal_frame: SignalFrame {
        // `li a7, 139; ecall` (`__vdso_rt_sigreturn`).
        trampolines: &[&[0x93, 0x08, 0xb0, 0x08, 0x73, 0, 0, 0]],
        // Linux arch/riscv/kernel/signal.c `struct rt_sigframe`: siginfo 128 bytes, then ucontext with `uc_mcontext` at 176
        // (flags 8, link 8, stack 24, sigmask and padding 128, aligned to 16).
        registers: 128 + 176,
        order: &[
            32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
            29, 30, 31,
        ],
        fault,
        operand,
        trap,
    },
    minidump: None,
    mutex_size: 40,
    effect: Some(effect::effect),
};

const REGISTERS: &[&str] = &[
    "pc", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "s2",
    "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
];

/// The frame keeps no cause of the trap, but always `siginfo_t` (`asm-generic/siginfo.h`, 64 bits: si_signo, si_errno,
/// si_code, si_addr at 16).
fn fault(sp: Addr, read: &ReadUint<'_>) -> Option<DeliveredFault> {
    let int = |offset: u64| Some(u32::try_from(read(sp.wrapping_add(offset), 4)?).ok()?.cast_signed());
    let (number, code, addr) = (int(0)?, int(8)?, Addr(read(sp.wrapping_add(16), 8)?));
    let located = code != codes::SI_KERNEL && has_fault_address(number, code);
    located.then_some(DeliveredFault { number, code, addr, access: None })
}

/// The low 7 bits of an instruction of 32 bits ("RISC-V Instruction Set Manual, volume I", table of base opcodes).
const LOAD: u32 = 0x03;
const LOAD_FP: u32 = 0x07;
const STORE: u32 = 0x23;
const STORE_FP: u32 = 0x27;
const AMO: u32 = 0x2f;
const JALR: u32 = 0x67;
const JAL: u32 = 0x6f;
/// `funct5` of `lr`, the only one of AMO that does not write.
const LR: u32 = 0x02;
/// DWARF number of the stack pointer.
const SP: u16 = 2;

/// `width` bits of `word` from bit `low` on, moved to bit `to`.
const fn bits(word: u32, low: u32, width: u32, to: u32) -> u32 {
    ((word >> low) & ((1 << width) - 1)) << to
}

/// The operand of a load or store of the base, floating-point, atomic and compressed sets.
fn operand(code: &[u8]) -> Option<Operand> {
    let half = u32::from(u16::from_le_bytes(*code.first_chunk()?));
    if half & 3 != 3 { compressed(half) } else { long(u32::from_le_bytes(*code.first_chunk()?)) }
}

/// Of 32 bits.
fn long(word: u32) -> Option<Operand> {
    // The sign is bit 31 in both forms of the offset.
    let signed = |offset: u32| i64::from((offset << 20).cast_signed() >> 20);
    let (of_load, of_store) = (bits(word, 20, 12, 0), bits(word, 25, 7, 5) | bits(word, 7, 5, 0));
    let funct3 = bits(word, 12, 3, 0);
    // Other widths of the floating-point opcodes are vector instructions.
    let is_scalar = matches!(funct3, 1..=4);
    let (kind, offset) = match word & 0x7f {
        LOAD => (AccessKind::Read, signed(of_load)),
        LOAD_FP if is_scalar => (AccessKind::Read, signed(of_load)),
        STORE => (AccessKind::Write, signed(of_store)),
        STORE_FP if is_scalar => (AccessKind::Write, signed(of_store)),
        AMO if word >> 27 == LR => (AccessKind::Read, 0),
        AMO => (AccessKind::Write, 0),
        _ => return None,
    };
    let base = u16::try_from(bits(word, 15, 5, 0)).ok()?;
    Some(Operand { kind, base, offset, index: None, size: 1 << (funct3 & 3) })
}

/// Of 16 bits: quadrants 0 (a register of `x8` to `x15`) and 2 (the stack pointer); `funct3` 1 to 3 load, 5 to 7 store, 2 and 6
/// a word, the others two.
fn compressed(half: u32) -> Option<Operand> {
    let funct3 = half >> 13;
    let (kind, is_word) = match funct3 {
        1..=3 => (AccessKind::Read, funct3 == 2),
        5..=7 => (AccessKind::Write, funct3 == 6),
        _ => return None,
    };
    let size = if is_word { 4 } else { 8 };
    let (base, offset) = match (half & 3, is_word, kind) {
        (0, true, _) => (None, bits(half, 10, 3, 3) | bits(half, 6, 1, 2) | bits(half, 5, 1, 6)),
        (0, false, _) => (None, bits(half, 10, 3, 3) | bits(half, 5, 2, 6)),
        (2, true, AccessKind::Read) => (Some(SP), bits(half, 12, 1, 5) | bits(half, 4, 3, 2) | bits(half, 2, 2, 6)),
        (2, false, AccessKind::Read) => (Some(SP), bits(half, 12, 1, 5) | bits(half, 5, 2, 3) | bits(half, 2, 3, 6)),
        (2, true, _) => (Some(SP), bits(half, 9, 4, 2) | bits(half, 7, 2, 6)),
        (2, false, _) => (Some(SP), bits(half, 10, 3, 3) | bits(half, 7, 3, 6)),
        _ => return None,
    };
    let base = base.or_else(|| u16::try_from(bits(half, 7, 3, 0)).ok()?.checked_add(8))?;
    Some(Operand { kind, base, offset: i64::from(offset), index: None, size })
}

/// `ebreak`, `c.ebreak`, and zeros, which are illegal by definition.
fn trap(code: &[u8]) -> Option<Trap> {
    let half = u16::from_le_bytes(*code.first_chunk()?);
    let is_long = || code.first_chunk().is_some_and(|word| u32::from_le_bytes(*word) == 0x0010_0073);
    match half {
        0 => Some(Trap::Undefined),
        0x9002 => Some(Trap::Breakpoint),
        _ => is_long().then_some(Trap::Breakpoint),
    }
}

/// `jal ra` and `jalr ra` (32 bits), `c.jalr` (16 bits).
fn follows_call(code: &[u8]) -> bool {
    let long = code.last_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let short = code.last_chunk::<2>().map_or(0, |bytes| u16::from_le_bytes(*bytes));
    let to_ra = long & 0xf80 == 1 << 7;
    let calls = to_ra && (long & 0x7f == JAL || long & 0x707f == JALR);
    calls || (short & 0xf07f == 0x9002 && short & 0xf80 != 0)
}

/// `li a7, 93; ecall` (glibc's `clone`, where the function that a thread runs returns to).
fn exits(code: &[u8]) -> bool {
    code.windows(8).step_by(2).any(|window| window == [0x93, 0x08, 0xd0, 0x05, 0x73, 0, 0, 0])
}
