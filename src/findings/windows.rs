//! Windows exceptions as the signals that the same defect raises on Linux, so that one set of rules explains both.

use super::memory_access::{codes, signals};
use crate::arch::AccessKind;
use crate::base::Addr;
use crate::debuggee::SignalInfo;
use crate::os::windows::exceptions::{is_abort, status};

/// An access violation whose address the processor does not tell has this one.
const NO_ADDRESS: u64 = u64::MAX;

/// The signal that stands for an exception, and the access when the record tells it; `None` for exceptions that have no
/// counterpart.
pub(super) fn as_signal(code: u32, instruction: Addr, parameters: &[u64]) -> Option<(SignalInfo, Option<AccessKind>)> {
    let signal =
        |number, code, fault_addr| SignalInfo { number, code: Some(code), fault_addr, ..SignalInfo::default() };
    let at = Some(instruction);
    Some(match code {
        status::ACCESS_VIOLATION | status::STACK_OVERFLOW => {
            // [0 read | 1 write | 8 execute, address] (EXCEPTION_RECORD).
            let access = match parameters.first() {
                Some(0) => Some(AccessKind::Read),
                Some(1) => Some(AccessKind::Write),
                Some(8) => Some(AccessKind::Execute),
                _ => None,
            };
            let addr = parameters.get(1).copied().map(Addr);
            match addr {
                Some(Addr(NO_ADDRESS)) => (signal(signals::SIGSEGV, codes::SI_KERNEL, None), None),
                addr => (signal(signals::SIGSEGV, codes::SEGV_MAPERR, addr), access),
            }
        }
        status::IN_PAGE_ERROR => {
            (signal(signals::SIGBUS, codes::BUS_ADRERR, parameters.get(1).copied().map(Addr)), None)
        }
        status::ILLEGAL_INSTRUCTION => (signal(signals::SIGILL, codes::ILL_ILLOPC, at), None),
        status::INTEGER_DIVIDE_BY_ZERO => (signal(signals::SIGFPE, codes::FPE_INTDIV, at), None),
        status::INTEGER_OVERFLOW => (signal(signals::SIGFPE, codes::FPE_INTOVF, at), None),
        _ if is_abort(code, parameters) => (SignalInfo { number: signals::SIGABRT, ..SignalInfo::default() }, None),
        status::BREAKPOINT => (signal(signals::SIGTRAP, codes::TRAP_BRKPT, at), None),
        _ => return None,
    })
}
