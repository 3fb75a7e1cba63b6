//! `fractions`.

use super::attribute;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;

/// `Fraction(1, 3)`.
pub(super) fn fraction(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let parts = (attribute(w, addr, "_numerator"), attribute(w, addr, "_denominator"));
    let (Some(numerator), Some(denominator)) = parts else { return Ok(false) };
    w.name_of_type(info, info.dunder_name());
    w.push("(");
    w.object(numerator);
    w.push(", ");
    w.object(denominator);
    w.push(")");
    Ok(true)
}
