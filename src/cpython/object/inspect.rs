//! [`inspect`]: everything that is known of one object, for `pyinquest object`.

use super::children::{Item, items, length};
use super::instance::{Attribute, AttributeSource, attributes};
use super::kind::Kind;
use super::refcount::{Refcount, refcount};
use super::repr::{Repr, ReprLimits, repr};
use super::sequence::var_len;
use super::types::{Heap, TypeInfo, flags};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::code::CodeCache;
use crate::cpython::frame::{frame_of_generator, frame_of_object};
use crate::cpython::layout::{GcHead, RefcountForm};
use crate::field;

/// What the garbage collector knows of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GcState {
    /// Tracked by the collector.
    pub tracked: bool,
    /// Its finalizer has run.
    pub finalized: bool,
    /// A collection was at it (`_PyGC_PREV_MASK_COLLECTING`; free-threaded: unreachable).
    pub collecting: bool,
    /// The raw words: `_gc_next` and `_gc_prev`, or `ob_gc_bits` alone.
    pub raw: [u64; 2],
}

/// One named value of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name.
    pub name: String,
    /// Where it is stored.
    pub source: AttributeSource,
    /// Address of the value.
    pub addr: Addr,
    /// Its repr.
    pub value: Repr,
}

/// One item of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedItem {
    /// The key, for mappings.
    pub key: Option<(Addr, Repr)>,
    /// Address of the item; numbers of an array have none.
    pub addr: Option<Addr>,
    /// Its repr.
    pub value: Repr,
}

/// Everything that is known of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    /// Its address; absent for what is not an object in memory.
    pub addr: Option<Addr>,
    /// Its type with module; absent when `ob_type` leads to no type.
    pub type_name: Option<String>,
    /// `ob_type`, when readable.
    pub type_addr: Option<Addr>,
    /// Types from its own to `object`.
    pub mro: Vec<String>,
    /// Its repr.
    pub repr: Repr,
    /// Size in bytes without GC head: `tp_basicsize` and items.
    pub size: Option<u64>,
    /// Reference count, of an object in memory.
    pub refcount: Option<Result<Refcount, DecodeError>>,
    /// GC state, for types that take part in collection.
    pub gc: Option<GcState>,
    /// Length, for containers and strings.
    pub length: Option<u64>,
    /// Facts of the type's own, as name and text (`line` of a generator).
    pub facts: Vec<(String, String)>,
    /// Attributes.
    pub attributes: Vec<Field>,
    /// Whether there are more attributes.
    pub more_attributes: bool,
    /// Items of a container, as many as the limits allow.
    pub items: Vec<ListedItem>,
    /// What could not be read.
    pub problems: Vec<String>,
}

impl Details {
    /// Of what is not an object in memory: its repr alone.
    #[must_use]
    pub fn made(shown: Repr) -> Details {
        Details {
            addr: None,
            type_name: shown.type_name.clone(),
            type_addr: None,
            mro: Vec::new(),
            repr: shown,
            size: None,
            refcount: None,
            gc: None,
            length: None,
            facts: Vec::new(),
            attributes: Vec::new(),
            more_attributes: false,
            items: Vec::new(),
            problems: Vec::new(),
        }
    }
}

/// Looks at the object at `addr` from all sides. `limits.items` bounds attributes and items.
#[must_use]
pub fn inspect(heap: &Heap<'_>, addr: Addr, limits: &ReprLimits) -> Details {
    inspect_shown(heap, addr, repr(heap, addr, limits), limits)
}

/// As [`inspect`], of an object whose repr is available.
#[must_use]
pub fn inspect_shown(heap: &Heap<'_>, addr: Addr, shown: Repr, limits: &ReprLimits) -> Details {
    let mut details = Details {
        addr: Some(addr),
        type_addr: heap.ctx.ptr(field!(heap.ctx, object.ob_type), addr).ok(),
        refcount: Some(refcount(&heap.ctx, addr)),
        ..Details::made(shown)
    };
    details.type_name = None;
    let info = match heap.type_of(addr) {
        Ok(info) => info,
        Err(error) => {
            details.problems.push(error.to_string());
            return details;
        }
    };
    details.type_name = Some(heap.full_name(&info));
    let mro = heap.mro(&info);
    details.mro =
        mro.iter().map(|t| heap.type_info(*t).map_or_else(|| t.to_string(), |t| heap.full_name(&t))).collect();
    details.size = size(heap, addr, &info).map_err(|e| details.problems.push(e.to_string())).ok();
    details.gc = gc_state(heap, addr, &info).unwrap_or_else(|e| {
        details.problems.push(e.to_string());
        None
    });
    let named = named_values(heap, addr, &info, limits.items);
    details.problems.extend(named.problem.map(|error| error.to_string()));
    let field =
        |v: NamedValue| Field { value: repr(heap, v.addr, limits), name: v.name, source: v.source, addr: v.addr };
    (details.attributes, details.more_attributes) = (named.values.into_iter().map(field).collect(), named.more);
    if let Err(error) = fill_items(heap, addr, &info, &mut details, limits) {
        details.problems.push(error.to_string());
    }
    facts(heap, addr, &info, &mut details.facts);
    details
}

/// One value that an object stores under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedValue {
    /// Its name.
    pub name: String,
    /// Where it is stored.
    pub source: AttributeSource,
    /// The object.
    pub addr: Addr,
}

/// The named values of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedValues {
    /// What it stores: attributes, and fields of native types.
    pub values: Vec<NamedValue>,
    /// Whether there are more attributes.
    pub more: bool,
    /// Why attributes are missing.
    pub problem: Option<DecodeError>,
}

/// The named values of the object at `addr`, whose type this is; at most `limit` attributes.
#[must_use]
pub fn named_values(heap: &Heap<'_>, addr: Addr, info: &TypeInfo, limit: u64) -> NamedValues {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut out = NamedValues::default();
    match attributes(heap, addr, limit) {
        Ok((list, more)) => {
            out.more = more;
            let named = |a: Attribute| NamedValue { name: a.name.to_string(), source: a.source, addr: a.value };
            out.values.extend(list.into_iter().map(named));
        }
        Err(error) => out.problem = Some(error),
    }
    for row in info.kind.row().attributes {
        if let Ok(Some(addr)) = super::fields::stored_attribute(heap, addr, info, row.name) {
            out.values.push(NamedValue { name: row.name.to_owned(), source: AttributeSource::Field, addr });
        }
    }
    out
}

fn fill_items(
    heap: &Heap<'_>,
    addr: Addr,
    info: &TypeInfo,
    details: &mut Details,
    limits: &ReprLimits,
) -> Result<(), DecodeError> {
    details.length = length(heap, addr, info)?;
    let Some(items) = items(heap, addr, info, limits.items)? else { return Ok(()) };
    for item in items.take(usize::try_from(limits.items).unwrap_or(usize::MAX)) {
        let Item { key, value } = item?;
        let key = key.map(|key| (key, repr(heap, key, limits)));
        details.items.push(ListedItem { key, addr: value.object(), value: value.show(heap, limits) });
    }
    Ok(())
}

/// `tp_basicsize` and the items, for types whose `ob_size` counts them.
pub(super) fn size(heap: &Heap<'_>, addr: Addr, info: &TypeInfo) -> Result<u64, DecodeError> {
    let fixed = info.basicsize.unsigned_abs();
    if info.itemsize == 0 {
        return Ok(fixed);
    }
    let count = match info.kind {
        Kind::Int | Kind::Bool => super::int::digit_count(&heap.ctx, addr)?,
        Kind::Type => return Ok(fixed),
        _ => var_len(&heap.ctx, "ob_size", addr)?,
    };
    Ok(fixed.saturating_add(count.saturating_mul(info.itemsize.unsigned_abs())))
}

/// `PyGC_Head` lies right before the object (Include/internal/pycore_gc.h); free-threaded builds have bits in the header.
fn gc_state(heap: &Heap<'_>, addr: Addr, info: &TypeInfo) -> Result<Option<GcState>, DecodeError> {
    let ctx = &heap.ctx;
    if let RefcountForm::Biased { .. } = ctx.dialect.refcount {
        if !info.has(flags::HAVE_GC) {
            return Ok(None);
        }
        let bits = ctx.uint(field!(ctx, object.ob_gc_bits), addr, 1)?;
        // _PyGC_BITS_TRACKED, _PyGC_BITS_FINALIZED, _PyGC_BITS_UNREACHABLE.
        let bit = |n: u64| bits & n != 0;
        return Ok(Some(GcState { tracked: bit(1), finalized: bit(2), collecting: bit(4), raw: [bits, 0] }));
    }
    // A static type is an object of a GC type without a GC head (`type_is_gc`).
    let is_static_type = info.kind == Kind::Type && heap.type_info(addr).is_some_and(|t| !t.is_heap);
    if !info.has(flags::HAVE_GC) || is_static_type {
        return Ok(None);
    }
    let word = |name, back: i64| {
        let size = i64::from(ctx.abi.pointer_size());
        Ok::<u64, DecodeError>(ctx.ptr_at(name, addr.wrapping_offset(size.wrapping_mul(back)))?.0)
    };
    if ctx.dialect.gc_head == GcHead::LinksAndCount {
        // A `long double` makes it four words. _PyGC_REFS_UNTRACKED and _PyGC_REFS_REACHABLE, above the finalized bit.
        let count = word("gc_refs", -2)?;
        let state = count.cast_signed() >> 1;
        let (tracked, collecting) = (state != -2, !matches!(state, -2 | -3));
        let raw = [word("gc_next", -4)?, word("gc_prev", -3)?];
        return Ok(Some(GcState { tracked, finalized: count & 1 != 0, collecting, raw }));
    }
    let (next, prev) = (word("_gc_next", -2)?, word("_gc_prev", -1)?);
    Ok(Some(GcState { tracked: next != 0, finalized: prev & 1 != 0, collecting: prev & 2 != 0, raw: [next, prev] }))
}

/// What is worth knowing of some types and not part of their repr.
fn facts(heap: &Heap<'_>, addr: Addr, info: &TypeInfo, out: &mut Vec<(String, String)>) {
    let ctx = &heap.ctx;
    let codes = CodeCache::default();
    let frame = match info.kind {
        Kind::Generator | Kind::Coroutine | Kind::AsyncGenerator => {
            out.extend(generator_state(heap, addr).map(|state| ("state".to_owned(), state.to_owned())));
            frame_of_generator(ctx, &codes, addr).ok().flatten()
        }
        Kind::Frame => frame_of_object(ctx, &codes, addr).ok(),
        _ => None,
    };
    let Some(frame) = frame else { return };
    if let Ok(code) = &frame.code
        && let Ok(file) = &code.filename
    {
        out.push(("file".to_owned(), file.to_string()));
    }
    if let Some(line) = frame.position.ok().and_then(|position| position.line) {
        out.push(("line".to_owned(), line.to_string()));
    }
}

/// What `inspect.getgeneratorstate` would say, in lower case.
fn generator_state(heap: &Heap<'_>, addr: Addr) -> Option<&'static str> {
    let ctx = &heap.ctx;
    let Some(states) = ctx.dialect.generator_states else {
        let running = ctx.uint(field!(ctx, generator.running), addr, 1).ok()? != 0;
        let frame = ctx.ptr(field!(ctx, generator.frame), addr).ok()?;
        return Some(match (running, frame.is_null()) {
            (true, _) => "running",
            (_, true) => "closed",
            _ => "suspended",
        });
    };
    let state = i8::try_from(ctx.int(field!(ctx, generator.frame_state), addr, 1).ok()?).ok()?;
    [
        (states.created, "created"),
        (states.suspended, "suspended"),
        (states.suspended_yield_from, "suspended, awaiting"),
        (states.executing, "running"),
        (states.finished, "closed"),
    ]
    .into_iter()
    .find(|(values, _)| values.contains(&state))
    .map(|(_, name)| name)
}
