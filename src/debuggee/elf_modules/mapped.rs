//! Modules from a list of mapped files (NT_FILE, `/proc/PID/maps`).

use super::ElfImage;
use crate::base::{Addr, file_name};
use crate::debuggee::{Mapping, Memory, Module};
use object::LittleEndian as LE;
use object::elf;
use std::collections::HashMap;

/// One mapped piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMapping {
    /// First address.
    pub start: Addr,
    /// First address after it.
    pub end: Addr,
    /// Offset in the file, in bytes.
    pub file_offset: u64,
    /// Path, as the process saw it.
    pub path: String,
    /// Whether it is mapped executable; `None` when the source does not tell (mappings that gcore leaves out).
    pub execute: Option<bool>,
}

/// Modules among mapped files: those whose ELF header is in memory with segments mapped where it says, and those
/// whose header is not in the dump but which have executable memory. Files mapped as data (locale archives, an ELF
/// file that someone only reads) are left out.
#[must_use]
pub fn from_mappings(memory: &dyn Memory, mut files: Vec<FileMapping>) -> Vec<Module> {
    files.retain(|f| f.start < f.end);
    files.sort_by_key(|f| f.start);
    groups(files).into_iter().filter_map(|group| first_module(memory, &group)).collect()
}

/// The module of a group. A copy that someone mapped whole, to read its symbols say, may stand before the loaded image.
fn first_module(memory: &dyn Memory, group: &[FileMapping]) -> Option<Module> {
    let begins = group.iter().enumerate().skip(1).filter(|(_, f)| f.file_offset == 0).map(|(at, _)| at);
    std::iter::once(0).chain(begins).filter_map(|at| group.get(at..)).find_map(|rest| module(memory, rest))
}

/// The mappings of each image of a file. A file that is loaded twice begins anew with its offset 0; what lies after
/// another file's mapping still belongs to the image before it.
fn groups(files: Vec<FileMapping>) -> Vec<Vec<FileMapping>> {
    let mut groups: Vec<Vec<FileMapping>> = Vec::new();
    let mut last: HashMap<String, usize> = HashMap::new();
    for file in files {
        let open = last.get(&file.path).and_then(|at| groups.get_mut(*at));
        match open {
            // Offset 0 twice in a row: linkers map the header page for each of two segments that share it.
            Some(group) if file.file_offset != 0 || group.iter().all(|f| f.file_offset == 0) => group.push(file),
            _ => {
                last.insert(file.path.clone(), groups.len());
                groups.push(vec![file]);
            }
        }
    }
    groups
}

fn module(memory: &dyn Memory, group: &[FileMapping]) -> Option<Module> {
    let (first, last) = (group.first()?, group.last()?);
    let image = (first.file_offset == 0).then(|| ElfImage::read(memory, first.start)).flatten();
    let is_module = match &image {
        Some(image) => is_loaded(image, group),
        // Unreadable: judge by the mappings alone. Readable and not ELF: data, or code of a JIT.
        None => !is_jit_dump(&first.path) && looks_loaded(group) && memory.read(first.start, &mut [0]).is_err(),
    };
    is_module.then(|| Module {
        path: first.path.clone(),
        base: first.start,
        end: last.end,
        build_id: image.and_then(|i| i.build_id(memory)),
        mappings: group.iter().map(|f| Mapping { start: f.start, end: f.end, file_offset: f.file_offset }).collect(),
        version: None,
        is_main: false,
    })
}

/// Whether a file without readable header is mapped as code is: executable somewhere, or, where that is unknown, in
/// as many pieces as only a loader makes.
fn looks_loaded(group: &[FileMapping]) -> bool {
    group.iter().any(|f| f.execute == Some(true)) || (group.len() >= 3 && group.iter().any(|f| f.execute.is_none()))
}

/// Whether a file is what code generators write for `perf inject --jit`, which find it by an executable mapping of its first
/// page (tools/perf/Documentation/jitdump-specification.txt of Linux): `jit-<pid>.dump`.
fn is_jit_dump(path: &str) -> bool {
    let pid = file_name(path).strip_prefix("jit-").and_then(|name| name.strip_suffix(".dump"));
    pid.is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether every executable segment lies where the headers say (files without one: the first segment), and in a
/// mapping of its own: one mapping cannot have the protections of two segments, as a file mapped whole would.
fn is_loaded(image: &ElfImage, group: &[FileMapping]) -> bool {
    let start = |segment: &elf::ProgramHeader64<LE>| image.address(segment.p_vaddr.get(LE));
    let alone = |mapping: &FileMapping, segment: &elf::ProgramHeader64<LE>| {
        let mut inside = image.of_type(elf::PT_LOAD).filter(|s| mapping.start <= start(s) && start(s) < mapping.end);
        inside.all(|s| s.p_flags.get(LE).0 == segment.p_flags.get(LE).0)
    };
    let lies_right = |segment: &elf::ProgramHeader64<LE>| {
        let address = start(segment);
        group.iter().any(|f| {
            f.start <= address
                && address < f.end
                && address.distance_from(f.start).and_then(|n| f.file_offset.checked_add(n))
                    == Some(segment.p_offset.get(LE))
                && alone(f, segment)
        })
    };
    let mut executable = image.of_type(elf::PT_LOAD).filter(|s| s.p_flags.get(LE).0 & elf::PF_X.0 != 0).peekable();
    if executable.peek().is_none() {
        return image.of_type(elf::PT_LOAD).next().is_some_and(lies_right);
    }
    executable.all(lies_right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debuggee::synth_memory::SynthMemory;

    /// One page of a file: page number in memory and in the file.
    fn page(path: &str, at: u64, in_file: u64, execute: Option<bool>) -> FileMapping {
        let (start, end) = (Addr(at << 12), Addr((at + 1) << 12));
        FileMapping { start, end, file_offset: in_file << 12, path: path.to_owned(), execute }
    }

    fn modules(files: Vec<FileMapping>) -> Vec<(String, u64, u64, usize)> {
        let found = from_mappings(&SynthMemory::new(), files);
        found.into_iter().map(|m| (m.path, m.base.0 >> 12, m.end.0 >> 12, m.mappings.len())).collect()
    }

    fn module(path: &str, base: u64, end: u64, pieces: usize) -> (String, u64, u64, usize) {
        (path.to_owned(), base, end, pieces)
    }

    #[test]
    fn code_is_told_from_data_without_headers() {
        let (code, data) = (Some(true), Some(false));
        let library = vec![page("lib", 2, 1, code), page("lib", 1, 0, data), page("locale", 9, 0, data)];
        assert_eq!(modules(library), [module("lib", 1, 3, 2)]);
        // Where protections are not known only a loader's many pieces tell.
        let two = vec![page("lib", 1, 0, None), page("lib", 2, 1, None)];
        assert_eq!(modules(two.clone()), []);
        assert_eq!(modules([two, vec![page("lib", 3, 2, None)]].concat()), [module("lib", 1, 4, 3)]);
    }

    #[test]
    fn a_file_that_is_loaded_twice_makes_two_modules() {
        let (code, data) = (Some(true), Some(false));
        let twice = vec![
            page("lib", 1, 0, data),
            page("lib", 2, 1, code),
            page("lib", 5, 0, data),
            page("other", 6, 0, code),
            // Behind another file, and still of the second image.
            page("lib", 7, 1, code),
        ];
        assert_eq!(modules(twice), [module("lib", 1, 3, 2), module("lib", 5, 8, 2), module("other", 6, 7, 1)]);
        // Linkers map the header page for each of two segments that share it.
        let shared = vec![page("lib", 1, 0, data), page("lib", 2, 0, code), page("lib", 3, 1, data)];
        assert_eq!(modules(shared), [module("lib", 1, 4, 3)]);
    }

    #[test]
    fn what_code_generators_tell_perf_is_no_module() {
        let jit = page("/tmp/jit-8849.dump", 1, 0, Some(true));
        assert_eq!(modules(vec![jit]), []);
        let named_alike = page("/opt/jit-engine.dump", 1, 0, Some(true));
        assert_eq!(modules(vec![named_alike]), [module("/opt/jit-engine.dump", 1, 2, 1)]);
    }
}
