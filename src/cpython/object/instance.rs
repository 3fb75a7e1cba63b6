//! Attributes of instances in every storage form: `__dict__` behind a pointer, managed dicts, inline values, slots
//! (Objects/object.c `_PyObject_GetDictPtr`, Objects/dictobject.c, Include/internal/pycore_object.h).

use super::dict::DictEntries;
use super::kind::Kind;
use super::types::{Heap, TypeInfo, flags};
use super::unicode::read_text;
use crate::base::{Addr, Text};
use crate::cpython::layout::InstanceDict;
use crate::cpython::{Context, DecodeError};
use crate::field;
use std::fmt;
use std::sync::Arc;

/// `Py_T_OBJECT_EX` and `_Py_T_OBJECT` (Include/descrobject.h).
const T_OBJECT_EX: u64 = 16;

/// Longest attribute name kept, in code points.
const MAX_NAME: u64 = 200;

/// Where an attribute is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttributeSource {
    /// The instance's `__dict__`, in whatever form.
    Dict,
    /// A slot declared by `__slots__`.
    Slot,
    /// A field of a native type's struct.
    Field,
}

/// `dict`, `slot` or `field`.
impl fmt::Display for AttributeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AttributeSource::Dict => "dict",
            AttributeSource::Slot => "slot",
            AttributeSource::Field => "field",
        })
    }
}

/// One attribute of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Name; cut when longer than 200 code points.
    pub name: Text,
    /// Address of the value.
    pub value: Addr,
    /// Where it is stored.
    pub source: AttributeSource,
}

/// How the instance `__dict__` is stored in one object.
#[derive(Debug)]
pub(super) enum DictStorage<'a> {
    /// The object has none.
    None,
    /// A dict object.
    Object(Addr),
    /// Values beside the keys of the type; no dict object.
    Values(DictEntries<'a>),
}

/// Where the `__dict__` of the object is stored, if it has one and it is not empty.
///
/// # Errors
/// [`DecodeError`] when it cannot be read.
pub(super) fn dict_storage<'a>(heap: &Heap<'a>, addr: Addr, info: &TypeInfo) -> Result<DictStorage<'a>, DecodeError> {
    let ctx = &heap.ctx;
    if info.kind == Kind::OldInstance {
        return ctx.ptr(field!(ctx, old_instance.dict), addr).map(DictStorage::Object);
    }
    if !info.has(flags::MANAGED_DICT) || ctx.dialect.instance_dict == InstanceDict::DictOffset {
        return by_dictoffset(ctx, addr, info);
    }
    let word = |offset: i64| ctx.ptr_at("managed dict", addr.wrapping_offset(offset));
    let size = i64::from(ctx.abi.pointer_size());
    let values_of = |values: Addr| -> Result<DictStorage<'a>, DecodeError> {
        let keys = ctx.ptr(field!(ctx, heap_type.cached_keys), info.addr)?;
        if keys.is_null() {
            return Ok(DictStorage::None);
        }
        DictEntries::of_instance(ctx, keys, values).map(DictStorage::Values)
    };
    let object_or_none = |dict: Addr| if dict.is_null() { DictStorage::None } else { DictStorage::Object(dict) };
    match ctx.dialect.instance_dict {
        InstanceDict::DictOffset => by_dictoffset(ctx, addr, info),
        InstanceDict::Managed311 => {
            let values = word(size.saturating_mul(-4))?;
            if values.is_null() { word(size.saturating_mul(-3)).map(object_or_none) } else { values_of(values) }
        }
        InstanceDict::Managed312 => {
            // `PyDictOrValues`: an odd word is the address of the values less one.
            let tagged = word(size.saturating_mul(-3))?;
            if tagged.0 & 1 == 1 { values_of(tagged.wrapping_add(1)) } else { Ok(object_or_none(tagged)) }
        }
        InstanceDict::Inline { dict_at } => {
            let dict = word(dict_at)?;
            if !dict.is_null() || !info.has(flags::INLINE_VALUES) {
                return Ok(object_or_none(dict));
            }
            let values = addr.wrapping_offset(info.basicsize);
            if ctx.uint(field!(ctx, dict_values.valid), values, 1)? == 0 {
                return Ok(DictStorage::None);
            }
            values_of(values)
        }
    }
}

fn by_dictoffset<'a>(ctx: &Context<'a>, addr: Addr, info: &TypeInfo) -> Result<DictStorage<'a>, DecodeError> {
    let mut offset = info.dictoffset;
    // 3.12+: -1 marks a managed dict; no object has one at that place.
    if offset == 0 || offset == -1 {
        return Ok(DictStorage::None);
    }
    if offset < 0 {
        // `_PyObject_VAR_SIZE` rounded up to a pointer, plus the (negative) offset from the end.
        let count = ctx.ssize(field!(ctx, var_object.ob_size), addr)?.unsigned_abs();
        let items = count.checked_mul(info.itemsize.unsigned_abs()).filter(|n| *n < 1 << 40);
        let items = items.ok_or_else(|| DecodeError::corrupt("ob_size", addr, format!("{count} items")))?;
        let align = u64::from(ctx.abi.pointer_size());
        let size = info.basicsize.unsigned_abs().saturating_add(items);
        let size = size.saturating_add(align.saturating_sub(1)) / align * align;
        offset = size.cast_signed().saturating_add(offset);
    }
    let dict = ctx.ptr_at("__dict__", addr.wrapping_offset(offset))?;
    Ok(if dict.is_null() { DictStorage::None } else { DictStorage::Object(dict) })
}

/// The entries of the instance `__dict__`; `None` when the object has none.
///
/// # Errors
/// [`DecodeError`] when it cannot be read or is not a dict.
pub(super) fn dict_entries<'a>(
    heap: &Heap<'a>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<Option<DictEntries<'a>>, DecodeError> {
    match dict_storage(heap, addr, info)? {
        DictStorage::None => Ok(None),
        DictStorage::Values(entries) => Ok(Some(entries)),
        DictStorage::Object(dict) => {
            let found = heap.type_of(dict)?;
            if heap.family(found.flags) != Some(Kind::Dict) {
                let found = found.name.clone();
                return Err(DecodeError::WrongType { what: "__dict__", addr: dict, expected: "dict", found });
            }
            DictEntries::new(&heap.ctx, dict).map(Some)
        }
    }
}

/// At most `limit` attributes of the object at `addr`: slots first (base classes first), then `__dict__` in insertion
/// order. The flag tells whether there are more.
///
/// # Errors
/// [`DecodeError`] when the object or its dict is unreadable.
pub fn attributes(heap: &Heap<'_>, addr: Addr, limit: usize) -> Result<(Vec<Attribute>, bool), DecodeError> {
    let info = heap.type_of(addr)?;
    let mut found = slots(heap, addr, &info, limit.saturating_add(1));
    if let Some(entries) = dict_entries(heap, addr, &info)? {
        for entry in entries.take(limit.saturating_add(1).saturating_sub(found.len())) {
            let (key, value) = entry?;
            let is_str = heap.type_of(key).is_ok_and(|t| t.kind == Kind::Str);
            let name = if is_str { read_text(&heap.ctx, key, MAX_NAME)?.text } else { Text::from("<not a str>") };
            found.push(Attribute { name, value, source: AttributeSource::Dict });
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    Ok((found, more))
}

/// The instance attribute `name` (not one of the class).
///
/// # Errors
/// [`DecodeError`] when the object or its dict is unreadable.
pub fn find_attribute(heap: &Heap<'_>, addr: Addr, name: &str) -> Result<Option<Addr>, DecodeError> {
    let info = heap.type_of(addr)?;
    if let Some(entries) = dict_entries(heap, addr, &info)? {
        for entry in entries.take(10_000) {
            let (key, value) = entry?;
            match super::unicode::str_is(&heap.ctx, key, name) {
                Ok(true) => return Ok(Some(value)),
                Ok(false) => {}
                // It may be the one, unless it is not a string at all.
                Err(error) if heap.type_of(key).is_ok_and(|t| t.kind == Kind::Str) => return Err(error),
                Err(_) => {}
            }
        }
    }
    let descriptor = heap.lookup(&info, name).map(|(_, descriptor)| descriptor);
    Ok(descriptor.and_then(|d| slot_value(heap, addr, &info, d)))
}

/// Values of the slots of the object's Python classes.
fn slots(heap: &Heap<'_>, addr: Addr, info: &TypeInfo, limit: usize) -> Vec<Attribute> {
    let value = |offset| heap.ctx.ptr_at("slot", addr.wrapping_offset(offset)).ok().filter(|value| !value.is_null());
    let bound = |(key, offset)| {
        let (value, part) = (value(offset)?, read_text(&heap.ctx, key, MAX_NAME).ok()?);
        Some(Attribute { name: part.text, value, source: AttributeSource::Slot })
    };
    slot_keys(heap, info).filter_map(bound).take(limit).collect()
}

/// Names of the slots of the object's Python classes, and where they are in the object.
pub(super) fn slot_offsets(heap: &Heap<'_>, info: &TypeInfo) -> Vec<(Text, i64)> {
    let named = |(key, offset)| Some((read_text(&heap.ctx, key, MAX_NAME).ok()?.text, offset));
    slot_keys(heap, info).filter_map(named).collect()
}

/// The `str` that names each slot, base classes first, and the slot's offset.
fn slot_keys<'a>(heap: &'a Heap<'_>, info: &'a TypeInfo) -> impl Iterator<Item = (Addr, i64)> + 'a {
    let mro = heap.mro(info);
    let classes: Vec<Addr> = mro.iter().rev().copied().collect();
    classes.into_iter().flat_map(move |class| {
        let class = heap.type_info(class).filter(|c| c.is_heap && !c.is_native);
        let entries = class.and_then(|class| {
            let dict = heap.type_dict(&class).ok()?;
            DictEntries::new(&heap.ctx, dict).ok()
        });
        let entries = entries.into_iter().flat_map(|entries| entries.take(10_000).map_while(Result::ok));
        entries.filter_map(move |(key, descriptor)| Some((key, slot_offset(heap, info, descriptor)?)))
    })
}

/// What the member descriptor at `descriptor` finds in the object, when it is one of a `__slots__` entry.
fn slot_value(heap: &Heap<'_>, addr: Addr, info: &TypeInfo, descriptor: Addr) -> Option<Addr> {
    let offset = slot_offset(heap, info, descriptor)?;
    heap.ctx.ptr_at("slot", addr.wrapping_offset(offset)).ok().filter(|value| !value.is_null())
}

/// Where objects of a type keep the attribute `name`, when that is one of `__slots__`: an offset from the object, the same
/// for all of them.
#[must_use]
pub fn slot_of_type(heap: &Heap<'_>, info: &TypeInfo, name: &str) -> Option<i64> {
    heap.lookup(info, name).and_then(|(_, descriptor)| slot_offset(heap, info, descriptor))
}

fn slot_offset(heap: &Heap<'_>, info: &TypeInfo, descriptor: Addr) -> Option<i64> {
    let ctx = &heap.ctx;
    let class: Arc<TypeInfo> = heap.type_of(descriptor).ok()?;
    if class.kind != Kind::MemberDescriptor {
        return None;
    }
    let member = ctx.ptr(field!(ctx, member_descr.member), descriptor).ok()?;
    if ctx.uint(field!(ctx, member_def.kind), member, 4).ok()? != T_OBJECT_EX {
        return None;
    }
    let offset = ctx.ssize(field!(ctx, member_def.offset), member).ok()?;
    (offset > 0 && offset < info.basicsize).then_some(offset)
}
