//! `subprocess`.

use super::{attribute, fields, is_none};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;

/// `<Popen: returncode: None args: ['ls']>`, cut at 80 characters.
pub(super) fn popen(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let (Some(code), Some(args)) = (attribute(w, addr, "returncode"), attribute(w, addr, "args")) else {
        return Ok(false);
    };
    let start = w.mark();
    w.push("<");
    w.name(info.dunder_name());
    w.push(": returncode: ");
    w.object(code);
    w.push(" args: ");
    w.object(args);
    w.push(">");
    w.shorten(start, 80, 76, "...>");
    Ok(true)
}

/// `CompletedProcess(args=['ls'], returncode=0, stdout=b'')`: the outputs where there are any.
pub(super) fn completed_process(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let mut names = vec!["args".to_owned(), "returncode".to_owned()];
    for output in ["stdout", "stderr"] {
        let Some(value) = attribute(w, addr, output) else { return Ok(false) };
        if !is_none(w, value) {
            names.push(output.to_owned());
        }
    }
    Ok(fields(w, addr, info.dunder_name(), &names))
}
