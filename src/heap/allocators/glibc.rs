//! glibc's `malloc` (malloc/malloc.c, malloc/arena.c; 2.27 and later): arenas, their chunks, and chunks with a mapping of
//! their own.
//!
//! `main_arena` is a static variable without an exported name: it is found by its form. An empty bin points to where it
//! would be itself, and the list of arenas leads back to it.

use crate::heap::integrity::Damage;
use crate::heap::view::View;
use crate::model::integrity::DamageKind;

/// What differs between versions in `struct malloc_state`: where its `bins` are, and how many fast bins come before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::heap) struct Form {
    bins: u64,
    fastbins: u64,
}

/// Until 2.42, and from 2.43 on, which has no fast bins.
const FORMS: [Form; 2] = [Form { bins: 112, fastbins: 10 }, Form { bins: 24, fastbins: 0 }];
/// `fastbinsY`.
const FASTBINS: u64 = 16;

impl Form {
    /// `top`; `last_remainder` is between the two.
    fn top(self) -> u64 {
        self.bins.wrapping_sub(16)
    }

    /// `next`, after `NBINS * 2 - 2` links and the map of bins.
    fn next(self) -> u64 {
        self.bins.wrapping_add(254 * 8 + 16)
    }

    /// `system_mem`.
    fn system(self) -> u64 {
        self.next().wrapping_add(24)
    }

    /// Bytes of the struct.
    fn size(self) -> u64 {
        self.next().wrapping_add(40)
    }
}

const BIN_COUNT: u64 = 127;
/// `HEAP_MAX_SIZE`: heaps of other arenas begin at multiples of it.
const HEAP: u64 = 64 << 20;
/// Low bits of a chunk's size: the one before is used, it has a mapping of its own, it is of another arena.
const PREV_INUSE: u64 = 1;
const IS_MMAPPED: u64 = 2;
const FLAGS: u64 = 7;
/// Bytes of a chunk before what `malloc` returns.
const HEAD: u64 = 16;
/// Most arenas, heaps of an arena, and chunks on one list.
const MAX_ARENAS: usize = 4096;
const MAX_HEAPS: usize = 1 << 16;
const MAX_LIST: u64 = 1 << 20;
const PAGE: u64 = 4096;

/// One arena.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::heap) struct Arena {
    /// Address of its `malloc_state`.
    pub addr: u64,
    /// First chunk and end of each of its regions.
    pub regions: Vec<(u64, u64)>,
    /// `top`: the chunk at the end that is not used yet.
    pub top: u64,
    /// `system_mem`: bytes it has from the system.
    pub system: u64,
    /// Whether it is `main_arena`.
    pub main: bool,
    form: Form,
}

/// One chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::heap) struct Chunk {
    /// What `malloc` returned.
    pub start: u64,
    /// Bytes that can be used.
    pub bytes: u64,
    /// Whether it is handed out, as far as its neighbour says: chunks kept for reuse by one thread (tcache) or in fast
    /// bins count as used.
    pub used: bool,
}

/// All arenas, the main one first; none where no `main_arena` is found in the static variables `data` (start, bytes).
pub(in crate::heap) fn arenas(view: &View<'_>, data: impl Iterator<Item = (u64, u64)>) -> Vec<Arena> {
    let mut data = data;
    let Some((main, form)) = data.find_map(|(start, bytes)| main_arena(view, start, bytes)) else { return Vec::new() };
    let mut found = Vec::new();
    for addr in ring(view, form, main).unwrap_or_default() {
        let word = |field: u64| view.word(addr.wrapping_add(field)).unwrap_or(0);
        let (top, system) = (word(form.top()), word(form.system()));
        let end = top.wrapping_add(view.word(top.wrapping_add(8)).unwrap_or(0) & !FLAGS);
        let is_main = addr == main;
        // The main arena's memory is one range (`sbrk`).
        let regions = if is_main { vec![(end.wrapping_sub(system), end)] } else { heaps(view, form, addr, top) };
        found.push(Arena { addr, regions, top, system, main: is_main, form });
    }
    found
}

/// Where a `main_arena` is in the range.
fn main_arena(view: &View<'_>, start: u64, bytes: u64) -> Option<(u64, Form)> {
    let mut at = start.wrapping_add(7) & !7;
    let end = start.saturating_add(bytes.min(1 << 26));
    while at < end {
        let empty = at.wrapping_sub(16);
        if view.word(at) == Some(empty) && view.word(at.wrapping_add(8)) == Some(empty) {
            // The bin may be any of them.
            for (form, bin) in FORMS.into_iter().flat_map(|form| (0..BIN_COUNT).map(move |bin| (form, bin))) {
                let arena = at.wrapping_sub(form.bins).wrapping_sub(bin.wrapping_mul(16));
                if is_arena(view, form, arena) && ring(view, form, arena).is_some() {
                    return Some((arena, form));
                }
            }
            // The bins that follow are of the same variable.
            at = at.wrapping_add(16 * BIN_COUNT);
            continue;
        }
        at = at.wrapping_add(8);
    }
    None
}

fn is_arena(view: &View<'_>, form: Form, arena: u64) -> bool {
    let word = |field: u64| view.word(arena.wrapping_add(field));
    let (Some(top), Some(system)) = (word(form.top()), word(form.system())) else { return false };
    let size = view.word(top.wrapping_add(8)).map_or(0, |size| size & !FLAGS);
    let end = top.wrapping_add(size);
    size >= HEAD && system >= size && system & (PAGE - 1) == 0 && end & (PAGE - 1) == 0
}

/// The arenas that `next` leads to, back to where it began.
fn ring(view: &View<'_>, form: Form, first: u64) -> Option<Vec<u64>> {
    let mut found = vec![first];
    let mut at = view.word(first.wrapping_add(form.next()))?;
    while at != first {
        if found.len() >= MAX_ARENAS || !is_arena(view, form, at) {
            return None;
        }
        found.push(at);
        at = view.word(at.wrapping_add(form.next()))?;
    }
    Some(found)
}

/// First chunk and end of the heaps of another arena than the main one, newest first: each has a `heap_info`
/// {arena, the one before, size, ...} at its start.
fn heaps(view: &View<'_>, form: Form, arena: u64, top: u64) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    let mut heap = top & !(HEAP - 1);
    while heap != 0 && found.len() < MAX_HEAPS {
        let word = |field: u64| view.word(heap.wrapping_add(field)).unwrap_or(0);
        let (before, size) = (word(8), word(16));
        if word(0) != arena || size > HEAP {
            break;
        }
        // The first heap has the arena after its `heap_info`, which is as long in all (32 bytes, 48 from 2.35 on).
        let info = arena & (HEAP - 1);
        let first = if arena & !(HEAP - 1) == heap { arena.wrapping_add(form.size()) } else { heap.wrapping_add(info) };
        found.push((first.wrapping_add(15) & !15, heap.wrapping_add(size)));
        heap = before;
    }
    found
}

/// The chunks of a region, as far as their sizes lead; the last one is the top.
pub(in crate::heap) fn chunks<'v>(
    view: &'v View<'_>,
    (first, end): (u64, u64),
) -> impl Iterator<Item = (u64, u64, bool)> + 'v {
    let mut at = first;
    std::iter::from_fn(move || {
        let size = view.word(at.wrapping_add(8))? & !FLAGS;
        let next = at.checked_add(size)?;
        if size < HEAD || next > end {
            return None;
        }
        let used = next < end && view.word(next.wrapping_add(8)).is_some_and(|s| s & PREV_INUSE != 0);
        let chunk = (at, size, used);
        at = next;
        (at <= end).then_some(chunk)
    })
}

/// How many chunks a region has, as far as their sizes lead; the chunk whose size leads nowhere, where that is not to the
/// region's end.
pub(in crate::heap) fn check(view: &View<'_>, region: (u64, u64), top: u64) -> (u64, Option<Damage>) {
    let (first, end) = region;
    let (mut count, mut next) = (0u64, first);
    for (at, size, _) in chunks(view, region) {
        count = count.saturating_add(1);
        next = at.wrapping_add(size);
    }
    // Of a region whose first chunk is none, it is not certain where it begins; one with a gap is no range.
    let broken = count > 0 && next < end && next <= top && view.word(next).is_some();
    let head = Damage { kind: DamageKind::MallocChunk, at: next.wrapping_add(8), from: next, bytes: HEAD };
    (count, broken.then_some(head))
}

/// The chunk that holds `addr`.
pub(in crate::heap) fn chunk_at(view: &View<'_>, arenas: &[Arena], addr: u64) -> Option<Chunk> {
    for arena in arenas {
        let Some(region) = arena.regions.iter().find(|(first, end)| *first <= addr && addr < *end) else { continue };
        // A chunk's last word is the first of the next.
        let found = chunks(view, *region).take_while(|(at, ..)| at.wrapping_add(HEAD) <= addr).last()?;
        let (at, size, used) = found;
        let used = used && at != arena.top && !cached(view, arena, at);
        return Some(Chunk { start: at.wrapping_add(HEAD), bytes: size.wrapping_sub(8), used });
    }
    None
}

/// Whether a chunk waits in a fast bin. Their links are masked by their own address (2.32, `PROTECT_PTR`).
fn cached(view: &View<'_>, arena: &Arena, chunk: u64) -> bool {
    fast_chunks(view, arena).contains(&chunk)
}

/// The chunks of all fast bins.
pub(in crate::heap) fn fast_chunks(view: &View<'_>, arena: &Arena) -> Vec<u64> {
    (0..arena.form.fastbins).flat_map(|bin| fastbin(view, arena, bin).collect::<Vec<_>>()).collect()
}

/// The chunks of a fast bin.
fn fastbin<'v>(view: &'v View<'_>, arena: &Arena, bin: u64) -> impl Iterator<Item = u64> + 'v {
    let first = view.word(arena.addr.wrapping_add(FASTBINS).wrapping_add(bin.wrapping_mul(8))).unwrap_or(0);
    let (mut at, mut left) = (first, MAX_LIST);
    std::iter::from_fn(move || {
        if at == 0 || at & 15 != 0 || left == 0 {
            return None;
        }
        left = left.wrapping_sub(1);
        let chunk = at;
        let link = at.wrapping_add(HEAD);
        let next = view.word(link)?;
        at = if next & 15 == 0 && next >> 40 == chunk >> 40 { next } else { next ^ link >> 12 };
        Some(chunk)
    })
}

/// The chunk with a mapping of its own that holds `addr`, in the mapping from `start` on.
pub(in crate::heap) fn mapped_chunk_at(view: &View<'_>, (start, end): (u64, u64), addr: u64) -> Option<Chunk> {
    mapped_chunks(view, (start, end)).find(|chunk| chunk.start <= addr && addr < chunk.start.wrapping_add(chunk.bytes))
}

/// Chunks with mappings of their own, of which several may stand side by side in one range.
pub(in crate::heap) fn mapped_chunks<'v>(
    view: &'v View<'_>,
    (start, end): (u64, u64),
) -> impl Iterator<Item = Chunk> + 'v {
    // Mappings side by side are one range, that of a library's variables too.
    let mut at = start.wrapping_add(PAGE - 1) & !(PAGE - 1);
    std::iter::from_fn(move || {
        while at < end {
            let before = view.word(at)?;
            let size = view.word(at.wrapping_add(8))?;
            // Up to glibc 2.42 the size is that of the mapping, from 2.43 on it leaves out the head (malloc/malloc.c,
            // `mmap_size`; seen in 2.43: 0x134ff2 in a mapping of 0x135000 bytes).
            let sizes = [size & !FLAGS, (size & !FLAGS).wrapping_add(HEAD)];
            let whole = |bytes: &u64| bytes.wrapping_add(before) & (PAGE - 1) == 0 && before < PAGE;
            if size & FLAGS == IS_MMAPPED
                && let Some(bytes) = sizes.into_iter().find(whole)
                && bytes >= PAGE
                && bytes <= end.wrapping_sub(at)
            {
                let chunk = at;
                at = at.wrapping_add(bytes);
                return Some(Chunk { start: chunk.wrapping_add(HEAD), bytes: bytes.wrapping_sub(HEAD), used: true });
            }
            at = at.wrapping_add(PAGE);
        }
        None
    })
}
