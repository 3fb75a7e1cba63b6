//! `Lib/asyncio`: futures and tasks, locks, queues, handles, event loops.

mod callback;
mod future;

pub(in crate::cpython::object) use future::{future, task};
pub(super) use future::{python_future, python_task};

use super::{attribute, int_attribute, is_none, is_true, string_attribute};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::children::deque_items;
use crate::cpython::object::float::float_repr;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::containers::items;
use crate::cpython::object::repr::default::head;
use crate::cpython::object::repr::number::double_at;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::sequence::{list_items, var_len};
use crate::cpython::object::set::set_len;
use crate::cpython::object::types::TypeInfo;
use crate::field;

/// Length of the container in an attribute; 0 where it is `None` or missing, as the code of asyncio takes it.
fn len_of(w: &Writer<'_, '_>, addr: Addr, name: &str) -> Result<u64, DecodeError> {
    let Some(value) = attribute(w, addr, name).filter(|value| !is_none(w, *value)) else { return Ok(0) };
    match w.heap.type_of(value)?.kind {
        Kind::Set | Kind::FrozenSet => set_len(w.ctx(), value),
        Kind::List | Kind::Deque | Kind::Tuple => var_len(w.ctx(), "ob_size", value),
        _ => Err(DecodeError::corrupt("attribute of asyncio", value, format!("{name} is no container"))),
    }
}

/// What is behind a comma.
fn space(w: &Writer<'_, '_>) -> &'static str {
    if w.ctx().dialect.repr.lock_parts_spaced { " " } else { "" }
}

/// `<module.Name object at 0x.. [extra, waiters:1]>`.
fn with_waiters(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo, extra: &str) -> Result<bool, DecodeError> {
    let waiters = len_of(w, addr, "_waiters")?;
    head(w, addr, info);
    w.put(format_args!(" [{extra}"));
    if waiters > 0 {
        w.put(format_args!(",{}waiters:{waiters}", space(w)));
    }
    w.push("]>");
    Ok(true)
}

pub(super) fn lock(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let extra = if is_true(w, addr, "_locked") { "locked" } else { "unlocked" };
    with_waiters(w, addr, info, extra)
}

pub(super) fn event(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let extra = if is_true(w, addr, "_value") { "set" } else { "unset" };
    with_waiters(w, addr, info, extra)
}

pub(super) fn condition(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(lock) = attribute(w, addr, "_lock") else { return Ok(false) };
    let extra = if is_true(w, lock, "_locked") { "locked" } else { "unlocked" };
    with_waiters(w, addr, info, extra)
}

/// A semaphore with a value left and waiters is locked or not by what became of those since (3.11+): that is not examined.
pub(super) fn semaphore(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(value) = int_attribute(w, addr, "_value") else { return Ok(false) };
    match value.to_i64() {
        Some(0) => with_waiters(w, addr, info, "locked"),
        _ if len_of(w, addr, "_waiters")? == 0 => {
            with_waiters(w, addr, info, &format!("unlocked,{}value:{}", space(w), value.big()))
        }
        _ => Ok(false),
    }
}

/// `<Queue at 0x.. maxsize=0 _queue=[1] tasks=1>`.
pub(super) fn queue(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(maxsize) = attribute(w, addr, "_maxsize") else { return Ok(false) };
    w.push("<");
    w.name(info.dunder_name());
    w.put(format_args!(" at {addr} maxsize="));
    w.object(maxsize);
    if let Some(queue) = attribute(w, addr, "_queue") {
        let open = " _queue=[";
        match w.heap.type_of(queue)?.kind {
            Kind::Deque => {
                let (len, elements) = deque_items(w.ctx(), queue)?;
                if len > 0 {
                    w.push(open);
                    w.sequence(len, elements, |w, item| w.object(item));
                    w.push("]");
                }
            }
            Kind::List => {
                let list = list_items(w.ctx(), queue)?;
                if list.total() > 0 {
                    w.push(open);
                    items(w, list);
                    w.push("]");
                }
            }
            _ => return Ok(false),
        }
    }
    for name in ["_getters", "_putters"] {
        let waiting = len_of(w, addr, name)?;
        if waiting > 0 {
            w.put(format_args!(" {name}[{waiting}]"));
        }
    }
    if let Some(tasks) = int_attribute(w, addr, "_unfinished_tasks").filter(|tasks| tasks.to_i64() != Some(0)) {
        w.put(format_args!(" tasks={}", tasks.big()));
    }
    if is_true(w, addr, "_is_shutdown") {
        w.push(" shutdown");
    }
    w.push(">");
    Ok(true)
}

/// `<Handle name() at file:line>`, `<TimerHandle when=1.5 name() at file:line>`.
pub(super) fn handle(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let text = attribute(w, addr, "_repr").filter(|text| !is_none(w, *text));
    if text.is_some() {
        let Some(text) = string_attribute(w, addr, "_repr") else { return Ok(false) };
        w.name(&text);
        return Ok(true);
    }
    let Some(callback) = attribute(w, addr, "_callback") else { return Ok(false) };
    w.push("<");
    w.name(info.dunder_name());
    if is_true(w, addr, "_cancelled") {
        w.push(" cancelled");
    }
    // Only the handles of timers have it.
    if let Some(when) = attribute(w, addr, "_when") {
        w.push(" when=");
        w.object(when);
    }
    if !is_none(w, callback) {
        w.push(" ");
        let args = attribute(w, addr, "_args").filter(|args| !is_none(w, *args));
        let debug = attribute(w, addr, "_loop").is_some_and(|of| is_true(w, of, "_debug"));
        let show_arguments = w.ctx().dialect.repr.callback_arguments || debug;
        callback::with_source(w, callback, args, show_arguments)?;
    }
    future::created_at(w, attribute(w, addr, "_source_traceback").filter(|at| !is_none(w, *at)))?;
    w.push(">");
    Ok(true)
}

/// `<_UnixSelectorEventLoop running=False closed=False debug=False>`.
pub(super) fn event_loop(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(thread) = attribute(w, addr, "_thread_id") else { return Ok(false) };
    let word = |yes: bool| if yes { "True" } else { "False" };
    let (running, closed, debug) = (!is_none(w, thread), is_true(w, addr, "_closed"), is_true(w, addr, "_debug"));
    w.push("<");
    w.name(info.dunder_name());
    w.put(format_args!(" running={} closed={} debug={}>", word(running), word(closed), word(debug)));
    Ok(true)
}

/// `<Server sockets=()>`: only where it has none, the others are copied into objects that do not exist.
pub(super) fn server(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(sockets) = attribute(w, addr, "_sockets") else { return Ok(false) };
    if !is_none(w, sockets) {
        return Ok(false);
    }
    w.push("<");
    w.name(info.dunder_name());
    w.push(" sockets=()>");
    Ok(true)
}

/// `<TaskGroup tasks=1 entered>`.
pub(super) fn task_group(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    if attribute(w, addr, "_tasks").is_none() {
        return Ok(false);
    }
    w.push("<TaskGroup");
    for (name, word) in [("_tasks", "tasks"), ("_errors", "errors")] {
        let count = len_of(w, addr, name)?;
        if count > 0 {
            w.put(format_args!(" {word}={count}"));
        }
    }
    if is_true(w, addr, "_aborting") {
        w.push(" cancelling");
    } else if is_true(w, addr, "_entered") {
        w.push(" entered");
    }
    w.push(">");
    Ok(true)
}

/// `<Timeout [active] when=12.345>`.
pub(super) fn timeout(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let state = attribute(w, addr, "_state").and_then(|state| string_attribute(w, state, "_value_"));
    let (Some(state), Some(when)) = (state, attribute(w, addr, "_when")) else { return Ok(false) };
    w.push("<Timeout [");
    w.name(&state);
    w.push("]");
    if state == "active" {
        w.push(" when=");
        match w.heap.type_of(when)?.kind {
            Kind::Float => {
                let value = double_at(w.ctx(), w.ctx().addr(field!(w.ctx(), float.fval), when)?)?;
                // Both round the exact value to the nearest.
                let rounded = format!("{value:.3}").parse().unwrap_or(value);
                w.push(&float_repr(rounded));
            }
            _ => w.object(when),
        }
    }
    w.push(">");
    Ok(true)
}
