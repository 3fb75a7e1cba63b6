//! [`NativeThread`]: a thread of the process as the operating system knows it.

use super::{Registers, SignalInfo};
use crate::base::Addr;

/// A thread of the process as the operating system knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeThread {
    /// Thread id (Linux LWP id, Windows thread id).
    pub tid: u64,
    /// Registers, when the dump has them.
    pub registers: Option<Registers>,
    /// Base of thread-local storage: `fs_base` on x86-64 (glibc: equal to `pthread_self()`), `tpidr_el0` on aarch64,
    /// TEB on Windows.
    pub tls_base: Option<Addr>,
    /// Name, when the source knows one.
    pub name: Option<String>,
    /// Signal delivered to this thread, when the dump tells.
    pub signal: Option<SignalInfo>,
}
