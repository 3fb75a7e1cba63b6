//! Suspended work of a process, as it goes over the wire: event loops, tasks, what each waits for, who waits for it.

use super::{
    ExceptionInfo, Finding, Frame, GreenletState, Local, PoolKind, SuspendedKind, SuspendedState, TaskFrom, TaskState,
    TaskWaitKind, TracebackEntry,
};
use crate::base::{Addr, Diagnostic, Text};
use serde::{Deserialize, Serialize};

/// Version of this answer: `MAJOR.MINOR`. New optional fields raise MINOR, anything else MAJOR.
pub const TASKS_SCHEMA_VERSION: &str = "1.2";

/// The event loops and tasks of a process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Tasks {
    /// [`TASKS_SCHEMA_VERSION`].
    pub schema_version: String,
    /// Event loops that tasks belong to or threads run.
    pub loops: Vec<EventLoop>,
    /// Tasks: those that have not ended, by loop and name, and those that ended with an exception; on request all that are
    /// still there.
    pub tasks: Vec<Task>,
    /// Stacks of the tasks, each once however many tasks stand in the same place: `Task.stack` counts in this list.
    pub stacks: Vec<TaskStack>,
    /// Tasks that were found, with those that are not in `tasks`.
    pub found: u64,
    /// Generators, coroutines and asynchronous generators that are suspended and that no task runs, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspended: Vec<Suspended>,
    /// Greenlets, where the program uses them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub greenlets: Vec<Greenlet>,
    /// Deferreds of Twisted that have callbacks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deferreds: Vec<Deferred>,
    /// Pools of threads and processes that run jobs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<Pool>,
    /// Futures that are no tasks and ended with an exception that nobody has asked for, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unretrieved: Vec<FailedFuture>,
    /// What is wrong with them. Of a report it is among the report's findings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}

/// One event loop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct EventLoop {
    /// Address of the loop object.
    pub addr: Addr,
    /// Name of its type, with module where it has one: `uvloop.Loop`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// `PyInterpreterState.id` of its interpreter.
    pub interpreter: i64,
    /// Thread that runs it, by the operating system's id; absent while it does not run or where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<u64>,
    /// Name of that thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_name: Option<Text>,
    /// Whether a thread runs it; absent where that is not known (loops that are not written in Python).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,
    /// Whether it was closed; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<bool>,
    /// The task that it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Addr>,
    /// Callbacks that are ready to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<u64>,
    /// Timers that are set, with those that were cancelled and not yet removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timers: Option<u64>,
    /// Its clock (`loop.time()`, seconds) when it last looked at it: before it went to sleep, or when its present turn began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<f64>,
    /// Its tasks that have not ended.
    pub pending: u64,
}

/// One task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Task {
    /// Address of the task object.
    pub addr: Addr,
    /// `task.get_name()`.
    pub name: Text,
    /// Name of its type: `_asyncio.Task`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// State.
    pub state: TaskState,
    /// What listed it.
    pub found_by: TaskFrom,
    /// Its event loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_loop: Option<Addr>,
    /// The coroutine object that it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coroutine: Option<Addr>,
    /// Where it stands: number in [`Tasks::stacks`]; absent without a frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<u32>,
    /// Of a running task: how many of the innermost frames are of functions that the innermost coroutine called.
    #[serde(skip_serializing_if = "is_zero")]
    pub called: u32,
    /// Variables of the frames of that stack, when asked for: one list a frame.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locals: Vec<Vec<Local>>,
    /// What it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<TaskWait>,
    /// The future that wakes it: also of one that is ready to run and has not been woken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub future_waited_for: Option<Addr>,
    /// Tasks that wait for this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub awaited_by: Vec<Addr>,
    /// The task whose nursery it runs in (trio), or that started it (curio).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Addr>,
    /// Whether it was asked to end (`cancel()`) and has not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cancelling: bool,
    /// Where it was made, outermost first (asyncio's debug mode only).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub created: Vec<TracebackEntry>,
    /// The exception that it ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<ExceptionInfo>,
    /// Whether nobody has asked for that exception.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unretrieved: bool,
    /// What could not be read of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// A generator, coroutine or asynchronous generator that is suspended and that no task runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Suspended {
    /// Address of the object.
    pub addr: Addr,
    /// What it is.
    pub kind: SuspendedKind,
    /// Its qualified name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// State.
    pub state: SuspendedState,
    /// Where it stands: number in [`Tasks::stacks`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<u32>,
    /// Generators that it waits for, each for the next. They have no entry of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inner: Vec<Addr>,
    /// What the innermost of them waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<HeldObject>,
    /// What refers to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<HeldObject>,
    /// The shortest way to it from a module or a thread, in Python's syntax.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What could not be read of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A greenlet of the package `greenlet`: those of gevent and eventlet too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Greenlet {
    /// Address of the object.
    pub addr: Addr,
    /// Name of its type: `gevent._gevent_cgreenlet.Greenlet`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// State.
    pub state: GreenletState,
    /// Whether a thread began with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_main: bool,
    /// Whether it is the one that runs the event loop of gevent or eventlet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_hub: bool,
    /// Its thread, by the operating system's id; absent where that is not known, and before it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<u64>,
    /// The greenlet that runs when it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Addr>,
    /// What it is to run, of one that has not begun, in Python's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Where it is suspended: number in [`Tasks::stacks`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<u32>,
    /// Variables of the frames of that stack, when asked for: one list a frame.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locals: Vec<Vec<Local>>,
    /// Why frames are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A Deferred of Twisted with what is to be called when its result is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Deferred {
    /// Its address.
    pub addr: Addr,
    /// Name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it has a result.
    pub called: bool,
    /// Whether it calls nothing for now: it waits for another one, or was paused by hand.
    pub paused: bool,
    /// The Deferred whose result it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chained_to: Option<Addr>,
    /// What it will call, in this order.
    pub callbacks: Vec<DeferredCallback>,
}

/// One of the callbacks of a Deferred.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct DeferredCallback {
    /// `__qualname__` of what is called with a result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback: Option<String>,
    /// The same of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errback: Option<String>,
    /// Where the generator or coroutine stands that goes on then (`inlineCallbacks`): number in [`Tasks::stacks`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<u32>,
}

/// A pool of `concurrent.futures` or `multiprocessing.pool`, with the jobs that it has not done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Pool {
    /// Address of the executor or pool; absent where nothing refers to it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr: Option<Addr>,
    /// Name of its type: `concurrent.futures.thread.ThreadPoolExecutor`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What its workers are.
    pub kind: PoolKind,
    /// How its threads are named, where that was asked for or is numbered: `ThreadPoolExecutor-0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Most workers that it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_workers: Option<u64>,
    /// Workers that there are.
    pub workers: u64,
    /// Workers that wait for a job, of threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<u64>,
    /// Workers that it counts on and that have ended, or that did not survive a fork.
    #[serde(skip_serializing_if = "is_none_left")]
    pub lost: u64,
    /// Jobs in its queue; of processes those that were not handed to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued: Option<u64>,
    /// Jobs that have not ended, of processes: in the queue, handed over and run; `map()` is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<u64>,
    /// Whether it takes no more jobs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// Worker threads, by the operating system's ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<u64>,
    /// Worker processes, by their ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<u64>,
    /// Futures of the jobs in the queue, the next one first (the first thousand).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Addr>,
    /// Futures or results of jobs that have not ended and that processes may have, in the order in which they came (the first
    /// thousand).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub handed: Vec<Addr>,
}

fn is_none_left(n: &u64) -> bool {
    *n == 0
}

/// An object by its address and type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct HeldObject {
    /// Its address.
    pub addr: Addr,
    /// Name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// A future that ended with an exception.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct FailedFuture {
    /// Its address.
    pub addr: Addr,
    /// Name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The exception.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<ExceptionInfo>,
}

/// A place where tasks stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct TaskStack {
    /// Frames, innermost first. Of coroutines, generators and asynchronous generators that await each other; of a running
    /// task also the functions that the innermost of them called.
    pub frames: Vec<Frame>,
}

/// What a task waits for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct TaskWait {
    /// What kind of thing it is.
    pub kind: TaskWaitKind,
    /// The same for people: `Queue.get of the empty Queue at 0x7f...`.
    pub what: String,
    /// Address of the lock, queue, socket, group, or else of the future.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr: Option<Addr>,
    /// The tasks it waits for that have not ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Addr>,
    /// Tasks inside of an `async with` block on the lock that it waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Addr>,
    /// When the timer that ends the wait is due, by the clock of the loop, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<f64>,
    /// Seconds from the loop's last look at its clock (`EventLoop.time`) until then; negative when it is late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_in: Option<f64>,
    /// Seconds from the loop's last look at its clock until a timeout around the wait ends it (`wait_for`, `timeout`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_in: Option<f64>,
    /// File descriptor, of sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd: Option<i64>,
    /// Process id, of subprocesses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i64>,
    /// Thread that runs the job, of executors; absent while the job waits for a worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<u64>,
}
