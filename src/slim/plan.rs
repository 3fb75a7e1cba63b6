//! Which ranges of memory a slim dump stores.

use crate::base::Addr;
use crate::debuggee::Memory as _;
use crate::debuggee::recorder::{GRANULE, PAGE, PageMask};
use crate::debuggee::{AddressSpace, Protection, Segment};

/// What a slim dump has of a piece of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its bytes.
    Present,
    /// Nothing: mapped, not stored.
    Absent,
    /// Nothing, and the original had lost it too: its file was cut off.
    Lost,
}

/// A piece of the process's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First address.
    pub start: Addr,
    /// Size in bytes.
    pub size: u64,
    /// What is stored.
    pub kind: Kind,
    /// Access rights.
    pub protection: Protection,
}

/// `[start, end)`.
type Range = (u64, u64);

/// All memory of the process in order, split into what is stored and what is not.
pub fn pieces(memory: &AddressSpace, pages: &[(Addr, PageMask)]) -> Vec<Piece> {
    let mut runs: Vec<Range> = Vec::new();
    for (page, mask) in pages {
        for range in split_at_segments(memory, *page) {
            present_in_page(memory, *page, mask, range, &mut runs);
        }
    }
    let mut out = Vec::new();
    let mut runs = runs.into_iter().peekable();
    for segment in memory.segments() {
        // Memory outside every mapping (a file backing without a segment) stands for itself.
        while let Some((start, end)) = runs.next_if(|r| r.0 < segment.start.0) {
            join(&mut out, (start, end), Kind::Present, Protection { read: true, ..Protection::default() });
        }
        let mut at = segment.start.0;
        while let Some((start, end)) = runs.next_if(|r| r.0 < segment.end().0) {
            not_stored(&mut out, segment, (at, start));
            let inside = out.last().is_some_and(|p: &Piece| p.start >= segment.start);
            let kind = Kind::Present;
            if inside {
                join(&mut out, (start, end), kind, segment.protection);
            } else {
                out.push(piece((start, end), kind, segment.protection));
            }
            at = end;
        }
        not_stored(&mut out, segment, (at, segment.end().0));
    }
    for run in runs {
        join(&mut out, run, Kind::Present, Protection { read: true, ..Protection::default() });
    }
    out
}

fn piece((start, end): Range, kind: Kind, protection: Protection) -> Piece {
    Piece { start: Addr(start), size: end.saturating_sub(start), kind, protection }
}

/// Adds a range, as part of the last piece when it goes on from there.
fn join(out: &mut Vec<Piece>, range: Range, kind: Kind, protection: Protection) {
    if range.0 >= range.1 {
        return;
    }
    match out.last_mut() {
        Some(last)
            if last.start.0.saturating_add(last.size) == range.0
                && last.kind == kind
                && last.protection == protection =>
        {
            last.size = last.size.saturating_add(range.1.saturating_sub(range.0));
        }
        _ => out.push(piece(range, kind, protection)),
    }
}

/// Adds a range of which nothing is stored.
fn not_stored(out: &mut Vec<Piece>, segment: &Segment, (start, end): Range) {
    let lost_from = segment.start.0.saturating_add(segment.available).clamp(start, end.max(start));
    let lost_to = segment.start.0.saturating_add(segment.dumped).clamp(lost_from, end.max(lost_from));
    for (range, kind) in
        [((start, lost_from), Kind::Absent), ((lost_from, lost_to), Kind::Lost), ((lost_to, end), Kind::Absent)]
    {
        if range.0 < range.1 {
            out.push(piece(range, kind, segment.protection));
        }
    }
}

/// The page cut where mappings begin and end.
fn split_at_segments(memory: &AddressSpace, page: Addr) -> Vec<Range> {
    let (start, end) = (page.0, page.0.saturating_add(PAGE));
    let segments = memory.segments();
    let first = segments.partition_point(|s| s.end().0 <= start);
    let mut out = Vec::new();
    let mut at = start;
    for segment in segments.iter().skip(first).take_while(|s| s.start.0 < end) {
        let (from, to) = (segment.start.0.clamp(at, end), segment.end().0.min(end));
        out.extend([(at, from), (from, to)].into_iter().filter(|r| r.0 < r.1));
        at = to.max(at);
    }
    if at < end {
        out.push((at, end));
    }
    out
}

/// The readable parts of `range` (which lies in `page`), when any of it was read.
fn present_in_page(memory: &AddressSpace, page: Addr, mask: &PageMask, range: Range, runs: &mut Vec<Range>) {
    let read = |at: u64| mask.has(at.saturating_sub(page.0));
    let mut granules = (range.0..range.1).step_by(GRANULE as usize);
    if !granules.any(read) && !range.1.checked_sub(1).is_some_and(read) {
        return;
    }
    let mut buf = [0u8; PAGE as usize];
    let mut at = range.0;
    while at < range.1 {
        let len = usize::try_from(range.1.saturating_sub(at)).unwrap_or(0);
        let Some(part) = buf.get_mut(..len) else { return };
        let bad = match memory.stored().read(Addr(at), part) {
            Ok(()) => range.1,
            Err(e) => e.addr.0.clamp(at, range.1),
        };
        if at < bad {
            runs.push((at, bad));
        }
        // Past what is not readable: by bytes where some byte close by was read.
        at = if read(bad) { bad.saturating_add(1) } else { (bad / GRANULE).saturating_add(1).saturating_mul(GRANULE) };
    }
}

/// Zeroes every byte of `bytes` (at `start`) that the analysis did not read.
pub fn keep_only_read(start: Addr, bytes: &mut [u8], pages: &[(Addr, PageMask)]) {
    let mut known: Option<(Addr, Option<&PageMask>)> = None;
    for (at, byte) in (start.0..).zip(bytes.iter_mut()) {
        let page = Addr(at / PAGE * PAGE);
        let mask = match known {
            Some((known_page, mask)) if known_page == page => mask,
            _ => {
                let index = pages.binary_search_by_key(&page, |(addr, _)| *addr).ok();
                index.and_then(|index| pages.get(index)).map(|(_, mask)| mask)
            }
        };
        known = Some((page, mask));
        if !mask.is_some_and(|m| m.has(at % PAGE)) {
            *byte = 0;
        }
    }
}
