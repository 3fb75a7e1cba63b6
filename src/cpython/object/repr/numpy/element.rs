//! One element of an array.

use super::dtype::{Dtype, Element};
use crate::base::{Addr, Endian};
use crate::cpython::DecodeError;
use crate::cpython::object::float::{complex_of, complex_repr, float_repr, half_repr, single_repr};
use crate::cpython::object::numpy_scalar::Number;
use crate::cpython::object::repr::text::{quote_bytes, quote_str};
use crate::cpython::object::repr::writer::Writer;

/// Longest element read, in bytes.
const MAX_ELEMENT: u64 = 4096;

fn unsigned(raw: &[u8], endian: Endian) -> u64 {
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    match endian {
        Endian::Little => raw.iter().rev().fold(0, add),
        Endian::Big => raw.iter().fold(0, add),
    }
}

/// The number as Python prints the like.
pub(super) fn number(kind: Number, raw: &[u8], endian: Endian) -> String {
    let bits = unsigned(raw, endian);
    match kind {
        Number::Bool => if bits == 0 { "False" } else { "True" }.to_owned(),
        Number::Unsigned => bits.to_string(),
        Number::Int => {
            let unused = 64u32.saturating_sub(u32::try_from(raw.len()).unwrap_or(8).saturating_mul(8));
            (bits.checked_shl(unused).unwrap_or(bits).cast_signed() >> unused.min(63)).to_string()
        }
        Number::Float => match raw.len() {
            2 => half_repr(bits as u16),
            4 => single_repr(f32::from_bits(bits as u32)),
            _ => float_repr(f64::from_bits(bits)),
        },
        Number::Complex => {
            let (real, imag) = raw.split_at(raw.len() / 2);
            let (real, imag) = (unsigned(real, endian), unsigned(imag, endian));
            match raw.len() {
                16 => complex_repr(f64::from_bits(real), f64::from_bits(imag)),
                _ => complex_of(&single_repr(f32::from_bits(real as u32)), &single_repr(f32::from_bits(imag as u32))),
            }
        }
    }
}

/// Whether a small float is so large that later releases of NumPy 2 print it with an exponent, and earlier ones do not.
pub(super) fn has_new_exponent(kind: Number, raw: &[u8], endian: Endian) -> bool {
    let single = |raw: &[u8]| {
        let value = f32::from_bits(unsigned(raw, endian) as u32);
        value.is_finite() && value.abs() >= 1e6
    };
    match (kind, raw.len()) {
        // binary16: the exponents of finite numbers from 512.
        (Number::Float, 2) => (0x6000..0x7c00).contains(&(unsigned(raw, endian) & 0x7c00)),
        (Number::Float, 4) => single(raw),
        (Number::Complex, 8) => {
            let (real, imag) = raw.split_at(4);
            single(real) || single(imag)
        }
        _ => false,
    }
}

/// Appends the element at `at`.
pub(super) fn write(w: &mut Writer<'_, '_>, dtype: &Dtype, at: Addr) {
    if let Err(error) = try_write(w, dtype, at) {
        w.problem(&error);
    }
}

fn try_write(w: &mut Writer<'_, '_>, dtype: &Dtype, at: Addr) -> Result<(), DecodeError> {
    match &dtype.element {
        Element::Fields(fields) => {
            w.push("(");
            for (index, field) in fields.iter().enumerate() {
                if index > 0 {
                    w.push(", ");
                }
                write(w, &field.dtype, at.wrapping_add(field.offset));
            }
            w.push(if fields.len() == 1 { ",)" } else { ")" });
            return Ok(());
        }
        Element::Array { of, shape } => {
            let mut strides = Vec::new();
            let mut stride = of.size;
            for length in shape.iter().rev() {
                strides.insert(0, stride.cast_signed());
                stride = stride.saturating_mul(*length);
            }
            super::elements(w, of, at, shape, &strides);
            return Ok(());
        }
        Element::Object => {
            let object = w.ctx().ptr_at("array of objects", at)?;
            // NULL stands for None (numpy/core/src/multiarray/arraytypes.c.src `OBJECT_getitem`).
            if object.is_null() {
                w.push("None")
            } else {
                w.object(object)
            }
            return Ok(());
        }
        Element::Unknown => {
            w.push("?");
            return Ok(());
        }
        _ => {}
    }
    let shown = dtype.size.min(MAX_ELEMENT);
    let raw = w.ctx().bytes_at("array data", at, shown)?;
    let endian = dtype.endian;
    let trimmed = |raw: &[u8], width: usize| -> usize {
        raw.chunks(width).rposition(|unit| unit.iter().any(|byte| *byte != 0)).map_or(0, |last| last.saturating_add(1))
    };
    let text = match &dtype.element {
        Element::Bool => number(Number::Bool, &raw, endian),
        Element::Int => number(Number::Int, &raw, endian),
        Element::Unsigned => number(Number::Unsigned, &raw, endian),
        Element::Float if dtype.size <= 8 => number(Number::Float, &raw, endian),
        Element::Complex if dtype.size <= 16 => number(Number::Complex, &raw, endian),
        Element::Bytes => quote_bytes(raw.get(..trimmed(&raw, 1)).unwrap_or_default(), false),
        Element::Void => quote_bytes(&raw, false),
        Element::Text => {
            let units: Vec<u32> = raw.chunks_exact(4).map(|unit| unsigned(unit, endian) as u32).collect();
            quote_str(units.get(..trimmed(&raw, 4)).unwrap_or_default(), w.ctx().dialect.repr.unicode)
        }
        Element::DateTime(unit) => {
            let value = unsigned(&raw, endian).cast_signed();
            unit.iso(value).map_or_else(|| value.to_string(), |text| format!("'{text}'"))
        }
        Element::TimeDelta(_) => match unsigned(&raw, endian).cast_signed() {
            super::datetime::NAT => "NaT".to_owned(),
            value => value.to_string(),
        },
        // `long double`: its format depends on the target's C compiler.
        _ => "?".to_owned(),
    };
    w.push(&text);
    if shown < dtype.size {
        w.more(dtype.size.saturating_sub(shown));
    }
    Ok(())
}
