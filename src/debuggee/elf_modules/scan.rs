//! The last resort: modules from ELF headers at the start of mappings.

use super::{ElfImage, link_map};
use crate::base::Addr;
use crate::debuggee::{Memory, MemoryExt as _, Module};
use object::LittleEndian as LE;
use object::elf;

const MAX_MODULES: usize = 10_000;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;
const DT_DEBUG: u64 = 21;
const MAX_NAME: usize = 1024;

/// Modules whose ELF header begins one of `starts`, and whose `PT_DYNAMIC` or first segment shows that they are
/// loaded there; executables are marked as main. Their path is the `DT_SONAME`, or empty.
#[must_use]
pub fn from_scan(memory: &dyn Memory, starts: impl IntoIterator<Item = Addr>) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    for base in starts {
        let inside = modules.last().is_some_and(|m| m.base <= base && base < m.end);
        if inside || modules.len() >= MAX_MODULES {
            continue;
        }
        if let Some(image) = ElfImage::read(memory, base).filter(|image| is_loaded(memory, image)) {
            let dynamic = image.dynamic(memory);
            let name = soname(memory, &image, &dynamic).unwrap_or_default();
            // Linkers write DT_DEBUG into executables only.
            let is_main = dynamic.iter().any(|(tag, _)| *tag == DT_DEBUG);
            modules.push(link_map::module(memory, &image, name, is_main));
        }
    }
    modules
}

/// Data segments of a loaded file are in the dump; a file that is only mapped for reading has none where its headers
/// say. Files without writable segment are taken at their word.
fn is_loaded(memory: &dyn Memory, image: &ElfImage) -> bool {
    let writable = |s: &&elf::ProgramHeader64<LE>| s.p_flags.get(LE).0 & elf::PF_W.0 != 0;
    image.of_type(elf::PT_LOAD).filter(writable).all(|s| memory.read_u8(image.address(s.p_vaddr.get(LE))).is_ok())
}

/// `DT_SONAME`. `DT_STRTAB` holds an address, relocated by glibc and not by musl.
fn soname(memory: &dyn Memory, image: &ElfImage, dynamic: &[(u64, u64)]) -> Option<String> {
    let value = |tag: u64| dynamic.iter().find(|(t, _)| *t == tag).map(|(_, v)| *v);
    let (strtab, offset) = (value(DT_STRTAB)?, value(DT_SONAME)?);
    [Addr(strtab), image.address(strtab)].into_iter().find_map(|table| {
        let name = memory.read_cstr(table.checked_add(offset)?, MAX_NAME).ok()?;
        let name = String::from_utf8(name).ok()?;
        (!name.is_empty() && !name.contains(char::is_control)).then_some(name)
    })
}
