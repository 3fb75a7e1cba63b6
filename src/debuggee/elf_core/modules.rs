//! Which modules a core has: from NT_FILE, else the dynamic linker's list, else ELF headers in memory.

use super::notes::Notes;
use crate::base::{Abi, Addr, Diagnostic, DiagnosticCode, Diagnostics};
use crate::debuggee::TargetMemory;
use crate::debuggee::elf_modules::{FileMapping, from_link_map, from_mappings, from_scan};
use crate::debuggee::{Module, ProcessInfo};
use crate::os::linux::VDSO;
use crate::os::linux::auxv::AT_SYSINFO_EHDR;

/// All modules, sorted by base.
pub(super) fn find(
    notes: &Notes,
    memory: &TargetMemory,
    abi: &Abi,
    process: &ProcessInfo,
    diagnostics: &Diagnostics,
) -> Vec<Module> {
    let mut modules = if notes.has_files { from_mappings(memory, mapped_files(notes, memory)) } else { Vec::new() };
    let main_path = process.executable.as_deref().unwrap_or_default();
    if modules.is_empty()
        && let Some(phdr) = process.phdr
    {
        modules = from_link_map(memory, abi, phdr, main_path);
        if !modules.is_empty() {
            let text = "the core lists no mapped files (NT_FILE): modules were taken from the dynamic linker's list";
            diagnostics.push(Diagnostic::note(DiagnosticCode::CoreNoFileList, text));
        }
    }
    let vdso = notes.auxv.get(AT_SYSINFO_EHDR).map(Addr);
    if modules.is_empty() {
        let starts = memory.segments().iter().filter(|s| s.available > 0 && Some(s.start) != vdso).map(|s| s.start);
        modules = from_scan(memory, starts);
        let text = "the core lists no mapped files (NT_FILE) and the dynamic linker's list is not readable: modules \
                    were found by their ELF headers";
        diagnostics.push(Diagnostic::warning(DiagnosticCode::CoreNoFileList, text));
    }
    if let Some(base) = vdso {
        if !modules.iter().any(|m| m.base == base) {
            modules.extend(from_scan(memory, [base]));
        }
        modules.iter_mut().filter(|m| m.base == base).for_each(|m| VDSO.clone_into(&mut m.path));
    }
    mark_main(&mut modules, process, main_path);
    modules.sort_by_key(|m| m.base);
    modules
}

/// The mappings of files that the kernel lists.
pub(super) fn mapped_files(notes: &Notes, memory: &TargetMemory) -> Vec<FileMapping> {
    let mapping = |f: &super::notes::MappedFile| {
        // gcore writes no segment for a mapping that it leaves out, and loses the execute flag of the others.
        let segment = memory.segment_at(f.start).filter(|s| s.protection != Default::default());
        FileMapping {
            start: f.start,
            end: f.end,
            file_offset: f.file_offset,
            path: f.path.clone(),
            execute: segment.map(|s| s.protection.execute),
        }
    };
    notes.files.iter().map(mapping).collect()
}

/// The main executable holds `AT_PHDR`; without auxiliary vector it is the one that a linker made as an executable,
/// which the scan has marked.
fn mark_main(modules: &mut [Module], process: &ProcessInfo, main_path: &str) {
    let Some(at) = process.phdr.or(process.entry) else { return };
    for module in modules.iter_mut() {
        module.is_main = module.contains(at);
        if module.is_main && module.path.is_empty() {
            main_path.clone_into(&mut module.path);
        }
    }
}
