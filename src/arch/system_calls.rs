//! How a thread stands in a system call of Linux, and which of them may sleep for long.

/// System calls of a processor.
#[derive(Debug)]
pub struct SystemCalls {
    /// The register that holds the number of the call that a thread is in, behind its instruction.
    pub number: &'static str,
    /// The register that holds it where the thread stands at the instruction, to make the call anew: arm64 and riscv move a thread
    /// back there before it is dumped (`do_signal` of arch/arm64/kernel/signal.c, `arch_do_signal_or_restart` of arch/riscv), x86-64
    /// only when a handler was run.
    pub number_again: &'static str,
    /// Registers of the first four arguments.
    pub arguments: [&'static str; 4],
    /// The number of `futex(2)`.
    pub futex: u64,
    /// The number of `restart_syscall(2)`: a call with a time limit that a stop has interrupted goes on as that one, with the
    /// arguments that it had.
    pub restart: u64,
    /// The start of the instruction by which libcs load the number, which follows in 32 bits and is followed by the call: tells the
    /// number where a signal's frame or a call that goes on does not keep it.
    pub number_code: Option<&'static [u8]>,
    /// Number and name of those that may sleep for long.
    pub sleeping: &'static [(u64, &'static str)],
}

/// Those of processors that have the kernel's general table (include/uapi/asm-generic/unistd.h).
pub(super) const GENERAL_SLEEPING: &[(u64, &str)] = &[
    (4, "io_getevents"),
    (22, "epoll_pwait"),
    (25, "fcntl"),
    (29, "ioctl"),
    (32, "flock"),
    (56, "openat"),
    (63, "read"),
    (64, "write"),
    (65, "readv"),
    (66, "writev"),
    (67, "pread64"),
    (68, "pwrite64"),
    (72, "pselect6"),
    (73, "ppoll"),
    (82, "fsync"),
    (83, "fdatasync"),
    (95, "waitid"),
    (98, "futex"),
    (101, "nanosleep"),
    (115, "clock_nanosleep"),
    (133, "rt_sigsuspend"),
    (137, "rt_sigtimedwait"),
    (188, "msgrcv"),
    (189, "msgsnd"),
    (192, "semtimedop"),
    (193, "semop"),
    (202, "accept"),
    (203, "connect"),
    (206, "sendto"),
    (207, "recvfrom"),
    (211, "sendmsg"),
    (212, "recvmsg"),
    (242, "accept4"),
    (243, "recvmmsg"),
    (260, "wait4"),
    (426, "io_uring_enter"),
    (441, "epoll_pwait2"),
];

/// Those of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
pub(super) const X86_64_SLEEPING: &[(u64, &str)] = &[
    (0, "read"),
    (1, "write"),
    (7, "poll"),
    (16, "ioctl"),
    (17, "pread64"),
    (18, "pwrite64"),
    (19, "readv"),
    (20, "writev"),
    (23, "select"),
    (34, "pause"),
    (35, "nanosleep"),
    (42, "connect"),
    (43, "accept"),
    (44, "sendto"),
    (45, "recvfrom"),
    (46, "sendmsg"),
    (47, "recvmsg"),
    (61, "wait4"),
    (65, "semop"),
    (69, "msgsnd"),
    (70, "msgrcv"),
    (72, "fcntl"),
    (73, "flock"),
    (74, "fsync"),
    (75, "fdatasync"),
    (128, "rt_sigtimedwait"),
    (130, "rt_sigsuspend"),
    (202, "futex"),
    (208, "io_getevents"),
    (220, "semtimedop"),
    (230, "clock_nanosleep"),
    (232, "epoll_wait"),
    (247, "waitid"),
    (257, "openat"),
    (270, "pselect6"),
    (271, "ppoll"),
    (281, "epoll_pwait"),
    (288, "accept4"),
    (299, "recvmmsg"),
    (426, "io_uring_enter"),
    (441, "epoll_pwait2"),
];
