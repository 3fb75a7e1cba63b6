//! Objects of the interpreter itself: modules, cells, weak references, exceptions, context variables, sentinels.

use super::limits::Fidelity;
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::dict::dict_get_str;
use crate::cpython::object::instance::find_attribute;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::sequence::tuple_items;
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::{read_str, read_text};
use crate::debuggee::MemoryExt as _;
use crate::field;
use std::cell::Cell;
use std::sync::Arc;

/// Longest name read.
const MAX_NAME: u64 = 10_000;

/// `ValueError('x')` (Objects/exceptions.c `BaseException_repr`).
pub(in crate::cpython::object) fn exception(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let args = w.ctx().ptr(field!(w.ctx(), exception.args), addr)?;
    let mut items = tuple_items(w.ctx(), args)?;
    w.type_name(info);
    if items.total() == 1
        && !w.ctx().dialect.repr.exception_shows_tuple
        && let Some(only) = items.item(0)
    {
        w.push("(");
        w.object(only?);
        w.push(")");
    } else {
        w.object(args);
    }
    Ok(())
}

/// `ExceptionGroup('x', [ValueError(1)])`: `PyBaseExceptionGroupObject {base, msg, excs, excs_str}`; older versions have the
/// repr of `BaseException`. The exceptions that it was made with are shown, as a list where it was given one; of another
/// sequence the text was kept (3.13.10+, 3.14.1+, Objects/exceptions.c `BaseExceptionGroup_repr`).
pub(in crate::cpython::object) fn exception_group(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let ctx = *w.ctx();
    let message = ctx.ptr(field!(ctx, exception_group.msg), addr)?;
    let members = ctx.ptr(field!(ctx, exception_group.excs), addr)?;
    // Behind `excs` where the type is large enough: which releases have it, no table of layouts tells.
    let text_at = field!(ctx, exception_group.excs).1?.saturating_add(u64::from(ctx.abi.pointer_size()));
    let has_text = info.basicsize.unsigned_abs() > text_at;
    let text = if has_text { ctx.ptr_at("ExceptionGroup.excs_str", addr.wrapping_add(text_at))? } else { Addr::NULL };
    w.type_name(info);
    w.push("(");
    w.object(message);
    w.push(", ");
    if !text.is_null() {
        let part = read_text(&ctx, text, w.limits.characters)?;
        w.name(&part.text.to_string());
        if part.is_cut() {
            w.more(part.length.saturating_sub(w.limits.characters));
        }
    } else {
        let args = ctx.ptr(field!(ctx, exception.args), addr)?;
        let given = tuple_items(&ctx, args)?.item(1).transpose()?;
        match given.map(|given| w.heap.type_of(given)).transpose()?.map(|given| given.kind) {
            Some(Kind::List) => {
                w.push("[");
                super::containers::items(w, tuple_items(&ctx, members)?);
                w.push("]");
            }
            _ => w.object(members),
        }
    }
    w.fixed(")")
}

/// `ImportError('x', name='m', path='p')` (3.15): `PyImportErrorObject {base, msg, name, path, ...}`.
pub(in crate::cpython::object) fn import_error(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let ctx = *w.ctx();
    let args = ctx.ptr(field!(ctx, exception.args), addr)?;
    let fields = ctx.addr(field!(ctx, exception.size), addr)?;
    let word = u64::from(ctx.abi.pointer_size());
    w.type_name(info);
    w.push("(");
    let args = tuple_items(&ctx, args)?;
    let mut separator = if args.total() > 0 { ", " } else { "" };
    super::containers::items(w, args);
    for (index, name) in [(1, "name="), (2, "path=")] {
        let value = ctx.ptr_at("ImportError field", fields.wrapping_add(word.wrapping_mul(index)))?;
        if !value.is_null() && w.heap.type_of(value)?.kind != Kind::None {
            w.push(separator);
            w.push(name);
            w.object(value);
            separator = ", ";
        }
    }
    w.fixed(")")
}

/// `<cell at 0x..: int object at 0x..>` (Objects/cellobject.c).
pub(in crate::cpython::object) fn cell(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let contents = w.ctx().ptr(field!(w.ctx(), cell.contents), addr)?;
    w.put(format_args!("<cell at {}: ", w.pointer(addr)));
    if contents.is_null() {
        return w.fixed("empty>");
    }
    let info = w.heap.type_of(contents)?;
    w.name_of_type(&info, &info.name.chars().take(80).collect::<String>());
    w.put(format_args!(" object at {}>", w.pointer(contents)));
    Ok(())
}

/// `<weakref at 0x..; to 'T' at 0x.. (name)>`: `PyWeakReference {head, wr_object, ...}` (Objects/weakrefobject.c).
pub(in crate::cpython::object) fn weakref(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let target = w.head_word(addr, 0)?;
    w.put(format_args!("<weakref at {}; ", w.pointer(addr)));
    let info = w.heap.type_of(target)?;
    if info.kind == Kind::None {
        return w.fixed("dead>");
    }
    w.push("to '");
    let name =
        if w.ctx().dialect.repr.weakref_full_type { w.heap.fully_qualified_name(&info) } else { info.name.clone() };
    w.name_of_type(&info, &name);
    w.put(format_args!("' at {}", w.pointer(target)));
    if let Some(name) = dunder_name(w, target, &info) {
        w.push(" (");
        w.name(&name);
        w.push(")");
    }
    w.fixed(">")
}

/// `<weakproxy at 0x.. to T at 0x..>` (`proxy_repr`).
pub(in crate::cpython::object) fn weak_proxy(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    let target = w.head_word(addr, 0)?;
    let info = w.heap.type_of(target)?;
    let style = w.ctx().dialect.repr.weakref_full_type;
    w.put(format_args!("<weakproxy at {}", w.pointer(addr)));
    if style {
        if info.kind == Kind::None {
            return w.fixed("; dead>");
        }
        w.push("; to '");
        w.name_of_type(&info, &w.heap.fully_qualified_name(&info));
        w.push("'");
    } else {
        w.push(" to ");
        w.tp_name(&info);
    }
    w.put(format_args!(" at {}>", w.pointer(target)));
    Ok(())
}

/// `__name__` of a function, class, module or instance with such an attribute.
fn dunder_name(w: &Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Option<String> {
    let ctx = w.ctx();
    let on_type = ctx.dialect.repr.weakref_name_on_type;
    match info.kind {
        Kind::Function => read_str(ctx, ctx.ptr(field!(ctx, function.name), addr).ok()?, MAX_NAME).ok(),
        Kind::Type => w.heap.type_info(addr).map(|class| class.short_name().to_owned()),
        Kind::Module if !on_type => {
            module_attribute(w, addr, "__name__").and_then(|name| read_str(ctx, name, MAX_NAME).ok())
        }
        Kind::BuiltinFunction => super::callables::builtin_name(w, addr).ok(),
        Kind::Generator | Kind::Coroutine | Kind::AsyncGenerator => {
            read_str(ctx, ctx.ptr(field!(ctx, generator.name), addr).ok()?, MAX_NAME).ok()
        }
        _ => {
            let own = if on_type { None } else { find_attribute(w.heap, addr, "__name__").ok()? };
            let value = own.or_else(|| w.heap.lookup(info, "__name__").map(|(_, value)| value))?;
            (w.heap.type_of(value).ok()?.kind == Kind::Str).then(|| read_str(ctx, value, MAX_NAME).ok())?
        }
    }
}

/// A global of a module.
pub(super) fn module_attribute(w: &Writer<'_, '_>, module: Addr, name: &str) -> Option<Addr> {
    let dict = w.ctx().ptr(field!(w.ctx(), module.dict), module).ok().filter(|d| !d.is_null())?;
    dict_get_str(w.ctx(), dict, name).ok()?
}

/// What `importlib._bootstrap._module_repr` makes of the module's spec.
pub(in crate::cpython::object) fn module(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    if w.ctx().dialect.is_two() {
        return super::python2::module(w, addr);
    }
    let doubtful = Cell::new(false);
    let result = module_text(w, addr, &doubtful);
    // What is not readable is not the same as what is not there.
    if doubtful.get() {
        w.lower(Fidelity::Damaged);
    }
    result
}

/// `value` unless it is None; `doubtful` is set where that cannot be told.
fn present<T>(
    w: &Writer<'_, '_>,
    read: Result<Option<Addr>, DecodeError>,
    doubtful: &Cell<bool>,
    map: impl FnOnce(Addr, Arc<TypeInfo>) -> T,
) -> Option<T> {
    let found = read.and_then(|value| value.map(|value| Ok((value, w.heap.type_of(value)?))).transpose());
    match found {
        Ok(found) => found.filter(|(_, info)| info.kind != Kind::None).map(|(value, info)| map(value, info)),
        Err(_) => {
            doubtful.set(true);
            None
        }
    }
}

fn module_text(w: &mut Writer<'_, '_>, addr: Addr, doubtful: &Cell<bool>) -> Result<(), DecodeError> {
    let get = |w: &Writer<'_, '_>, name: &str| {
        let dict = w.ctx().ptr(field!(w.ctx(), module.dict), addr);
        let read = dict.and_then(|d| if d.is_null() { Ok(None) } else { dict_get_str(w.ctx(), d, name) });
        present(w, read, doubtful, |value, _| value)
    };
    w.push("<module ");
    if w.ctx().dialect.repr.module_by_loader
        && let Some(loader) = get(w, "__loader__").and_then(|loader| w.heap.type_info(loader))
        && let Some(what) = match loader.short_name() {
            "BuiltinImporter" => Some(" (built-in)>"),
            "FrozenImporter" => Some(" (frozen)>"),
            _ => None,
        }
        && let Some(name) = module_attribute(w, addr, "__name__")
    {
        w.object(name);
        return w.fixed(what);
    }
    if let Some(spec) = get(w, "__spec__") {
        return module_of_spec(w, spec, doubtful);
    }
    match get(w, "__name__") {
        Some(name) => w.object(name),
        None => w.push("'?'"),
    }
    match (module_attribute(w, addr, "__file__"), get(w, "__loader__")) {
        (Some(file), _) => {
            w.push(" from ");
            w.object(file);
        }
        (None, Some(loader)) => {
            w.push(" (");
            w.object(loader);
            w.push(")");
        }
        (None, None) => {}
    }
    w.fixed(">")
}

fn module_of_spec(w: &mut Writer<'_, '_>, spec: Addr, doubtful: &Cell<bool>) -> Result<(), DecodeError> {
    let get = |w: &Writer<'_, '_>, name: &str| {
        present(w, find_attribute(w.heap, spec, name), doubtful, |value, info| (value, info))
    };
    match get(w, "name") {
        Some((name, _)) => w.object(name),
        None => w.push("'?'"),
    }
    if let Some((origin, info)) = get(w, "origin") {
        let located = get(w, "_set_fileattr").is_some_and(|(value, _)| {
            crate::cpython::object::int::Int::read(w.ctx(), value).is_ok_and(|i| i.to_i64() == Some(1))
        });
        if located {
            w.push(" from ");
            w.object(origin);
        } else {
            w.push(" (");
            match info.kind {
                Kind::Str => w.name(&read_str(w.ctx(), origin, MAX_NAME)?),
                _ => w.object(origin),
            }
            w.push(")");
        }
        return w.fixed(">");
    }
    if let Some((loader, info)) = get(w, "loader") {
        if matches!(info.short_name(), "NamespaceLoader" | "_NamespaceLoader") {
            let path = find_attribute(w.heap, loader, "_path").ok().flatten();
            let path = path.and_then(|path| find_attribute(w.heap, path, "_path").ok().flatten());
            w.push(" (namespace) from ");
            match path {
                Some(path) => w.object(path),
                None => w.lower(Fidelity::Structural),
            }
        } else {
            w.push(" (");
            w.object(loader);
            w.push(")");
        }
    }
    w.fixed(">")
}

/// `<capsule object "name" at 0x..>`: `PyCapsule {head, pointer, name, ...}` (Objects/capsule.c).
pub(in crate::cpython::object) fn capsule(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let name = w.head_word(addr, 1)?;
    w.push("<capsule object ");
    if name.is_null() {
        w.push("NULL");
    } else {
        let bytes = w.ctx().memory.read_cstr(name, 1000);
        let bytes = bytes.map_err(|source| DecodeError::Read { what: "capsule.name", source })?;
        w.push("\"");
        w.name(&String::from_utf8_lossy(&bytes));
        w.push("\"");
    }
    w.put(format_args!(" at {}>", w.pointer(addr)));
    Ok(())
}

/// `<ContextVar name='x' default=1 at 0x..>`: `PyContextVar {head, var_name, var_default, ...}` (Python/context.c).
pub(in crate::cpython::object) fn context_var(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    let [name, default] = [w.head_word(addr, 0)?, w.head_word(addr, 1)?];
    w.push("<ContextVar name=");
    w.object(name);
    if !default.is_null() {
        w.push(" default=");
        w.object(default);
    }
    w.put(format_args!(" at {}>", w.pointer(addr)));
    Ok(())
}

/// `<Token used var=<ContextVar ...> at 0x..>`: `PyContextToken {head, tok_ctx, tok_var, tok_oldval, int tok_used}`.
pub(in crate::cpython::object) fn token(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let variable = w.head_word(addr, 1)?;
    let used = w.head_word(addr, 3)?.0 & 0xffff_ffff;
    w.push(if used != 0 { "<Token used var=" } else { "<Token var=" });
    w.object(variable);
    w.put(format_args!(" at {}>", w.pointer(addr)));
    Ok(())
}

/// `MISSING`: `sentinelobject {head, name, module, repr}`, `repr` a text or NULL (Objects/sentinelobject.c, 3.15).
pub(in crate::cpython::object) fn sentinel(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    let [name, own] = [w.head_word(addr, 0)?, w.head_word(addr, 2)?];
    let text = read_str(w.ctx(), if own.is_null() { name } else { own }, MAX_NAME)?;
    w.name(&text);
    Ok(())
}
