//! Names of Linux signals and of `si_code` values (x86 and ARM numbering: `asm-generic/signal.h`,
//! `asm-generic/siginfo.h`).

pub use codes::{SI_KERNEL, SI_QUEUE, SI_TKILL, SI_USER};

/// Illegal instruction.
pub const SIGILL: i32 = 4;
/// Breakpoint or trap.
pub const SIGTRAP: i32 = 5;
/// `abort()`.
pub const SIGABRT: i32 = 6;
/// Access that memory cannot serve.
pub const SIGBUS: i32 = 7;
/// Arithmetic fault.
pub const SIGFPE: i32 = 8;
/// Access to memory that is not mapped, or not for this.
pub const SIGSEGV: i32 = 11;
/// SIGXCPU: the time of `RLIMIT_CPU` is used up.
pub const SIGXCPU: i32 = 24;
/// SIGSYS: a system call was refused.
pub const SIGSYS: i32 = 31;

/// Values of `si_code`.
pub mod codes {
    /// Sent by `kill`.
    pub const SI_USER: i32 = 0;
    /// Sent by the kernel, which tells no address.
    pub const SI_KERNEL: i32 = 0x80;
    /// SIGSYS: by a seccomp filter.
    pub const SYS_SECCOMP: i32 = 1;
    /// Sent by `sigqueue`.
    pub const SI_QUEUE: i32 = -1;
    /// Sent by `tkill` or `tgkill` (so by `raise` and `abort`).
    pub const SI_TKILL: i32 = -6;
    /// SIGSEGV: nothing is mapped there.
    pub const SEGV_MAPERR: i32 = 1;
    /// SIGSEGV: mapped, but not for this access.
    pub const SEGV_ACCERR: i32 = 2;
    /// SIGILL: no such instruction.
    pub const ILL_ILLOPC: i32 = 1;
    /// SIGILL: no such operand.
    pub const ILL_ILLOPN: i32 = 2;
    /// SIGTRAP: a breakpoint.
    pub const TRAP_BRKPT: i32 = 1;
    /// SIGBUS: a misaligned address.
    pub const BUS_ADRALN: i32 = 1;
    /// SIGBUS: mapped, but nothing is there (a file that became shorter).
    pub const BUS_ADRERR: i32 = 2;
    /// SIGFPE: integer division by zero.
    pub const FPE_INTDIV: i32 = 1;
    /// SIGFPE: integer overflow.
    pub const FPE_INTOVF: i32 = 2;
    /// SIGFPE: floating-point division by zero.
    pub const FPE_FLTDIV: i32 = 3;
}

const NAMES: [&str; 32] = [
    "",
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// Name of a signal (`SIGSEGV`), for the classic ones (1 to 31).
#[must_use]
pub fn signal_name(number: i32) -> Option<&'static str> {
    let name = NAMES.get(usize::try_from(number).ok()?)?;
    (!name.is_empty()).then_some(*name)
}

/// Whether the default action of the signal is to die with a core (signal(7)). Only these end up in kernel cores;
/// any other signal in a core means that a debugger stopped the process there.
#[must_use]
pub fn dumps_core(number: i32) -> bool {
    matches!(
        signal_name(number),
        Some(
            "SIGQUIT"
                | "SIGILL"
                | "SIGTRAP"
                | "SIGABRT"
                | "SIGBUS"
                | "SIGFPE"
                | "SIGSEGV"
                | "SIGXCPU"
                | "SIGXFSZ"
                | "SIGSYS"
        )
    )
}

/// Whether `si_addr` of this signal with this `si_code` is an address: the signal is a fault one and the kernel
/// raised it and knew where (`SI_KERNEL` is how x86 reports a non-canonical address: `si_addr` is 0 then).
#[must_use]
pub fn has_fault_address(number: i32, code: i32) -> bool {
    is_fault(number) && code > 0 && code != SI_KERNEL
}

/// Whether instructions raise this signal. (It may be sent all the same.)
#[must_use]
pub fn is_fault(number: i32) -> bool {
    matches!(signal_name(number), Some("SIGILL" | "SIGTRAP" | "SIGBUS" | "SIGFPE" | "SIGSEGV"))
}

/// Whether `siginfo_t` of this `si_code` names a sender by pid and uid.
#[must_use]
pub fn has_sender(code: i32) -> bool {
    matches!(code, SI_USER | SI_QUEUE | SI_TKILL)
}

/// Name of an `si_code` (`SEGV_MAPERR`), which depends on the signal.
#[must_use]
pub fn code_name(signal: i32, code: i32) -> Option<&'static str> {
    let general = match code {
        SI_USER => "SI_USER",
        SI_KERNEL => "SI_KERNEL",
        SI_QUEUE => "SI_QUEUE",
        -2 => "SI_TIMER",
        -3 => "SI_MESGQ",
        -4 => "SI_ASYNCIO",
        -5 => "SI_SIGIO",
        SI_TKILL => "SI_TKILL",
        -7 => "SI_DETHREAD",
        -60 => "SI_ASYNCNL",
        _ => "",
    };
    if !general.is_empty() {
        return Some(general);
    }
    let names: &[&str] = match signal_name(signal)? {
        "SIGILL" => &[
            "ILL_ILLOPC",
            "ILL_ILLOPN",
            "ILL_ILLADR",
            "ILL_ILLTRP",
            "ILL_PRVOPC",
            "ILL_PRVREG",
            "ILL_COPROC",
            "ILL_BADSTK",
            "ILL_BADIADDR",
        ],
        "SIGFPE" => &[
            "FPE_INTDIV",
            "FPE_INTOVF",
            "FPE_FLTDIV",
            "FPE_FLTOVF",
            "FPE_FLTUND",
            "FPE_FLTRES",
            "FPE_FLTINV",
            "FPE_FLTSUB",
        ],
        "SIGSEGV" => &[
            "SEGV_MAPERR",
            "SEGV_ACCERR",
            "SEGV_BNDERR",
            "SEGV_PKUERR",
            "SEGV_ACCADI",
            "SEGV_ADIDERR",
            "SEGV_ADIPERR",
            "SEGV_MTEAERR",
            "SEGV_MTESERR",
            "SEGV_CPERR",
        ],
        "SIGBUS" => &["BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR", "BUS_MCEERR_AR", "BUS_MCEERR_AO"],
        "SIGTRAP" => &["TRAP_BRKPT", "TRAP_TRACE", "TRAP_BRANCH", "TRAP_HWBKPT", "TRAP_UNK", "TRAP_PERF"],
        "SIGSYS" => &["SYS_SECCOMP", "SYS_USER_DISPATCH"],
        _ => &[],
    };
    names.get(usize::try_from(code.checked_sub(1)?).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_kernel_headers() {
        assert_eq!(signal_name(11), Some("SIGSEGV"));
        assert_eq!(signal_name(31), Some("SIGSYS"));
        assert_eq!([signal_name(0), signal_name(-1), signal_name(32), signal_name(i32::MIN)], [None; 4]);
        assert_eq!(code_name(11, 1), Some("SEGV_MAPERR"));
        assert_eq!(code_name(11, 2), Some("SEGV_ACCERR"));
        assert_eq!(code_name(7, 2), Some("BUS_ADRERR"));
        assert_eq!(code_name(8, 1), Some("FPE_INTDIV"));
        assert_eq!(code_name(6, -6), Some("SI_TKILL"));
        assert_eq!(code_name(11, 0x80), Some("SI_KERNEL"));
        assert_eq!(code_name(11, 0), Some("SI_USER"));
        assert_eq!([code_name(11, 99), code_name(0, 1), code_name(11, i32::MIN)], [None; 3]);
    }

    #[test]
    fn only_a_fault_that_the_kernel_located_has_an_address() {
        assert!(has_fault_address(11, 1));
        assert!(!has_fault_address(11, SI_KERNEL));
        assert!(!has_fault_address(11, SI_USER));
        assert!(!has_fault_address(6, SI_TKILL));
        assert!(dumps_core(11) && !dumps_core(19) && !dumps_core(2));
    }
}
