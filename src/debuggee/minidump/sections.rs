//! Access rights of the memory of Windows modules, from their section headers: dumps by wine, and small ones, have no
//! `MINIDUMP_MEMORY_INFO_LIST`.

use super::Dump;
use super::memory::Range;
use crate::debuggee::Protection;
use crate::debuggee::pe_headers::{HEADERS, PeHeaders};
use minidump::MinidumpModuleList;

/// First address, end and rights of each section of each module whose headers are in the dump.
pub(super) fn sections(dump: &Dump, data: &[u8], ranges: &[Range]) -> Vec<(u64, u64, Protection)> {
    let Ok(list) = dump.get_stream::<MinidumpModuleList>() else { return Vec::new() };
    let mut out = Vec::new();
    for module in list.iter() {
        let base = module.raw.base_of_image;
        let limit = base.saturating_add(u64::from(module.raw.size_of_image));
        let Some(headers) = ranges.iter().find_map(|range| bytes_at(data, range, base)) else { continue };
        let Some(headers) = PeHeaders::parse(headers) else { continue };
        for section in headers.sections {
            let start = base.saturating_add(u64::from(section.rva));
            let end = start.saturating_add(u64::from(section.size).next_multiple_of(0x1000)).min(limit);
            if start < end {
                out.push((start, end, section.protection));
            }
        }
    }
    out
}

/// The bytes of a range from `address` on, at most as many as headers have.
fn bytes_at<'a>(data: &'a [u8], range: &Range, address: u64) -> Option<&'a [u8]> {
    let inside = address.checked_sub(range.start).filter(|inside| *inside < range.size)?;
    let from = usize::try_from(range.offset.checked_add(inside)?).ok()?;
    let left = usize::try_from(range.size.checked_sub(inside)?.min(HEADERS)).ok()?;
    let rest = data.get(from..)?;
    rest.get(..left.min(rest.len()))
}
