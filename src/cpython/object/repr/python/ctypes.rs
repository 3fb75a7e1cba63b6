//! `ctypes`.

use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;

/// `c_char_p(140...)`: the pointer as a number.
pub(super) fn char_pointer(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let at = w.head_word(addr, 0)?;
    let pointer = w.ctx().ptr_at("ctypes value", at)?;
    w.name(info.dunder_name());
    match pointer.is_null() {
        true => w.push("(None)"),
        false => w.put(format_args!("({})", pointer.0)),
    }
    Ok(true)
}

/// `py_object([1])`: the function asks the native one.
pub(super) fn python_object(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    w.base(addr, info)?;
    Ok(true)
}
