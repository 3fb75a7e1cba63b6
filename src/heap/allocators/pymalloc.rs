//! pymalloc (Objects/obmalloc.c, 3.12+ Include/internal/pycore_obmalloc.h): arenas of pools of blocks of one size.
//!
//! A block that is in use holds an object, or a buffer of one (items of a list, keys of a dict, memory of
//! `PyMem_Malloc`): only what has a proven type, a plausible count and enough room for it is taken for an object.

mod check;

pub(in crate::heap) use check::marks;

use super::{Block, object_in};
use crate::base::Addr;
use crate::cpython::Context;
use crate::cpython::layout::{Obmalloc, ObmallocPlace};
use crate::field;
use crate::heap::arenas::Arenas;
use crate::heap::memory::OwnedRange;
use crate::heap::objects::{Finds, Found, Origin};
use crate::heap::offsets::Offsets;
use crate::heap::types::{SmallBlocks, TypeTable, flags};
use crate::heap::view::{Near, View};
use crate::model::address::{Allocator, BlockState};
use crate::model::memory::{MemoryOwner, PymallocMemory};
use crate::need;
use std::collections::HashSet;

/// Blocks are multiples of this.
const ALIGNMENT: u64 = 16;
/// Size classes of 64-bit builds: up to 512 bytes.
const CLASSES: u64 = 32;
/// Words with a bit for each block of a pool: of 16 bytes in 16 KiB.
const FREE_WORDS: usize = 16;
/// More arenas than a process can have.
const MAX_ARENAS: u64 = 1 << 24;
/// Bytes that debug hooks put before a block: its size, and a letter with seven marks.
const DEBUG_HEAD: u64 = 16;
/// The marks (`PYMEM_FORBIDDENBYTE`).
const FORBIDDEN: u8 = 0xfd;

/// How the arenas were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PoolsBy {
    /// By the allocator's own table of arenas.
    Table,
    /// By the form of pools in all memory: no symbol led to the table.
    Structure,
}

/// What pymalloc holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// Pools in use.
    pub pools: u64,
    /// Blocks in use: `sys.getallocatedblocks()`.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blocks that are objects.
    pub objects: u64,
    /// Pools that are not in the dump or damaged.
    pub unreadable: u64,
    /// Whether blocks have the marks of debug hooks (`PYTHONMALLOC=debug`).
    pub debug: bool,
}

/// Static variables of 3.8 to 3.11 that lead to the heap, where symbols lead to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statics {
    /// `arenas`.
    pub arenas: Option<Addr>,
    /// `maxarenas`.
    pub maxarenas: Option<Addr>,
    /// `interned` of Objects/unicodeobject.c.
    pub interned: Option<Addr>,
}

/// Offsets of `struct pool_header`.
struct Pool {
    header: u64,
    count: u64,
    freeblock: u64,
    szidx: u64,
    nextoffset: u64,
    maxnextoffset: u64,
}

/// A walk over the pools.
pub(in crate::heap) struct Pools<'v, 'a> {
    view: &'v View<'a>,
    o: &'v Offsets,
    pool: Pool,
    obmalloc: Obmalloc,
    seen: HashSet<u64>,
    /// Which blocks of the pool that is being looked at are free.
    free: [u64; FREE_WORDS],
    pub counts: PoolCounts,
    /// Start and end of the pools of the smallest blocks, which have room for nothing but the head of an object.
    pub smallest: Vec<(u64, u64)>,
}

/// The first multiple of `size` from an address on.
fn aligned(addr: u64, size: u64) -> u64 {
    addr.wrapping_add(size.wrapping_sub(1)) & !size.wrapping_sub(1)
}

impl<'v, 'a> Pools<'v, 'a> {
    /// `None` where the layout of pools is not known.
    pub fn new(ctx: &Context<'_>, view: &'v View<'a>, o: &'v Offsets) -> Option<Self> {
        let l = ctx.layouts;
        let pool = Pool {
            header: l.pool_header.size.offset()?,
            count: l.pool_header.count.offset()?,
            freeblock: l.pool_header.freeblock.offset()?,
            szidx: l.pool_header.szidx.offset()?,
            nextoffset: l.pool_header.nextoffset.offset()?,
            maxnextoffset: l.pool_header.maxnextoffset.offset()?,
        };
        let obmalloc = ctx.dialect.obmalloc;
        let counts = PoolCounts::default();
        Some(Pools {
            view,
            o,
            pool,
            obmalloc,
            seen: HashSet::new(),
            free: [0; FREE_WORDS],
            counts,
            smallest: Vec::new(),
        })
    }

    /// Arenas of one interpreter (or of the process) by the allocator's table: first address and end of the pools that
    /// were used of each. `None` when the table cannot be found.
    pub fn arenas(&self, ctx: &Context<'_>, statics: Statics, interpreter: Addr) -> Option<Vec<(u64, u64)>> {
        let (table, count) = match self.obmalloc.place {
            ObmallocPlace::Statics => (statics.arenas?, statics.maxarenas?),
            ObmallocPlace::InInterpreter => {
                self.fields(ctx, ctx.addr(field!(ctx, interpreter.obmalloc), interpreter).ok()?)?
            }
            ObmallocPlace::Pointer => {
                self.fields(ctx, ctx.ptr(field!(ctx, interpreter.obmalloc), interpreter).ok()?)?
            }
            ObmallocPlace::Mimalloc => return None,
        };
        let table = self.view.word(table.0)?;
        let count = u64::from(self.view.u32(count.0)?);
        if table == 0 || count > MAX_ARENAS {
            return (table == 0 && count == 0).then(Vec::new);
        }
        let size = need!(ctx.layouts, arena_object.size).ok()?;
        let (address, pool_address) =
            (need!(ctx.layouts, arena_object.address).ok()?, need!(ctx.layouts, arena_object.pool_address).ok()?);
        let mut arenas = Vec::new();
        for index in 0..count {
            let at = table.wrapping_add(index.wrapping_mul(size));
            let start = self.view.word(at.wrapping_add(address))?;
            let end = self.view.word(at.wrapping_add(pool_address))?;
            let limit = start.saturating_add(self.obmalloc.arena_size);
            if start != 0 && end >= start && end <= limit {
                arenas.push((start, end));
            }
        }
        Some(arenas)
    }

    /// What tells that a word leads into one of its blocks.
    pub fn small_blocks(&self, arenas: Vec<(u64, u64)>) -> SmallBlocks {
        SmallBlocks { arenas: Arenas::new(arenas, &[]), pool_size: self.obmalloc.pool_size, szidx: self.pool.szidx }
    }

    fn fields(&self, ctx: &Context<'_>, state: Addr) -> Option<(Addr, Addr)> {
        let arenas = ctx.addr(field!(ctx, obmalloc.arenas), state).ok()?;
        Some((arenas, ctx.addr(field!(ctx, obmalloc.maxarenas), state).ok()?))
    }

    /// The pools of an arena.
    pub fn arena(&mut self, types: &mut TypeTable<'_>, (start, end): (u64, u64), found: &mut Finds) {
        let mut at = aligned(start, self.obmalloc.pool_size);
        while at < end && !self.view.is_over() {
            if self.seen.insert(at) && !self.pool(types, at, found) {
                self.counts.unreadable = self.counts.unreadable.wrapping_add(1);
            }
            at = at.wrapping_add(self.obmalloc.pool_size);
        }
    }

    /// Every pool that memory holds, by its form alone.
    pub fn by_structure(&mut self, types: &mut TypeTable<'_>, found: &mut Finds) {
        for at in self.places() {
            self.view.pause_marking(true);
            let is_pool = self.proven(at).is_some_and(|h| h.count > 0);
            self.view.pause_marking(false);
            if is_pool && self.seen.insert(at) {
                self.pool(types, at, found);
            }
        }
    }

    /// Everywhere in memory where a pool may be, for as long as there is time.
    fn places(&self) -> impl Iterator<Item = u64> + use<'v, 'a> {
        let (view, pool_size) = (self.view, self.obmalloc.pool_size);
        let in_range = move |(start, len): (u64, u64)| {
            let end = start.saturating_add(len);
            let first = aligned(start, pool_size);
            let places = std::iter::successors(Some(first), move |at| Some(at.wrapping_add(pool_size)));
            places.take_while(move |at| *at >= start && at.saturating_add(pool_size) <= end && !view.is_over())
        };
        view.ranges().flat_map(in_range)
    }

    /// Pools in bytes, by who owns them, where no table leads to arenas: pools that were emptied keep their form.
    pub fn memory_by_structure(&self) -> Vec<OwnedRange> {
        let pool_size = self.obmalloc.pool_size;
        let room = pool_size.saturating_sub(self.pool.header);
        let mut ranges = Vec::new();
        for at in self.places() {
            let after = at.wrapping_add(pool_size);
            match self.proven(at) {
                Some(head) if head.count > 0 => {
                    let (all, used) = (room / head.size, head.count.saturating_mul(head.size));
                    let blocks = all.saturating_mul(head.size);
                    let parts = [
                        (MemoryOwner::PymallocUsed, used, head.count),
                        (MemoryOwner::PymallocFree, blocks.saturating_sub(used), 0),
                        (MemoryOwner::PymallocOverhead, pool_size.saturating_sub(blocks), 0),
                        (MemoryOwner::PymallocEmptyPools, 0, 0),
                    ];
                    ranges.push(OwnedRange { start: at, end: after, parts });
                }
                Some(_) => ranges.push(OwnedRange::whole(at, after, MemoryOwner::PymallocEmptyPools)),
                None => {}
            }
        }
        ranges
    }

    /// The head of the pool at `at`, where it has the form of one.
    fn head(&self, at: u64) -> Option<Head> {
        let p = &self.pool;
        let field = |offset: u64| self.view.u32(at.wrapping_add(offset)).map(u64::from);
        let szidx = field(p.szidx)?;
        if szidx >= CLASSES {
            return None;
        }
        let size = szidx.wrapping_add(1).wrapping_mul(ALIGNMENT);
        let room = self.obmalloc.pool_size.wrapping_sub(p.header);
        let (count, next, max) = (field(p.count)?, field(p.nextoffset)?, field(p.maxnextoffset)?);
        let freeblock = self.view.word(at.wrapping_add(p.freeblock))?;
        let sound = max == self.obmalloc.pool_size.wrapping_sub(size)
            && count <= (room / size).saturating_add(1)
            && next >= p.header.wrapping_add(size)
            && next <= max.wrapping_add(size)
            && next.wrapping_sub(p.header).is_multiple_of(size);
        // A block too many is counted while a free one is taken that is none.
        let count = count.min(next.wrapping_sub(p.header) / size);
        sound.then_some(Head { size, count, next, freeblock })
    }

    /// The head of what is a pool by its form alone. (That of an arena's pool may lead to a free block that is none: the word
    /// came from a block that was written to after it was freed.)
    fn proven(&self, at: u64) -> Option<Head> {
        let blocks = at.wrapping_add(self.pool.header)..at.wrapping_add(self.obmalloc.pool_size);
        self.head(at).filter(|head| head.freeblock == 0 || blocks.contains(&head.freeblock))
    }

    /// The objects of a pool; `false` when it is unreadable or damaged.
    fn pool(&mut self, types: &mut TypeTable<'_>, at: u64, found: &mut Finds) -> bool {
        // A pool that was given back, or never had a class, has no blocks in use.
        let Some(count) = self.view.u32(at.wrapping_add(self.pool.count)) else { return false };
        if count == 0 {
            return true;
        }
        let Some(head) = self.head(at) else { return false };
        // A pool is recognised by its form where all of it is there.
        self.view.touch(at, self.obmalloc.pool_size);
        let first = at.wrapping_add(self.pool.header);
        let blocks = head.next.wrapping_sub(self.pool.header) / head.size;
        self.collect_free(at, first, &head, blocks.wrapping_sub(head.count));
        self.counts.pools = self.counts.pools.wrapping_add(1);
        if head.size == self.o.head {
            self.smallest.push((at, at.wrapping_add(self.obmalloc.pool_size)));
        }
        self.counts.blocks = self.counts.blocks.wrapping_add(head.count);
        self.counts.bytes = self.counts.bytes.wrapping_add(head.count.wrapping_mul(head.size));
        let near = self.view.near(at, self.obmalloc.pool_size);
        for index in 0..blocks {
            let block = first.wrapping_add(index.wrapping_mul(head.size));
            if self.is_free(index) {
                continue;
            }
            if let Some((addr, type_id)) = self.object(&near, types, block, head.size) {
                let origin = origin(&near, types, addr, type_id);
                found.push(Found { addr, type_id, origin });
                self.counts.objects = self.counts.objects.wrapping_add(1);
            }
        }
        true
    }

    /// Arenas in bytes, by who owns them, and all in numbers as `_PyObject_DebugMallocStats` has them.
    pub fn memory(&self, arenas: &[(u64, u64)]) -> (Vec<OwnedRange>, PymallocMemory) {
        let (arena_bytes, pool_size) = (self.obmalloc.arena_size, self.obmalloc.pool_size);
        let mut sum = PymallocMemory { arena_bytes, ..PymallocMemory::default() };
        let mut ranges = Vec::new();
        for (start, carved) in arenas {
            let first = aligned(*start, self.obmalloc.pool_size);
            let alignment = if first == *start { 0 } else { pool_size };
            let pools = arena_bytes.saturating_sub(alignment) / pool_size;
            let (mut used, mut free, mut blocks, mut in_use, mut heads, mut rest) =
                (0u64, 0u64, 0u64, 0u64, 0u64, 0u64);
            let mut at = first;
            while at < *carved {
                if let Some(head) = self.head(at).filter(|head| head.count > 0) {
                    let room = pool_size.saturating_sub(self.pool.header);
                    let all = room / head.size;
                    used = used.saturating_add(head.count.saturating_mul(head.size));
                    free = free.saturating_add(all.saturating_sub(head.count).saturating_mul(head.size));
                    blocks = blocks.saturating_add(head.count);
                    in_use = in_use.saturating_add(1);
                    heads = heads.saturating_add(self.pool.header);
                    rest = rest.saturating_add(room.wrapping_sub(all.saturating_mul(head.size)));
                }
                at = at.wrapping_add(pool_size);
            }
            let empty = pools.saturating_sub(in_use);
            sum.arenas = sum.arenas.saturating_add(1);
            sum.used = sum.used.saturating_add(used);
            sum.free = sum.free.saturating_add(free);
            sum.empty_pools = sum.empty_pools.saturating_add(empty);
            sum.pool_heads = sum.pool_heads.saturating_add(heads);
            sum.quantization = sum.quantization.saturating_add(rest);
            sum.alignment = sum.alignment.saturating_add(alignment);
            if used.saturating_mul(4) < arena_bytes {
                sum.sparse_arenas = sum.sparse_arenas.saturating_add(1);
                sum.sparse_used = sum.sparse_used.saturating_add(used);
            }
            let parts = [
                (MemoryOwner::PymallocUsed, used, blocks),
                (MemoryOwner::PymallocFree, free, 0),
                (MemoryOwner::PymallocEmptyPools, empty.saturating_mul(pool_size), empty),
                (MemoryOwner::PymallocOverhead, heads.saturating_add(rest).saturating_add(alignment), 0),
            ];
            ranges.push(OwnedRange { start: *start, end: start.saturating_add(arena_bytes), parts });
        }
        sum.empty_pool_bytes = sum.empty_pools.saturating_mul(pool_size);
        (ranges, sum)
    }

    /// The block that holds `addr`, where that is in a pool.
    pub fn block_at(&mut self, addr: u64) -> Option<Block> {
        let at = addr & !self.obmalloc.pool_size.wrapping_sub(1);
        let head = self.head(at).filter(|head| head.count > 0)?;
        let first = at.wrapping_add(self.pool.header);
        let block = |start, bytes, state| Some(Block { allocator: Allocator::Pymalloc, start, bytes, state });
        let Some(inside) = addr.checked_sub(first) else { return block(at, self.pool.header, BlockState::Header) };
        let start = first.wrapping_add((inside / head.size).wrapping_mul(head.size));
        if start >= at.wrapping_add(head.next) {
            return block(start, head.size, BlockState::NeverUsed);
        }
        let used = head.next.wrapping_sub(self.pool.header) / head.size;
        self.collect_free(at, first, &head, used.wrapping_sub(head.count));
        let is_free = self.is_free(start.wrapping_sub(first) / head.size);
        block(start, head.size, if is_free { BlockState::Free } else { BlockState::InUse })
    }

    /// Where the memory that was asked for begins in the block that holds `addr`, and how many bytes it can have.
    pub fn room_at(&self, addr: u64, debug: bool) -> Option<(u64, u64)> {
        let at = addr & !self.obmalloc.pool_size.wrapping_sub(1);
        let head = self.head(at).filter(|head| head.count > 0)?;
        let first = at.wrapping_add(self.pool.header);
        let start = first.wrapping_add((addr.checked_sub(first)? / head.size).wrapping_mul(head.size));
        if !debug {
            return Some((start, head.size));
        }
        let asked = self.view.array(start).map(u64::from_be_bytes)?;
        Some((start.wrapping_add(DEBUG_HEAD), asked.min(head.size.saturating_sub(DEBUG_HEAD))))
    }

    /// The blocks on the free list of a pool: each begins with a link to the next one.
    fn collect_free(&mut self, pool: u64, first: u64, head: &Head, most: u64) {
        self.free = [0; FREE_WORDS];
        let end = pool.wrapping_add(self.obmalloc.pool_size);
        let mut at = head.freeblock;
        for _ in 0..most.min(self.obmalloc.pool_size / ALIGNMENT) {
            let inside = at >= first && at < end && at.wrapping_sub(first).is_multiple_of(head.size);
            let index = at.wrapping_sub(first) / head.size;
            if !inside || self.is_free(index) {
                break;
            }
            if let Some(word) = self.free.get_mut((index / 64) as usize) {
                *word |= 1 << (index % 64);
            }
            at = self.view.word(at).unwrap_or(0);
        }
    }

    #[inline]
    fn is_free(&self, index: u64) -> bool {
        self.free.get((index / 64) as usize).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    fn object(&mut self, near: &Near<'_, '_>, types: &mut TypeTable<'_>, block: u64, size: u64) -> Option<(u64, u32)> {
        let (view, o) = (self.view, self.o);
        if size > DEBUG_HEAD.wrapping_add(8)
            && let Some(marks) = near.word(block.wrapping_add(8)).map(u64::to_le_bytes)
            && marks.iter().skip(1).all(|mark| *mark == FORBIDDEN)
            && matches!(marks.first(), Some(b'o' | b'm' | b'r'))
        {
            self.counts.debug = true;
            let own = view.array(block).map(u64::from_be_bytes).filter(|n| *n <= size)?;
            return object_in(near, view, o, types, block.wrapping_add(DEBUG_HEAD), own);
        }
        object_in(near, view, o, types, block, size)
    }
}

fn origin(near: &Near<'_, '_>, types: &TypeTable<'_>, addr: u64, type_id: u32) -> Origin {
    let gc = types.get(type_id).is_some_and(|s| s.has(flags::HAVE_GC));
    // `_PyObject_GC_IS_TRACKED`: `_gc_next` is not 0.
    let next = || near.word(addr.wrapping_sub(16)).unwrap_or(0);
    if gc && next() != 0 { Origin::TrackedElsewhere } else { Origin::Allocated }
}

/// What the head of a pool says.
struct Head {
    size: u64,
    count: u64,
    next: u64,
    freeblock: u64,
}
