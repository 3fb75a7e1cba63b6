//! Signal frames as the Linux kernel lays them on the stack: the interrupted registers and the signal's cause.

use super::instruction::{AccessKind, Code};
use super::regfile::RegFile;
use crate::base::{Abi, Addr, Arch};
use crate::debuggee::{Memory, MemoryExt as _, ReadError};

/// A fault that a signal was delivered for while the frames below it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveredFault {
    /// Signal number that the kernel gives for it.
    pub number: i32,
    /// `si_code` likewise.
    pub code: i32,
    /// Address of a memory access, or of the instruction.
    pub addr: Addr,
    /// What the access was, where the processor told.
    pub access: Option<AccessKind>,
}

/// x86-64: `mov $15, %rax; syscall` (`__restore_rt` of glibc and musl, also with 32-bit `mov $15, %eax`).
const X86_64_TRAMPOLINES: [&[u8]; 2] =
    [&[0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05], &[0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05]];
/// aarch64: `mov x8, #139; svc #0` (`__kernel_rt_sigreturn` of the vDSO, musl's `__restore_rt`).
const AARCH64_TRAMPOLINE: [u8; 8] = [0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4];

/// Linux arch/x86/include/uapi/asm/sigcontext.h `struct sigcontext_64`: DWARF numbers in the order of the struct.
const X86_64_ORDER: [u16; 17] = [8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16];
/// `uc_mcontext` in `struct ucontext` (flags 8, link 8, stack 24).
const X86_64_MCONTEXT: u64 = 40;
/// `err`, `trapno`, `oldmask`, `cr2` behind the 17 registers, `eflags` and four 16-bit selectors.
const X86_64_ERR: u64 = X86_64_MCONTEXT + 19 * 8;
const X86_64_TRAPNO: u64 = X86_64_ERR + 8;
const X86_64_CR2: u64 = X86_64_TRAPNO + 16;
/// x86 page-fault error code (Intel SDM vol. 3, 4.7).
const PF_PRESENT: u64 = 1;
const PF_WRITE: u64 = 1 << 1;
const PF_FETCH: u64 = 1 << 4;

/// Linux arch/arm64 `struct rt_sigframe`: siginfo 128 bytes, then ucontext with `uc_mcontext` at 176
/// (flags 8, link 8, stack 24, sigmask and padding 128, aligned to 16).
const AARCH64_MCONTEXT: u64 = 128 + 176;
const AARCH64_REGS: u64 = AARCH64_MCONTEXT + 8;
/// Extension records behind `fault_address`, 31 registers, `sp`, `pc`, `pstate` (aligned to 16): magic, size, data.
const AARCH64_RECORDS: u64 = AARCH64_MCONTEXT + 288;
const AARCH64_RECORDS_SIZE: u64 = 4096;
/// `ESR_MAGIC`: exception syndrome of a fault.
const ESR_MAGIC: u64 = 0x4553_5201;

/// Signal numbers and codes (include/uapi/asm-generic/signal.h, siginfo.h).
const SIGILL: i32 = 4;
const SIGTRAP: i32 = 5;
const SIGBUS: i32 = 7;
const SIGFPE: i32 = 8;
const SIGSEGV: i32 = 11;
const SI_KERNEL: i32 = 0x80;
const MAPERR: i32 = 1;
const ACCERR: i32 = 2;

/// Whether `ip` stands at a signal trampoline, by its code.
#[must_use]
pub fn is_trampoline(memory: &dyn Memory, arch: Arch, ip: Addr) -> bool {
    let starts = |code: &[u8]| {
        let mut buf = [0u8; 9];
        let Some(buf) = buf.get_mut(..code.len()) else { return false };
        memory.read(ip, buf).is_ok() && *buf == *code
    };
    match arch {
        Arch::X86_64 => X86_64_TRAMPOLINES.iter().any(|t| starts(t)),
        Arch::Aarch64 => starts(&AARCH64_TRAMPOLINE),
        Arch::X86 | Arch::Arm => false,
    }
}

/// The registers at the moment of the signal, read from the frame the kernel pushed. `regs` are those of the
/// trampoline itself.
///
/// # Errors
/// [`ReadError`] when the stack there is not readable.
pub fn interrupted(regs: &RegFile, memory: &dyn Memory, abi: &Abi) -> Result<RegFile, ReadError> {
    let sp = regs.sp().unwrap_or_default();
    let mut out = RegFile::empty(regs.info());
    match abi.arch {
        Arch::X86_64 => {
            let context = memory.read_array::<{ 17 * 8 }>(sp.wrapping_add(X86_64_MCONTEXT))?;
            for (number, bytes) in X86_64_ORDER.iter().zip(context.chunks_exact(8)) {
                out.set(*number, abi.uint(bytes));
            }
        }
        _ => {
            // regs[31], sp, pc in DWARF order.
            let context = memory.read_array::<{ 33 * 8 }>(sp.wrapping_add(AARCH64_REGS))?;
            for (number, bytes) in (0u16..).zip(context.chunks_exact(8)) {
                out.set(number, abi.uint(bytes));
            }
        }
    }
    Ok(out)
}

/// The fault behind the signal, from the trap that the processor reported, which the kernel keeps in the machine
/// context. (`siginfo_t` is there only for handlers that ask for it; faulthandler's did not.) `regs` are those of the
/// trampoline; `None` for a signal that was sent, and where the stack is not readable.
#[must_use]
pub fn fault(regs: &RegFile, memory: &dyn Memory, abi: &Abi) -> Option<DeliveredFault> {
    let sp = regs.sp()?;
    match abi.arch {
        Arch::X86_64 => x86_64_fault(regs, memory, abi),
        Arch::Aarch64 => aarch64_fault(sp, memory, abi),
        Arch::X86 | Arch::Arm => None,
    }
}

/// Trap numbers (Intel SDM vol. 3, table 6-1) and what arch/x86/kernel/traps.c makes of them.
fn x86_64_fault(regs: &RegFile, memory: &dyn Memory, abi: &Abi) -> Option<DeliveredFault> {
    let sp = regs.sp()?;
    let word = |offset: u64| memory.read_uint(abi, sp.wrapping_add(offset), 8).ok();
    let (error, trap) = (word(X86_64_ERR)?, word(X86_64_TRAPNO)?);
    let ip = Addr(word(X86_64_MCONTEXT + 16 * 8)?);
    // The trap of an earlier fault stays there when a signal is sent later: then a system call was interrupted.
    let before = ip.checked_sub(2).and_then(|at| memory.read_array::<2>(at).ok());
    if before == Some([0x0f, 0x05]) {
        return None;
    }
    if trap == 14 && error & PF_FETCH == 0 && !can_touch(regs, memory, abi, ip, Addr(word(X86_64_CR2)?)) {
        return None;
    }
    let at_ip = |number, code| Some(DeliveredFault { number, code, addr: ip, access: None });
    match trap {
        // Zero is also what a thread starts with.
        0 if is_division(memory, ip) => at_ip(SIGFPE, 1),
        3 => at_ip(SIGTRAP, 1),
        6 => at_ip(SIGILL, 2),
        12 => Some(DeliveredFault { number: SIGBUS, code: SI_KERNEL, addr: Addr::NULL, access: None }),
        13 => Some(DeliveredFault { number: SIGSEGV, code: SI_KERNEL, addr: Addr::NULL, access: None }),
        14 => {
            let access = match error {
                e if e & PF_FETCH != 0 => AccessKind::Execute,
                e if e & PF_WRITE != 0 => AccessKind::Write,
                _ => AccessKind::Read,
            };
            let code = if error & PF_PRESENT == 0 { MAPERR } else { ACCERR };
            Some(DeliveredFault { number: SIGSEGV, code, addr: Addr(word(X86_64_CR2)?), access: Some(access) })
        }
        16 | 19 => at_ip(SIGFPE, 3),
        17 => at_ip(SIGBUS, 1),
        _ => None,
    }
}

/// Whether the interrupted instruction can have touched `addr`: after a fault that a handler has dealt with, its trap
/// stays there for signals that come later. True where the instruction is not known.
fn can_touch(regs: &RegFile, memory: &dyn Memory, abi: &Abi, ip: Addr, addr: Addr) -> bool {
    /// Operands of some instructions have no fixed size.
    const REACH: u64 = 4096;
    let Ok(regs) = interrupted(regs, memory, abi) else { return true };
    let Some(code) = Code::at(memory, ip) else { return true };
    let known = code.accesses(&regs, None);
    code.uses_local_storage() || known.iter().any(|access| addr.0.wrapping_sub(access.addr.0) < REACH)
}

fn is_division(memory: &dyn Memory, ip: Addr) -> bool {
    Code::at(memory, ip).is_some_and(|code| code.is_division())
}

/// `ESR_EL1` (Arm ARM, D17.2.37) of the record that the kernel writes for faults, and `fault_address`.
fn aarch64_fault(sp: Addr, memory: &dyn Memory, abi: &Abi) -> Option<DeliveredFault> {
    let addr = memory.read_ptr(abi, sp.wrapping_add(AARCH64_MCONTEXT)).ok()?;
    let mut at = 0u64;
    let syndrome = loop {
        let record = sp.wrapping_add(AARCH64_RECORDS).wrapping_add(at);
        let (magic, size) =
            (memory.read_uint(abi, record, 4).ok()?, memory.read_uint(abi, record.wrapping_add(4), 4).ok()?);
        if magic == ESR_MAGIC {
            break memory.read_uint(abi, record.wrapping_add(8), 8).ok()?;
        }
        at = at.saturating_add(size);
        if magic == 0 || size < 8 || at >= AARCH64_RECORDS_SIZE {
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
        0x04..=0x07 => (SIGSEGV, MAPERR),
        0x08..=0x0f => (SIGSEGV, ACCERR),
        0x21 => (SIGBUS, 1),
        _ => (SIGSEGV, MAPERR),
    };
    Some(DeliveredFault { number, code, addr, access: Some(access) })
}
