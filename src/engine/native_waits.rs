//! Waits inside of the C and C++ run time, for what has nothing to do with Python: who has it is recorded in the lock,
//! or seen on the stack of the thread that is inside.

use crate::base::Addr;
use crate::debuggee::Target;
use crate::findings::is_run_time;
use crate::model::{OwnerFrom, Wait, WaitKind};
use crate::native::futex::{FutexWait, Sleeper, glibc_mutex, glibc_rwlock, joined_thread, musl_mutex};
use crate::stack::{NativeStack, frame_words};

/// Bytes of a function's part of the stack that are searched for a word.
const MAX_FRAME: u64 = 1 << 10;
/// Size of glibc's `struct pthread`, which begins at the base of local storage (2304 bytes in 2.31 to 2.43, x86-64).
const THREAD_BLOCK: u64 = 2304;
/// Frames between the kernel and the function that a thread sleeps in.
const NEAR: usize = 4;

/// What a thread that sleeps on `futex` waits for. `from`: the frame that sleeps (after those of a signal handler).
pub(super) fn native_wait(
    target: &Target,
    stacks: &[NativeStack],
    stack: &NativeStack,
    from: usize,
    futex: &FutexWait,
) -> Option<Wait> {
    let (memory, abi) = (&target.memory, &target.abi);
    if let Some(tid) = joins(target, stack.tid, futex) {
        return Some(join(tid, futex.timed));
    }
    let near = (from..from.saturating_add(NEAR)).map_while(|at| Some((at, stack.symbols.get(at)?)));
    let (at, sleeper) = near.filter_map(|(at, code)| Some((at, Sleeper::of_name(code.name()?)?))).next()?;
    let timed = futex.timed;
    let unowned =
        |kind: WaitKind, what: String| Wait { addr: Some(futex.word), timed, ..super::lock_waits::wait(kind, what) };
    let known = |tid: Option<u64>| tid.filter(|tid| target.thread(*tid).is_some());
    let musl = has_musl(target);
    Some(match sleeper {
        Sleeper::Mutex if musl => {
            let (addr, owner) = musl_mutex(futex.word, memory, abi)?;
            let wait = unowned(WaitKind::Mutex, format!("the mutex at {addr}"));
            let gone = owner.filter(|tid| target.thread(*tid).is_none()).map(|tid| format!("thread {tid}"));
            recorded(Wait { addr: Some(addr), owner_gone: gone, ..wait }, known(owner))
        }
        Sleeper::Mutex => {
            let mutex = glibc_mutex(futex.word, memory, abi)?;
            let wait = unowned(WaitKind::Mutex, format!("the mutex at {}", mutex.addr));
            let gone = target.thread(mutex.owner).is_none().then(|| format!("thread {}", mutex.owner));
            recorded(Wait { addr: Some(mutex.addr), owner_gone: gone, ..wait }, known(Some(mutex.owner)))
        }
        Sleeper::Join => {
            let tid = known(joined_thread(futex, memory, abi))?;
            join(tid, timed)
        }
        // src/thread/pthread_rwlock_timedwrlock.c: the word is the first, and nobody is recorded.
        Sleeper::RwLock if musl => unowned(WaitKind::RwLock, format!("the read-write lock at {}", futex.word)),
        Sleeper::RwLock => {
            let lock = glibc_rwlock(futex.word, memory, abi, |tid| target.thread(tid).is_some())?;
            let wait = unowned(WaitKind::RwLock, format!("the read-write lock at {}", lock.addr));
            recorded(Wait { addr: Some(lock.addr), ..wait }, lock.writer)
        }
        Sleeper::Once => {
            let owner = only(stacks.iter().filter(|s| s.tid != stack.tid && runs_once(target, s, futex.word)));
            seen(unowned(WaitKind::Once, format!("the end of the pthread_once at {}", futex.word)), owner)
        }
        Sleeper::Guard => {
            // The caller is the function that has the variable.
            let caller = stack.symbols.get(at.checked_add(1)?)?;
            let own = caller.module.and_then(|m| target.modules.get(m)).is_some_and(|m| !is_run_time(m.file_name()));
            let start = caller.symbol.as_ref().map(|s| s.start).filter(|_| own);
            let inside = |s: &&NativeStack| {
                s.tid != stack.tid
                    && s.symbols.iter().any(|c| start.is_some() && c.symbol.as_ref().map(|s| s.start) == start)
            };
            let of = caller.display_name().map_or(String::new(), |name| format!(" of {name}"));
            let what = format!("a static variable{of} to be initialised (guard at {})", futex.word);
            seen(unowned(WaitKind::StaticGuard, what), only(stacks.iter().filter(inside)))
        }
        Sleeper::Condition => unowned(WaitKind::Condition, format!("a condition variable near {}", futex.word)),
        Sleeper::Semaphore => unowned(WaitKind::Semaphore, format!("the semaphore at {}", futex.word)),
    })
}

/// The thread that `pthread_join` waits for, by where the word is: no other wait on a word of a thread's own block is open to
/// other processes, as the kernel is that wakes it. (The function itself is a jump to one without a name in a stripped library;
/// since glibc 2.43 the word is a state and no thread id.)
fn joins(target: &Target, own: u64, futex: &FutexWait) -> Option<u64> {
    let holds = |base: Addr| futex.word.distance_from(base).is_some_and(|d| d < THREAD_BLOCK);
    let thread = target.threads.iter().find(|t| t.tls_base.is_some_and(holds))?;
    (!futex.private && thread.tid != own).then_some(thread.tid)
}

fn join(tid: u64, timed: bool) -> Wait {
    recorded(Wait { timed, ..super::lock_waits::wait(WaitKind::Thread, format!("the end of thread {tid}")) }, Some(tid))
}

fn recorded(wait: Wait, owner: Option<u64>) -> Wait {
    Wait { owner, owner_from: owner.map(|_| OwnerFrom::Recorded), ..wait }
}

fn seen(wait: Wait, owner: Option<u64>) -> Wait {
    Wait { owner, owner_from: owner.map(|_| OwnerFrom::Stack), ..wait }
}

/// The thread, if it is one only.
fn only<'s>(mut stacks: impl Iterator<Item = &'s NativeStack>) -> Option<u64> {
    let first = stacks.next()?;
    stacks.next().is_none().then_some(first.tid)
}

/// Whether a thread runs what `pthread_once(control, ...)` calls: the function keeps the address, for the case that it is
/// left by an exception or cancelled (glibc nptl/pthread_once.c).
fn runs_once(target: &Target, stack: &NativeStack, control: Addr) -> bool {
    let once = |at: &usize| {
        let name = |at: usize| stack.symbols.get(at)?.name().and_then(Sleeper::of_name);
        // The function that it calls for the first time has no name in a stripped library.
        name(*at) == Some(Sleeper::Once) || at.checked_add(1).and_then(name) == Some(Sleeper::Once)
    };
    (0..stack.unwound.frames.len()).filter(once).filter_map(|at| stack.unwound.frames.get(at)).any(|frame| {
        // Since glibc 2.42 it is no more than a value of the function.
        let kept = frame.registers.as_deref().is_some_and(|regs| regs.callee_saved().any(|value| value == control.0));
        kept || frame_words(target, frame, MAX_FRAME).contains(&control)
    })
}

/// Whether the C library is musl's: its loader is the library; a link leads to it in Debian.
pub(super) fn has_musl(target: &Target) -> bool {
    target.modules.iter().any(|module| match module.file_name() {
        "libc.so" => module.path.contains("-musl/"),
        name => name.starts_with("ld-musl-"),
    })
}
