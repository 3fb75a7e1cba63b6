//! What each task waits for: by the innermost functions of asyncio on its stack, and by the future it waits for.

use super::chain::{Chain, End, Link as ChainLink};
use super::event_loops::EventLoop;
use super::library::Call;
use super::reader::{Reader, place, runs};
use super::timers::{Timer, Timers};
use super::{Followed, Task, Thread};
use crate::base::{Addr, counted};
use crate::cpython::frame::FramePlace;
use crate::cpython::object::{Future, FutureState, Kind, ReprLimits, TaskName, dict_get_str, repr};
use crate::cpython::sync::{Block, is_outside, managers};
use crate::field;
use crate::model::{TaskState, TaskWaitKind};
use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};
use std::cell::{OnceCell, RefCell};

/// Members of a group that are looked at.
const MAX_MEMBERS: usize = 1_000_000;
/// Callbacks of a future that are looked at.
const MAX_CALLBACKS: usize = 8;
/// Futures between a future and the tasks that it stands for (`shield` of `gather` of ...).
const MAX_STEPS: usize = 100_000;

/// What a task waits for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wait {
    /// What kind of thing it is.
    pub kind: TaskWaitKind,
    /// The same for people.
    pub what: String,
    /// Address of the object.
    pub addr: Option<Addr>,
    /// Tasks that have not ended.
    pub tasks: Vec<Addr>,
    /// Tasks inside of `async with` on it.
    pub holders: Vec<Addr>,
    /// When it ends by itself, by the loop's clock.
    pub due: Option<f64>,
    /// Seconds until then, from the loop's last look at its clock.
    pub due_in: Option<f64>,
    /// The same of a timeout around it.
    pub timeout_in: Option<f64>,
    /// File descriptor.
    pub fd: Option<i64>,
    /// Process.
    pub pid: Option<i64>,
    /// Thread that runs the job.
    pub tid: Option<u64>,
}

/// Finds out what tasks wait for.
pub(super) struct Waits<'w, 'r, 'a> {
    reader: &'w Reader<'r, 'a>,
    threads: &'w [&'w Thread],
    followed: &'w [Followed],
    timers: Timers,
    /// Tasks by address.
    tasks: HashMap<Addr, &'w Task>,
    /// What was told of locks and queues.
    tools: RefCell<HashMap<(TaskWaitKind, Addr), String>>,
    /// Jobs that threads run: the future of each.
    jobs: OnceCell<HashMap<Addr, u64>>,
    /// Tasks inside of `async with` blocks, by the block's object.
    holders: OnceCell<HashMap<Addr, Vec<Addr>>>,
}

/// What a future stands for.
#[derive(Default)]
struct Members {
    tasks: Vec<Addr>,
    all: usize,
    done: usize,
}

/// A future that another one waits for.
enum Link {
    Shielded(Addr),
    /// The future that gives its result (`wrap_future`, `run_in_executor`).
    Source(Addr),
}

impl<'w, 'r, 'a> Waits<'w, 'r, 'a> {
    pub fn new(
        reader: &'w Reader<'r, 'a>,
        threads: &'w [&'w Thread],
        loops: &[EventLoop],
        followed: &'w [Followed],
    ) -> Self {
        Waits {
            reader,
            threads,
            followed,
            timers: Timers::read(reader, loops),
            tasks: followed.iter().map(|f| (f.task.addr, &f.task)).collect(),
            tools: RefCell::default(),
            jobs: OnceCell::new(),
            holders: OnceCell::new(),
        }
    }

    /// State of a task, and what it waits for.
    pub fn of(&self, task: &Task, chain: &Chain) -> (TaskState, Option<Wait>) {
        match task.future.state {
            FutureState::Cancelled => return (TaskState::Cancelled, None),
            FutureState::Finished if task.future.exception.is_some() => return (TaskState::Failed, None),
            FutureState::Finished => return (TaskState::Finished, None),
            FutureState::Pending => {}
        }
        match chain.end {
            End::Running => return (TaskState::Running, None),
            End::Created => return (TaskState::NotStarted, None),
            End::Yielded | End::Parked(_) | End::Finished => {}
        }
        let Some(waiter) = task.task.waits_for else { return (TaskState::Runnable, None) };
        let future = self.future(waiter);
        if future.as_ref().is_some_and(|f| f.state != FutureState::Pending) {
            return (TaskState::Runnable, None);
        }
        let mut wait = match self.call(chain) {
            Some((call, frame)) => self.of_call(call, &frame, waiter, future.as_ref()),
            None => self.of_future(waiter, future.as_ref()),
        };
        // A timer of the future it waits for ends a sleep, and gives up anything else.
        let own = self.timers.of_future.get(&waiter);
        let around = self.timers.of_task.get(&task.addr);
        if wait.kind == TaskWaitKind::Sleep {
            wait.due = own.map(|t| t.when);
            wait.due_in = own.and_then(Timer::due_in);
        }
        let gives_up = own.filter(|_| wait.kind != TaskWaitKind::Sleep);
        wait.timeout_in = gives_up.into_iter().chain(around).filter_map(Timer::due_in).reduce(f64::min);
        (TaskState::Waiting, Some(wait))
    }

    fn future(&self, at: Addr) -> Option<Future> {
        match self.tasks.get(&at) {
            Some(task) => Some(task.future.clone()),
            None => Future::read(self.reader.heap, at).ok()?,
        }
    }

    /// The call of asyncio that the program made: of the innermost frames that are asyncio's own.
    fn call(&self, chain: &Chain) -> Option<(&'static Call, FramePlace)> {
        let mut found = None;
        for link in chain.links.iter().rev() {
            let place = link.place?;
            let facts = self.reader.facts(&place, link.generator);
            if !facts.library {
                break;
            }
            if let Some(call) = facts.call.filter(|call| found.is_none() || call.whole) {
                found = Some((call, place));
            }
        }
        found
    }

    fn of_call(&self, call: &Call, frame: &FramePlace, waiter: Addr, future: Option<&Future>) -> Wait {
        let reader = self.reader;
        let object = if call.object.is_empty() { None } else { reader.variable(frame, call.object) };
        let base = Wait { kind: call.kind, addr: Some(object.unwrap_or(waiter)), ..Wait::default() };
        match call.kind {
            TaskWaitKind::OneTask => match object.filter(|at| *at != waiter) {
                Some(at) => self.of_future(at, self.future(at).as_ref()),
                None => self.of_future(waiter, future),
            },
            TaskWaitKind::Sleep => Wait { what: String::from("sleep"), ..base },
            TaskWaitKind::WaitMany => {
                let members = self.members(object.map(|at| reader.items(at, MAX_MEMBERS)).unwrap_or_default());
                let until = reader.variable(frame, "return_when").and_then(|at| reader.text(at));
                let which = match until.as_deref() {
                    Some("FIRST_COMPLETED") => "the first of ",
                    Some("FIRST_EXCEPTION") => "the first exception of ",
                    _ => "all of ",
                };
                Wait { what: format!("{which}{}", members.counted()), tasks: members.tasks, ..base }
            }
            TaskWaitKind::AsCompleted => {
                let left = object.and_then(|at| reader.attribute(at, "_todo"));
                let members = self.members(left.map(|at| reader.items(at, MAX_MEMBERS)).unwrap_or_default());
                let what = match left {
                    Some(_) => format!("the next of {}", members.counted()),
                    None => "the next of several".to_owned(),
                };
                Wait { what, tasks: members.tasks, ..base }
            }
            TaskWaitKind::TaskGroup => {
                let tasks = object.and_then(|at| reader.attribute(at, "_tasks"));
                let members = self.members(tasks.map(|at| reader.items(at, MAX_MEMBERS)).unwrap_or_default());
                let ending = object.and_then(|at| reader.int_attribute(at, "_aborting")).unwrap_or(0) != 0;
                let how = if ending { ", which is cancelling them" } else { "" };
                let what = format!("{} of a TaskGroup{how}", counted(members.tasks.len(), "task"));
                Wait { what, tasks: members.tasks, ..base }
            }
            TaskWaitKind::ExecutorJob => self.of_job(base, self.link(future)),
            TaskWaitKind::SocketRead
            | TaskWaitKind::SocketWrite
            | TaskWaitKind::SocketAccept
            | TaskWaitKind::SocketConnect => {
                let fd = object.and_then(|at| self.fd(at));
                let what = match call.kind {
                    TaskWaitKind::SocketRead => "bytes of",
                    TaskWaitKind::SocketWrite => "room to write to",
                    TaskWaitKind::SocketAccept => "a connection to",
                    _ => "the connection of",
                };
                Wait { what: format!("{what} a socket{}", with_fd(fd)), fd, ..base }
            }
            TaskWaitKind::StreamRead => {
                let transport = object.and_then(|at| reader.attribute(at, "_transport"));
                self.of_transport(base, "bytes of a stream", transport)
            }
            TaskWaitKind::StreamWrite => {
                let transport = object.and_then(|at| reader.attribute(at, "_transport"));
                self.of_transport(base, "room in the write buffer of a stream", transport)
            }
            TaskWaitKind::ChildProcess => {
                let pid = object.and_then(|at| reader.int_attribute(at, "_pid"));
                let which = pid.map_or_else(|| "a subprocess".to_owned(), |pid| format!("subprocess {pid}"));
                Wait { what: format!("the end of {which}"), pid, ..base }
            }
            TaskWaitKind::Closing => {
                let name = object.map_or_else(|| "stream".to_owned(), |at| reader.type_name(at));
                Wait { what: format!("the end of a {name}"), ..base }
            }
            _ => {
                let what = object.map_or_else(|| "an object of asyncio".to_owned(), |at| self.tool(call.kind, at));
                let held =
                    matches!(call.kind, TaskWaitKind::AsyncLock | TaskWaitKind::AsyncSemaphore).then_some(object);
                let holders = held.flatten().and_then(|at| self.holders().get(&at).cloned()).unwrap_or_default();
                Wait { what, holders, ..base }
            }
        }
    }

    /// A lock, queue and the like, with what of its state says why it is waited for: once for all that wait for it.
    fn tool(&self, kind: TaskWaitKind, at: Addr) -> String {
        let mut tools = self.tools.borrow_mut();
        tools.entry((kind, at)).or_insert_with(|| self.tell_tool(kind, at)).clone()
    }

    fn tell_tool(&self, kind: TaskWaitKind, at: Addr) -> String {
        let reader = self.reader;
        let name = reader.type_name(at);
        let number = |attribute: &str| reader.int_attribute(at, attribute);
        let (what, detail) = match kind {
            TaskWaitKind::AsyncSemaphore => ("", number("_value").map(|n| format!("value {n}"))),
            TaskWaitKind::AsyncBarrier => {
                let counts = number("_count").zip(number("_parties"));
                ("", counts.map(|(count, parties)| format!("{count} of {parties} parties are there")))
            }
            TaskWaitKind::QueueGet => ("an item of ", self.queue_length(at).map(|n| format!("{n} items"))),
            TaskWaitKind::QueuePut => {
                let most = number("_maxsize").map_or_else(String::new, |n| format!(" of {n}"));
                ("room in ", self.queue_length(at).map(|n| format!("{n}{most} items")))
            }
            TaskWaitKind::QueueJoin => {
                ("all work of ", number("_unfinished_tasks").map(|n| format!("{n} items are not done")))
            }
            _ => ("", None),
        };
        let detail = detail.map(|d| format!(" ({d})")).unwrap_or_default();
        format!("{what}the {name} at {at}{detail}")
    }

    fn queue_length(&self, queue: Addr) -> Option<u64> {
        self.reader.length(self.reader.attribute(queue, "_queue")?)
    }

    /// A future that the program waits for itself.
    fn of_future(&self, at: Addr, future: Option<&Future>) -> Wait {
        let reader = self.reader;
        let base = Wait { addr: Some(at), ..Wait::default() };
        if let Some(task) = self.tasks.get(&at) {
            let tasks = pending(task).into_iter().collect();
            return Wait { kind: TaskWaitKind::OneTask, what: format!("task {}", self.name(task)), tasks, ..base };
        }
        let Some(future) = future else {
            let what = format!("the {} at {at}", reader.type_name(at));
            return Wait { kind: TaskWaitKind::OtherAwaitable, what, ..base };
        };
        if let Some(children) = self.children(at) {
            let members = self.members(children);
            let what = format!("all of {}", members.counted());
            return Wait { kind: TaskWaitKind::Gather, what, tasks: members.tasks, ..base };
        }
        match self.link(Some(future)) {
            Some(Link::Shielded(inner)) => {
                let members = self.members(vec![inner]);
                let first = members.tasks.first().and_then(|t| self.tasks.get(t));
                let what = match (members.tasks.len(), first) {
                    (1, Some(task)) => format!("the shielded task {}", self.name(task)),
                    _ => format!("the shielded {} at {inner}", reader.type_name(inner)),
                };
                Wait { kind: TaskWaitKind::Shield, what, tasks: members.tasks, ..base }
            }
            Some(source @ Link::Source(_)) => self.of_job(base, Some(source)),
            None if self.timers.of_future.contains_key(&at) => {
                Wait { kind: TaskWaitKind::Sleep, what: String::from("sleep"), ..base }
            }
            None => {
                let what = format!("the {} at {at}", reader.type_name(at));
                Wait { kind: TaskWaitKind::PlainFuture, what, ..base }
            }
        }
    }

    /// A future that gets the result of another: of a job, or of a task of another loop.
    fn of_job(&self, base: Wait, source: Option<Link>) -> Wait {
        let Some(Link::Source(source)) = source else {
            return Wait { kind: TaskWaitKind::ExecutorJob, what: "a job of an executor".to_owned(), ..base };
        };
        let members = self.members(vec![source]);
        if let Some(task) = members.tasks.first().and_then(|t| self.tasks.get(t)) {
            let what = format!("task {} of another event loop", self.name(task));
            return Wait { kind: TaskWaitKind::OneTask, what, tasks: members.tasks, ..base };
        }
        let tid = self.jobs().get(&source).copied();
        let state = self.reader.attribute(source, "_state").and_then(|at| self.reader.text(at));
        let what = match (tid, state.as_deref()) {
            (Some(tid), _) => format!("a job that thread {tid} runs"),
            (None, Some("PENDING")) => "a job of an executor that no worker has begun".to_owned(),
            (None, Some("RUNNING")) => "a job that a worker of an executor runs".to_owned(),
            _ => "a job of an executor".to_owned(),
        };
        Wait { kind: TaskWaitKind::ExecutorJob, what, addr: Some(source), tid, ..base }
    }

    fn of_transport(&self, base: Wait, what: &str, transport: Option<Addr>) -> Wait {
        let reader = self.reader;
        let fd = transport
            .and_then(|at| reader.int_attribute(at, "_sock_fd").or_else(|| reader.int_attribute(at, "_fileno")));
        let peer = transport.and_then(|at| self.peer(at)).map(|peer| format!(" with {peer}")).unwrap_or_default();
        Wait { what: format!("{what}{peer}{}", with_fd(fd)), fd, ..base }
    }

    /// The other end of a transport's connection, as Python would print it.
    fn peer(&self, transport: Addr) -> Option<String> {
        let extra = self.reader.attribute(transport, "_extra")?;
        (self.reader.kind(extra)? == Kind::Dict).then_some(())?;
        let peer = dict_get_str(&self.reader.heap.ctx, extra, "peername").ok()??;
        let shown = repr(self.reader.heap, peer, &ReprLimits { reads: 200, characters: 100, ..ReprLimits::default() });
        // A socket without a name has an empty one.
        (self.reader.kind(peer)? != Kind::None && shown.text != "''").then_some(shown.text)
    }

    /// File descriptor of a socket object: the first field of `PySocketSockObject` (Modules/socketmodule.h).
    fn fd(&self, socket: Addr) -> Option<i64> {
        (self.reader.kind(socket)? == Kind::Socket).then_some(())?;
        let ctx = &self.reader.heap.ctx;
        ctx.int(field!(ctx, object.size), socket, 4).ok()
    }

    /// The futures of `asyncio.gather`.
    fn children(&self, at: Addr) -> Option<Vec<Addr>> {
        (self.reader.type_name(at) == "_GatheringFuture").then_some(())?;
        Some(self.reader.items(self.reader.attribute(at, "_children")?, MAX_MEMBERS))
    }

    /// What a future gets its result from, by the callbacks that asyncio puts on it (Lib/asyncio/futures.py `_chain_future`,
    /// Lib/asyncio/tasks.py `shield`).
    fn link(&self, future: Option<&Future>) -> Option<Link> {
        let callbacks = future?.callbacks(self.reader.heap, MAX_CALLBACKS).ok()?;
        callbacks.into_iter().find_map(|callback| match self.reader.qualname(callback)?.as_str() {
            "_chain_future.<locals>._call_check_cancel" => self.reader.closure(callback, "source").map(Link::Source),
            "shield.<locals>._outer_done_callback" => self.reader.closure(callback, "inner").map(Link::Shielded),
            _ => None,
        })
    }

    /// The task that a `concurrent.futures.Future` gets its result from (`run_coroutine_threadsafe`).
    fn maker(&self, future: Addr) -> Option<Addr> {
        let callbacks = self.reader.attribute(future, "_done_callbacks")?;
        self.reader.items(callbacks, MAX_CALLBACKS).into_iter().find_map(|callback| {
            let name = self.reader.qualname(callback)?;
            (name == "_chain_future.<locals>._call_check_cancel").then_some(())?;
            self.reader.closure(callback, "source")
        })
    }

    /// The tasks that futures stand for.
    fn members(&self, futures: Vec<Addr>) -> Members {
        let mut members = Members { all: futures.len(), ..Members::default() };
        let mut seen = HashSet::new();
        for future in futures {
            let mut left = vec![future];
            let mut first = true;
            while let Some(at) = left.pop() {
                if seen.len() > MAX_STEPS.max(members.all) || !seen.insert(at) {
                    continue;
                }
                if let Some(task) = self.tasks.get(&at) {
                    members.done = members.done.saturating_add(usize::from(first && pending(task).is_none()));
                    members.tasks.extend(pending(task));
                } else if let Some(children) = self.children(at) {
                    left.extend(children);
                } else if let Some(future) = self.future(at) {
                    let done = first && future.state != FutureState::Pending;
                    members.done = members.done.saturating_add(usize::from(done));
                    left.extend(self.link(Some(&future)).map(|(Link::Shielded(at) | Link::Source(at))| at));
                } else {
                    left.extend(self.maker(at));
                }
                first = false;
            }
        }
        members
    }

    /// The future of the job that each thread runs (`_WorkItem.run`, Lib/concurrent/futures/thread.py).
    fn jobs(&self) -> &HashMap<Addr, u64> {
        self.jobs.get_or_init(|| {
            let mut jobs = HashMap::new();
            for thread in self.threads {
                let frames = thread.frames.iter().filter(|f| runs(f, "/concurrent/futures/thread.py", "run"));
                for item in frames.filter_map(place).filter_map(|frame| self.reader.variable(&frame, "self")) {
                    if let (Some(future), Some(tid)) = (self.reader.attribute(item, "future"), thread.tid) {
                        jobs.insert(future, tid);
                    }
                }
            }
            jobs
        })
    }

    fn holders(&self) -> &HashMap<Addr, Vec<Addr>> {
        self.holders.get_or_init(|| {
            let mut holders: HashMap<Addr, Vec<Addr>> = HashMap::new();
            // Most tasks stand in the same few places.
            let mut outside: HashMap<(Addr, i64), bool> = HashMap::new();
            let heap = self.reader.heap;
            for one in self.followed {
                let links = &one.chain.links;
                for (index, link) in links.iter().enumerate() {
                    let Some(place) = link.place else { continue };
                    if *outside.entry((place.code, place.lasti)).or_insert_with(|| is_outside(&heap.ctx, &place)) {
                        continue;
                    }
                    let found = managers(heap, &place, Block::AsyncWith);
                    if found.is_empty() {
                        continue;
                    }
                    let entering = links.get(index.saturating_add(1)).and_then(|inner| self.enters(inner));
                    for manager in found {
                        if entering != Some(manager) {
                            holders.entry(manager).or_default().push(one.task.addr);
                        }
                    }
                }
            }
            holders
        })
    }

    /// The object that a coroutine enters: its `__aexit__` is on the stack of the one that awaits it already.
    fn enters(&self, inner: &ChainLink) -> Option<Addr> {
        let name = self.reader.generator_name(inner.generator)?;
        name.ends_with("__aenter__").then(|| self.reader.variable(&inner.place?, "self"))?
    }

    fn name(&self, task: &Task) -> String {
        name(self.reader, &task.task.name)
    }
}

/// Name of a task, in quotes.
fn name(reader: &Reader<'_, '_>, name: &TaskName) -> String {
    match name {
        TaskName::Number(number) => format!("'Task-{}'", number.big()),
        TaskName::None(task) => format!("at {task}"),
        TaskName::Object(at) => repr(reader.heap, *at, &ReprLimits { characters: 200, ..ReprLimits::default() }).text,
    }
}

fn pending(task: &Task) -> Option<Addr> {
    (task.future.state == FutureState::Pending).then_some(task.addr)
}

impl Members {
    fn counted(&self) -> String {
        match self.done {
            0 => self.all.to_string(),
            done => format!("{}, {done} done", self.all),
        }
    }
}

fn with_fd(fd: Option<i64>) -> String {
    fd.map(|fd| format!(", fd {fd}")).unwrap_or_default()
}
