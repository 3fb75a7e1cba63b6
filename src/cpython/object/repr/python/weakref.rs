//! `weakref`.

use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;

/// `<WeakKeyDictionary at 0x..>`.
pub(super) fn name_and_address(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    w.push("<");
    w.name(info.dunder_name());
    w.put(format_args!(" at {addr}>"));
    Ok(true)
}
