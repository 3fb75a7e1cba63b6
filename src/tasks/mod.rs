//! Suspended work of a process: asyncio's event loops and tasks, where each task stands, what it waits for and who waits for
//! it.
//!
//! [`collect`] lists the tasks as asyncio itself does (`registry`), follows each coroutine to the innermost frame (`chain`) and
//! tells what it waits for by the frames of asyncio's own functions and by the future it waits for (`waits`). Nothing here
//! recurses over what a dump says; lists end at a limit or where an entry comes up twice.

mod chain;
mod curio;
mod deferreds;
mod event_loops;
mod foreign;
mod greenlets;
mod library;
mod pools;
mod reader;
mod registry;
mod stacks;
mod suspended;
mod timers;
mod trio;
mod waits;

pub use chain::{Chain, End, Link, is_coroutine_kind};
pub use curio::{CURIO_TASK, curio};
pub use deferreds::{DEFERRED, deferreds};
pub use event_loops::EventLoop;
pub use greenlets::{Greenlet, greenlets, type_greenlet};
pub use pools::{Jobs, THREAD_EXECUTOR, may_have_pools, pools};
pub use reader::full_name;
pub use stacks::{Stack, Stacks};
pub use suspended::{Suspended, suspended};
pub use trio::{TRIO_TASK, trio};
pub use waits::Wait;

use crate::base::{Addr, Diagnostic, DiagnosticCode, Diagnostics, Text};
use crate::cpython::code::CodeCache;
use crate::cpython::frame::{FramePlace, PyFrame};
use crate::cpython::object::{self, Future, FutureState, Heap};
use crate::model::{TaskFrom, TaskState};
use event_loops::loops_of;
use foldhash::{HashMap, HashMapExt as _, HashSet};
use reader::Reader;
use waits::Waits;

/// A thread as this room needs it.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Index of its interpreter.
    pub interpreter: usize,
    /// Address of its thread state.
    pub tstate: Addr,
    /// `threading.get_ident()`.
    pub ident: u64,
    /// The operating system's id.
    pub tid: Option<u64>,
    /// Its name.
    pub name: Option<Text>,
    /// Its Python frames, innermost first.
    pub frames: Vec<PyFrame>,
}

/// What tasks are looked for in.
#[derive(Debug)]
pub struct Sources<'a> {
    /// Each interpreter: address of its state, reader of its objects.
    pub interpreters: Vec<(Addr, Heap<'a>)>,
    /// Code objects read so far.
    pub codes: &'a CodeCache,
    /// Threads of all interpreters.
    pub threads: Vec<Thread>,
    /// Tasks of the main interpreter that were found among all objects.
    pub of_heap: Vec<Addr>,
    /// Most tasks that are read.
    pub limit: usize,
    /// Where it is said what is missing.
    pub diagnostics: &'a Diagnostics,
}

/// One task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its address.
    pub addr: Addr,
    /// Index of its interpreter.
    pub interpreter: usize,
    /// What listed it.
    pub found_by: TaskFrom,
    /// State.
    pub state: TaskState,
    /// What every future has.
    pub future: Future,
    /// What a task has besides.
    pub task: object::Task,
    /// Its frames, innermost first.
    pub frames: Vec<FramePlace>,
    /// How many of the innermost are of functions that the innermost coroutine called.
    pub called: usize,
    /// The same frames as a number in [`Tasks::stacks`].
    pub stack: Option<u32>,
    /// What it waits for.
    pub wait: Option<Wait>,
    /// Tasks that wait for it.
    pub awaited_by: Vec<Addr>,
    /// The task whose nursery it runs in (trio).
    pub parent: Option<Addr>,
    /// What could not be read of it.
    pub problems: Vec<String>,
}

/// The tasks of a process.
#[derive(Debug, Default)]
pub struct Tasks {
    /// Event loops.
    pub loops: Vec<EventLoop>,
    /// Tasks, in no order.
    pub tasks: Vec<Task>,
    /// Where they stand.
    pub stacks: Stacks,
    /// The coroutines and generators that tasks run.
    pub coroutines: HashSet<Addr>,
}

/// A task with its coroutine followed, before it is known what it waits for.
struct Followed {
    task: Task,
    chain: Chain,
}

/// Whether one of the interpreters has imported asyncio.
#[must_use]
pub fn imported(heap: &Heap<'_>, interpreter: Addr) -> bool {
    is_imported(heap, interpreter, MODULE)
}

/// Whether an interpreter has imported what suspends work and lists it nowhere: greenlet, trio, curio, Twisted.
#[must_use]
pub fn may_have_unlisted(heap: &Heap<'_>, interpreter: Addr) -> bool {
    let modules = ["trio._core._run", "curio.task", "twisted.internet.defer"];
    type_greenlet(heap, interpreter).is_some() || modules.iter().any(|name| is_imported(heap, interpreter, name))
}

/// Whether an interpreter has imported a module.
fn is_imported(heap: &Heap<'_>, interpreter: Addr, module: &str) -> bool {
    reader::module(heap, interpreter, module).is_ok_and(|module| module.is_some())
}

/// The module that lists tasks.
const MODULE: &str = "asyncio.tasks";

/// Finds the tasks of all interpreters.
#[must_use]
pub fn collect(sources: &Sources<'_>) -> Tasks {
    let mut out = Tasks::default();
    let mut left = sources.limit;
    for (index, (interpreter, heap)) in sources.interpreters.iter().enumerate() {
        let reader = Reader::new(heap, sources.codes);
        let threads: Vec<&Thread> = sources.threads.iter().filter(|t| t.interpreter == index).collect();
        let of_heap = if index == 0 { sources.of_heap.as_slice() } else { &[] };
        let listed = registry::listed(&reader, *interpreter, (&threads, of_heap), left, sources.diagnostics);
        if listed.tasks.is_empty() && listed.running_loops.is_empty() {
            continue;
        }
        left = left.saturating_sub(listed.tasks.len());
        if listed.cut {
            let text = format!("only the first {} tasks were read", sources.limit);
            sources.diagnostics.push(Diagnostic::warning(DiagnosticCode::TasksCut, text));
        }
        of_interpreter(&reader, index, &threads, listed, &mut out);
    }
    out
}

fn of_interpreter(
    reader: &Reader<'_, '_>,
    interpreter: usize,
    threads: &[&Thread],
    listed: registry::Listed,
    out: &mut Tasks,
) {
    let mut followed: Vec<Followed> = Vec::with_capacity(listed.tasks.len());
    let mut unreadable = 0u64;
    for (addr, found_by) in listed.tasks {
        match follow(reader, interpreter, addr, found_by) {
            Some(one) => followed.push(one),
            None => unreadable = unreadable.saturating_add(1),
        }
    }
    if unreadable > 0 {
        let text = format!("{unreadable} objects that asyncio lists are unreadable or no tasks");
        listed.diagnostics.push(Diagnostic::warning(DiagnosticCode::TasksUnreadable, text));
    }
    let loops = loops_of(reader, threads, &listed.running_loops, followed.iter().map(|f| &f.task));
    let waits = Waits::new(reader, threads, &loops, &followed);
    let found: Vec<(TaskState, Option<Wait>)> = followed.iter().map(|f| waits.of(&f.task, &f.chain)).collect();
    let mut awaited_by: HashMap<Addr, Vec<Addr>> = HashMap::new();
    for (one, (_, wait)) in followed.iter().zip(&found) {
        for other in wait.iter().flat_map(|w| &w.tasks) {
            awaited_by.entry(*other).or_default().push(one.task.addr);
        }
    }
    drop(waits);
    out.tasks.reserve(followed.len());
    for (one, (state, wait)) in followed.into_iter().zip(found) {
        let Followed { mut task, chain } = one;
        out.coroutines.extend(chain.links.iter().map(|link| link.generator));
        task.state = state;
        task.wait = wait;
        task.awaited_by = awaited_by.remove(&task.addr).unwrap_or_default();
        let (frames, called) = frames(&chain, threads);
        task.called = called;
        task.stack = out.stacks.number(reader, interpreter, &frames);
        task.frames = frames.into_iter().map(|(place, _)| place).collect();
        out.tasks.push(task);
    }
    out.loops.extend(loops);
}

/// The frames of a chain, innermost first, each with the generator whose frame it is; of one that runs, those of its thread
/// down to its outermost coroutine.
fn frames(chain: &Chain, threads: &[&Thread]) -> (Vec<(FramePlace, Option<Addr>)>, usize) {
    let own = || chain.links.iter().rev().filter_map(|link| Some((link.place?, Some(link.generator))));
    let outermost = chain.links.first().and_then(|link| link.place);
    let Some(outermost) = outermost.filter(|_| chain.end == End::Running) else { return (own().collect(), 0) };
    for thread in threads {
        if let Some(at) = thread.frames.iter().position(|f| f.addr == outermost.addr) {
            let frames = thread.frames.iter().take(at.saturating_add(1));
            let called = frames.clone().take_while(|f| !is_coroutine(f)).count();
            return (frames.filter_map(|f| Some((reader::place(f)?, None))).collect(), called);
        }
    }
    (own().collect(), 0)
}

/// `CO_GENERATOR`, `CO_COROUTINE`, `CO_ITERABLE_COROUTINE`, `CO_ASYNC_GENERATOR` (Include/cpython/code.h).
fn is_coroutine(frame: &PyFrame) -> bool {
    const FLAGS: u32 = 0x20 | 0x80 | 0x100 | 0x200;
    frame.code.as_ref().is_ok_and(|code| code.flags & FLAGS != 0)
}

fn follow(reader: &Reader<'_, '_>, interpreter: usize, addr: Addr, found_by: TaskFrom) -> Option<Followed> {
    let mut problems = Vec::new();
    let future = Future::read(reader.heap, addr).ok()??;
    let task = object::Task::read(reader.heap, addr).ok()??;
    let chain = match task.coroutine.filter(|_| future.state == FutureState::Pending) {
        Some(coroutine) => chain::follow(reader, coroutine),
        None => Chain::default(),
    };
    problems.extend(chain.broken.clone());
    let task = Task {
        addr,
        interpreter,
        found_by,
        state: TaskState::Unknown,
        future,
        task,
        frames: Vec::new(),
        called: 0,
        stack: None,
        wait: None,
        awaited_by: Vec::new(),
        parent: None,
        problems,
    };
    Some(Followed { task, chain })
}
