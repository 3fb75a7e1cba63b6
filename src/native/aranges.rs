//! The units of `.debug_info` that hold given addresses, by `.debug_aranges`.
//!
//! Setting up all units of a large file (glibc has four thousand) takes longer than looking at the few that are needed.

use gimli::{EndianSlice, Reader as _, RunTimeEndian};
use std::ops::Range;

type Slice<'a> = EndianSlice<'a, RunTimeEndian>;

/// Declarations of one unit that are examined (DWARF 5, 7.5.3).
const MAX_ABBREVIATIONS: usize = 1 << 16;

/// For each address the bytes of its unit in `.debug_info`; `None` where the table does not tell, or tells of several.
pub(super) fn units_at(
    dwarf: &gimli::Dwarf<Slice<'_>>,
    abbreviations: Slice<'_>,
    addrs: &[u64],
) -> Vec<Option<Range<usize>>> {
    let mut found: Vec<Vec<usize>> = vec![Vec::new(); addrs.len()];
    let mut headers = dwarf.debug_aranges.headers();
    while let Ok(Some(header)) = headers.next() {
        let mut entries = header.entries();
        while let Some(Ok(entry)) = entries.next().transpose() {
            let range = entry.range();
            for (addr, units) in addrs.iter().zip(&mut found) {
                if range.begin <= *addr && *addr < range.end && !units.contains(&header.debug_info_offset().0) {
                    units.push(header.debug_info_offset().0);
                }
            }
        }
    }
    let unit = |units: Vec<usize>| match units.as_slice() {
        [start] => unit_bytes(dwarf, abbreviations, *start),
        _ => None,
    };
    found.into_iter().map(unit).collect()
}

/// The bytes of the unit that begins at `start`, if it can be understood without any other.
fn unit_bytes(dwarf: &gimli::Dwarf<Slice<'_>>, abbreviations: Slice<'_>, start: usize) -> Option<Range<usize>> {
    let header = dwarf.debug_info.header_from_offset(gimli::DebugInfoOffset(start)).ok()?;
    let end = start.checked_add(header.length_including_self())?;
    let alone = refers_to_none(abbreviations, header.debug_abbrev_offset().0)?;
    alone.then_some(start..end)
}

/// Whether none of the declarations at this offset of the abbreviations has a reference to another unit
/// (`DW_FORM_ref_addr`, of link-time optimisation and dwz); `None` when they are damaged.
fn refers_to_none(mut reader: Slice<'_>, offset: usize) -> Option<bool> {
    reader.skip(offset).ok()?;
    for _ in 0..MAX_ABBREVIATIONS {
        if reader.read_uleb128().ok()? == 0 {
            return Some(true);
        }
        let _tag = reader.read_uleb128().ok()?;
        let _has_children = reader.read_u8().ok()?;
        loop {
            let (name, form) = (reader.read_uleb128().ok()?, reader.read_uleb128_u16().ok()?);
            match gimli::DwForm(form) {
                gimli::DW_FORM_ref_addr => return Some(false),
                gimli::DW_FORM_implicit_const => {
                    reader.read_sleb128().ok()?;
                }
                _ => {}
            }
            if name == 0 && form == 0 {
                break;
            }
        }
    }
    None
}
