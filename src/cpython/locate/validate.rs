//! Back pointers that only a real interpreter has.

use crate::base::Addr;
use crate::cpython::Context;
use crate::field;

/// Interpreters and threads looked at: enough to be sure, few enough to be fast.
const SAMPLE: usize = 8;

/// How much evidence there is that `head` is the first `PyInterpreterState` of the process: `None` when something
/// contradicts it. A NULL head is no evidence and no contradiction (before initialisation, after finalisation).
pub(super) fn interpreters(ctx: &Context<'_>, head: Addr) -> Option<u32> {
    let mut score = 0u32;
    let mut at = head;
    for _ in 0..SAMPLE {
        if at.is_null() {
            return Some(score);
        }
        score = score.saturating_add(interpreter(ctx, at)?);
        at = ctx.ptr(field!(ctx, interpreter.next), at).ok()?;
    }
    Some(score)
}

/// Evidence for one interpreter.
pub(super) fn interpreter(ctx: &Context<'_>, at: Addr) -> Option<u32> {
    if !at.is_aligned(8) {
        return None;
    }
    let id = ctx.int(field!(ctx, interpreter.id), at, 8).ok()?;
    if !(0..1 << 32).contains(&id) {
        return None;
    }
    let threads = threads(ctx, at)?;
    let dicts = dicts(ctx, at)?;
    Some(threads.saturating_add(dicts).saturating_add(1))
}

/// Every thread state points back to its interpreter, and to the one before it in the list.
fn threads(ctx: &Context<'_>, interpreter: Addr) -> Option<u32> {
    let mut previous = Addr::NULL;
    let mut at = ctx.ptr(field!(ctx, interpreter.threads_head), interpreter).ok()?;
    let mut score = 0u32;
    for _ in 0..SAMPLE {
        if at.is_null() {
            break;
        }
        let owner = ctx.ptr(field!(ctx, thread.interp), at).ok()?;
        let back = ctx.ptr(field!(ctx, thread.prev), at).ok()?;
        if owner != interpreter || back != previous {
            return None;
        }
        score = score.saturating_add(10);
        previous = at;
        at = ctx.ptr(field!(ctx, thread.next), at).ok()?;
    }
    Some(score)
}

/// `modules`, `sysdict` and `builtins` are of one type: dict.
fn dicts(ctx: &Context<'_>, interpreter: Addr) -> Option<u32> {
    let fields =
        [field!(ctx, interpreter.modules), field!(ctx, interpreter.sysdict), field!(ctx, interpreter.builtins)];
    let mut types = Vec::with_capacity(fields.len());
    for field in fields {
        let dict = ctx.ptr(field, interpreter).ok()?;
        if !dict.is_null() {
            types.push(ctx.ptr(field!(ctx, object.ob_type), dict).ok()?);
        }
    }
    match types.split_first() {
        None => Some(0),
        Some((first, rest)) => rest.iter().all(|t| t == first).then_some(20),
    }
}
