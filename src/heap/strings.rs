//! The biggest and the most repeated `str` and `bytes`.

use super::HeapState;
use super::collect::time_over;
use super::objects::Found;
use crate::cpython::object::Kind;
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _};

/// Values that are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringGroup {
    /// One of them.
    pub first: Found,
    /// How many.
    pub count: u64,
    /// Bytes of all.
    pub bytes: u64,
}

/// All `str` and `bytes` objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strings {
    /// How many.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of all but the first of each value.
    pub duplicate_bytes: u64,
    /// The groups, those with most bytes (or, of duplicates, with most bytes beyond the first) first.
    pub groups: Vec<StringGroup>,
}

/// Groups the texts by value; of `duplicates` only those that are there more than once, at most `limit`.
#[must_use]
pub fn strings(state: &HeapState<'_>, duplicates: bool, limit: usize) -> Strings {
    let mut groups: HashMap<(u64, u64), StringGroup, foldhash::fast::RandomState> = HashMap::default();
    let mut all = Strings::default();
    let sizes = state.sizes();
    // Texts of an intact heap do not overlap; damaged ones may all claim the whole memory.
    let mut left = state.view.held_bytes().max(1 << 30);
    for found in state.objects().iter() {
        let Some(shape) = state.shape(found.type_id) else { continue };
        // Texts are counted to the last, but compared only as long as there is time.
        if state.view.is_over() {
            left = 0;
        }
        if !matches!(shape.kind, Kind::Str | Kind::Bytes) {
            continue;
        }
        let bytes = sizes.of(found.addr, shape);
        all.objects = all.objects.wrapping_add(1);
        all.bytes = all.bytes.saturating_add(bytes);
        // Two hashes of 64 bits with different seeds: values that differ do not meet by chance. Unreadable ones are
        // counted above and are in no group.
        let Some(content) = state.content(found, shape.kind, left) else { continue };
        left = left.saturating_sub(content.len() as u64);
        let key = hash(&content, shape.kind);
        let group = groups.entry(key).or_insert(StringGroup { first: found, count: 0, bytes: 0 });
        if group.count > 0 {
            all.duplicate_bytes = all.duplicate_bytes.saturating_add(bytes);
        }
        group.count = group.count.wrapping_add(1);
        group.bytes = group.bytes.saturating_add(bytes);
    }
    if !state.collected.coverage.time_over && state.view.is_over() {
        state.diagnostics.push(time_over("the time was over while texts were compared: some are in no group"));
    }
    let mut groups: Vec<StringGroup> = groups.into_values().filter(|g| !duplicates || g.count > 1).collect();
    let wasted = |g: &StringGroup| g.bytes.saturating_sub(g.bytes.checked_div(g.count).unwrap_or(0));
    groups.sort_by_key(|g| (std::cmp::Reverse(if duplicates { wasted(g) } else { g.bytes }), g.first.addr));
    groups.truncate(limit);
    all.groups = groups;
    all
}

fn hash(content: &[u8], kind: Kind) -> (u64, u64) {
    let of = |seed: u64| {
        let mut hasher = FixedState::with_seed(seed).build_hasher();
        hasher.write_u8(u8::from(kind == Kind::Str));
        hasher.write(content);
        hasher.finish()
    };
    (of(1), of(0x9e37_79b9_7f4a_7c15))
}
