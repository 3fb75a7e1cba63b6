//! The file that a process may write for `perf` with the names of code that it makes at run time (Linux
//! tools/perf/Documentation/jit-interface.txt): `/tmp/perf-PID.map`, in its own root and with its own number.
//!
//! A dump does not choose it: it is read of a running process, or where the user says that files of the dead one are.

use super::find::SearchOptions;
use super::images::Images;
use crate::debuggee::{ByteSource as _, Target};
use crate::sys::{Place, map_opened, mapped};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Longest file.
const MAX_SIZE: u64 = 256 << 20;

/// A map that was found.
#[derive(Clone, Debug)]
pub struct PerfMap {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub text: Vec<u8>,
}

impl Images {
    /// The process's map of code made at run time, where there is one that may be read.
    #[must_use]
    pub fn perf_map(&self, target: &Target) -> Option<PerfMap> {
        let options = &self.iter().next()?.options;
        let pid = target.process.pid?;
        places(options, &format!("/tmp/perf-{pid}.map")).into_iter().find_map(|place| {
            let file = place.open(MAX_SIZE).ok()?;
            let trusted = options.mapped_by.is_none_or(|pid| is_of(pid, &file));
            let bytes = map_opened(&file).ok().filter(|_| trusted)?;
            Some(PerfMap { path: place.shown(), text: bytes.bytes().to_vec() })
        })
    }
}

fn places(options: &SearchOptions, path: &str) -> Vec<Place> {
    if options.no_files {
        return Vec::new();
    }
    let in_roots = options.sysroots.iter().map(PathBuf::as_path);
    // One that sees the same files as we do.
    let own = options.mapped_by.filter(|_| options.sysroots.is_empty()).map(|_| Path::new("/"));
    let in_roots = in_roots.chain(own).map(|root| Place::in_root(root, Path::new(path)));
    mapped(path, &options.path_maps).into_iter().chain(in_roots).collect()
}

/// Anyone may make a file in `/tmp`: it is the process's own if its user or root has made it.
#[cfg(unix)]
fn is_of(pid: i32, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(maker) = file.metadata().map(|data| data.uid()) else { return false };
    let process = std::fs::metadata(Path::new("/proc").join(pid.to_string()));
    maker == 0 || process.is_ok_and(|process| process.uid() == maker)
}

#[cfg(not(unix))]
fn is_of(_: i32, _: &File) -> bool {
    false
}
