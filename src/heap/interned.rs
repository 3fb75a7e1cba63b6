//! The tables of interned strings (Objects/unicodeobject.c), and static strings that are interned.
//!
//! A dict that maps each string to itself. 3.8 to 3.11: the static variable `interned`; 3.12+: of each interpreter
//! (`interp->cached_objects.interned_strings`, where interpreters may share one), and for static strings a hash table of the
//! runtime. A string in it that is not immortal is not counted for it, and goes when nothing else refers to it.

use super::collect::{Collected, Sources};
use super::dicts::KeyTable;
use super::edges::Edges;
use super::types::Walk;
use crate::cpython::Context;
use crate::cpython::layout::ObmallocPlace;
use crate::cpython::object::Kind;

/// A table that nothing leads to by name has at least so many strings: a Python that has started has thousands.
const LEAST: u64 = 500;
/// Most static strings, and buckets of their hash table.
const MAX_STATIC: u64 = 1 << 16;
/// `SSTATE_INTERNED_MORTAL` (Include/cpython/unicodeobject.h); 0 is not interned, what is above is immortal.
const MORTAL: u8 = 1;

/// Whether a string is interned, and is gone when nothing refers to it but the table.
pub(super) fn is_mortal(edges: &Edges<'_>, text: u64) -> bool {
    state(edges, text) == MORTAL
}

/// `interned` is the lowest part of a string's state in all versions.
fn state(edges: &Edges<'_>, text: u64) -> u8 {
    edges.view.u8(text.wrapping_add(edges.o.unicode.state)).unwrap_or(0) & 3
}

/// The tables of all interpreters, each once.
pub(super) fn tables(ctx: &Context<'_>, edges: &Edges<'_>, sources: &Sources<'_>, found: &Collected) -> Vec<u64> {
    let member = ctx.layouts.interpreter_objects.interned_strings.offset();
    let of_interpreters = sources.interpreters.iter().filter_map(|i| edges.view.word(i.addr.0.wrapping_add(member?)));
    let of_process = sources.statics.interned.and_then(|at| edges.view.word(at.0));
    let mut tables: Vec<u64> = of_interpreters.chain(of_process).collect();
    tables.sort_unstable();
    tables.dedup();
    tables.retain(|at| is_dict(found, *at) && entries(edges, *at).is_some());
    if tables.is_empty() && ctx.dialect.obmalloc.place == ObmallocPlace::Statics {
        tables.extend(by_form(edges, found));
    }
    tables
}

fn is_dict(found: &Collected, at: u64) -> bool {
    let shape = |id| found.shapes.get(found.objects.type_id(id)? as usize);
    found.objects.at(at).and_then(shape).is_some_and(|shape| shape.walk == Walk::Dict)
}

/// How many interned strings a dict maps to themselves; `None` where it holds anything else, or nothing.
fn entries(edges: &Edges<'_>, dict: u64) -> Option<u64> {
    let word = |field: u64| edges.view.word(dict.wrapping_add(field)).unwrap_or(0);
    let keys =
        KeyTable::read(edges.view, edges.o, word(edges.o.dict_keys)).filter(|_| word(edges.o.dict_values) == 0)?;
    let (mut count, mut others) = (0u64, false);
    keys.each(edges, |_, key, value| {
        if value != 0 && !others {
            count = count.wrapping_add(1);
            others = key != value || state(edges, key) == 0;
        }
    });
    (!others && count > 0).then_some(count)
}

/// The one dict that has nearly all interned strings of the heap, where no symbol leads to it (3.8 to 3.11).
fn by_form(edges: &Edges<'_>, found: &Collected) -> Option<u64> {
    let (mut interned, mut best) = (0u64, None);
    for object in found.objects.iter() {
        let Some(shape) = found.shapes.get(object.type_id as usize) else { continue };
        if shape.kind == Kind::Str {
            interned = interned.wrapping_add(u64::from(state(edges, object.addr) != 0));
        } else if shape.kind == Kind::Dict
            && edges.view.word(object.addr.wrapping_add(edges.o.dict_used)).is_some_and(|used| used >= LEAST)
        {
            best = best.max(entries(edges, object.addr).map(|count| (count, object.addr)));
        }
    }
    best.filter(|(count, _)| *count >= interned / 10 * 9).map(|(_, at)| at)
}

/// Static strings that are interned (3.12+).
pub(super) fn of_runtime(ctx: &Context<'_>, edges: &Edges<'_>, sources: &Sources<'_>) -> Vec<u64> {
    let l = ctx.layouts;
    let word = |at: u64, field: Option<u64>| edges.view.word(at.wrapping_add(field?));
    let table = sources.runtime.and_then(|runtime| word(runtime.0, l.runtime.interned_strings.offset())).unwrap_or(0);
    let (h, mut found) = (&l.hashtable, Vec::new());
    let (Some(count), Some(buckets), Some(first)) =
        (word(table, h.nentries.offset()), word(table, h.nbuckets.offset()), word(table, h.buckets.offset()))
    else {
        return found;
    };
    if table == 0 || count > MAX_STATIC || buckets > MAX_STATIC {
        return found;
    }
    edges.view.words(first, buckets, |_, mut entry| {
        while entry != 0 && (found.len() as u64) < count {
            found.extend(word(entry, l.hashtable_entry.key.offset()));
            entry = edges.view.word(entry).unwrap_or(0);
        }
    });
    // On riscv64 it is elsewhere: it is believed where all in it are interned.
    if found.iter().any(|text| state(edges, *text) == 0) {
        found.clear();
    }
    found
}
