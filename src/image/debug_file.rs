//! The file with a module's `.symtab` and DWARF: the module's own, a separate debug file, or the small one that some
//! distributions embed.

use super::debuginfod::{self, Artifact};
use super::find::{SearchOptions, build_id_path};
use super::host_file::HostFile;
use super::{FileBytes, FileCache};
use crate::debuggee::BuildId;
use crate::sys::{Place, files};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

/// Where debug data came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DebugOrigin {
    /// The module's own file has DWARF.
    Own,
    /// A file with the module's build-id in a `.build-id` directory.
    BuildId,
    /// The file that `.gnu_debuglink` names, with the right CRC or build-id.
    DebugLink,
    /// A debuginfod server had it.
    Debuginfod,
    /// `.gnu_debugdata`: a compressed ELF file with function symbols only.
    MiniDebugInfo,
}

/// The file with debug data.
#[derive(Debug)]
pub(super) struct DebugFile {
    pub file: HostFile,
    pub origin: DebugOrigin,
}

/// Decompressed mini debug information is some hundred KB; this bounds a bomb.
const MAX_MINI: u64 = 256 << 20;
const MINI_DICTIONARY_KB: u32 = 256 << 10;

/// Looks for the debug data of a module. `path`: where the process had it; `own`: its file, if that was found.
pub(super) fn locate(
    path: &str,
    build_id: Option<&BuildId>,
    own: Option<&HostFile>,
    options: &SearchOptions,
) -> Option<DebugFile> {
    let found = |file: HostFile, origin: DebugOrigin| Some(DebugFile { file, origin });
    if let Some(own) = own.filter(|f| has_dwarf(f)) {
        return found(own.clone(), DebugOrigin::Own);
    }
    if options.no_files {
        return None;
    }
    let own_id = own.and_then(HostFile::build_id);
    let build_id = build_id.or(own_id.as_ref());
    if let Some(file) = build_id.and_then(|id| by_build_id(id, options)) {
        return found(file, DebugOrigin::BuildId);
    }
    let linked = own.and_then(|own| by_link(path, build_id, own, options));
    if let Some(file) = linked {
        return found(file, DebugOrigin::DebugLink);
    }
    if let Some(file) = build_id.and_then(|id| from_server(id, options)) {
        return found(file, DebugOrigin::Debuginfod);
    }
    mini(own?, &options.cache).and_then(|file| found(file, DebugOrigin::MiniDebugInfo))
}

fn has_dwarf(file: &HostFile) -> bool {
    [".debug_info", ".zdebug_info"].iter().any(|name| file.has_section_data(name))
}

/// The debug file that a debuginfod server has for this build.
fn from_server(id: &BuildId, options: &SearchOptions) -> Option<HostFile> {
    let path = options.debuginfod.then(|| debuginfod::fetch(Artifact::DebugInfo, id)).flatten()?;
    HostFile::open(&Place::named(&path)).ok().filter(|file| file.build_id().as_ref() == Some(id))
}

/// A debug file in a `.build-id` directory. Its own build-id is checked: the links can be stale.
pub(super) fn by_build_id(id: &BuildId, options: &SearchOptions) -> Option<HostFile> {
    let name = format!("{}.debug", build_id_path(id)?);
    options.all_debug_dirs().iter().find_map(|dir| {
        let file = HostFile::open(&dir.join(Path::new(&name))).ok()?;
        (file.build_id().as_ref() == Some(id)).then_some(file)
    })
}

/// The file named by `.gnu_debuglink`: beside the module, in `.debug` there, or below a debug directory (gdb manual,
/// "Separate Debug Files").
fn by_link(path: &str, build_id: Option<&BuildId>, own: &HostFile, options: &SearchOptions) -> Option<HostFile> {
    let (name, crc) = own.debug_link()?;
    let name = files::path_of(&name);
    let name = name.as_path();
    // A name with directories in it is none that a linker wrote.
    if name.file_name() != Some(name.as_os_str()) {
        return None;
    }
    let mut candidates: Vec<Place> = Vec::new();
    if let Some(dir) = own.place.as_ref().and_then(Place::parent) {
        candidates.extend([dir.join(name), dir.join(Path::new(".debug")).join(name)]);
    }
    let dir = Path::new(path).parent().and_then(|dir| dir.strip_prefix("/").ok());
    for debug_dir in options.all_debug_dirs() {
        candidates.extend(dir.map(|dir| debug_dir.join(dir).join(name)));
        candidates.push(debug_dir.join(name));
    }
    candidates.into_iter().filter(|place| own.place.as_ref() != Some(place)).find_map(|place| {
        let file = HostFile::open(&place).ok()?;
        let right = match (build_id, file.build_id()) {
            (Some(wanted), Some(id)) => id == *wanted,
            _ => crc32fast::hash(&file.bytes) == crc,
        };
        right.then_some(file)
    })
}

/// For the fuzzers: all that a module's file says of its debug information, without any other file.
pub(crate) fn read_all(bytes: FileBytes) -> usize {
    let file = HostFile { place: None, bytes, id: None };
    let links = usize::from(file.debug_link().is_some()).saturating_add(usize::from(file.debug_alt_link().is_some()));
    let mini = mini(&file, &FileCache::default());
    let ids = [Some(&file), mini.as_ref()].into_iter().flatten().filter(|f| f.build_id().is_some() || has_dwarf(f));
    links.saturating_add(ids.count())
}

/// `.gnu_debugdata`: an xz-compressed ELF file (gdb manual, "MiniDebugInfo").
fn mini(own: &HostFile, cache: &FileCache) -> Option<HostFile> {
    let packed = own.section_data(".gnu_debugdata", cache)?;
    let mut data = Vec::new();
    let reader = lzma_rust2::XzReader::new_mem_limit(&*packed, true, MINI_DICTIONARY_KB);
    reader.take(MAX_MINI).read_to_end(&mut data).ok()?;
    Some(HostFile { place: None, bytes: FileBytes::whole(Arc::new(data)), id: None })
}

/// The file of shared DWARF that dwz split off (`.gnu_debugaltlink`), for a debug file.
pub(super) fn alternate(debug: &HostFile, options: &SearchOptions) -> Option<HostFile> {
    let (name, id) = debug.debug_alt_link()?;
    let name = files::path_of(&name);
    let name = name.as_path();
    // A debug file names the shared one by an absolute path, or relative to itself.
    let beside = debug.place.as_ref().and_then(Place::parent).map(|dir| dir.join(name));
    let here = name.is_absolute().then(|| Place::in_root(Path::new("/"), name));
    let relative = debug.path().as_deref().and_then(Path::parent).filter(|_| here.is_none()).map(|dir| dir.join(name));
    let here = here.or_else(|| relative.map(|path| Place::in_root(Path::new("/"), &path)));
    let in_roots = options.sysroots.iter().map(|root| Place::in_root(root, name));
    let dwz = Path::new(".dwz");
    let in_dirs =
        options.all_debug_dirs().into_iter().filter_map(|dir| Some(dir.join(dwz).join(name.file_name()?.as_ref())));
    let named = beside.into_iter().chain(in_roots).chain(here).chain(in_dirs).find_map(|place| {
        let file = HostFile::open(&place).ok()?;
        (file.build_id().as_ref() == Some(&id)).then_some(file)
    });
    named.or_else(|| by_build_id(&id, options)).or_else(|| from_server(&id, options))
}
