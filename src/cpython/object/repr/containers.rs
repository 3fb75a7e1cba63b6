//! The built-in containers.

use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::dict::DictEntries;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::sequence::{Sequence, list_items, tuple_items};
use crate::cpython::object::set::{set_items, set_len};
use crate::cpython::object::types::TypeInfo;

/// `1, 2, 3`: at most as many as the limit allows.
pub(super) fn items(w: &mut Writer<'_, '_>, items: Sequence<'_>) {
    w.sequence(items.total(), items, |w, item| w.object(item));
}

pub(in crate::cpython::object) fn tuple(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let list = tuple_items(w.ctx(), addr)?;
    let single = list.total() == 1;
    w.push("(");
    items(w, list);
    w.push(if single { ",)" } else { ")" });
    Ok(())
}

pub(in crate::cpython::object) fn list(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let list = list_items(w.ctx(), addr)?;
    w.push("[");
    items(w, list);
    w.push("]");
    Ok(())
}

/// `{key: value, ...}` of a dict or what derives from it.
pub(in crate::cpython::object) fn dict(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let entries = DictEntries::new(w.ctx(), addr)?;
    w.push("{");
    pairs(w, entries.total(), entries);
    w.push("}");
    Ok(())
}

/// `key: value, ...`.
pub(super) fn pairs(
    w: &mut Writer<'_, '_>,
    total: u64,
    entries: impl Iterator<Item = Result<(Addr, Addr), DecodeError>>,
) {
    w.sequence(total, entries, |w, (key, value)| {
        w.object(key);
        w.push(": ");
        w.object(value);
    });
}

/// `{1, 2}`, `set()`, `frozenset({1})`, `Child({1})`; 2.7: `set([1, 2])` (Objects/setobject.c `set_repr`).
pub(in crate::cpython::object) fn set(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    let len = set_len(w.ctx(), addr)?;
    let two = w.ctx().dialect.is_two();
    let plain = info.kind == Kind::Set && info.is_native && !two;
    let [open, close] = if two { ["[", "]"] } else { ["{", "}"] };
    if len == 0 {
        w.type_name(info);
        w.push(if two { "([])" } else { "()" });
        return Ok(());
    }
    if !plain {
        w.type_name(info);
        w.push("(");
    }
    let shown = set_items(w.ctx(), addr, w.limits.items)?;
    w.push(open);
    let mut separator = "";
    for item in &shown {
        w.push(separator);
        w.object(*item);
        separator = ", ";
    }
    if (shown.len() as u64) < len {
        w.push(separator);
        w.more(len.saturating_sub(shown.len() as u64));
    }
    w.push(close);
    w.push(if plain { "" } else { ")" });
    Ok(())
}
