//! Functions, methods, descriptors and what wraps them.

use super::Fidelity;
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::dict::DictEntries;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::sequence::tuple_items;
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::read_str;
use crate::debuggee::MemoryExt as _;
use crate::field;

/// Longest name of a function.
const MAX_NAME: u64 = 10_000;

/// `<function qualified.name at 0x..>` (Objects/funcobject.c `func_repr`).
pub(in crate::cpython::object) fn function(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    let name = function_name(w, addr)?;
    w.push("<function ");
    w.name(&name);
    w.put(format_args!(" at {}>", w.pointer(addr)));
    Ok(())
}

/// The qualified name of a function, in Python 2 the name.
fn function_name(w: &Writer<'_, '_>, addr: Addr) -> Result<String, DecodeError> {
    let ctx = w.ctx();
    let name = match ctx.dialect.is_two() {
        true => ctx.ptr(field!(ctx, function.name), addr)?,
        false => ctx.ptr(field!(ctx, function.qualname), addr)?,
    };
    read_str(ctx, name, MAX_NAME)
}

/// `<bound method qualified.name of self>` (Objects/classobject.c `method_repr`).
pub(in crate::cpython::object) fn method(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    if w.ctx().dialect.is_two() {
        return super::python2::method(w, addr);
    }
    let function = w.ctx().ptr(field!(w.ctx(), method.func), addr)?;
    let object = w.ctx().ptr(field!(w.ctx(), method.self_obj), addr)?;
    let name = callable_name(w, function);
    if name.is_none() {
        // What has no name is shown like this; here it may have one.
        w.lower(match w.heap.type_of(function).map(|info| info.kind) {
            Ok(Kind::Partial) => Fidelity::Exact,
            Ok(Kind::Function | Kind::BuiltinFunction | Kind::Type | Kind::Method) | Err(_) => Fidelity::Damaged,
            Ok(_) => Fidelity::Structural,
        });
    }
    w.push("<bound method ");
    w.name(name.as_deref().unwrap_or("?"));
    w.push(" of ");
    w.object(object);
    w.fixed(">")
}

/// `__qualname__` of a callable, when it is one of those that have it in a field.
pub(super) fn callable_name(w: &Writer<'_, '_>, callable: Addr) -> Option<String> {
    let info = w.heap.type_of(callable).ok()?;
    let ctx = w.ctx();
    match info.kind {
        Kind::Function => function_name(w, callable).ok(),
        Kind::BuiltinFunction if ctx.dialect.is_two() => builtin_name(w, callable).ok(),
        Kind::BuiltinFunction => builtin_qualname(w, callable),
        Kind::Type => w.heap.type_info(callable).map(|class| w.heap.qualname(&class)),
        Kind::Method => callable_name(w, ctx.ptr(field!(ctx, method.func), callable).ok()?),
        _ => None,
    }
}

/// The C name of a built-in function.
pub(super) fn builtin_name(w: &Writer<'_, '_>, addr: Addr) -> Result<String, DecodeError> {
    let ctx = w.ctx();
    let def = ctx.ptr(field!(ctx, cfunction.ml), addr)?;
    let name = ctx.ptr(field!(ctx, method_def.name), def)?;
    let bytes = ctx.memory.read_cstr(name, 1000);
    let bytes = bytes.map_err(|source| DecodeError::Read { what: "method_def.name", source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `Type.name` of a bound built-in, the name of others (Objects/methodobject.c `meth_get__qualname__`).
fn builtin_qualname(w: &Writer<'_, '_>, addr: Addr) -> Option<String> {
    let name = builtin_name(w, addr).ok()?;
    let owner = w.ctx().ptr(field!(w.ctx(), cfunction.self_obj), addr).ok()?;
    let info = w.heap.type_of(owner).ok().filter(|info| info.kind != Kind::Module);
    let class = match info {
        None => return Some(name),
        Some(info) if info.kind == Kind::Type => w.heap.type_info(owner)?,
        Some(info) => info,
    };
    Some(format!("{}.{name}", w.heap.qualname(&class)))
}

/// `<built-in function len>`, `<built-in method append of list object at 0x..>` (Objects/methodobject.c `meth_repr`).
pub(in crate::cpython::object) fn builtin(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let name = builtin_name(w, addr)?;
    let owner = w.ctx().ptr(field!(w.ctx(), cfunction.self_obj), addr)?;
    let bound = if owner.is_null() { None } else { Some(w.heap.type_of(owner)?) };
    match bound.filter(|info| info.kind != Kind::Module) {
        None => {
            w.push("<built-in function ");
            w.name(&name);
        }
        Some(info) => {
            w.push("<built-in method ");
            w.name(&name);
            w.push(" of ");
            w.tp_name(&info);
            w.put(format_args!(" object at {}", w.pointer(owner)));
        }
    }
    w.fixed(">")
}

/// `<method 'append' of 'list' objects>` (Objects/descrobject.c `descr_repr`).
fn descriptor(w: &mut Writer<'_, '_>, what: &str, addr: Addr) -> Result<(), DecodeError> {
    let ctx = *w.ctx();
    let ctx = &ctx;
    let name = read_str(ctx, ctx.ptr(field!(ctx, descr.d_name), addr)?, MAX_NAME)?;
    let class = ctx.ptr(field!(ctx, descr.d_type), addr)?;
    let class = w.heap.type_info(class).ok_or_else(|| DecodeError::corrupt("descr.d_type", class, "no type"))?;
    w.push("<");
    w.push(what);
    w.push(" '");
    w.name(&name);
    // 3.15 shares the descriptors of `__dict__` and `__weakref__` between all types, in the name of `object`.
    if class.kind == Kind::Object && ctx.dialect.repr.shared_descriptors && matches!(&*name, "__dict__" | "__weakref__")
    {
        return w.fixed("'>");
    }
    w.push("' of '");
    w.name(&class.name);
    w.fixed("' objects>")
}

pub(in crate::cpython::object) fn method_descriptor(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    descriptor(w, "method", addr)
}

pub(in crate::cpython::object) fn wrapper_descriptor(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    descriptor(w, "slot wrapper", addr)
}

pub(in crate::cpython::object) fn member_descriptor(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    descriptor(w, "member", addr)
}

pub(in crate::cpython::object) fn getset_descriptor(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    descriptor(w, "attribute", addr)
}

/// `<method-wrapper '__len__' of list object at 0x..>`: `wrapperobject {head, descr, self}` (Objects/descrobject.c).
pub(in crate::cpython::object) fn method_wrapper(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    let [descr, owner] = [w.head_word(addr, 0)?, w.head_word(addr, 1)?];
    let ctx = w.ctx();
    let name = read_str(ctx, ctx.ptr(field!(ctx, descr.d_name), descr)?, MAX_NAME)?;
    let info = w.heap.type_of(owner)?;
    w.push("<method-wrapper '");
    w.name(&name);
    w.push("' of ");
    w.tp_name(&info);
    w.put(format_args!(" object at {}>", w.pointer(owner)));
    Ok(())
}

/// `functools.partial(f, 1, k=2)`: `partialobject {head, fn, args, kw, ...}` (Modules/_functoolsmodule.c).
pub(in crate::cpython::object) fn partial(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let [function, args, keywords] = [w.head_word(addr, 0)?, w.head_word(addr, 1)?, w.head_word(addr, 2)?];
    let name = match () {
        () if w.ctx().dialect.repr.partial_full_type => w.heap.fully_qualified_name(info),
        () if info.is_native => "functools.partial".to_owned(),
        () => info.name.clone(),
    };
    w.name(&name);
    w.push("(");
    w.object(function);
    let args = tuple_items(w.ctx(), args)?;
    if args.total() > 0 {
        w.push(", ");
        super::containers::items(w, args);
    }
    let entries = DictEntries::new(w.ctx(), keywords)?;
    if entries.total() > 0 {
        w.push(", ");
        w.sequence(entries.total(), entries, |w, (key, value)| {
            match read_str(w.ctx(), key, MAX_NAME) {
                Ok(key) => w.name(&key),
                Err(error) => w.problem(&error),
            }
            w.push("=");
            w.object(value);
        });
    }
    w.fixed(")")
}

/// `<staticmethod(f)>` since 3.10: `staticmethod {head, sm_callable, sm_dict}` (Objects/funcobject.c).
pub(in crate::cpython::object) fn static_method(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    if !w.ctx().dialect.repr.wrapped_methods {
        // Not `default::object`: where that shows attributes it comes back here for the content.
        super::default::head(w, addr, info);
        return w.fixed(">");
    }
    let callable = w.head_word(addr, 0)?;
    w.push(if info.kind == Kind::StaticMethod { "<staticmethod(" } else { "<classmethod(" });
    w.object(callable);
    w.fixed(")>")
}

/// `<super: <class 'A'>, <B object>>`: `superobject {head, type, obj, obj_type}` (Objects/typeobject.c `super_repr`).
pub(in crate::cpython::object) fn super_object(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    let [class, of] = [w.head_word(addr, 0)?, w.head_word(addr, 2)?];
    let name = |at: Addr| w.heap.type_info(at).map_or_else(|| "NULL".to_owned(), |t| t.name.clone());
    let (class, of_name) = (name(class), name(of));
    w.push("<super: <class '");
    w.name(&class);
    if of.is_null() {
        return w.fixed("'>, NULL>");
    }
    w.push("'>, <");
    w.name(&of_name);
    w.fixed(" object>>")
}
