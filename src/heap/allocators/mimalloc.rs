//! mimalloc of free-threaded builds (Include/internal/mimalloc/mimalloc/types.h): segments of 32 MiB at multiples of
//! their size, cut into slices of 64 KiB; pages of blocks of one size over one or more slices.
//!
//! Segments are found by their form, so that abandoned ones (of threads that ended) are seen as those in use are.

use super::object_in;
use crate::cpython::Context;
use crate::heap::objects::{Found, Origin};
use crate::heap::offsets::Offsets;
use crate::heap::types::{TypeTable, flags};
use crate::heap::view::View;
use std::collections::HashSet;

/// `MI_SEGMENT_SIZE` and `MI_SEGMENT_ALIGN`.
const SEGMENT: u64 = 32 << 20;
/// `MI_SEGMENT_SLICE_SIZE`.
const SLICE: u64 = 64 << 10;
/// `MI_SLICES_PER_SEGMENT`.
const SLICES: u64 = SEGMENT / SLICE;
/// `MI_HUGE_BLOCK_SIZE`: a block above this has a segment of its own.
const MAX_BLOCK: u64 = 1 << 40;
/// Most blocks of one page.
const MAX_BLOCKS: u64 = 1 << 16;
/// Low bits of `xthread_free` (`mi_delayed_t`).
const DELAYED: u64 = 3;

/// Offsets of `mi_segment_t` and `mi_page_t`.
struct Layout {
    slices: u64,
    slice_entries: u64,
    page: u64,
    slice_count: u64,
    slice_offset: u64,
    capacity: u64,
    free: u64,
    local_free: u64,
    xthread_free: u64,
    xblock_size: Option<u64>,
    block_size: Option<u64>,
    page_start: Option<u64>,
}

impl Layout {
    fn new(ctx: &Context<'_>) -> Option<Layout> {
        let (s, p) = (&ctx.layouts.mi_segment, &ctx.layouts.mi_page);
        Some(Layout {
            slices: s.slices.offset()?,
            slice_entries: s.slice_entries.offset()?,
            page: p.size.offset()?,
            slice_count: p.slice_count.offset()?,
            slice_offset: p.slice_offset.offset()?,
            capacity: p.capacity.offset()?,
            free: p.free.offset()?,
            local_free: p.local_free.offset()?,
            xthread_free: p.xthread_free.offset()?,
            xblock_size: p.xblock_size.offset(),
            block_size: p.block_size.offset(),
            page_start: p.page_start.offset(),
        })
    }
}

/// Adds the objects of all segments; the number of pages that were read.
pub(in crate::heap) fn walk(
    ctx: &Context<'_>,
    view: &View<'_>,
    o: &Offsets,
    types: &mut TypeTable<'_>,
    found: &mut Vec<Found>,
) -> u64 {
    let Some(layout) = Layout::new(ctx) else { return 0 };
    let mut walk = Walk { view, o, layout, free: HashSet::default(), pages: 0 };
    let ranges: Vec<(u64, u64)> = view.ranges().collect();
    for (start, len) in ranges {
        let mut at = start.wrapping_add(SEGMENT.wrapping_sub(1)) & !SEGMENT.wrapping_sub(1);
        while at >= start && at < start.saturating_add(len) {
            walk.segment(types, at, found);
            at = at.wrapping_add(SEGMENT);
        }
    }
    walk.pages
}

struct Walk<'v, 'a> {
    view: &'v View<'a>,
    o: &'v Offsets,
    layout: Layout,
    free: HashSet<u64, foldhash::fast::RandomState>,
    pages: u64,
}

impl Walk<'_, '_> {
    fn segment(&mut self, types: &mut TypeTable<'_>, at: u64, found: &mut Vec<Found>) {
        let entries = self.view.word(at.wrapping_add(self.layout.slice_entries)).unwrap_or(0);
        if entries == 0 || entries > SLICES {
            return;
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
            let place = (at.wrapping_add(slice.wrapping_mul(SLICE)), count.wrapping_mul(SLICE));
            self.page(types, page, place, found);
            slice = slice.wrapping_add(count);
        }
    }

    fn page(&mut self, types: &mut TypeTable<'_>, page: u64, (slice, whole): (u64, u64), found: &mut Vec<Found>) {
        let l = &self.layout;
        let word = |field: u64| self.view.word(page.wrapping_add(field));
        let size = match (l.block_size, l.xblock_size) {
            (Some(field), _) => word(field),
            (None, Some(field)) => self.view.u32(page.wrapping_add(field)).map(u64::from),
            (None, None) => None,
        };
        let capacity = self.view.array(page.wrapping_add(l.capacity)).map_or(0, u16::from_le_bytes);
        let Some(size) = size.filter(|s| (8..MAX_BLOCK).contains(s) && *s & 7 == 0) else { return };
        let capacity = u64::from(capacity).min(MAX_BLOCKS);
        // The first block of small sizes is up to three blocks into the page (Objects/mimalloc/segment.c,
        // `_mi_segment_page_start_from_slice`); where that is not stored, those three are examined too, and are empty.
        let (start, capacity) = match l.page_start.and_then(word) {
            Some(start) => (start, capacity),
            None => (slice, capacity.wrapping_add(3).min(whole / size).max(1)),
        };
        if capacity == 0 || start < slice || start.wrapping_sub(slice) > SLICE {
            return;
        }
        self.pages = self.pages.wrapping_add(1);
        self.free.clear();
        let end = start.wrapping_add(capacity.wrapping_mul(size));
        let lists = [word(l.free), word(l.local_free), word(l.xthread_free).map(|w| w & !DELAYED)];
        for list in lists.into_iter().flatten() {
            self.collect_free(list, start, end, size);
        }
        for index in 0..capacity {
            let block = start.wrapping_add(index.wrapping_mul(size));
            if self.free.contains(&block) {
                continue;
            }
            if let Some((addr, type_id)) = object_in(self.view, self.o, types, block, size) {
                let tracked = self.is_tracked(types, addr, type_id);
                let origin = if tracked { Origin::TrackedElsewhere } else { Origin::Allocated };
                found.push(Found { addr, type_id, origin });
            }
        }
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
