//! `Lib/typing.py`.

use super::{attribute, is_true, string_attribute};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::typing::type_item;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::sequence::tuple_items;
use crate::cpython::object::types::TypeInfo;

/// `typing.Any`.
pub(super) fn special_form(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(name) = string_attribute(w, addr, "_name") else { return Ok(false) };
    w.push("typing.");
    w.name(&name);
    Ok(true)
}

/// `typing.Any` (a class since 3.11).
pub(super) fn any(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let is_any = w.heap.type_info(addr).is_some_and(|class| w.heap.full_name(&class) == "typing.Any");
    if is_any {
        w.push("typing.Any");
    }
    Ok(is_any)
}

/// `module.Name`.
pub(super) fn new_type(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let (Some(module), Some(name)) =
        (string_attribute(w, addr, "__module__"), string_attribute(w, addr, "__qualname__"))
    else {
        return Ok(false);
    };
    w.name(&format!("{module}.{name}"));
    Ok(true)
}

/// `Ts` (3.11, before it became a native type).
pub(super) fn type_variable_tuple(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(name) = string_attribute(w, addr, "__name__") else { return Ok(false) };
    w.name(&name);
    Ok(true)
}

/// `~T`, `+T_co`, `-T_contra`.
pub(super) fn type_variable(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(name) = string_attribute(w, addr, "__name__") else { return Ok(false) };
    w.push(match () {
        () if is_true(w, addr, "__covariant__") => "+",
        () if is_true(w, addr, "__contravariant__") => "-",
        () => "~",
    });
    w.name(&name);
    Ok(true)
}

/// `typing.List[int]`, `module.Generic[~T]`.
pub(super) fn generic_alias(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let name = string_attribute(w, addr, "_name");
    let Some(args) = attribute(w, addr, "__args__") else { return Ok(false) };
    if w.heap.type_of(args)?.kind != Kind::Tuple || is_true(w, addr, "_special") {
        return Ok(false);
    }
    let origin = attribute(w, addr, "__origin__");
    match (name, origin) {
        // These print their arguments in other ways (3.8 has no classes of their own for them).
        (Some(name), _) if matches!(&*name, "Callable" | "Optional" | "Union" | "Literal" | "Annotated") => {
            return Ok(false);
        }
        (Some(name), _) => {
            w.push("typing.");
            w.name(&name);
        }
        (None, Some(origin)) => {
            if w.heap.type_of(origin)?.kind != Kind::Type {
                return Ok(false);
            }
            type_item(w, origin);
        }
        (None, None) => return Ok(false),
    }
    arguments(w, args)?;
    Ok(true)
}

/// `typing.Union[int, str]`, `typing.Optional[int]`.
pub(super) fn union_alias(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(args) = attribute(w, addr, "__args__") else { return Ok(false) };
    if w.heap.type_of(args)?.kind != Kind::Tuple {
        return Ok(false);
    }
    let items: Vec<Addr> = tuple_items(w.ctx(), args)?.take(3).collect::<Result<_, _>>()?;
    let is_none_type = |item: &Addr| w.heap.type_info(*item).is_some_and(|t| t.kind == Kind::None);
    if let [one, other] = items.as_slice() {
        let of = match (is_none_type(one), is_none_type(other)) {
            (true, _) => Some(*other),
            (false, true) => Some(*one),
            (false, false) => None,
        };
        if let Some(of) = of {
            w.push("typing.Optional[");
            type_item(w, of);
            w.push("]");
            return Ok(true);
        }
    }
    w.push("typing.Union");
    arguments(w, args)?;
    Ok(true)
}

fn arguments(w: &mut Writer<'_, '_>, args: Addr) -> Result<(), DecodeError> {
    let args = tuple_items(w.ctx(), args)?;
    w.push("[");
    if args.total() == 0 {
        w.push("()");
    }
    w.sequence(args.total(), args, |w, item| type_item(w, item));
    w.push("]");
    Ok(())
}
