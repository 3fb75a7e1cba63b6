//! `traceback`.

use super::{int_attribute, string_attribute};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;

/// `<FrameSummary file x.py, line 3 in f>` of `traceback`.
pub(super) fn frame_summary(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let (file, name) = (string_attribute(w, addr, "filename"), string_attribute(w, addr, "name"));
    let line = int_attribute(w, addr, "lineno");
    let (Some(file), Some(name), Some(line)) = (file, name, line) else { return Ok(false) };
    w.push("<FrameSummary file ");
    w.name(&file);
    w.put(format_args!(", line {} in ", line.big()));
    w.name(&name);
    w.push(">");
    Ok(true)
}
