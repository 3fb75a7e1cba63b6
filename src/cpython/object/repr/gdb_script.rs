//! The form in which CPython's own gdb script (Tools/gdb/libpython.py, 3.8 to 3.14) shows what has no literal:
//! `<Name(attribute=value) at remote 0x..>`, `Error('argument',)`, `<built-in method f of module object at remote 0x..>`.
//! Objects that script shows as type and address alone keep Python's own form, which says more.

use super::limits::Fidelity;
use super::writer::Writer;
use super::{callables, content};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::instance::{attributes, dict_entries};
use crate::cpython::object::kind::Kind;
use crate::cpython::object::types::{ReprBy, TypeInfo};
use crate::field;

/// Writes the object if that script has a form of its own for it; `None` leaves it to the usual way.
pub(super) fn render(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Option<Result<(), DecodeError>> {
    match info.kind {
        Kind::BuiltinFunction if info.is_native => Some(builtin(w, addr)),
        Kind::Exception if info.is_native && !info.is_heap => Some(exception(w, addr, info)),
        _ if !info.is_native => match w.heap.repr_by(info) {
            // A class of the user's own on top of a builtin one: its attributes, and then the content.
            ReprBy::Native(definer) if definer.kind != Kind::Object && definer.is_native => {
                has_attributes(w, addr).then(|| instance(w, addr, info))
            }
            ReprBy::Native(_) => Some(instance(w, addr, info)),
            ReprBy::Python(..) => None,
        },
        _ => None,
    }
}

fn has_attributes(w: &Writer<'_, '_>, addr: Addr) -> bool {
    attributes(w.heap, addr, 1).is_ok_and(|(list, _)| !list.is_empty())
}

/// `<Name(attribute=value) at remote 0x..>`; without parentheses for an object that can have no attributes.
pub(super) fn instance(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    w.lower(Fidelity::Structural);
    w.push("<");
    w.tp_name(info);
    let limit = usize::try_from(w.limits.items).unwrap_or(usize::MAX);
    let has_dict = dict_entries(w.heap, addr, info).is_ok_and(|entries| entries.is_some());
    match attributes(w.heap, addr, limit) {
        Ok((list, more)) if has_dict || !list.is_empty() => {
            w.push("(");
            w.attributes(list, more);
            w.push(")");
        }
        Ok(_) => {}
        Err(error) => {
            w.push(" ");
            w.problem(&error);
        }
    }
    w.put(format_args!(" at remote {addr}>"));
    content(w, addr, info).map(drop)
}

/// `ValueError('x',)`.
fn exception(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    w.lower(Fidelity::Structural);
    let args = w.ctx().ptr(field!(w.ctx(), exception.args), addr)?;
    w.tp_name(info);
    w.object(args);
    Ok(())
}

/// `<built-in method id of module object at remote 0x..>`.
fn builtin(w: &mut Writer<'_, '_>, addr: Addr) -> Result<(), DecodeError> {
    w.lower(Fidelity::Structural);
    let name = callables::builtin_name(w, addr)?;
    let owner = w.ctx().ptr(field!(w.ctx(), cfunction.self_obj), addr)?;
    if owner.is_null() {
        w.push("<built-in function ");
        w.name(&name);
        return w.fixed(">");
    }
    let class = w.heap.type_of(owner)?;
    w.push("<built-in method ");
    w.name(&name);
    w.push(" of ");
    w.name(&class.name);
    w.put(format_args!(" object at remote {owner}>"));
    Ok(())
}
