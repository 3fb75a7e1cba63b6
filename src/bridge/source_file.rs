//! Lines of Python source files on this machine.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// Opens a source file by the name that the process has for it, below `sysroot` first if there is one.
///
/// # Errors
/// The system's, for the name as it stands; of kind `InvalidInput` for what is no regular file.
fn open(name: &str, sysroot: Option<&str>) -> io::Result<impl io::BufRead> {
    let below = sysroot.map(|root| Path::new(root).join(name.trim_start_matches('/')));
    let file = match below.and_then(|path: PathBuf| File::open(path).ok()) {
        Some(file) => file,
        None => File::open(name)?,
    };
    // The name comes from the process: a device or a pipe might never end.
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(BufReader::new(file.take(MAX_FILE)))
}

/// Lines `first..=last` of a file, without line ends.
///
/// # Errors
/// When the file cannot be opened or read.
pub fn lines(name: &str, sysroot: Option<&str>, first: u32, last: u32) -> io::Result<Vec<String>> {
    let skip = usize::try_from(first.saturating_sub(1)).unwrap_or(usize::MAX);
    let count = usize::try_from(last.saturating_sub(first)).unwrap_or(usize::MAX).saturating_add(1);
    let text = |line: io::Result<Vec<u8>>| {
        line.map(|bytes| String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(&bytes)).into_owned())
    };
    open(name, sysroot)?.split(b'\n').skip(skip).take(count).map(text).collect()
}

/// One line of a file, when there is such.
#[must_use]
pub fn line(name: &str, sysroot: Option<&str>, number: u32) -> Option<String> {
    lines(name, sysroot, number, number).ok()?.pop()
}
