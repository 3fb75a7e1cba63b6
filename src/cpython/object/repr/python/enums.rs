//! `Lib/enum.py`.

use super::{attribute, int_attribute, is_none, string_attribute};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::layout::EnumStyle;
use crate::cpython::object::dict::DictEntries;
use crate::cpython::object::int::Int;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;
use num_bigint::BigInt;

/// Members of one flag class that are examined.
const MAX_MEMBERS: usize = 10_000;

/// Writes the value of a member as `cls._value_repr_ or repr` does; false when that is code of its own.
fn value(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> bool {
    let Some(value) = attribute(w, addr, "_value_") else { return false };
    if let Some((_, by)) = w.heap.lookup(info, "_value_repr_")
        && !is_none(w, by)
        // `int.__repr__` and the like: what the value itself would use.
        && w.heap.type_of(by).is_ok_and(|t| t.kind != Kind::WrapperDescriptor)
    {
        return false;
    }
    w.object(value);
    true
}

/// `<Colour.RED: 1>`.
pub(super) fn member(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(name) = string_attribute(w, addr, "_name_") else { return Ok(false) };
    w.push("<");
    w.name(info.dunder_name());
    w.push(".");
    w.name(&name);
    w.push(": ");
    let done = value(w, addr, info);
    w.push(">");
    Ok(done)
}

/// `<Perm.R|W: 6>`.
pub(super) fn flag(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    if string_attribute(w, addr, "_name_").is_some() {
        return member(w, addr, info);
    }
    w.push("<");
    w.name(info.dunder_name());
    if w.ctx().dialect.repr.enums == EnumStyle::Decomposed {
        let Some(names) = decomposed(w, addr, info)? else { return Ok(false) };
        w.push(".");
        w.name(&names);
    }
    w.push(": ");
    let done = value(w, addr, info);
    w.push(">");
    Ok(done)
}

/// The names of the single flags in a combined one (`_decompose` of 3.8 to 3.10).
fn decomposed(w: &Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<Option<String>, DecodeError> {
    let Some(value) = int_attribute(w, addr, "_value_") else { return Ok(None) };
    let value = value.big().clone();
    let Some((_, map)) = w.heap.lookup(info, "_value2member_map_") else { return Ok(None) };
    let zero = BigInt::ZERO;
    let mut members: Vec<(BigInt, Option<String>)> = Vec::new();
    let mut itself = None;
    for entry in DictEntries::new(w.ctx(), map)?.take(MAX_MEMBERS) {
        let (key, member) = entry?;
        let number = Int::read(w.ctx(), key)?.big().clone();
        let name = string_attribute(w, member, "_name_");
        if number == value {
            itself = Some((number.clone(), name.clone()));
        }
        let single = number.magnitude().count_ones() == 1;
        let counts = name.is_some() || value >= zero && single;
        if counts && number != zero && &number & &value == number {
            members.push((number, name));
        }
    }
    if members.is_empty() {
        members.extend(itself);
    }
    members.sort_by(|a, b| b.0.cmp(&a.0));
    if members.len() > 1 && members.first().is_some_and(|(number, _)| *number == value) {
        members.remove(0);
    }
    let names = members.into_iter().map(|(number, name)| name.unwrap_or_else(|| number.to_string()));
    Ok(Some(names.collect::<Vec<_>>().join("|")))
}

/// The module of a class without its parents.
fn last_module(w: &Writer<'_, '_>, info: &TypeInfo) -> Option<String> {
    w.heap.module(info).map(|module| module.rsplit('.').next().unwrap_or(&module).to_owned())
}

/// `module.NAME`.
pub(super) fn global_member(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let (Some(module), Some(name)) = (last_module(w, info), string_attribute(w, addr, "_name_")) else {
        return Ok(false);
    };
    w.name(&format!("{module}.{name}"));
    Ok(true)
}

/// `re.IGNORECASE|re.MULTILINE`.
pub(super) fn global_flag(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(module) = last_module(w, info) else { return Ok(false) };
    match string_attribute(w, addr, "_name_") {
        None => {
            let Some(value) = attribute(w, addr, "_value_") else { return Ok(false) };
            w.name(&format!("{module}.{}(", info.dunder_name()));
            w.object(value);
            w.push(")");
        }
        Some(name) => {
            let part = |part: &str| match part.starts_with(|c: char| c.is_ascii_digit()) {
                true => part.to_owned(),
                false => format!("{module}.{part}"),
            };
            w.name(&name.split('|').map(part).collect::<Vec<_>>().join("|"));
        }
    }
    Ok(true)
}

/// `re.IGNORECASE` (3.8 to 3.10, `Lib/re.py`); combinations are put together from the members in order of definition.
pub(super) fn regex_flag(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    if let Some(name) = string_attribute(w, addr, "_name_") {
        w.name(&format!("re.{name}"));
        return Ok(true);
    }
    let Some(mut left) = int_attribute(w, addr, "_value_").and_then(|v| v.to_u64()) else { return Ok(false) };
    let Some((_, map)) = w.heap.lookup(info, "_member_map_") else { return Ok(false) };
    let mut parts = Vec::new();
    for entry in DictEntries::new(w.ctx(), map)?.take(MAX_MEMBERS) {
        let (_, member) = entry?;
        let bits = int_attribute(w, member, "_value_").and_then(|v| v.to_u64());
        let (Some(bits), Some(name)) = (bits, string_attribute(w, member, "_name_")) else { continue };
        if left & bits != 0 {
            left &= !bits;
            parts.push(format!("re.{name}"));
        }
    }
    if left != 0 {
        parts.push(format!("{left:#x}"));
    }
    w.name(&parts.join("|"));
    Ok(true)
}

/// `<enum 'Colour'>`, for flags from 3.11 `<flag 'Perm'>`.
pub(super) fn class(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(class) = w.heap.type_info(addr) else { return Ok(false) };
    let is_flag = w.ctx().dialect.repr.enums == EnumStyle::Stored
        && w.heap
            .mro(&class)
            .iter()
            .filter_map(|base| w.heap.type_info(*base))
            .any(|base| w.heap.full_name(&base) == "enum.Flag");
    w.push(if is_flag { "<flag '" } else { "<enum '" });
    w.name(class.dunder_name());
    w.push("'>");
    Ok(true)
}
