//! System calls of Linux that sleep until a file descriptor is ready, and by which of their arguments that is known.

/// What a system call does with its file descriptor, its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FdUse {
    /// It reads.
    Reads,
    /// It writes.
    Writes,
    /// It waits for those in an array of `struct pollfd`, the first argument; the second is their number.
    Polls,
}

/// Number, name, use.
pub type FdCall = (u64, &'static str, FdUse);

/// Those of processors that have the kernel's general table (include/uapi/asm-generic/unistd.h).
pub(super) const GENERAL: &[FdCall] = &[
    (63, "read", FdUse::Reads),
    (64, "write", FdUse::Writes),
    (65, "readv", FdUse::Reads),
    (66, "writev", FdUse::Writes),
    (73, "ppoll", FdUse::Polls),
    (206, "sendto", FdUse::Writes),
    (207, "recvfrom", FdUse::Reads),
    (211, "sendmsg", FdUse::Writes),
    (212, "recvmsg", FdUse::Reads),
];

/// Those of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
pub(super) const X86_64: &[FdCall] = &[
    (0, "read", FdUse::Reads),
    (1, "write", FdUse::Writes),
    (7, "poll", FdUse::Polls),
    (19, "readv", FdUse::Reads),
    (20, "writev", FdUse::Writes),
    (44, "sendto", FdUse::Writes),
    (45, "recvfrom", FdUse::Reads),
    (46, "sendmsg", FdUse::Writes),
    (47, "recvmsg", FdUse::Reads),
    (271, "ppoll", FdUse::Polls),
];
