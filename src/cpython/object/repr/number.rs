//! Numbers.

use super::limits::Fidelity;
use super::python2;
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::object::float::{complex_repr, write_float};
use crate::cpython::object::int::Int;
use crate::cpython::object::types::TypeInfo;
use crate::cpython::{Context, DecodeError};
use crate::field;

/// `sys.get_int_max_str_digits()` by default: above, Python's `repr` raises `ValueError` and we write hex.
const MAX_DECIMAL_DIGITS: u64 = 4300;

pub(in crate::cpython::object) fn int(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    if let Some(small) = Int::read_small(w.ctx(), addr)? {
        w.put(small);
        long_mark(w, info);
        return Ok(());
    }
    let value = Int::read(w.ctx(), addr)?;
    match value.decimal(MAX_DECIMAL_DIGITS) {
        Some(text) => {
            w.push(&text);
            long_mark(w, info);
        }
        None => {
            w.lower(Fidelity::Structural);
            let hex = value.hex();
            let limit = usize::try_from(w.limits.characters.max(100)).unwrap_or(usize::MAX);
            match hex.get(..limit) {
                Some(start) => {
                    w.push(start);
                    w.more((hex.len() as u64).saturating_sub(limit as u64));
                }
                None => w.push(&hex),
            }
        }
    }
    Ok(())
}

pub(in crate::cpython::object) fn bool(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    match Int::read(w.ctx(), addr)?.to_i64() {
        Some(0) => w.fixed("False"),
        Some(1) => w.fixed("True"),
        _ => Err(DecodeError::corrupt("bool", addr, "neither 0 nor 1")),
    }
}

/// The C double at `at`.
pub(super) fn double_at(ctx: &Context<'_>, at: Addr) -> Result<f64, DecodeError> {
    ctx.uint_at("double", at, 8).map(f64::from_bits)
}

pub(in crate::cpython::object) fn float(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let at = w.ctx().addr(field!(w.ctx(), float.fval), addr)?;
    let value = double_at(w.ctx(), at)?;
    if let Some(out) = w.open() {
        write_float(out, value);
    }
    Ok(())
}

pub(in crate::cpython::object) fn complex(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let at = w.ctx().addr(field!(w.ctx(), complex.cval), addr)?;
    let text = complex_repr(double_at(w.ctx(), at)?, double_at(w.ctx(), at.wrapping_add(8))?);
    w.fixed(&text)
}

/// The `L` of a `long` of Python 2.
fn long_mark(w: &mut Writer<'_, '_>, info: &TypeInfo) {
    if w.ctx().dialect.is_two() {
        python2::long_mark(w, info);
    }
}
