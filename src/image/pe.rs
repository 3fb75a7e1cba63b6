//! PE images (Windows executables and DLLs) as they are in memory: sections, exports, function bounds.
//!
//! Facts: Microsoft, "PE Format" (export directory, `.pdata`) and "x64 exception handling"
//! (`RUNTIME_FUNCTION`, `UNWIND_INFO`). Everything is read through [`Memory`], so it does not matter whether the dump
//! or the file serves it, and a slim dump holds what was read.

use crate::base::{Abi, Addr, Cursor};
use crate::debuggee::pe_headers::{HEADERS, PeHeaders, PeSection, PeTable};
use crate::debuggee::{Backing, BuildId, ByteSource, Memory, MemoryExt as _, Module};
use std::sync::Arc;

const MAX_EXPORTS: u64 = 1 << 20;
const MAX_NAME: usize = 4096;
/// Entries of `.pdata` are 12 bytes: begin, end, unwind information.
const RUNTIME_FUNCTION: u64 = 12;
/// Links from a part of a function to the part before it.
const MAX_CHAIN: usize = 32;
const UNW_FLAG_CHAININFO: u8 = 4;

/// The headers of a PE image, loaded at `base`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeImage {
    /// Where it is loaded.
    pub base: Addr,
    /// Where the linker wanted it to be: elsewhere, its pointers have been relocated.
    pub preferred_base: Addr,
    /// Size in memory, in bytes.
    pub size: u32,
    /// `TimeDateStamp`: with the size, what symbol servers know the image by.
    pub time_stamp: u32,
    /// Sections, as in the header.
    pub sections: Vec<PeSection>,
    exports: PeTable,
    exceptions: PeTable,
    debug: PeTable,
}

/// What an image says of its PDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdbReference {
    /// GUID and age.
    pub id: BuildId,
    /// Path on the machine that linked it; empty when it is not readable.
    pub path: String,
}

/// A function of `.pdata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeFunction {
    /// First address.
    pub start: Addr,
    /// First address after this part of it.
    pub end: Addr,
    /// Its unwind information (`UNWIND_INFO`).
    pub unwind: Addr,
}

impl PeImage {
    /// The image whose headers are in memory at `base`.
    #[must_use]
    pub fn read(memory: &dyn Memory, base: Addr) -> Option<PeImage> {
        if memory.read_array::<2>(base).ok()? != *b"MZ" {
            return None;
        }
        let bytes = memory.read_vec(base, HEADERS).or_else(|_| memory.read_vec(base, HEADERS / 4)).ok()?;
        PeImage::from_file(&bytes, base)
    }

    /// The image of a file, as loaded at `base`.
    #[must_use]
    pub fn from_file(bytes: &[u8], base: Addr) -> Option<PeImage> {
        let headers = PeHeaders::parse(bytes)?;
        Some(PeImage {
            base,
            preferred_base: Addr(headers.preferred_base),
            size: headers.size,
            time_stamp: headers.time_stamp,
            sections: headers.sections,
            exports: headers.exports,
            exceptions: headers.exceptions,
            debug: headers.debug,
        })
    }

    /// Address of an offset from the image base.
    #[must_use]
    pub fn address(&self, rva: u32) -> Addr {
        self.base.wrapping_add(u64::from(rva))
    }

    /// Whether `addr` lies in the image.
    #[must_use]
    pub fn contains(&self, addr: Addr) -> bool {
        addr.distance_from(self.base).is_some_and(|n| n < u64::from(self.size))
    }

    /// Address and size of a section. ELF's names are understood too: `.PyRuntime` is `PyRuntim` here.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<(Addr, u64)> {
        let bare = name.strip_prefix('.').unwrap_or(name);
        let short = bare.get(..8).unwrap_or(bare);
        let is_it = |s: &&PeSection| s.name == name || s.name == short;
        self.sections.iter().find(is_it).map(|s| (self.address(s.rva), u64::from(s.size)))
    }

    /// Address of an exported symbol. The names are sorted, so few of them are read.
    #[must_use]
    pub fn export(&self, memory: &dyn Memory, name: &str) -> Option<Addr> {
        let table = self.export_table(memory)?;
        let (mut low, mut high) = (0u64, table.names);
        while low < high {
            let middle = low.midpoint(high);
            match table.name(memory, middle)?.as_slice().cmp(name.as_bytes()) {
                std::cmp::Ordering::Equal => return table.address(memory, middle),
                std::cmp::Ordering::Less => low = middle.saturating_add(1),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Name of the export at exactly `addr`.
    #[must_use]
    pub fn export_at(&self, memory: &dyn Memory, addr: Addr) -> Option<String> {
        let table = self.export_table(memory)?;
        let rva = u32::try_from(addr.distance_from(self.base)?).ok()?;
        let functions = memory.read_vec(table.functions_at, table.functions.checked_mul(4)?).ok()?;
        let index = functions.chunks_exact(4).position(|f| table.abi.uint(f) == u64::from(rva))?;
        let ordinals = memory.read_vec(table.ordinals_at, table.names.checked_mul(2)?).ok()?;
        let name = ordinals.chunks_exact(2).position(|o| table.abi.uint(o) == index as u64)?;
        let name = table.name(memory, name as u64)?;
        Some(String::from_utf8_lossy(&name).into_owned())
    }

    fn export_table(&self, memory: &dyn Memory) -> Option<ExportTable> {
        if self.exports.size == 0 {
            return None;
        }
        let bytes = memory.read_array::<40>(self.address(self.exports.rva)).ok()?;
        let mut cursor = Cursor::new(bytes.get(20..)?, Abi::WINDOWS_X86_64);
        let mut word = || cursor.u32().ok();
        let (functions, names) = (u64::from(word()?), u64::from(word()?));
        let (functions_at, names_at, ordinals_at) = (word()?, word()?, word()?);
        Some(ExportTable {
            image_base: self.base,
            abi: Abi::WINDOWS_X86_64,
            functions: functions.min(MAX_EXPORTS),
            names: names.min(MAX_EXPORTS),
            functions_at: self.address(functions_at),
            names_at: self.address(names_at),
            ordinals_at: self.address(ordinals_at),
        })
    }

    /// Address and size of the function table (`.pdata`).
    #[must_use]
    pub fn function_table(&self) -> Option<(Addr, u64)> {
        let size = u64::from(self.exceptions.size);
        (size >= RUNTIME_FUNCTION).then(|| (self.address(self.exceptions.rva), size))
    }

    /// Whether the function table is available: only then is a function without an entry a leaf.
    #[must_use]
    pub fn function_table_is_readable(&self, memory: &dyn Memory) -> bool {
        let last =
            |(table, size): (Addr, u64)| Some(table.wrapping_add((size / RUNTIME_FUNCTION).checked_sub(1)? * 12));
        let readable = |at: Addr| memory.read_array::<12>(at).is_ok();
        self.function_table().is_some_and(|t| readable(t.0) && last(t).is_some_and(readable))
    }

    /// The part of a function that holds `addr`; `None` for leaf functions, which have no entry.
    #[must_use]
    pub fn function_at(&self, memory: &dyn Memory, addr: Addr) -> Option<PeFunction> {
        let (table, size) = self.function_table()?;
        let (mut low, mut high) = (0u64, size / RUNTIME_FUNCTION);
        while low < high {
            let middle = low.midpoint(high);
            let function = self.entry(memory, table.wrapping_add(middle.checked_mul(RUNTIME_FUNCTION)?))?;
            if addr < function.start {
                high = middle;
            } else if addr >= function.end {
                low = middle.saturating_add(1);
            } else {
                return Some(function);
            }
        }
        None
    }

    fn entry(&self, memory: &dyn Memory, at: Addr) -> Option<PeFunction> {
        let bytes = memory.read_array::<12>(at).ok()?;
        let mut cursor = Cursor::new(&bytes, Abi::WINDOWS_X86_64);
        let mut address = || cursor.u32().ok().map(|rva| self.address(rva));
        Some(PeFunction { start: address()?, end: address()?, unwind: address()? })
    }

    /// The first part of the function that `part` belongs to: compilers split functions and chain the parts.
    #[must_use]
    pub fn primary(&self, memory: &dyn Memory, part: PeFunction) -> PeFunction {
        let mut part = part;
        for _ in 0..MAX_CHAIN {
            let Ok([head, _, codes, _]) = memory.read_array::<4>(part.unwind) else { break };
            if (head >> 3) & UNW_FLAG_CHAININFO == 0 {
                break;
            }
            // The chained entry follows the codes, whose count is rounded up to an even number.
            let skip = u64::from(codes).next_multiple_of(2).saturating_mul(2).saturating_add(4);
            match self.entry(memory, part.unwind.wrapping_add(skip)) {
                Some(next) => part = next,
                None => break,
            }
        }
        part
    }

    /// What the image is known by: GUID and age of its PDB (20 bytes), and time stamp with size (8 bytes). A module of
    /// a minidump has one of them.
    #[must_use]
    pub fn build_ids(&self, memory: &dyn Memory) -> Vec<BuildId> {
        let mut by_size = self.time_stamp.to_be_bytes().to_vec();
        by_size.extend(self.size.to_be_bytes());
        self.pdb_id(memory).into_iter().chain([BuildId(by_size)]).collect()
    }

    fn pdb_id(&self, memory: &dyn Memory) -> Option<BuildId> {
        self.pdb(memory).map(|pdb| pdb.id)
    }

    /// `IMAGE_DEBUG_DIRECTORY` entry of type CodeView: `RSDS`, GUID, age, path.
    #[must_use]
    pub fn pdb(&self, memory: &dyn Memory) -> Option<PdbReference> {
        const ENTRY: u32 = 28;
        const CODEVIEW: u32 = 2;
        for index in 0..(self.debug.size / ENTRY).min(16) {
            let at = self.address(self.debug.rva.checked_add(index.checked_mul(ENTRY)?)?);
            let entry = memory.read_array::<28>(at).ok()?;
            let mut cursor = Cursor::new(entry.get(12..)?, Abi::WINDOWS_X86_64);
            let (kind, _size, rva) = (cursor.u32().ok()?, cursor.u32().ok()?, cursor.u32().ok()?);
            if kind != CODEVIEW {
                continue;
            }
            let [r, s, d, s2, guid @ .., a0, a1, a2, a3] = memory.read_array::<24>(self.address(rva)).ok()?;
            if [r, s, d, s2] != *b"RSDS" {
                return None;
            }
            let [g0, g1, g2, g3, g4, g5, g6, g7, rest @ ..] = guid;
            // Three integers in the target's order, then bytes: as symbol servers write it.
            let mut id = vec![g3, g2, g1, g0, g5, g4, g7, g6];
            id.extend(rest);
            id.extend([a3, a2, a1, a0]);
            let path = memory.read_cstr(self.address(rva).wrapping_add(24), MAX_NAME).unwrap_or_default();
            return Some(PdbReference { id: BuildId(id), path: String::from_utf8_lossy(&path).into_owned() });
        }
        None
    }
}

/// `IMAGE_EXPORT_DIRECTORY`.
struct ExportTable {
    image_base: Addr,
    abi: Abi,
    functions: u64,
    names: u64,
    functions_at: Addr,
    names_at: Addr,
    ordinals_at: Addr,
}

impl ExportTable {
    fn name(&self, memory: &dyn Memory, index: u64) -> Option<Vec<u8>> {
        let at = self.names_at.wrapping_add(index.checked_mul(4)?);
        let rva = memory.read_uint(&self.abi, at, 4).ok()?;
        memory.read_cstr(self.image_base.wrapping_add(rva), MAX_NAME).ok()
    }

    fn address(&self, memory: &dyn Memory, index: u64) -> Option<Addr> {
        let ordinal = memory.read_uint(&self.abi, self.ordinals_at.wrapping_add(index.checked_mul(2)?), 2).ok()?;
        if ordinal >= self.functions {
            return None;
        }
        let rva = memory.read_uint(&self.abi, self.functions_at.wrapping_add(ordinal.checked_mul(4)?), 4).ok()?;
        Some(self.image_base.wrapping_add(rva))
    }
}

/// The parts of a DLL's file that stand for memory which the dump leaves out: headers and sections that nobody writes
/// to, for an image at its preferred place (elsewhere its pointers have been changed). `None` for another build.
#[must_use]
pub fn backings(module: &Module, file: &Arc<dyn ByteSource>) -> Option<Vec<Backing>> {
    let image = PeImage::from_file(file.bytes(), module.base)?;
    let as_loaded = FileMemory { image: &image, file: file.bytes() };
    let wanted = module.build_id.as_ref()?;
    if !image.build_ids(&as_loaded).contains(wanted) {
        return None;
    }
    if image.base != image.preferred_base {
        return Some(Vec::new());
    }
    let piece = |rva: u32, size: u32, offset: u32| Backing {
        start: image.address(rva),
        size: u64::from(size),
        source: Arc::clone(file),
        offset: u64::from(offset),
    };
    let headers = image.sections.iter().map(|s| s.rva).min().unwrap_or(0).min(0x1000);
    let fixed = image.sections.iter().filter(|s| !s.protection.write);
    let pieces = fixed.map(|s| piece(s.rva, s.size.min(s.file_size), s.file_offset));
    Some(std::iter::once(piece(0, headers, 0)).chain(pieces).filter(|b| b.size > 0).collect())
}

/// A file as it would lie in memory.
struct FileMemory<'a> {
    image: &'a PeImage,
    file: &'a [u8],
}

impl Memory for FileMemory<'_> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), crate::debuggee::ReadError> {
        let unmapped = crate::debuggee::ReadError { addr, kind: crate::debuggee::ReadErrorKind::Unmapped };
        let rva = addr.distance_from(self.image.base).ok_or(unmapped)?;
        let len = buf.len() as u64;
        let fits = |s: &&PeSection| {
            rva >= u64::from(s.rva)
                && rva.saturating_add(len) <= u64::from(s.rva).saturating_add(u64::from(s.file_size))
        };
        let section = self.image.sections.iter().find(fits).ok_or(unmapped)?;
        let offset = u64::from(section.file_offset).saturating_add(rva.saturating_sub(u64::from(section.rva)));
        let start = usize::try_from(offset).map_err(|_| unmapped)?;
        let bytes = self.file.get(start..start.saturating_add(buf.len())).ok_or(unmapped)?;
        buf.copy_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
