//! Modules from the dynamic linker's own list: `DT_DEBUG` -> `struct r_debug` -> `struct link_map` (glibc and musl
//! `link.h`, the same in both).

use super::ElfImage;
use crate::base::{Abi, Addr};
use crate::debuggee::{Mapping, Memory, MemoryExt as _, Module};
use object::LittleEndian as LE;
use object::elf;
use std::collections::HashSet;

/// More libraries than any process has.
const MAX_MODULES: usize = 10_000;
const MAX_PATH: usize = 4096;
const DT_DEBUG: u64 = 21;

/// Modules of the list that starts in the main executable, whose program headers are at `phdr` (`AT_PHDR`). The main
/// executable, which has no name in the list, gets `main_path`. Empty when the chain cannot be read.
#[must_use]
pub fn from_link_map(memory: &dyn Memory, abi: &Abi, phdr: Addr, main_path: &str) -> Vec<Module> {
    let Some(main) = main_image(memory, phdr) else { return Vec::new() };
    from_main_image(memory, abi, &main, main_path, &|_, _| None)
}

/// The same from the headers of the main executable, wherever they were read. `headers_of`: headers of a library, by name
/// and load address, that are not in memory.
#[must_use]
pub fn from_main_image(
    memory: &dyn Memory,
    abi: &Abi,
    main: &ElfImage,
    main_path: &str,
    headers_of: &dyn Fn(&str, Addr) -> Option<ElfImage>,
) -> Vec<Module> {
    let mut modules = vec![module(memory, main, main_path.to_owned(), true)];
    let r_debug = main.dynamic(memory).iter().find(|(tag, _)| *tag == DT_DEBUG).map(|(_, value)| Addr(*value));
    // r_debug: int r_version, (pad), r_map.
    let mut next = r_debug.and_then(|at| memory.read_ptr(abi, at.wrapping_add(8)).ok());
    let mut seen = HashSet::new();
    while let Some(at) = next.filter(|at| !at.is_null() && seen.insert(*at) && modules.len() < MAX_MODULES) {
        let Ok(entry) = Entry::read(memory, abi, at) else { break };
        next = Some(entry.next);
        // The first entry is the main executable itself.
        let image = ElfImage::read(memory, entry.load_address);
        if let Some(image) = image.or_else(|| headers_of(&entry.name, entry.load_address))
            && !modules.iter().any(|m| m.base == image.base)
        {
            modules.push(module(memory, &image, entry.name, false));
        }
    }
    modules.sort_by_key(|m| m.base);
    modules
}

/// `struct link_map`: `l_addr`, `l_name`, `l_ld`, `l_next`, `l_prev`.
struct Entry {
    load_address: Addr,
    name: String,
    next: Addr,
}

impl Entry {
    fn read(memory: &dyn Memory, abi: &Abi, at: Addr) -> Result<Entry, crate::debuggee::ReadError> {
        let width = u64::from(abi.pointer_size());
        let field = |index: u64| memory.read_ptr(abi, at.wrapping_add(index.saturating_mul(width)));
        let name = memory.read_cstr(field(1)?, MAX_PATH).unwrap_or_default();
        Ok(Entry { load_address: field(0)?, name: String::from_utf8_lossy(&name).into_owned(), next: field(3)? })
    }
}

/// The ELF header before `AT_PHDR`: every linker puts the program headers right after it; otherwise it begins the
/// page.
fn main_image(memory: &dyn Memory, phdr: Addr) -> Option<ElfImage> {
    let page = Addr(phdr.0 & !0xfff);
    [phdr.checked_sub(64)?, page].into_iter().find_map(|base| ElfImage::read(memory, base))
}

/// A module with the mappings its headers ask for.
pub(super) fn module(memory: &dyn Memory, image: &ElfImage, path: String, is_main: bool) -> Module {
    let mut mappings: Vec<Mapping> = image.of_type(elf::PT_LOAD).filter_map(|s| mapping(image, s)).collect();
    mappings.sort_by_key(|m| m.start);
    Module {
        path,
        base: image.base,
        end: mappings.iter().map(|m| m.end).max().unwrap_or(image.base),
        build_id: image.build_id(memory),
        mappings,
        version: None,
        is_main,
    }
}

/// The pages that hold the file bytes of a segment (4 KiB ones: with larger pages the mapping is wider, never
/// narrower).
fn mapping(image: &ElfImage, segment: &elf::ProgramHeader64<LE>) -> Option<Mapping> {
    let vaddr = segment.p_vaddr.get(LE);
    let offset = segment.p_offset.get(LE);
    let size = Some(segment.p_filesz.get(LE)).filter(|size| *size > 0)?;
    let start = image.address(vaddr & !0xfff);
    let end = image.address(vaddr).checked_add(size)?.checked_add(0xfff)?;
    let end = Addr(end.0 & !0xfff);
    (start < end).then_some(Mapping { start, end, file_offset: offset & !0xfff })
}
