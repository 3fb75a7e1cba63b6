//! [`ElfImage`]: the ELF and program headers of a module as they lie in memory.

use crate::base::Addr;
use crate::debuggee::{BuildId, Memory, MemoryExt as _};
use object::LittleEndian as LE;
use object::elf::{self, FileHeader64, ProgramHeader64};
use object::read::elf::NoteIterator;

/// The ELF and program headers of a module, placed where it is loaded (64-bit little-endian).
#[derive(Clone, Debug)]
pub struct ElfImage {
    /// Address of the ELF header.
    pub base: Addr,
    /// What is added (modulo 2^64) to an address in the file to get the address in the process.
    pub bias: u64,
    /// Instruction set.
    pub machine: elf::Machine,
    /// Whether the file is position-independent (`ET_DYN`).
    pub is_dyn: bool,
    /// Entry point, as an address in the process.
    pub entry: Addr,
    /// Program headers.
    pub segments: Vec<ProgramHeader64<LE>>,
}

impl ElfImage {
    /// More program headers than any linker writes mean that the bytes are something else.
    const MAX_HEADERS: u16 = 256;
    /// A module has a handful of notes; more bytes than this are not read.
    const MAX_NOTES: u64 = 1 << 16;
    /// `PT_DYNAMIC` has one entry a tag; a real one has less than a hundred.
    const MAX_DYNAMIC: u64 = 4096;

    /// Reads the headers at `base`; `None` when there is no ELF executable or shared object, or its headers are not
    /// readable.
    #[must_use]
    pub fn read(memory: &dyn Memory, base: Addr) -> Option<ElfImage> {
        Self::parse(base, |offset, len| memory.read_vec(base.checked_add(offset)?, len).ok())
    }

    /// The headers in a file's bytes, for a module that is loaded at `base`.
    #[must_use]
    pub fn from_file(data: &[u8], base: Addr) -> Option<ElfImage> {
        Self::parse(base, |offset, len| {
            let start = usize::try_from(offset).ok()?;
            data.get(start..start.checked_add(usize::try_from(len).ok()?)?).map(<[u8]>::to_vec)
        })
    }

    fn parse(base: Addr, bytes: impl Fn(u64, u64) -> Option<Vec<u8>>) -> Option<ElfImage> {
        let raw = bytes(0, size_of::<FileHeader64<LE>>() as u64)?;
        let (header, _) = object::pod::from_bytes::<FileHeader64<LE>>(&raw).ok()?;
        let ident = header.e_ident;
        if ident.magic != elf::ELFMAG || ident.class != elf::ELFCLASS64 || ident.data != elf::ELFDATA2LSB {
            return None;
        }
        let kind = header.e_type.get(LE);
        let count = header.e_phnum.get(LE);
        let entry_size = usize::from(header.e_phentsize.get(LE));
        let right_kind = kind == elf::ET_EXEC || kind == elf::ET_DYN;
        if !right_kind || count > Self::MAX_HEADERS || entry_size != size_of::<ProgramHeader64<LE>>() {
            return None;
        }
        let size = entry_size.checked_mul(usize::from(count))?;
        let raw = bytes(header.e_phoff.get(LE), size as u64)?;
        let (segments, _) = object::pod::slice_from_bytes::<ProgramHeader64<LE>>(&raw, usize::from(count)).ok()?;
        let first = segments.iter().find(|s| s.p_type.get(LE) == elf::PT_LOAD)?;
        let bias = base.0.wrapping_sub(first.p_vaddr.get(LE).wrapping_sub(first.p_offset.get(LE)));
        Some(ElfImage {
            base,
            bias,
            machine: header.e_machine.get(LE),
            is_dyn: kind == elf::ET_DYN,
            entry: Addr(bias).wrapping_add(header.e_entry.get(LE)),
            segments: segments.to_vec(),
        })
    }

    /// Program headers of one type.
    pub fn of_type(&self, kind: elf::ProgramType) -> impl Iterator<Item = &ProgramHeader64<LE>> {
        self.segments.iter().filter(move |s| s.p_type.get(LE) == kind)
    }

    /// Address in the process of an address in the file.
    #[must_use]
    pub fn address(&self, vaddr: u64) -> Addr {
        Addr(self.bias.wrapping_add(vaddr))
    }

    /// First address after the last loaded segment, `.bss` included.
    #[must_use]
    pub fn end(&self) -> Addr {
        let end = |s: &ProgramHeader64<LE>| {
            self.address(s.p_vaddr.get(LE)).checked_add(s.p_memsz.get(LE)).unwrap_or(self.base)
        };
        self.of_type(elf::PT_LOAD).map(end).max().unwrap_or(self.base)
    }

    /// The GNU build-id, when the notes are in readable memory.
    #[must_use]
    pub fn build_id(&self, memory: &dyn Memory) -> Option<BuildId> {
        self.of_type(elf::PT_NOTE).find_map(|note| {
            let size = note.p_filesz.get(LE).min(Self::MAX_NOTES);
            let data = memory.read_vec(self.address(note.p_vaddr.get(LE)), size).ok()?;
            build_id_in_notes(&data, note.p_align.get(LE))
        })
    }

    /// Tags and values of `PT_DYNAMIC` up to `DT_NULL`, as they are in memory: empty when it is not readable.
    #[must_use]
    pub fn dynamic(&self, memory: &dyn Memory) -> Vec<(u64, u64)> {
        let Some(header) = self.of_type(elf::PT_DYNAMIC).next() else { return Vec::new() };
        let start = self.address(header.p_vaddr.get(LE));
        let count = (header.p_memsz.get(LE) / 16).min(Self::MAX_DYNAMIC);
        let Ok(data) = memory.read_vec(start, count.saturating_mul(16)) else { return Vec::new() };
        Self::dynamic_entries(&data)
    }

    /// Tags and values in the bytes of a dynamic section, up to `DT_NULL`.
    #[must_use]
    pub fn dynamic_entries(data: &[u8]) -> Vec<(u64, u64)> {
        let word = |b: &[u8]| b.iter().rev().fold(0u64, |acc, b| acc << 8 | u64::from(*b));
        let pair = |b: &[u8]| b.split_at_checked(8).map(|(tag, value)| (word(tag), word(value)));
        data.chunks_exact(16).filter_map(pair).take_while(|(tag, _)| *tag != 0).collect()
    }
}

/// The GNU build-id among ELF notes (`NT_GNU_BUILD_ID` of owner `GNU`).
#[must_use]
pub fn build_id_in_notes(data: &[u8], align: u64) -> Option<BuildId> {
    let notes = NoteIterator::<FileHeader64<LE>>::new(LE, object::U64::new(LE, align).get(LE), data).ok()?;
    // Real ids are 8 (lld's fast one) to 32 bytes long.
    notes
        .map_while(Result::ok)
        .find(|n| n.name() == elf::ELF_NOTE_GNU && n.n_type(LE) == elf::NT_GNU_BUILD_ID)
        .filter(|n| (1..=64).contains(&n.desc().len()))
        .map(|n| BuildId(n.desc().to_vec()))
}
