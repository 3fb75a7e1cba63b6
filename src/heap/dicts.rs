//! Entries of key tables and of split values (Objects/dictobject.c, 3.11+ Include/internal/pycore_dict.h), for walks
//! that need each entry once and in no order.

use super::edges::Edges;
use super::offsets::Offsets;
use super::view::View;
use crate::cpython::layout::InlineValues;

/// Where the entries of a key table are.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyTable {
    pub entries: u64,
    pub count: u64,
    /// Words per entry: {hash, key, value} or {key, value}.
    pub words: u64,
    /// Slots of the hash table.
    pub slots: u64,
    /// Bytes of the index.
    pub index_bytes: u64,
    /// `dk_usable`: entries that there is still room for.
    pub left: u64,
    /// `dk_refcnt`; 1 where that is not known.
    pub refcnt: u64,
}

impl KeyTable {
    #[inline]
    pub(super) fn read(view: &View<'_>, o: &Offsets, keys: u64) -> Option<KeyTable> {
        if keys == 0 {
            return None;
        }
        let k = &o.keys;
        let count = view.word(keys.wrapping_add(k.nentries))?;
        let at = |field: u64| keys.wrapping_add(field);
        let (slots, index_bytes, words) = match (k.log2_size, k.log2_index_bytes, k.kind) {
            (Some(size), Some(bytes), Some(kind)) => {
                let (size, bytes, kind) = (view.u8(at(size))?, view.u8(at(bytes))?, view.u8(at(kind))?);
                if size > 40 || bytes > 43 || kind > 2 {
                    return None;
                }
                // DICT_KEYS_GENERAL holds hashes, DICT_KEYS_UNICODE and DICT_KEYS_SPLIT do not.
                (1u64 << size, 1u64 << bytes, if kind == 0 { 3 } else { 2 })
            }
            _ => {
                let slots = view.word(at(k.dk_size?))?;
                let width = match slots {
                    0..=0xff => 1,
                    0x100..=0xffff => 2,
                    0x1_0000..=0xffff_ffff => 4,
                    _ => 8,
                };
                if !slots.is_power_of_two() || slots > 1 << 40 {
                    return None;
                }
                (slots, slots.wrapping_mul(width), 3)
            }
        };
        let refcnt = k.refcnt.and_then(|r| view.word(at(r))).unwrap_or(1);
        let left = k.usable.and_then(|u| view.word(at(u))).unwrap_or(0);
        let entries = at(k.indices).wrapping_add(index_bytes);
        (count <= slots).then_some(KeyTable { entries, count, words, slots, index_bytes, left, refcnt })
    }

    /// `USABLE_FRACTION`: entries that there is room for.
    pub(super) fn usable(&self) -> u64 {
        self.slots.wrapping_mul(2) / 3
    }

    /// Bytes of the whole key table: `_PyDict_KeysSize`.
    pub(super) fn bytes(&self, o: &Offsets) -> u64 {
        let entries = self.usable().wrapping_mul(self.words).wrapping_mul(8);
        o.keys.indices.wrapping_add(self.index_bytes).wrapping_add(entries)
    }

    /// Index, key and value of each entry; `false` when not all are readable.
    #[inline]
    pub(super) fn each(&self, edges: &Edges<'_>, mut found: impl FnMut(u64, u64, u64)) -> bool {
        let (mut index, mut place, mut key) = (0u64, 0u64, 0u64);
        let (words, key_at) = (self.words, self.words.wrapping_sub(2));
        edges.read(self.entries, self.count.wrapping_mul(words), |_, word| {
            if place == key_at {
                key = word;
            }
            place = place.wrapping_add(1);
            if place == words {
                found(index, key, word);
                (place, index) = (0, index.wrapping_add(1));
            }
        })
    }

    /// The key of one entry.
    pub(super) fn key(&self, view: &View<'_>, index: u64) -> Option<u64> {
        let word = index.wrapping_mul(self.words).wrapping_add(self.words.wrapping_sub(2));
        view.word(self.entries.wrapping_add(word.wrapping_mul(8)))
    }
}

/// Index and value of each attribute in split values; `keys` is the number of keys that they share.
#[inline]
pub(super) fn each_value(edges: &Edges<'_>, values: u64, keys: u64, mut found: impl FnMut(u64, u64)) -> bool {
    let keep = |index, value| {
        if value != 0 {
            found(index, value);
        }
    };
    let (view, o) = (edges.view, edges.o);
    match o.inline_values {
        InlineValues::None | InlineValues::PrefixBytes => edges.read(values, keys, keep),
        InlineValues::Header => {
            let capacity = u64::from(view.u8(values).unwrap_or(0));
            edges.read(values.wrapping_add(o.values_at), capacity.min(keys), keep)
        }
    }
}

/// Bytes of split values as `dict.__sizeof__` counts them (`shared_keys_usable_size`; until 3.10 all that the keys can
/// have).
pub(super) fn values_bytes(o: &Offsets, keys: &KeyTable) -> u64 {
    let count = match o.inline_values {
        InlineValues::None => keys.usable(),
        InlineValues::PrefixBytes | InlineValues::Header => keys.count.wrapping_add(keys.left.min(keys.slots)),
    };
    count.wrapping_mul(8)
}
