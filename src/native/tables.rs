//! [`UnwindTables`]: the call frame information of one module.
//!
//! `.eh_frame` is part of the loaded image: it is read through memory, whether the dump or the module's file serves it. A
//! slim dump is to hold the entries that were used, not all of the section: they alone are read so that it is remembered.

use super::unwind_row::{Row, endian_of};
use crate::base::{Abi, Addr, Budget};
use crate::debuggee::elf_modules::ElfImage;
use crate::debuggee::{Memory, TargetMemory};
use gimli::{BaseAddresses, DebugFrame, EhFrame, EndianSlice, RunTimeEndian, UnwindContext, UnwindSection};
use object::LittleEndian as LE;
use object::elf;
use std::ops::Range;
use std::sync::OnceLock;

type Slice<'a> = EndianSlice<'a, RunTimeEndian>;

/// The most of a memory image that is read for one section.
const MAX_SECTION: u64 = 64 << 20;
/// Size of a page; unreadable ones are passed over.
const PAGE: usize = 4096;
/// The most of an entry that is remembered to be read; those of compilers have some hundred bytes.
const MAX_ENTRY: usize = PAGE;
/// The most FDEs an index built here holds.
const MAX_FDES: usize = 4 << 20;

/// Pointer encodings (LSB core, "DWARF Extensions") of the search table every linker writes.
const DW_EH_PE_UDATA4: u8 = 0x03;
const DW_EH_PE_DATAREL_SDATA4: u8 = 0x3b;
const HDR_TABLE_AT: usize = 12;

/// A section and the address the linker gave it.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its address in the file's own address space.
    pub svma: u64,
}

impl Section {
    /// Where the FDE at `offset` of `.eh_frame` and its CIE lie, with their sizes (LSB core, "Exception Frames": a length that
    /// does not count itself, then the way back to the CIE, 0 in one).
    fn entries_of(&self, offset: usize, abi: &Abi) -> Option<[(usize, usize); 2]> {
        let word = |at: usize| usize::try_from(abi.uint(self.bytes.get(at..at.checked_add(4)?)?)).ok();
        let entry = |at: usize| Some((at, word(at)?.checked_add(4)?.min(MAX_ENTRY)));
        let back = offset.checked_add(4)?;
        Some([entry(offset)?, entry(back.checked_sub(word(back)?)?)?])
    }
}

/// The call frame information of one module.
#[derive(Debug, Default)]
pub struct UnwindTables {
    /// Address in the process minus address in the file.
    pub bias: u64,
    /// `.eh_frame`.
    pub eh_frame: Option<Section>,
    /// `.eh_frame_hdr`.
    pub eh_frame_hdr: Option<Section>,
    /// `.debug_frame`, of the module or its separate debug file.
    pub debug_frame: Option<Section>,
    /// Address of `.text`, base of text-relative pointers.
    pub text_svma: u64,
    eh_index: OnceLock<FdeIndex>,
    debug_index: OnceLock<FdeIndex>,
}

/// FDEs by first address, for sections without a search table.
#[derive(Debug, Default)]
struct FdeIndex(Vec<(u64, u64, usize)>);

impl FdeIndex {
    fn build<'a, S>(section: &S, bases: &BaseAddresses) -> FdeIndex
    where
        S: UnwindSection<Slice<'a>>,
        S::Offset: gimli::UnwindOffset<usize>,
    {
        let mut out = Vec::new();
        let mut entries = section.entries(bases);
        // A damaged entry ends the walk: what follows it cannot be found.
        while let Ok(Some(entry)) = entries.next() {
            if let gimli::CieOrFde::Fde(partial) = entry
                && let Ok(fde) = partial.parse(|s, b, o| s.cie_from_offset(b, o))
                && fde.len() > 0
            {
                out.push((fde.initial_address(), fde.len(), fde.offset()));
                if out.len() >= MAX_FDES {
                    break;
                }
            }
        }
        out.sort_unstable();
        FdeIndex(out)
    }

    fn find(&self, svma: u64) -> Option<usize> {
        let at = self.0.partition_point(|(start, _, _)| *start <= svma).checked_sub(1)?;
        let (start, len, offset) = *self.0.get(at)?;
        (svma.wrapping_sub(start) < len).then_some(offset)
    }
}

impl UnwindTables {
    /// From an ELF image; `None` when it has no call frame information. Pages that are not readable count as zeros: a slim
    /// dump carries only those it needs.
    #[must_use]
    pub fn from_image(memory: &TargetMemory, abi: &Abi, image: &ElfImage) -> Option<UnwindTables> {
        let Some(header) = image.of_type(elf::PT_GNU_EH_FRAME).next() else {
            let section = search_eh_frame(memory, abi, image)?;
            return Some(UnwindTables { bias: image.bias, eh_frame: Some(section), ..UnwindTables::default() });
        };
        let (hdr_svma, hdr_size) = (header.p_vaddr.get(LE), header.p_memsz.get(LE));
        let hdr = read_with_holes(memory, image.address(hdr_svma), hdr_size)?;
        let eh_frame_svma = eh_frame_address(&hdr, hdr_svma, abi)?;
        // The section's size is nowhere in memory; its end mark stops every walk over it.
        let end = image.of_type(elf::PT_LOAD).find_map(|load| {
            let (start, size) = (load.p_vaddr.get(LE), load.p_memsz.get(LE));
            (eh_frame_svma.wrapping_sub(start) < size).then(|| start.checked_add(size)).flatten()
        })?;
        let size = end.checked_sub(eh_frame_svma)?;
        // Megabytes, of which a few entries are used: `read_used`.
        let eh_frame = read_with_holes(&memory.stored(), image.address(eh_frame_svma), size)?;
        Some(UnwindTables {
            bias: image.bias,
            eh_frame: Some(Section { bytes: eh_frame, svma: eh_frame_svma }),
            eh_frame_hdr: Some(Section { bytes: hdr, svma: hdr_svma }),
            ..UnwindTables::default()
        })
    }

    /// From a section that lies in memory by itself, as that of code made at run time.
    #[must_use]
    pub fn of_section(memory: &TargetMemory, place: &Range<Addr>) -> Option<UnwindTables> {
        let bytes = read_with_holes(memory, place.start, place.end.distance_from(place.start)?)?;
        let section = Section { bytes, svma: place.start.0 };
        Some(UnwindTables { eh_frame: Some(section), ..UnwindTables::default() })
    }

    /// The row for `addr`; `None` when no FDE covers it or the entry is damaged.
    #[must_use]
    pub fn row(&self, memory: &TargetMemory, addr: Addr, abi: &Abi) -> Option<Row> {
        let svma = addr.0.wrapping_sub(self.bias);
        let in_memory =
            self.with_eh_frame(memory, svma, abi, |frame, bases, offset| row_at(frame, bases, offset, svma));
        in_memory.or_else(|| self.debug_frame_row(svma, abi))
    }

    /// The function (or the part of it) that `addr` lies in, by its FDE in `.eh_frame`: told without any symbol.
    #[must_use]
    pub fn function(&self, memory: &TargetMemory, addr: Addr, abi: &Abi) -> Option<Range<Addr>> {
        let svma = addr.0.wrapping_sub(self.bias);
        let (start, len) = self.with_eh_frame(memory, svma, abi, |frame, bases, offset| {
            let fde = frame.fde_from_offset(bases, offset.into(), |s, b, o| s.cie_from_offset(b, o)).ok()?;
            let inside = svma.wrapping_sub(fde.initial_address()) < fde.len();
            inside.then(|| (fde.initial_address(), fde.len()))
        })?;
        let start = Addr(start.wrapping_add(self.bias));
        Some(start..start.wrapping_add(len))
    }

    /// Calls `f` with the offset of the FDE that may cover `svma`.
    fn with_eh_frame<T>(
        &self,
        memory: &TargetMemory,
        svma: u64,
        abi: &Abi,
        f: impl FnOnce(&EhFrame<Slice<'_>>, &BaseAddresses, usize) -> Option<T>,
    ) -> Option<T> {
        let section = self.eh_frame.as_ref()?;
        let bases = BaseAddresses::default()
            .set_eh_frame(section.svma)
            .set_eh_frame_hdr(self.eh_frame_hdr.as_ref().map_or(0, |s| s.svma))
            .set_text(self.text_svma);
        let mut frame = EhFrame::new(&section.bytes, endian_of(abi));
        frame.set_address_size(abi.pointer_size());
        if crate::arch::cpu(abi.arch).unwind.signs_return_addresses {
            frame.set_vendor(gimli::Vendor::AArch64);
        }
        let start = Addr(section.svma.wrapping_add(self.bias));
        let offset = match self.eh_frame_hdr.as_ref().and_then(|hdr| SearchTable::parse(hdr, section.svma, abi)) {
            Some(table) => table.find(svma)?,
            None => {
                let index = self.eh_index.get_or_init(|| {
                    // Every entry is used.
                    let whole = section.bytes.chunks(PAGE).enumerate();
                    whole.for_each(|(at, part)| read_used(memory, start, at.saturating_mul(PAGE), part.len()));
                    FdeIndex::build(&frame, &bases)
                });
                index.find(svma)?
            }
        };
        for (at, len) in section.entries_of(offset, abi)? {
            read_used(memory, start, at, len);
        }
        f(&frame, &bases, offset)
    }

    fn debug_frame_row(&self, svma: u64, abi: &Abi) -> Option<Row> {
        let section = self.debug_frame.as_ref()?;
        let bases = BaseAddresses::default().set_text(self.text_svma);
        let mut frame = DebugFrame::new(&section.bytes, endian_of(abi));
        frame.set_address_size(abi.pointer_size());
        let offset = self.debug_index.get_or_init(|| FdeIndex::build(&frame, &bases)).find(svma)?;
        row_at(&frame, &bases, offset, svma)
    }
}

fn row_at<'a, S>(section: &S, bases: &BaseAddresses, offset: usize, svma: u64) -> Option<Row>
where
    S: UnwindSection<Slice<'a>>,
    S::Offset: From<usize> + gimli::UnwindOffset<usize>,
{
    let fde = section.fde_from_offset(bases, offset.into(), |s, b, o| s.cie_from_offset(b, o)).ok()?;
    if svma.wrapping_sub(fde.initial_address()) >= fde.len() {
        return None;
    }
    let mut context = UnwindContext::new();
    let row = fde.unwind_info_for_address(section, bases, &mut context, svma).ok()?;
    let cie = fde.cie();
    Row::compile(section, row, cie.encoding(), cie.return_address_register(), fde.is_signal_trampoline()).ok()
}

/// The binary search table of `.eh_frame_hdr` in the one encoding linkers write. (gimli's look-up does unchecked
/// arithmetic on the counts of this section, which here come from a dump.)
struct SearchTable<'a> {
    entries: &'a [[u8; 8]],
    hdr_svma: u64,
    eh_frame_svma: u64,
    abi: Abi,
}

impl<'a> SearchTable<'a> {
    fn parse(hdr: &'a Section, eh_frame_svma: u64, abi: &Abi) -> Option<SearchTable<'a>> {
        let bytes = hdr.bytes.as_slice();
        let [1, _, DW_EH_PE_UDATA4, DW_EH_PE_DATAREL_SDATA4] = *bytes.first_chunk::<4>()? else { return None };
        let count = usize::try_from(abi.uint(bytes.get(8..HDR_TABLE_AT)?)).ok()?;
        let (entries, _) = bytes.get(HDR_TABLE_AT..)?.as_chunks::<8>();
        let entries = entries.get(..count.min(entries.len()))?;
        Some(SearchTable { entries, hdr_svma: hdr.svma, eh_frame_svma, abi: *abi }).filter(|t| !t.entries.is_empty())
    }

    fn relative(&self, bytes: &[u8]) -> u64 {
        let value = u32::try_from(self.abi.uint(bytes)).unwrap_or_default().cast_signed();
        self.hdr_svma.wrapping_add_signed(i64::from(value))
    }

    /// Offset in `.eh_frame` of the FDE that starts last at or before `svma`.
    fn find(&self, svma: u64) -> Option<usize> {
        let start = |e: &[u8; 8]| self.relative(e.first_chunk::<4>().map_or(&[][..], |b| &b[..]));
        let at = self.entries.partition_point(|e| start(e) <= svma).checked_sub(1)?;
        let fde = self.relative(self.entries.get(at)?.last_chunk::<4>()?);
        usize::try_from(fde.checked_sub(self.eh_frame_svma)?).ok()
    }
}

/// `.eh_frame` of an image without `PT_GNU_EH_FRAME` (static programs that are not position-independent: their start-up
/// code registers the section), known by its form: entries one after the other, the first of them a CIE, to a length of 0.
/// The longest such chain is it.
fn search_eh_frame(memory: &TargetMemory, abi: &Abi, image: &ElfImage) -> Option<Section> {
    let mut best: Option<Section> = None;
    let entries = Budget::new("entries of call frame information", MAX_FDES as u64);
    for load in image.of_type(elf::PT_LOAD).filter(|load| !load.p_flags.get(LE).contains(elf::PF_W)) {
        let (svma, size) = (load.p_vaddr.get(LE), load.p_filesz.get(LE));
        let Some(bytes) = read_with_holes(&memory.stored(), image.address(svma), size) else { continue };
        let mut at = 0usize;
        while let Some(found) = first_cie(&bytes, at) {
            let end = chain_end(&bytes, found, abi, &entries);
            let length = end.map_or(0, |end| end.saturating_sub(found));
            if best.as_ref().is_none_or(|best| best.bytes.len() < length)
                && let Some(part) = end.and_then(|end| bytes.get(found..end))
            {
                best = Some(Section { bytes: part.to_vec(), svma: svma.wrapping_add(found as u64) });
            }
            at = end.unwrap_or(found).max(found.saturating_add(4));
        }
    }
    best
}

/// The first place from `from` on that looks like a CIE of GCC or Clang: id 0, version 1, an augmentation that begins with `z`.
fn first_cie(bytes: &[u8], from: usize) -> Option<usize> {
    const START: [u8; 6] = [0, 0, 0, 0, 1, b'z'];
    let mut at = from;
    loop {
        let length =
            bytes.get(at..)?.windows(START.len().saturating_add(4)).position(|window| window.ends_with(&START))?;
        at = at.checked_add(length)?;
        if at.is_multiple_of(4) {
            return Some(at);
        }
        at = at.checked_add(1)?;
    }
}

/// Where a chain of entries that begins at `from` ends: at a length of 0, or with the bytes. `None` where one is no entry.
fn chain_end(bytes: &[u8], from: usize, abi: &Abi, entries: &Budget) -> Option<usize> {
    let word = |at: usize| bytes.get(at..at.checked_add(4)?).map(|b| abi.uint(b));
    let mut at = from;
    loop {
        entries.spend(1).ok()?;
        let length = match word(at) {
            None | Some(0) => return Some(at),
            Some(length) => usize::try_from(length).ok().filter(|n| *n >= 8 && n % 4 == 0 && *n < MAX_ENTRY * 16)?,
        };
        // A CIE, or the way back to one that the chain has.
        let back = usize::try_from(word(at.checked_add(4)?)?).ok()?;
        if back != 0 && at.checked_add(4)?.checked_sub(back)? < from {
            return None;
        }
        at = at.checked_add(4)?.checked_add(length)?;
    }
}

/// `eh_frame_ptr` of the header, for the encodings `pcrel|sdata4`, `datarel|sdata4` and `absptr`.
fn eh_frame_address(hdr: &[u8], hdr_vaddr: u64, abi: &Abi) -> Option<u64> {
    let word = abi.uint(hdr.get(4..8)?);
    let signed = i64::from(u32::try_from(word).ok()?.cast_signed());
    match *hdr.get(1)? {
        0x1b => Some(hdr_vaddr.wrapping_add(4).wrapping_add_signed(signed)),
        0x3b => Some(hdr_vaddr.wrapping_add_signed(signed)),
        0x00 => Some(abi.uint(hdr.get(4..12)?)),
        _ => None,
    }
}

/// Reads `len` bytes, at most a page of them, at an offset from `start`: those that were used of a section that was read as
/// it is stored, as others count.
fn read_used(memory: &TargetMemory, start: Addr, offset: usize, len: usize) {
    let mut page = [0; PAGE];
    // What is not there was zeros to whoever looked at the section.
    let _ = memory.read(start.wrapping_add(offset as u64), page.get_mut(..len.min(PAGE)).unwrap_or_default());
}

/// `size` bytes at `addr`, unreadable pages as zeros; `None` when no page is readable or the size is absurd.
fn read_with_holes(memory: &dyn Memory, addr: Addr, size: u64) -> Option<Vec<u8>> {
    if size == 0 || size > MAX_SECTION {
        return None;
    }
    let mut out = vec![0u8; usize::try_from(size).ok()?];
    if memory.read(addr, &mut out).is_ok() {
        return Some(out);
    }
    let mut readable = false;
    let mut done = 0usize;
    while done < out.len() {
        let at = addr.checked_add(done as u64)?;
        let to_next = PAGE.wrapping_sub(usize::try_from(at.0 % PAGE as u64).ok()?);
        let step = to_next.min(out.len().saturating_sub(done));
        let page = out.get_mut(done..done.checked_add(step)?)?;
        match memory.read(at, page) {
            Ok(()) => readable = true,
            Err(_) => page.fill(0),
        }
        done = done.checked_add(step)?;
    }
    readable.then_some(out)
}
