//! `uuid`.

use super::int_attribute;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;

/// `UUID('12345678-1234-5678-1234-567812345678')`.
pub(super) fn uuid(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(value) = int_attribute(w, addr, "int") else { return Ok(false) };
    let hex = format!("{:032x}", value.big());
    let cut = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    w.name(info.dunder_name());
    let parts = [cut(0, 8), cut(8, 12), cut(12, 16), cut(16, 20), cut(20, 32)];
    w.put(format_args!("('{}')", parts.join("-")));
    Ok(true)
}
