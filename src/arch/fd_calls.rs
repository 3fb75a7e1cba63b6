//! System calls of Linux that sleep until a file descriptor is ready or a child process has ended, and by which of their arguments
//! that is known.

/// What a system call does with what its first argument says, a file descriptor or a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FdUse {
    /// It reads.
    Reads,
    /// It writes.
    Writes,
    /// It waits for those in an array of `struct pollfd`, the first argument; the second is their number.
    Polls,
    /// It waits for the child process of that id; for any child where it is -1.
    Child,
    /// It waits for the child process of the id that is the second argument, where the first is `P_PID`; for any where that is 0.
    ChildById,
}

/// `P_PID` of `waitid` (wait.h).
pub const P_PID: u64 = 1;

/// The child process that a call waits for, by its first two arguments; `Some(None)` for any child.
#[must_use]
pub fn awaited_child(usage: FdUse, first: u64, second: u64) -> Option<Option<u64>> {
    let one = |pid: u64| Some(Some(pid)).filter(|_| pid > 0 && i32::try_from(pid).is_ok());
    // The argument has 32 bits.
    match (usage, first & 0xffff_ffff) {
        (FdUse::Child, 0xffff_ffff) | (FdUse::ChildById, 0) => Some(None),
        (FdUse::Child, pid) => one(pid),
        (FdUse::ChildById, P_PID) => one(second & 0xffff_ffff),
        _ => None,
    }
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
    (95, "waitid", FdUse::ChildById),
    (206, "sendto", FdUse::Writes),
    (207, "recvfrom", FdUse::Reads),
    (211, "sendmsg", FdUse::Writes),
    (212, "recvmsg", FdUse::Reads),
    (260, "wait4", FdUse::Child),
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
    (61, "wait4", FdUse::Child),
    (247, "waitid", FdUse::ChildById),
    (271, "ppoll", FdUse::Polls),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_known_by_the_arguments() {
        assert_eq!(awaited_child(FdUse::Child, 77, 0), Some(Some(77)));
        assert_eq!(awaited_child(FdUse::Child, u64::MAX, 0), Some(None));
        // A process group.
        assert_eq!(awaited_child(FdUse::Child, 0, 0), None);
        assert_eq!(awaited_child(FdUse::Child, 0xffff_fff0, 0), None);
        assert_eq!(awaited_child(FdUse::ChildById, P_PID, 77), Some(Some(77)));
        assert_eq!(awaited_child(FdUse::ChildById, 0, 5), Some(None));
        // `P_PIDFD`.
        assert_eq!(awaited_child(FdUse::ChildById, 3, 5), None);
        assert_eq!(awaited_child(FdUse::Reads, 3, 5), None);
    }
}
