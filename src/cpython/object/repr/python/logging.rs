//! `logging`.

use super::{attribute, int_attribute, is_none, string_attribute};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;

/// `<Logger name (LEVEL)>`.
pub(super) fn logger(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(name) = string_attribute(w, addr, "name") else { return Ok(false) };
    let mut at = addr;
    let mut level = 0;
    for _ in 0..100 {
        level = int_attribute(w, at, "level").and_then(|l| l.to_i64()).unwrap_or(0);
        let parent = attribute(w, at, "parent").filter(|p| !is_none(w, *p));
        match parent {
            Some(parent) if level == 0 => at = parent,
            _ => break,
        }
    }
    let level = match level {
        0 => "NOTSET",
        10 => "DEBUG",
        20 => "INFO",
        30 => "WARNING",
        40 => "ERROR",
        50 => "CRITICAL",
        // A level with a name of its own is in a table of the `logging` module.
        _ => return Ok(false),
    };
    w.push("<");
    w.name(info.dunder_name());
    w.push(" ");
    w.name(&name);
    w.put(format_args!(" ({level})>"));
    Ok(true)
}

/// `<LogRecord: name, 20, x.py, 3, "message">`.
pub(super) fn log_record(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let mut texts = Vec::new();
    for name in ["name", "levelno", "pathname", "lineno", "msg"] {
        let Some(value) = attribute(w, addr, name) else { return Ok(false) };
        // `str()` of others may be code.
        let text = match w.heap.type_of(value)?.kind {
            Kind::Str => string_attribute(w, addr, name),
            Kind::Int => int_attribute(w, addr, name).map(|number| number.big().to_string()),
            Kind::None => Some("None".to_owned()),
            _ => None,
        };
        let Some(text) = text else { return Ok(false) };
        texts.push(text);
    }
    let Some((message, place)) = texts.split_last() else { return Ok(false) };
    w.name(&format!("<LogRecord: {}, \"{message}\">", place.join(", ")));
    Ok(true)
}
