//! `Lib/threading.py`.

use super::{attribute, int_attribute, is_none, is_true, string_attribute};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::repr::locks::{is_locked, thread_is_done};
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::sequence::var_len;
use crate::cpython::object::types::TypeInfo;

/// `<Thread(name, started daemon 1234)>`.
pub(super) fn thread(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(name) = string_attribute(w, addr, "_name") else { return Ok(false) };
    let Some(started) = attribute(w, addr, "_started") else { return Ok(false) };
    let started = is_true(w, started, "_flag");
    // Until 3.12 a lock is released when the thread ends; then a handle knows.
    let lock = attribute(w, addr, "_tstate_lock").filter(|lock| !is_none(w, *lock));
    let handle = attribute(w, addr, "_handle").or_else(|| attribute(w, addr, "_os_thread_handle"));
    let stopped = match handle.filter(|handle| !is_none(w, *handle)) {
        Some(handle) => match thread_is_done(w, handle)? {
            Some(done) => done,
            None => return Ok(false),
        },
        None => {
            let ended = match lock {
                Some(lock) if started => !is_locked(w, lock)?,
                _ => false,
            };
            is_true(w, addr, "_is_stopped") || ended
        }
    };
    let mut status = match (started, stopped) {
        (_, true) => "stopped",
        (true, false) => "started",
        (false, false) => "initial",
    }
    .to_owned();
    if is_true(w, addr, "_daemonic") {
        status.push_str(" daemon");
    }
    if let Some(ident) = int_attribute(w, addr, "_ident") {
        status.push_str(&format!(" {}", ident.big()));
    }
    w.push("<");
    w.name(info.dunder_name());
    w.push("(");
    w.name(&name);
    w.put(format_args!(", {status})>"));
    Ok(true)
}

fn at(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) {
    let name = format!("{}.{}", w.heap.module(info).unwrap_or_default(), w.heap.qualname(info));
    w.push("<");
    w.name(&name);
    w.put(format_args!(" at {addr}: "));
}

/// `<threading.Event at 0x..: unset>`.
pub(super) fn event(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    at(w, addr, info);
    w.push(if is_true(w, addr, "_flag") { "set>" } else { "unset>" });
    Ok(true)
}

/// `<threading.Barrier at 0x..: waiters=0/2>`.
pub(super) fn barrier(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let (Some(parties), Some(count)) = (int_attribute(w, addr, "_parties"), int_attribute(w, addr, "_count")) else {
        return Ok(false);
    };
    let state = int_attribute(w, addr, "_state").and_then(|state| state.to_i64());
    at(w, addr, info);
    match state {
        Some(-2) => w.push("broken>"),
        _ => w.put(format_args!("waiters={}/{}>", count.big(), parties.big())),
    }
    Ok(true)
}

/// `<Condition(<unlocked _thread.lock ...>, 0)>`.
pub(super) fn condition(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let (Some(lock), Some(waiters)) = (attribute(w, addr, "_lock"), attribute(w, addr, "_waiters")) else {
        return Ok(false);
    };
    let waiting = var_len(w.ctx(), "deque.ob_size", waiters)?;
    w.push("<Condition(");
    w.object(lock);
    w.put(format_args!(", {waiting})>"));
    Ok(true)
}

/// `<threading.Semaphore at 0x..: value=1>`, `<threading.BoundedSemaphore at 0x..: value=1/1>`.
pub(super) fn semaphore(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(value) = int_attribute(w, addr, "_value") else { return Ok(false) };
    at(w, addr, info);
    match int_attribute(w, addr, "_initial_value") {
        Some(initial) => w.put(format_args!("value={}/{}>", value.big(), initial.big())),
        None => w.put(format_args!("value={}>", value.big())),
    }
    Ok(true)
}
