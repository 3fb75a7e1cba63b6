//! How asyncio shows callbacks and coroutines (`Lib/asyncio/format_helpers.py`, `Lib/asyncio/coroutines.py`).

use super::super::reprlib;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::code::CodeCache;
use crate::cpython::frame::{code_of_generator, frame_of_generator};
use crate::cpython::object::dict::DictEntries;
use crate::cpython::object::instance::find_attribute;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::callables::callable_name;
use crate::cpython::object::repr::limits::Fidelity;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::sequence::tuple_items;
use crate::cpython::object::unicode::read_str;
use crate::field;

/// Functions wrapped in each other that are followed (`inspect.unwrap`, `functools.partial`).
const MAX_WRAPPED: usize = 100;
/// Longest name read.
const MAX_NAME: u64 = 10_000;

/// `_format_callback_source`: `name(arguments) at file:line`. `args`: the tuple of arguments, where there are some.
pub(super) fn with_source(
    w: &mut Writer<'_, '_>,
    callback: Addr,
    args: Option<Addr>,
    show_arguments: bool,
) -> Result<(), DecodeError> {
    let mut calls = vec![(args, None)];
    let mut function = callback;
    while w.heap.type_of(function)?.kind == Kind::Partial && calls.len() < MAX_WRAPPED {
        calls.push((Some(w.head_word(function, 1)?), Some(w.head_word(function, 2)?)));
        function = w.head_word(function, 0)?;
    }
    match callable_name(w, function) {
        Some(name) => w.name(&name),
        None => {
            match w.heap.type_of(function)?.kind {
                // They have names that are not read here.
                Kind::MethodWrapper | Kind::WrapperDescriptor | Kind::MethodDescriptor => {
                    w.lower(Fidelity::Structural);
                }
                _ => {}
            }
            w.object(function);
        }
    }
    for (args, keywords) in calls.into_iter().rev() {
        w.push("(");
        if show_arguments {
            arguments(w, args, keywords)?;
        }
        w.push(")");
    }
    if let Some((file, line)) = source_of(w, callback)? {
        w.push(" at ");
        w.name(&file);
        w.put(format_args!(":{line}"));
    }
    Ok(())
}

fn arguments(w: &mut Writer<'_, '_>, args: Option<Addr>, keywords: Option<Addr>) -> Result<(), DecodeError> {
    let mut separator = "";
    for item in args.map(|args| tuple_items(w.ctx(), args)).transpose()?.into_iter().flatten().take(1000) {
        w.push(separator);
        reprlib::limited(w, item?);
        separator = ", ";
    }
    let is_dict = |at: &Addr| w.heap.type_of(*at).is_ok_and(|t| t.kind == Kind::Dict);
    let Some(keywords) = keywords.filter(is_dict) else { return Ok(()) };
    for entry in DictEntries::new(w.ctx(), keywords)?.take(1000) {
        let (key, value) = entry?;
        w.push(separator);
        let key = read_str(w.ctx(), key, MAX_NAME)?;
        w.name(&key);
        w.push("=");
        reprlib::limited(w, value);
        separator = ", ";
    }
    Ok(())
}

/// `_get_function_source`: where the function was written that is called in the end.
fn source_of(w: &Writer<'_, '_>, callback: Addr) -> Result<Option<(String, i64)>, DecodeError> {
    let mut at = callback;
    for _ in 0..MAX_WRAPPED {
        let kind = w.heap.type_of(at)?.kind;
        let ctx = w.ctx();
        // A bound method has the attributes of its function.
        let function = if kind == Kind::Method { ctx.ptr(field!(ctx, method.func), at)? } else { at };
        if matches!(kind, Kind::Function | Kind::Method)
            && let Some(wrapped) = find_attribute(w.heap, function, "__wrapped__")?
        {
            at = wrapped;
            continue;
        }
        match kind {
            Kind::Function => {
                let code = ctx.ptr(field!(ctx, function.code), at)?;
                return code_source(w, code).map(Some);
            }
            Kind::Partial => at = w.head_word(at, 0)?,
            _ => return Ok(None),
        }
    }
    Ok(None)
}

fn code_source(w: &Writer<'_, '_>, code: Addr) -> Result<(String, i64), DecodeError> {
    let ctx = w.ctx();
    let file = read_str(ctx, ctx.ptr(field!(ctx, code.filename), code)?, MAX_NAME)?;
    Ok((file, ctx.int(field!(ctx, code.firstlineno), code, 4)?))
}

/// `_format_coroutine`: `name() running at file:line`, `name() done, defined at file:line`.
pub(super) fn coroutine(w: &mut Writer<'_, '_>, addr: Addr) -> Result<(), DecodeError> {
    let info = w.heap.type_of(addr)?;
    if !matches!(info.kind, Kind::Coroutine | Kind::Generator) {
        // Coroutines of other compilers keep their names and lines elsewhere.
        w.lower(Fidelity::Structural);
        w.type_name(&info);
        return Ok(());
    }
    let ctx = *w.ctx();
    let name = read_str(&ctx, ctx.ptr(field!(ctx, generator.qualname), addr)?, MAX_NAME)?;
    w.name(&name);
    let frame = frame_of_generator(&ctx, &CodeCache::default(), addr)?;
    let Some(frame) = frame else {
        let (file, line) = code_source(w, code_of_generator(&ctx, addr)?)?;
        w.push("() done, defined at ");
        w.name(&file);
        w.put(format_args!(":{line}"));
        return Ok(());
    };
    let file = frame.code?.filename.clone()?;
    w.push("() running at ");
    w.name(&file.to_string());
    match frame.position?.line {
        Some(line) => w.put(format_args!(":{line}")),
        None => w.push(":None"),
    }
    Ok(())
}
