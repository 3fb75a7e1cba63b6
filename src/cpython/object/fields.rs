//! Attributes that native types keep in fields of the object (`getset` and `member` descriptors in Python).

use super::kind::Kind;
use super::types::{Heap, TypeInfo};
use crate::base::Addr;
use crate::cpython::{Context, DecodeError, FieldRef};
use crate::field;

/// Word `n` of the fields that follow the object head.
pub(super) fn head_word(ctx: &Context<'_>, addr: Addr, n: u64) -> Result<Addr, DecodeError> {
    let offset = n.saturating_mul(u64::from(ctx.abi.pointer_size()));
    let at = ctx.addr(field!(ctx, object.size), addr)?.wrapping_add(offset);
    ctx.ptr_at("field behind the object head", at)
}

/// Word `n` of the fields that follow the head of a variable-size object.
pub(super) fn var_word(ctx: &Context<'_>, addr: Addr, n: u64) -> Result<Addr, DecodeError> {
    let offset = n.saturating_mul(u64::from(ctx.abi.pointer_size()));
    let at = ctx.addr(field!(ctx, var_object.size), addr)?.wrapping_add(offset);
    ctx.ptr_at("field behind the object head", at)
}

/// The object in a field of a native type that Python shows as attribute `name`; `None` where there is no such field or
/// it is NULL.
///
/// # Errors
/// [`DecodeError`] when the field is unreadable.
pub(super) fn stored_attribute(
    heap: &Heap<'_>,
    addr: Addr,
    info: &TypeInfo,
    name: &str,
) -> Result<Option<Addr>, DecodeError> {
    let ctx = &heap.ctx;
    if name == "__class__" {
        return Ok(Some(info.addr));
    }
    if let Some(word) = word_of(info.kind, name) {
        return head_word(ctx, addr, word).map(|found| Some(found).filter(|a| !a.is_null()));
    }
    if info.kind == Kind::Module {
        let dict = ctx.ptr(field!(ctx, module.dict), addr)?;
        if name == "__dict__" || dict.is_null() {
            return Ok(Some(dict).filter(|d| !d.is_null()));
        }
        return super::dict::dict_get_str(ctx, dict, name);
    }
    let Some(field) = field_of(ctx, info.kind, name) else { return Ok(None) };
    // A field that this version does not have is no attribute.
    if field.1.is_err() {
        return Ok(None);
    }
    ctx.ptr(field, addr).map(|found| Some(found).filter(|a| !a.is_null()))
}

/// Fields in the layouts.
fn field_of(ctx: &Context<'_>, kind: Kind, name: &str) -> Option<FieldRef> {
    if kind.refines(Kind::Exception) {
        return Some(match name {
            "args" => field!(ctx, exception.args),
            "__notes__" => field!(ctx, exception.notes),
            "__traceback__" => field!(ctx, exception.traceback),
            "__context__" => field!(ctx, exception.context),
            "__cause__" => field!(ctx, exception.cause),
            _ => return None,
        });
    }
    Some(match (kind, name) {
        (Kind::Function, "__code__") => field!(ctx, function.code),
        (Kind::Function, "__globals__") => field!(ctx, function.globals),
        (Kind::Function, "__builtins__") => field!(ctx, function.builtins),
        (Kind::Function, "__name__") => field!(ctx, function.name),
        (Kind::Function, "__qualname__") => field!(ctx, function.qualname),
        (Kind::Function, "__defaults__") => field!(ctx, function.defaults),
        (Kind::Function, "__kwdefaults__") => field!(ctx, function.kwdefaults),
        (Kind::Function, "__closure__") => field!(ctx, function.closure),
        (Kind::Function, "__doc__") => field!(ctx, function.doc),
        (Kind::Function, "__module__") => field!(ctx, function.module),
        (Kind::Function, "__dict__") => field!(ctx, function.dict),
        (Kind::Method, "__func__") => field!(ctx, method.func),
        (Kind::Method, "__self__") => field!(ctx, method.self_obj),
        (Kind::BuiltinFunction, "__self__") => field!(ctx, cfunction.self_obj),
        (Kind::BuiltinFunction, "__module__") => field!(ctx, cfunction.module),
        (Kind::Code, "co_name") => field!(ctx, code.name),
        (Kind::Code, "co_qualname") => field!(ctx, code.qualname),
        (Kind::Code, "co_filename") => field!(ctx, code.filename),
        (Kind::Code, "co_consts") => field!(ctx, code.consts),
        (Kind::Code, "co_names") => field!(ctx, code.names),
        (Kind::Generator | Kind::Coroutine | Kind::AsyncGenerator, "__name__") => field!(ctx, generator.name),
        (Kind::Generator | Kind::Coroutine | Kind::AsyncGenerator, "__qualname__") => field!(ctx, generator.qualname),
        (Kind::Generator, "gi_code") | (Kind::Coroutine, "cr_code") | (Kind::AsyncGenerator, "ag_code") => {
            field!(ctx, generator.code)
        }
        (Kind::Cell, "cell_contents") => field!(ctx, cell.contents),
        (Kind::Traceback, "tb_next") => field!(ctx, traceback.next),
        (Kind::Traceback, "tb_frame") => field!(ctx, traceback.frame),
        (Kind::Type, "__base__") => field!(ctx, type_object.base),
        (Kind::Type, "__bases__") => field!(ctx, type_object.bases),
        (Kind::Type, "__mro__") => field!(ctx, type_object.mro),
        _ => return None,
    })
}

/// Fields of small structs that follow the object head: which word (the structs are cited where their repr is written).
fn word_of(kind: Kind, name: &str) -> Option<u64> {
    Some(match (kind, name) {
        (Kind::Range | Kind::Slice, "start") => 0,
        (Kind::Range | Kind::Slice, "stop") => 1,
        (Kind::Range | Kind::Slice, "step") => 2,
        (Kind::Partial, "func") => 0,
        (Kind::Partial, "args") => 1,
        (Kind::Partial, "keywords") => 2,
        (Kind::StaticMethod | Kind::ClassMethod, "__func__" | "__wrapped__") => 0,
        (Kind::Property, "fget") => 0,
        (Kind::Property, "fset") => 1,
        (Kind::Property, "fdel") => 2,
        (Kind::GenericAlias, "__origin__") => 0,
        (Kind::GenericAlias, "__args__") => 1,
        (Kind::Union, "__args__") => 0,
        (
            Kind::ContextVar | Kind::TypeVar | Kind::ParamSpec | Kind::TypeVarTuple | Kind::TypeAlias,
            "name" | "__name__",
        ) => 0,
        _ => return None,
    })
}

/// Names of the attributes that [`stored_attribute`] knows for a kind, those worth listing.
pub(super) fn stored_names(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Exception | Kind::ExceptionGroup | Kind::ImportError => {
            &["args", "__notes__", "__traceback__", "__context__", "__cause__"]
        }
        Kind::Function => &["__module__", "__qualname__", "__code__", "__defaults__", "__kwdefaults__", "__closure__"],
        Kind::Method => &["__func__", "__self__"],
        Kind::BuiltinFunction => &["__self__", "__module__"],
        Kind::Code => &["co_name", "co_qualname", "co_filename", "co_names", "co_consts"],
        Kind::Cell => &["cell_contents"],
        Kind::Traceback => &["tb_next", "tb_frame"],
        Kind::Type => &["__base__", "__bases__", "__mro__"],
        Kind::Partial => &["func", "args", "keywords"],
        Kind::Property => &["fget", "fset", "fdel"],
        _ => &[],
    }
}
