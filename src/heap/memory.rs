//! Memory of the allocators in bytes: used, free, lost.

use super::HeapState;
use super::allocators::glibc::{self, Arena};
use super::allocators::mimalloc;
use super::allocators::pymalloc::{Pools, PoolsBy};
use crate::base::Addr;
use crate::cpython::layout::ObmallocPlace;
use crate::model::memory::{MallocArena, MemoryOwner, MimallocMemory, PymallocMemory};

/// A range of memory with its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedRange {
    /// First address.
    pub start: u64,
    /// First address after it.
    pub end: u64,
    /// Who owns it, by bytes: parts of an allocator's range are of several kinds.
    pub parts: [(MemoryOwner, u64, u64); 4],
}

impl OwnedRange {
    /// A range of one owner.
    #[must_use]
    pub fn whole(start: u64, end: u64, owner: MemoryOwner) -> OwnedRange {
        let nothing = (owner, 0, 0);
        OwnedRange { start, end, parts: [(owner, end.saturating_sub(start), 1), nothing, nothing, nothing] }
    }

    /// Whether less than a quarter is in use.
    fn is_sparse(&self) -> bool {
        let [(_, used, _), ..] = self.parts;
        used.saturating_mul(4) < self.end.saturating_sub(self.start)
    }
}

/// Memory of Python's own allocator.
#[derive(Debug, Default)]
pub struct PythonMemory {
    /// Its ranges.
    pub ranges: Vec<OwnedRange>,
    /// pymalloc in numbers.
    pub pymalloc: Option<PymallocMemory>,
    /// mimalloc in numbers.
    pub mimalloc: Option<MimallocMemory>,
    /// Arenas of pymalloc or pages of mimalloc that are less than a quarter full: start and end.
    pub sparse: Vec<(u64, u64)>,
}

impl HeapState<'_> {
    /// The memory of Python's own allocator.
    #[must_use]
    pub fn python_memory(&self) -> PythonMemory {
        if self.heap.ctx.dialect.obmalloc.place == ObmallocPlace::Mimalloc {
            let (ranges, stats, sparse) = mimalloc::memory(&self.view, self.debug, &self.offsets);
            return PythonMemory { ranges, mimalloc: Some(stats), sparse, ..PythonMemory::default() };
        }
        let arenas = &self.collected.arenas;
        match Pools::new(&self.heap.ctx, &self.view, &self.offsets) {
            Some(pools) if !arenas.is_empty() => {
                let (ranges, stats) = pools.memory(arenas);
                let sparse = ranges.iter().filter(|range| range.is_sparse()).map(|range| (range.start, range.end));
                PythonMemory { sparse: sparse.collect(), ranges, pymalloc: Some(stats), mimalloc: None }
            }
            Some(pools) if self.collected.coverage.pools_by == Some(PoolsBy::Structure) => {
                PythonMemory { ranges: pools.memory_by_structure(), ..PythonMemory::default() }
            }
            _ => PythonMemory::default(),
        }
    }

    /// Ranges of glibc's arenas, which begin in the static variables `data` (start, bytes), and each in numbers.
    #[must_use]
    pub fn malloc_memory(&self, data: impl Iterator<Item = (u64, u64)>) -> (Vec<OwnedRange>, Vec<MallocArena>) {
        let (mut ranges, mut told) = (Vec::new(), Vec::new());
        for arena in glibc::arenas(&self.view, data) {
            let (free, top, count) = self.free_of(&arena);
            let used = arena.system.saturating_sub(free);
            told.push(MallocArena { addr: Addr(arena.addr), main: arena.main, system: arena.system, used, free, top });
            let all: u64 = arena.regions.iter().map(|(first, end)| end.saturating_sub(*first)).sum();
            for (first, end) in &arena.regions {
                // Free bytes are told for the arena as a whole: each region gets its part.
                let bytes = end.saturating_sub(*first);
                let part = u128::from(free).saturating_mul(u128::from(bytes)) / u128::from(all.max(1));
                let part = u64::try_from(part).unwrap_or(bytes).min(bytes);
                let nothing = (MemoryOwner::MallocUsed, 0, 0);
                let parts = [
                    (MemoryOwner::MallocUsed, bytes.saturating_sub(part), count),
                    (MemoryOwner::MallocFree, part, 0),
                    nothing,
                    nothing,
                ];
                ranges.push(OwnedRange { start: *first, end: *end, parts });
            }
        }
        (ranges, told)
    }

    /// Free bytes of an arena, those of its top, and the number of chunks in use.
    fn free_of(&self, arena: &Arena) -> (u64, u64, u64) {
        let (mut free, mut top, mut used) = (0u64, 0u64, 0u64);
        for region in &arena.regions {
            for (at, size, in_use) in glibc::chunks(&self.view, *region) {
                match () {
                    () if at == arena.top => {
                        top = size;
                        free = free.saturating_add(size);
                    }
                    // The end of a heap that is not the newest holds two fences.
                    () if !in_use && at.wrapping_add(size) < region.1 => free = free.saturating_add(size),
                    () => used = used.saturating_add(1),
                }
            }
        }
        for chunk in glibc::fast_chunks(&self.view, arena) {
            let size = self.view.word(chunk.wrapping_add(8)).unwrap_or(0) & !7;
            free = free.saturating_add(size);
            used = used.saturating_sub(1);
        }
        (free, top, used)
    }

    /// Bytes of the range in pages that are all zero.
    #[must_use]
    pub fn untouched(&self, start: u64, end: u64) -> u64 {
        let mut touched = 0u64;
        self.touched(start, end.saturating_sub(start), |_, bytes| touched = touched.saturating_add(bytes));
        end.saturating_sub(start).saturating_sub(touched)
    }

    /// Blocks with a mapping of their own in the range: start of the mapping and its end.
    #[must_use]
    pub fn malloc_mapped(&self, start: u64, end: u64) -> Vec<(u64, u64)> {
        glibc::mapped_chunks(&self.view, (start, end))
            .map(|chunk| (chunk.start.wrapping_sub(16), chunk.start.wrapping_add(chunk.bytes)))
            .collect()
    }
}
