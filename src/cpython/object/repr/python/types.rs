//! `Lib/typing.py`.

use super::{attribute, is_none, is_true, string_attribute};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::containers::items;
use crate::cpython::object::repr::limits::Fidelity;
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
pub(super) fn generic_alias(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let name = string_attribute(w, addr, "_name");
    // 3.8 has no classes of their own for bare aliases and for `Callable`.
    if is_true(w, addr, "_special") {
        return special_form(w, addr, info);
    }
    let Some(args) = attribute(w, addr, "__args__").filter(|args| is_tuple(w, *args)) else { return Ok(false) };
    if name.as_deref() == Some("Callable") && !takes_anything(w, args)? {
        w.push("typing.");
        return callable_arguments(w, args);
    }
    match (name, attribute(w, addr, "__origin__")) {
        (Some(name), _) => {
            w.push("typing.");
            w.name(&name);
        }
        (None, Some(origin)) => type_item(w, origin),
        (None, None) => return Ok(false),
    }
    arguments(w, args)?;
    Ok(true)
}

fn is_tuple(w: &Writer<'_, '_>, addr: Addr) -> bool {
    w.heap.type_of(addr).is_ok_and(|info| info.kind == Kind::Tuple)
}

/// Whether the arguments of a `Callable` are `...`, a `ParamSpec` or a `Concatenate` and a result (`_is_param_expr`).
fn takes_anything(w: &Writer<'_, '_>, args: Addr) -> Result<bool, DecodeError> {
    let mut args = tuple_items(w.ctx(), args)?;
    let Some(first) = args.item(0).filter(|_| args.total() == 2).transpose()? else { return Ok(false) };
    let info = w.heap.type_of(first)?;
    Ok(matches!(info.kind, Kind::Ellipsis | Kind::ParamSpec | Kind::Tuple | Kind::List)
        || matches!(info.short_name(), "ParamSpec" | "_ConcatenateGenericAlias"))
}

/// `Callable[[int, str], None]`.
fn callable_arguments(w: &mut Writer<'_, '_>, args: Addr) -> Result<bool, DecodeError> {
    let mut args = tuple_items(w.ctx(), args)?;
    let Some(last) = args.total().checked_sub(1) else { return Ok(false) };
    let Some(result) = args.item(last).transpose()? else { return Ok(false) };
    w.push("Callable[[");
    w.sequence(last, args.take(usize::try_from(last).unwrap_or(usize::MAX)), type_item);
    w.push("], ");
    type_item(w, result);
    w.push("]");
    Ok(true)
}

/// `collections.abc.Callable[[int], str]`: a native alias with a repr of its own (`Lib/_collections_abc.py`).
pub(super) fn abstract_callable(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let args = w.head_word(addr, 1)?;
    if info.kind != Kind::GenericAlias || !is_tuple(w, args) {
        return Ok(false);
    }
    if takes_anything(w, args)? {
        w.base(addr, info)?;
        return Ok(true);
    }
    w.push("collections.abc.");
    callable_arguments(w, args)
}

/// `typing.Annotated[int, 5]`.
pub(super) fn annotated(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let (Some(origin), Some(metadata)) =
        (attribute(w, addr, "__origin__"), attribute(w, addr, "__metadata__").filter(|at| is_tuple(w, *at)))
    else {
        return Ok(false);
    };
    w.push("typing.Annotated[");
    type_item(w, origin);
    w.push(", ");
    items(w, tuple_items(w.ctx(), metadata)?);
    w.push("]");
    Ok(true)
}

/// `ForwardRef('Name')`, `ForwardRef('Name', module='m')`.
pub(super) fn forward_reference(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(name) = attribute(w, addr, "__forward_arg__") else { return Ok(false) };
    w.push("ForwardRef(");
    w.object(name);
    if let Some(module) = attribute(w, addr, "__forward_module__").filter(|module| !is_none(w, *module)) {
        // It came to be shown within the releases of 3.9 and 3.10.
        w.lower(Fidelity::Structural);
        w.push(", module=");
        w.object(module);
    }
    w.push(")");
    Ok(true)
}

/// `ForwardRef('Name', module='m', is_class=True, owner=...)` of `Lib/annotationlib.py` (3.14).
pub(super) fn annotation(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let stored = |name: &str| attribute(w, addr, name).filter(|at| !is_none(w, *at));
    // Extra names would be put into the text.
    let plain = if stored("__extra_names__").is_some() { None } else { stored("__arg__") };
    let Some(text) = stored("__resolved_str_cache__").or(plain) else { return Ok(false) };
    let (module, owner) = (stored("__forward_module__"), stored("__owner__"));
    w.push("ForwardRef(");
    w.object(text);
    if let Some(module) = module {
        w.push(", module=");
        w.object(module);
    }
    if is_true(w, addr, "__forward_is_class__") {
        w.push(", is_class=True");
    }
    if let Some(owner) = owner {
        w.push(", owner=");
        w.object(owner);
    }
    w.push(")");
    Ok(true)
}

/// `P.args`, `P.kwargs`.
pub(super) fn parameter_args(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(origin) = attribute(w, addr, "__origin__") else { return Ok(false) };
    let Some(name) = string_attribute(w, origin, "__name__") else { return Ok(false) };
    w.name(&name);
    w.push(if info.short_name() == "ParamSpecArgs" { ".args" } else { ".kwargs" });
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
