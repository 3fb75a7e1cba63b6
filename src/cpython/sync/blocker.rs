//! What one sleeping thread waits for.

use crate::base::Addr;
use crate::cpython::frame::{PyFrame, SlotValue, locals};
use crate::cpython::object::{Heap, Int, Kind, find_attribute, read_str};
use crate::cpython::{Context, DecodeError};
use crate::debuggee::MemoryExt as _;
use crate::field;

/// Bytes of the stack that are searched for the lock: those of the C functions between the kernel and the
/// evaluation loop.
const MAX_STACK: u64 = 8 << 10;
/// Objects larger than this are not searched for the word.
const MAX_OBJECT: u64 = 256;
/// Names kept of objects.
const MAX_NAME: u64 = 200;
/// Frames of one library call: `Queue.get` calls `Condition.wait`.
const LIBRARY_FRAMES: usize = 5;

/// A thread that sleeps in the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Asleep<'a> {
    /// The word it sleeps on.
    pub word: Addr,
    /// Its stack pointer.
    pub sp: Addr,
    /// Values of its registers.
    pub registers: &'a [u64],
    /// The GIL of its interpreter.
    pub gil: Option<Addr>,
    /// Its innermost Python frames.
    pub frames: &'a [PyFrame],
}

/// What a thread waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// The GIL.
    Gil,
    /// A `threading.Lock`, which does not record who has it.
    Lock(Addr),
    /// A `threading.RLock`, and `threading.get_ident()` of its owner.
    RLock(Addr, Option<u64>),
    /// The lock of a module that is being imported (importlib's `_ModuleLock`): object, module, owner.
    ModuleLock(Addr, String, Option<u64>),
    /// The end of a thread: its ident.
    Thread(u64),
    /// The end of a thread, while the process ends (`threading._shutdown` until 3.12): the lock that the thread lets go at
    /// its end.
    Exit(Addr),
    /// The result of a `concurrent.futures.Future` or of a `multiprocessing.pool.AsyncResult`: its address, by which call.
    Result(Addr, String),
    /// To be woken by another thread, which nobody owes: by which call (`Queue.get`), and the `threading.Condition`.
    Notification(String, Option<Addr>),
    /// A `PyMutex` at an address, of which nothing more is known.
    Mutex(Addr),
}

/// The two things that a word can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// A semaphore of its own (`PyThread_type_lock`).
    Semaphore(Addr),
    /// The address at which the thread is parked (3.13+, Python/parking_lot.c).
    Parked(Addr),
}

/// What the thread waits for; `None` where nothing of Python is found to hold the word.
#[must_use]
pub fn blocker(heap: &Heap<'_>, asleep: &Asleep<'_>) -> Option<Blocker> {
    let ctx = &heap.ctx;
    if asleep.gil.is_some_and(|gil| is_in_gil(ctx, gil, asleep.word)) {
        return Some(Blocker::Gil);
    }
    let key = parked_at(ctx, asleep.word).map_or(Key::Semaphore(asleep.word), Key::Parked);
    if let Key::Parked(at) = key
        && let Some(ident) = exiting_thread(ctx, at)
    {
        return Some(Blocker::Thread(ident));
    }
    let lock = match key {
        Key::Parked(at) => lock_around(heap, at),
        Key::Semaphore(word) => candidates(ctx, asleep).find(|at| holds_semaphore(heap, *at, word)),
    };
    let Some(lock) = lock else {
        let queue = candidates(ctx, asleep).find(|at| is_queue(heap, *at, key));
        let waits = queue.map(|_| Blocker::Notification("SimpleQueue.get".to_owned(), None));
        return waits.or(if let Key::Parked(at) = key { Some(Blocker::Mutex(at)) } else { None });
    };
    if heap.type_of(lock).ok()?.kind == Kind::RLock {
        let owner = ctx.uint(field!(ctx, rlock.owner), lock, 8).ok().filter(|o| *o != 0);
        return Some(Blocker::RLock(lock, owner));
    }
    Some(library(heap, asleep.frames, lock).unwrap_or(Blocker::Lock(lock)))
}

/// Whether the word belongs to the condition variable or the mutex that `take_gil` waits on.
fn is_in_gil(ctx: &Context<'_>, gil: Addr, word: Addr) -> bool {
    let bounds = ctx.addr(field!(ctx, gil.cond), gil).and_then(|c| Ok((c, ctx.addr(field!(ctx, gil.mutex), gil)?)));
    // The mutex is the last of the two; its first word is the one to sleep on.
    bounds.is_ok_and(|(cond, mutex)| cond <= word && word <= mutex)
}

/// Where a parked thread is parked: the semaphore is a part of its `struct wait_entry`. An entry is in a list, so its
/// neighbour points back to it.
fn parked_at(ctx: &Context<'_>, word: Addr) -> Option<Addr> {
    let sema = field!(ctx, wait_entry.sema).1.ok()?;
    let entry = word.checked_sub(sema)?;
    let node = ctx.addr(field!(ctx, wait_entry.node), entry).ok()?;
    let next = ctx.ptr_at("wait_entry.node", node).ok()?;
    let back = ctx.ptr_at("wait_entry.node", next.checked_add(u64::from(ctx.abi.pointer_size()))?).ok()?;
    // Nothing parks at NULL: other lists have neighbours too.
    (back == node).then(|| ctx.ptr(field!(ctx, wait_entry.addr), entry).ok())?.filter(|at| !at.is_null())
}

/// The thread whose `ThreadHandle` has its event `thread_is_exiting` at that address (3.13+).
fn exiting_thread(ctx: &Context<'_>, at: Addr) -> Option<u64> {
    let handle = at.checked_sub(field!(ctx, thread_handle.exiting).1.ok()?)?;
    // Two list nodes begin the handle; that the first one's neighbour points back makes it one.
    let word = |at: Addr| ctx.ptr_at("thread handle", at).ok();
    let back = word(word(handle)?.checked_add(u64::from(ctx.abi.pointer_size()))?)?;
    let ident = ctx.uint(field!(ctx, thread_handle.ident), handle, ctx.abi.pointer_size()).ok()?;
    (back == handle && ident != 0).then_some(ident)
}

/// The lock object whose `PyMutex` is at that address (3.13+).
fn lock_around(heap: &Heap<'_>, at: Addr) -> Option<Addr> {
    let ctx = &heap.ctx;
    let object = |offset: Result<u64, _>, kind| {
        let object = at.checked_sub(offset.ok()?)?;
        heap.type_of(object).is_ok_and(|t| t.kind == kind).then_some(object)
    };
    object(field!(ctx, lock.locked).1, Kind::Lock).or_else(|| object(field!(ctx, rlock.mutex).1, Kind::RLock))
}

/// Values that the thread has at hand and that may be addresses of objects: registers, then its stack.
fn candidates<'a>(ctx: &Context<'a>, asleep: &Asleep<'a>) -> impl Iterator<Item = Addr> + use<'a> {
    let stack = stack_words(ctx, asleep.sp);
    let mut last = Addr::NULL;
    let values = asleep.registers.iter().copied().chain(stack).map(Addr);
    values.filter(move |at| {
        let fresh = at.0 > 0xffff && at.is_aligned(8) && *at != last;
        last = *at;
        fresh
    })
}

/// Words of the stack from its top on, as many as can be read.
fn stack_words(ctx: &Context<'_>, sp: Addr) -> Vec<u64> {
    const PAGE: u64 = 1 << 10;
    let mut words = Vec::new();
    for step in 0..MAX_STACK / PAGE {
        let Some(at) = sp.checked_add(step.saturating_mul(PAGE)) else { break };
        let Ok(bytes) = ctx.memory.read_vec(at, PAGE) else { break };
        words.extend(bytes.chunks_exact(8).map(|word| ctx.abi.uint(word)));
    }
    words
}

/// Whether there is a lock object at `at` whose semaphore is `word`.
fn holds_semaphore(heap: &Heap<'_>, at: Addr, word: Addr) -> bool {
    let ctx = &heap.ctx;
    let is = |field: crate::cpython::FieldRef, kind| {
        ctx.ptr(field, at).is_ok_and(|w| w == word) && heap.type_of(at).is_ok_and(|t| t.kind == kind)
    };
    is(field!(ctx, lock.lock_lock), Kind::Lock) || is(field!(ctx, rlock.rlock_lock), Kind::RLock)
}

/// Whether there is a `_queue.SimpleQueue` at `at` that the thread waits on: it has the lock, or is parked at.
fn is_queue(heap: &Heap<'_>, at: Addr, key: Key) -> bool {
    let Ok(info) = heap.type_of(at) else { return false };
    let size = u64::try_from(info.basicsize).unwrap_or(0).min(MAX_OBJECT);
    if info.name != "_queue.SimpleQueue" {
        return false;
    }
    match key {
        Key::Parked(address) => address.distance_from(at).is_some_and(|d| d < size),
        Key::Semaphore(word) => {
            let bytes = heap.ctx.memory.read_vec(at, size).unwrap_or_default();
            bytes.chunks_exact(8).any(|w| heap.ctx.abi.uint(w) == word.0)
        }
    }
}

/// What the wait for a plain lock is for in the calls of the standard library that make locks for other ends.
fn library(heap: &Heap<'_>, frames: &[PyFrame], lock: Addr) -> Option<Blocker> {
    let first = frames.first()?;
    let variables = Variables::of(heap, first)?;
    match place(first)? {
        // Until 3.12 a thread's end is a lock that is let go.
        ("threading.py", "_wait_for_tstate_lock") => {
            let thread = variables.get("self")?;
            (find_attribute(heap, thread, "_tstate_lock").ok()?? == lock).then_some(())?;
            Some(Blocker::Thread(int_attribute(heap, thread, "_ident")?))
        }
        // Until 3.12 the interpreter waits for the locks of all threads that are not daemons.
        ("threading.py", "_shutdown") => Some(Blocker::Exit(lock)),
        ("threading.py", "wait") => {
            (variables.get("waiter")? == lock).then_some(())?;
            let condition = variables.get("self");
            let calls = frames.iter().skip(1).take(LIBRARY_FRAMES).take_while(|frame| place(frame).is_some());
            let asks = calls.filter_map(|frame| future_of(heap, frame)).next();
            if let Some(future) = asks {
                return Some(Blocker::Result(future, call(heap, frames)));
            }
            Some(Blocker::Notification(call(heap, frames), condition))
        }
        ("<frozen importlib._bootstrap>", "acquire") => {
            let module = variables.get("self")?;
            (heap.type_of(module).ok()?.short_name() == "_ModuleLock").then_some(())?;
            let name = find_attribute(heap, module, "name").ok()?.and_then(|n| text(heap, n))?;
            Some(Blocker::ModuleLock(module, name, int_attribute(heap, module, "owner")))
        }
        _ => None,
    }
}

/// The future whose `result()` or `exception()` a frame runs, or the result of a pool whose `get()` or `wait()` it does.
fn future_of(heap: &Heap<'_>, frame: &PyFrame) -> Option<Addr> {
    matches!(place(frame)?, ("_base.py", "result" | "exception") | ("pool.py", "get" | "wait")).then_some(())?;
    Variables::of(heap, frame)?.get("self")
}

/// Whether the frame is the outermost one of a thread of `threading` that lets `lock` go at its end (until 3.12).
#[must_use]
pub fn ends_with(heap: &Heap<'_>, frame: &PyFrame, lock: Addr) -> bool {
    let of_thread = || {
        matches!(place(frame)?, ("threading.py", "_bootstrap" | "_bootstrap_inner")).then_some(())?;
        find_attribute(heap, Variables::of(heap, frame)?.get("self")?, "_tstate_lock").ok()?
    };
    of_thread() == Some(lock)
}

/// Whether the frame runs the call whose result `future` gets (`_WorkItem.run` of `concurrent.futures.thread`, or `worker` of
/// `multiprocessing.pool`, whose task bears the number of the result).
#[must_use]
pub fn makes_result(heap: &Heap<'_>, frame: &PyFrame, future: Addr) -> bool {
    let of_pool = || {
        matches!(place(frame)?, ("pool.py", "worker")).then_some(())?;
        let job = Variables::of(heap, frame)?.number(heap, "job")?;
        Some(job == int_attribute(heap, future, "_job")?)
    };
    if of_pool() == Some(true) {
        return true;
    }
    let of_item = || {
        matches!(place(frame)?, ("thread.py", "run")).then_some(())?;
        let item = Variables::of(heap, frame)?.get("self")?;
        (heap.type_of(item).ok()?.short_name() == "_WorkItem").then_some(())?;
        find_attribute(heap, item, "future").ok()?
    };
    of_item() == Some(future)
}

/// The call of the library that the program made: `Queue.get`, by the outermost frame of it.
fn call(heap: &Heap<'_>, frames: &[PyFrame]) -> String {
    let of_library = |f: &&PyFrame| {
        place(f).is_some_and(|(file, function)| {
            file != "<frozen importlib._bootstrap>"
                && !matches!(function, "_bootstrap" | "_bootstrap_inner" | "_shutdown" | "run" | "worker")
        })
    };
    let outermost = frames.iter().take(LIBRARY_FRAMES).take_while(of_library).last();
    let described = outermost.and_then(|frame| {
        let (_, function) = place(frame)?;
        let object = Variables::of(heap, frame)?.get("self")?;
        Some(format!("{}.{function}", heap.type_of(object).ok()?.short_name()))
    });
    described.unwrap_or_else(|| "Condition.wait".to_owned())
}

/// File name (without directory) and function of a frame.
fn place(frame: &PyFrame) -> Option<(&'static str, &'static str)> {
    // `_base.py`, `thread.py`: of `concurrent.futures`; `pool.py`: of `multiprocessing`.
    const FILES: [&str; 6] =
        ["threading.py", "queue.py", "_base.py", "thread.py", "pool.py", "<frozen importlib._bootstrap>"];
    const FUNCTIONS: [&str; 15] = [
        "_bootstrap",
        "_bootstrap_inner",
        "_shutdown",
        "_wait_for_tstate_lock",
        "acquire",
        "exception",
        "get",
        "join",
        "put",
        "result",
        "run",
        "shutdown",
        "wait",
        "wait_for",
        "worker",
    ];
    let code = frame.code.as_ref().ok()?;
    let (file, name) = (code.filename.as_ref().ok()?.to_string(), code.name.as_ref().ok()?.to_string());
    let file = crate::base::file_name(&file);
    let known = |list: &[&'static str], text: &str| list.iter().copied().find(|known| *known == text);
    Some((known(&FILES, file)?, known(&FUNCTIONS, &name)?))
}

/// Variables of a frame by name.
struct Variables(Vec<crate::cpython::frame::LocalVar>);

impl Variables {
    fn of(heap: &Heap<'_>, frame: &PyFrame) -> Option<Variables> {
        locals(heap, frame, 0).ok().map(|(list, _)| Variables(list))
    }

    fn get(&self, name: &str) -> Option<Addr> {
        let variable = self.0.iter().find(|v| v.name == name)?;
        if let SlotValue::Object(at) = variable.value { Some(at) } else { None }
    }

    fn number(&self, heap: &Heap<'_>, name: &str) -> Option<u64> {
        match self.0.iter().find(|v| v.name == name)?.value {
            SlotValue::TaggedInt(number) => u64::try_from(number).ok(),
            SlotValue::Object(at) => int(heap, at),
            _ => None,
        }
    }
}

fn text(heap: &Heap<'_>, at: Addr) -> Option<String> {
    let read: Result<String, DecodeError> = read_str(&heap.ctx, at, MAX_NAME);
    (heap.type_of(at).ok()?.kind == Kind::Str).then(|| read.ok())?
}

fn int_attribute(heap: &Heap<'_>, at: Addr, name: &str) -> Option<u64> {
    int(heap, find_attribute(heap, at, name).ok()??)
}

fn int(heap: &Heap<'_>, at: Addr) -> Option<u64> {
    (heap.type_of(at).ok()?.kind == Kind::Int).then(|| Int::read(&heap.ctx, at).ok()?.to_u64())?
}
