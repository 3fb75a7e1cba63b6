//! [`words`]: the memory of one object, word by word, with the names of the fields that the layouts know.

use super::inspect::size;
use super::instance::slot_offsets;
use super::kind::Kind;
use super::types::{Heap, TypeInfo, flags};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::layout::{GcHead, Layouts, RefcountForm};
use std::collections::BTreeMap;

/// One word of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectWord {
    /// Where it is: bytes from the object's address; what the garbage collector puts before that is negative.
    pub offset: i64,
    /// What is there.
    pub value: u64,
    /// Names of the fields that begin in it, as C or `__slots__` have them.
    pub fields: Vec<String>,
    /// Whether it is the address of an object.
    pub is_object: bool,
}

/// The words of the object at `addr`, at most `limit`; the flag tells whether there are more.
///
/// # Errors
/// [`DecodeError`] when its type or its memory is unreadable.
pub fn words(heap: &Heap<'_>, addr: Addr, limit: u64) -> Result<(Vec<ObjectWord>, bool), DecodeError> {
    let info = heap.type_of(addr)?;
    let width = i64::from(heap.ctx.abi.pointer_size());
    let mut end = size(heap, addr, &info)?;
    if info.kind == Kind::Str {
        // Where a text lies, and how long what is before it is, depends on its state.
        end = end.min(heap.ctx.layouts.unicode.ascii_size.used().unwrap_or(end));
    }
    let names = names(heap, addr, &info, width);
    let first = names.keys().next().copied().unwrap_or(0).min(0);
    let last = i64::try_from(end).unwrap_or(i64::MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    let mut offset = first;
    while offset < last {
        if found.len() >= limit {
            return Ok((found, true));
        }
        let value = heap.ctx.ptr_at("word of an object", addr.wrapping_offset(offset))?.0;
        let fields = names.get(&offset).cloned().unwrap_or_default();
        let is_object = value != 0 && heap.type_of(Addr(value)).is_ok();
        found.push(ObjectWord { offset, value, fields, is_object });
        offset = offset.saturating_add(width);
    }
    Ok((found, false))
}

/// Names by the offset of the word that they begin in.
fn names(heap: &Heap<'_>, addr: Addr, info: &TypeInfo, width: i64) -> BTreeMap<i64, Vec<String>> {
    let mut names: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let mut add = |offset: i64, name: String| {
        let inside = offset.rem_euclid(width);
        let name = if inside == 0 { name } else { format!("{name} (byte {inside})") };
        names.entry(offset.saturating_sub(inside)).or_default().push(name);
    };
    for (back, name) in collector(heap, addr, info) {
        add(width.saturating_mul(*back), (*name).to_owned());
    }
    let layouts = heap.ctx.layouts;
    for field in Layouts::FIELDS.iter().filter(|field| !field.c_paths.is_empty()) {
        if structs(info).any(|of| of == field.strukt)
            && let Some(offset) = layouts.slot(field.strukt, field.field).and_then(|slot| slot.used())
        {
            add(offset.cast_signed(), field.c_paths.join(" or "));
        }
    }
    for (name, offset) in slot_offsets(heap, info) {
        add(offset, name.to_string());
    }
    for (name, offset) in [("__dict__", info.dictoffset), ("__weakref__", info.weaklistoffset)] {
        if offset > 0 && !info.is_native {
            add(offset, name.to_owned());
        }
    }
    names
}

/// What lies before an object for the collector: words to go back, and names (Include/internal/pycore_gc.h).
fn collector(heap: &Heap<'_>, addr: Addr, info: &TypeInfo) -> &'static [(i64, &'static str)] {
    let is_static_type = info.kind == Kind::Type && heap.type_info(addr).is_some_and(|t| !t.is_heap);
    let biased = matches!(heap.ctx.dialect.refcount, RefcountForm::Biased { .. });
    if biased || !info.has(flags::HAVE_GC) || is_static_type {
        return &[];
    }
    match heap.ctx.dialect.gc_head {
        GcHead::LinksAndCount => &[(-4, "gc_next"), (-3, "gc_prev"), (-2, "gc_refs")],
        _ => &[(-2, "_gc_next"), (-1, "_gc_prev")],
    }
}

/// The structs, by their names in the layouts, that an object of this type begins with.
fn structs(info: &TypeInfo) -> impl Iterator<Item = &'static str> {
    let own = info.kind.row().structs;
    let sized = own.is_empty() && info.itemsize != 0;
    let of_class = info.kind == Kind::Type && info.is_heap;
    let more = sized.then_some("var_object").into_iter().chain(of_class.then_some("heap_type"));
    ["object"].into_iter().chain(own.iter().copied()).chain(more)
}
