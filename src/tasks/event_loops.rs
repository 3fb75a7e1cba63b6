//! The event loops that tasks belong to or threads run.

use super::Task;
use super::Thread;
use super::reader::{Reader, full_name, place, runs};
use super::registry::Running;
use crate::base::{Addr, Text};
use crate::cpython::object::FutureState;
use foldhash::{HashMap, HashMapExt as _};

/// Loops that are looked at.
const MAX_LOOPS: usize = 10_000;
/// The longest that a loop sleeps at once, in seconds (`MAXIMUM_SELECT_TIMEOUT`, Lib/asyncio/base_events.py).
const MAX_SLEEP: f64 = 24.0 * 3600.0;

/// One event loop.
#[derive(Clone, Debug, Default)]
pub struct EventLoop {
    /// Its address.
    pub addr: Addr,
    /// Name of its type, with module where that is known.
    pub type_name: String,
    /// Index of its interpreter.
    pub interpreter: usize,
    /// Thread that runs it.
    pub tid: Option<u64>,
    /// Name of that thread.
    pub thread_name: Option<Text>,
    /// Whether a thread runs it.
    pub running: Option<bool>,
    /// Whether it was closed.
    pub closed: Option<bool>,
    /// The task that it runs.
    pub current: Option<Addr>,
    /// Callbacks that are ready.
    pub ready: Option<u64>,
    /// Timers.
    pub timers: Option<u64>,
    /// The list of its timers.
    pub(super) timer_list: Option<Addr>,
    /// `loop.time()` when it last looked.
    pub time: Option<f64>,
    /// Its tasks that have not ended.
    pub pending: u64,
}

/// All loops that are known of.
pub(super) fn loops_of<'t>(
    reader: &Reader<'_, '_>,
    threads: &[&Thread],
    running: &[Running],
    tasks: impl Iterator<Item = &'t Task>,
) -> Vec<EventLoop> {
    let mut pending: HashMap<Addr, u64> = HashMap::new();
    let mut order: Vec<Addr> = Vec::new();
    let mut interpreter = threads.first().map_or(0, |t| t.interpreter);
    for task in tasks {
        interpreter = task.interpreter;
        let Some(event_loop) = task.future.event_loop else { continue };
        let count = pending.entry(event_loop).or_insert_with(|| {
            order.push(event_loop);
            0
        });
        *count = count.saturating_add(u64::from(task.future.state == FutureState::Pending));
    }
    for one in running {
        pending.entry(one.event_loop).or_insert_with(|| {
            order.push(one.event_loop);
            0
        });
    }
    order.truncate(MAX_LOOPS);
    let one = |addr: Addr| {
        let current = running.iter().filter(|r| r.event_loop == addr).find_map(|r| r.current);
        let told = running.iter().filter(|r| r.event_loop == addr).find_map(|r| r.tid);
        let pending = pending.get(&addr).copied().unwrap_or(0);
        EventLoop { interpreter, current, pending, ..describe(reader, threads, addr, told) }
    };
    order.into_iter().map(one).collect()
}

fn describe(reader: &Reader<'_, '_>, threads: &[&Thread], addr: Addr, told: Option<u64>) -> EventLoop {
    // `BaseEventLoop.__init__` sets it to None; a loop that is written in C has no such attribute that can be read.
    let base = crate::cpython::object::find_attribute(reader.heap, addr, "_thread_id").ok().flatten();
    let ident = base.and_then(|at| reader.int(at));
    let by_ident = ident.and_then(|ident| threads.iter().find(|t| t.ident == ident.cast_unsigned()));
    let thread = told.and_then(|tid| threads.iter().find(|t| t.tid == Some(tid))).or(by_ident);
    let timer_list = reader.attribute(addr, "_scheduled");
    let closed = reader.int_attribute(addr, "_closed").map(|closed| closed != 0);
    EventLoop {
        addr,
        type_name: full_name(reader.heap, addr),
        tid: told.or(thread.and_then(|t| t.tid)),
        thread_name: thread.and_then(|t| t.name.clone()),
        running: if told.is_some() { Some(true) } else { base.map(|_| ident.is_some()) },
        closed,
        ready: reader.attribute(addr, "_ready").and_then(|ready| reader.length(ready)),
        timers: timer_list.and_then(|list| reader.length(list)),
        timer_list,
        time: thread.and_then(|thread| time(reader, thread, addr, timer_list)),
        ..EventLoop::default()
    }
}

/// The loop's clock as its own frame shows it: `_run_once` (Lib/asyncio/base_events.py) computes for how long it may sleep
/// from the first timer, and after its sleep until when timers are due.
fn time(reader: &Reader<'_, '_>, thread: &Thread, event_loop: Addr, timers: Option<Addr>) -> Option<f64> {
    let turn = thread.frames.iter().filter(|f| runs(f, "/asyncio/base_events.py", "_run_once")).filter_map(place);
    let turn = turn.into_iter().find(|frame| reader.variable(frame, "self") == Some(event_loop))?;
    if let Some(end) = reader.variable(&turn, "end_time").and_then(|at| reader.float(at)) {
        let resolution = reader.attribute(event_loop, "_clock_resolution").and_then(|at| reader.float(at));
        return Some(end - resolution?);
    }
    let timeout = reader.variable(&turn, "timeout").and_then(|at| reader.float(at))?;
    let first = reader.items(timers?, 1).first().copied()?;
    let due = reader.slot(first, "_when").and_then(|at| reader.float(at))?;
    (timeout > 0.0 && timeout < MAX_SLEEP).then_some(due - timeout)
}
