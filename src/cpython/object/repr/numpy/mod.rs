//! NumPy: scalars and data types as their repr shows them; arrays with type, shape and the head of their data (how an array
//! prints depends on print options, and is code that is not run).

mod datetime;
mod dtype;
mod element;
mod layout;

use super::limits::{Fidelity, ReprLimits};
use super::strided::{c_order_strides, is_c_order, tuple_text};
use super::writer::Writer;
use super::{default, text as strings};
use crate::base::{Addr, Text};
use crate::cpython::DecodeError;
use crate::cpython::object::numpy_scalar::{self, Number, Scalar};
use crate::cpython::object::types::{Heap, TypeInfo};
use crate::cpython::object::value::{ArrayStep, Value};
use crate::field;
use datetime::Unit;
use dtype::{Dtype, Element, MAX_DIMENSIONS};
use element::number;
use layout::{Layout, layout};
use std::ops::Range;

pub use layout::{NumpyArrays, numpy_arrays};

/// An array: what its elements are, where they are, and how to walk them.
struct Array {
    dtype: Dtype,
    data: Addr,
    shape: Vec<u64>,
    strides: Vec<i64>,
}

impl Array {
    fn read(w: &Writer<'_, '_>, layout: &Layout, addr: Addr) -> Result<Array, DecodeError> {
        let ctx = *w.ctx();
        let head = w.head(addr)?;
        let pointer = |what, offset: u64| ctx.ptr_at(what, head.wrapping_add(offset));
        let dtype = Dtype::read(w, layout, pointer("ndarray.descr", layout.descr)?)?;
        let raw = ctx.bytes_at("ndarray.nd", head.wrapping_add(layout.dimension_count), 4)?;
        let count = ctx.abi.uint(&raw);
        if count > MAX_DIMENSIONS {
            return Err(DecodeError::corrupt("ndarray.nd", addr, format!("{count} dimensions")));
        }
        let words = |what, offset: u64| -> Result<Vec<u64>, DecodeError> {
            let base = pointer(what, offset)?;
            (0..count).map(|n| ctx.ptr_at(what, base.wrapping_add(n.wrapping_mul(8))).map(|word| word.0)).collect()
        };
        let shape = words("ndarray.dimensions", layout.dimensions)?;
        let strides = words("ndarray.strides", layout.strides)?.into_iter().map(u64::cast_signed).collect();
        Ok(Array { dtype, data: pointer("ndarray.data", layout.data)?, shape, strides })
    }
}

/// `<numpy.ndarray object at 0x.. dtype=int64 shape=(2, 2) data=[[1, 2], [3, 4]]>`; strides where the data is not in C order.
pub(in crate::cpython::object) fn array(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    w.lower(Fidelity::Structural);
    default::head(w, addr, info);
    let Some(layout) = layout(w.heap) else { return w.fixed(" of an unknown NumPy>") };
    let Array { dtype, data, shape, strides } = Array::read(w, layout, addr)?;
    let (text, _) = dtype.text(w);
    w.push(" dtype=");
    w.name(text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).unwrap_or(&text));
    w.put(format_args!(" shape={}", tuple_text(&shape)));
    if !is_c_order(&shape, &strides, dtype.size) {
        w.put(format_args!(" strides={}", tuple_text(&strides)));
    }
    w.push(" data=");
    elements(w, &dtype, data, &shape, &strides);
    w.fixed(">")
}

/// The elements of an array alone, as nested lists.
pub(super) fn items(w: &mut Writer<'_, '_>, addr: Addr) -> Result<(), DecodeError> {
    w.lower(Fidelity::Structural);
    let Some(layout) = layout(w.heap) else { return w.fixed("?") };
    let array = Array::read(w, layout, addr)?;
    elements(w, &array.dtype, array.data, &array.shape, &array.strides);
    Ok(())
}

/// The elements at `at`, as nested lists.
fn elements(w: &mut Writer<'_, '_>, dtype: &Dtype, at: Addr, shape: &[u64], strides: &[i64]) {
    let (Some((length, shape)), Some((stride, strides))) = (shape.split_first(), strides.split_first()) else {
        return element::write(w, dtype, at);
    };
    let places = (0..*length).map(|n| Ok(at.wrapping_offset(n.cast_signed().wrapping_mul(*stride))));
    w.push("[");
    w.sequence(*length, places, |w, at| elements(w, dtype, at, shape, strides));
    w.push("]");
}

/// Length of the first dimension of a part of an array; `None` where it has none.
pub(in crate::cpython::object) fn length(
    heap: &Heap<'_>,
    addr: Addr,
    steps: &[ArrayStep],
) -> Result<Option<u64>, DecodeError> {
    opened(heap, addr, steps, |array| Ok(array.shape.first().copied()))
}

/// Whether a part of an array has a field of this name.
pub(in crate::cpython::object) fn has_field(
    heap: &Heap<'_>,
    addr: Addr,
    steps: &[ArrayStep],
    name: &Text,
) -> Result<bool, DecodeError> {
    opened(heap, addr, steps, |array| Ok(array.dtype.field(name).is_some()))
}

/// Reads a part of an array with a writer of its own.
fn opened<T>(
    heap: &Heap<'_>,
    addr: Addr,
    steps: &[ArrayStep],
    with: impl FnOnce(Array) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let limits = ReprLimits::default();
    let w = Writer::new(heap, &limits);
    with(Array::read(&w, known(heap, addr)?, addr)?.part(addr, steps)?)
}

fn known(heap: &Heap<'_>, addr: Addr) -> Result<&'static Layout, DecodeError> {
    layout(heap).ok_or_else(|| DecodeError::corrupt("ndarray", addr, "of a NumPy that is not known here"))
}

impl Array {
    /// What these steps lead to, as an array of its own: of no dimension where it is an element. `addr` is the array's.
    fn part(self, addr: Addr, steps: &[ArrayStep]) -> Result<Array, DecodeError> {
        let missing = || DecodeError::corrupt("ndarray", addr, "an index or a field that it does not have");
        steps.iter().try_fold(self, |array, step| {
            match step {
                ArrayStep::Item(index) => array.item(*index),
                ArrayStep::Field(name) => array.field(name),
            }
            .ok_or_else(missing)
        })
    }

    fn item(mut self, index: u64) -> Option<Array> {
        if self.shape.first().is_none_or(|length| index >= *length) || self.strides.is_empty() {
            return None;
        }
        self.shape.remove(0);
        self.data = self.data.wrapping_offset(index.cast_signed().wrapping_mul(self.strides.remove(0)));
        Some(self)
    }

    /// The field of every element. The dimensions of a field that is an array itself come after the array's own.
    fn field(mut self, name: &Text) -> Option<Array> {
        let field = self.dtype.field(name)?.clone();
        self.data = self.data.wrapping_add(field.offset);
        self.dtype = match field.dtype.element {
            Element::Array { of, shape } => {
                let strides = c_order_strides(&shape, of.size);
                self.strides.extend(strides.into_iter().map(u64::cast_signed));
                self.shape.extend(shape);
                *of
            }
            _ => field.dtype,
        };
        Some(self)
    }
}

/// The part of an array that these steps lead to: an object where it holds objects.
pub(in crate::cpython::object) fn part_of(
    heap: &Heap<'_>,
    addr: Addr,
    steps: Vec<ArrayStep>,
) -> Result<Value, DecodeError> {
    let object = opened(heap, addr, &steps, |part| {
        let is_object = part.shape.is_empty() && matches!(part.dtype.element, Element::Object);
        is_object.then(|| heap.ctx.ptr_at("array of objects", part.data)).transpose()
    })?;
    Ok(match object {
        Some(object) if object.is_null() => Value::None,
        Some(object) => Value::Object(object),
        None => Value::ArrayPart { array: addr, steps },
    })
}

/// The memory that an array says its elements are in, whoever owns it; empty for an array without elements.
///
/// # Errors
/// [`DecodeError`] when the array cannot be read, or is of a NumPy that is not known here.
pub fn array_extent(heap: &Heap<'_>, addr: Addr) -> Result<Range<Addr>, DecodeError> {
    opened(heap, addr, &[], |array| {
        if array.shape.contains(&0) {
            return Ok(array.data..array.data);
        }
        let (mut before, mut after) = (0i64, array.dtype.size.cast_signed());
        for (length, stride) in array.shape.iter().zip(&array.strides) {
            let reach = length.saturating_sub(1).cast_signed().saturating_mul(*stride);
            let side = if reach < 0 { &mut before } else { &mut after };
            *side = side.saturating_add(reach);
        }
        Ok(Addr(array.data.0.saturating_add_signed(before))..Addr(array.data.0.saturating_add_signed(after)))
    })
}

/// An element as the scalar that Python makes of it, or a sub-array as nested lists.
pub(super) fn part(w: &mut Writer<'_, '_>, addr: Addr, steps: &[ArrayStep]) -> Result<(), DecodeError> {
    let layout = known(w.heap, addr)?;
    let Array { dtype, data, shape, strides } = Array::read(w, layout, addr)?.part(addr, steps)?;
    match dtype.number().filter(|_| shape.is_empty() && dtype.endian == w.ctx().abi.endian) {
        Some(kind) => stored_number(w, layout, kind, dtype.size, data),
        None => {
            w.lower(Fidelity::Structural);
            elements(w, &dtype, data, &shape, &strides);
            Ok(())
        }
    }
}

/// Name of the type of a part.
pub(super) fn part_type(heap: &Heap<'_>, addr: Addr, steps: &[ArrayStep]) -> Result<Option<String>, DecodeError> {
    opened(heap, addr, steps, |array| {
        let bits = array.dtype.size.saturating_mul(8);
        let number = match array.dtype.number() {
            _ if !array.shape.is_empty() => return Ok(Some("ndarray".to_owned())),
            Some(Number::Int) => format!("int{bits}"),
            Some(Number::Unsigned) => format!("uint{bits}"),
            Some(Number::Float) => format!("float{bits}"),
            Some(Number::Complex) => format!("complex{bits}"),
            Some(Number::Bool) if known(heap, addr)?.typed_scalars => "bool".to_owned(),
            Some(Number::Bool) => "bool_".to_owned(),
            None if matches!(array.dtype.element, Element::Fields(_)) => "void".to_owned(),
            None => return Ok(None),
        };
        Ok(Some(number))
    })
}

/// What Python computes of the fields of an array.
pub(in crate::cpython::object) fn attribute(
    heap: &Heap<'_>,
    addr: Addr,
    name: &str,
) -> Result<Option<Value>, DecodeError> {
    let layout = known(heap, addr)?;
    opened(heap, addr, &[], |array| {
        let count = |shape: &[u64]| shape.iter().try_fold(1u64, |product, length| product.checked_mul(*length));
        Ok(match name {
            "shape" => Some(Value::Tuple(array.shape.iter().map(|length| Value::from(*length)).collect())),
            "strides" => Some(Value::Tuple(array.strides.iter().map(|stride| Value::Int(*stride)).collect())),
            "ndim" => Some(Value::from(array.shape.len() as u64)),
            "size" => count(&array.shape).map(Value::from),
            "itemsize" => Some(Value::from(array.dtype.size)),
            "nbytes" => count(&array.shape).and_then(|n| n.checked_mul(array.dtype.size)).map(Value::from),
            "dtype" => {
                let at = heap.ctx.addr(field!(heap.ctx, object.size), addr)?.wrapping_add(layout.descr);
                Some(Value::Object(heap.ctx.ptr_at("ndarray.descr", at)?))
            }
            _ => None,
        })
    })
}

/// `dtype('float64')`.
pub(in crate::cpython::object) fn data_type(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let Some(layout) = layout(w.heap) else { return opaque(w, addr, info) };
    let dtype = Dtype::read(w, layout, addr)?;
    if matches!(dtype.element, Element::Unknown) {
        return opaque(w, addr, info);
    }
    let (text, exact) = dtype.text(w);
    if !exact {
        w.lower(Fidelity::Structural);
    }
    w.push("dtype(");
    w.name(&text);
    w.fixed(")")
}

/// The scalar type of NumPy that `info` is or derives from (`class Metres(numpy.float64)`), with its name.
fn scalar_type(w: &Writer<'_, '_>, info: &TypeInfo) -> Option<(Scalar, &'static str)> {
    const MOST_BASES: usize = 32;
    let scalar = |info: &TypeInfo| numpy_scalar::of_name(&info.name).filter(|_| info.is_native);
    let bases = std::iter::successors(w.heap.type_info(info.base), |info| w.heap.type_info(info.base));
    scalar(info).or_else(|| bases.take(MOST_BASES).find_map(|info| scalar(&info)))
}

/// What is not decoded, by its type alone.
fn opaque(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    w.lower(Fidelity::Structural);
    default::head(w, addr, info);
    w.fixed(">")
}

/// `1.5`, or `np.float64(1.5)` since 2.0.
pub(in crate::cpython::object) fn scalar(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    if scalar_value(w, addr, info)? { Ok(()) } else { opaque(w, addr, info) }
}

/// As [`scalar`]; false, and nothing written, where the value is not decoded. It follows the object head.
pub(super) fn scalar_value(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let (Some(layout), Some((scalar, name))) = (layout(w.heap), scalar_type(w, info)) else { return Ok(false) };
    let at = w.head(addr)?;
    match scalar {
        Scalar::Time => time(w, layout, name, at)?,
        Scalar::Number(kind, size) => stored_number(w, layout, kind, size, at)?,
    }
    Ok(true)
}

fn stored_number(
    w: &mut Writer<'_, '_>,
    layout: &Layout,
    kind: Number,
    size: u64,
    at: Addr,
) -> Result<(), DecodeError> {
    let raw = w.ctx().bytes_at("NumPy scalar", at, size)?;
    let text = number(kind, &raw, w.ctx().abi.endian);
    if !layout.typed_scalars {
        return w.fixed(&text);
    }
    if element::has_new_exponent(kind, &raw, w.ctx().abi.endian) {
        w.lower(Fidelity::Structural);
    }
    let bits = size.saturating_mul(8);
    match kind {
        Number::Bool => w.put(format_args!("np.{text}_")),
        Number::Int => w.put(format_args!("np.int{bits}({text})")),
        Number::Unsigned => w.put(format_args!("np.uint{bits}({text})")),
        Number::Float => w.put(format_args!("np.float{bits}({text})")),
        Number::Complex => {
            w.put(format_args!("np.complex{bits}({})", text.trim_start_matches('(').trim_end_matches(')')));
        }
    }
    Ok(())
}

/// `numpy.datetime64('2020-01-01')`, `numpy.timedelta64(5,'D')`: `{head, npy_int64 obval, PyArray_DatetimeMetaData obmeta}`.
fn time(w: &mut Writer<'_, '_>, layout: &Layout, name: &str, at: Addr) -> Result<(), DecodeError> {
    let value = w.ctx().bytes_at("NumPy scalar", at, 8)?;
    let value = w.ctx().abi.uint(&value).cast_signed();
    let unit = Unit::read(w.ctx(), at.wrapping_add(8))?;
    w.push(if layout.typed_scalars { "np." } else { "numpy." });
    w.push(name);
    let not_a_time = value == datetime::NAT;
    if name == "datetime64" {
        let text = unit.iso(value).ok_or_else(|| DecodeError::corrupt("datetime64", at, "no such date"))?;
        if not_a_time && layout.typed_scalars {
            // It came to name its unit in some release of 2.x.
            w.lower(Fidelity::Structural);
        }
        w.put(format_args!("('{text}'"));
        let named = if not_a_time { layout.typed_scalars } else { !unit.is_told_by_text() };
        if named {
            w.put(format_args!(",'{}'", unit.plain()));
        }
    } else {
        match not_a_time {
            true => w.push("('NaT'"),
            false => w.put(format_args!("({value}")),
        }
        if !unit.is_generic() {
            w.put(format_args!(",'{}'", unit.plain()));
        }
    }
    w.fixed(")")
}

/// `'a'`, or `np.str_('a')` since 2.0.
pub(in crate::cpython::object) fn text(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    wrapped(w, addr, info, "np.str_", strings::str)
}

/// `b'a'`, or `np.bytes_(b'a')` since 2.0.
pub(in crate::cpython::object) fn bytes(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    wrapped(w, addr, info, "np.bytes_", strings::bytes)
}

fn wrapped(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
    name: &str,
    render: super::Render,
) -> Result<(), DecodeError> {
    let Some(layout) = layout(w.heap) else {
        w.lower(Fidelity::Structural);
        return render(w, addr, info);
    };
    if !layout.typed_scalars {
        return render(w, addr, info);
    }
    w.push(name);
    w.push("(");
    render(w, addr, info)?;
    w.fixed(")")
}
