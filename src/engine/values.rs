//! Objects and locals of a report.

use super::Options;
use crate::base::{Addr, Text};
use crate::cpython::frame::{self, LocalVar, PyFrame, SlotKind, SlotValue};
use crate::cpython::object::{self, Heap};
use crate::model::{Local, LocalKind, Refcount, Value};

/// The object at `addr` as a report shows it.
#[must_use]
pub fn value(heap: &Heap<'_>, addr: Addr, options: &Options) -> Value {
    shown(heap, addr, object::repr(heap, addr, &options.limits.repr), options)
}

/// The value at `addr` whose repr is available.
pub(super) fn shown(heap: &Heap<'_>, addr: Addr, shown: object::Repr, options: &Options) -> Value {
    Value { addr, refcount: if options.refcounts { refcount(heap, addr) } else { None }, ..made(shown) }
}

/// A value that is not an object in memory, but what Python would make one of.
#[must_use]
pub fn made(shown: object::Repr) -> Value {
    Value { repr: shown.text, type_name: shown.type_name, addr: Addr::NULL, fidelity: shown.fidelity, refcount: None }
}

fn refcount(heap: &Heap<'_>, addr: Addr) -> Option<Refcount> {
    let count = object::refcount(&heap.ctx, addr).ok()?;
    Some(Refcount {
        count: count.count,
        immortal: count.immortal,
        local: count.local,
        shared: count.shared,
        deferred: count.deferred,
    })
}

/// Locals of `frame`; problems go to `problems`.
pub(super) fn locals(
    heap: &Heap<'_>,
    frame: &PyFrame,
    options: &Options,
    problems: &mut Vec<String>,
) -> Option<Vec<Local>> {
    match frame::locals(heap, frame, options.limits.names) {
        Ok((list, cut)) => {
            if cut {
                problems.push(format!("only the first {} names are shown", options.limits.names));
            }
            Some(list.into_iter().map(|var| local(heap, var, options)).collect())
        }
        Err(e) => {
            problems.push(format!("locals cannot be read: {e}"));
            None
        }
    }
}

/// A variable as a report shows it.
#[must_use]
pub fn local(heap: &Heap<'_>, var: LocalVar, options: &Options) -> Local {
    let kind = match var.kind {
        SlotKind::Argument => LocalKind::Argument,
        SlotKind::Local => LocalKind::Local,
        SlotKind::Cell => LocalKind::Cell,
        SlotKind::Free => LocalKind::Free,
        SlotKind::Name => LocalKind::Name,
    };
    let name: Text = var.name;
    match var.value {
        SlotValue::Object(addr) => Local { name, kind, value: Some(value(heap, addr, options)), problem: None },
        SlotValue::TaggedInt(n) => {
            let value = Value { repr: n.to_string(), type_name: Some("int".to_owned()), ..Value::default() };
            Local { name, kind, value: Some(value), problem: None }
        }
        SlotValue::Unbound => Local { name, kind, value: None, problem: None },
        SlotValue::Unreadable(e) => Local { name, kind, value: None, problem: Some(e.to_string()) },
    }
}
