//! Locks whose `with` block a frame is inside of.
//!
//! A `with` statement keeps the manager's `__exit__` on the frame's value stack until the block is left. How much of
//! that stack is in use is not stored while a frame runs, but what an exception handler would find there is: the depth
//! in the exception table (3.11+), the level in the block stack before. Slots below it hold live objects.

use crate::base::Addr;
use crate::cpython::frame::{FramePlace, PyFrame};
use crate::cpython::layout::FrameLink;
use crate::cpython::object::{Heap, Kind, find_attribute, read_str};
use crate::cpython::{Context, DecodeError};
use crate::field;

/// Deepest value stack that is examined.
const MAX_DEPTH: u64 = 4096;
/// Longest exception table that is read, in bytes.
const MAX_TABLE: u64 = 1 << 20;
/// `CO_MAXBLOCKS` (Include/cpython/code.h).
const MAX_BLOCKS: i64 = 20;
/// Size of a `PyTryBlock`: three ints, the level last (3.8 to 3.10, Include/cpython/frameobject.h).
const BLOCK_SIZE: u64 = 12;
const BLOCK_LEVEL: u64 = 8;

/// Locks (`_thread.lock`, `_thread.RLock`) whose `with` block the frame is inside of, or that of a `Condition` on them.
/// The block may have released its lock by hand.
#[must_use]
pub fn entered(heap: &Heap<'_>, frame: &PyFrame) -> Vec<Addr> {
    let (Ok(code), Ok(lasti)) = (&frame.code, &frame.lasti) else { return Vec::new() };
    let place = FramePlace { addr: frame.addr, code: code.addr, lasti: *lasti };
    managers(heap, &place, Block::With).into_iter().filter_map(|manager| lock_of(heap, manager)).collect()
}

/// Which kind of block a frame is inside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// `with`.
    With,
    /// `async with`.
    AsyncWith,
}

impl Block {
    /// The method that leaves it.
    const fn exit(self) -> &'static str {
        match self {
            Block::With => "__exit__",
            Block::AsyncWith => "__aexit__",
        }
    }
}

/// The context managers of the blocks of a kind that the frame is inside of, the outermost first.
#[must_use]
pub fn managers(heap: &Heap<'_>, frame: &FramePlace, block: Block) -> Vec<Addr> {
    let Ok(slots) = live_slots(&heap.ctx, frame) else { return Vec::new() };
    let one = |(index, slot): (usize, &Addr)| {
        let before = index.checked_sub(1).and_then(|i| slots.get(i)).copied();
        manager(heap, *slot, before, block.exit())
    };
    slots.iter().enumerate().filter_map(one).collect()
}

/// The object whose `__exit__` a slot holds: a bound method, or since 3.14 the function and then the object.
fn manager(heap: &Heap<'_>, slot: Addr, before: Option<Addr>, exit: &str) -> Option<Addr> {
    let ctx = &heap.ctx;
    let is_exit = |name: Option<Addr>| name.and_then(|n| read_str(ctx, n, 16).ok()).is_some_and(|n| n == exit);
    let function_name = |at| ctx.ptr(field!(ctx, function.name), at).ok();
    let kind = heap.type_of(slot).ok()?.kind;
    match kind {
        Kind::BuiltinFunction => {
            let def = ctx.ptr(field!(ctx, cfunction.ml), slot).ok()?;
            let name = ctx.ptr(field!(ctx, method_def.name), def).ok()?;
            let name = crate::debuggee::MemoryExt::read_cstr(&ctx.memory, name, 16).ok()?;
            if name != exit.as_bytes() {
                return None;
            }
            ctx.ptr(field!(ctx, cfunction.self_obj), slot).ok()
        }
        Kind::Method => {
            let function = ctx.ptr(field!(ctx, method.func), slot).ok()?;
            is_exit(function_name(function)).then(|| ctx.ptr(field!(ctx, method.self_obj), slot).ok())?
        }
        _ => {
            let before = before?;
            let exits = match heap.type_of(before).ok()?.kind {
                Kind::MethodDescriptor => is_exit(ctx.ptr(field!(ctx, descr.d_name), before).ok()),
                Kind::Function => is_exit(function_name(before)),
                _ => false,
            };
            exits.then_some(slot)
        }
    }
}

/// The lock itself, or that of a `threading.Condition`.
fn lock_of(heap: &Heap<'_>, manager: Addr) -> Option<Addr> {
    let is_lock = |at: &Addr| heap.type_of(*at).is_ok_and(|t| matches!(t.kind, Kind::Lock | Kind::RLock));
    if is_lock(&manager) {
        return Some(manager);
    }
    find_attribute(heap, manager, "_lock").ok()?.filter(is_lock)
}

/// Whether an instruction of a code object is inside of no block at all, in whatever frame (3.11+).
#[must_use]
pub fn is_outside(ctx: &Context<'_>, frame: &FramePlace) -> bool {
    ctx.dialect.frame_link != FrameLink::FrameObjects && handler_depth(ctx, frame) == Ok(0)
}

/// Objects in the slots of the value stack that are surely in use.
fn live_slots(ctx: &Context<'_>, frame: &FramePlace) -> Result<Vec<Addr>, DecodeError> {
    let (start, depth) = match ctx.dialect.frame_link {
        FrameLink::FrameObjects => {
            (ctx.ptr(field!(ctx, frame_object.f_valuestack), frame.addr)?, level_of_blocks(ctx, frame)?)
        }
        FrameLink::ViaCFrame | FrameLink::Direct => {
            let locals = ctx.uint(field!(ctx, code.nlocalsplus), frame.code, 4)?;
            let width = u64::from(ctx.abi.pointer_size());
            let start = ctx.addr(field!(ctx, frame.localsplus), frame.addr)?;
            (start.wrapping_add(locals.saturating_mul(width)), handler_depth(ctx, frame)?)
        }
    };
    let width = ctx.abi.pointer_size();
    let depth = depth.min(MAX_DEPTH);
    let bytes = ctx.bytes_at("value stack", start, depth.saturating_mul(u64::from(width)))?;
    Ok(bytes.chunks(usize::from(width)).map(|slot| ctx.dialect.untag(ctx.abi.uint(slot))).collect())
}

/// 3.8 to 3.10: the level of the innermost block.
fn level_of_blocks(ctx: &Context<'_>, frame: &FramePlace) -> Result<u64, DecodeError> {
    let blocks = ctx.int(field!(ctx, frame_object.f_iblock), frame.addr, 4)?;
    if !(1..=MAX_BLOCKS).contains(&blocks) {
        return Ok(0);
    }
    let first = ctx.addr(field!(ctx, frame_object.f_blockstack), frame.addr)?;
    let last = u64::try_from(blocks).unwrap_or(0).saturating_sub(1).saturating_mul(BLOCK_SIZE);
    let at = first.wrapping_add(last.saturating_add(BLOCK_LEVEL));
    let bytes = ctx.bytes_at("frame_object.f_blockstack", at, 4)?;
    Ok(ctx.abi.uint(&bytes))
}

/// 3.11+: the depth of the handler that covers the instruction (`co_exceptiontable`, Objects/exception_handling_notes).
fn handler_depth(ctx: &Context<'_>, frame: &FramePlace) -> Result<u64, DecodeError> {
    let Ok(lasti) = u64::try_from(frame.lasti) else { return Ok(0) };
    let table = ctx.ptr(field!(ctx, code.exceptiontable), frame.code)?;
    let len = ctx.uint(field!(ctx, var_object.ob_size), table, ctx.abi.pointer_size())?;
    if len > MAX_TABLE {
        return Err(DecodeError::corrupt("code.exceptiontable", table, format!("length {len}")));
    }
    let bytes = ctx.bytes_at("code.exceptiontable", ctx.addr(field!(ctx, bytes.sval), table)?, len)?;
    Ok(depth_at(&bytes, lasti / 2))
}

/// Depth of the entry that covers a code unit; 0 where none does. Entries are four numbers: start, length, target,
/// depth and a flag; each of 6-bit groups, the highest first, 0x40 where more follow. They ascend and do not overlap.
pub(crate) fn depth_at(table: &[u8], unit: u64) -> u64 {
    let mut bytes = table.iter().copied();
    let mut number = || {
        let mut value = 0u64;
        loop {
            let byte = bytes.next()?;
            value = value.wrapping_shl(6) | u64::from(byte & 0x3f);
            if byte & 0x40 == 0 {
                return Some(value);
            }
        }
    };
    while let Some(start) = number() {
        let (Some(len), Some(_target), Some(depth)) = (number(), number(), number()) else { break };
        if start > unit {
            break;
        }
        if unit < start.saturating_add(len) {
            return depth >> 1;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::depth_at;

    #[test]
    fn the_depth_of_the_handler_that_covers_an_instruction() {
        // The start of 3.12's table for `with a:` around `with b: g()`.
        let table = b"\x83\x03+\x03\x86\x08\x1f\x05\x8e\x08+\x03";
        assert_eq!(depth_at(table, 2), 0);
        assert_eq!(depth_at(table, 5), 1, "while b is entered");
        assert_eq!(depth_at(table, 7), 2, "while g runs");
        assert_eq!(depth_at(table, 17), 1, "while b is left");
        assert_eq!(depth_at(&table[..6], 7), 0, "a cut table");
        assert_eq!(depth_at(b"", 0), 0);
    }
}
