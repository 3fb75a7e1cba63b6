//! The fault that an instruction must raise: what happened first where the signal itself was sent, or tells nothing.
//!
//! A handler that passes a signal on with `raise()` or `kill()` while it is blocked returns first, and the signal is
//! delivered at the instruction that had faulted: the dump then says that the signal was sent.

use super::facts::Facts;
use super::memory_access::{codes, is_canonical, operands, signals};
use crate::arch;
use crate::arch::{AccessKind, Trap};
use crate::base::{Addr, Os};
use crate::debuggee::{MemoryExt as _, Segment, SignalInfo, SourceKind};
use crate::native::regfile::RegFile;
use crate::native::x86_64::instruction::{Code, MemoryAccess};
use crate::os::NULL_AREA;

/// A fault that was not reported, but must have been there.
#[derive(Clone, Debug)]
pub(super) struct Derived {
    /// The signal as the kernel would have sent it.
    pub signal: SignalInfo,
    /// What the access was.
    pub access: Option<AccessKind>,
}

/// The fault of the instruction that the thread stands at; `None` where the instruction can be run as far as is known,
/// after a system call, and on other systems than Linux.
pub(super) fn at_instruction(facts: &Facts<'_>, registers: &RegFile, tls: Option<Addr>) -> Option<Derived> {
    let target = facts.target;
    if target.abi.os != Os::Linux || is_after_system_call(facts, registers) {
        return None;
    }
    let ip = registers.ip()?;
    let fault = |number, code, addr, access| {
        let signal = SignalInfo { number, code: Some(code), fault_addr: addr, ..SignalInfo::default() };
        Some(Derived { signal, access })
    };
    let module = target.module_at(ip);
    // Debuggers leave out the pages that the vDSO reads, and rights to execute.
    if module.is_some_and(|m| m.file_name().contains("vdso")) {
        return None;
    }
    // A core has the rights of data as they were.
    let data = |s: &Segment| s.protection.write && target.source == SourceKind::ElfCore;
    let trusted = module.is_none() || facts.segment(ip).is_some_and(data);
    if let Some(code) = refused(facts, ip, AccessKind::Execute).filter(|_| trusted) {
        return fault(signals::SIGSEGV, code, Some(ip), Some(AccessKind::Execute));
    }
    let (code, accesses) = operands(target, ip, registers, tls);
    if code.as_ref().and_then(|code| code.divisor(registers)).is_some_and(|d| d.value == 0) {
        return fault(signals::SIGFPE, codes::FPE_INTDIV, Some(ip), None);
    }
    if code.as_ref().is_some_and(Code::is_trap) {
        return fault(signals::SIGILL, codes::ILL_ILLOPN, Some(ip), None);
    }
    let goes_to = code.and_then(|code| code.goes_to(registers, &accesses, &target.memory, &target.abi));
    if goes_to.is_some_and(|at| !is_canonical(at)) {
        return fault(signals::SIGSEGV, codes::SI_KERNEL, None, None);
    }
    match plain_trap(facts, ip) {
        Some(Trap::Breakpoint) => return fault(signals::SIGTRAP, codes::TRAP_BRKPT, Some(ip), None),
        Some(Trap::Undefined) => return fault(signals::SIGILL, codes::ILL_ILLOPC, Some(ip), None),
        None => {}
    }
    accesses.iter().find_map(|access| {
        let (at, why) = inaccessible(facts, access)?;
        let at = (why != codes::SI_KERNEL).then_some(at);
        fault(signals::SIGSEGV, why, at, Some(access.kind))
    })
}

/// The trap that the thread stands at, on processors that are plain enough to do without a decoder.
fn plain_trap(facts: &Facts<'_>, ip: Addr) -> Option<Trap> {
    let memory = &facts.target.memory;
    let code = memory.read_vec(ip, 4).or_else(|_| memory.read_vec(ip, 2)).ok()?;
    (arch::cpu(facts.target.abi.arch).signal_frame.trap)(&code)
}

/// Whether the thread has just come back from the kernel, so that a signal that it sent to itself finds it there.
pub(super) fn is_after_system_call(facts: &Facts<'_>, registers: &RegFile) -> bool {
    let call = arch::cpu(facts.target.abi.arch).system_call;
    let before = registers.ip().and_then(|ip| ip.checked_sub(call.len() as u64));
    before.and_then(|at| facts.target.memory.read_vec(at, call.len() as u64).ok()).is_some_and(|code| code == call)
}

/// The first byte of an operand that cannot be used, and the `si_code` that it gives.
fn inaccessible(facts: &Facts<'_>, access: &MemoryAccess) -> Option<(Addr, i32)> {
    if !is_canonical(access.addr) {
        return Some((access.addr, codes::SI_KERNEL));
    }
    let last = access.addr.wrapping_add(access.size.saturating_sub(1));
    [access.addr, last].into_iter().find_map(|at| Some((at, refused(facts, at, access.kind)?)))
}

/// `si_code` of an access that the process's mappings do not allow.
fn refused(facts: &Facts<'_>, at: Addr, kind: AccessKind) -> Option<i32> {
    let Some(segment) = facts.segment(at) else {
        return (at.0 < NULL_AREA || knows_mappings(facts)).then_some(codes::SEGV_MAPERR);
    };
    let allowed = match kind {
        AccessKind::Read => segment.protection.read,
        AccessKind::Write => segment.protection.write,
        AccessKind::Execute => segment.protection.execute,
    };
    (!allowed && knows_rights(facts, segment)).then_some(codes::SEGV_ACCERR)
}

/// Whether what the dump does not list was not mapped.
fn knows_mappings(facts: &Facts<'_>) -> bool {
    let segments = facts.target.memory.segments();
    match facts.target.source {
        SourceKind::ElfCore | SourceKind::Live => !segments.is_empty(),
        // Mappings without content come from the writer's list of mappings.
        SourceKind::Minidump => segments.iter().any(|s| s.dumped == 0),
        _ => false,
    }
}

/// Memory lists of minidumps have no rights of their own, nor have all debuggers' lists of mappings.
fn knows_rights(facts: &Facts<'_>, segment: &Segment) -> bool {
    let known = segment.protection.read || segment.protection.write || segment.protection.execute;
    match facts.target.source {
        SourceKind::ElfCore | SourceKind::Live => true,
        SourceKind::Minidump => known && knows_mappings(facts),
        _ => known,
    }
}
