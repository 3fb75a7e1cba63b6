//! Finds the PDB of a PE module: by its name in the directories given, or as symbol servers lay them out.

use super::find::SearchOptions;
use super::host_file::HostFile;
use super::pdb_source::{PdbBytes, guarded};
use super::pe::PdbReference;
use super::{FileBytes, pe_find};
use crate::debuggee::BuildId;
use crate::sys::{Place, map_opened};
use pdb_addr2line::pdb::{Error, PDB};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The PDB that an image refers to. One of another build is not taken.
pub(super) fn locate(wanted: &PdbReference, module: Option<&Place>, options: &SearchOptions) -> Option<HostFile> {
    if options.no_files {
        return None;
    }
    candidates(wanted, module, options).into_iter().find_map(|place| {
        let file = place.open(u64::MAX).ok()?;
        let bytes = FileBytes::whole(Arc::new(map_opened(&file).ok()?));
        (id(&bytes).as_ref() == Some(&wanted.id)).then_some(HostFile { place: Some(place), bytes, id: None })
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

fn candidates(wanted: &PdbReference, module: Option<&Place>, options: &SearchOptions) -> Vec<Place> {
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
    let in_store: PathBuf = [name, &key, name].iter().collect();
    let stores = options.debug_dirs.iter().map(|directory| Place::named(directory));
    let roots = options.sysroots.iter().map(|root| Place::in_root(root, Path::new("/")));
    let by_key = stores.chain(roots).map(|directory| directory.join(&in_store));
    let beside = module.and_then(Place::parent).map(|directory| directory.join(Path::new(name)));
    by_key.chain(pe_find::named(name, options)).chain(beside).collect()
}
