//! `Lib/reprlib.py`: `reprlib.repr`, a repr of limited size.

use super::string;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::dict::{DictEntries, dict_len};
use crate::cpython::object::int::Int;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::limits::Fidelity;
use crate::cpython::object::repr::text::quote_str;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::sequence::{list_items, tuple_items};
use crate::cpython::object::set::{set_items, set_len};
use crate::cpython::object::unicode::read_text;

/// `Repr().maxlevel` and its like.
const MAX_LEVEL: u32 = 6;
const MAX_ITEMS: u64 = 6;
const MAX_PAIRS: u64 = 4;
const MAX_STRING: usize = 30;
const MAX_INT: usize = 40;
const MAX_OTHER: usize = 30;

/// Strings of more code points, and unordered containers of more elements, are not read whole.
const MAX_READ: u64 = 100_000;

/// What `reprlib.repr` makes of the object.
pub(super) fn limited(w: &mut Writer<'_, '_>, addr: Addr) {
    at_level(w, addr, MAX_LEVEL);
}

fn at_level(w: &mut Writer<'_, '_>, addr: Addr, level: u32) {
    let Ok(info) = w.heap.type_of(addr) else { return w.object(addr) };
    let start = w.mark();
    // It goes by the name of the type: what derives from a container is an instance like any other.
    let result = match info.kind {
        _ if !info.is_native => Ok(false),
        Kind::Str => text(w, addr),
        Kind::Int => {
            w.object(addr);
            w.shorten_middle(start, MAX_INT);
            return;
        }
        Kind::Tuple => list(w, addr, level, true),
        Kind::List => list(w, addr, level, false),
        Kind::Set | Kind::FrozenSet => set(w, addr, level, info.kind == Kind::FrozenSet),
        Kind::Dict => dict(w, addr, level),
        // They have forms of their own, which are not re-enacted.
        Kind::Deque | Kind::Array => {
            w.lower(Fidelity::Structural);
            Ok(false)
        }
        _ => Ok(false),
    };
    match result {
        Ok(true) => {}
        Ok(false) => {
            w.rewind(start);
            w.object(addr);
            w.shorten_middle(start, MAX_OTHER);
        }
        Err(error) => w.problem(&error),
    }
}

fn text(w: &mut Writer<'_, '_>, addr: Addr) -> Result<bool, DecodeError> {
    let part = read_text(w.ctx(), addr, MAX_READ)?;
    if part.is_cut() {
        w.lower(Fidelity::Structural);
        return Ok(false);
    }
    let unicode = w.ctx().dialect.repr.unicode;
    let points = part.text.code_points();
    let whole = quote_str(points.get(..MAX_STRING).unwrap_or(points), unicode);
    if whole.chars().count() <= MAX_STRING {
        w.push(&whole);
        return Ok(true);
    }
    let kept = MAX_STRING.saturating_sub(3);
    let (head, tail) = (kept / 2, kept.saturating_sub(kept / 2));
    // `x[len(x)-j:]`, which counts from the end where the text is shorter than that.
    let from = match points.len().checked_sub(tail) {
        Some(from) => from,
        None => points.len().saturating_sub(tail.saturating_sub(points.len())),
    };
    let mut ends = points.get(..head).unwrap_or(points).to_vec();
    ends.extend_from_slice(points.get(from..).unwrap_or_default());
    let ends: Vec<char> = quote_str(&ends, unicode).chars().collect();
    let start: String = ends.iter().take(head).collect();
    let end: String = ends.iter().skip(ends.len().saturating_sub(tail)).collect();
    w.push(&format!("{start}...{end}"));
    Ok(true)
}

fn list(w: &mut Writer<'_, '_>, addr: Addr, level: u32, is_tuple: bool) -> Result<bool, DecodeError> {
    let items = if is_tuple { tuple_items(w.ctx(), addr)? } else { list_items(w.ctx(), addr)? };
    let (open, close) = match (is_tuple, items.total()) {
        (true, 1) => ("(", ",)"),
        (true, _) => ("(", ")"),
        (false, _) => ("[", "]"),
    };
    w.push(open);
    let total = items.total();
    let first: Vec<Addr> = items.take(MAX_ITEMS as usize).collect::<Result<_, _>>()?;
    elements(w, &first, total, level);
    w.push(close);
    Ok(true)
}

/// The elements of a container of `total`, or `...` where the nesting ends.
fn elements(w: &mut Writer<'_, '_>, first: &[Addr], total: u64, level: u32) {
    if level == 0 && total > 0 {
        return w.push("...");
    }
    let mut separator = "";
    for item in first {
        w.push(separator);
        at_level(w, *item, level.saturating_sub(1));
        separator = ", ";
    }
    if total > first.len() as u64 {
        w.push(separator);
        w.push("...");
    }
}

fn set(w: &mut Writer<'_, '_>, addr: Addr, level: u32, frozen: bool) -> Result<bool, DecodeError> {
    let total = set_len(w.ctx(), addr)?;
    let name = if frozen { "frozenset" } else { "set" };
    if total == 0 {
        w.push(&format!("{name}()"));
        return Ok(true);
    }
    let items = if total > MAX_READ { None } else { Some(set_items(w.ctx(), addr, total)?) };
    let Some(mut items) = items.and_then(|items| sorted(w, items)) else {
        w.lower(Fidelity::Structural);
        return Ok(false);
    };
    items.truncate(MAX_ITEMS as usize);
    w.push(if frozen { "frozenset({" } else { "{" });
    elements(w, &items, total, level);
    w.push(if frozen { "})" } else { "}" });
    Ok(true)
}

fn dict(w: &mut Writer<'_, '_>, addr: Addr, level: u32) -> Result<bool, DecodeError> {
    let total = dict_len(w.ctx(), addr)?;
    if total == 0 {
        w.push("{}");
        return Ok(true);
    }
    if level == 0 {
        w.push("{...}");
        return Ok(true);
    }
    if total > MAX_READ {
        w.lower(Fidelity::Structural);
        return Ok(false);
    }
    let entries: Vec<(Addr, Addr)> = DictEntries::new(w.ctx(), addr)?.collect::<Result<_, _>>()?;
    let Some(keys) = sorted(w, entries.iter().map(|(key, _)| *key).collect()) else {
        w.lower(Fidelity::Structural);
        return Ok(false);
    };
    w.push("{");
    let mut separator = "";
    for key in keys.iter().take(MAX_PAIRS as usize) {
        w.push(separator);
        at_level(w, *key, level.saturating_sub(1));
        w.push(": ");
        if let Some((_, value)) = entries.iter().find(|(known, _)| known == key) {
            at_level(w, *value, level.saturating_sub(1));
        }
        separator = ", ";
    }
    if total > MAX_PAIRS {
        w.push(", ...");
    }
    w.push("}");
    Ok(true)
}

/// `_possibly_sorted`: in order where they can be compared, else as they come. `None` for what is compared by code that is
/// not run.
fn sorted(w: &Writer<'_, '_>, items: Vec<Addr>) -> Option<Vec<Addr>> {
    if items.len() < 2 {
        return Some(items);
    }
    let kind = |addr: &Addr| w.heap.type_of(*addr).ok().filter(|t| t.is_native).map(|t| t.kind);
    let kinds: Vec<Kind> = items.iter().map(kind).collect::<Option<_>>()?;
    let is_int = |kind: &Kind| matches!(kind, Kind::Int | Kind::Bool);
    if kinds.iter().all(is_int) {
        let values: Option<Vec<_>> =
            items.iter().map(|item| Some((Int::read(w.ctx(), *item).ok()?.big().clone(), *item))).collect();
        let mut values = values?;
        values.sort_by(|a, b| a.0.cmp(&b.0));
        return Some(values.into_iter().map(|(_, item)| item).collect());
    }
    if kinds.iter().all(|kind| *kind == Kind::Str) {
        let values: Option<Vec<_>> = items.iter().map(|item| Some((string(w, *item)?, *item))).collect();
        let mut values = values?;
        // UTF-8 sorts as its code points do.
        values.sort();
        return Some(values.into_iter().map(|(_, item)| item).collect());
    }
    // Numbers and strings have no order between them: the first comparison of the two raises.
    kinds.iter().all(|kind| is_int(kind) || *kind == Kind::Str).then_some(items)
}
