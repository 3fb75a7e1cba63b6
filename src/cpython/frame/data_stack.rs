//! Frames on the data stack of a thread (3.11+), found without the links between them.
//!
//! The data stack is a list of chunks on the heap (`_PyStackChunk`), each filled with frames without gaps by
//! `_PyThreadState_PushFrame` (Python/pystate.c). A frame takes `co_nlocalsplus + co_stacksize` words after its fixed
//! part (`FRAME_SPECIALS_SIZE`, Include/internal/pycore_frame.h), so one frame leads to the next. Frames of generators
//! lie in the generators, shims on the C stack: neither is here.

use super::FRAME_LIMIT;
use crate::base::{Addr, Budget};
use crate::cpython::{Context, DecodeError};
use crate::field;

/// More chunks (16 KiB each) than the frames that are read fill.
const CHUNK_LIMIT: u64 = 1_000_000;

/// Addresses of the frames on the data stack of the thread state at `tstate`, innermost first.
///
/// # Errors
/// [`DecodeError`] when a chunk cannot be read or its frames do not fill it exactly: nothing is returned then, as
/// nothing tells which of them are right.
pub(super) fn frames(ctx: &Context<'_>, tstate: Addr) -> Result<Vec<Addr>, DecodeError> {
    let chunks = Budget::new("data stack chunks", CHUNK_LIMIT);
    let left = Budget::new("frames", FRAME_LIMIT);
    let mut list = Vec::new();
    let mut chunk = ctx.ptr(field!(ctx, thread.datastack_chunk), tstate)?;
    let mut top = Some(ctx.ptr(field!(ctx, thread.datastack_top), tstate)?);
    while !chunk.is_null() {
        chunks.spend(1)?;
        let older = ctx.ptr(field!(ctx, stack_chunk.previous), chunk)?;
        let data = ctx.addr(field!(ctx, stack_chunk.data), chunk)?;
        // The newest chunk is filled up to `datastack_top`; the others remember how many words were in use.
        let end = match top.take() {
            Some(top) => top,
            None => words(ctx, data, ctx.ssize(field!(ctx, stack_chunk.top), chunk)?),
        };
        // `push_chunk` leaves out the first word of the oldest chunk, so that popping its frames never frees it.
        let start = if older.is_null() { words(ctx, data, 1) } else { data };
        let known = list.len();
        fill(ctx, chunk, start, end, &mut list, &left)?;
        if let Some(of_chunk) = list.get_mut(known..) {
            of_chunk.reverse();
        }
        chunk = older;
    }
    Ok(list)
}

/// The frames between `start` and `end`, outermost first.
fn fill(
    ctx: &Context<'_>,
    chunk: Addr,
    start: Addr,
    end: Addr,
    list: &mut Vec<Addr>,
    left: &Budget,
) -> Result<(), DecodeError> {
    let mut at = start;
    while at < end {
        left.spend(1)?;
        let code = ctx.dialect.untag(ctx.ptr(field!(ctx, frame.executable), at)?.0);
        let slots = ctx.int(field!(ctx, code.nlocalsplus), code, 4)?;
        let depth = ctx.int(field!(ctx, code.stacksize), code, 4)?;
        if slots < 0 || depth < 0 {
            return Err(DecodeError::corrupt("code.nlocalsplus", code, format!("{slots} and {depth} slots")));
        }
        list.push(at);
        at = words(ctx, ctx.addr(field!(ctx, frame.localsplus), at)?, slots.saturating_add(depth));
    }
    if at == end {
        Ok(())
    } else {
        Err(DecodeError::corrupt("stack_chunk.data", chunk, format!("frames end at {at}, the chunk at {end}")))
    }
}

fn words(ctx: &Context<'_>, from: Addr, count: i64) -> Addr {
    from.wrapping_offset(count.wrapping_mul(i64::from(ctx.abi.pointer_size())))
}
