//! Reprs that library code generates: `collections.namedtuple`, `dataclasses`, `attrs`.

use super::{Known, fields, is_true, string, string_attribute};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::dict::DictEntries;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::sequence::tuple_items;
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::read_str;
use crate::field;

/// Fields of one class that are examined.
const MAX_FIELDS: usize = 5000;

/// The renderer for a generated `__repr__` of `class`, if it is one.
pub(super) fn known(
    w: &Writer<'_, '_>,
    class: &TypeInfo,
    function: Addr,
    module: &str,
    qualname: &str,
) -> Option<Known> {
    let (code_name, file) = code_of(w, function)?;
    // Set by `namedtuple` on its inner function; not touched when the class is renamed later.
    // Until 3.6 it executed a text, under a name of its own.
    if (module == "collections" || module.starts_with("namedtuple_") && file == "<string>")
        && qualname.ends_with(".__repr__")
        && code_name == "__repr__"
        && w.heap.own_class_attribute(class, "_fields").is_some()
    {
        return Some(named_tuple);
    }
    if file.starts_with("<attrs generated") && w.heap.own_class_attribute(class, "__attrs_attrs__").is_some() {
        return Some(attrs);
    }
    if code_name == "wrapper"
        && file_name(&file).is_some_and(|name| matches!(name, "dataclasses" | "reprlib"))
        && w.heap.own_class_attribute(class, "__dataclass_fields__").is_some()
        && wrapped_file(w, function).as_deref() == Some("<string>")
    {
        return Some(data_class);
    }
    None
}

/// `co_name` and `co_filename` of a function's code.
fn code_of(w: &Writer<'_, '_>, function: Addr) -> Option<(String, String)> {
    let ctx = w.ctx();
    let code = ctx.ptr(field!(ctx, function.code), function).ok()?;
    if w.heap.type_of(code).ok()?.kind != Kind::Code {
        return None;
    }
    let name = read_str(ctx, ctx.ptr(field!(ctx, code.name), code).ok()?, 1000).ok()?;
    let file = read_str(ctx, ctx.ptr(field!(ctx, code.filename), code).ok()?, 10_000).ok()?;
    Some((name, file))
}

/// `dataclasses` of `/usr/lib/python3.11/dataclasses.py` and of `<frozen dataclasses>`.
fn file_name(file: &str) -> Option<&str> {
    let frozen = file.strip_prefix("<frozen ").and_then(|rest| rest.strip_suffix('>'));
    frozen.or_else(|| crate::base::file_name(file).strip_suffix(".py"))
}

/// File of the function that `recursive_repr` wraps: it is in the closure.
fn wrapped_file(w: &Writer<'_, '_>, function: Addr) -> Option<String> {
    let ctx = w.ctx();
    let closure = ctx.ptr(field!(ctx, function.closure), function).ok().filter(|c| !c.is_null())?;
    let cells = tuple_items(ctx, closure).ok()?;
    cells.take(10).map_while(Result::ok).find_map(|cell| {
        let contents = ctx.ptr(field!(ctx, cell.contents), cell).ok()?;
        (w.heap.type_of(contents).ok()?.kind == Kind::Function).then(|| code_of(w, contents))?.map(|(_, file)| file)
    })
}

/// `Point(x=1, y=2)`.
fn named_tuple(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some((_, names)) = w.heap.lookup(info, "_fields") else { return Ok(false) };
    let names = tuple_items(w.ctx(), names)?;
    let items = tuple_items(w.ctx(), addr)?;
    if names.total() != items.total() {
        return Ok(false);
    }
    w.name(info.dunder_name());
    w.push("(");
    let pairs = names.zip(items).map(|(name, item)| Ok((name?, item?)));
    let total = w.ctx().ssize(field!(w.ctx(), var_object.ob_size), addr)?.unsigned_abs();
    w.sequence(total, pairs, |w, (name, item)| {
        let name = string(w, name);
        w.name(name.as_deref().unwrap_or("?"));
        w.push("=");
        w.object(item);
    });
    w.push(")");
    Ok(true)
}

/// `Class(a=1, b=2)` of the fields whose `repr` is set (`Lib/dataclasses.py` `_repr_fn`).
fn data_class(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some((_, table)) = w.heap.lookup(info, "__dataclass_fields__") else { return Ok(false) };
    let mut names = Vec::new();
    for entry in DictEntries::new(w.ctx(), table)?.take(MAX_FIELDS) {
        let (key, field) = entry?;
        let kind = super::attribute(w, field, "_field_type").and_then(|kind| string_attribute(w, kind, "name"));
        let Some(name) = string(w, key) else { return Ok(false) };
        match kind.as_deref() {
            Some("_FIELD") if is_true(w, field, "repr") => names.push(name),
            Some(_) => {}
            None => return Ok(false),
        }
    }
    let name = w.heap.qualname(info);
    Ok(fields(w, addr, &name, &names))
}

/// `Class(a=1, b=2)`; fields with a function of their own for `repr` are not known.
fn attrs(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some((_, list)) = w.heap.lookup(info, "__attrs_attrs__") else { return Ok(false) };
    let mut names = Vec::new();
    for field in tuple_items(w.ctx(), list)?.take(MAX_FIELDS) {
        let field = field?;
        let (Some(name), Some(how)) = (string_attribute(w, field, "name"), super::attribute(w, field, "repr")) else {
            return Ok(false);
        };
        if w.heap.type_of(how)?.kind != Kind::Bool {
            return Ok(false);
        }
        if is_true(w, field, "repr") {
            names.push(name);
        }
    }
    let name = w.heap.qualname(info);
    let name = name.rsplit(">.").next().unwrap_or(&name).to_owned();
    Ok(fields(w, addr, &name, &names))
}
