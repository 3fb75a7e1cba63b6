//! ARM64.

mod effect;

use super::{
    AccessKind, ContextLayout, Cpu, DeliveredFault, Field, FrameRecord, Index, MinidumpCpu, Operand, ReadUint,
    SignalFrame, SystemCalls, ThreadPointer, Trap, UnwindInfo, with_x0_to_x30,
};
use crate::base::{Addr, Arch};
use crate::os::linux::signals::{SIGBUS, SIGSEGV, codes};
use object::elf;

/// The table.
pub static CPU: Cpu = Cpu {
    arch: Arch::Aarch64,
    name: "aarch64",
    // With LVA; the top byte may be a tag.
    address_bits: 56,
    elf_machine: elf::EM_AARCH64.0,
    host_arch: "arm64",
    tool_names: &["aarch64", "arm64"],
    shown: REGISTERS,
    // Linux arch/arm64/include/uapi/asm/ptrace.h, `struct user_pt_regs`.
    prstatus: REGISTERS,
    unknown_in_prstatus: &[],
    debugger: REGISTERS,
    // LLDB's, gdb's.
    aliases: &[("x29", "fp"), ("x30", "lr"), ("pstate", "cpsr")],
    thread_pointer: ThreadPointer {
        register: None,
        note: Some(elf::NT_ARM_TLS.0),
        debugger: "tpidr",
        descriptor: None,
    },
    // `svc #0`.
    system_call: &[0x01, 0x00, 0x00, 0xd4],
    system_calls: SystemCalls {
        number: "x8",
        number_again: "x8",
        arguments: ["x0", "x1", "x2", "x3"],
        futex: 98,
        restart: 128,
        number_code: None,
        sleeping: super::system_calls::GENERAL_SLEEPING,
    },
    fd_calls: super::fd_calls::GENERAL,
    unwind: UnwindInfo {
        arch: Arch::Aarch64,
        // "DWARF for the Arm 64-bit Architecture"; number 32 is used for `pc` as gimli does.
        names: with_x0_to_x30!("sp", "pc"),
        ip: 32,
        sp: 31,
        fp: 29,
        link: Some(30),
        callee_saved: &[19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
        arguments: &[0, 1, 2, 3, 4, 5, 6, 7],
        code_bits: 48,
        signs_return_addresses: true,
        frame_record: FrameRecord { saved: 0, return_address: 8, end: 16 },
        call_size: 4,
        follows_call,
        exits,
    },
    signal_frame: SignalFrame {
        // `mov x8, #139; svc #0` (`__kernel_rt_sigreturn` of the vDSO, musl's `__restore_rt`).
        trampolines: &[&[0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4]],
        // `fault_address` comes first.
        registers: MCONTEXT + 8,
        order: &[
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
            29, 30, 31, 32,
        ],
        fault,
        operand,
        trap,
    },
    minidump: Some(MinidumpCpu { ids: &[12, 0x8003], contexts: &[CONTEXT, BREAKPAD_CONTEXT] }),
    mutex_size: 48,
    effect: Some(effect::effect),
};

const REGISTERS: &[&str] = with_x0_to_x30!("sp", "pc", "pstate");

/// `ARM64_NT_CONTEXT` of winnt.h.
const CONTEXT: ContextLayout = ContextLayout {
    size: 912,
    flags: (0, 4),
    mark: 0x0040_0000,
    complete: 0x0040_0003,
    row: (8, with_x0_to_x30!("sp", "pc")),
    others: &[Field { name: "pstate", offset: 4, size: 4 }],
};

/// `MDRawContextARM64_Old` of Breakpad.
const BREAKPAD_CONTEXT: ContextLayout = ContextLayout {
    size: 796,
    flags: (0, 8),
    mark: 0x8000_0000,
    complete: 0x8000_0002,
    row: (8, with_x0_to_x30!("sp", "pc")),
    others: &[Field { name: "pstate", offset: 272, size: 4 }],
};

/// Linux arch/arm64 `struct rt_sigframe`: siginfo 128 bytes, then ucontext with `uc_mcontext` at 176
/// (flags 8, link 8, stack 24, sigmask and padding 128, aligned to 16).
const MCONTEXT: u64 = 128 + 176;
/// Extension records after `fault_address`, 31 registers, `sp`, `pc`, `pstate` (aligned to 16): magic, size, data.
const RECORDS: u64 = MCONTEXT + 288;
const RECORDS_SIZE: u64 = 4096;
/// `ESR_MAGIC`: exception syndrome of a fault.
const ESR_MAGIC: u64 = 0x4553_5201;

/// `ESR_EL1` (Arm ARM, D17.2.37) of the record that the kernel writes for faults, and `fault_address`.
fn fault(sp: Addr, read: &ReadUint<'_>) -> Option<DeliveredFault> {
    let addr = Addr(read(sp.wrapping_add(MCONTEXT), 8)?);
    let mut at = 0u64;
    let syndrome = loop {
        let record = sp.wrapping_add(RECORDS).wrapping_add(at);
        let (magic, size) = (read(record, 4)?, read(record.wrapping_add(4), 4)?);
        if magic == ESR_MAGIC {
            break read(record.wrapping_add(8), 8)?;
        }
        at = at.saturating_add(size);
        if magic == 0 || size < 8 || at >= RECORDS_SIZE {
            return None;
        }
    };
    let (class, write, status) = ((syndrome >> 26) & 0x3f, syndrome & (1 << 6) != 0, syndrome & 0x3f);
    let access = match class {
        0x20 | 0x21 => AccessKind::Execute,
        0x24 | 0x25 if write => AccessKind::Write,
        0x24 | 0x25 => AccessKind::Read,
        _ => return None,
    };
    let (number, code) = match status {
        0x04..=0x07 => (SIGSEGV, codes::SEGV_MAPERR),
        0x08..=0x0f => (SIGSEGV, codes::SEGV_ACCERR),
        0x21 => (SIGBUS, codes::BUS_ADRALN),
        _ => (SIGSEGV, codes::SEGV_MAPERR),
    };
    Some(DeliveredFault { number, code, addr, access: Some(access) })
}

/// `count` bits of an instruction from bit `low` on.
const fn bits(word: u32, low: u32, count: u32) -> u32 {
    (word >> low) & ((1 << count) - 1)
}

/// A field of `count` bits that has a sign.
const fn signed(word: u32, low: u32, count: u32) -> i64 {
    ((bits(word, low, count) << (32 - count)).cast_signed() >> (32 - count)) as i64
}

/// The operand of a load or store (Arm ARM, C4.1.94 "Loads and Stores"). Not decoded, and so not told: tags (MTE), SVE, `LDRA*`, the
/// copies of FEAT_MOPS, single elements of vectors, prefetches.
fn operand(code: &[u8]) -> Option<Operand> {
    let word = u32::from_le_bytes(*code.first_chunk()?);
    match (bits(word, 27, 3), bits(word, 24, 2), bits(word, 26, 1) == 1) {
        (0b001, 0b00, false) => exclusive(word),
        (0b001, 0b00, true) => vectors(word),
        (0b101, 0b00 | 0b01, is_vector) => pair(word, is_vector),
        (0b111, 0b00 | 0b01, is_vector) => single(word, is_vector),
        _ => None,
    }
}

/// What is at the address in a register, 31 being the stack pointer.
fn at(word: u32, is_load: bool, offset: i64, size: u64) -> Operand {
    let kind = if is_load { AccessKind::Read } else { AccessKind::Write };
    // Five bits.
    let base = u16::try_from(bits(word, 5, 5)).unwrap_or_default();
    Operand { kind, base, offset, index: None, size }
}

/// `LDXR`, `STLR`, `CAS` and their kin.
fn exclusive(word: u32) -> Option<Operand> {
    let (size, is_ordered, is_load, is_pair) =
        (bits(word, 30, 2), bits(word, 23, 1) == 1, bits(word, 22, 1) == 1, bits(word, 21, 1) == 1);
    let one = 1u64 << size;
    Some(match (is_ordered, is_pair) {
        (false, false) | (true, false) => at(word, is_load, 0, one),
        // CAS, which may store.
        (true, true) => at(word, false, 0, one),
        (false, true) if size >= 2 => at(word, is_load, 0, one << 1),
        // CASP.
        (false, true) => at(word, false, 0, 8u64 << (size & 1)),
    })
}

/// `LD1` to `LD4` and `ST1` to `ST4` of whole registers.
fn vectors(word: u32) -> Option<Operand> {
    let registers = match bits(word, 12, 4) {
        0b0000 | 0b0010 => 4,
        0b0100 | 0b0110 => 3,
        0b1000 | 0b1010 => 2,
        0b0111 => 1,
        _ => return None,
    };
    let size = 8u64 << bits(word, 30, 1);
    (bits(word, 31, 1) == 0).then(|| at(word, bits(word, 22, 1) == 1, 0, size.saturating_mul(registers)))
}

/// `LDP`, `STP`, `LDNP`, `STNP`, `LDPSW`.
fn pair(word: u32, is_vector: bool) -> Option<Operand> {
    let (opc, mode, is_load) = (bits(word, 30, 2), bits(word, 23, 2), bits(word, 22, 1) == 1);
    let scale = match (is_vector, opc) {
        (true, 0..=2) => opc.saturating_add(2),
        (false, 0) => 2,
        // LDPSW; the store is of tags.
        (false, 1) if is_load && mode != 0 => 2,
        (false, 2) => 3,
        _ => return None,
    };
    let offset = if mode == 1 { 0 } else { signed(word, 15, 7) << scale };
    Some(at(word, is_load, offset, 2u64 << scale))
}

/// One register.
fn single(word: u32, is_vector: bool) -> Option<Operand> {
    let (size, opc) = (bits(word, 30, 2), bits(word, 22, 2));
    if !is_vector && bits(word, 24, 1) == 0 && bits(word, 21, 1) == 1 && bits(word, 10, 2) == 0 {
        // Atomic operations, of which `LDAPR` only loads.
        return Some(at(word, bits(word, 12, 4) == 0b1100, 0, 1u64 << size));
    }
    let (scale, is_load) = match (is_vector, size, opc) {
        // Scale 4 has no other sizes.
        (true, 1..=3, 2..=3) => return None,
        (true, _, _) => (((opc >> 1) << 2) | size, opc & 1 == 1),
        // PRFM, and what is not allocated.
        (false, 3, 2..=3) | (false, 2, 3) => return None,
        (false, _, _) => (size, opc != 0),
    };
    let bytes = 1u64 << scale;
    if bits(word, 24, 1) == 1 {
        return Some(at(word, is_load, i64::from(bits(word, 10, 12)) << scale, bytes));
    }
    match (bits(word, 21, 1), bits(word, 10, 2)) {
        // After the access the offset is added.
        (0, 0b01) => Some(at(word, is_load, 0, bytes)),
        (0, _) => Some(at(word, is_load, signed(word, 12, 9), bytes)),
        (1, 0b10) => {
            let option = bits(word, 13, 3);
            let register = u16::try_from(bits(word, 16, 5)).ok()?;
            let shift = if bits(word, 12, 1) == 1 { scale } else { 0 };
            let index = Index { register, bits: if option & 1 == 1 { 64 } else { 32 }, signed: option & 4 != 0, shift };
            // Number 31 is zero here; other extensions are not allocated.
            let plain = at(word, is_load, 0, bytes);
            (option & 2 != 0).then_some(if register == 31 { plain } else { Operand { index: Some(index), ..plain } })
        }
        _ => None,
    }
}

/// `BRK` and `UDF` (Arm ARM, C6.2).
fn trap(code: &[u8]) -> Option<Trap> {
    let word = u32::from_le_bytes(*code.first_chunk()?);
    match word {
        _ if word & 0xffe0_001f == 0xd420_0000 => Some(Trap::Breakpoint),
        _ if word >> 16 == 0 => Some(Trap::Undefined),
        _ => None,
    }
}

/// `BL`, `BLR` and the authenticating `BLRA*` (Arm ARM, C4.1.66).
fn follows_call(code: &[u8]) -> bool {
    let Some(code) = code.last_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes)) else { return false };
    code & 0xfc00_0000 == 0x9400_0000 || code & 0xffff_fc1f == 0xd63f_0000 || code & 0xfeff_f800 == 0xd63f_0800
}

/// `mov x8, #93; svc #0` (`clone` of glibc and musl, where the function that a thread runs returns to).
fn exits(code: &[u8]) -> bool {
    code.windows(8).step_by(4).any(|window| window == [0xa8, 0x0b, 0x80, 0xd2, 0x01, 0, 0, 0xd4])
}
