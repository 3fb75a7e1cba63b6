//! RISC-V, 64 bits (RV64GC as Linux distributions build for it).

use super::{AccessKind, Cpu, DeliveredFault, FrameRecord, ReadUint, SignalFrame, ThreadPointer, UnwindInfo};
use crate::base::{Addr, Arch};
use crate::os::linux::signals::{codes, has_fault_address};
use object::elf;

/// The table.
pub static CPU: Cpu = Cpu {
    arch: Arch::Riscv64,
    name: "riscv64",
    elf_machine: elf::EM_RISCV.0,
    tool_names: &["riscv64", "riscv64gc", "riscv:rv64"],
    shown: REGISTERS,
    // Linux arch/riscv/include/uapi/asm/ptrace.h, `struct user_regs_struct`.
    prstatus: REGISTERS,
    unknown_in_prstatus: &[],
    debugger: REGISTERS,
    // gdb's.
    aliases: &[("s0", "fp")],
    thread_pointer: ThreadPointer { register: Some("tp"), note: None, debugger: "tp" },
    // `ecall`.
    system_call: &[0x73, 0, 0, 0],
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
        arguments: &[10, 11, 12, 13, 14, 15],
        code_bits: 64,
        signs_return_addresses: false,
        // psABI, "Frame Pointer Convention": `s0` is the frame's end.
        frame_record: FrameRecord { saved: -16, return_address: -8, end: 0 },
        call_size: 4,
        follows_call,
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
        access,
    },
    minidump: None,
    mutex_size: 40,
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

/// What a load or store does to memory. Vector instructions share opcodes with those of floating point and go the same way.
fn access(code: &[u8]) -> Option<AccessKind> {
    let half = u32::from(u16::from_le_bytes(*code.first_chunk()?));
    if half & 3 != 3 {
        // 16 bits: quadrants 0 (register) and 2 (stack pointer); loads are funct3 1 to 3, stores 5 to 7.
        return match (half & 3, half >> 13) {
            (0 | 2, 1..=3) => Some(AccessKind::Read),
            (0 | 2, 5..=7) => Some(AccessKind::Write),
            _ => None,
        };
    }
    let word = u32::from_le_bytes(*code.first_chunk()?);
    match word & 0x7f {
        LOAD | LOAD_FP => Some(AccessKind::Read),
        STORE | STORE_FP => Some(AccessKind::Write),
        AMO if word >> 27 == LR => Some(AccessKind::Read),
        AMO => Some(AccessKind::Write),
        _ => None,
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
