//! What a thread that sleeps in the kernel waits for: the futex word, and the glibc mutex around it.

use crate::base::{Abi, Addr};
use crate::debuggee::{Memory, MemoryExt as _};

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
