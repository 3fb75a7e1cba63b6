//! Finds the PDB of a PE module: by its name in the directories given, or as symbol servers lay them out.

use super::find::SearchOptions;
use super::host_file::HostFile;
use super::pdb_source::{PdbBytes, guarded};
use super::pe::PdbReference;
use super::{FileBytes, pe_find};
use crate::debuggee::BuildId;
use crate::sys::map_file;
use pdb_addr2line::pdb::{Error, PDB};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The PDB that an image refers to. One of another build is not taken.
pub(super) fn locate(wanted: &PdbReference, module: Option<&Path>, options: &SearchOptions) -> Option<HostFile> {
    if options.no_files {
        return None;
    }
    candidates(wanted, module, options).into_iter().find_map(|path| {
        let bytes = FileBytes::whole(Arc::new(map_file(&path).ok()?));
        (id(&bytes).as_ref() == Some(&wanted.id)).then_some(HostFile { path: Some(path), bytes, id: None })
    })
}

/// GUID and age, as [`PeImage::build_ids`](super::pe::PeImage::build_ids) gives them.
pub(crate) fn id(pdb: &[u8]) -> Option<BuildId> {
    // Magic of the format that has GUIDs; others are not worth copying.
    if !pdb.starts_with(b"Microsoft C/C++ MSF 7.00\r\n") {
        return None;
    }
    let read = || {
        let mut pdb = PDB::open(PdbBytes(pdb))?;
        Ok::<_, Error>((pdb.pdb_information()?.guid, pdb.debug_information()?.age()))
    };
    let (guid, age) = guarded(read).ok()?;
    let age = age?;
    Some(BuildId(guid.as_bytes().iter().copied().chain(age.to_be_bytes()).collect()))
}

fn candidates(wanted: &PdbReference, module: Option<&Path>, options: &SearchOptions) -> Vec<PathBuf> {
    let name = wanted.path.rsplit(['\\', '/']).next().unwrap_or_default();
    if name.is_empty() || name == ".." {
        return Vec::new();
    }
    let key: String = match wanted.id.0.split_at_checked(16) {
        Some((guid, age)) => {
            let age = age.iter().fold(0u64, |n, b| n.wrapping_shl(8) | u64::from(*b));
            guid.iter().map(|b| format!("{b:02X}")).chain([format!("{age:X}")]).collect()
        }
        None => String::new(),
    };
    let beside = module.and_then(Path::parent).map(Path::to_path_buf);
    let directories: Vec<PathBuf> = options.debug_dirs.iter().chain(&options.sysroots).cloned().chain(beside).collect();
    let by_key = directories.iter().map(|f| f.join(name).join(&key).join(name)).filter(|p| p.is_file());
    let named = directories.iter().filter_map(|f| pe_find::by_name(f, name));
    by_key.chain(named).collect()
}
