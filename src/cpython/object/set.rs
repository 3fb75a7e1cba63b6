//! `set` and `frozenset` (Objects/setobject.c).

use crate::base::{Addr, Cursor};
use crate::cpython::{Context, DecodeError};
use crate::field;

/// A set of more slots than this is not walked.
const MAX_SLOTS: u64 = 1 << 32;

/// Slots per read.
const BLOCK: u64 = 256;

/// Number of elements of the set at `addr`.
///
/// # Errors
/// [`DecodeError`] when the header is unreadable or absurd.
pub fn set_len(ctx: &Context<'_>, addr: Addr) -> Result<u64, DecodeError> {
    let used = ctx.ssize(field!(ctx, set.used), addr)?;
    let mask = ctx.ssize(field!(ctx, set.mask), addr)?;
    let sane = used >= 0 && mask >= 0 && used <= mask.saturating_add(1) && mask.wrapping_add(1) & mask == 0;
    if !sane || mask.unsigned_abs() >= MAX_SLOTS {
        return Err(DecodeError::corrupt("set.used", addr, format!("{used} elements, mask {mask:#x}")));
    }
    Ok(used.unsigned_abs())
}

/// The first `limit` elements in the order Python iterates: table order, without dummies.
///
/// # Errors
/// [`DecodeError`] when the header or the table is unreadable or absurd.
pub fn set_items(ctx: &Context<'_>, addr: Addr, limit: u64) -> Result<Vec<Addr>, DecodeError> {
    let used = set_len(ctx, addr)?;
    let slots = ctx.ssize(field!(ctx, set.mask), addr)?.unsigned_abs().saturating_add(1);
    let table = ctx.ptr(field!(ctx, set.table), addr)?;
    let word = u64::from(ctx.abi.pointer_size());
    let entry = word.saturating_mul(2);
    let want = used.min(limit);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < slots && (found.len() as u64) < want {
        let count = slots.saturating_sub(at).min(BLOCK);
        let raw = ctx.bytes_at("set.table", table.wrapping_add(at.wrapping_mul(entry)), count.saturating_mul(entry))?;
        let mut cursor = Cursor::new(&raw, ctx.abi);
        while let (Ok(key), Ok(hash)) = (cursor.uint(word as usize), cursor.uint(word as usize)) {
            // A deleted element leaves the key `dummy` with hash -1, which no object has.
            let dummy = ctx.abi.pointer_size() == 8 && hash == u64::MAX || hash == u64::from(u32::MAX) && word == 4;
            if key != 0 && !dummy && (found.len() as u64) < want {
                found.push(Addr(key));
            }
        }
        at = at.saturating_add(count);
    }
    if (found.len() as u64) < want {
        return Err(DecodeError::corrupt("set.used", addr, format!("{used} elements, {} in the table", found.len())));
    }
    Ok(found)
}
