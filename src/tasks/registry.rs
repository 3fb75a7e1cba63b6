//! Where asyncio itself lists its tasks.
//!
//! Until 3.13 in `asyncio.tasks`: `_all_tasks` (3.8 to 3.11), `_scheduled_tasks` and `_eager_tasks` (3.12, 3.13), the same
//! objects for tasks of C and of Python (Lib/asyncio/tasks.py, Modules/_asynciomodule.c). From 3.14 on each thread lists the
//! tasks of C that it made, the interpreter those of threads that have ended; the sets hold what is left.

use super::Thread;
use super::reader::{Reader, module};
use crate::base::{Addr, Diagnostic, DiagnosticCode, Diagnostics};
use crate::cpython::object::{DictEntries, Kind};
use crate::cpython::{DecodeError, FieldRef};
use crate::field;
use crate::model::TaskFrom;
use foldhash::{HashSet, HashSetExt as _};

/// Loops of which the current task is asked for.
const MAX_LOOPS: usize = 10_000;

/// What asyncio lists in one interpreter.
pub(super) struct Listed<'d> {
    pub tasks: Vec<(Addr, TaskFrom)>,
    /// Loops that threads run, each with its thread's index and the task that runs.
    pub running_loops: Vec<Running>,
    /// Whether there are more tasks than were asked for.
    pub cut: bool,
    pub diagnostics: &'d Diagnostics,
}

/// A loop that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub event_loop: Addr,
    pub tid: Option<u64>,
    pub current: Option<Addr>,
}

struct Collector<'d> {
    seen: HashSet<Addr>,
    limit: usize,
    out: Listed<'d>,
}

impl Collector<'_> {
    fn add(&mut self, task: Addr, from: TaskFrom) {
        if self.out.tasks.len() >= self.limit {
            self.out.cut |= !self.seen.contains(&task);
        } else if self.seen.insert(task) {
            self.out.tasks.push((task, from));
        }
    }

    fn broken(&self, what: &str, why: &DecodeError) {
        let text = format!("{what} cannot be read: tasks may be missing ({why})");
        self.out.diagnostics.push(Diagnostic::warning(DiagnosticCode::TasksUnreadable, text));
    }
}

/// The tasks of an interpreter, at most `limit`. `of_heap`: those found among all objects, listed or not.
pub(super) fn listed<'d>(
    reader: &Reader<'_, '_>,
    interpreter: Addr,
    (threads, of_heap): (&[&Thread], &[Addr]),
    limit: usize,
    diagnostics: &'d Diagnostics,
) -> Listed<'d> {
    let out = Listed { tasks: Vec::new(), running_loops: Vec::new(), cut: false, diagnostics };
    let mut found = Collector { seen: HashSet::new(), limit, out };
    let module = match module(reader.heap, interpreter, super::MODULE) {
        Ok(Some(module)) => module,
        Ok(None) => return found.out,
        Err(e) => {
            found.broken("sys.modules", &e);
            return found.out;
        }
    };
    let ctx = &reader.heap.ctx;
    let layouts = &ctx.layouts;
    if layouts.task.node.is_some() {
        for thread in threads {
            list(reader, &mut found, field!(ctx, thread_impl.asyncio_tasks_head), thread.tstate, TaskFrom::ThreadTasks);
            running(reader, &mut found, thread);
        }
        let head = field!(ctx, interpreter.asyncio_tasks_head);
        list(reader, &mut found, head, interpreter, TaskFrom::InterpreterTasks);
    }
    for (name, from) in [
        ("_all_tasks", TaskFrom::ScheduledTasks),
        ("_scheduled_tasks", TaskFrom::ScheduledTasks),
        ("_eager_tasks", TaskFrom::EagerTasks),
    ] {
        let set = match reader.global(module, name) {
            // `_all_tasks` is a function from 3.12 on.
            Ok(Some(set)) if reader.kind(set) != Some(Kind::Function) => set,
            Ok(_) => continue,
            Err(e) => {
                // It is the module that is unreadable, for the other names too.
                found.broken("what asyncio lists", &e);
                break;
            }
        };
        match members(reader, set, limit) {
            Ok(tasks) => tasks.into_iter().for_each(|task| found.add(task, from)),
            Err(e) => found.broken(&format!("asyncio's {name}"), &e),
        }
    }
    current(reader, &mut found, module);
    of_heap.iter().for_each(|task| found.add(*task, TaskFrom::HeapTasks));
    found.out
}

/// A circular list of `struct llist_node` in the tasks (Include/internal/pycore_llist.h).
fn list(reader: &Reader<'_, '_>, found: &mut Collector<'_>, head: FieldRef, owner: Addr, from: TaskFrom) {
    let ctx = &reader.heap.ctx;
    let walk = |found: &mut Collector<'_>| -> Result<(), DecodeError> {
        let node = field!(ctx, task.node).1?;
        let head = ctx.addr(head, owner)?;
        let mut at = ctx.ptr_at("llist_node.next", head)?;
        let mut seen = HashSet::new();
        // A thread that never ran asyncio has a list of zeros.
        while at != head && !at.is_null() {
            let task = Addr(at.0.wrapping_sub(node));
            if !seen.insert(at) {
                return Err(DecodeError::corrupt("llist_node.next", at, "comes up twice"));
            }
            if reader.heap.type_of(task)?.kind != Kind::Task {
                return Err(DecodeError::corrupt("llist_node.next", at, "leads to no task"));
            }
            found.add(task, from);
            if found.out.cut {
                break;
            }
            at = ctx.ptr_at("llist_node.next", at)?;
        }
        Ok(())
    };
    if let Err(e) = walk(found) {
        found.broken("asyncio's list of tasks", &e);
    }
}

/// The loop that a thread runs, and its task (3.14+).
fn running(reader: &Reader<'_, '_>, found: &mut Collector<'_>, thread: &Thread) {
    let ctx = &reader.heap.ctx;
    let read = |field: FieldRef| ctx.ptr(field, thread.tstate).ok().filter(|at| !at.is_null());
    let Some(event_loop) = read(field!(ctx, thread_impl.asyncio_running_loop)) else { return };
    let task = read(field!(ctx, thread_impl.asyncio_running_task));
    if let Some(task) = task.filter(|t| reader.kind(*t) == Some(Kind::Task)) {
        found.add(task, TaskFrom::OtherTasks);
    }
    found.out.running_loops.push(Running { event_loop, tid: thread.tid, current: task });
}

/// `_current_tasks`: the task that each loop runs.
fn current(reader: &Reader<'_, '_>, found: &mut Collector<'_>, module: Addr) {
    let known = reader.global(module, "_current_tasks").ok().flatten();
    let Some(dict) = known.filter(|at| reader.kind(*at) == Some(Kind::Dict)) else {
        return;
    };
    let Ok(entries) = DictEntries::new(&reader.heap.ctx, dict) else { return };
    for (event_loop, task) in entries.take(MAX_LOOPS).map_while(Result::ok) {
        found.add(task, TaskFrom::OtherTasks);
        found.out.running_loops.push(Running { event_loop, tid: None, current: Some(task) });
    }
}

/// The objects of a `set`, or of a `WeakSet` those that are still there.
fn members(reader: &Reader<'_, '_>, set: Addr, limit: usize) -> Result<Vec<Addr>, DecodeError> {
    let ctx = &reader.heap.ctx;
    let limit = (limit as u64).saturating_add(1);
    let data = match reader.kind(set) {
        Some(Kind::Set) => return crate::cpython::object::set_items(ctx, set, limit),
        _ => reader.attribute(set, "data").ok_or(DecodeError::Null { what: "WeakSet.data" })?,
    };
    let references = crate::cpython::object::set_items(ctx, data, limit)?;
    let object = |at: Addr| -> Result<Option<Addr>, DecodeError> {
        if reader.heap.type_of(at)?.kind != Kind::WeakRef {
            return Ok(Some(at));
        }
        reader.referent(at)
    };
    references.into_iter().filter_map(|at| object(at).transpose()).collect()
}
