//! Finds the file of a PE module and lets it stand for memory that the dump leaves out.

use super::FileBytes;
use super::find::{SearchOptions, Verification};
use super::host_file::HostFile;
use super::pe;
use crate::base::{Diagnostic, DiagnosticCode};
use crate::debuggee::{ByteSource, Module, Target};
use crate::model::FileStatus;
use crate::sys::{Place, map_opened};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the search found.
pub(super) struct FoundPe {
    pub status: FileStatus,
    pub verified: Option<Verification>,
    pub file: Option<HostFile>,
}

/// Looks for a DLL by its name in the given directories, and for the executable where the user says it is. A file counts
/// only when its PDB id, or its time stamp and size, are those of the module.
pub(super) fn find(target: &mut Target, module: &Module, options: &SearchOptions) -> FoundPe {
    let mut found = FoundPe { status: FileStatus::Missing, verified: None, file: None };
    if options.no_files {
        return found;
    }
    for place in candidates(module, options) {
        let Ok(map) = place.open(u64::MAX).and_then(|file| map_opened(&file)) else { continue };
        let path = place.shown();
        let source: Arc<dyn ByteSource> = Arc::new(map);
        match pe::backings(module, &source) {
            Some(pieces) => {
                pieces.into_iter().for_each(|p| target.memory.add_backing(p));
                let bytes = FileBytes::whole(source);
                return FoundPe {
                    status: FileStatus::Ok,
                    verified: Some(Verification::BuildId),
                    file: Some(HostFile { place: Some(place), bytes, id: None }),
                };
            }
            None => {
                found.status = FileStatus::BuildIdMismatch;
                let text = format!("{} is not the build of {} that was loaded", path.display(), module.file_name());
                target.diagnostics.push(Diagnostic::warning(DiagnosticCode::BuildIdMismatch, text).at(module.base));
            }
        }
    }
    found
}

fn candidates(module: &Module, options: &SearchOptions) -> Vec<Place> {
    let own = options.executable.iter().filter(|_| module.is_main).map(|path| Place::named(path));
    let inside = module.path.split_once(':').map_or(module.path.as_str(), |(_, path)| path).replace('\\', "/");
    let rooted = options.sysroots.iter().map(|root| Place::in_root(root, Path::new(&inside)));
    own.chain(rooted).chain(named(module.file_name(), options)).collect()
}

/// Files of this name in the directories that were given.
pub(super) fn named(name: &str, options: &SearchOptions) -> Vec<Place> {
    let found = options.debug_dirs.iter().filter_map(|directory| Some(Place::named(&by_name(directory, name)?)));
    let in_roots = options.sysroots.iter().filter_map(|root| {
        let path = by_name(root, name)?;
        Some(Place::in_root(root, path.file_name()?.as_ref()))
    });
    found.chain(in_roots).collect()
}

/// Windows does not tell upper from lower case in names.
fn by_name(directory: &Path, name: &str) -> Option<PathBuf> {
    let exact = directory.join(name);
    if exact.is_file() {
        return Some(exact);
    }
    let entries = std::fs::read_dir(directory).ok()?.filter_map(Result::ok);
    entries
        .map(|e| e.path())
        .find(|p| p.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.eq_ignore_ascii_case(name)))
}
