//! `http`.

use super::string_attribute;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;

/// `<HTTPMethod.GET>`.
pub(super) fn method(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(name) = string_attribute(w, addr, "_name_") else { return Ok(false) };
    w.push("<");
    w.name(info.dunder_name());
    w.push(".");
    w.name(&name);
    w.push(">");
    Ok(true)
}
