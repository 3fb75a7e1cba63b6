//! Headers of an ELF core (gABI chapters 4 and 5; `PN_XNUM` as in Linux `elf(5)`).

use super::plan::{Kind, Piece};
use crate::base::{Abi, Endian};
use crate::debuggee::Protection;

const PT_LOAD: u64 = 1;
const PT_NOTE: u64 = 4;
const ET_CORE: u64 = 4;
/// "The count is in `sh_info` of section 0."
const PN_XNUM: u64 = 0xffff;
/// Memory starts on such a border of the file, so that aligned pieces stay aligned.
const ALIGN: u64 = 4096;

/// Integers in a target's byte order, appended to a buffer.
#[derive(Debug)]
pub struct Encoder {
    out: Vec<u8>,
    abi: Abi,
}

impl Encoder {
    /// An empty buffer.
    pub fn new(abi: Abi) -> Self {
        Encoder { out: Vec::new(), abi }
    }

    /// The low `width` bytes of `value`.
    pub fn uint(&mut self, value: u64, width: usize) -> &mut Self {
        self.out.extend(self.abi.bytes(value, width));
        self
    }

    /// An address-sized integer.
    pub fn word(&mut self, value: u64) -> &mut Self {
        self.uint(value, usize::from(self.abi.pointer_size()))
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend_from_slice(bytes);
        self
    }

    /// `bytes` cut or zero-filled to `width`.
    pub fn field(&mut self, bytes: &[u8], width: usize) -> &mut Self {
        let used = bytes.get(..width).unwrap_or(bytes);
        self.out.extend_from_slice(used);
        self.out.resize(self.out.len().saturating_add(width.saturating_sub(used.len())), 0);
        self
    }

    /// Zeros up to offset `to` from the start of the buffer.
    pub fn pad_to(&mut self, to: usize) -> &mut Self {
        if self.out.len() < to {
            self.out.resize(to, 0);
        }
        self
    }

    /// Zeros up to the next multiple of `border`.
    pub fn align(&mut self, border: usize) -> &mut Self {
        let to = self.out.len().next_multiple_of(border.max(1));
        self.pad_to(to)
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }
}

/// Where everything lies in the file.
#[derive(Debug)]
pub struct Layout {
    abi: Abi,
    machine: u16,
    pieces: Vec<Piece>,
    notes_size: u64,
}

impl Layout {
    /// The layout of a core of these pieces.
    pub fn new(abi: Abi, machine: u16, notes_size: u64, pieces: Vec<Piece>) -> Self {
        Layout { abi, machine, pieces, notes_size }
    }

    /// The pieces, in the order of their bytes in the file.
    pub fn into_pieces(self) -> Vec<Piece> {
        self.pieces
    }

    /// ELF header, program header, section header (64 bits).
    fn header_sizes(&self) -> (u64, u64, u64) {
        (64, 56, 64)
    }

    fn program_header_count(&self) -> u64 {
        (self.pieces.len() as u64).saturating_add(1)
    }

    fn extended(&self) -> bool {
        self.program_header_count() >= PN_XNUM
    }

    fn notes_offset(&self) -> u64 {
        let (ehdr, phdr, shdr) = self.header_sizes();
        let sections = if self.extended() { shdr } else { 0 };
        ehdr.saturating_add(phdr.saturating_mul(self.program_header_count())).saturating_add(sections)
    }

    /// Where the memory begins.
    pub fn data_offset(&self) -> u64 {
        self.notes_offset().saturating_add(self.notes_size).next_multiple_of(ALIGN)
    }

    fn file_size(&self) -> u64 {
        let stored = self.pieces.iter().filter(|p| p.kind == Kind::Present).map(|p| p.size);
        stored.fold(self.data_offset(), u64::saturating_add)
    }

    /// ELF header, program headers and, for very many pieces, the section header that counts them.
    pub fn headers(&self) -> Vec<u8> {
        let mut e = Encoder::new(self.abi);
        let (ehdr, phdr, shdr) = self.header_sizes();
        let count = self.program_header_count();
        let endian = if self.abi.endian == Endian::Little { 1 } else { 2 };
        e.bytes(&[0x7f, b'E', b'L', b'F', 2, endian, 1]).pad_to(16);
        e.uint(ET_CORE, 2).uint(u64::from(self.machine), 2).uint(1, 4);
        let (shoff, shnum) =
            if self.extended() { (ehdr.saturating_add(phdr.saturating_mul(count)), 1) } else { (0, 0) };
        e.word(0).word(ehdr).word(shoff).uint(0, 4);
        e.uint(ehdr, 2).uint(phdr, 2).uint(count.min(PN_XNUM), 2);
        e.uint(if shnum > 0 { shdr } else { 0 }, 2).uint(shnum, 2).uint(0, 2);
        let no_access = Protection::default();
        self.program_header(&mut e, PT_NOTE, no_access, [self.notes_offset(), 0, self.notes_size, 0], 4);
        let end = self.file_size();
        let mut offset = self.data_offset();
        for piece in &self.pieces {
            let (at, stored) = match piece.kind {
                Kind::Present => (offset, piece.size),
                Kind::Absent => (offset, 0),
                // Points after the end of the file, as in the original.
                Kind::Lost => (end, piece.size),
            };
            let align = if at.wrapping_sub(piece.start.0) % ALIGN == 0 { ALIGN } else { 1 };
            self.program_header(&mut e, PT_LOAD, piece.protection, [at, piece.start.0, stored, piece.size], align);
            if piece.kind == Kind::Present {
                offset = offset.saturating_add(piece.size);
            }
        }
        if self.extended() {
            // sh_name, sh_type (SHT_NULL), sh_flags, sh_addr, sh_offset, sh_size (number of sections), sh_link,
            // sh_info (number of program headers), sh_addralign, sh_entsize.
            e.uint(0, 4).uint(0, 4).word(0).word(0).word(0).word(1).uint(0, 4).uint(count, 4).word(0).word(0);
        }
        e.finish()
    }

    /// `place` is offset, address, size in the file, size in memory.
    fn program_header(&self, e: &mut Encoder, kind: u64, prot: Protection, place: [u64; 4], align: u64) {
        let [offset, addr, file_size, mem_size] = place;
        let bits = [(prot.execute, 1), (prot.write, 2), (prot.read, 4)];
        let flags = bits.iter().filter(|(on, _)| *on).map(|(_, bit)| *bit).sum();
        e.uint(kind, 4);
        e.uint(flags, 4);
        e.word(offset).word(addr).word(0).word(file_size).word(mem_size);
        e.word(align);
    }
}
