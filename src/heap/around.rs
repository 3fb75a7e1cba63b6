//! What is around an address: the object, the buffer of an object, the block of an allocator.

use super::allocators::{Block, glibc, mimalloc, pymalloc::Pools};
use super::buffers::Buffer;
use super::types::TypeId;
use super::{Found, HeapState};
use crate::cpython::layout::ObmallocPlace;
use crate::model::address::{Allocator, BlockState};

/// Objects before an address that may reach to it: sizes of damaged ones overlap others.
const TRIED: u32 = 4;

impl HeapState<'_> {
    /// The object in whose own memory `addr` is.
    #[must_use]
    pub fn object_around(&self, addr: u64) -> Option<Found> {
        let objects = self.objects();
        let next = objects.first_after(addr);
        let inside = |found: &Found| {
            let (start, bytes) = self.own_range(*found);
            addr >= start && addr.wrapping_sub(start) < bytes
        };
        // The head of the collector is before the object.
        let near = (next.saturating_sub(TRIED)..next.saturating_add(1)).rev();
        near.filter_map(|id| objects.get(id)).find(inside)
    }

    /// The object that owns a buffer which holds `addr`, and the buffer.
    #[must_use]
    pub fn buffer_around(&self, addr: u64) -> Option<(Found, Buffer)> {
        let holds = |buffer: &Buffer| addr >= buffer.start && addr.wrapping_sub(buffer.start) < buffer.bytes;
        self.objects().iter().find_map(|found| Some((found, self.buffers(found).into_iter().find(holds)?)))
    }

    /// The object that owns a buffer which begins in the block, and the buffer: debug hooks put marks before it.
    #[must_use]
    pub fn buffer_in(&self, start: u64, bytes: u64) -> Option<(Found, Buffer)> {
        let holds = |buffer: &Buffer| buffer.start.wrapping_sub(start) < bytes;
        self.objects().iter().find_map(|found| Some((found, self.buffers(found).into_iter().find(holds)?)))
    }

    /// The block of an allocator that holds `addr`. `data` are static variables of modules (start, bytes), in which
    /// glibc's arenas begin; `mapping` (start, end) is the one of the address.
    #[must_use]
    pub fn block_around(
        &self,
        addr: u64,
        data: impl Iterator<Item = (u64, u64)>,
        mapping: Option<(u64, u64)>,
    ) -> Option<Block> {
        let python = match self.heap.ctx.dialect.obmalloc.place {
            ObmallocPlace::Mimalloc => mimalloc::block_at(&self.view, self.debug, &self.offsets, addr),
            _ => Pools::new(&self.heap.ctx, &self.view, &self.offsets).and_then(|mut pools| pools.block_at(addr)),
        };
        let glibc = || {
            let arenas = glibc::arenas(&self.view, data);
            let chunk = glibc::chunk_at(&self.view, &arenas, addr);
            // Without an arena it is not glibc that the process has.
            let chunk = match (chunk, arenas.is_empty()) {
                (None, false) => glibc::mapped_chunk_at(&self.view, mapping?, addr),
                (chunk, _) => chunk,
            }?;
            let state = if chunk.used { BlockState::InUse } else { BlockState::Free };
            Some(Block { allocator: Allocator::GlibcMalloc, start: chunk.start, bytes: chunk.bytes, state })
        };
        python.or_else(glibc)
    }

    /// The type whose instance a freed block was: a link to the next free block overwrites its first word alone, or the
    /// first word of the collector's head.
    #[must_use]
    pub fn ghost(&self, block: Block) -> Option<TypeId> {
        [0u64, 16, 32].into_iter().find_map(|before| {
            let type_addr = self.view.word(block.start.wrapping_add(before).wrapping_add(self.offsets.ob_type))?;
            let fits = |at: usize| {
                let shape = self.collected.shapes.get(at)?;
                let whole = shape.presize.wrapping_add(shape.basicsize);
                (shape.presize == before && whole <= block.bytes).then_some(at as TypeId)
            };
            self.collected.shapes.iter().position(|shape| shape.addr.0 == type_addr).and_then(fits)
        })
    }
}
