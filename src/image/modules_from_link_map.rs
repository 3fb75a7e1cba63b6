//! Modules of a core that names no files and holds no ELF headers: from the main executable's file and the dynamic
//! linker's list. (Cores of qemu's user mode are such; so are those of a kernel whose coredump_filter leaves the header
//! pages out, from before NT_FILE.)

use super::SearchOptions;
use super::find::candidates;
use super::host_file::HostFile;
use crate::base::{Addr, Diagnostic, DiagnosticCode};
use crate::debuggee::elf_modules::{ElfImage, from_main_image};
use crate::debuggee::{Module, SourceKind, Target};
use object::elf;

/// The program headers follow the ELF header in all files that linkers write.
const ELF_HEADER: u64 = 64;

/// Fills in the modules of `target` where its main executable is not among them. What is found by name is verified like
/// all module files, later.
pub(super) fn complete(target: &mut Target, options: &SearchOptions) {
    let known = target.modules.iter().any(|m| m.is_main);
    let (SourceKind::ElfCore, false, false) = (target.source, known, options.no_files) else { return };
    let Some(base) = target.process.phdr.and_then(|at| at.checked_sub(ELF_HEADER)) else { return };
    let path = target.process.executable.clone().unwrap_or_default();
    let Some(main) = headers(&path, base, true, options) else { return };
    // The headers must be where the kernel says they are.
    let placed = main
        .of_type(elf::PT_PHDR)
        .next()
        .is_none_or(|h| main.address(h.p_vaddr.get(object::LittleEndian)) == base.wrapping_add(ELF_HEADER));
    if !placed {
        return;
    }
    let library = |name: &str, at: Addr| headers(name, at, false, options);
    let found = from_main_image(&target.memory, &target.abi, &main, &path, &library);
    let added: Vec<Module> =
        found.into_iter().filter(|m| !target.modules.iter().any(|known| known.base == m.base)).collect();
    let text = format!("{} modules were found by the files of the executable and of its libraries", added.len());
    target.diagnostics.push(Diagnostic::note(DiagnosticCode::ModulesByFiles, text));
    target.modules.extend(added);
    target.modules.sort_by_key(|m| m.base);
}

/// Headers in the file of this name, as loaded at `base`.
fn headers(path: &str, base: Addr, is_main: bool, options: &SearchOptions) -> Option<ElfImage> {
    let module =
        Module { path: path.to_owned(), base, end: base, build_id: None, mappings: Vec::new(), version: None, is_main };
    candidates(&module, options).into_iter().find_map(|c| HostFile::open(&c.place).ok()?.headers(base))
}
