//! Exceptions in flight and being handled.

use super::{Options, PythonState, values};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::{Heap, Kind, dict_get_str, read_text, repr, tuple_items};
use crate::cpython::runtime::{Interpreter, traceback_beside};
use crate::field;
use crate::model::{ExceptionInfo, ExceptionLink, ExceptionRelation, TracebackEntry};
use std::collections::HashSet;

/// Most entries of one traceback, and most exceptions linked by cause and context.
const ENTRY_LIMIT: usize = 1000;
const LINK_LIMIT: usize = 20;

/// The exception at `addr` with its traceback and what it was raised from.
pub(super) fn exception(state: PythonState<'_>, heap: &Heap<'_>, addr: Addr, options: &Options) -> ExceptionInfo {
    linked(state, heap, addr, options, &mut HashSet::new())
}

/// The exception that was printed last and is kept in `sys` (`last_exc`, until 3.11 `last_value`; Python/pythonrun.c
/// `PyErr_PrintEx`).
pub(super) fn last_printed(
    state: PythonState<'_>,
    interpreter: &Interpreter,
    heap: &Heap<'_>,
    options: &Options,
) -> Option<ExceptionInfo> {
    let sys = interpreter.sysdict.clone().ok().filter(|sys| !sys.is_null())?;
    let named = |name| dict_get_str(&heap.ctx, sys, name).ok()?;
    let last = named("last_exc").or_else(|| named("last_value")).filter(|at| heap.is_exception(*at))?;
    Some(exception(state, heap, last, options))
}

fn linked(
    state: PythonState<'_>,
    heap: &Heap<'_>,
    addr: Addr,
    options: &Options,
    seen: &mut HashSet<Addr>,
) -> ExceptionInfo {
    seen.insert(addr);
    let value = values::value(heap, addr, options);
    let mut info = ExceptionInfo {
        summary: summary(heap, addr, options).unwrap_or_else(|| value.repr.clone()),
        value,
        traceback: traceback(state, heap, addr).unwrap_or_default(),
        caused_by: None,
    };
    if seen.len() < LINK_LIMIT
        && let Ok(Some((relation, other))) = link(heap, addr)
        && !seen.contains(&other)
    {
        let exception = linked(state, heap, other, options, seen);
        info.caused_by = Some(Box::new(ExceptionLink { relation, exception }));
    }
    info
}

/// `__cause__`, else `__context__` unless that is suppressed.
fn link(heap: &Heap<'_>, addr: Addr) -> Result<Option<(ExceptionRelation, Addr)>, DecodeError> {
    let ctx = &heap.ctx;
    let cause = ctx.ptr(field!(ctx, exception.cause), addr)?;
    if !cause.is_null() {
        return Ok(Some((ExceptionRelation::Cause, cause)));
    }
    let context = ctx.ptr(field!(ctx, exception.context), addr)?;
    let suppressed = ctx.uint(field!(ctx, exception.suppress_context), addr, 1)? != 0;
    Ok((!context.is_null() && !suppressed).then_some((ExceptionRelation::Context, context)))
}

fn traceback(state: PythonState<'_>, heap: &Heap<'_>, addr: Addr) -> Result<Vec<TracebackEntry>, DecodeError> {
    let ctx = &heap.ctx;
    let mut list = Vec::new();
    let mut seen = HashSet::new();
    let mut at = match heap.interpreter().filter(|_| ctx.dialect.is_two()) {
        Some(interpreter) => traceback_beside(ctx, interpreter, addr).unwrap_or(Addr::NULL),
        None => ctx.ptr(field!(ctx, exception.traceback), addr)?,
    };
    while !at.is_null() && list.len() < ENTRY_LIMIT && seen.insert(at) {
        list.push(entry(state, heap, at)?);
        at = ctx.ptr(field!(ctx, traceback.next), at)?;
    }
    Ok(list)
}

fn entry(state: PythonState<'_>, heap: &Heap<'_>, at: Addr) -> Result<TracebackEntry, DecodeError> {
    let ctx = &heap.ctx;
    let frame = ctx.ptr(field!(ctx, traceback.frame), at)?;
    let code = match ctx.layouts.frame_object.f_code.is_some() {
        true => ctx.ptr(field!(ctx, frame_object.f_code), frame)?,
        false => {
            let inner = ctx.ptr(field!(ctx, frame_object.f_frame), frame)?;
            ctx.dialect.untag(ctx.ptr(field!(ctx, frame.executable), inner)?.0)
        }
    };
    let code = state.codes.get(ctx, code)?;
    // `tb_lineno` is -1 until somebody asks for it (3.12+); `tb_lasti` is in bytes in every version.
    let line = match ctx.int(field!(ctx, traceback.lineno), at, 4)? {
        line if line > 0 => u32::try_from(line).ok(),
        _ => {
            let lasti = ctx.int(field!(ctx, traceback.lasti), at, 4)?;
            code.position(ctx, lasti).ok().and_then(|p| p.line)
        }
    };
    Ok(TracebackEntry { file: code.filename.clone().ok(), line, function: code.name.clone().ok() })
}

/// The last line of a traceback: `ValueError: bad`. `None` where `str()` of the exception is code that we do not run.
fn summary(heap: &Heap<'_>, addr: Addr, options: &Options) -> Option<String> {
    let ctx = &heap.ctx;
    let info = heap.type_of(addr).ok()?;
    let name = match heap.module(&info) {
        // The module of Python 2's own exceptions is not shown.
        Some(module) if ctx.dialect.is_two() && module == "exceptions" => heap.qualname(&info),
        Some(module) if module != "builtins" && module != "__main__" => format!("{module}.{}", heap.qualname(&info)),
        _ => heap.qualname(&info),
    };
    let (class, _) = heap.lookup(&info, "__str__")?;
    let args = ctx.ptr(field!(ctx, exception.args), addr).ok()?;
    let mut items = tuple_items(ctx, args).ok()?;
    let limits = &options.limits.repr;
    let text = match (class.short_name(), items.total()) {
        // `BaseException_str`: nothing, the argument, or all arguments (Objects/exceptions.c).
        ("BaseException", 0) => return Some(name),
        ("BaseException", 1) => {
            let only = items.item(0)?.ok()?;
            match heap.type_of(only).ok()?.kind {
                // `str()` of a `unicode` with others than ASCII is an error.
                Kind::Str if ctx.dialect.is_two() => read_text(ctx, only, limits.characters)
                    .ok()
                    .filter(|part| part.text.to_string().is_ascii())?
                    .text
                    .to_string(),
                Kind::Str => read_text(ctx, only, limits.characters).ok()?.text.to_string(),
                _ => repr(heap, only, limits).text,
            }
        }
        ("BaseException", _) => repr(heap, args, limits).text,
        // `KeyError_str`: a lone key is shown by its repr.
        ("KeyError", 1) => repr(heap, items.item(0)?.ok()?, limits).text,
        _ => return None,
    };
    Some(format!("{name}: {text}"))
}
