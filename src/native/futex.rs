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
    /// Whether no other process can wake it (`FUTEX_PRIVATE_FLAG`).
    pub private: bool,
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

/// The mutex of musl that a thread sleeps on at `word`: `{int type; int lock; int waiters; ...}` (src/internal/pthread_impl.h),
/// and the thread that has it, which a mutex of the ordinary type does not record. Whether it is one must be known from the
/// function that waits.
#[must_use]
pub fn musl_mutex(word: Addr, memory: &dyn Memory, abi: &Abi) -> Option<(Addr, Option<u64>)> {
    /// `_m_type`: type, robust, priority inheritance, shared.
    const KNOWN_TYPES: u64 = 0x8f;
    /// `_m_lock` without its flags.
    const OWNER: u64 = 0x3fff_ffff;
    let addr = word.checked_sub(4)?;
    let (kind, lock) = (memory.read_uint(abi, addr, 4).ok()?, memory.read_uint(abi, word, 4).ok()?);
    let sane = lock != 0 && kind & !KNOWN_TYPES == 0;
    // src/thread/pthread_mutex_lock.c: `(type & 15) == PTHREAD_MUTEX_NORMAL` has EBUSY there.
    sane.then_some((addr, Some(lock & OWNER).filter(|_| kind & 15 != 0)))
}

/// A `pthread_rwlock_t` of glibc that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RwLock {
    /// Its address.
    pub addr: Addr,
    /// Thread id of the writer that has it; `None` where readers have it, who are not recorded.
    pub writer: Option<u64>,
}

/// The lock that has `word` for the words that its waiters sleep on: `{readers, writers, wrphase_futex, writers_futex, pad,
/// pad, int cur_writer, int shared, ...}` (glibc sysdeps/nptl/bits/struct_rwlock.h, x86-64). Whether it is one must be known
/// from the function that waits. `is_thread`: whether the process has a thread of that id.
#[must_use]
pub fn glibc_rwlock(word: Addr, memory: &dyn Memory, abi: &Abi, is_thread: impl Fn(u64) -> bool) -> Option<RwLock> {
    /// Offsets of `wrphase_futex`, `writers_futex`, `readers`.
    const WORDS: [u64; 3] = [8, 12, 0];
    let at = |base: Addr| {
        let field = |offset| memory.read_uint(abi, base.checked_add(offset)?, 4).ok();
        let (pads, writer, shared) = ([field(16)?, field(20)?], field(24)?, field(28)?);
        let sane = pads == [0, 0] && shared <= 1 && (writer == 0 || is_thread(writer));
        sane.then_some(RwLock { addr: base, writer: Some(writer).filter(|w| *w != 0) })
    };
    let found: Vec<RwLock> = WORDS.iter().filter_map(|offset| at(word.checked_sub(*offset)?)).collect();
    found.iter().find(|lock| lock.writer.is_some()).or(found.first()).copied()
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
    /// `pthread_rwlock_rdlock`, `pthread_rwlock_wrlock` and their variants.
    RwLock,
    /// `pthread_once`: the word is the `pthread_once_t`.
    Once,
    /// `__cxa_guard_acquire`, the start of a static variable of a C++ function: the word is its guard.
    Guard,
    /// `pthread_cond_wait` and its variants: the word is inside of the `pthread_cond_t`.
    Condition,
    /// `sem_wait` and its variants: the word is the `sem_t`.
    Semaphore,
}

impl Sleeper {
    /// By the name of a function.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Sleeper> {
        let name = name.trim_start_matches('_').trim_start_matches("GI___");
        // A version, or what the compiler made of a function.
        let name = name.split(['@', '.']).next().unwrap_or_default();
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
            "pthread_once" | "pthread_once_slow" => Some(Sleeper::Once),
            "cxa_guard_acquire" => Some(Sleeper::Guard),
            "pthread_cond_wait"
            | "pthread_cond_timedwait"
            | "pthread_cond_timedwait64"
            | "pthread_cond_clockwait"
            | "pthread_cond_clockwait64" => Some(Sleeper::Condition),
            "new_sem_wait" | "sem_wait" | "sem_timedwait" | "sem_timedwait64" | "sem_clockwait" | "sem_clockwait64"
            // What these jump to at their end, which leaves no frame of theirs (glibc nptl/sem_waitcommon.c).
            | "new_sem_wait_slow64" | "new_sem_wait_slow" | "old_sem_wait" => Some(Sleeper::Semaphore),
            _ if name.starts_with("pthread_rwlock_") && name.contains("lock") => Some(Sleeper::RwLock),
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
        assert_eq!(Sleeper::of_name("pthread_cond_wait@@GLIBC_2.3.2"), Some(Sleeper::Condition));
        assert_eq!(Sleeper::of_name("__pthread_once_slow"), Some(Sleeper::Once));
        assert_eq!(Sleeper::of_name("___pthread_rwlock_rdlock"), Some(Sleeper::RwLock));
        assert_eq!(Sleeper::of_name("__new_sem_wait_slow64.constprop.0"), Some(Sleeper::Semaphore));
        assert_eq!(Sleeper::of_name("poll"), None);
    }
}
