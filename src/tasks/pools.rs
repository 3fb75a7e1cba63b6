//! Pools of workers and the jobs that they have not done: `concurrent.futures` (threads, interpreters, processes) and
//! `multiprocessing.pool`.
//!
//! Python lists pools nowhere, but their own threads stand in functions whose variables lead to all that a pool is made of:
//! `_worker` (Lib/concurrent/futures/thread.py), `_ExecutorManagerThread.run` and until 3.8 `_queue_management_worker`
//! (process.py), `Pool._handle_workers` and `worker` (Lib/multiprocessing/pool.py, 3.8+). Of a pool whose threads did not
//! survive a fork `_threads_queues` of thread.py is left (until 3.14), else it is found among all objects alone.

use super::reader::{Reader, full_name, module, place, runs};
use super::{Sources, Thread};
use crate::base::{Addr, Text};
use crate::cpython::frame::{FramePlace, PyFrame};
use crate::cpython::object::{DictEntries, Kind};
use crate::model::PoolKind;
use crate::model::tasks::Pool;
use foldhash::{HashMap, HashSet};
use std::collections::BTreeMap;

/// Classes of executors and pools, by module and name.
pub const THREAD_EXECUTOR: &str = "concurrent.futures.thread.ThreadPoolExecutor";

const THREADS: &str = "/concurrent/futures/thread.py";
const PROCESSES: &str = "/concurrent/futures/process.py";
const POOL: &str = "/multiprocessing/pool.py";
/// Frames from the outermost one in which a thread of a pool has its own function (`_bootstrap`, `_bootstrap_inner`, `run`).
const OUTER_FRAMES: usize = 8;
/// Workers of one pool, processes too.
const MAX_WORKERS: usize = 100_000;
/// Jobs of one pool that are looked at, and that are named.
const MAX_JOBS: usize = 1_000_000;
const MAX_NAMED: usize = 1_000;

/// Whether an interpreter has imported what makes pools.
#[must_use]
pub fn may_have_pools(heap: &crate::cpython::object::Heap<'_>, interpreter: Addr) -> bool {
    let modules = ["concurrent.futures.thread", "concurrent.futures.process", "multiprocessing.pool"];
    modules.iter().any(|name| super::is_imported(heap, interpreter, name))
}

/// The pools of all interpreters. `of_heap`: executors of threads of the main interpreter that were found among all objects.
#[must_use]
pub fn pools(sources: &Sources<'_>, of_heap: &[Addr]) -> Vec<Pool> {
    let mut out = Vec::new();
    for (index, (interpreter, heap)) in sources.interpreters.iter().enumerate() {
        let reader = Reader::new(heap, sources.codes);
        let threads: Vec<&Thread> = sources.threads.iter().filter(|t| t.interpreter == index).collect();
        let executors = if index == 0 { of_heap } else { &[] };
        out.extend(of_thread_executors(&reader, *interpreter, &threads, executors));
        for thread in &threads {
            out.extend(outer(thread).find_map(|frame| of_process_executor(&reader, frame)));
            out.extend(outer(thread).find_map(|frame| of_pool(&reader, &threads, frame)));
        }
    }
    out
}

/// The outermost frames of a thread.
fn outer(thread: &Thread) -> impl Iterator<Item = &PyFrame> {
    thread.frames.iter().rev().take(OUTER_FRAMES)
}

/// What leads to an executor of threads.
#[derive(Default)]
struct Threads {
    executor: Option<Addr>,
    /// Threads that take jobs, each with whether it runs one.
    workers: Vec<(Option<u64>, bool)>,
    /// `threading.Thread` objects of its workers.
    listed: HashSet<Addr>,
}

/// Executors of threads, by the queue that their workers take jobs from.
fn of_thread_executors(reader: &Reader<'_, '_>, interpreter: Addr, threads: &[&Thread], of_heap: &[Addr]) -> Vec<Pool> {
    let mut found: BTreeMap<Addr, Threads> = BTreeMap::new();
    for thread in threads {
        let Some(worker) = outer(thread).find(|frame| runs(frame, THREADS, "_worker")).and_then(place) else {
            continue;
        };
        let Some(queue) = reader.variable(&worker, "work_queue") else { continue };
        let busy = thread.frames.iter().any(|frame| runs(frame, THREADS, "run"));
        let one = found.entry(queue).or_default();
        one.workers.push((thread.tid, busy));
        one.executor = one.executor.or_else(|| referent(reader, reader.variable(&worker, "executor_reference")?));
    }
    for (thread, queue) in threads_queues(reader, interpreter) {
        let one = found.entry(queue).or_default();
        one.listed.insert(thread);
        // `_args` of a thread: the reference to the executor first.
        let first = reader.attribute(thread, "_args").and_then(|args| reader.items(args, 1).first().copied());
        one.executor = one.executor.or_else(|| referent(reader, first?));
    }
    for executor in of_heap {
        if let Some(queue) = reader.attribute(*executor, "_work_queue") {
            found.entry(queue).or_default().executor = Some(*executor);
        }
    }
    let alive: HashSet<Addr> = threads.iter().filter_map(|thread| thread_object(reader, thread)).collect();
    found.into_iter().map(|(queue, one)| of_threads(reader, queue, one, &alive)).collect()
}

fn of_threads(reader: &Reader<'_, '_>, queue: Addr, mut one: Threads, alive: &HashSet<Addr>) -> Pool {
    let executor = |name: &str| reader.attribute(one.executor?, name);
    if let Some(threads) = executor("_threads") {
        one.listed.extend(reader.items(threads, MAX_WORKERS));
    }
    // An item of None wakes a worker to look whether it is to end.
    let jobs: Vec<Addr> = reader.items(queue, MAX_JOBS).into_iter().filter(|at| is_job(reader, *at)).collect();
    let counted = reader.length(queue).is_some();
    Pool {
        addr: one.executor,
        type_name: one.executor.map_or_else(|| THREAD_EXECUTOR.to_owned(), |at| full_name(reader.heap, at)),
        kind: PoolKind::Threads,
        name: executor("_thread_name_prefix").and_then(|at| text(reader, at)),
        max_workers: executor("_max_workers").and_then(|at| number(reader, at)),
        workers: one.workers.len() as u64,
        idle: Some(one.workers.iter().filter(|(_, busy)| !busy).count() as u64),
        lost: one.listed.difference(alive).count() as u64,
        queued: counted.then_some(jobs.len() as u64),
        closed: executor("_shutdown").and_then(|at| reader.int(at)).is_some_and(|n| n != 0),
        threads: one.workers.iter().filter_map(|(tid, _)| *tid).collect(),
        waiting: jobs.iter().take(MAX_NAMED).filter_map(|job| reader.attribute(*job, "future")).collect(),
        ..Pool::default()
    }
}

/// `_threads_queues`, a `WeakKeyDictionary`: threads with the queue that each takes jobs from.
fn threads_queues(reader: &Reader<'_, '_>, interpreter: Addr) -> Vec<(Addr, Addr)> {
    let all = || {
        let module = module(reader.heap, interpreter, "concurrent.futures.thread").ok()??;
        let data = reader.attribute(reader.global(module, "_threads_queues").ok()??, "data")?;
        DictEntries::new(&reader.heap.ctx, data).ok()
    };
    let entries = all().into_iter().flatten().take(MAX_WORKERS).map_while(Result::ok);
    entries.filter_map(|(reference, queue)| Some((referent(reader, reference)?, queue))).collect()
}

/// An executor of processes whose manager thread runs `frame`.
fn of_process_executor(reader: &Reader<'_, '_>, frame: &PyFrame) -> Option<Pool> {
    let at = place(frame)?;
    // Parameters of that function, later attributes of the thread that took its place.
    let (manager, part): (Option<Addr>, &dyn Fn(&'static str) -> Option<Addr>) =
        if runs(frame, PROCESSES, "_queue_management_worker") {
            (None, &|name| reader.variable(&at, name))
        } else if runs(frame, PROCESSES, "run") {
            let manager = reader.variable(&at, "self")?;
            (Some(manager), &move |name| reader.attribute(manager, name))
        } else {
            return None;
        };
    manager.is_none_or(|at| reader.type_name(at) == "_ExecutorManagerThread").then_some(())?;
    let executor = part("executor_reference").and_then(|at| referent(reader, at));
    let pending = part("pending_work_items")?;
    let states = futures(reader, pending);
    let of = |word: &str| states.iter().filter(|(_, s)| s == word).map(|(at, _)| *at).take(MAX_NAMED).collect();
    let processes = part("processes").map(|dict| reader.entries(dict, MAX_WORKERS)).unwrap_or_default();
    let attribute = |name: &str| reader.attribute(executor?, name);
    Some(Pool {
        addr: executor,
        type_name: executor.map_or_else(
            || "concurrent.futures.process.ProcessPoolExecutor".to_owned(),
            |at| full_name(reader.heap, at),
        ),
        kind: PoolKind::Processes,
        max_workers: attribute("_max_workers").and_then(|at| number(reader, at)),
        workers: processes.len() as u64,
        queued: part("work_ids_queue").and_then(|queue| reader.length(reader.attribute(queue, "queue")?)),
        unfinished: reader.length(pending),
        closed: attribute("_shutdown_thread").and_then(|at| reader.int(at)).is_some_and(|n| n != 0),
        processes: processes.iter().filter_map(|(pid, _)| number(reader, *pid)).collect(),
        waiting: of("PENDING"),
        handed: of("RUNNING"),
        ..Pool::default()
    })
}

/// The futures of `{id: _WorkItem}`, each with the word for its state.
fn futures(reader: &Reader<'_, '_>, items: Addr) -> Vec<(Addr, String)> {
    let future = |item: Addr| {
        let future = reader.attribute(item, "future")?;
        Some((future, reader.text(reader.attribute(future, "_state")?)?))
    };
    reader.entries(items, MAX_JOBS).into_iter().filter_map(|(_, item)| future(item)).collect()
}

/// A pool of `multiprocessing.pool` whose thread that looks after the workers runs `frame`.
fn of_pool(reader: &Reader<'_, '_>, threads: &[&Thread], frame: &PyFrame) -> Option<Pool> {
    runs(frame, POOL, "_handle_workers").then_some(())?;
    let at = place(frame)?;
    let variable = |name: &'static str| reader.variable(&at, name);
    let (results, tasks) = (variable("cache")?, variable("taskqueue")?);
    let unfinished: Vec<Addr> = reader.entries(results, MAX_JOBS).into_iter().map(|(_, result)| result).collect();
    // Results refer to their pool as long as they are not there.
    let pool = unfinished.iter().find_map(|result| reader.attribute(*result, "_pool"));
    let state = pool.and_then(|pool| reader.text(reader.attribute(pool, "_state")?));
    let workers = variable("pool").map(|list| reader.items(list, MAX_WORKERS)).unwrap_or_default();
    let base = Pool {
        addr: pool,
        // Nothing leads to a pool whose results are all there.
        type_name: pool.map_or_else(|| "multiprocessing.pool.Pool".to_owned(), |at| full_name(reader.heap, at)),
        max_workers: variable("processes").and_then(|at| number(reader, at)),
        workers: workers.len() as u64,
        queued: reader.length(tasks),
        unfinished: reader.length(results),
        closed: state.is_some_and(|state| state != "RUN"),
        handed: unfinished.iter().copied().take(MAX_NAMED).collect(),
        ..Pool::default()
    };
    let input = variable("inqueue")?;
    if reader.kind(input) != Some(Kind::SimpleQueue) {
        let pid = |worker: &Addr| number(reader, reader.attribute(reader.attribute(*worker, "_popen")?, "pid")?);
        let processes = workers.iter().filter_map(pid).collect();
        return Some(Pool { kind: PoolKind::Processes, processes, ..base });
    }
    // A ThreadPool: its threads take from a queue of this process.
    let takes = |thread: &&&Thread| -> Option<FramePlace> {
        let worker = outer(thread).find(|frame| runs(frame, POOL, "worker")).and_then(place)?;
        (reader.variable(&worker, "inqueue") == Some(input)).then_some(worker)
    };
    let own: Vec<(Option<u64>, bool)> =
        threads.iter().filter_map(|t| Some((t.tid, reader.variable(&takes(&t)?, "func").is_some()))).collect();
    let jobs = reader.items(input, MAX_JOBS).into_iter().filter(|at| is_job(reader, *at)).count() as u64;
    Some(Pool {
        kind: PoolKind::Threads,
        type_name: if pool.is_some() { base.type_name } else { "multiprocessing.pool.ThreadPool".to_owned() },
        idle: Some(own.iter().filter(|(_, busy)| !busy).count() as u64),
        queued: base.queued.map(|n| n.saturating_add(jobs)),
        threads: own.iter().filter_map(|(tid, _)| *tid).collect(),
        ..base
    })
}

/// The `threading.Thread` that a thread runs (`Thread._bootstrap`, Lib/threading.py).
fn thread_object(reader: &Reader<'_, '_>, thread: &Thread) -> Option<Addr> {
    let outermost = outer(thread).find(|frame| runs(frame, "/threading.py", "_bootstrap")).and_then(place)?;
    reader.variable(&outermost, "self")
}

/// What a weak reference refers to, if that is still there.
fn referent(reader: &Reader<'_, '_>, reference: Addr) -> Option<Addr> {
    (reader.kind(reference)? == Kind::WeakRef).then_some(())?;
    reader.referent(reference).ok()?
}

fn is_job(reader: &Reader<'_, '_>, at: Addr) -> bool {
    reader.kind(at) != Some(Kind::None)
}

fn number(reader: &Reader<'_, '_>, at: Addr) -> Option<u64> {
    u64::try_from(reader.int(at)?).ok()
}

fn text(reader: &Reader<'_, '_>, at: Addr) -> Option<Text> {
    Some(reader.text(at)?).filter(|name| !name.is_empty()).map(|name| Text::from(name.as_str()))
}

/// Where jobs are that have not ended, by the future or result of each.
pub struct Jobs<'p> {
    of: HashMap<Addr, (&'p Pool, Option<usize>)>,
}

impl std::fmt::Debug for Jobs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").field("of", &self.of.len()).finish()
    }
}

impl<'p> Jobs<'p> {
    /// The jobs of these pools.
    #[must_use]
    pub fn of(pools: &'p [Pool]) -> Jobs<'p> {
        let handed = pools.iter().flat_map(|pool| pool.handed.iter().map(move |at| (*at, (pool, None))));
        let waiting = |pool: &'p Pool| pool.waiting.iter().enumerate().map(move |(n, at)| (*at, (pool, Some(n))));
        Jobs { of: handed.chain(pools.iter().flat_map(waiting)).collect() }
    }

    /// Where the job of a future is, in words: "3rd in the queue of ...".
    #[must_use]
    pub fn tell(&self, future: Addr) -> Option<String> {
        let (pool, place) = self.of.get(&future)?;
        let class = pool.type_name.rsplit('.').next().unwrap_or(&pool.type_name);
        let name = match (&pool.name, pool.addr) {
            (Some(name), _) => format!("{class} \"{name}\""),
            (None, Some(at)) => format!("the {class} at {at}"),
            (None, None) => format!("a {class}"),
        };
        let busy = match (pool.kind, pool.idle) {
            (_, _) if pool.workers == 0 && pool.lost > 0 => "whose workers are gone".to_owned(),
            (_, _) if pool.workers == 0 => "which has no workers".to_owned(),
            (PoolKind::Threads, Some(0)) if pool.workers == 1 => "whose only worker is busy".to_owned(),
            (PoolKind::Threads, Some(0)) => format!("whose {} workers are all busy", pool.workers),
            (PoolKind::Threads, Some(idle)) => format!("of whose {} workers {idle} are idle", pool.workers),
            _ => format!("which has {} processes", pool.workers),
        };
        Some(match place {
            Some(n) => format!("number {} of {} in the queue of {name}, {busy}", n.saturating_add(1), pool.queued?),
            None if pool.kind == PoolKind::Processes => {
                format!("one of {} unfinished jobs of {name}, {busy}", pool.unfinished?)
            }
            None => return None,
        })
    }
}
