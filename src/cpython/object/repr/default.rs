//! The repr of `object` and of `type`, and the form for objects whose repr is code that is not run.

use super::content;
use super::limits::{Fidelity, ReprStyle};
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::dict::dict_get_str;
use crate::cpython::object::instance::attributes;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::types::TypeInfo;

/// `object.__repr__` (Objects/typeobject.c `object_repr`): `<module.Qualified.Name object at 0x..>`.
pub(in crate::cpython::object) fn object(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    if w.limits.attributes || w.limits.style == ReprStyle::GdbScript {
        return structural(w, addr, info);
    }
    head(w, addr, info);
    w.push(">");
    Ok(())
}

/// `<module.Name object at 0x..` without its end.
pub(super) fn head(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) {
    if !info.named || lacks_module(w, info) {
        w.lower(Fidelity::Damaged);
    }
    w.push("<");
    // Without a module, `tp_name` stands alone.
    match w.heap.module(info).filter(|m| m != "builtins") {
        Some(_) => w.name(&w.heap.full_name(info)),
        None if info.is_heap && w.heap.module(info).is_some() => w.name(&w.heap.qualname(info)),
        None => w.name(&info.name),
    }
    w.put(format_args!(" object at {}", w.pointer(addr)));
}

/// Whether the module of a class could not be read (which is not the same as that it has none): its name is not whole.
fn lacks_module(w: &Writer<'_, '_>, info: &TypeInfo) -> bool {
    if !info.is_heap || w.heap.module(info).is_some() {
        return false;
    }
    let found = w.heap.type_dict(info).and_then(|dict| dict_get_str(w.ctx(), dict, "__module__"));
    match found {
        Ok(None) => false,
        Ok(Some(value)) => !w.heap.type_of(value).is_ok_and(|t| t.kind != Kind::Str),
        Err(_) => true,
    }
}

/// `type.__repr__` (Objects/typeobject.c `type_repr`): `<class 'module.Qualified.Name'>`.
pub(in crate::cpython::object) fn class(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let Some(class) = w.heap.type_info(addr) else {
        return Err(DecodeError::corrupt("class", addr, "it is no intact type object"));
    };
    if !class.named || lacks_module(w, &class) {
        w.lower(Fidelity::Damaged);
    }
    w.push(if w.ctx().dialect.is_two() && !class.is_heap { "<type '" } else { "<class '" });
    w.name(&class_name(w, &class));
    w.push("'>");
    Ok(())
}

/// The name `type_repr` prints: `tp_name` where `__module__` is missing or `builtins`.
fn class_name(w: &Writer<'_, '_>, class: &TypeInfo) -> String {
    match w.heap.module(class).filter(|m| m != "builtins") {
        Some(_) => w.heap.full_name(class),
        None => class.name.clone(),
    }
}

/// `<memory at 0x..>`, `<released memory at 0x..>`: `PyMemoryViewObject {var_head, mbuf, hash, int flags, ...}`, flag 1 is
/// `_Py_MEMORYVIEW_RELEASED` (Objects/memoryobject.c `memory_repr`).
pub(in crate::cpython::object) fn memory(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let released = w.var_word(addr, 2)?.0 & 1 == 1;
    w.put(format_args!("<{}memory at {addr}>", if released { "released " } else { "" }, addr = w.pointer(addr)));
    Ok(())
}

/// `<module.Name object at 0x.. {attribute=value, ...}>`, with the content of the builtin base type first.
pub(super) fn structural(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    w.lower(Fidelity::Structural);
    if info.kind == Kind::Type {
        return class(w, addr, info);
    }
    if w.limits.style == ReprStyle::GdbScript {
        return super::gdb_script::instance(w, addr, info);
    }
    head(w, addr, info);
    let mark = w.mark();
    w.push(" ");
    if !content(w, addr, info)? {
        w.rewind(mark);
    }
    attributes_of(w, addr);
    w.push(">");
    Ok(())
}

/// ` {attribute=value, ...}`, where there are any.
pub(super) fn attributes_of(w: &mut Writer<'_, '_>, addr: Addr) {
    let limit = usize::try_from(w.limits.items).unwrap_or(usize::MAX);
    match attributes(w.heap, addr, limit) {
        Ok((list, _)) if list.is_empty() => {}
        Ok((list, more)) => {
            w.push(" {");
            w.attributes(list, more);
            w.push("}");
        }
        Err(error) => {
            w.push(" ");
            w.problem(&error);
        }
    }
}
