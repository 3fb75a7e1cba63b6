//! Finds the host file of a module and makes sure that it is the file that was mapped.

use super::FileCache;
use super::debuginfod::{self, Artifact};
use super::host_file::{HostFile, is_machine};
use crate::debuggee::elf_modules::ElfImage;
use crate::debuggee::{BuildId, MemoryExt as _, Module, Target};
use crate::model::FileStatus;
use crate::sys::{Place, mapped};
use object::LittleEndian as LE;
use object::elf;
use std::io;
use std::path::{Path, PathBuf};

/// Where to look for files. The triage hands it to its workers as JSON.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct SearchOptions {
    /// File of the main executable.
    pub executable: Option<PathBuf>,
    /// Directories that stand for `/` of the dead process.
    pub sysroots: Vec<PathBuf>,
    /// Directories like `/usr/lib/debug`: with `.build-id/xx/yyyy[.debug]`, with debug files by name, or simply full of
    /// files. `/usr/lib/debug` itself is always looked at, last.
    pub debug_dirs: Vec<PathBuf>,
    /// Path prefixes of the dead process and what stands for them on the host.
    pub path_maps: Vec<(String, String)>,
    /// Ask debuginfod servers for what is not found otherwise.
    pub debuginfod: bool,
    /// Look at no file at all.
    pub no_files: bool,
    /// Take this host's source files for those of the process, whatever host the dump is of.
    pub host_sources: bool,
    /// The process of this host that has the files mapped: it still has those that were removed, replaced, or never had a name.
    #[serde(skip)]
    pub mapped_by: Option<i32>,
    /// What was made of the debug information of files for earlier dumps.
    #[serde(skip)]
    pub cache: FileCache,
}

impl SearchOptions {
    /// Debug directories in the order they are searched.
    pub(super) fn all_debug_dirs(&self) -> Vec<Place> {
        let system = Path::new("/usr/lib/debug");
        let own = self.debug_dirs.iter().map(|directory| Place::named(directory));
        let in_roots = self.sysroots.iter().map(|root| Place::in_root(root, system));
        own.chain(in_roots).chain([Place::named(system)]).collect()
    }
}

/// By what a file was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verification {
    /// Equal build-ids.
    BuildId,
    /// No build-id in the dump; the first page of the file equals the first page in memory.
    HeaderPage,
    /// The first page is not in the dump; the dynamic section of the file equals the one in memory.
    DynamicSection,
    /// The "file" is the memory of the dump itself (vDSO).
    Memory,
}

/// What the search found.
#[derive(Debug)]
pub(super) struct Found {
    pub status: FileStatus,
    pub verified: Option<Verification>,
    /// The file to use: of status Ok or Unverified.
    pub file: Option<HostFile>,
    /// The file that was refused or failed, and how.
    pub refused: Option<(PathBuf, String)>,
}

enum Verdict {
    Same(Verification),
    Other(String),
    Unknown,
}

/// Looks for the file of a module.
pub(super) fn find(target: &Target, module: &Module, options: &SearchOptions) -> Found {
    let mut found = Found { status: FileStatus::Missing, verified: None, file: None, refused: None };
    if options.no_files || module.path.is_empty() && !module.is_main {
        return found;
    }
    for Candidate { place, trusted } in candidates(module, options) {
        let path = place.shown();
        let file = match HostFile::open(&place) {
            Ok(file) => file,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            Err(e) => {
                if found.status == FileStatus::Missing {
                    found.status = FileStatus::Unreadable;
                    found.refused = Some((path, e.to_string()));
                }
                continue;
            }
        };
        match verify(target, module, &file) {
            Verdict::Same(how) => {
                // A refused --executable stays in `refused`: the user is to hear of it.
                let refused = found.refused.filter(|(path, _)| Some(path) == options.executable.as_ref());
                return Found { status: FileStatus::Ok, verified: Some(how), file: Some(file), refused };
            }
            Verdict::Other(why) if found.file.is_none() && found.status != FileStatus::BuildIdMismatch => {
                found.status = FileStatus::BuildIdMismatch;
                found.refused = Some((path, why));
            }
            Verdict::Unknown if found.file.is_none() && trusted => {
                found.status = FileStatus::Unverified;
                found.file = Some(file);
                found.refused = None;
            }
            Verdict::Other(_) | Verdict::Unknown => {}
        }
    }
    if found.file.is_none()
        && options.debuginfod
        && let Some(path) = module.build_id.as_ref().and_then(|id| debuginfod::fetch(Artifact::Executable, id))
        && let Ok(file) = HostFile::open(&Place::named(&path))
        && let Verdict::Same(how) = verify(target, module, &file)
    {
        return Found { status: FileStatus::Ok, verified: Some(how), file: Some(file), refused: None };
    }
    found
}

pub(super) struct Candidate {
    pub place: Place,
    /// Whether the place says that it is this module's file (not only its name).
    trusted: bool,
}

pub(super) fn candidates(module: &Module, options: &SearchOptions) -> Vec<Candidate> {
    // Linux adds this to the path of a file that was removed or replaced while mapped; what is there now may be a
    // copy of it all the same (package managers replace files with identical ones).
    let path = module.path.strip_suffix(" (deleted)").unwrap_or(&module.path);
    let mut out = Vec::new();
    let mut add = |place: Place, trusted: bool| out.push(Candidate { place, trusted });
    if module.is_main
        && let Some(path) = &options.executable
    {
        add(Place::named(path), true);
    }
    if path.starts_with('/') {
        mapped(path, &options.path_maps).into_iter().for_each(|place| add(place, true));
        for root in &options.sysroots {
            add(Place::in_root(root, Path::new(path)), true);
        }
        // With a sysroot given, a file of this host counts only if it proves to be the one.
        add(Place::in_root(Path::new("/"), Path::new(path)), options.sysroots.is_empty());
    }
    for path in options.mapped_by.into_iter().flat_map(|pid| by_process(pid, module)) {
        add(Place::named(&path), true);
    }
    let build_id = module.build_id.as_ref().and_then(build_id_path);
    for dir in options.all_debug_dirs() {
        if let Some(id) = &build_id {
            add(dir.join(Path::new(id)), true);
        }
    }
    if let Some(name) = Path::new(path).file_name() {
        for dir in &options.debug_dirs {
            add(Place::named(&dir.join(name)), false);
        }
    }
    out
}

/// Links of the kernel to the file that a process has mapped, whatever became of its name (proc(5)). Who may look at the process
/// may follow the first; the second takes the right to checkpoint processes.
fn by_process(pid: i32, module: &Module) -> Vec<PathBuf> {
    let process = Path::new("/proc").join(pid.to_string());
    let executable = module.is_main.then(|| process.join("exe"));
    let mapping = module.mappings.first();
    let mapping = mapping.map(|m| process.join(format!("map_files/{:x}-{:x}", m.start.0, m.end.0)));
    executable.into_iter().chain(mapping).collect()
}

/// `.build-id/xx/yyyy`: the binary itself (Fedora links it there); with `.debug` added, its debug file.
pub(super) fn build_id_path(id: &BuildId) -> Option<String> {
    let (first, rest) = id.0.split_first()?;
    (!rest.is_empty()).then(|| format!(".build-id/{first:02x}/{}", BuildId(rest.to_vec())))
}

fn verify(target: &Target, module: &Module, file: &HostFile) -> Verdict {
    let Some(headers) = file.headers(module.base) else {
        return Verdict::Other("it is not a 64-bit little-endian ELF executable or library".to_owned());
    };
    if !is_machine(&headers, target.abi.arch) {
        return Verdict::Other("it is for another machine".to_owned());
    }
    if let Some(wanted) = &module.build_id {
        return match file.build_id() {
            Some(id) if id == *wanted => Verdict::Same(Verification::BuildId),
            Some(id) => Verdict::Other(format!("its build-id is {id}, the dump has {wanted}")),
            None => Verdict::Other(format!("it has no build-id, the dump has {wanted}")),
        };
    }
    let page = file.bytes.get(..4096).unwrap_or(&file.bytes);
    match target.memory.read_vec(module.base, page.len() as u64) {
        Ok(memory) if memory == page => Verdict::Same(Verification::HeaderPage),
        Ok(_) => Verdict::Other("its first page differs from the one in the dump".to_owned()),
        Err(_) => same_dynamic(target, &headers, file),
    }
}

/// Compares `PT_DYNAMIC` of file and memory: entry by entry equal, or larger by the load bias (glibc relocates it in
/// place). It holds the addresses and sizes of a dozen sections, so another build will not have the same.
fn same_dynamic(target: &Target, headers: &ElfImage, file: &HostFile) -> Verdict {
    /// Below this many entries the section says too little.
    const ENOUGH: usize = 8;
    const DT_DEBUG: u64 = 21;
    let memory = headers.dynamic(&target.memory);
    let Some(header) = headers.of_type(elf::PT_DYNAMIC).next() else { return Verdict::Unknown };
    let Some(bytes) = file.bytes.slice(header.p_offset.get(LE), header.p_filesz.get(LE)) else {
        return Verdict::Unknown;
    };
    let stored = ElfImage::dynamic_entries(&bytes);
    if memory.len() < ENOUGH {
        return Verdict::Unknown;
    }
    let equal = |((tag, value), (tag_in_memory, in_memory)): (&(u64, u64), &(u64, u64))| {
        let moved = value.wrapping_add(headers.bias);
        tag == tag_in_memory && (*tag == DT_DEBUG || value == in_memory || moved == *in_memory)
    };
    if stored.len() == memory.len() && stored.iter().zip(&memory).all(equal) {
        Verdict::Same(Verification::DynamicSection)
    } else {
        Verdict::Other("its dynamic section differs from the one in the dump".to_owned())
    }
}
