//! `dict` entries in the order in which Python goes through them (insertion order, in 2.7 that of the table), for every key
//! table form (Objects/dictobject.c, Objects/dict-common.h,
//! 3.11+ Include/internal/pycore_dict.h).

use super::unicode::str_is;
use crate::base::{Addr, Cursor};
use crate::cpython::layout::InlineValues;
use crate::cpython::{Context, DecodeError};
use crate::field;

/// A key table of more entries than this is not walked.
const MAX_ENTRIES: u64 = 1 << 32;

/// Entries per read.
const BLOCK: u64 = 64;

/// How many entries a search for one key may look at.
const MAX_SEARCH: u64 = 100_000;

/// Where and how keys are stored.
#[derive(Clone, Copy, Debug)]
struct KeyTable {
    entries: Addr,
    count: u64,
    /// Bytes per entry: {hash, key, value} or {key, value}.
    entry_size: u64,
    /// Offset of the key in an entry; the value follows.
    key_at: u64,
}

/// Where the values of a dict with shared keys are, and in which order they were set.
#[derive(Clone, Debug)]
enum Order {
    /// Values stand in the key table.
    Combined,
    /// `values[i]` belongs to key `i`.
    Parallel(Addr),
    /// `values[order[n]]` was set n-th.
    Listed(Addr, Vec<u8>),
}

/// The entries of a dict (key and value addresses) in insertion order. Never ends later than the key table.
#[derive(Debug)]
pub struct DictEntries<'a> {
    ctx: Context<'a>,
    table: KeyTable,
    order: Order,
    used: u64,
    /// How many entries there must be that were not found yet; `None` once that was checked.
    missing: Option<u64>,
    next: u64,
    block: Vec<u8>,
    block_start: u64,
}

/// Number of entries (`ma_used`) of the dict at `addr`.
///
/// # Errors
/// [`DecodeError`] when the header is unreadable or the count absurd.
pub fn dict_len(ctx: &Context<'_>, addr: Addr) -> Result<u64, DecodeError> {
    let used = ctx.ssize(field!(ctx, dict.used), addr)?;
    u64::try_from(used)
        .ok()
        .filter(|n| *n < MAX_ENTRIES)
        .ok_or_else(|| DecodeError::corrupt("dict.ma_used", addr, format!("{used} entries")))
}

impl<'a> DictEntries<'a> {
    /// The entries of the dict (or subclass) at `addr`. The caller has checked the type.
    ///
    /// # Errors
    /// [`DecodeError`] when the dict or its key table is unreadable or absurd.
    pub fn new(ctx: &Context<'a>, addr: Addr) -> Result<Self, DecodeError> {
        let used = dict_len(ctx, addr)?;
        let (table, order) = if ctx.layouts.dict.table.is_some() {
            (KeyTable::of_two(ctx, addr)?, Order::Combined)
        } else {
            let keys = ctx.ptr(field!(ctx, dict.keys), addr)?;
            let values = ctx.ptr(field!(ctx, dict.values), addr)?;
            let table = KeyTable::read(ctx, keys)?;
            let order = if values.is_null() { Order::Combined } else { Order::of_values(ctx, values, table.count)? };
            (table, order)
        };
        if used > table.count {
            let why = format!("{used} entries in a table of {}", table.count);
            return Err(DecodeError::corrupt("dict.ma_used", addr, why));
        }
        let missing = Some(used);
        Ok(DictEntries { ctx: *ctx, table, order, used, missing, next: 0, block: Vec::new(), block_start: 0 })
    }

    /// The attributes in inline (or, before 3.13, separate) values of an instance without dict: `keys` are the
    /// `ht_cached_keys` of its type, `values` the `PyDictValues`.
    ///
    /// # Errors
    /// [`DecodeError`] when either is unreadable or absurd.
    pub fn of_instance(ctx: &Context<'a>, keys: Addr, values: Addr) -> Result<Self, DecodeError> {
        let table = KeyTable::read(ctx, keys)?;
        let order = Order::of_values(ctx, values, table.count)?;
        let used = match &order {
            Order::Listed(_, order) => order.len() as u64,
            _ => table.count,
        };
        Ok(DictEntries { ctx: *ctx, table, order, used, missing: None, next: 0, block: Vec::new(), block_start: 0 })
    }

    /// Number of entries.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.used
    }

    fn read_entry(&mut self, index: u64) -> Result<(Addr, Addr), DecodeError> {
        let size = self.table.entry_size;
        let block_len = self.block.len() as u64;
        let inside = index.checked_sub(self.block_start).filter(|i| i.saturating_mul(size) < block_len);
        let offset = match inside {
            Some(offset) => offset,
            None => {
                let count = self.table.count.saturating_sub(index).clamp(1, BLOCK);
                let at = self.table.entries.wrapping_add(index.wrapping_mul(size));
                let read = |n: u64| self.ctx.bytes_at("dict entries", at, n.saturating_mul(size));
                self.block = read(count).or_else(|_| read(1))?;
                self.block_start = index;
                0
            }
        };
        let word = usize::from(self.ctx.abi.pointer_size());
        let mut cursor = Cursor::new(&self.block, self.ctx.abi);
        let start = offset.saturating_mul(size).saturating_add(self.table.key_at);
        let pair = cursor
            .take(usize::try_from(start).unwrap_or(usize::MAX))
            .and_then(|_| Ok((Addr(cursor.uint(word)?), Addr(cursor.uint(word)?))));
        pair.map_err(|e| DecodeError::corrupt("dict entries", self.table.entries, e.to_string()))
    }

    /// A damaged dict must not be taken for one of fewer entries: an empty one, say.
    fn miscounted(&mut self, found: &str) -> DecodeError {
        self.missing = None;
        self.next = u64::MAX;
        DecodeError::corrupt("dict.ma_used", self.table.entries, format!("{} entries, {found} are there", self.used))
    }

    /// Entry number `step`, if there is something there.
    fn step(&mut self, step: u64) -> Result<Option<(Addr, Addr)>, DecodeError> {
        let (index, values) = match &self.order {
            Order::Combined => (step, None),
            Order::Parallel(values) => (step, Some(*values)),
            Order::Listed(values, order) => {
                let index = usize::try_from(step).ok().and_then(|s| order.get(s)).copied().unwrap_or(u8::MAX);
                (u64::from(index), Some(*values))
            }
        };
        if index >= self.table.count {
            return Err(DecodeError::corrupt("dict insertion order", self.table.entries, format!("entry {index}")));
        }
        let (key, mut value) = self.read_entry(index)?;
        if let Some(values) = values {
            let width = u64::from(self.ctx.abi.pointer_size());
            value = self.ctx.ptr_at("dict values", values.wrapping_add(index.wrapping_mul(width)))?;
        }
        Ok((!key.is_null() && !value.is_null()).then_some((key, value)))
    }
}

impl Iterator for DictEntries<'_> {
    type Item = Result<(Addr, Addr), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = match &self.order {
            Order::Listed(_, order) => order.len() as u64,
            _ => self.table.count,
        };
        while self.next < end {
            let step = self.next;
            self.next = self.next.saturating_add(1);
            match self.step(step) {
                Ok(Some(entry)) => {
                    match self.missing.map(|n| n.checked_sub(1)) {
                        Some(None) => return Some(Err(self.miscounted("more"))),
                        left => self.missing = left.flatten(),
                    }
                    return Some(Ok(entry));
                }
                Ok(None) => {}
                Err(e) => {
                    // What follows in the same table is as unreadable: one error, then the end.
                    self.next = end;
                    self.missing = None;
                    return Some(Err(e));
                }
            }
        }
        let missing = self.missing.take().filter(|n| *n > 0)?;
        Some(Err(self.miscounted(&format!("{missing} fewer"))))
    }
}

impl KeyTable {
    /// 2.7: slots of hash, key and value, those in use anywhere among them; deleted ones have a key and no value
    /// (Include/dictobject.h).
    fn of_two(ctx: &Context<'_>, dict: Addr) -> Result<KeyTable, DecodeError> {
        let mask = ctx.ssize(field!(ctx, dict.mask), dict)?;
        let count = u64::try_from(mask).ok().and_then(|mask| mask.checked_add(1));
        let count = count.filter(|slots| slots.is_power_of_two() && *slots < MAX_ENTRIES);
        let count = count.ok_or_else(|| DecodeError::corrupt("dict.ma_mask", dict, format!("{mask:#x}")))?;
        let entries = ctx.ptr(field!(ctx, dict.table), dict)?;
        let word = u64::from(ctx.abi.pointer_size());
        Ok(KeyTable { entries, count, entry_size: word.saturating_mul(3), key_at: word })
    }

    fn read(ctx: &Context<'_>, keys: Addr) -> Result<KeyTable, DecodeError> {
        if keys.is_null() {
            return Err(DecodeError::Null { what: "dict.ma_keys" });
        }
        let word = u64::from(ctx.abi.pointer_size());
        let count = ctx.ssize(field!(ctx, dict_keys.nentries), keys)?;
        let indices = ctx.addr(field!(ctx, dict_keys.indices), keys)?;
        let (slots, index_bytes, key_at) = if ctx.layouts.dict_keys.log2_size.is_some() {
            let log2_size = ctx.uint(field!(ctx, dict_keys.log2_size), keys, 1)?;
            let log2_bytes = ctx.uint(field!(ctx, dict_keys.log2_index_bytes), keys, 1)?;
            let kind = ctx.uint(field!(ctx, dict_keys.kind), keys, 1)?;
            if log2_size > 40 || log2_bytes > 43 || kind > 2 {
                let why = format!("2^{log2_size} slots, 2^{log2_bytes} index bytes, kind {kind}");
                return Err(DecodeError::corrupt("dict keys", keys, why));
            }
            // DICT_KEYS_GENERAL 0 holds hashes; DICT_KEYS_UNICODE 1 and DICT_KEYS_SPLIT 2 do not.
            (1u64 << log2_size, 1u64 << log2_bytes, if kind == 0 { word } else { 0 })
        } else {
            let size = ctx.ssize(field!(ctx, dict_keys.dk_size), keys)?;
            let slots = u64::try_from(size).ok().filter(|n| n.is_power_of_two() && *n <= 1 << 40);
            let slots = slots.ok_or_else(|| DecodeError::corrupt("dict_keys.dk_size", keys, format!("{size}")))?;
            let index_width = match slots {
                0..=0xff => 1,
                0x100..=0xffff => 2,
                0x1_0000..=0xffff_ffff => 4,
                _ => 8,
            };
            (slots, slots.saturating_mul(index_width), word)
        };
        let count = u64::try_from(count).ok().filter(|n| *n <= slots && *n < MAX_ENTRIES);
        let count = count.ok_or_else(|| DecodeError::corrupt("dict_keys.dk_nentries", keys, "more than slots"))?;
        let entry_size = word.saturating_mul(2).saturating_add(key_at);
        Ok(KeyTable { entries: indices.wrapping_add(index_bytes), count, entry_size, key_at })
    }
}

impl Order {
    fn of_values(ctx: &Context<'_>, values: Addr, keys: u64) -> Result<Order, DecodeError> {
        match ctx.dialect.inline_values {
            InlineValues::None => Ok(Order::Parallel(values)),
            InlineValues::PrefixBytes => {
                let used = ctx.bytes_at("dict values prefix", Addr(values.0.wrapping_sub(2)), 1)?;
                let used = u64::from(used.first().copied().unwrap_or(0));
                let from = values.0.wrapping_sub(2).wrapping_sub(used);
                let mut order = ctx.bytes_at("dict values order", Addr(from), used)?;
                order.reverse();
                Order::checked(values, values, order, keys)
            }
            InlineValues::Header => {
                let capacity = ctx.uint(field!(ctx, dict_values.capacity), values, 1)?;
                let used = ctx.uint(field!(ctx, dict_values.used), values, 1)?;
                let first = ctx.addr(field!(ctx, dict_values.values), values)?;
                let bytes = capacity.saturating_mul(u64::from(ctx.abi.pointer_size()));
                let order = ctx.bytes_at("dict values order", first.wrapping_add(bytes), used)?;
                Order::checked(values, first, order, keys)
            }
        }
    }

    fn checked(at: Addr, first: Addr, order: Vec<u8>, keys: u64) -> Result<Order, DecodeError> {
        if order.iter().any(|i| u64::from(*i) >= keys) {
            return Err(DecodeError::corrupt("dict values order", at, format!("an index above the {keys} keys")));
        }
        Ok(Order::Listed(first, order))
    }
}

/// The value of the `str` key `name` (ASCII) in the dict at `dict`, found by walking its entries.
///
/// # Errors
/// [`DecodeError`] when the dict is unreadable or absurd, and when no key has the name but one that cannot be read may.
pub fn dict_get_str(ctx: &Context<'_>, dict: Addr, name: &str) -> Result<Option<Addr>, DecodeError> {
    let mut unread = None;
    for (step, entry) in DictEntries::new(ctx, dict)?.enumerate() {
        let (key, value) = entry?;
        // A key that is not a string fails to decode as one or has another text; an equal one by chance would need
        // the bytes of the name at the right place after a valid string header.
        match str_is(ctx, key, name) {
            Ok(true) => return Ok(Some(value)),
            Err(e @ DecodeError::Read { .. }) => unread = unread.or(Some(e)),
            Ok(false) | Err(_) => {}
        }
        if step as u64 >= MAX_SEARCH {
            break;
        }
    }
    unread.map_or(Ok(None), Err)
}
