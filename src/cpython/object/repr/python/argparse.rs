//! `argparse`.

use crate::base::{Addr, Text};
use crate::cpython::DecodeError;
use crate::cpython::object::instance::attributes;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;

/// `Namespace(a=1, b='x')` of `argparse`.
pub(super) fn arguments(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    // Parsers and actions choose what they show.
    let chosen = w.heap.lookup(info, "_get_kwargs").is_some_and(|(class, _)| class.name != "_AttributeHolder");
    let limit = usize::try_from(w.limits.items).unwrap_or(usize::MAX);
    let (mut list, more) = attributes(w.heap, addr, limit)?;
    let is_name = |text: &Text| is_identifier(&text.to_string());
    if chosen || !list.iter().all(|attribute| is_name(&attribute.name)) {
        return Ok(false);
    }
    if !w.ctx().dialect.repr.argparse_in_order {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        if more {
            return Ok(false);
        }
    }
    w.name(info.dunder_name());
    w.push("(");
    w.attributes(list, more);
    w.push(")");
    Ok(true)
}

/// Whether `str.isidentifier` says so, of ASCII.
fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
