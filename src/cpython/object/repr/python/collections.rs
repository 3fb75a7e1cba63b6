//! `Lib/collections/__init__.py`.

use super::{attribute, string};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::dict::DictEntries;
use crate::cpython::object::int::Int;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::limits::Fidelity;
use crate::cpython::object::repr::number::double_at;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::sequence::list_items;
use crate::cpython::object::types::TypeInfo;
use crate::field;
use num_bigint::BigInt;
use std::cmp::Ordering;

/// Elements of a `Counter` that are brought into order; a larger one is shown in its own order.
const MAX_SORTED: u64 = 100_000;

/// `repr(self.data)`.
pub(super) fn data(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(data) = attribute(w, addr, "data") else { return Ok(false) };
    w.object(data);
    Ok(true)
}

/// `ChainMap({...}, {...})`.
pub(super) fn chain_map(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let maps = attribute(w, addr, "maps").filter(|maps| w.heap.type_of(*maps).is_ok_and(|t| t.kind == Kind::List));
    let Some(maps) = maps else { return Ok(false) };
    let maps = list_items(w.ctx(), maps)?;
    w.name(info.dunder_name());
    w.push("(");
    w.sequence(maps.total(), maps, |w, map| w.object(map));
    w.push(")");
    Ok(true)
}

/// A count that can be ordered.
enum Count {
    Int(BigInt),
    Float(f64),
}

impl Count {
    fn read(w: &Writer<'_, '_>, addr: Addr) -> Option<Count> {
        match w.heap.type_of(addr).ok()?.kind {
            Kind::Int | Kind::Bool => Some(Count::Int(Int::read(w.ctx(), addr).ok()?.big().clone())),
            Kind::Float => {
                let at = w.ctx().addr(field!(w.ctx(), float.fval), addr).ok()?;
                double_at(w.ctx(), at).ok().filter(|v| v.is_finite()).map(Count::Float)
            }
            _ => None,
        }
    }

    fn compare(&self, other: &Count) -> Option<Ordering> {
        let exact = |int: &BigInt| i32::try_from(int).ok().map(f64::from);
        match (self, other) {
            (Count::Int(a), Count::Int(b)) => Some(a.cmp(b)),
            (Count::Float(a), Count::Float(b)) => a.partial_cmp(b),
            (Count::Int(a), Count::Float(b)) => exact(a)?.partial_cmp(b),
            (Count::Float(a), Count::Int(b)) => a.partial_cmp(&exact(b)?),
        }
    }
}

/// `Counter({'a': 2, 'b': 1})`, most common first.
pub(super) fn counter(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let entries = DictEntries::new(w.ctx(), addr)?;
    let total = entries.total();
    w.name(info.dunder_name());
    if total == 0 {
        w.push("()");
        return Ok(true);
    }
    if total > MAX_SORTED {
        w.lower(Fidelity::Structural);
        w.push("(");
        w.base(addr, info)?;
        w.push(")");
        return Ok(true);
    }
    let entries: Vec<(Addr, Addr)> = entries.collect::<Result<_, _>>()?;
    let mut counted: Vec<((Addr, Addr), Count)> = Vec::new();
    for entry in &entries {
        if let Some(count) = Count::read(w, entry.1) {
            counted.push((*entry, count));
        }
    }
    let mut ordered = true;
    // Sorted in reverse and stable, as `sorted(..., reverse=True)`.
    counted.sort_by(|a, b| {
        b.1.compare(&a.1).unwrap_or_else(|| {
            ordered = false;
            Ordering::Equal
        })
    });
    let same_length = counted.len() == entries.len();
    let sorted: Vec<(Addr, Addr)> = counted.into_iter().map(|(entry, _)| entry).collect();
    let shown = match (same_length && ordered, same_length) {
        (true, _) => sorted,
        // Numbers and strings do not compare: Python falls back on the order of the dict. Anything else may compare.
        (false, false) if entries.len() > 1 && mixed(w, &entries) => entries,
        _ => {
            w.lower(Fidelity::Structural);
            entries
        }
    };
    w.push("({");
    w.sequence(total, shown.into_iter().map(Ok), |w, (key, value)| {
        w.object(key);
        w.push(": ");
        w.object(value);
    });
    w.push("})");
    Ok(true)
}

/// Whether the values are strings and numbers, some of each.
fn mixed(w: &Writer<'_, '_>, entries: &[(Addr, Addr)]) -> bool {
    let strings = entries.iter().filter(|(_, value)| string(w, *value).is_some()).count();
    let numbers = entries.iter().filter(|(_, value)| Count::read(w, *value).is_some()).count();
    strings > 0 && numbers > 0 && strings.saturating_add(numbers) == entries.len()
}
