//! Futures and tasks, those of C and those of Python: `FutureObj_repr` (Modules/_asynciomodule.c) calls the functions of
//! `Lib/asyncio/base_futures.py` and `base_tasks.py`, which this re-enacts.

use super::super::{attribute, int_attribute, reprlib, string};
use super::callback;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::future::{Future, FutureState, Task, TaskName, callback as callback_of};
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::sequence::{Sequence, list_items};
use crate::cpython::object::types::TypeInfo;
use crate::model::Fidelity;

/// The first two callbacks, the last, and how many there are.
#[derive(Default)]
struct Callbacks {
    count: u64,
    first: Option<Addr>,
    second: Option<Addr>,
    last: Option<Addr>,
}

/// A `_asyncio.Future`; until 3.10 the function of tasks, too.
pub(in crate::cpython::object) fn future(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    if info.kind == Kind::Task {
        return task(w, addr, info);
    }
    if w.ctx().dialect.repr.futures_tell_their_parts && attribute(w, addr, "_coro").is_some() {
        return python_task(w, addr, info).map(|_| ());
    }
    let Some(future) = Future::read(w.heap, addr)? else { return Ok(()) };
    write(w, info, &future, None)
}

/// A `_asyncio.Task`.
pub(in crate::cpython::object) fn task(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    let (Some(future), Some(task)) = (Future::read(w.heap, addr)?, Task::read(w.heap, addr)?) else { return Ok(()) };
    write(w, info, &future, Some(&task))
}

/// A future of `Lib/asyncio/futures.py`; until 3.10 the function of tasks, too.
pub(in super::super) fn python_future(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<bool, DecodeError> {
    if attribute(w, addr, "_coro").is_some() {
        return python_task(w, addr, info);
    }
    let Some(future) = Future::read(w.heap, addr)? else { return Ok(false) };
    write(w, info, &future, None)?;
    Ok(true)
}

/// A task of `Lib/asyncio/tasks.py`.
pub(in super::super) fn python_task(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let (Some(future), Some(task)) = (Future::read(w.heap, addr)?, Task::read(w.heap, addr)?) else {
        return Ok(false);
    };
    write(w, info, &future, Some(&task))?;
    Ok(true)
}

/// Those of a future.
fn callbacks_of(w: &Writer<'_, '_>, future: &Future) -> Result<Callbacks, DecodeError> {
    let mut rest = future.callbacks.map(|list| list_items(w.ctx(), list)).transpose()?;
    let callbacks = listed(w, rest.as_mut())?;
    Ok(match future.first_callback {
        Some(first) => Callbacks {
            count: callbacks.count.saturating_add(1),
            first: Some(first),
            second: callbacks.first,
            last: callbacks.last,
        },
        None => callbacks,
    })
}

/// Callbacks in a list of `(callback, context)`.
fn listed(w: &Writer<'_, '_>, list: Option<&mut Sequence<'_>>) -> Result<Callbacks, DecodeError> {
    let Some(list) = list else { return Ok(Callbacks::default()) };
    let count = list.total();
    let mut callback = |index: Option<u64>| -> Result<Option<Addr>, DecodeError> {
        let Some(entry) = index.and_then(|index| list.item(index)).transpose()? else { return Ok(None) };
        callback_of(w.ctx(), entry)
    };
    Ok(Callbacks {
        count,
        first: callback(Some(0))?,
        second: callback(Some(1))?,
        last: callback(count.checked_sub(1))?,
    })
}

fn write(w: &mut Writer<'_, '_>, info: &TypeInfo, future: &Future, task: Option<&Task>) -> Result<(), DecodeError> {
    w.push("<");
    w.name(info.dunder_name());
    w.push(" ");
    let cancelling = task.is_some_and(|task| task.cancelling) && shows_cancelling(w, future);
    w.push(if cancelling { "cancelling" } else { future.state.word() });
    if let Some(task) = task {
        match &task.name {
            TaskName::Object(name) => {
                w.push(" name=");
                w.object(*name);
            }
            TaskName::Number(number) => w.put(format_args!(" name='Task-{}'", number.big())),
            TaskName::None(_) => {}
        }
        if let Some(coroutine) = task.coroutine {
            w.push(" coro=<");
            callback::coroutine(w, coroutine)?;
            w.push(">");
        }
        if let Some(waits_for) = task.waits_for {
            w.push(" wait_for=");
            w.object(waits_for);
        }
    }
    outcome(w, future);
    let of_future = callbacks_of(w, future)?;
    callbacks(w, &of_future)?;
    created_at(w, future.created)?;
    w.push(">");
    Ok(())
}

/// Since the requests are counted they stay when the task has ended, and are no longer shown then.
fn shows_cancelling(w: &Writer<'_, '_>, future: &Future) -> bool {
    !w.ctx().dialect.repr.cancelling_by_count || future.state == FutureState::Pending
}

fn outcome(w: &mut Writer<'_, '_>, future: &Future) {
    if future.state != FutureState::Finished {
        return;
    }
    match (future.exception, future.result) {
        (Some(exception), _) => {
            w.push(" exception=");
            w.object(exception);
        }
        (None, _) if w.is_again() => {
            w.push(" result=...");
            if w.ctx().dialect.repr.futures_repeat_themselves {
                w.lower(Fidelity::Structural);
            }
        }
        (None, Some(result)) => {
            w.push(" result=");
            reprlib::limited(w, result);
        }
        // `_result` is `None` then.
        (None, None) => w.push(" result=None"),
    }
}

fn callbacks(w: &mut Writer<'_, '_>, callbacks: &Callbacks) -> Result<(), DecodeError> {
    if callbacks.count == 0 {
        return Ok(());
    }
    w.push(" cb=[");
    let show_arguments = w.ctx().dialect.repr.callback_arguments;
    if let Some(first) = callbacks.first {
        callback::with_source(w, first, None, show_arguments)?;
    }
    let other = match callbacks.count {
        1 => None,
        2 => callbacks.second,
        count => {
            w.put(format_args!(", <{} more>", count.saturating_sub(2)));
            callbacks.last
        }
    };
    if let Some(other) = other {
        w.push(", ");
        callback::with_source(w, other, None, show_arguments)?;
    }
    w.push("]");
    Ok(())
}

/// ` created at file:line`: the last entry of the `StackSummary` that debug mode keeps.
pub(super) fn created_at(w: &mut Writer<'_, '_>, source: Option<Addr>) -> Result<(), DecodeError> {
    let Some(source) = source.filter(|at| w.heap.type_of(*at).is_ok_and(|t| t.kind == Kind::List)) else {
        return Ok(());
    };
    let mut entries = list_items(w.ctx(), source)?;
    let last = entries.total().checked_sub(1).and_then(|last| entries.item(last)).transpose()?;
    let Some(last) = last else { return Ok(()) };
    let (file, line) = (attribute(w, last, "filename"), int_attribute(w, last, "lineno"));
    match (file.and_then(|file| string(w, file)), line) {
        (Some(file), Some(line)) => {
            w.push(" created at ");
            w.name(&file);
            w.put(format_args!(":{}", line.big()));
            Ok(())
        }
        _ => Err(DecodeError::corrupt("_source_traceback", last, "no file and line")),
    }
}
