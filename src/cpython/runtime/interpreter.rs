//! Interpreters of the process.

use crate::base::{Addr, Diagnostic, DiagnosticCode, Diagnostics};
use crate::cpython::{Context, DecodeError};
use crate::field;
use std::collections::HashSet;

/// More interpreters than any process has.
const INTERPRETER_LIMIT: usize = 10_000;

/// One `PyInterpreterState`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// Address.
    pub addr: Addr,
    /// `id`.
    pub id: i64,
    /// `modules` (`sys.modules`), NULL before it is made and after it is cleared.
    pub modules: Result<Addr, DecodeError>,
    /// `sysdict` (`sys.__dict__`).
    pub sysdict: Result<Addr, DecodeError>,
    /// `eval_frame`, the function that evaluates frames (PEP 523); NULL, or the loop itself, where nobody set another (since 3.6).
    pub eval_frame: Option<Addr>,
    /// Whether the garbage collector runs in it; `None` when that cannot be told.
    pub gc_collecting: Option<bool>,
    /// Whether the collector starts by itself; `None` when that cannot be told.
    pub gc_enabled: Option<bool>,
}

impl Interpreter {
    /// Reads the interpreter at `addr`.
    ///
    /// # Errors
    /// [`DecodeError`] when its `id` is unreadable.
    pub fn read(ctx: &Context<'_>, runtime: Option<Addr>, addr: Addr) -> Result<Interpreter, DecodeError> {
        let own = ctx.layouts.interpreter.gc_collecting.is_some();
        let collecting = match (own, runtime) {
            (true, _) => ctx.int(field!(ctx, interpreter.gc_collecting), addr, 4).ok(),
            // 3.8 has one collector for all interpreters.
            (false, Some(runtime)) => ctx.int(field!(ctx, runtime.gc_collecting), runtime, 4).ok(),
            (false, None) => None,
        };
        let gc = gc_state(ctx, runtime, addr);
        Ok(Interpreter {
            addr,
            id: id(ctx, runtime, addr)?,
            modules: ctx.ptr(field!(ctx, interpreter.modules), addr),
            sysdict: ctx.ptr(field!(ctx, interpreter.sysdict), addr),
            eval_frame: ctx.ptr(field!(ctx, interpreter.eval_frame), addr).ok(),
            gc_collecting: collecting.map(|c| c != 0),
            gc_enabled: gc.and_then(|gc| ctx.int(field!(ctx, gc.enabled), gc, 4).ok()).map(|enabled| enabled != 0),
        })
    }
}

/// Where the collector of the interpreter at `addr` keeps its state: `interp->gc`, in 3.8 `_PyRuntime.gc`.
#[must_use]
pub fn gc_state(ctx: &Context<'_>, runtime: Option<Addr>, addr: Addr) -> Option<Addr> {
    if ctx.layouts.interpreter.gc.is_some() {
        return ctx.addr(field!(ctx, interpreter.gc), addr).ok();
    }
    let collecting = ctx.layouts.gc.collecting.offset()?;
    let at = ctx.layouts.runtime.gc_collecting.offset()?.checked_sub(collecting)?;
    Some(runtime?.wrapping_add(at))
}

/// `id`. The main interpreter is the first that is made, and the first id is 0 (Python/pystate.c,
/// `PyInterpreterState_New`).
fn id(ctx: &Context<'_>, runtime: Option<Addr>, addr: Addr) -> Result<i64, DecodeError> {
    if !ctx.layouts.interpreter.id.is_some() {
        // Until 3.6 they have none; those made later come first in the list.
        let next = |at: &Addr| ctx.ptr(field!(ctx, interpreter.next), *at);
        let next = |at: &Addr| next(at).ok().filter(|next| !next.is_null());
        let older = std::iter::successors(Some(addr), next).take(INTERPRETER_LIMIT);
        return Ok(i64::try_from(older.count()).unwrap_or(i64::MAX).saturating_sub(1));
    }
    ctx.int(field!(ctx, interpreter.id), addr, 8).or_else(|e| match main(ctx, runtime) {
        Some(main) if main == addr => Ok(0),
        _ => Err(e),
    })
}

fn main(ctx: &Context<'_>, runtime: Option<Addr>) -> Option<Addr> {
    ctx.ptr(field!(ctx, runtime.interpreters_main), runtime?).ok().filter(|main| !main.is_null())
}

/// All interpreters from `head` on, the main one (lowest id) first.
#[must_use]
pub fn interpreters(
    ctx: &Context<'_>,
    runtime: Option<Addr>,
    head: Addr,
    diagnostics: &Diagnostics,
) -> Vec<Interpreter> {
    let mut seen = HashSet::new();
    let mut list = Vec::new();
    let mut at = head;
    while !at.is_null() {
        if !seen.insert(at) || list.len() >= INTERPRETER_LIMIT {
            diagnostics.push(
                Diagnostic::warning(DiagnosticCode::InterpreterListCorrupt, "the list of interpreters loops").at(at),
            );
            break;
        }
        let next = Interpreter::read(ctx, runtime, at).and_then(|interpreter| {
            list.push(interpreter);
            ctx.ptr(field!(ctx, interpreter.next), at)
        });
        match next {
            Ok(next) => at = next,
            Err(e) => {
                diagnostics.push(Diagnostic::warning(DiagnosticCode::InterpreterUnreadable, e.to_string()).at(at));
                // The list ends with the main interpreter, to which another way leads.
                let rest = main(ctx, runtime).filter(|main| !seen.contains(main));
                list.extend(rest.and_then(|main| Interpreter::read(ctx, runtime, main).ok()));
                break;
            }
        }
    }
    list.sort_by_key(|i| i.id);
    list
}
