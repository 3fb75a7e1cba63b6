//! `tempfile`.

use super::attribute;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;

/// `<TemporaryDirectory '/tmp/x'>`.
pub(super) fn temporary_directory(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(name) = attribute(w, addr, "name") else { return Ok(false) };
    w.push("<");
    w.name(info.dunder_name());
    w.push(" ");
    w.object(name);
    w.push(">");
    Ok(true)
}
