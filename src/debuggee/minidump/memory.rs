//! The memory of a minidump: `MINIDUMP_MEMORY_LIST`, `MINIDUMP_MEMORY64_LIST`, thread stacks, and what the
//! `MINIDUMP_MEMORY_INFO_LIST` or the Linux maps say was mapped besides.

use super::sections::sections;
use super::{Dump, stream};
use crate::base::{Abi, Addr, Cursor, Diagnostic, DiagnosticCode, Diagnostics, ShortRead};
use crate::debuggee::procfs::MapLine;
use crate::debuggee::{MissingPart, Protection, Segment};
use minidump::format::{MINIDUMP_STREAM_TYPE, MemoryState};
use minidump::{MinidumpMemoryInfoList, MinidumpThreadList};

/// Most ranges that are examined: Windows' "normal" dumps have tens of thousands of a few bytes.
const MAX_RANGES: usize = 1 << 22;

/// The memory of a dump.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Disjoint, sorted.
    pub segments: Vec<Segment>,
    /// Cut off.
    pub missing: Vec<MissingPart>,
}

/// A range of memory whose bytes are (or were to be) at `offset` of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub start: u64,
    pub size: u64,
    pub offset: u64,
}

impl Range {
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.size)
    }
}

pub(super) fn find(dump: &Dump, data: &[u8], maps: &[MapLine], abi: &Abi, diagnostics: &Diagnostics) -> Found {
    let mut ranges = Vec::new();
    let full = list64(dump, data, abi, &mut ranges);
    let small = list32(dump, data, abi, &mut ranges);
    if full.is_err() || small.is_err() {
        let text = "a memory list of the minidump is cut off: the ranges behind the cut are lost";
        diagnostics.push(Diagnostic::warning(DiagnosticCode::MinidumpMemoryListCut, text));
    }
    // Some writers list stacks with the threads only.
    if let Ok(threads) = dump.get_stream::<MinidumpThreadList<'_>>() {
        ranges.extend(threads.threads.iter().map(|t| Range {
            start: t.raw.stack.start_of_memory_range,
            size: u64::from(t.raw.stack.memory.data_size),
            offset: u64::from(t.raw.stack.memory.rva),
        }));
    }
    let mut known = info(dump, diagnostics);
    if known.is_empty() {
        known = sections(dump, data, &ranges);
    }
    known.extend(maps.iter().map(|m| (m.start.0, m.end.0, m.protection)));
    known.sort_by_key(|(start, _, _)| *start);
    let ranges = cut_at_borders(disjoint(ranges), &known);
    let length = data.len() as u64;
    let mut found = Found::default();
    for range in &ranges {
        let available = range.size.min(length.saturating_sub(range.offset));
        let protection = protection_at(&known, range.start);
        found.segments.push(Segment {
            start: Addr(range.start),
            size: range.size,
            offset: range.offset,
            available,
            dumped: range.size,
            protection,
        });
        if available < range.size {
            found.missing.push(MissingPart {
                start: Addr(range.start.saturating_add(available)),
                size: range.size.saturating_sub(available),
                why: "cut off with the end of the minidump".to_owned(),
            });
        }
    }
    tell(&found, matches!(full, Ok(true)), diagnostics);
    let gaps: Vec<Segment> = known.iter().flat_map(|region| not_dumped(&ranges, *region)).collect();
    found.segments.extend(gaps);
    found.segments.sort_by_key(|s| s.start);
    found
}

/// Says what the dump lacks.
fn tell(found: &Found, full: bool, diagnostics: &Diagnostics) {
    let stored: u64 = found.segments.iter().map(|s| s.available).fold(0, u64::saturating_add);
    let lost: u64 = found.missing.iter().map(|m| m.size).fold(0, u64::saturating_add);
    if lost > 0 {
        let text = format!("the minidump is cut short: {lost} bytes of memory are missing, {stored} are there");
        let hint = "a full disk, a size limit, an unfinished copy or upload";
        diagnostics.push(Diagnostic::warning(DiagnosticCode::MinidumpTruncated, text).hint(hint));
    }
    if !full {
        let count = found.segments.len();
        let text =
            format!("a partial minidump: it holds {stored} bytes of memory in {count} ranges, not the whole process");
        let hint = "record full memory: MiniDumpWithFullMemory (procdump -ma, WER DumpType 2), or a core with gcore";
        diagnostics.push(Diagnostic::note(DiagnosticCode::MinidumpPartialMemory, text).hint(hint));
    }
}

/// The bytes of a stream, as many as the file has.
fn raw<'a>(dump: &Dump, data: &'a [u8], kind: MINIDUMP_STREAM_TYPE) -> Option<&'a [u8]> {
    let entry = dump.all_streams().find(|e| e.stream_type == kind as u32)?;
    let start = usize::try_from(entry.location.rva).ok()?;
    let size = usize::try_from(entry.location.data_size).ok()?;
    let rest = data.get(start..)?;
    Some(rest.get(..size).unwrap_or(rest))
}

/// `MINIDUMP_MEMORY64_LIST`: count, offset of all bytes, then (start, size) of ranges whose bytes follow each other.
/// Whether there is one.
fn list64(dump: &Dump, data: &[u8], abi: &Abi, out: &mut Vec<Range>) -> Result<bool, ShortRead> {
    let Some(bytes) = raw(dump, data, MINIDUMP_STREAM_TYPE::Memory64ListStream) else { return Ok(false) };
    let mut cursor = Cursor::new(bytes, *abi);
    let count = cursor.u64()?;
    let mut offset = cursor.u64()?;
    for _ in 0..count.min(MAX_RANGES as u64) {
        let range = Range { start: cursor.u64()?, size: cursor.u64()?, offset };
        offset = offset.saturating_add(range.size);
        out.push(range);
    }
    Ok(true)
}

/// `MINIDUMP_MEMORY_LIST`: count (some writers pad it to 8 bytes), then (start, size, offset).
fn list32(dump: &Dump, data: &[u8], abi: &Abi, out: &mut Vec<Range>) -> Result<bool, ShortRead> {
    const ENTRY: u64 = 16;
    let Some(bytes) = raw(dump, data, MINIDUMP_STREAM_TYPE::MemoryListStream) else { return Ok(false) };
    let mut cursor = Cursor::new(bytes, *abi);
    let count = u64::from(cursor.u32()?);
    if bytes.len() as u64 == count.saturating_mul(ENTRY).saturating_add(8) {
        cursor.u32()?;
    }
    for _ in 0..count.min(MAX_RANGES as u64) {
        let start = cursor.u64()?;
        let size = u64::from(cursor.u32()?);
        out.push(Range { start, size, offset: u64::from(cursor.u32()?) });
    }
    Ok(true)
}

/// Sorted, each byte once. Of overlapping ranges the one that starts first is kept whole: they are copies of the same
/// memory.
fn disjoint(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.retain(|r| r.size > 0 && r.start.checked_add(r.size).is_some());
    ranges.sort_by_key(|r| (r.start, std::cmp::Reverse(r.size)));
    let mut out: Vec<Range> = Vec::with_capacity(ranges.len());
    for range in ranges {
        let covered = out.last().map_or(0, Range::end).max(range.start);
        let cut = covered.saturating_sub(range.start);
        if cut < range.size {
            let size = range.size.saturating_sub(cut);
            out.push(Range { start: covered, size, offset: range.offset.saturating_add(cut) });
        }
    }
    out
}

/// Cuts ranges where a region begins or ends: writers join regions that lie side by side, whatever their rights.
fn cut_at_borders(ranges: Vec<Range>, known: &[(u64, u64, Protection)]) -> Vec<Range> {
    let mut borders: Vec<u64> = known.iter().flat_map(|(start, end, _)| [*start, *end]).collect();
    borders.sort_unstable();
    borders.dedup();
    let mut out = Vec::with_capacity(ranges.len());
    for mut range in ranges {
        let first = borders.partition_point(|border| *border <= range.start);
        let end = range.end();
        for border in borders.iter().skip(first).take_while(|border| **border < end) {
            let size = border.saturating_sub(range.start);
            out.push(Range { size, ..range });
            let (size, offset) = (range.size.saturating_sub(size), range.offset.saturating_add(size));
            range = Range { start: *border, size, offset };
        }
        out.push(range);
    }
    out
}

/// Committed regions with their rights.
fn info(dump: &Dump, diagnostics: &Diagnostics) -> Vec<(u64, u64, Protection)> {
    let Some(list) = stream::<MinidumpMemoryInfoList<'_>>(dump, "MemoryInfoList", diagnostics) else {
        return Vec::new();
    };
    let regions = list.iter().filter(|r| r.state.contains(MemoryState::MEM_COMMIT)).map(|r| {
        let rights = Protection { read: r.is_readable(), write: r.is_writable(), execute: r.is_executable() };
        (r.raw.base_address, r.raw.base_address.saturating_add(r.raw.region_size), rights)
    });
    regions.collect()
}

/// Rights of the region that holds `addr`; readable where nothing is known, since it was read.
fn protection_at(known: &[(u64, u64, Protection)], addr: u64) -> Protection {
    let at = known.partition_point(|(start, _, _)| *start <= addr).checked_sub(1);
    let region = at.and_then(|at| known.get(at)).filter(|(_, end, _)| addr < *end);
    region.map_or(Protection { read: true, ..Protection::default() }, |(_, _, rights)| *rights)
}

/// The parts of a region that no range covers.
fn not_dumped(ranges: &[Range], (start, end, protection): (u64, u64, Protection)) -> Vec<Segment> {
    let first = ranges.partition_point(|r| r.end() <= start);
    let mut out = Vec::new();
    let mut at = start;
    let inside = ranges.iter().skip(first).take_while(|r| r.start < end).map(|r| (r.start, r.end()));
    for (from, to) in inside.chain([(end, end)]) {
        if let Some(size) = from.checked_sub(at).filter(|size| *size > 0) {
            out.push(Segment { start: Addr(at), size, offset: 0, available: 0, dumped: 0, protection });
        }
        at = at.max(to);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(start: u64, size: u64, offset: u64) -> Range {
        Range { start, size, offset }
    }

    #[test]
    fn overlapping_ranges_keep_every_byte_once() {
        let made = disjoint(vec![r(0x2000, 0x100, 1), r(0x1000, 0x4000, 0x100), r(0x4800, 0x1000, 0x9000), r(7, 0, 0)]);
        assert_eq!(made, [r(0x1000, 0x4000, 0x100), r(0x5000, 0x800, 0x9800)]);
        assert_eq!(disjoint(vec![r(u64::MAX - 1, 5, 0)]), []);
    }

    #[test]
    fn a_range_over_two_regions_is_cut_between_them() {
        let known = [(0x1000, 0x2000, Protection::default()), (0x2000, 0x4000, Protection::default())];
        let made = cut_at_borders(vec![r(0x1800, 0x1000, 0x10), r(0x9000, 8, 0x2000)], &known);
        assert_eq!(made, [r(0x1800, 0x800, 0x10), r(0x2000, 0x800, 0x810), r(0x9000, 8, 0x2000)]);
    }

    #[test]
    fn what_is_mapped_but_not_dumped_is_known() {
        let ranges = [r(0x1000, 0x1000, 0), r(0x3000, 0x800, 0)];
        let gaps = not_dumped(&ranges, (0x1800, 0x5000, Protection::default()));
        let gaps: Vec<_> = gaps.iter().map(|s| (s.start.0, s.size)).collect();
        assert_eq!(gaps, [(0x2000, 0x1000), (0x3800, 0x1800)]);
    }
}
