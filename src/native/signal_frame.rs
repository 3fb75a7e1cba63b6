//! Signal frames as the Linux kernel lays them on the stack: the interrupted registers and the signal's cause.

use super::regfile::RegFile;
use super::x86_64::{self, instruction::Code};
use crate::arch::{self, AccessKind, DeliveredFault};
use crate::base::{Abi, Addr, Arch};
use crate::debuggee::{Memory, MemoryExt as _, ReadError};
use crate::os::linux::signals::{self, codes};

/// Whether `ip` is at a signal trampoline, by its code.
#[must_use]
pub fn is_trampoline(memory: &dyn Memory, arch: Arch, ip: Addr) -> bool {
    let starts = |code: &[u8]| {
        let mut buf = [0u8; 16];
        let Some(buf) = buf.get_mut(..code.len()) else { return false };
        memory.read(ip, buf).is_ok() && *buf == *code
    };
    arch::cpu(arch).signal_frame.trampolines.iter().any(|code| starts(code))
}

/// The registers at the moment of the signal, read from the frame the kernel pushed. `regs` are those of the
/// trampoline itself.
///
/// # Errors
/// [`ReadError`] when the stack there is not readable.
pub fn interrupted(regs: &RegFile, memory: &dyn Memory, abi: &Abi) -> Result<RegFile, ReadError> {
    let frame = &arch::cpu(abi.arch).signal_frame;
    let sp = regs.sp().unwrap_or_default();
    let mut out = RegFile::empty(regs.info());
    let size = (frame.order.len() as u64).saturating_mul(8);
    let context = memory.read_vec(sp.wrapping_add(frame.registers), size)?;
    for (number, bytes) in frame.order.iter().zip(context.chunks_exact(8)) {
        out.set(*number, abi.uint(bytes));
    }
    Ok(out)
}

/// The fault behind the signal, as far as the kernel keeps it in the frame. `regs` are those of the trampoline; `None` for a
/// signal that was sent, and where the stack is not readable.
#[must_use]
pub fn fault(regs: &RegFile, memory: &dyn Memory, abi: &Abi) -> Option<DeliveredFault> {
    let read = |at: Addr, width: usize| memory.read_uint(abi, at, u8::try_from(width).ok()?).ok();
    let fault = (arch::cpu(abi.arch).signal_frame.fault)(regs.sp()?, &read)?;
    let page_fault = fault.number == signals::SIGSEGV && fault.code != codes::SI_KERNEL;
    let stale = page_fault && fault.access != Some(AccessKind::Execute) && !can_touch(regs, memory, abi, fault.addr);
    (!stale).then_some(fault)
}

/// Whether the interrupted instruction can have touched `addr`: after a fault that a handler has dealt with, its trap stays
/// there for signals that come later. True where the instruction is not known.
fn can_touch(regs: &RegFile, memory: &dyn Memory, abi: &Abi, addr: Addr) -> bool {
    /// Operands of some instructions have no fixed size.
    const REACH: u64 = 4096;
    let Ok(regs) = interrupted(regs, memory, abi) else { return true };
    let code = regs.ip().filter(|_| x86_64::is_of(abi)).and_then(|ip| Code::at(memory, ip));
    let Some(code) = code else { return true };
    let known = code.accesses(&regs, None);
    code.uses_local_storage() || known.iter().any(|access| addr.0.wrapping_sub(access.addr.0) < REACH)
}
