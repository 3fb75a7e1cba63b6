//! Which system calls there are (seccomp, `seccomp(2)`): those that reading files, computing and writing to what is open
//! take. All others fail with "permission denied".

use super::{Needs, State, ranges};
use nix::libc;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Calls that neither change nor reach anything outside of this process, but through files that are open.
const HARMLESS: &[i64] = &[
    // Files: reading, and writing to what is open.
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_readv,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_pwrite64,
    libc::SYS_writev,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getcwd,
    libc::SYS_fcntl,
    libc::SYS_flock,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_eventfd2,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    libc::SYS_fgetxattr,
    libc::SYS_listxattr,
    libc::SYS_llistxattr,
    libc::SYS_flistxattr,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_membarrier,
    // Threads, signals of our own, time.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_setitimer,
    libc::SYS_times,
    // What we are.
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getgroups,
    libc::SYS_getrusage,
    libc::SYS_getrandom,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    // Names of threads; more filters.
    libc::SYS_prctl,
    libc::SYS_seccomp,
];

/// The older forms of some, which x86-64 has besides.
#[cfg(target_arch = "x86_64")]
const HARMLESS_OLD: &[i64] = &[
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_wait,
    libc::SYS_epoll_create,
    libc::SYS_getdents,
    libc::SYS_arch_prctl,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const HARMLESS_OLD: &[i64] = &[];

/// What answering those takes who have connected: no connection is made.
const SERVING: &[i64] = &[
    libc::SYS_accept4,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_shutdown,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_setsockopt,
];

/// What editing lines takes: a change of the terminal's size is told by a signal, whose handler tells the others.
const TERMINAL: &[i64] = &[libc::SYS_socketpair, libc::SYS_recvfrom, libc::SYS_sendto, libc::SYS_umask];

/// What looking at a running process takes.
const LIVE: &[i64] = &[libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_wait4, libc::SYS_kcmp];

/// What making, replacing and removing files takes; Landlock says where.
const WRITING: &[i64] =
    &[libc::SYS_unlinkat, libc::SYS_renameat2, libc::SYS_linkat, libc::SYS_fchmod, libc::SYS_utimensat];
#[cfg(target_arch = "x86_64")]
const WRITING_OLD: &[i64] = &[libc::SYS_unlink, libc::SYS_rename, libc::SYS_renameat, libc::SYS_link];
#[cfg(target_arch = "aarch64")]
const WRITING_OLD: &[i64] = &[libc::SYS_renameat];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const WRITING_OLD: &[i64] = &[];

/// `files` is what Landlock holds.
pub(super) fn limit(needs: &Needs, files: State) -> State {
    let Some(arch) = arch() else { return State::Missing };
    // `openat2` finds a file inside of a directory in one call, where the walk takes one a step. Its flags cannot be seen:
    // it is there where Landlock lets nothing be written at all.
    let open_at_once = files == State::Whole && needs.write.is_empty() && needs.temporary.is_none();
    let Ok(Some(program)) = program(needs, open_at_once, arch) else { return State::Missing };
    match apply_filter_all_threads(&program) {
        Ok(()) => State::Whole,
        Err(_) => State::Missing,
    }
}

fn arch() -> Option<TargetArch> {
    TargetArch::try_from(std::env::consts::ARCH).ok()
}

fn program(needs: &Needs, open_at_once: bool, arch: TargetArch) -> Result<Option<BpfProgram>, BackendError> {
    let mut rules: Rules = HARMLESS.iter().chain(HARMLESS_OLD).map(|call| (*call, Vec::new())).collect();
    // New threads, but no new processes.
    let thread = u64::from(libc::CLONE_THREAD.cast_unsigned());
    rules.insert(libc::SYS_clone, vec![rule(0, MaskedEq(thread), thread)?]);
    // `abort` sends a signal to its own process.
    rules.insert(libc::SYS_tgkill, vec![rule(0, Eq, u64::from(std::process::id()))?]);
    // Limits of this process can be read (and lowered).
    rules.insert(libc::SYS_prlimit64, vec![rule(0, Eq, 0)?]);
    // Whether it is a terminal, and how wide; what is typed cannot be forged.
    let mut questions = vec![libc::TCGETS, libc::TIOCGWINSZ, libc::FIONREAD];
    if needs.terminal {
        questions.extend([libc::TCSETS, libc::TCSETSW, libc::TCSETSF]);
        rules.extend(TERMINAL.iter().map(|call| (*call, Vec::new())));
    }
    if needs.serves {
        rules.extend(SERVING.iter().map(|call| (*call, Vec::new())));
    }
    let questions = questions.iter().map(|question| rule(1, Eq, *question)).collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_ioctl, questions);
    if open_at_once {
        rules.insert(libc::SYS_openat2, Vec::new());
    }
    if needs.live {
        rules.extend(LIVE.iter().map(|call| (*call, Vec::new())));
        // A thread of ours may come before others while it keeps a process stopped (PRIO_PROCESS is 0, and so are we).
        let ourselves = [0, 1].map(|argument| SeccompCondition::new(argument, SeccompCmpArgLen::Dword, Eq, 0));
        let [which, who] = ourselves;
        rules.insert(libc::SYS_setpriority, vec![SeccompRule::new(vec![which?, who?])?]);
    }
    match needs.write.is_empty() {
        true => {
            rules.insert(libc::SYS_openat, opening(2)?);
            #[cfg(target_arch = "x86_64")]
            rules.insert(libc::SYS_open, opening(1)?);
        }
        false => {
            rules.insert(libc::SYS_openat, Vec::new());
            #[cfg(target_arch = "x86_64")]
            rules.insert(libc::SYS_open, Vec::new());
            rules.extend(WRITING.iter().chain(WRITING_OLD).map(|call| (*call, Vec::new())));
        }
    }
    let refused = SeccompAction::Errno(libc::EACCES.cast_unsigned());
    let (whatever, by_arguments): (Rules, Rules) = rules.into_iter().partition(|(_, rules)| rules.is_empty());
    let whatever: Vec<i64> = whatever.into_keys().collect();
    let by_arguments = SeccompFilter::new(by_arguments, refused, SeccompAction::Allow, arch)?.try_into()?;
    Ok(ranges::decide_first(&whatever, &absent(open_at_once), arch, by_arguments))
}

/// To read, or a new file without a name; `flags` is the index of that argument.
fn opening(flags: u8) -> Result<Vec<SeccompRule>, BackendError> {
    let bits = |bits: i32| u64::from(bits.cast_unsigned());
    let to_write = bits(libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND);
    let (nameless, or_named) = (bits(libc::O_TMPFILE), bits(libc::O_TMPFILE | libc::O_CREAT));
    // All bits of O_TMPFILE include O_DIRECTORY: that alone is no new file, and nothing that can be written to.
    Ok(vec![rule(flags, MaskedEq(to_write), 0)?, rule(flags, MaskedEq(or_named), nameless)?])
}

fn rule(argument: u8, operator: seccompiler::SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?])
}

/// Calls that are said not to exist, so that the C library takes an older one whose arguments can be examined.
fn absent(open_at_once: bool) -> Vec<i64> {
    [Some(libc::SYS_clone3), (!open_at_once).then_some(libc::SYS_openat2)].into_iter().flatten().collect()
}
