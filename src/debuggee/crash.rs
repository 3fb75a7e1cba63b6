//! [`Crash`]: what ended (or stopped) the process, as the dump records it.

use crate::base::Addr;

/// A signal with what `siginfo_t` says of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SignalInfo {
    /// Signal number (`si_signo`).
    pub number: i32,
    /// `si_code`, when the dump has a `siginfo_t`.
    pub code: Option<i32>,
    /// `si_addr` of a signal that has one (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP with a kernel code).
    pub fault_addr: Option<Addr>,
    /// Sender's pid for `SI_USER`, `SI_TKILL`, `SI_QUEUE`.
    pub sender_pid: Option<i32>,
    /// Sender's uid, likewise.
    pub sender_uid: Option<u32>,
}

/// What ended (or stopped) the process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Crash {
    /// A Linux signal.
    Signal {
        /// Thread it was delivered to.
        tid: u64,
        /// The signal.
        info: SignalInfo,
    },
    /// A Windows exception.
    Exception {
        /// Thread that raised it.
        tid: u64,
        /// Exception code (`0xc0000005`).
        code: u32,
        /// Exception address: the instruction.
        address: Addr,
        /// Exception parameters; for an access violation `[0 read | 1 write | 8 execute, address]`.
        parameters: Vec<u64>,
    },
}

impl Crash {
    /// Thread that crashed.
    #[must_use]
    pub fn tid(&self) -> u64 {
        match self {
            Crash::Signal { tid, .. } | Crash::Exception { tid, .. } => *tid,
        }
    }
}
