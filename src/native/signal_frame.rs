//! Signal frames as the Linux kernel lays them on the stack: the interrupted registers and the signal's cause.

use super::regfile::RegFile;
use crate::base::{Abi, Addr, Arch};
use crate::target::{Memory, MemoryExt as _, ReadError};

/// A signal delivered while the frames below it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveredSignal {
    /// `si_signo`.
    pub number: i32,
    /// `si_code`.
    pub code: i32,
    /// `si_addr`; meaningful for faults only.
    pub addr: Addr,
    /// x86 page-fault error code (bit 1 write, bit 4 instruction fetch) when the trap was a page fault.
    pub page_fault: Option<u64>,
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
/// `err`, `trapno` behind the 17 registers, `eflags` and four 16-bit selectors.
const X86_64_ERR: u64 = X86_64_MCONTEXT + 19 * 8;
const X86_64_TRAPNO: u64 = X86_64_ERR + 8;
const X86_TRAP_PAGE_FAULT: u64 = 14;
/// `siginfo` follows `ucontext` in `struct rt_sigframe`: 40 + sigcontext 256 + sigmask 8.
const X86_64_SIGINFO: u64 = 304;

/// Linux arch/arm64 `struct rt_sigframe`: siginfo 128 bytes, then ucontext with `uc_mcontext` at 176
/// (flags 8, link 8, stack 24, sigmask and padding 128, aligned to 16).
const AARCH64_MCONTEXT: u64 = 128 + 176;
const AARCH64_REGS: u64 = AARCH64_MCONTEXT + 8;

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

/// What `siginfo_t` and the machine context of the frame say of the signal. `regs` are those of the trampoline.
///
/// # Errors
/// [`ReadError`] when the stack there is not readable.
pub fn delivered(regs: &RegFile, memory: &dyn Memory, abi: &Abi) -> Result<DeliveredSignal, ReadError> {
    let sp = regs.sp().unwrap_or_default();
    let info = match abi.arch {
        Arch::X86_64 => sp.wrapping_add(X86_64_SIGINFO),
        _ => sp,
    };
    let int = |offset: u64| memory.read_int(abi, info.wrapping_add(offset), 4).map(|n| i32::try_from(n).unwrap_or(0));
    let page_fault = match abi.arch {
        Arch::X86_64 if memory.read_uint(abi, sp.wrapping_add(X86_64_TRAPNO), 8)? == X86_TRAP_PAGE_FAULT => {
            Some(memory.read_uint(abi, sp.wrapping_add(X86_64_ERR), 8)?)
        }
        _ => None,
    };
    Ok(DeliveredSignal {
        number: int(0)?,
        code: int(8)?,
        addr: memory.read_ptr(abi, info.wrapping_add(16))?,
        page_fault,
    })
}

impl DeliveredSignal {
    /// Whether the interrupted instruction itself caused the signal (a positive `si_code` of a fault signal), so that
    /// the interrupted frame is where the process died.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        const SIGILL: i32 = 4;
        const SIGTRAP: i32 = 5;
        const SIGBUS: i32 = 7;
        const SIGFPE: i32 = 8;
        const SIGSEGV: i32 = 11;
        self.code > 0 && matches!(self.number, SIGILL | SIGTRAP | SIGBUS | SIGFPE | SIGSEGV)
    }
}
