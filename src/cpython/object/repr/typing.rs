//! Native types of `types` and `typing`: generic aliases, unions, type variables, templates, lazy imports.

use super::callables::callable_name;
use super::limits::Fidelity;
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::sequence::{list_items, tuple_items};
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::read_str;
use crate::field;

/// Longest name read.
const MAX_NAME: u64 = 10_000;

/// How a type stands inside another's brackets (Objects/genericaliasobject.c `ga_repr_item`, `typing._type_repr`).
pub(super) fn type_item(w: &mut Writer<'_, '_>, addr: Addr) {
    let Ok(info) = w.heap.type_of(addr) else { return w.object(addr) };
    match info.kind {
        Kind::Ellipsis => w.push("..."),
        Kind::Type => match w.heap.type_info(addr) {
            Some(class) => w.name_of_type(&class, &w.heap.full_name(&class)),
            None => w.object(addr),
        },
        Kind::Function => {
            let module = w.ctx().ptr(field!(w.ctx(), function.module), addr).ok();
            let module = module.and_then(|m| read_str(w.ctx(), m, MAX_NAME).ok());
            match (module, callable_name(w, addr)) {
                (Some(module), Some(name)) if module == "builtins" => w.name(&name),
                (Some(module), Some(name)) => w.name(&format!("{module}.{name}")),
                _ => w.object(addr),
            }
        }
        Kind::List => match list_items(w.ctx(), addr) {
            Ok(list) => {
                w.push("[");
                w.sequence(list.total(), list, type_item);
                w.push("]");
            }
            Err(error) => w.problem(&error),
        },
        _ => w.object(addr),
    }
}

/// `list[int]`: `gaobject {head, origin, args, parameters, weakreflist, bool starred, ...}`, `starred` since 3.11.
pub(in crate::cpython::object) fn generic_alias(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let [origin, args] = [w.head_word(addr, 0)?, w.head_word(addr, 1)?];
    let ctx = w.ctx();
    let known = field!(ctx, object.size).1?.saturating_add(u64::from(ctx.abi.pointer_size()).saturating_mul(6));
    if info.basicsize.unsigned_abs() >= known && w.head_word(addr, 4)?.0 & 1 == 1 {
        w.push("*");
    }
    type_item(w, origin);
    let args = tuple_items(w.ctx(), args)?;
    w.push("[");
    if args.total() == 0 {
        w.push("()");
    }
    w.sequence(args.total(), args, type_item);
    w.fixed("]")
}

/// `int | None`: `unionobject {head, args, ...}` (Objects/unionobject.c).
pub(in crate::cpython::object) fn union(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let args = w.head_word(addr, 0)?;
    for (index, item) in tuple_items(w.ctx(), args)?.enumerate() {
        let item = item?;
        if index > 0 {
            w.push(" | ");
        }
        let none =
            w.heap.type_of(item)?.kind == Kind::Type && w.heap.type_info(item).is_some_and(|t| t.kind == Kind::None);
        match none {
            true => w.push("None"),
            false => type_item(w, item),
        }
        if index as u64 > w.limits.items {
            w.push("...");
            w.lower(Fidelity::Cut);
            break;
        }
    }
    Ok(())
}

/// `~T`: `typevarobject {head, name, ..., bool covariant, bool contravariant, bool infer_variance}`; `paramspecobject` ends
/// the same way (Objects/typevarobject.c).
pub(in crate::cpython::object) fn type_variable(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let name = read_str(w.ctx(), w.head_word(addr, 0)?, MAX_NAME)?;
    let last = info.basicsize.saturating_sub(i64::from(w.ctx().abi.pointer_size()));
    let flags = w.ctx().bytes_at("type variable", addr.wrapping_offset(last), 3)?;
    w.push(match flags.as_slice() {
        [_, _, 1] => "",
        [1, _, _] => "+",
        [_, 1, _] => "-",
        _ => "~",
    });
    w.name(&name);
    Ok(())
}

/// `P.args`: `paramspecattrobject {head, origin}`; of what is not a `ParamSpec` its repr.
pub(in crate::cpython::object) fn parameters(w: &mut Writer<'_, '_>, addr: Addr, end: &str) -> Result<(), DecodeError> {
    let origin = w.head_word(addr, 0)?;
    match w.heap.type_of(origin)?.kind {
        Kind::ParamSpec => {
            let name = read_str(w.ctx(), w.head_word(origin, 0)?, MAX_NAME)?;
            w.name(&name);
        }
        _ => w.object(origin),
    }
    w.fixed(end)
}

/// The name alone: `TypeAliasType`, and `TypeVarTuple` until it got a variance as other type variables have (3.15).
pub(in crate::cpython::object) fn named(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let ctx = w.ctx();
    let with_variance = field!(ctx, object.size).1?.saturating_add(u64::from(ctx.abi.pointer_size()).saturating_mul(5));
    if info.kind == Kind::TypeVarTuple && info.basicsize.unsigned_abs() >= with_variance {
        return type_variable(w, addr, info);
    }
    let name = read_str(w.ctx(), w.head_word(addr, 0)?, MAX_NAME)?;
    w.name(&name);
    Ok(())
}

/// `<lazy_import 'package.name'>` (3.15, Objects/lazyimportobject.c): a name, or an attribute of what another lazy import
/// stands for.
pub(in crate::cpython::object) fn lazy_import(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    let ctx = *w.ctx();
    let mut parts = Vec::new();
    let mut at = addr;
    loop {
        let attribute = ctx.ptr(field!(ctx, lazy_import.attr), at)?;
        // That of an `import` statement is the tuple of all names after it.
        if !attribute.is_null() && w.heap.type_of(attribute)?.kind == Kind::Str {
            parts.push(read_str(&ctx, attribute, MAX_NAME)?);
        }
        let from = ctx.ptr(field!(ctx, lazy_import.from), at)?;
        match w.heap.type_of(from)?.kind {
            Kind::Str => {
                parts.push(read_str(&ctx, from, MAX_NAME)?);
                break;
            }
            Kind::LazyImport if parts.len() < 10 && from != at => at = from,
            _ => return Err(DecodeError::corrupt("lz_from", at, "no name")),
        }
    }
    parts.reverse();
    w.push("<lazy_import '");
    w.name(&parts.join("."));
    w.fixed("'>")
}

/// `Template(strings=('a', ''), interpolations=(...,))`: `{head, strings, interpolations}` (3.14).
pub(in crate::cpython::object) fn template(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let [strings, interpolations] = [w.head_word(addr, 0)?, w.head_word(addr, 1)?];
    w.type_name(info);
    w.push("(strings=");
    w.object(strings);
    w.push(", interpolations=");
    w.object(interpolations);
    w.fixed(")")
}

/// `Interpolation(value, 'expression', None, '')`: `{head, value, expression, conversion, format_spec}` (3.14).
pub(in crate::cpython::object) fn interpolation(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    w.type_name(info);
    let mut separator = "(";
    for part in 0..4 {
        w.push(separator);
        let part = w.head_word(addr, part)?;
        w.object(part);
        separator = ", ";
    }
    w.fixed(")")
}
