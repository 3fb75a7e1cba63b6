//! The GIL of an interpreter.

use crate::base::Addr;
use crate::cpython::layout::GilPlace;
use crate::cpython::{Context, DecodeError};
use crate::field;

/// State of a GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gil {
    /// Whether some thread holds it.
    pub locked: bool,
    /// Thread state of the holder; `None` when nobody holds it.
    pub holder: Option<Addr>,
}

/// State of the GIL that the interpreter uses; `None` in a free-threaded process that runs without one.
///
/// # Errors
/// [`DecodeError`] when it is unreadable, or not made yet.
pub fn gil(ctx: &Context<'_>, runtime: Option<Addr>, interpreter: Addr) -> Result<Option<Gil>, DecodeError> {
    if ctx.dialect.gil == GilPlace::Variables {
        // NULL as soon as nobody holds it (Python/ceval.c, `PyEval_SaveThread`).
        let holder = ctx.ptr_at("_PyThreadState_Current", runtime.ok_or(DecodeError::Null { what: "runtime" })?)?;
        return Ok(Some(Gil { locked: !holder.is_null(), holder: Some(holder).filter(|h| !h.is_null()) }));
    }
    let at = gil_address(ctx, runtime, interpreter)?;
    if ctx.layouts.gil.enabled.is_some() && ctx.int(field!(ctx, gil.enabled), at, 4)? == 0 {
        return Ok(None);
    }
    // -1 before the lock is made, 0 free, 1 held (Python/ceval_gil.c).
    let locked = ctx.int(field!(ctx, gil.locked), at, 4)? == 1;
    // `last_holder` stays when the lock is let go. Until 3.11 `tstate_current` says who runs now.
    let holder = match (ctx.dialect.gil, runtime) {
        _ if !locked => Addr::NULL,
        (GilPlace::Runtime, Some(runtime)) => ctx.ptr(field!(ctx, runtime.gilstate_tstate_current), runtime)?,
        _ => ctx.ptr(field!(ctx, gil.last_holder), at)?,
    };
    Ok(Some(Gil { locked, holder: Some(holder).filter(|h| !h.is_null()) }))
}

/// Address of the GIL that the interpreter uses.
///
/// # Errors
/// [`DecodeError`] when it is unreadable, or not made yet.
pub fn gil_address(ctx: &Context<'_>, runtime: Option<Addr>, interpreter: Addr) -> Result<Addr, DecodeError> {
    let at = match ctx.dialect.gil {
        GilPlace::Runtime => {
            let runtime = runtime.ok_or(DecodeError::Null { what: "runtime" })?;
            ctx.addr(field!(ctx, runtime.ceval_gil), runtime)?
        }
        GilPlace::Interpreter => ctx.ptr(field!(ctx, interpreter.ceval_gil), interpreter)?,
        GilPlace::Variables => Addr::NULL,
    };
    if at.is_null() { Err(DecodeError::Null { what: "interpreter.ceval_gil" }) } else { Ok(at) }
}
