//! Which bytes of a process's memory have an owner already.

use crate::debuggee::Segment;
use crate::heap::{HeapState, OwnedRange};
use crate::model::memory::{MemoryOwned, MemoryOwner};
use std::collections::BTreeMap;

const PAGE: u64 = 4096;

/// Bytes of one owner: all, those that were written to, and the number of things.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    bytes: u64,
    written: u64,
    count: u64,
}

/// Writable memory, of which each byte is given to one owner: the first that asks for it.
pub(super) struct Account<'a> {
    state: &'a HeapState<'a>,
    /// Mappings: start and end of what can be read, by address.
    mappings: Vec<(u64, u64)>,
    taken: Taken,
    sums: BTreeMap<MemoryOwner, Sum>,
}

impl<'a> Account<'a> {
    pub fn new(state: &'a HeapState<'a>, segments: &[&Segment]) -> Account<'a> {
        let mut mappings: Vec<(u64, u64)> =
            segments.iter().map(|s| (s.start.0, s.start.0.saturating_add(read(s)))).collect();
        mappings.sort_unstable();
        Account { state, mappings, taken: Taken::default(), sums: BTreeMap::new() }
    }

    /// Start and end of each mapping, by address.
    pub fn mappings(&self) -> &[(u64, u64)] {
        &self.mappings
    }

    /// Bytes of all mappings, and those of pages that are not all zero.
    pub fn all(&self) -> (u64, u64) {
        let mut sum = (0u64, 0u64);
        for (start, end) in &self.mappings {
            let (start, end) = (*start, *end);
            let bytes = end.saturating_sub(start);
            sum.0 = sum.0.saturating_add(bytes);
            sum.1 = sum.1.saturating_add(self.written(start, end));
        }
        sum
    }

    /// Bytes of a range in pages that are not all zero.
    fn written(&self, start: u64, end: u64) -> u64 {
        let of = |start: u64, end: u64| {
            let bytes = end.saturating_sub(start);
            bytes.saturating_sub(self.state.untouched(start, end))
        };
        let (first, last) = (start.checked_next_multiple_of(PAGE).unwrap_or(end), end & !PAGE.wrapping_sub(1));
        // Of a page that the range has a part of, the rest counts too.
        let part = |start: u64, end: u64| {
            let page = start & !PAGE.wrapping_sub(1);
            if of(page, page.saturating_add(PAGE)) > 0 { end.saturating_sub(start) } else { 0 }
        };
        if first > last {
            return part(start, end);
        }
        let mut written = of(first, last);
        if start < first {
            written = written.saturating_add(part(start, first));
        }
        if last < end {
            written = written.saturating_add(part(last, end));
        }
        written
    }

    /// Ranges without an owner, by address.
    pub fn gaps(&self) -> Vec<(u64, u64)> {
        self.mappings.iter().flat_map(|(start, end)| self.taken.gaps(*start, *end)).collect()
    }

    /// Bytes without an owner that were written to.
    pub fn unexplained(&self) -> u64 {
        self.gaps().into_iter().map(|(start, end)| self.written(start, end)).fold(0, u64::saturating_add)
    }

    /// Gives a range to its owners, as far as it has none. What was written to is first taken to be of the first.
    pub fn own(&mut self, range: &OwnedRange) {
        let (mut free, mut written) = (0u64, 0u64);
        // A module's variables are in several mappings.
        let first = self.mappings.partition_point(|mapping| mapping.1 <= range.start);
        let mappings = self.mappings.get(first..).unwrap_or_default().iter().take_while(|m| m.0 < range.end);
        let inside: Vec<(u64, u64)> = mappings.map(|m| (range.start.max(m.0), range.end.min(m.1))).collect();
        for (start, end) in inside {
            for (start, end) in self.taken.take(start, end) {
                free = free.saturating_add(end.saturating_sub(start));
                written = written.saturating_add(self.written(start, end));
            }
        }
        if free == 0 {
            return;
        }
        let all = range.end.saturating_sub(range.start).max(1);
        for (owner, bytes, count) in range.parts {
            let part = u128::from(bytes).saturating_mul(u128::from(free)) / u128::from(all);
            let bytes = u64::try_from(part).unwrap_or(0);
            let of_these = bytes.min(written);
            written = written.saturating_sub(of_these);
            self.add(owner, Sum { bytes, written: of_these, count });
        }
    }

    /// Gives a range of one owner to it; the bytes that had none.
    pub fn own_whole(&mut self, (start, end): (u64, u64), owner: MemoryOwner) -> u64 {
        let mut sum = Sum { count: 1, ..Sum::default() };
        for (start, end) in self.taken.take(start, end) {
            sum.bytes = sum.bytes.saturating_add(end.saturating_sub(start));
            sum.written = sum.written.saturating_add(self.written(start, end));
        }
        self.add(owner, sum);
        sum.bytes
    }

    /// The same of the part of a range that is in mappings.
    pub fn own_inside(&mut self, (start, end): (u64, u64), owner: MemoryOwner) {
        let first = self.mappings.partition_point(|mapping| mapping.1 <= start);
        let inside = self.mappings.iter().skip(first).take_while(|mapping| mapping.0 < end);
        let parts: Vec<(u64, u64)> = inside.map(|mapping| (mapping.0.max(start), mapping.1.min(end))).collect();
        for part in parts {
            self.own_whole(part, owner);
        }
    }

    /// Pages of zeros that have no owner.
    pub fn own_untouched(&mut self) {
        for (start, end) in self.gaps() {
            let bytes = end.saturating_sub(start).saturating_sub(self.written(start, end));
            self.add(MemoryOwner::Untouched, Sum { bytes, ..Sum::default() });
        }
    }

    /// Gives a part of the written bytes of one owner to another one.
    pub fn give(&mut self, from: MemoryOwner, to: MemoryOwner, bytes: u64, count: u64) {
        let Some(sum) = self.sums.get_mut(&from) else { return };
        let written = bytes.min(sum.written);
        sum.bytes = sum.bytes.saturating_sub(written);
        sum.written = sum.written.saturating_sub(written);
        sum.count = sum.count.saturating_sub(count);
        self.add(to, Sum { bytes: written, written, count });
    }

    fn add(&mut self, owner: MemoryOwner, more: Sum) {
        if more.bytes > 0 {
            let sum = self.sums.entry(owner).or_default();
            sum.bytes = sum.bytes.saturating_add(more.bytes);
            sum.written = sum.written.saturating_add(more.written);
            sum.count = sum.count.saturating_add(more.count);
        }
    }

    /// The owners, the rest being of none that is known. `all`: bytes of all mappings and those that were written to.
    pub fn owners(mut self, all: (u64, u64)) -> Vec<MemoryOwned> {
        let of = |what: fn(&Sum) -> u64, sums: &BTreeMap<MemoryOwner, Sum>| {
            sums.values().map(what).fold(0, u64::saturating_add)
        };
        let bytes = all.0.saturating_sub(of(|sum| sum.bytes, &self.sums));
        let written = all.1.saturating_sub(of(|sum| sum.written, &self.sums));
        self.add(MemoryOwner::Unknown, Sum { bytes, written, count: 0 });
        let row = |(owner, sum): (MemoryOwner, Sum)| MemoryOwned {
            owner,
            bytes: sum.bytes,
            written: sum.written,
            count: sum.count,
        };
        let mut owners: Vec<MemoryOwned> = self.sums.into_iter().map(row).collect();
        owners.sort_by_key(|row| (std::cmp::Reverse((row.written, row.bytes)), row.owner));
        owners
    }
}

/// Bytes of a mapping that can be read.
pub(super) fn read(segment: &Segment) -> u64 {
    segment.available.min(segment.size)
}

/// Ranges that have an owner, by start.
#[derive(Default)]
struct Taken(BTreeMap<u64, u64>);

impl Taken {
    /// Takes what is not taken yet, and gives it.
    fn take(&mut self, start: u64, end: u64) -> Vec<(u64, u64)> {
        let gaps = self.gaps(start, end);
        self.0.extend(gaps.iter().copied());
        gaps
    }

    /// What is not taken between two addresses.
    fn gaps(&self, start: u64, end: u64) -> Vec<(u64, u64)> {
        let mut found = Vec::new();
        if start >= end {
            return found;
        }
        let mut at = self.0.range(..=start).next_back().map_or(start, |(_, end)| start.max(*end));
        for (taken, until) in self.0.range(start..end) {
            if *taken > at {
                found.push((at, *taken));
            }
            at = at.max(*until);
        }
        if at < end {
            found.push((at, end));
        }
        found
    }
}
