//! Where the memory of a process is: each range of writable memory with its owner.

use super::heap::Missing;
use super::heap_answers::coverage;
use super::{Inspection, heap_native};
use crate::debuggee::Segment;
use crate::heap::{HeapState, OwnedRange};
use crate::model::heap::HEAP_SCHEMA_VERSION;
use crate::model::memory::{MallocMapped, MemoryAnswer, MemoryOwned, MemoryOwner};
use std::collections::BTreeMap;

/// Bytes by owner.
#[must_use]
pub fn memory(inspection: &Inspection, state: &HeapState<'_>, missing: Missing) -> MemoryAnswer {
    let target = inspection.target();
    let (mut ranges, pymalloc) = state.python_memory();
    let data = || inspection.images().static_data();
    let (arenas, malloc) = state.malloc_memory(data());
    ranges.extend(arenas);
    for (start, bytes) in data() {
        ranges.push(OwnedRange::whole(start, start.saturating_add(bytes), MemoryOwner::StaticData));
    }
    let segments: Vec<&Segment> =
        target.memory.segments().iter().filter(|s| s.protection.write && read(s) > 0).collect();
    let mut stacks = Vec::new();
    for stack in heap_native::memory(inspection) {
        let heap_native::Owner::Stack(_) = stack.what else { continue };
        let end = stack.start.saturating_add(stack.size);
        stacks.push(OwnedRange::whole(stack.start, end, MemoryOwner::Stacks));
        if let Some(segment) = segments.iter().find(|s| s.start.0 < stack.start && stack.start < s.end().0) {
            stacks.push(OwnedRange::whole(segment.start.0, stack.start, MemoryOwner::StacksUnused));
        }
    }
    // What is known first counts: stacks end where an allocator's range begins in the same mapping.
    let mut taken = Taken::default();
    let mut sums = Sums::new();
    let mut bytes = 0u64;
    for segment in &segments {
        bytes = bytes.saturating_add(read(segment));
    }
    let own = |range: &OwnedRange, taken: &mut Taken, sums: &mut Sums| {
        // A module's variables are in several mappings.
        let inside = segments.iter().map(|segment| {
            let start = range.start.max(segment.start.0);
            taken.take(start, range.end.min(segment.start.0.saturating_add(read(segment))))
        });
        let free: u64 = inside.fold(0, u64::saturating_add);
        let all = range.end.saturating_sub(range.start).max(1);
        for (owner, bytes, count) in range.parts {
            let part = u128::from(bytes).saturating_mul(u128::from(free)) / u128::from(all);
            add(sums, owner, u64::try_from(part).unwrap_or(0), if free > 0 { count } else { 0 });
        }
    };
    for range in &ranges {
        own(range, &mut taken, &mut sums);
    }
    let mut mapped = MallocMapped::default();
    if !malloc.is_empty() {
        for segment in &segments {
            let end = segment.start.0.saturating_add(read(segment));
            for (start, end) in taken.gaps(segment.start.0, end) {
                for (start, end) in state.malloc_mapped(start, end) {
                    let free = taken.take(start, end);
                    add(&mut sums, MemoryOwner::MallocMapped, free, 1);
                    mapped.blocks = mapped.blocks.saturating_add(1);
                    mapped.bytes = mapped.bytes.saturating_add(end.saturating_sub(start));
                }
            }
        }
    }
    // Stacks come last: their mappings may hold large blocks of malloc too.
    for range in &stacks {
        own(range, &mut taken, &mut sums);
    }
    for segment in &segments {
        for (start, end) in taken.gaps(segment.start.0, segment.start.0.saturating_add(read(segment))) {
            add(&mut sums, MemoryOwner::Untouched, state.untouched(start, end), 0);
        }
    }
    let explained = sums.values().map(|(bytes, _)| *bytes).fold(0, u64::saturating_add);
    add(&mut sums, MemoryOwner::Unknown, bytes.saturating_sub(explained), 0);
    let mut owners: Vec<MemoryOwned> = sums
        .into_iter()
        .filter(|(_, (bytes, _))| *bytes > 0)
        .map(|(owner, (bytes, count))| MemoryOwned { owner, bytes, count })
        .collect();
    owners.sort_by_key(|row| (std::cmp::Reverse(row.bytes), row.owner));
    MemoryAnswer {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        coverage: coverage(state, missing),
        bytes,
        explained,
        owners,
        pymalloc,
        malloc_mapped: (!malloc.is_empty()).then_some(mapped),
        malloc,
        diagnostics: target.diagnostics.to_vec(),
    }
}

/// Bytes of a mapping that can be read.
fn read(segment: &Segment) -> u64 {
    segment.available.min(segment.size)
}

/// Bytes and number by owner.
type Sums = BTreeMap<MemoryOwner, (u64, u64)>;

fn add(sums: &mut Sums, owner: MemoryOwner, bytes: u64, count: u64) {
    if bytes > 0 {
        let sum = sums.entry(owner).or_default();
        *sum = (sum.0.saturating_add(bytes), sum.1.saturating_add(count));
    }
}

/// Ranges that have an owner, by start.
#[derive(Default)]
struct Taken(BTreeMap<u64, u64>);

impl Taken {
    /// Takes what is not taken yet; its bytes.
    fn take(&mut self, start: u64, end: u64) -> u64 {
        let gaps = self.gaps(start, end);
        gaps.iter().for_each(|(start, end)| {
            self.0.insert(*start, *end);
        });
        gaps.iter().map(|(start, end)| end.saturating_sub(*start)).fold(0, u64::saturating_add)
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
