//! `numpy.dtype`: what an element is (`numpy/core/_dtype.py` prints it).

use super::datetime::Unit;
use super::layout::{ALIGNED_STRUCT, LEGACY_TYPES, Layout};
use crate::base::{Addr, Endian, Exhausted, Text};
use crate::cpython::DecodeError;
use crate::cpython::object::dict::DictEntries;
use crate::cpython::object::int::Int;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::numpy_scalar::Number;
use crate::cpython::object::repr::strided::tuple_text;
use crate::cpython::object::repr::text::quote_str;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::sequence::tuple_items;
use crate::cpython::object::unicode::read_text;

/// Bytes of the longest element.
const MAX_ELEMENT: u64 = 1 << 40;
/// Fields of a structured type that are read.
const MAX_FIELDS: u64 = 1000;
/// Types inside types that are followed.
const MAX_NESTED: u32 = 16;
/// `NPY_MAXDIMS` of 2.x.
pub(super) const MAX_DIMENSIONS: u64 = 64;
/// Longest field name.
const MAX_NAME: u64 = 10_000;

/// A data type.
#[derive(Clone, Debug)]
pub(super) struct Dtype {
    pub size: u64,
    pub element: Element,
    /// `<`, `>`, or `|` where bytes have no order.
    order: char,
    /// Its fields are aligned, which its text says.
    aligned: bool,
    /// The order of the elements' bytes.
    pub endian: Endian,
}

/// What an element is.
#[derive(Clone, Debug)]
pub(super) enum Element {
    Bool,
    Int,
    Unsigned,
    /// 2, 4, 8 bytes; more is `long double`.
    Float,
    Complex,
    Object,
    Bytes,
    Text,
    /// Bytes without a meaning.
    Void,
    Fields(Vec<Field>),
    Array {
        of: Box<Dtype>,
        shape: Vec<u64>,
    },
    DateTime(Unit),
    TimeDelta(Unit),
    /// A type of its own (user types, `StringDType`).
    Unknown,
}

/// A field of a structured type.
#[derive(Clone, Debug)]
pub(super) struct Field {
    name: Vec<u32>,
    pub dtype: Dtype,
    pub offset: u64,
    /// It has a title besides its name.
    titled: bool,
}

impl Dtype {
    /// The number that an element is, where it is one whose scalar is decoded.
    pub fn number(&self) -> Option<Number> {
        match self.element {
            Element::Bool => Some(Number::Bool),
            Element::Int => Some(Number::Int),
            Element::Unsigned => Some(Number::Unsigned),
            Element::Float if self.size <= 8 => Some(Number::Float),
            Element::Complex if self.size <= 16 => Some(Number::Complex),
            _ => None,
        }
    }

    /// Its field of this name, where it is a structured type.
    pub fn field(&self, name: &Text) -> Option<&Field> {
        let Element::Fields(fields) = &self.element else { return None };
        fields.iter().find(|field| field.name == name.code_points())
    }

    /// The type described by the `PyArray_Descr` at `addr`.
    pub fn read(w: &Writer<'_, '_>, layout: &Layout, addr: Addr) -> Result<Dtype, DecodeError> {
        read_nested(w, layout, addr, MAX_NESTED)
    }

    /// Whether the elements are numbers, or time in native byte order, whose names say all.
    fn name(&self) -> Option<String> {
        let bits = self.size.saturating_mul(8);
        let native = matches!(self.order, '=' | '|');
        Some(match self.element {
            Element::Bool => "bool".to_owned(),
            Element::Int if native => format!("int{bits}"),
            Element::Unsigned if native => format!("uint{bits}"),
            Element::Float if native => format!("float{bits}"),
            Element::Complex if native => format!("complex{bits}"),
            _ => return None,
        })
    }

    /// `float64`, `'<U5'`, `[('a', '<i4')]`: what stands in `dtype(...)`. The flag tells whether it is all that Python prints.
    pub fn text(&self, w: &Writer<'_, '_>) -> (String, bool) {
        match self.name() {
            Some(name) => (format!("'{name}'"), true),
            None => self.construction(w),
        }
    }

    fn construction(&self, w: &Writer<'_, '_>) -> (String, bool) {
        let order = match (self.order, self.endian) {
            ('=', Endian::Little) => '<',
            ('=', Endian::Big) => '>',
            (order, _) => order,
        };
        let sized = |letter: char| match self.size {
            0 => format!("'{letter}'"),
            size => format!("'{letter}{size}'"),
        };
        let text = match &self.element {
            Element::Bool => "'?'".to_owned(),
            Element::Int | Element::Unsigned | Element::Float | Element::Complex => {
                let letter = match self.element {
                    Element::Int => 'i',
                    Element::Unsigned => 'u',
                    Element::Float => 'f',
                    _ => 'c',
                };
                let order = if self.order == '|' { String::new() } else { order.to_string() };
                format!("'{order}{letter}{}'", self.size)
            }
            Element::Object => "'O'".to_owned(),
            Element::Bytes => sized('S'),
            Element::Void => sized('V'),
            Element::Text => match self.size / 4 {
                0 => format!("'{order}U'"),
                length => format!("'{order}U{length}'"),
            },
            Element::DateTime(unit) => format!("'{order}M8{}'", unit.bracketed()),
            Element::TimeDelta(unit) => format!("'{order}m8{}'", unit.bracketed()),
            Element::Array { of, shape } => {
                let (of, exact) = of.construction(w);
                return (format!("({of}, {})", tuple_text(shape)), exact);
            }
            Element::Fields(fields) => return self.fields_text(w, fields),
            Element::Unknown => return ("?".to_owned(), false),
        };
        (text, true)
    }

    /// `[('a', '<i4'), ('b', '<f8', (2,))]`, which is all of it where the fields lie close to each other.
    fn fields_text(&self, w: &Writer<'_, '_>, fields: &[Field]) -> (String, bool) {
        let mut end = 0;
        let mut exact = !self.aligned;
        let mut parts = Vec::new();
        for field in fields {
            exact &= field.offset == end && !field.titled;
            end = field.offset.saturating_add(field.dtype.size);
            let name = quote_str(&field.name, w.ctx().dialect.repr.unicode);
            let (text, whole) = match &field.dtype.element {
                Element::Array { of, shape } => {
                    let (of, whole) = of.construction(w);
                    (format!("{of}, {}", tuple_text(shape)), whole)
                }
                _ => field.dtype.construction(w),
            };
            exact &= whole;
            parts.push(format!("({name}, {text})"));
        }
        (format!("[{}]", parts.join(", ")), exact && end == self.size)
    }
}

fn read_nested(w: &Writer<'_, '_>, layout: &Layout, addr: Addr, left: u32) -> Result<Dtype, DecodeError> {
    let ctx = w.ctx();
    if w.heap.type_of(addr)?.kind != Kind::NumpyDtype {
        return Err(DecodeError::corrupt("dtype", addr, "no dtype"));
    }
    let head = w.head(addr)?;
    let at = |offset: u64| head.wrapping_add(offset);
    let uint = |what, offset, len| ctx.bytes_at(what, at(offset), len).map(|raw| ctx.abi.uint(&raw));
    let letter = |offset| uint("dtype", offset, 1).map(|byte| char::from(byte as u8));
    let type_num = i64::from(uint("dtype.type_num", layout.type_num, 4)? as u32 as i32);
    let size = uint("dtype.elsize", layout.elsize, layout.elsize_bytes)?;
    if size > MAX_ELEMENT {
        return Err(Exhausted { what: "bytes of an element", limit: MAX_ELEMENT }.into());
    }
    let order = letter(layout.byteorder)?;
    let aligned = uint("dtype.flags", layout.flags, 1)? & ALIGNED_STRUCT != 0;
    let native = ctx.abi.endian;
    let endian = match order {
        '<' => Endian::Little,
        '>' => Endian::Big,
        _ => native,
    };
    let mut dtype = Dtype { size, element: Element::Unknown, order, aligned, endian };
    if !(0..LEGACY_TYPES).contains(&type_num) {
        return Ok(dtype);
    }
    let unit = || -> Result<Unit, DecodeError> {
        // `NpyAuxData` is four pointers.
        let data = ctx.ptr_at("dtype.c_metadata", at(layout.c_metadata))?;
        Unit::read(ctx, data.wrapping_add(32))
    };
    let pointer = |offset| ctx.ptr_at("dtype", at(offset)).map(|p| Some(p).filter(|p| !p.is_null()));
    dtype.element = match letter(layout.kind)? {
        'b' => Element::Bool,
        'i' => Element::Int,
        'u' => Element::Unsigned,
        'f' => Element::Float,
        'c' => Element::Complex,
        'O' => Element::Object,
        'S' => Element::Bytes,
        'U' => Element::Text,
        'M' => Element::DateTime(unit()?),
        'm' => Element::TimeDelta(unit()?),
        'V' if left == 0 => {
            return Err(Exhausted { what: "types inside types", limit: u64::from(MAX_NESTED) }.into());
        }
        'V' => match (pointer(layout.subarray)?, pointer(layout.names)?) {
            // `PyArray_ArrayDescr {base, shape}`.
            (Some(subarray), _) => {
                let base = ctx.ptr_at("dtype.subarray.base", subarray)?;
                let shape = ctx.ptr_at("dtype.subarray.shape", subarray.wrapping_add(8))?;
                let of = Box::new(read_nested(w, layout, base, left.saturating_sub(1))?);
                Element::Array { of, shape: shape_of(w, shape)? }
            }
            (None, Some(names)) if w.heap.type_of(names)?.kind == Kind::Tuple => {
                let fields = ctx.ptr_at("dtype.fields", at(layout.fields))?;
                Element::Fields(fields_of(w, layout, names, fields, left)?)
            }
            _ => Element::Void,
        },
        _ => Element::Unknown,
    };
    Ok(dtype)
}

fn small(w: &Writer<'_, '_>, addr: Addr) -> Result<u64, DecodeError> {
    let value = Int::read(w.ctx(), addr)?.to_i64().and_then(|value| u64::try_from(value).ok());
    value.ok_or_else(|| DecodeError::corrupt("dtype", addr, "no size"))
}

/// A tuple of sizes.
fn shape_of(w: &Writer<'_, '_>, addr: Addr) -> Result<Vec<u64>, DecodeError> {
    if w.heap.type_of(addr)?.kind != Kind::Tuple {
        return Err(DecodeError::corrupt("dtype.subarray.shape", addr, "no tuple"));
    }
    tuple_items(w.ctx(), addr)?.take(MAX_DIMENSIONS as usize).map(|item| small(w, item?)).collect()
}

/// `names` in their order, with what the mapping `fields` says of each: `(dtype, offset[, title])`.
fn fields_of(
    w: &Writer<'_, '_>,
    layout: &Layout,
    names: Addr,
    fields: Addr,
    left: u32,
) -> Result<Vec<Field>, DecodeError> {
    let ctx = w.ctx();
    let names = tuple_items(ctx, names)?;
    if names.total() > MAX_FIELDS {
        return Err(Exhausted { what: "fields of a type", limit: MAX_FIELDS }.into());
    }
    // A mapping proxy since 2.x: its first field is the dict.
    let info = w.heap.type_of(fields)?;
    let dict = if info.kind == Kind::MappingProxy { w.head_word(fields, 0)? } else { fields };
    let texts = |addr: Addr| match read_text(ctx, addr, MAX_NAME)? {
        part if part.is_cut() => Err(DecodeError::from(Exhausted { what: "characters of a name", limit: MAX_NAME })),
        part => Ok(part.text.code_points().to_vec()),
    };
    let mut known = Vec::new();
    for entry in DictEntries::new(ctx, dict)?.take(MAX_FIELDS.saturating_mul(2) as usize) {
        let (key, value) = entry?;
        if w.heap.type_of(key)?.kind == Kind::Str {
            known.push((texts(key)?, value));
        }
    }
    let mut out = Vec::new();
    for name in names {
        let name = texts(name?)?;
        let found = known.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let found = found.ok_or_else(|| DecodeError::corrupt("dtype.fields", dict, "a name without a field"))?;
        let mut items = tuple_items(ctx, found)?;
        let titled = items.total() > 2;
        let mut item = |index: u64| match items.item(index) {
            Some(item) => item,
            None => Err(DecodeError::corrupt("dtype.fields", found, "no type and offset")),
        };
        let (of, offset) = (item(0)?, item(1)?);
        let dtype = read_nested(w, layout, of, left.saturating_sub(1))?;
        out.push(Field { name, dtype, offset: small(w, offset)?, titled });
    }
    Ok(out)
}
