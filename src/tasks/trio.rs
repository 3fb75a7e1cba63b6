//! Tasks of trio (and of anyio on trio), by its Python objects: `Task`, `Nursery`, `CancelStatus`, `Runner` of
//! `trio._core._run`. trio lists a runner's tasks in the runner, which a variable of its thread alone knows: they are looked for among all objects.

use super::chain::{End, follow};
use super::event_loops::EventLoop;
use super::foreign::{Foreign, link};
use super::reader::Reader;
use super::waits::Wait;
use super::{Sources, Tasks, Thread};
use crate::base::{Addr, counted};
use crate::model::{TaskState, TaskWaitKind};
use foldhash::{HashMap, HashMapExt as _};

/// The class of its tasks, by the module and name that trio gives it.
pub const TRIO_TASK: &str = "trio.lowlevel.Task";

/// Tasks of one nursery, nurseries of one task.
const MAX_MEMBERS: usize = 1_000_000;
/// Cancel scopes around a task.
const MAX_SCOPES: usize = 10_000;

/// trio's own functions that wait, by file and qualified name (trio 0.15 to 0.35), innermost first where they call each other.
const CALLS: &[(&str, &str, TaskWaitKind)] = &[
    ("_core/_run.py", "Nursery._nested_child_finished", TaskWaitKind::Nursery),
    ("_timeouts.py", "sleep_forever", TaskWaitKind::Sleep),
    ("_sync.py", "Event.wait", TaskWaitKind::AsyncEvent),
    ("_sync.py", "Condition.wait", TaskWaitKind::AsyncCondition),
    ("_sync.py", "CapacityLimiter.acquire_on_behalf_of", TaskWaitKind::AsyncSemaphore),
    ("_sync.py", "Semaphore.acquire", TaskWaitKind::AsyncSemaphore),
    ("_sync.py", "_LockImpl.acquire", TaskWaitKind::AsyncLock),
    ("_channel.py", "MemorySendChannel.send", TaskWaitKind::QueuePut),
    ("_channel.py", "MemoryReceiveChannel.receive", TaskWaitKind::QueueGet),
    ("_threads.py", "to_thread_run_sync", TaskWaitKind::ExecutorJob),
    ("_subprocess.py", "Process.wait", TaskWaitKind::ChildProcess),
    ("_core/_io_epoll.py", "EpollIOManager.wait_readable", TaskWaitKind::SocketRead),
    ("_core/_io_epoll.py", "EpollIOManager.wait_writable", TaskWaitKind::SocketWrite),
];

/// Adds the tasks of the main interpreter at `all`, and the runners that they belong to.
pub fn trio(sources: &Sources<'_>, all: &[Addr], out: &mut Tasks) {
    let interpreter = 0;
    let Some((_, heap)) = sources.interpreters.first() else { return };
    let reader = &Reader::new(heap, sources.codes);
    let threads: Vec<&Thread> = sources.threads.iter().filter(|t| t.interpreter == interpreter).collect();
    let mut runners: HashMap<Addr, u64> = HashMap::new();
    let first = out.tasks.len();
    for at in all {
        let Some(task) = task(reader, *at) else { continue };
        if let Some(runner) = task.event_loop {
            let count = runners.entry(runner).or_insert(0);
            *count = count.saturating_add(1);
        }
        task.add(reader, interpreter, &threads, out);
    }
    link(out, first);
    let mut runners: Vec<(Addr, u64)> = runners.into_iter().collect();
    runners.sort_unstable();
    for (addr, pending) in runners {
        let running =
            out.tasks.iter().skip(first).find(|t| t.future.event_loop == Some(addr) && t.state == TaskState::Running);
        let name = reader.heap.type_of(addr).map(|info| reader.heap.full_name(&info)).unwrap_or_default();
        out.loops.push(EventLoop {
            addr,
            type_name: name,
            interpreter,
            current: running.map(|task| task.addr),
            ready: part(reader, addr, "runq").and_then(|queue| reader.length(queue)),
            pending,
            ..EventLoop::default()
        });
    }
}

/// An attribute that is not `None`: in `__slots__` since trio 0.19, before in the dict of the instance.
fn part(reader: &Reader<'_, '_>, at: Addr, name: &'static str) -> Option<Addr> {
    reader.slot(at, name).or_else(|| reader.attribute(at, name))
}

fn task(reader: &Reader<'_, '_>, at: Addr) -> Option<Foreign> {
    let coroutine = part(reader, at, "coro")?;
    let chain = follow(reader, coroutine);
    let status = part(reader, at, "_cancel_status");
    let cancelled = status.and_then(|at| part(reader, at, "effectively_cancelled")).and_then(|at| reader.int(at));
    // It is set from when the task is woken until it runs.
    let blocked = part(reader, at, "_next_send_fn").is_none();
    let state = match chain.end {
        End::Running => TaskState::Running,
        End::Created => TaskState::NotStarted,
        // Ended, and not collected yet.
        End::Finished => return None,
        _ if blocked => TaskState::Waiting,
        _ => TaskState::Runnable,
    };
    let call = chain.links.iter().rev().find_map(|link| {
        let place = link.place?;
        let code = reader.codes.get(&reader.heap.ctx, place.code).ok()?;
        let file = code.filename.as_ref().ok()?.to_string().replace('\\', "/");
        let (_, file) = file.rsplit_once("/trio/")?;
        let name = reader.generator_name(link.generator)?;
        let (.., kind) = CALLS.iter().find(|(f, n, _)| *f == file && *n == name)?;
        Some((*kind, place))
    });
    let wait = (state == TaskState::Waiting).then(|| match call {
        Some((kind, frame)) => {
            let object = reader.variable(&frame, "self");
            let children = match kind {
                TaskWaitKind::Nursery => object.and_then(|nursery| reader.attribute(nursery, "_children")),
                _ => None,
            };
            let tasks = children.map(|set| reader.items(set, MAX_MEMBERS)).unwrap_or_default();
            let due = if kind == TaskWaitKind::Sleep { status.and_then(|at| deadline(reader, at)) } else { None };
            let name = object.map(|at| format!("the {} at {at}", reader.type_name(at)));
            let what = match kind {
                TaskWaitKind::Nursery => format!("{} of a nursery", counted(tasks.len(), "task")),
                TaskWaitKind::Sleep => String::from("sleep"),
                TaskWaitKind::ExecutorJob => "a job in a thread".to_owned(),
                TaskWaitKind::SocketRead => "bytes of a socket".to_owned(),
                TaskWaitKind::SocketWrite => "room to write to a socket".to_owned(),
                _ => name.unwrap_or_else(|| "an object of trio".to_owned()),
            };
            Wait { kind, what, addr: object, tasks, due, ..Wait::default() }
        }
        None => {
            let what = "what it is to be woken for by hand".to_owned();
            Wait { kind: TaskWaitKind::OtherAwaitable, what, ..Wait::default() }
        }
    });
    let nursery = part(reader, at, "_parent_nursery");
    Some(Foreign {
        addr: at,
        state,
        name: part(reader, at, "name"),
        coroutine,
        chain,
        event_loop: part(reader, at, "_runner"),
        cancelling: cancelled.unwrap_or(0) != 0,
        wait,
        parent: nursery.and_then(|nursery| reader.attribute(nursery, "_parent_task")),
    })
}

/// The first deadline of the cancel scopes around a task.
fn deadline(reader: &Reader<'_, '_>, status: Addr) -> Option<f64> {
    let mut first: Option<f64> = None;
    let mut next = Some(status);
    for _ in 0..MAX_SCOPES {
        let Some(at) = next else { break };
        let scope = part(reader, at, "_scope")?;
        let due = part(reader, scope, "_deadline").and_then(|at| reader.float(at)).filter(|due| due.is_finite());
        first = first.into_iter().chain(due).reduce(f64::min);
        next = part(reader, at, "_parent");
    }
    first
}
