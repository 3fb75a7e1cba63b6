//! One attribute of an object by its name, wherever it is stored: a field of the object, its `__dict__` or slots, its class, or
//! data that native descriptors read.

use super::fields::stored_attribute;
use super::instance::{DictStorage, dict_storage, find_attribute};
use super::kind::Kind;
use super::sequence::tuple_items;
use super::types::{Heap, TypeInfo};
use super::value::Value;
use crate::base::{Addr, Text};
use crate::cpython::code::CodeCache;
use crate::cpython::frame::{PyFrame, code_of_generator, frame_of_generator, frame_of_object, namespaces};
use crate::cpython::{Context, DecodeError};
use crate::debuggee::MemoryExt as _;
use crate::field;

/// Longest C string read, in bytes.
const MAX_STRING: usize = 10_000;

/// Fields of a struct sequence may stand after those that its length counts (`st_atime` of a stat result); no more than this.
const MAX_FIELDS: i64 = 256;

/// What was found.
#[derive(Clone, Debug)]
pub(super) enum Attribute {
    /// This.
    Found(Value),
    /// A slot that nothing was assigned to.
    Unset,
    /// Code would have to run.
    Computed,
    /// No such attribute.
    None,
}

impl From<Option<Value>> for Attribute {
    fn from(found: Option<Value>) -> Self {
        found.map_or(Attribute::None, Attribute::Found)
    }
}

/// The attribute `name` of a value.
///
/// # Errors
/// [`DecodeError`] when memory on the way is unreadable or corrupt.
pub(super) fn attribute(heap: &Heap<'_>, value: &Value, name: &str) -> Result<Attribute, DecodeError> {
    match value {
        Value::Object(addr) => of_object(heap, *addr, &*heap.type_of(*addr)?, name),
        Value::Frame(frame) => of_frame(heap, frame, name).map(Attribute::from),
        _ => Ok(Attribute::None),
    }
}

fn of_object(heap: &Heap<'_>, addr: Addr, info: &TypeInfo, name: &str) -> Result<Attribute, DecodeError> {
    if let Some(found) = stored_attribute(heap, addr, info, name)? {
        return Ok(Attribute::Found(Value::Object(found)));
    }
    if let Some(compute) = info.kind.row().computes
        && let Some(found) = compute(heap, addr, info, name)?
    {
        return Ok(Attribute::Found(found));
    }
    if name == "__dict__" {
        return dict(heap, addr, info);
    }
    if let Some(found) = find_attribute(heap, addr, name)? {
        return Ok(Attribute::Found(Value::Object(found)));
    }
    // A class finds attributes along its own MRO, everything else those of its class.
    if info.kind == Kind::Type
        && let Some(class) = heap.type_info(addr)
    {
        if let Some(member) = enum_member(heap, &class, name)? {
            return Ok(Attribute::Found(Value::Object(member)));
        }
        if let Some((_, value)) = heap.lookup(&class, name) {
            return plain(heap, value);
        }
    }
    match heap.lookup(info, name) {
        Some((class, value)) => of_class(heap, addr, info, name, &class, value),
        None => Ok(Attribute::None),
    }
}

/// The `__dict__` of an object, be it a dict or not.
fn dict(heap: &Heap<'_>, addr: Addr, info: &TypeInfo) -> Result<Attribute, DecodeError> {
    Ok(match dict_storage(heap, addr, info)? {
        DictStorage::Object(dict) => Attribute::Found(Value::Object(dict)),
        DictStorage::Values(_) => Attribute::Found(Value::Attributes(addr)),
        // One that was never needed is not there yet.
        DictStorage::None if heap.lookup(info, "__dict__").is_some() => Attribute::Found(Value::Attributes(addr)),
        DictStorage::None => Attribute::None,
    })
}

/// A class attribute that binds to nothing: a function stays one, a staticmethod gives what it wraps.
fn plain(heap: &Heap<'_>, value: Addr) -> Result<Attribute, DecodeError> {
    match heap.type_of(value)?.kind {
        Kind::StaticMethod => {
            super::fields::head_word(&heap.ctx, value, 0).map(|function| Attribute::Found(Value::Object(function)))
        }
        _ => Ok(Attribute::Found(Value::Object(value))),
    }
}

/// What an attribute of its class gives for the object at `addr`.
fn of_class(
    heap: &Heap<'_>,
    addr: Addr,
    info: &TypeInfo,
    name: &str,
    class: &TypeInfo,
    value: Addr,
) -> Result<Attribute, DecodeError> {
    let descriptor = heap.type_of(value)?;
    match descriptor.kind {
        Kind::MemberDescriptor => member(heap, addr, info, value),
        Kind::TupleGetter => tuple_field(heap, addr, value),
        Kind::Function => Ok(Attribute::Found(Value::Object(value))),
        Kind::StaticMethod => plain(heap, value),
        _ if is_enum_property(heap, class, name) => {
            Ok(find_attribute(heap, addr, &format!("_{name}_"))?.map(Value::Object).into())
        }
        // Whatever has a `__get__` runs code: property, cached_property, classmethod, getset.
        _ if heap.lookup(&descriptor, "__get__").is_some() => Ok(Attribute::Computed),
        Kind::Property | Kind::GetSetDescriptor | Kind::ClassMethod => Ok(Attribute::Computed),
        _ => Ok(Attribute::Found(Value::Object(value))),
    }
}

/// `name` and `value` of `enum.Enum`, which read `_name_` and `_value_` (Lib/enum.py).
fn is_enum_property(heap: &Heap<'_>, class: &TypeInfo, name: &str) -> bool {
    matches!(name, "name" | "value") && heap.module(class).as_deref() == Some("enum") && heap.qualname(class) == "Enum"
}

/// The member of an enumeration, which its class need not hold itself (Lib/enum.py `_member_map_`).
fn enum_member(heap: &Heap<'_>, class: &TypeInfo, name: &str) -> Result<Option<Addr>, DecodeError> {
    let Some((_, map)) = heap.lookup(class, "_member_map_") else { return Ok(None) };
    if !heap.type_of(map)?.kind.refines(Kind::Dict) {
        return Ok(None);
    }
    super::dict::dict_get_str(&heap.ctx, map, name)
}

/// A field of a namedtuple: `_tuplegetterobject {head, Py_ssize_t index, PyObject *doc}` (Modules/_collectionsmodule.c).
fn tuple_field(heap: &Heap<'_>, addr: Addr, getter: Addr) -> Result<Attribute, DecodeError> {
    let index = super::fields::head_word(&heap.ctx, getter, 0)?.0;
    let item = tuple_items(&heap.ctx, addr)?.item(index).transpose()?;
    Ok(item.map(Value::Object).into())
}

/// What a member descriptor reads: `PyMemberDef.type` of Include/structmember.h (3.12+ Include/descrobject.h).
fn member(heap: &Heap<'_>, addr: Addr, info: &TypeInfo, descriptor: Addr) -> Result<Attribute, DecodeError> {
    let ctx = &heap.ctx;
    let member = ctx.ptr(field!(ctx, member_descr.member), descriptor)?;
    let kind = ctx.uint(field!(ctx, member_def.kind), member, 4)?;
    let offset = ctx.ssize(field!(ctx, member_def.offset), member)?;
    let word = i64::from(ctx.abi.pointer_size());
    let end = match info.kind {
        Kind::StructSeq => info.basicsize.saturating_add(MAX_FIELDS.saturating_mul(word)),
        _ => info.basicsize,
    };
    if offset <= 0 || offset >= end {
        return Ok(Attribute::Computed);
    }
    let at = addr.wrapping_offset(offset);
    let uint = |width: u8| ctx.uint_at("member", at, width);
    let int = |width: u8| {
        let unused = 64u32.saturating_sub(u32::from(width).saturating_mul(8));
        uint(width).map(|raw| raw.wrapping_shl(unused).cast_signed().wrapping_shr(unused))
    };
    let long = if ctx.abi.os == crate::base::Os::Windows { 4 } else { ctx.abi.pointer_size() };
    let found = match kind {
        0 => Value::Int(int(2)?),
        1 => Value::Int(int(4)?),
        2 => Value::Int(int(long)?),
        3 => Value::Float(f64::from(f32::from_bits(uint(4)? as u32))),
        4 => Value::Float(f64::from_bits(uint(8)?)),
        5 => string(ctx, ctx.ptr_at("member", at)?)?,
        6 => match ctx.ptr_at("member", at)? {
            Addr::NULL => Value::None,
            object => Value::Object(object),
        },
        7 => Value::Text(Text::from_code_points([uint(1)? as u32])),
        8 => Value::Int(int(1)?),
        9 => Value::from(uint(1)?),
        10 => Value::from(uint(2)?),
        11 => Value::from(uint(4)?),
        12 => Value::from(uint(long)?),
        13 => string(ctx, at)?,
        14 => Value::Bool(uint(1)? != 0),
        16 => match ctx.ptr_at("slot", at)? {
            Addr::NULL => return Ok(Attribute::Unset),
            object => Value::Object(object),
        },
        17 => Value::Int(int(8)?),
        18 => Value::from(uint(8)?),
        19 => Value::Int(int(ctx.abi.pointer_size())?),
        20 => Value::None,
        _ => return Ok(Attribute::Computed),
    };
    Ok(Attribute::Found(found))
}

fn string(ctx: &Context<'_>, at: Addr) -> Result<Value, DecodeError> {
    if at.is_null() {
        return Ok(Value::None);
    }
    let bytes = ctx.memory.read_cstr(at, MAX_STRING).map_err(|source| DecodeError::Read { what: "member", source })?;
    Ok(Value::Text(Text::from(&*String::from_utf8_lossy(&bytes))))
}

/// Computes an attribute of an object whose type is this from its data; `None` for a name that is not one of these.
pub(super) type Computes = fn(&Heap<'_>, Addr, &TypeInfo, &str) -> Result<Option<Value>, DecodeError>;

/// Of a class: its names, and its dict in place of the mappingproxy that Python makes.
pub(super) fn of_type(heap: &Heap<'_>, addr: Addr, _: &TypeInfo, name: &str) -> Result<Option<Value>, DecodeError> {
    let Some(class) = heap.type_info(addr).filter(|class| class.named) else { return Ok(None) };
    let text = match name {
        "__name__" => Some(class.dunder_name().to_owned()),
        "__qualname__" => Some(heap.qualname(&class)),
        "__module__" => heap.module(&class),
        "__dict__" => return heap.type_dict(&class).map(|dict| Some(Value::Object(dict))),
        _ => None,
    };
    Ok(text.map(|text| Value::Text(Text::from(&*text))))
}

/// Of a generator, coroutine or async generator: its frame and its code.
pub(super) fn of_generator(
    heap: &Heap<'_>,
    addr: Addr,
    info: &TypeInfo,
    name: &str,
) -> Result<Option<Value>, DecodeError> {
    let prefix = match info.kind {
        Kind::Coroutine => "cr_",
        Kind::AsyncGenerator => "ag_",
        _ => "gi_",
    };
    match name.strip_prefix(prefix) {
        Some("code") => code_of_generator(&heap.ctx, addr).map(|code| Some(Value::Object(code))),
        Some("frame") => {
            let frame = frame_of_generator(&heap.ctx, &CodeCache::default(), addr)?;
            Ok(Some(frame.map_or(Value::None, |frame| frame_value(heap, frame))))
        }
        _ => Ok(None),
    }
}

/// The frame object of a frame, where Python has made it.
fn frame_value(heap: &Heap<'_>, frame: PyFrame) -> Value {
    let ctx = &heap.ctx;
    let object = match field!(ctx, frame.frame_obj) {
        (_, Err(_)) => Ok(frame.addr),
        known => ctx.ptr(known, frame.addr),
    };
    match object {
        Ok(object) if !object.is_null() && heap.type_of(object).is_ok_and(|info| info.kind == Kind::Frame) => {
            Value::Object(object)
        }
        _ => Value::Frame(Box::new(frame)),
    }
}

/// Of a frame object.
pub(super) fn of_frame_object(
    heap: &Heap<'_>,
    addr: Addr,
    _: &TypeInfo,
    name: &str,
) -> Result<Option<Value>, DecodeError> {
    if !name.starts_with("f_") {
        return Ok(None);
    }
    of_frame(heap, &frame_of_object(&heap.ctx, &CodeCache::default(), addr)?, name)
}

fn of_frame(heap: &Heap<'_>, frame: &PyFrame, name: &str) -> Result<Option<Value>, DecodeError> {
    let namespace = |which: usize| -> Result<Option<Value>, DecodeError> {
        let found = namespaces(&heap.ctx, frame)?;
        Ok(found.get(which).copied().filter(|dict| !dict.is_null()).map(Value::Object))
    };
    Ok(match name {
        "f_code" => Some(Value::Object(frame.code.as_ref().map_err(Clone::clone)?.addr)),
        "f_lineno" => {
            let line = frame.position.as_ref().map_err(Clone::clone)?.line;
            Some(line.map_or(Value::None, |line| Value::Int(i64::from(line))))
        }
        "f_lasti" => Some(Value::Int(*frame.lasti.as_ref().map_err(Clone::clone)?)),
        "f_locals" => Some(Value::Locals(Box::new(frame.clone()))),
        "f_globals" => namespace(0)?,
        "f_builtins" => namespace(1)?,
        _ => None,
    })
}

/// Of an `array.array`.
pub(super) fn of_array(heap: &Heap<'_>, addr: Addr, _: &TypeInfo, name: &str) -> Result<Option<Value>, DecodeError> {
    let array = super::children::CArray::read(&heap.ctx, addr)?;
    Ok(match name {
        "typecode" => Some(Value::Text(Text::from(&*array.code.to_string()))),
        "itemsize" => Some(Value::from(array.width)),
        _ => None,
    })
}

/// Of a `numpy.ndarray`.
pub(super) fn of_ndarray(heap: &Heap<'_>, addr: Addr, _: &TypeInfo, name: &str) -> Result<Option<Value>, DecodeError> {
    super::repr::array_attribute(heap, addr, name)
}
