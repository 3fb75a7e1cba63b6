//! What a thread that sleeps in the kernel waits for: the futex word, and the glibc mutex around it.

use crate::base::{Abi, Addr, Arch, Os};
use crate::debuggee::{Memory, MemoryExt as _, Registers};

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

/// A thread inside `futex(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FutexWait {
    /// Address of the word it waits on.
    pub word: Addr,
    /// Value that the word had to have for it to sleep.
    pub expected: u32,
    /// Whether the wait has a time limit.
    pub timed: bool,
}

/// The futex that a thread with these registers waits on; `None` when it does something else, and on other machines
/// than x86-64 Linux (aarch64 does not keep the first argument of a system call).
#[must_use]
pub fn futex_wait(registers: &Registers, memory: &dyn Memory, abi: &Abi) -> Option<FutexWait> {
    if (abi.arch, abi.os) != (Arch::X86_64, Os::Linux) {
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
    Some(FutexWait { word, expected, timed: registers.get("r10")? != 0 })
}

/// A locked `pthread_mutex_t` of glibc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mutex {
    /// Its address.
    pub addr: Addr,
    /// Thread id of the owner.
    pub owner: u64,
}

/// Known bits of `__kind`: type, robust, priority inheritance and protection, shared, elision.
const KNOWN_KINDS: u32 = 0x3f3;

/// The mutex whose first word is `word`: `{int lock; unsigned count; int owner; unsigned nusers; int kind; ...}`
/// (glibc sysdeps/nptl/bits/struct_mutex.h, 64 bits). Whether it is one must be known from the function that waits.
#[must_use]
pub fn glibc_mutex(word: Addr, memory: &dyn Memory, abi: &Abi) -> Option<Mutex> {
    let field = |offset| memory.read_uint(abi, word.checked_add(offset)?, 4).ok();
    let (lock, owner, users, kind) = (field(0)?, field(8)?, field(12)?, field(16)?);
    let sane = lock != 0 && owner != 0 && users != 0 && kind & !u64::from(KNOWN_KINDS) == 0;
    sane.then_some(Mutex { addr: word, owner })
}

/// The thread whose end `pthread_join` waits for: glibc waits on the word that the kernel clears when the thread ends,
/// and which holds its id until then.
#[must_use]
pub fn joined_thread(wait: &FutexWait, memory: &dyn Memory, abi: &Abi) -> Option<u64> {
    let tid = memory.read_uint(abi, wait.word, 4).ok()?;
    (tid != 0 && tid == u64::from(wait.expected)).then_some(tid)
}

/// The libc function that puts a thread to sleep, as far as its kind matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleeper {
    /// `pthread_mutex_lock` and its variants: the word is the mutex.
    Mutex,
    /// `pthread_join`.
    Join,
}

impl Sleeper {
    /// By the name of a function.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Sleeper> {
        let name = name.trim_start_matches('_').trim_start_matches("GI___");
        let name = name.split('@').next().unwrap_or_default();
        match name {
            "pthread_mutex_lock"
            | "pthread_mutex_lock_full"
            | "pthread_mutex_cond_lock"
            | "pthread_mutex_cond_lock_full"
            | "pthread_mutex_timedlock"
            | "pthread_mutex_clocklock"
            | "pthread_mutex_clocklock_common" => Some(Sleeper::Mutex),
            "pthread_join" | "pthread_clockjoin_ex" | "pthread_timedjoin_ex" | "pthread_timedjoin_np" => {
                Some(Sleeper::Join)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{DataModel, Endian};
    use crate::debuggee::ReadError;
    use crate::debuggee::ReadErrorKind;

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
        let expected = Some(FutexWait { word: Addr(0x1020), expected: 2, timed: false });
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

    #[test]
    fn names_of_libc_versions() {
        for name in ["pthread_mutex_lock", "__pthread_mutex_lock", "___pthread_mutex_lock", "__GI___pthread_mutex_lock"]
        {
            assert_eq!(Sleeper::of_name(name), Some(Sleeper::Mutex), "{name}");
        }
        assert_eq!(Sleeper::of_name("__pthread_clockjoin_ex"), Some(Sleeper::Join));
        assert_eq!(Sleeper::of_name("pthread_cond_wait@@GLIBC_2.3.2"), None);
    }
}
