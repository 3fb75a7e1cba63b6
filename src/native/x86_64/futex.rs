//! The system call `futex(2)` of x86-64 Linux, by the registers of a thread inside it.

use crate::base::{Abi, Addr, Os};
use crate::debuggee::{Memory, MemoryExt as _, Registers};
use crate::native::futex::FutexWait;

/// `futex(2)` on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
const SYS_FUTEX: u64 = 202;
/// `syscall`.
const SYSCALL: [u8; 2] = [0x0f, 0x05];
/// `mov $202, %eax; syscall`, as libcs make the call.
const FUTEX_CALL: [u8; 7] = [0xb8, 0xca, 0, 0, 0, 0x0f, 0x05];
/// Commands that wait (include/uapi/linux/futex.h): `FUTEX_WAIT`, `FUTEX_LOCK_PI`, `FUTEX_WAIT_BITSET`, `FUTEX_LOCK_PI2`.
const WAITS: [u64; 4] = [0, 6, 9, 13];
/// `FUTEX_CMD_MASK`: without the private and clock flags.
const COMMAND: u64 = 0x7f;
/// `FUTEX_PRIVATE_FLAG`.
const PRIVATE: u64 = 128;

/// Names of system calls that may sleep for long (arch/x86/entry/syscalls/syscall_64.tbl).
const SLEEPING_CALLS: &[(u64, &str)] = &[
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
    (SYS_FUTEX, "futex"),
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

/// The system call that a thread with these registers is in, if it is one that may sleep for long; x86-64 Linux only.
#[must_use]
pub fn sleeping_call(registers: &Registers, memory: &dyn Memory, abi: &Abi) -> Option<&'static str> {
    if !super::is_of(abi) || abi.os != Os::Linux {
        return None;
    }
    let number = registers.get("orig_rax")?;
    let before = registers.ip()?.checked_sub(SYSCALL.len() as u64)?;
    let inside = memory.read_array::<2>(before).ok()? == SYSCALL;
    SLEEPING_CALLS.iter().find(|(n, _)| inside && *n == number).map(|(_, name)| *name)
}

/// The futex that a thread with these registers waits on; `None` when it does something else, and on other machines
/// than x86-64 Linux (aarch64 does not keep the first argument of a system call).
#[must_use]
pub fn futex_wait(registers: &Registers, memory: &dyn Memory, abi: &Abi) -> Option<FutexWait> {
    if !super::is_of(abi) || abi.os != Os::Linux {
        return None;
    }
    let ip = registers.ip()?;
    let code_before = |len: u64| memory.read_vec(ip.checked_sub(len)?, len).ok();
    let in_call = match registers.get("orig_rax") {
        Some(number) => number == SYS_FUTEX && code_before(2)? == SYSCALL,
        // Interrupted by a signal handler: the kernel's frame does not keep the number. A call that is to be made
        // anew stands at its instruction again.
        None => {
            let again = memory.read_array::<2>(ip).ok()? == SYSCALL && registers.get("rax") == Some(SYS_FUTEX);
            again || code_before(FUTEX_CALL.len() as u64)? == FUTEX_CALL
        }
    };
    let op = registers.get("rsi")?;
    if !in_call || !WAITS.contains(&(op & COMMAND)) {
        return None;
    }
    let word = Addr(registers.get("rdi")?);
    // The word itself has four bytes wherever it is.
    memory.read_array::<4>(word).ok()?;
    let expected = u32::try_from(registers.get("rdx")? & 0xffff_ffff).ok()?;
    Some(FutexWait { word, expected, timed: registers.get("r10")? != 0, private: op & PRIVATE != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Arch, DataModel, Endian};
    use crate::debuggee::ReadError;
    use crate::debuggee::ReadErrorKind;
    use crate::native::futex::{Mutex, glibc_mutex};

    /// A stretch of memory at 0x1000.
    struct Stretch(Vec<u8>);

    impl Memory for Stretch {
        fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
            let error = ReadError { addr, kind: ReadErrorKind::Unmapped };
            let at = usize::try_from(addr.0.checked_sub(0x1000).ok_or(error)?).map_err(|_| error)?;
            let bytes = self.0.get(at..at.checked_add(buf.len()).ok_or(error)?).ok_or(error)?;
            buf.copy_from_slice(bytes);
            Ok(())
        }
    }

    const ABI: Abi = Abi { arch: Arch::X86_64, os: Os::Linux, endian: Endian::Little, data_model: DataModel::Lp64 };

    fn registers(values: &[(&'static str, u64)]) -> Registers {
        Registers { arch: Arch::X86_64, values: values.to_vec() }
    }

    fn memory() -> Stretch {
        let mut bytes = vec![0u8; 64];
        bytes[..7].copy_from_slice(&FUTEX_CALL);
        // A mutex at 0x1020: locked with waiters, owner 77, one user, recursive.
        for (at, value) in [(0x20, 2u32), (0x28, 77), (0x2c, 1), (0x30, 1)] {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        Stretch(bytes)
    }

    #[test]
    fn a_wait_is_seen_by_its_system_call() {
        let at = [("rip", 0x1007), ("rdi", 0x1020), ("rsi", 128), ("rdx", 2), ("r10", 0)];
        let wait = |more: &[(&'static str, u64)]| {
            let all: Vec<_> = more.iter().chain(&at).copied().collect();
            futex_wait(&registers(&all), &memory(), &ABI)
        };
        let expected = Some(FutexWait { word: Addr(0x1020), expected: 2, timed: false, private: true });
        assert_eq!(wait(&[("orig_rax", 202)]), expected);
        assert_eq!(wait(&[]), expected, "interrupted by a handler");
        assert_eq!(wait(&[("orig_rax", 7)]), None, "poll");
        // FUTEX_WAKE, and a word that is nowhere.
        assert_eq!(wait(&[("orig_rax", 202), ("rsi", 129)]), None);
        assert_eq!(wait(&[("orig_rax", 202), ("rdi", 8)]), None);
        let again = [("rip", 0x1005), ("rax", 202), ("rdi", 0x1020), ("rsi", 0), ("rdx", 2), ("r10", 1)];
        assert!(futex_wait(&registers(&again), &memory(), &ABI).unwrap().timed);
        let arm = Abi { arch: Arch::Aarch64, ..ABI };
        assert_eq!(futex_wait(&registers(&at), &memory(), &arm), None);
    }

    #[test]
    fn the_owner_of_a_mutex() {
        let found = glibc_mutex(Addr(0x1020), &memory(), &ABI);
        assert_eq!(found, Some(Mutex { addr: Addr(0x1020), owner: 77 }));
        // Free, and no mutex at all.
        assert_eq!(glibc_mutex(Addr(0x1010), &memory(), &ABI), None);
        assert_eq!(glibc_mutex(Addr(0x1000), &memory(), &ABI), None);
    }
}
