//! Access rights of the memory of Windows modules, from their section headers: dumps by wine, and small ones, have no
//! `MINIDUMP_MEMORY_INFO_LIST`.

use super::Dump;
use super::memory::Range;
use crate::debuggee::Protection;
use goblin::pe::header::Header;
use goblin::pe::section_table::{IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_READ, IMAGE_SCN_MEM_WRITE};
use minidump::MinidumpModuleList;

/// Headers fit in a page, but for absurd numbers of sections.
const HEADERS: usize = 0x1000;

/// First address, end and rights of each section of each module whose headers are in the dump.
pub(super) fn sections(dump: &Dump, data: &[u8], ranges: &[Range]) -> Vec<(u64, u64, Protection)> {
    let Ok(list) = dump.get_stream::<MinidumpModuleList>() else { return Vec::new() };
    let mut out = Vec::new();
    for module in list.iter() {
        let base = module.raw.base_of_image;
        let limit = base.saturating_add(u64::from(module.raw.size_of_image));
        let Some(headers) = ranges.iter().find_map(|range| bytes_at(data, range, base)) else { continue };
        let Ok(header) = Header::parse(headers) else { continue };
        let mut offset = usize::try_from(header.dos_header.pe_pointer)
            .unwrap_or(usize::MAX)
            .saturating_add(goblin::pe::header::SIZEOF_PE_MAGIC)
            .saturating_add(goblin::pe::header::SIZEOF_COFF_HEADER)
            .saturating_add(usize::from(header.coff_header.size_of_optional_header));
        if offset > headers.len() {
            continue;
        }
        let Ok(table) = header.coff_header.sections(headers, &mut offset) else { continue };
        for section in table {
            let start = base.saturating_add(u64::from(section.virtual_address));
            let end = start.saturating_add(u64::from(section.virtual_size).next_multiple_of(0x1000)).min(limit);
            let has = |flag: u32| section.characteristics & flag != 0;
            let rights = Protection {
                read: has(IMAGE_SCN_MEM_READ),
                write: has(IMAGE_SCN_MEM_WRITE),
                execute: has(IMAGE_SCN_MEM_EXECUTE),
            };
            if start < end {
                out.push((start, end, rights));
            }
        }
    }
    out
}

/// The bytes of a range from `address` on, at most as many as headers have.
fn bytes_at<'a>(data: &'a [u8], range: &Range, address: u64) -> Option<&'a [u8]> {
    let inside = address.checked_sub(range.start).filter(|inside| *inside < range.size)?;
    let from = usize::try_from(range.offset.checked_add(inside)?).ok()?;
    let left = usize::try_from(range.size.checked_sub(inside)?).unwrap_or(HEADERS).min(HEADERS);
    let rest = data.get(from..)?;
    rest.get(..left.min(rest.len()))
}
