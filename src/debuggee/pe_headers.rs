//! Headers of a PE image (Windows executables and DLLs): sections with their rights, and where the tables are.
//!
//! Facts: Microsoft, "PE Format". `object` decodes them; they are the same in a file and in memory.

use super::Protection;
use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders as _, ImageOptionalHeader as _};

/// Bytes of headers that are examined: they fit in a page, but for absurd numbers of sections.
pub const HEADERS: u64 = 0x1000;

/// A section of a PE image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeSection {
    /// Name, cut to 8 bytes by the format: `PyRuntim`.
    pub name: String,
    /// Offset from the image base.
    pub rva: u32,
    /// Size in memory, in bytes.
    pub size: u32,
    /// Offset of its bytes in the file.
    pub file_offset: u32,
    /// Bytes in the file.
    pub file_size: u32,
    /// Access rights.
    pub protection: Protection,
}

/// A table that the optional header points to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeTable {
    /// Offset from the image base.
    pub rva: u32,
    /// Size in bytes; 0 where there is none.
    pub size: u32,
}

/// What the headers of a 64-bit image say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeHeaders {
    /// Where the linker wanted it to be.
    pub preferred_base: u64,
    /// Size in memory, in bytes.
    pub size: u32,
    /// `TimeDateStamp`.
    pub time_stamp: u32,
    /// Sections, in their order.
    pub sections: Vec<PeSection>,
    /// Exported symbols.
    pub exports: PeTable,
    /// Unwind information of functions.
    pub exceptions: PeTable,
    /// What is known of debug information.
    pub debug: PeTable,
}

impl PeHeaders {
    /// Of the first bytes of an image; `None` where they are not those of a 64-bit one.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<PeHeaders> {
        let mut at = u64::from(pe::ImageDosHeader::parse(bytes).ok()?.nt_headers_offset());
        let (headers, tables) = pe::ImageNtHeaders64::parse(bytes, &mut at).ok()?;
        let table = |index| {
            let entry = tables.get(index);
            entry.map_or(PeTable::default(), |e| PeTable { rva: e.virtual_address.get(LE), size: e.size.get(LE) })
        };
        Some(PeHeaders {
            preferred_base: headers.optional_header().image_base(),
            size: headers.optional_header().size_of_image(),
            time_stamp: headers.file_header().time_date_stamp.get(LE),
            sections: headers.sections(bytes, at).ok()?.iter().map(section).collect(),
            exports: table(pe::IMAGE_DIRECTORY_ENTRY_EXPORT),
            exceptions: table(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION),
            debug: table(pe::IMAGE_DIRECTORY_ENTRY_DEBUG),
        })
    }
}

fn section(header: &pe::ImageSectionHeader) -> PeSection {
    let rights = header.characteristics.get(LE);
    let has = |right: pe::SectionFlags| rights.0 & right.0 != 0;
    PeSection {
        name: String::from_utf8_lossy(header.raw_name()).into_owned(),
        rva: header.virtual_address.get(LE),
        size: header.virtual_size.get(LE),
        file_offset: header.pointer_to_raw_data.get(LE),
        file_size: header.size_of_raw_data.get(LE),
        protection: Protection {
            read: has(pe::IMAGE_SCN_MEM_READ),
            write: has(pe::IMAGE_SCN_MEM_WRITE),
            execute: has(pe::IMAGE_SCN_MEM_EXECUTE),
        },
    }
}
