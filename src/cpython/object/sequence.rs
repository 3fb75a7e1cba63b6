//! Item pointers of `tuple` and `list`, in blocks.

use crate::base::{Addr, Cursor};
use crate::cpython::{Context, DecodeError};
use crate::field;

/// The item pointers of a tuple or list (or of any array of object pointers), read in blocks as they are asked for.
#[derive(Debug)]
pub struct Sequence<'a> {
    ctx: Context<'a>,
    base: Addr,
    len: u64,
    next: u64,
    block: Vec<Addr>,
    block_start: u64,
}

/// Pointers per read.
const BLOCK: u64 = 128;

/// Python cannot hold more items than this: a length above is corrupt.
const MAX_LEN: u64 = 1 << 48;

impl<'a> Sequence<'a> {
    /// `len` pointers at `base`.
    #[must_use]
    pub fn new(ctx: &Context<'a>, base: Addr, len: u64) -> Self {
        Sequence { ctx: *ctx, base, len, next: 0, block: Vec::new(), block_start: 0 }
    }

    /// Number of items in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.len
    }

    /// The item at `index`, NULL where the slot is empty. `None` after the end.
    #[must_use]
    pub fn item(&mut self, index: u64) -> Option<Result<Addr, DecodeError>> {
        if index >= self.len {
            return None;
        }
        let in_block = index.checked_sub(self.block_start).filter(|i| *i < self.block.len() as u64);
        if in_block.is_none() {
            let count = self.len.saturating_sub(index).min(BLOCK);
            match self.fill(index, count).or_else(|_| self.fill(index, 1)) {
                Ok(()) => {}
                Err(e) => return Some(Err(e)),
            }
        }
        let offset = usize::try_from(index.saturating_sub(self.block_start)).unwrap_or(usize::MAX);
        self.block.get(offset).copied().map(Ok)
    }

    fn fill(&mut self, index: u64, count: u64) -> Result<(), DecodeError> {
        let width = u64::from(self.ctx.abi.pointer_size());
        let at = self.base.wrapping_add(index.wrapping_mul(width));
        let raw = self.ctx.bytes_at("items", at, count.saturating_mul(width))?;
        let mut cursor = Cursor::new(&raw, self.ctx.abi);
        self.block.clear();
        while let Ok(word) = cursor.uint(usize::from(self.ctx.abi.pointer_size())) {
            self.block.push(Addr(word));
        }
        self.block_start = index;
        Ok(())
    }
}

impl Iterator for Sequence<'_> {
    type Item = Result<Addr, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.item(self.next)?;
        self.next = self.next.saturating_add(1);
        Some(item)
    }
}

/// `ob_size` of a variable-size object, checked for absurdity.
pub(super) fn var_len(ctx: &Context<'_>, what: &'static str, addr: Addr) -> Result<u64, DecodeError> {
    let size = ctx.ssize(field!(ctx, var_object.ob_size), addr)?;
    u64::try_from(size)
        .ok()
        .filter(|n| *n < MAX_LEN)
        .ok_or_else(|| DecodeError::corrupt(what, addr, format!("a length of {size}")))
}

/// Items of the tuple (or subclass) at `addr`. The caller has checked the type.
///
/// # Errors
/// [`DecodeError`] when the header is unreadable or the length absurd.
pub fn tuple_items<'a>(ctx: &Context<'a>, addr: Addr) -> Result<Sequence<'a>, DecodeError> {
    let len = var_len(ctx, "tuple.ob_size", addr)?;
    Ok(Sequence::new(ctx, ctx.addr(field!(ctx, tuple.items), addr)?, len))
}

/// Items of the list (or subclass) at `addr`. The caller has checked the type.
///
/// # Errors
/// [`DecodeError`] when the header is unreadable or the length absurd.
pub fn list_items<'a>(ctx: &Context<'a>, addr: Addr) -> Result<Sequence<'a>, DecodeError> {
    let len = var_len(ctx, "list.ob_size", addr)?;
    let allocated = ctx.ssize(field!(ctx, list.allocated), addr)?;
    // While `list.sort` runs, the list itself is empty and `allocated` is -1 (Objects/listobject.c).
    if allocated >= 0 && len > allocated.unsigned_abs() {
        return Err(DecodeError::corrupt("list.ob_size", addr, format!("{len} items in room for {allocated}")));
    }
    let base = if len == 0 { Addr::NULL } else { ctx.ptr(field!(ctx, list.items), addr)? };
    Ok(Sequence::new(ctx, base, len))
}
