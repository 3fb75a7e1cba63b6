//! `--coredumpctl`: the newest core that systemd-coredump stored.
//!
//! Its files are named `core.COMM.UID.BOOT-ID.PID.MICROSECONDS[.zst|.lz4|.xz]` (systemd `coredump.c`,
//! `make_filename`), where characters that file names should not have are written `\xNN`. Extended attributes
//! (`user.coredump.exe` and others) say what a name has no room for; they are lost when a file is copied without them.

use super::error::io_text;
use super::{CliError, exit};
use std::path::{Path, PathBuf};

/// Where systemd keeps cores.
pub const DIR: &str = "/var/lib/systemd/coredump";

/// A stored core, by its file name.
#[derive(Debug, PartialEq, Eq)]
struct Stored {
    command: String,
    pid: String,
    /// Since 1970.
    stamp: u64,
}

/// The newest core in `directory` of a process id, command name or executable path; of any process without.
///
/// # Errors
/// When the directory cannot be read or has none that fits.
pub fn find(directory: &Path, which: Option<&str>) -> Result<PathBuf, CliError> {
    let entries = std::fs::read_dir(directory).map_err(|e| {
        CliError::new(exit::INPUT, format!("{}: {}", directory.display(), io_text(&e)))
            .help("systemd-coredump keeps cores there when Storage=external; else give the core file itself")
    })?;
    let stored = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let found = parse(entry.file_name().to_str()?)?;
        let regular = entry.file_type().is_ok_and(|t| t.is_file());
        let wanted = |w: &str| fits(&found, w, || attribute(&entry.path(), "user.coredump.exe"));
        (regular && which.is_none_or(wanted)).then(|| (found.stamp, entry.path()))
    });
    stored.max().map(|(_, path)| path).ok_or_else(|| {
        let of = which.map_or(String::new(), |w| format!(" of {w}"));
        CliError::new(exit::INPUT, format!("no core{of} in {}", directory.display()))
            .help("`coredumpctl list` shows which there are; old ones are removed by systemd-tmpfiles")
    })
}

/// `executable`: its path as the file tells it.
fn fits(stored: &Stored, which: &str, executable: impl FnOnce() -> Option<String>) -> bool {
    if which.contains('/')
        && let Some(executable) = executable()
    {
        // The kernel tells where links lead.
        return executable == which || std::fs::canonicalize(which).is_ok_and(|path| path == Path::new(&executable));
    }
    let name = which.rsplit('/').next().unwrap_or(which);
    // The kernel cuts names of commands at 15 bytes.
    let short = name.get(..15).unwrap_or(name);
    stored.pid == which || stored.command == name || stored.command == short
}

/// An extended attribute of a file.
#[cfg(target_os = "linux")]
fn attribute(path: &Path, name: &str) -> Option<String> {
    String::from_utf8(xattr::get(path, name).ok()??).ok()
}

/// Only Linux has them under these names.
#[cfg(not(target_os = "linux"))]
fn attribute(_: &Path, _: &str) -> Option<String> {
    None
}

fn parse(name: &str) -> Option<Stored> {
    let rest = name.strip_prefix("core.")?;
    let rest = [".zst", ".lz4", ".xz"].iter().find_map(|s| rest.strip_suffix(s)).unwrap_or(rest);
    // From the end: a command may hold dots in older versions.
    let mut parts = rest.rsplitn(5, '.');
    let stamp = parts.next()?.parse().ok()?;
    let pid = parts.next()?;
    let (_boot, _uid) = (parts.next()?, parts.next()?);
    let command = parts.next()?;
    let digits = !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| Stored { command: unescape(command), pid: pid.to_owned(), stamp })
}

/// `\xNN` as the character.
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.strip_prefix(b"x").and_then(|a| std::str::from_utf8(a.get(..2)?).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()).filter(|_| *first == b'\\') {
            Some(byte) => {
                out.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_that_fits_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let boot = "0123456789abcdef0123456789abcdef";
        for name in [
            format!("core.python3\\x2e11.1000.{boot}.77.1700000000000000.zst"),
            format!("core.python3\\x2e11.1000.{boot}.78.1700000001000000.lz4"),
            format!("core.a-very-long-nam.0.{boot}.79.1700000002000000"),
            "core.nonsense".to_owned(),
            "other".to_owned(),
        ] {
            std::fs::write(dir.path().join(name), b"").unwrap();
        }
        let name = |which: Option<&str>| {
            let path = find(dir.path(), which).unwrap();
            path.file_name().unwrap().to_str().unwrap().split('.').nth(4).unwrap().to_owned()
        };
        assert_eq!(name(None), "79");
        assert_eq!(name(Some("77")), "77");
        assert_eq!(name(Some("/usr/bin/python3.11")), "78");
        assert_eq!(name(Some("a-very-long-name-of-a-command")), "79");
        // A path is compared with that of the file, where the file tells it.
        let newest = find(dir.path(), Some("78")).unwrap();
        // Not every file system has them.
        if xattr::set(&newest, "user.coredump.exe", b"/opt/bin/python3.11").is_ok() {
            assert_eq!(name(Some("/usr/bin/python3.11")), "77");
            assert_eq!(name(Some("/opt/bin/python3.11")), "78");
            assert_eq!(name(Some("python3.11")), "78");
        }
        let error = find(dir.path(), Some("ruby")).unwrap_err();
        assert!(error.message.contains("no core of ruby") && error.help.is_some());
        assert!(find(&dir.path().join("absent"), None).unwrap_err().help.is_some());
    }
}
