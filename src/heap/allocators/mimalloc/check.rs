//! What cannot be in mimalloc's segments: heads of pages that are none, free lists that lead astray.

use super::{DELAYED, SLICES, Slices, Walk, segments};
use crate::heap::integrity::Damage;
use crate::heap::offsets::Offsets;
use crate::heap::view::View;
use crate::model::integrity::DamageKind;

/// Examines all segments. How many blocks are in use.
pub(in crate::heap) fn check(view: &View<'_>, debug: bool, o: &Offsets, found: &mut Vec<Damage>) -> u64 {
    let segments = segments(view);
    let Some(walk) = Walk::of_form(view, debug, o, &segments) else { return 0 };
    let mut blocks = 0u64;
    for at in segments {
        // Other memory may begin there too: nearly all pages of a segment are sound.
        let pages: Vec<Slices> = walk.slices(at).into_iter().filter(|page| walk.counts(page.page) != (0, 0)).collect();
        let sound = pages.iter().filter(|page| walk.is_sound(page)).count();
        if view.is_over() || sound.saturating_mul(2) <= pages.len() {
            continue;
        }
        walk.check_heads(at, found);
        for page in &pages {
            match walk.is_sound(page) {
                // Links of debug builds are encoded (`MI_ENCODE_FREELIST`).
                true if debug => {}
                true => blocks = blocks.saturating_add(walk.check_lists(page, found)),
                false => found.push(walk.damaged_head(page.page)),
            }
        }
    }
    blocks
}

impl Walk<'_, '_> {
    fn damaged_head(&self, page: u64) -> Damage {
        Damage { kind: DamageKind::PageHeader, at: page, from: page, bytes: self.layout.page }
    }

    /// Slices that say they are a part of what is not in the segment.
    fn check_heads(&self, segment: u64, found: &mut Vec<Damage>) {
        let l = &self.layout;
        let entries = self.view.word(segment.wrapping_add(l.slice_entries)).unwrap_or(0).min(SLICES);
        for slice in 1..entries {
            let before = slice.wrapping_mul(l.page);
            let page = segment.wrapping_add(l.slices).wrapping_add(before);
            let field = |at: u64| self.view.u32(page.wrapping_add(at)).map(u64::from);
            let (Some(count), Some(offset)) = (field(l.slice_count), field(l.slice_offset)) else { continue };
            let leads_back = offset <= before && offset.is_multiple_of(l.page);
            if !leads_back || offset == 0 && count > entries.wrapping_sub(slice) {
                found.push(self.damaged_head(page));
            }
        }
    }

    /// Follows the free lists of a page. How many of its blocks are in use.
    fn check_lists(&self, slices: &Slices, found: &mut Vec<Damage>) -> u64 {
        let (l, page) = (&self.layout, slices.page);
        let (capacity, reserved) = self.counts(page);
        let Some(size) = self.block_size(page) else { return 0 };
        let (mut start, end) = match self.start(page) {
            Some(start) => (Some(start), start.saturating_add(reserved.saturating_mul(size))),
            // The first block is up to three blocks from the start of the slices.
            None => (None, slices.start.saturating_add(slices.bytes)),
        };
        let mut free = 0u64;
        for field in [l.free, l.local_free, l.xthread_free] {
            let mut link = page.wrapping_add(field);
            let mut next = self.view.word(link).unwrap_or(0);
            if field == l.xthread_free {
                next &= !DELAYED;
            }
            while next != 0 {
                // Where the first block is not stored, any of them tells.
                let first = *start.get_or_insert(slices.start.wrapping_add(next.wrapping_sub(slices.start) % size));
                let is_block =
                    next >= first && next.saturating_add(size) <= end && next.wrapping_sub(first).is_multiple_of(size);
                if !is_block || free >= reserved {
                    let is_head = link == page.wrapping_add(field);
                    let bytes = if is_head { 8 } else { size };
                    found.push(Damage { kind: DamageKind::FreeList, at: link, from: link, bytes });
                    break;
                }
                free = free.saturating_add(1);
                (link, next) = (next, self.view.word(next).unwrap_or(0));
            }
        }
        capacity.saturating_sub(free)
    }
}
