//! Back pointers that only a real interpreter has.

use crate::base::Addr;
use crate::cpython::{Context, DecodeError};
use crate::field;

/// Interpreters and threads looked at: enough to be sure, few enough to be fast.
const SAMPLE: usize = 8;

/// Why what is examined cannot be taken for what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It has values that no such thing has.
    Contradiction,
    /// Nothing speaks against it, but memory that would have to be looked at cannot be read.
    Unreadable,
}

impl From<DecodeError> for Doubt {
    fn from(e: DecodeError) -> Self {
        match e {
            DecodeError::Read { .. } => Doubt::Unreadable,
            _ => Doubt::Contradiction,
        }
    }
}

/// How much evidence there is that `head` is the first `PyInterpreterState` of the process. A NULL head is no evidence
/// and no contradiction (before initialisation, after finalisation).
pub(super) fn interpreters(ctx: &Context<'_>, head: Addr) -> Result<u32, Doubt> {
    let mut score = 0u32;
    let mut at = head;
    for _ in 0..SAMPLE {
        if at.is_null() {
            return Ok(score);
        }
        score = score.saturating_add(interpreter(ctx, at)?);
        at = ctx.ptr(field!(ctx, interpreter.next), at)?;
    }
    Ok(score)
}

/// Evidence for one interpreter.
pub(super) fn interpreter(ctx: &Context<'_>, at: Addr) -> Result<u32, Doubt> {
    if !at.is_aligned(8) {
        return Err(Doubt::Contradiction);
    }
    // 3.6 has none.
    if ctx.layouts.interpreter.id.is_some() {
        let id = ctx.int(field!(ctx, interpreter.id), at, 8)?;
        if !(0..1 << 32).contains(&id) {
            return Err(Doubt::Contradiction);
        }
    }
    let threads = threads(ctx, at)?;
    let dicts = dicts(ctx, at)?;
    Ok(threads.saturating_add(dicts).saturating_add(1))
}

/// Every thread state points back to its interpreter, and to the one before it in the list.
fn threads(ctx: &Context<'_>, interpreter: Addr) -> Result<u32, Doubt> {
    let mut previous = Addr::NULL;
    let mut at = ctx.ptr(field!(ctx, interpreter.threads_head), interpreter)?;
    let mut score = 0u32;
    for _ in 0..SAMPLE {
        if at.is_null() {
            break;
        }
        let owner = ctx.ptr(field!(ctx, thread.interp), at)?;
        // 2.7 has no links back.
        let back = match ctx.layouts.thread.prev.is_some() {
            true => ctx.ptr(field!(ctx, thread.prev), at)?,
            false => previous,
        };
        if owner != interpreter || back != previous {
            return Err(Doubt::Contradiction);
        }
        score = score.saturating_add(10);
        previous = at;
        at = ctx.ptr(field!(ctx, thread.next), at)?;
    }
    Ok(score)
}

/// `modules`, `sysdict` and `builtins` are of one type: dict.
fn dicts(ctx: &Context<'_>, interpreter: Addr) -> Result<u32, Doubt> {
    let fields =
        [field!(ctx, interpreter.modules), field!(ctx, interpreter.sysdict), field!(ctx, interpreter.builtins)];
    let mut types = Vec::with_capacity(fields.len());
    for field in fields {
        let dict = ctx.ptr(field, interpreter)?;
        if !dict.is_null() {
            types.push(ctx.ptr(field!(ctx, object.ob_type), dict)?);
        }
    }
    match types.split_first() {
        None => Ok(0),
        Some((first, rest)) if rest.iter().all(|t| t == first) => Ok(20),
        Some(_) => Err(Doubt::Contradiction),
    }
}
