//! mimalloc of free-threaded builds (Include/internal/mimalloc/mimalloc/types.h): segments of 32 MiB at multiples of
//! their size, cut into slices of 64 KiB; pages of blocks of one size over one or more slices.
//!
//! Segments are found by their form, so that abandoned ones (of threads that ended) are seen as those in use are.

mod check;

pub(in crate::heap) use check::check;

use super::{Block, object_in};
use crate::cpython::layout::{MiPageLayout, MiSegmentLayout, mimalloc_forms};
use crate::heap::memory::OwnedRange;
use crate::heap::objects::{Finds, Found, Origin};
use crate::heap::offsets::Offsets;
use crate::heap::types::{TypeTable, flags};
use crate::heap::view::View;
use crate::model::address::{Allocator, BlockState};
use crate::model::memory::{MemoryOwner, MimallocMemory};
use std::collections::HashSet;

/// `MI_SEGMENT_SIZE` and `MI_SEGMENT_ALIGN`.
const SEGMENT: u64 = 32 << 20;
/// `MI_SEGMENT_SLICE_SIZE`.
const SLICE: u64 = 64 << 10;
/// `MI_SLICES_PER_SEGMENT`.
const SLICES: u64 = SEGMENT / SLICE;
/// `MI_HUGE_BLOCK_SIZE`: a block above this has a segment of its own.
const MAX_BLOCK: u64 = 1 << 40;
/// Low bits of `xthread_free` (`mi_delayed_t`).
const DELAYED: u64 = 3;

/// Segments that are looked at to find out which form they have.
const ASKED: usize = 64;

/// Offsets of `mi_segment_t` and `mi_page_t`.
#[derive(Clone, Copy)]
struct Layout {
    slices: u64,
    slice_entries: u64,
    page: u64,
    slice_count: u64,
    slice_offset: u64,
    capacity: u64,
    reserved: u64,
    free: u64,
    local_free: u64,
    xthread_free: u64,
    used: u64,
    xblock_size: Option<u64>,
    block_size: Option<u64>,
    page_start: Option<u64>,
    tag: Tag,
}

/// Where a page says which heap it is of.
#[derive(Clone, Copy)]
struct Tag {
    at: u64,
    shift: u8,
}

/// `_Py_MIMALLOC_HEAP_MEM` (Include/internal/pycore_mimalloc.h): memory of `PyMem_Malloc`, in which there are no objects.
const HEAP_MEM: u8 = 0;

impl Layout {
    fn new(s: &MiSegmentLayout, p: &MiPageLayout) -> Option<Layout> {
        Some(Layout {
            slices: s.slices.offset()?,
            slice_entries: s.slice_entries.offset()?,
            page: p.size.offset()?,
            slice_count: p.slice_count.offset()?,
            slice_offset: p.slice_offset.offset()?,
            capacity: p.capacity.offset()?,
            reserved: p.reserved.offset()?,
            free: p.free.offset()?,
            local_free: p.local_free.offset()?,
            xthread_free: p.xthread_free.offset()?,
            used: p.used.offset()?,
            xblock_size: p.xblock_size.offset(),
            block_size: p.block_size.offset(),
            page_start: p.page_start.offset(),
            // `heap_tag` after `used` and `block_size_shift`; in 2.1 four bits after three flags, before `capacity`.
            tag: match p.page_start.offset() {
                Some(_) => Tag { at: p.used.offset()?.wrapping_add(3), shift: 0 },
                None => Tag { at: p.capacity.offset()?.wrapping_sub(2), shift: 3 },
            },
        })
    }
}

/// Adds the objects of all segments; the number of pages that were read.
pub(in crate::heap) fn walk(
    view: &View<'_>,
    (debug, collecting): (bool, bool),
    o: &Offsets,
    types: &mut TypeTable<'_>,
    found: &mut Finds,
) -> u64 {
    let segments = segments(view);
    let Some(mut walk) = Walk::of_form(view, debug, o, &segments) else { return 0 };
    // The collector links objects by the same word.
    if !collecting {
        walk.segments = segments.iter().copied().filter(|at| walk.sound_pages(*at) > 0).collect();
    }
    for at in segments {
        walk.segment(types, at, found);
    }
    walk.pages
}

/// The block that holds `addr`, where that is in a segment.
pub(in crate::heap) fn block_at(view: &View<'_>, debug: bool, o: &Offsets, addr: u64) -> Option<Block> {
    let segment = addr & !SEGMENT.wrapping_sub(1);
    let mut walk = Walk::of_form(view, debug, o, &[segment]).filter(|walk| walk.sound_pages(segment) > 0)?;
    let slices = walk.slices(segment).into_iter().find(|s| addr.wrapping_sub(s.start) < s.bytes)?;
    let page = walk.blocks(slices)?;
    let inside = addr.checked_sub(page.start)?;
    let index = inside / page.size;
    let start = page.start.wrapping_add(index.wrapping_mul(page.size));
    let state = match () {
        () if index >= page.capacity => BlockState::NeverUsed,
        () if walk.free.contains(&start) => BlockState::Free,
        () => BlockState::InUse,
    };
    Some(Block { allocator: Allocator::Mimalloc, start, bytes: page.size, state })
}

/// Segments in bytes by who owns them, mimalloc in numbers, and where pages are that are less than a quarter full.
pub(in crate::heap) fn memory(
    view: &View<'_>,
    debug: bool,
    o: &Offsets,
) -> (Vec<OwnedRange>, MimallocMemory, Vec<(u64, u64)>) {
    let (mut ranges, mut sum, mut sparse) = (Vec::new(), MimallocMemory::default(), Vec::new());
    let segments = segments(view);
    let Some(walk) = Walk::of_form(view, debug, o, &segments) else { return (ranges, sum, sparse) };
    for at in segments {
        if walk.sound_pages(at) == 0 {
            continue;
        }
        let (mut of_segment, mut end) = (MimallocMemory::default(), SEGMENT);
        for slices in walk.slices(at) {
            end = end.max(slices.start.wrapping_sub(at).saturating_add(slices.bytes));
            if !walk.is_sound(&slices) {
                continue;
            }
            let blocks = walk.used_blocks(slices.page);
            let used = blocks.saturating_mul(walk.block_size(slices.page).unwrap_or(0)).min(slices.bytes);
            of_segment.add_page(blocks, used, slices.bytes);
            if blocks > 0 && used.saturating_mul(4) < slices.bytes {
                sparse.push((slices.start, slices.start.saturating_add(slices.bytes)));
            }
        }
        let rest = end.saturating_sub(of_segment.used).saturating_sub(of_segment.free);
        let parts = [
            (MemoryOwner::MimallocUsed, of_segment.used, of_segment.blocks),
            (MemoryOwner::MimallocFree, of_segment.free, 0),
            (MemoryOwner::MimallocOverhead, rest, 0),
            (MemoryOwner::MimallocUsed, 0, 0),
        ];
        ranges.push(OwnedRange { start: at, end: at.saturating_add(end), parts });
        sum.add_segment(&of_segment);
    }
    (ranges, sum, sparse)
}

impl MimallocMemory {
    fn add_page(&mut self, blocks: u64, used: u64, bytes: u64) {
        let free = bytes.saturating_sub(used);
        let more = MimallocMemory { pages: 1, page_bytes: bytes, blocks, used, free, ..MimallocMemory::default() };
        let more = match blocks {
            0 => MimallocMemory { empty_pages: 1, empty_page_bytes: bytes, ..more },
            _ if used.saturating_mul(4) < bytes => {
                MimallocMemory { sparse_pages: 1, sparse_page_bytes: bytes, sparse_used: used, ..more }
            }
            _ => more,
        };
        self.add(&more);
    }

    fn add_segment(&mut self, of: &MimallocMemory) {
        self.add(&MimallocMemory { segments: 1, ..*of });
    }

    fn add(&mut self, more: &MimallocMemory) {
        for (sum, more) in [
            (&mut self.segments, more.segments),
            (&mut self.pages, more.pages),
            (&mut self.page_bytes, more.page_bytes),
            (&mut self.blocks, more.blocks),
            (&mut self.used, more.used),
            (&mut self.free, more.free),
            (&mut self.empty_pages, more.empty_pages),
            (&mut self.empty_page_bytes, more.empty_page_bytes),
            (&mut self.sparse_pages, more.sparse_pages),
            (&mut self.sparse_page_bytes, more.sparse_page_bytes),
            (&mut self.sparse_used, more.sparse_used),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

/// Where segments can be.
fn segments(view: &View<'_>) -> Vec<u64> {
    let mut starts = Vec::new();
    for (start, len) in view.ranges() {
        let mut at = start.wrapping_add(SEGMENT.wrapping_sub(1)) & !SEGMENT.wrapping_sub(1);
        while at >= start && at < start.saturating_add(len) {
            starts.push(at);
            at = at.wrapping_add(SEGMENT);
        }
    }
    starts
}

/// A page's first slice: address of its `mi_page_t`, of its memory, and the bytes of that.
#[derive(Clone, Copy)]
struct Slices {
    page: u64,
    start: u64,
    bytes: u64,
}

/// Blocks of a page that were handed out at some time.
struct Blocks {
    start: u64,
    size: u64,
    capacity: u64,
}

struct Walk<'v, 'a> {
    view: &'v View<'a>,
    o: &'v Offsets,
    layout: Layout,
    free: HashSet<u64, foldhash::fast::RandomState>,
    pages: u64,
    /// Segments, sorted: what leads into one where a thread is to be is a link of a list of freed blocks.
    segments: Vec<u64>,
    /// What was last seen to be no link.
    owner: u64,
}

impl<'v, 'a> Walk<'v, 'a> {
    /// A walk in the form that most pages of segments have.
    fn of_form(view: &'v View<'a>, debug: bool, o: &'v Offsets, segments: &[u64]) -> Option<Walk<'v, 'a>> {
        let forms = mimalloc_forms(debug).into_iter().filter_map(|(segment, page)| Layout::new(segment, page));
        let walks = forms.map(|layout| Walk {
            view,
            o,
            layout,
            free: HashSet::default(),
            pages: 0,
            segments: Vec::new(),
            owner: 0,
        });
        walks.max_by_key(|walk| segments.iter().take(ASKED).map(|at| walk.sound_pages(*at)).sum::<u64>())
    }

    fn segment(&mut self, types: &mut TypeTable<'_>, at: u64, found: &mut Finds) {
        for slices in self.slices(at) {
            if self.view.is_over() {
                return;
            }
            self.page(types, slices, found);
        }
    }

    /// The pages of the segment at `at`, and runs of slices that hold none.
    fn slices(&self, at: u64) -> Vec<Slices> {
        let mut found = Vec::new();
        let entries = self.view.word(at.wrapping_add(self.layout.slice_entries)).unwrap_or(0);
        if entries > SLICES {
            return found;
        }
        // The first slices hold the segment's own head.
        let mut slice = 1u64;
        while slice < entries {
            let page = at.wrapping_add(self.layout.slices).wrapping_add(slice.wrapping_mul(self.layout.page));
            let count = u64::from(self.view.u32(page.wrapping_add(self.layout.slice_count)).unwrap_or(0));
            let offset = self.view.u32(page.wrapping_add(self.layout.slice_offset)).unwrap_or(1);
            if count == 0 || offset != 0 || count > entries {
                slice = slice.wrapping_add(1);
                continue;
            }
            let start = at.wrapping_add(slice.wrapping_mul(SLICE));
            found.push(Slices { page, start, bytes: count.wrapping_mul(SLICE) });
            slice = slice.wrapping_add(count);
        }
        found
    }

    /// How many pages of a segment say nothing that contradicts itself.
    fn sound_pages(&self, segment: u64) -> u64 {
        self.slices(segment).iter().filter(|slices| self.is_sound(slices)).count() as u64
    }

    /// Whether a page says nothing that contradicts itself.
    fn is_sound(&self, slices: &Slices) -> bool {
        let (capacity, reserved) = self.counts(slices.page);
        let fits = |size: u64| size.wrapping_mul(reserved) <= slices.bytes;
        let begins = self.start(slices.page).is_none_or(|start| start.wrapping_sub(slices.start) <= SLICE);
        begins && (1..=reserved).contains(&capacity) && self.block_size(slices.page).is_some_and(fits)
    }

    /// Blocks that a page has handed out at some time, and those that it has room for.
    fn counts(&self, page: u64) -> (u64, u64) {
        let short = |field: u64| self.view.array(page.wrapping_add(field)).map_or(0, u16::from_le_bytes);
        (short(self.layout.capacity).into(), short(self.layout.reserved).into())
    }

    fn block_size(&self, page: u64) -> Option<u64> {
        let size = match (self.layout.block_size, self.layout.xblock_size) {
            (Some(field), _) => self.view.word(page.wrapping_add(field)),
            (None, Some(field)) => self.view.u32(page.wrapping_add(field)).map(u64::from),
            (None, None) => None,
        };
        size.filter(|s| (8..MAX_BLOCK).contains(s) && *s & 7 == 0)
    }

    /// Blocks that are in use. Those that other threads freed still count as used until their owner takes them back.
    fn used_blocks(&self, page: u64) -> u64 {
        let (l, at) = (&self.layout, page.wrapping_add(self.layout.used));
        // 32 bits in 2.1, 16 since.
        let used = match l.page_start {
            Some(_) => self.view.array(at).map(|bytes| u64::from(u16::from_le_bytes(bytes))),
            None => self.view.u32(at).map(u64::from),
        };
        let (capacity, _) = self.counts(page);
        let mut given_back = 0u64;
        let mut block = self.view.word(page.wrapping_add(l.xthread_free)).unwrap_or(0) & !DELAYED;
        while block != 0 && given_back < capacity {
            given_back = given_back.wrapping_add(1);
            block = self.view.word(block).unwrap_or(0);
        }
        used.unwrap_or(0).min(capacity).saturating_sub(given_back)
    }

    /// Where the first block is; 2.1 does not store it.
    fn start(&self, page: u64) -> Option<u64> {
        self.view.word(page.wrapping_add(self.layout.page_start?))
    }

    /// The blocks of a page; those that are free are in `free` then.
    fn blocks(&mut self, slices: Slices) -> Option<Blocks> {
        let (l, page, slice) = (self.layout, slices.page, slices.start);
        let word = |field: u64| self.view.word(page.wrapping_add(field));
        let (capacity, _) = self.counts(page);
        let size = self.block_size(page)?;
        // The first block of small sizes is up to three blocks into the page (Objects/mimalloc/segment.c,
        // `_mi_segment_page_start_from_slice`); where that is not stored, those three are examined too, and are empty.
        let (start, capacity) = match self.start(page) {
            Some(start) => (start, capacity),
            None => (slice, capacity.wrapping_add(3).min(slices.bytes / size).max(1)),
        };
        if capacity == 0 || start < slice || start.wrapping_sub(slice) > SLICE {
            return None;
        }
        self.free.clear();
        let end = start.wrapping_add(capacity.wrapping_mul(size));
        let lists = [word(l.free), word(l.local_free), word(l.xthread_free).map(|w| w & !DELAYED)];
        for list in lists.into_iter().flatten() {
            self.collect_free(list, start, end, size);
        }
        Some(Blocks { start, size, capacity })
    }

    /// Whether the memory of a page is not for objects: what looks like one there is a copy, or what is left of one.
    fn is_for_buffers(&self, page: u64) -> bool {
        let Tag { at, shift } = self.layout.tag;
        self.view.u8(page.wrapping_add(at)).is_some_and(|byte| byte >> shift & 15 == HEAP_MEM)
    }

    fn page(&mut self, types: &mut TypeTable<'_>, slices: Slices, found: &mut Finds) {
        let Some(Blocks { start, size, capacity }) = self.blocks(slices) else { return };
        self.pages = self.pages.wrapping_add(1);
        if self.is_for_buffers(slices.page) {
            return;
        }
        let near = self.view.near(start, capacity.saturating_mul(size));
        for index in 0..capacity {
            let block = start.wrapping_add(index.wrapping_mul(size));
            if self.free.contains(&block) {
                continue;
            }
            if let Some((addr, type_id)) = object_in(&near, self.view, self.o, types, block, size)
                && !self.is_linked(addr)
            {
                let tracked = self.is_tracked(types, addr, type_id);
                let origin = if tracked { Origin::TrackedElsewhere } else { Origin::Allocated };
                found.push(Found { addr, type_id, origin });
            }
        }
    }

    /// Whether a link is where an object says which thread owns it: blocks that other threads freed wait in lists of their owner's
    /// heap (`thread_delayed_free`), with all but their first word as it was.
    fn is_linked(&mut self, addr: u64) -> bool {
        let owner = self.view.word(addr).unwrap_or(0);
        if owner == self.owner {
            return false;
        }
        let is_link = self.segments.binary_search(&(owner & !SEGMENT.wrapping_sub(1))).is_ok();
        if !is_link {
            self.owner = owner;
        }
        is_link
    }

    fn collect_free(&mut self, list: u64, start: u64, end: u64, size: u64) {
        let mut at = list;
        while at >= start && at < end && at.wrapping_sub(start).is_multiple_of(size) && self.free.insert(at) {
            at = self.view.word(at).unwrap_or(0);
        }
    }

    /// `_PyGC_BITS_TRACKED` in `ob_gc_bits`.
    fn is_tracked(&self, types: &TypeTable<'_>, addr: u64, type_id: u32) -> bool {
        let gc = types.get(type_id).is_some_and(|s| s.has(flags::HAVE_GC));
        let bits = addr.wrapping_add(self.o.gc_bits);
        gc && self.view.u8(bits).is_some_and(|bits| bits & 1 != 0)
    }
}
