//! `concurrent.futures`.

use super::{attribute, is_none, string_attribute};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;

/// `<Future at 0x.. state=finished returned int>` of `concurrent.futures`.
pub(super) fn future(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(state) = string_attribute(w, addr, "_state") else { return Ok(false) };
    let state = match &*state {
        "PENDING" => "pending",
        "RUNNING" => "running",
        "CANCELLED" | "CANCELLED_AND_NOTIFIED" => "cancelled",
        "FINISHED" => "finished",
        _ => return Ok(false),
    };
    w.push("<");
    w.name(info.dunder_name());
    w.put(format_args!(" at {addr} state={state}"));
    if state == "finished" {
        let (Some(exception), Some(result)) = (attribute(w, addr, "_exception"), attribute(w, addr, "_result")) else {
            return Ok(false);
        };
        let (word, outcome) = if is_none(w, exception) { ("returned", result) } else { ("raised", exception) };
        let class = w.heap.type_of(outcome)?;
        w.put(format_args!(" {word} "));
        w.name(class.dunder_name());
    }
    w.push(">");
    Ok(true)
}
