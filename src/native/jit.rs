//! Code that was made at run time and announced to debuggers: names, sizes and lines from the object files in memory.
//!
//! LLVM (numba and others) and other makers keep a list for gdb (gdb's manual, "JIT Interface"): `__jit_debug_descriptor` is
//! version, action, the entry of the last change, the first entry; an entry is next, previous, address and size of an ELF
//! file in memory. LLVM writes the addresses of its sections into its headers.

use super::dwarf::{DwarfSource, SectionData, SourceFrame, functions_at};
use super::symbolize::Symbol;
use crate::base::Addr;
use crate::debuggee::{MemoryExt as _, Target};
use crate::image::{Images, SymbolSource};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, RelocationKind, RelocationTarget, SymbolKind};
use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Name of the list's head.
const DESCRIPTOR: &str = "__jit_debug_descriptor";
/// The only version of the interface.
const VERSION: u64 = 1;
/// Entries of one list.
const MAX_ENTRIES: usize = 50_000;
/// Longest file, and bytes of all.
const MAX_FILE: u64 = 64 << 20;
const MAX_TOTAL: u64 = 256 << 20;

/// A function of such code.
#[derive(Clone, Debug)]
struct Function {
    start: Addr,
    size: u64,
    name: String,
    /// Index of its file.
    file: usize,
}

/// All code that debuggers were told of.
#[derive(Debug, Default)]
pub struct JitCode {
    files: Vec<Arc<Vec<u8>>>,
    /// By address.
    functions: Vec<Function>,
}

impl JitCode {
    /// Reads the lists of all modules.
    #[must_use]
    pub fn read(target: &Target, images: &Images) -> JitCode {
        let mut out = JitCode::default();
        let mut seen = HashSet::new();
        let mut left = MAX_TOTAL;
        for image in images.iter() {
            let sources = [SymbolSource::Dynsym, SymbolSource::Symtab, SymbolSource::DebugFile];
            let found = sources.into_iter().find_map(|how| image.find_symbol(target, DESCRIPTOR, how).pop());
            if let Some(head) = found.filter(|head| seen.insert(head.addr)) {
                out.add_list(target, head.addr, &mut left);
            }
        }
        out.functions.sort_by_key(|function| function.start);
        out
    }

    fn add_list(&mut self, target: &Target, head: Addr, left: &mut u64) {
        let (memory, abi) = (&target.memory, &target.abi);
        let width = u64::from(abi.pointer_size());
        let word = |at: Addr, index: u64| memory.read_ptr(abi, at.wrapping_add(index.saturating_mul(width))).ok();
        // Version and action are of 32 bits each.
        if memory.read_uint(abi, head, 4).ok() != Some(VERSION) {
            return;
        }
        let first = head.wrapping_add(8).wrapping_add(width);
        let mut next = memory.read_ptr(abi, first).ok();
        let mut seen = HashSet::new();
        while let Some(entry) = next.filter(|at| !at.is_null() && seen.len() < MAX_ENTRIES && seen.insert(*at)) {
            let size = memory.read_uint(abi, entry.wrapping_add(width.saturating_mul(3)), 8).ok();
            if let (Some(at), Some(size)) = (word(entry, 2), size.filter(|size| *size <= MAX_FILE.min(*left)))
                && let Ok(bytes) = memory.read_vec(at, size)
            {
                *left = left.saturating_sub(size);
                self.add_file(bytes);
            }
            next = word(entry, 0);
        }
    }

    fn add_file(&mut self, bytes: Vec<u8>) {
        let index = self.files.len();
        {
            let Ok(file) = object::File::parse(bytes.as_slice()) else { return };
            let relative = file.kind() == object::ObjectKind::Relocatable;
            for symbol in file.symbols().filter(|s| s.kind() == SymbolKind::Text && s.size() > 0) {
                let section = symbol.section_index().and_then(|at| file.section_by_index(at).ok());
                let Some(section) = section else { continue };
                let base = if relative { section.address() } else { 0 };
                let Ok(name) = symbol.name() else { continue };
                if section.address() == 0 || name.is_empty() {
                    continue;
                }
                let start = Addr(base.wrapping_add(symbol.address()));
                self.functions.push(Function { start, size: symbol.size(), name: name.to_owned(), file: index });
            }
        }
        self.files.push(Arc::new(bytes));
    }

    /// The function that `addr` lies in, and what its file's DWARF says of the place.
    #[must_use]
    pub fn at(&self, target: &Target, addr: Addr) -> Option<(Symbol, Vec<SourceFrame>)> {
        let index = self.functions.partition_point(|function| function.start <= addr).checked_sub(1)?;
        let function = self.functions.get(index)?;
        let offset = addr.distance_from(function.start).filter(|offset| *offset < function.size)?;
        let symbol =
            Symbol { name: function.name.clone(), start: function.start, offset, size: function.size, in_memory: true };
        let source = InMemory(Arc::clone(self.files.get(function.file)?));
        let lines = functions_at(&source, &target.abi, &[addr.0]).ok();
        Some((symbol, lines.and_then(|mut found| found.at.pop()).unwrap_or_default()))
    }
}

impl JitCode {
    /// The file whose function `addr` lies in, and where the process has its `.eh_frame`: LLVM loads that section, applies its
    /// relocations there, and writes the place into the file's header.
    #[must_use]
    pub(super) fn eh_frame(&self, addr: Addr) -> Option<(usize, Range<Addr>)> {
        let index = self.functions.partition_point(|function| function.start <= addr).checked_sub(1)?;
        let function = self.functions.get(index)?;
        addr.distance_from(function.start).filter(|offset| *offset < function.size)?;
        let file = object::File::parse(self.files.get(function.file)?.as_slice()).ok()?;
        let section = file.section_by_name(".eh_frame")?;
        let start = Addr(section.address());
        let known = !start.is_null() && section.size() > 0;
        known.then(|| (function.file, start..start.wrapping_add(section.size())))
    }
}

/// A section with the addresses that its relocations stand for: what debuggers do, LLVM applies those of loaded sections only.
fn relocated(file: &object::File<'_>, name: &str) -> Option<Vec<u8>> {
    let section = file.section_by_name(name)?;
    let mut data = section.data().ok()?.to_vec();
    for (offset, relocation) in section.relocations() {
        let RelocationTarget::Symbol(index) = relocation.target() else { continue };
        let Ok(symbol) = file.symbol_by_index(index) else { continue };
        let of = symbol.section_index().and_then(|at| file.section_by_index(at).ok());
        let base = of.map_or(0, |section| section.address()).wrapping_add(symbol.address());
        let value = base.wrapping_add_signed(relocation.addend());
        let size = usize::from(relocation.size() / 8);
        if relocation.kind() != RelocationKind::Absolute || !matches!(size, 4 | 8) {
            continue;
        }
        let Ok(start) = usize::try_from(offset) else { continue };
        let place = start.checked_add(size).and_then(|end| data.get_mut(start..end));
        // Both processors whose code numba makes are little-endian.
        if let (Some(place), Some(value)) = (place, value.to_le_bytes().get(..size)) {
            place.copy_from_slice(value);
        }
    }
    Some(data)
}

/// DWARF of a file in memory.
struct InMemory(Arc<Vec<u8>>);

impl DwarfSource for InMemory {
    fn section(&self, name: &str) -> SectionData {
        let file = object::File::parse(self.0.as_slice()).ok();
        Arc::new(file.and_then(|file| relocated(&file, name)).unwrap_or_default())
    }

    fn supplementary(&self, _name: &str) -> Option<SectionData> {
        None
    }

    fn split(&self, _path: &Path, _name: &str) -> Option<SectionData> {
        None
    }

    fn package(&self, _name: &str) -> Option<SectionData> {
        None
    }
}
