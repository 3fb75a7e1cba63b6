//! Futures and tasks, those of C and those of Python: `FutureObj_repr` (Modules/_asynciomodule.c) calls the functions of
//! `Lib/asyncio/base_futures.py` and `base_tasks.py`, which this re-enacts.

use super::super::{attribute, int_attribute, is_none, is_true, reprlib, string, string_attribute};
use super::callback;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::int::Int;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::sequence::{Sequence, list_items, tuple_items};
use crate::cpython::object::types::TypeInfo;
use crate::field;

/// What the text of a future is made of, wherever it is kept.
struct Future {
    /// `pending`, `cancelled`, `finished`.
    state: &'static str,
    exception: Option<Addr>,
    result: Option<Addr>,
    callbacks: Callbacks,
    /// Where it was made (a `StackSummary`, debug mode only).
    source: Option<Addr>,
}

/// The first two callbacks, the last, and how many there are.
#[derive(Default)]
struct Callbacks {
    count: u64,
    first: Option<Addr>,
    second: Option<Addr>,
    last: Option<Addr>,
}

/// What a task has more.
struct Task {
    name: Name,
    coroutine: Option<Addr>,
    waits_for: Option<Addr>,
    cancelling: bool,
}

enum Name {
    /// A `str`.
    Object(Addr),
    /// The number that the name is made of when it is asked for (3.13+).
    Number(Int),
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
    let future = native_future(w, addr)?;
    write(w, info, &future, None)
}

/// A `_asyncio.Task`.
pub(in crate::cpython::object) fn task(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    let future = native_future(w, addr)?;
    let ctx = *w.ctx();
    let stored = |at: Addr| Some(at).filter(|at| !at.is_null() && !is_none(w, *at));
    let name = ctx.ptr(field!(ctx, task.name), addr)?;
    let name = match w.heap.type_of(name)?.kind {
        Kind::Int => Name::Number(Int::read(&ctx, name)?),
        _ => Name::Object(name),
    };
    let cancelling = match ctx.dialect.repr.cancelling_by_count {
        true => future.state == "pending" && ctx.int(field!(ctx, task.num_cancels_requested), addr, 4)? > 0,
        false => ctx.int(field!(ctx, task.must_cancel), addr, 4)? != 0,
    };
    let task = Task {
        name,
        coroutine: stored(ctx.ptr(field!(ctx, task.coro), addr)?),
        waits_for: stored(ctx.ptr(field!(ctx, task.fut_waiter), addr)?),
        cancelling,
    };
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
    let Some(future) = python_parts(w, addr)? else { return Ok(false) };
    write(w, info, &future, None)?;
    Ok(true)
}

/// A task of `Lib/asyncio/tasks.py`.
pub(in super::super) fn python_task(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(future) = python_parts(w, addr)? else { return Ok(false) };
    let Some(name) = attribute(w, addr, "_name") else { return Ok(false) };
    let stored = |name: &str| attribute(w, addr, name).filter(|at| !is_none(w, *at));
    let cancelling = match w.ctx().dialect.repr.cancelling_by_count {
        true => future.state == "pending" && is_true(w, addr, "_num_cancels_requested"),
        false => is_true(w, addr, "_must_cancel"),
    };
    let task =
        Task { name: Name::Object(name), coroutine: stored("_coro"), waits_for: stored("_fut_waiter"), cancelling };
    write(w, info, &future, Some(&task))?;
    Ok(true)
}

fn native_future(w: &Writer<'_, '_>, addr: Addr) -> Result<Future, DecodeError> {
    let ctx = *w.ctx();
    let stored = |at: Addr| Some(at).filter(|at| !at.is_null() && !is_none(w, *at));
    // fut_state: STATE_PENDING, STATE_CANCELLED, STATE_FINISHED.
    let state = match ctx.int(field!(ctx, future.state), addr, 4)? {
        0 => "pending",
        1 => "cancelled",
        2 => "finished",
        other => return Err(DecodeError::corrupt("FutureObj.fut_state", addr, format!("value {other}"))),
    };
    let first = ctx.ptr(field!(ctx, future.callback0), addr)?;
    let list = stored(ctx.ptr(field!(ctx, future.callbacks), addr)?);
    let mut rest = list.map(|list| list_items(&ctx, list)).transpose()?;
    let mut callbacks = listed(w, rest.as_mut())?;
    if !first.is_null() {
        callbacks = Callbacks {
            count: callbacks.count.saturating_add(1),
            first: Some(first),
            second: callbacks.first,
            last: callbacks.last,
        };
    }
    Ok(Future {
        state,
        exception: stored(ctx.ptr(field!(ctx, future.exception), addr)?),
        result: Some(ctx.ptr(field!(ctx, future.result), addr)?).filter(|at| !at.is_null()),
        callbacks,
        source: stored(ctx.ptr(field!(ctx, future.source_tb), addr)?),
    })
}

fn python_parts(w: &Writer<'_, '_>, addr: Addr) -> Result<Option<Future>, DecodeError> {
    let stored = |name: &str| attribute(w, addr, name).filter(|at| !is_none(w, *at));
    let state = match string_attribute(w, addr, "_state").as_deref() {
        Some("PENDING") => "pending",
        Some("CANCELLED") => "cancelled",
        Some("FINISHED") => "finished",
        _ => return Ok(None),
    };
    let list = match stored("_callbacks") {
        Some(list) if w.heap.type_of(list)?.kind == Kind::List => Some(list),
        Some(_) => return Ok(None),
        None => None,
    };
    let mut list = list.map(|list| list_items(w.ctx(), list)).transpose()?;
    Ok(Some(Future {
        state,
        exception: stored("_exception"),
        result: attribute(w, addr, "_result"),
        callbacks: listed(w, list.as_mut())?,
        source: stored("_source_traceback"),
    }))
}

/// Callbacks in a list of `(callback, context)`.
fn listed(w: &Writer<'_, '_>, list: Option<&mut Sequence<'_>>) -> Result<Callbacks, DecodeError> {
    let Some(list) = list else { return Ok(Callbacks::default()) };
    let count = list.total();
    let mut callback = |index: Option<u64>| -> Result<Option<Addr>, DecodeError> {
        let Some(pair) = index.and_then(|index| list.item(index)).transpose()? else { return Ok(None) };
        tuple_items(w.ctx(), pair)?.item(0).transpose()
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
    w.push(if task.is_some_and(|task| task.cancelling) { "cancelling" } else { future.state });
    if let Some(task) = task {
        w.push(" name=");
        match &task.name {
            Name::Object(name) => w.object(*name),
            Name::Number(number) => w.put(format_args!("'Task-{}'", number.big())),
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
    callbacks(w, &future.callbacks)?;
    created_at(w, future.source)?;
    w.push(">");
    Ok(())
}

fn outcome(w: &mut Writer<'_, '_>, future: &Future) {
    if future.state != "finished" {
        return;
    }
    match (future.exception, future.result) {
        (Some(exception), _) => {
            w.push(" exception=");
            w.object(exception);
        }
        (None, _) if w.is_again() => w.push(" result=..."),
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
