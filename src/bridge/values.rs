//! Python objects as text, in the lengths that debuggers' users are used to.

use super::python::View;
use crate::base::{Addr, escape_terminal};
use crate::cpython::frame::SlotValue;
use crate::cpython::object::{Repr, ReprLimits, ReprStyle, Value, repr};

/// Most characters of a value; CPython's script has the same limit.
pub const MAX_VALUE: usize = 1024;

/// Limits under which no value comes out shorter than [`MAX_VALUE`] that would have been longer.
const LIMITS: ReprLimits = ReprLimits {
    depth: 30,
    items: MAX_VALUE as u64,
    characters: 2 * MAX_VALUE as u64,
    total: 8 * MAX_VALUE,
    reads: 50_000,
    attributes: true,
    style: ReprStyle::Python,
};

/// An object.
#[must_use]
pub fn object(view: &View<'_>, addr: Addr) -> Repr {
    let mut out = repr(&view.heap, addr, &ReprLimits { style: view.style, ..LIMITS });
    out.text = truncated(&out.text);
    out
}

/// A value that may be no object in memory.
#[must_use]
pub fn made(view: &View<'_>, value: &Value) -> Repr {
    let mut out = value.show(&view.heap, &ReprLimits { style: view.style, ..LIMITS });
    out.text = truncated(&out.text);
    out
}

/// What a variable is bound to; `None` when it is not bound.
#[must_use]
pub fn slot(view: &View<'_>, value: &SlotValue) -> Option<String> {
    match value {
        SlotValue::Object(addr) => Some(object(view, *addr).text),
        SlotValue::TaggedInt(value) => Some(value.to_string()),
        SlotValue::Unbound => None,
        SlotValue::Unreadable(error) => Some(format!("<unreadable: {error}>")),
    }
}

fn truncated(text: &str) -> String {
    shortened(&escape_terminal(text))
}

/// At most [`MAX_VALUE`] characters, and a mark where there were more.
#[must_use]
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}...(truncated)", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
