//! `set` and `frozenset` (Objects/setobject.c).

use super::fields::var_word;
use super::unicode::str_is;
use crate::base::{Addr, Cursor};
use crate::cpython::{Context, DecodeError};
use crate::field;
use std::collections::HashMap;

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

/// 2.7: the key of deleted elements, the one object of the text "<dummy key>" that all of them share (Objects/setobject.c);
/// `None` where there are none.
fn dummy_of_two(ctx: &Context<'_>, addr: Addr, table: Addr, slots: u64) -> Result<Option<Addr>, DecodeError> {
    let fill = ctx.ssize(field!(ctx, set.fill), addr)?.unsigned_abs();
    let deleted = fill.saturating_sub(set_len(ctx, addr)?);
    if deleted == 0 {
        return Ok(None);
    }
    let word = u64::from(ctx.abi.pointer_size());
    // How often a key is there, and whether once with a hash that is not its own.
    let mut keys: HashMap<Addr, (u64, bool)> = HashMap::new();
    for slot in 0..slots {
        let at = table.wrapping_add(slot.wrapping_mul(word.saturating_mul(2)));
        let (hash, key) = (ctx.ptr_at("set.table", at)?, ctx.ptr_at("set.table", at.wrapping_add(word))?);
        if !key.is_null() && str_is(ctx, key, "<dummy key>") == Ok(true) {
            // `ob_shash` follows the head.
            let own = var_word(ctx, key, 0)?;
            let (count, other) = keys.entry(key).or_default();
            *count = count.saturating_add(1);
            *other |= own != hash;
        }
    }
    let fit = |of_other: bool| -> Vec<Addr> {
        let fit = keys.iter().filter(|(_, (count, other))| *count == deleted && (*other || !of_other));
        fit.map(|(key, _)| *key).collect()
    };
    match (fit(false).as_slice(), fit(true).as_slice()) {
        ([one], _) | (_, [one]) => Ok(Some(*one)),
        _ => Err(DecodeError::corrupt("set.fill", addr, format!("which {deleted} elements are deleted is not known"))),
    }
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
    let dummy_of_two = if ctx.dialect.is_two() { dummy_of_two(ctx, addr, table, slots)? } else { None };
    let (mut found, mut at) = (Vec::new(), 0);
    while at < slots && (found.len() as u64) < want {
        let count = slots.saturating_sub(at).min(BLOCK);
        let raw = ctx.bytes_at("set.table", table.wrapping_add(at.wrapping_mul(entry)), count.saturating_mul(entry))?;
        let mut cursor = Cursor::new(&raw, ctx.abi);
        while let (Ok(first), Ok(second)) = (cursor.uint(word as usize), cursor.uint(word as usize)) {
            if ctx.dialect.is_two() {
                // The hash comes first.
                if second != 0 && Some(Addr(second)) != dummy_of_two && (found.len() as u64) < want {
                    found.push(Addr(second));
                }
                continue;
            }
            let (key, hash) = (first, second);
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
