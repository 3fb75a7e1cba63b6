//! Tasks of curio, by its Python objects (`Task` of `curio.task`, 0.9 to 1.6). Each says itself what it waits for, by a word that the
//! kernel keeps in it. The kernel lists its tasks in a variable of its own: they are looked for among all objects.

use super::chain::{Chain, End, follow};
use super::foreign::{Foreign, link};
use super::reader::Reader;
use super::waits::Wait;
use super::{Sources, Tasks, Thread};
use crate::base::{Addr, counted};
use crate::cpython::frame::FramePlace;
use crate::model::{TaskState, TaskWaitKind};
use foldhash::HashMap;

/// The class of its tasks.
pub const CURIO_TASK: &str = "curio.task.Task";

/// Tasks of one group.
const MAX_MEMBERS: usize = 1_000_000;

/// `Task.state` of tasks that wait (curio/traps.py, sync.py, queue.py, task.py), each with what is waited for.
const STATES: &[(&str, TaskWaitKind, &str)] = &[
    ("READ_WAIT", TaskWaitKind::SocketRead, "bytes of a socket"),
    ("WRITE_WAIT", TaskWaitKind::SocketWrite, "room to write to a socket"),
    ("FUTURE_WAIT", TaskWaitKind::ExecutorJob, "a job in a thread or process"),
    ("TIME_SLEEP", TaskWaitKind::Sleep, "sleep"),
    ("TASK_JOIN", TaskWaitKind::OneTask, "a task"),
    ("EVENT_WAIT", TaskWaitKind::AsyncEvent, ""),
    ("LOCK_ACQUIRE", TaskWaitKind::AsyncLock, ""),
    ("SEMA_ACQUIRE", TaskWaitKind::AsyncSemaphore, ""),
    ("COND_WAIT", TaskWaitKind::AsyncCondition, ""),
    ("QUEUE_GET", TaskWaitKind::QueueGet, "an item of "),
    ("QUEUE_PUT", TaskWaitKind::QueuePut, "room in "),
    ("QUEUE_JOIN", TaskWaitKind::QueueJoin, "all work of "),
];

/// Adds the tasks of the main interpreter at `all`.
pub fn curio(sources: &Sources<'_>, all: &[Addr], out: &mut Tasks) {
    let Some((_, heap)) = sources.interpreters.first() else { return };
    let reader = &Reader::new(heap, sources.codes);
    let threads: Vec<&Thread> = sources.threads.iter().filter(|t| t.interpreter == 0).collect();
    let ended = |at: &Addr| reader.int_attribute(*at, "terminated").unwrap_or(0) != 0;
    let living: Vec<Addr> = all.iter().copied().filter(|at| !ended(at)).collect();
    let id = |at: &Addr| Some((reader.int_attribute(*at, "id")?, *at));
    let ids: HashMap<i64, Addr> = living.iter().filter_map(id).collect();
    let first = out.tasks.len();
    for at in living {
        if let Some(task) = task(reader, at, &ids) {
            task.add(reader, 0, &threads, out);
        }
    }
    link(out, first);
}

fn task(reader: &Reader<'_, '_>, at: Addr, ids: &HashMap<i64, Addr>) -> Option<Foreign> {
    let coroutine = reader.attribute(at, "coro")?;
    let chain = follow(reader, coroutine);
    let word = reader.attribute(at, "state").and_then(|at| reader.text(at)).unwrap_or_default();
    let row = STATES.iter().find(|(state, ..)| *state == word);
    let state = match (chain.end, row) {
        (End::Running, _) => TaskState::Running,
        (End::Created, _) => TaskState::NotStarted,
        // Ended, and not collected yet.
        (End::Finished, _) => return None,
        (_, Some(_)) => TaskState::Waiting,
        (_, None) if word == "READY" => TaskState::Runnable,
        (_, None) => TaskState::Unknown,
    };
    let wait = row.filter(|_| state == TaskState::Waiting).map(|(_, kind, what)| wait(reader, &chain, *kind, what));
    let due = wait.as_ref().is_some_and(|wait| wait.kind == TaskWaitKind::Sleep);
    let due = reader.attribute(at, "sleep").filter(|_| due).and_then(|at| reader.float(at));
    Some(Foreign {
        addr: at,
        state,
        name: reader.attribute(at, "name"),
        coroutine,
        event_loop: None,
        cancelling: reader.attribute(at, "cancel_pending").is_some(),
        wait: wait.map(|wait| Wait { due, ..wait }),
        parent: reader.int_attribute(at, "parentid").and_then(|id| ids.get(&id).copied()),
        chain,
    })
}

/// What a task waits for, with the object whose method is its innermost one of curio.
fn wait(reader: &Reader<'_, '_>, chain: &Chain, kind: TaskWaitKind, what: &str) -> Wait {
    let own = |link: &super::Link| {
        let place = link.place?;
        let code = reader.codes.get(&reader.heap.ctx, place.code).ok()?;
        let file = code.filename.as_ref().ok()?.to_string().replace('\\', "/");
        let (_, file) = file.rsplit_once("/curio/")?;
        Some((file.to_owned(), reader.generator_name(link.generator)?, place))
    };
    let calls: Vec<(String, String, FramePlace)> =
        chain.links.iter().rev().map_while(own).filter(|(file, ..)| file != "traps.py" && file != "sched.py").collect();
    let this = |place: &FramePlace| reader.variable(place, "self");
    // What the program called is a group, whatever that waits for in its turn.
    let group = calls.iter().filter(|(file, name, _)| file == "task.py" && name.starts_with("TaskGroup."));
    if let Some(group) = group.filter_map(|(.., place)| this(place)).next_back() {
        let tasks = reader.attribute(group, "_running").map(|set| reader.items(set, MAX_MEMBERS)).unwrap_or_default();
        let what = format!("{} of a TaskGroup", counted(tasks.len(), "task"));
        return Wait { kind: TaskWaitKind::TaskGroup, what, addr: Some(group), tasks, ..Wait::default() };
    }
    let object = calls.first().and_then(|(.., place)| this(place));
    let tasks = if kind == TaskWaitKind::OneTask { object.into_iter().collect() } else { Vec::new() };
    let named = what.is_empty() || what.ends_with(' ');
    let name = object.filter(|_| named).map(|at| format!("the {} at {at}", reader.type_name(at)));
    let what = format!("{what}{}", name.unwrap_or_default());
    Wait { kind, what, addr: object, tasks, ..Wait::default() }
}
