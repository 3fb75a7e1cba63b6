//! Opens a file inside of a directory with the standard library alone, for hosts other than Linux: link by link as `walk`
//! does, but each step is found by its name. Who can change the directories meanwhile can lead it elsewhere; what was
//! dumped cannot.

use super::{Links, MAX_LINKS, leads_out, parts};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

/// A file that a person named: as the host finds it.
pub(super) fn open_named(path: &Path) -> io::Result<File> {
    // Looks before it opens: opening a device or a FIFO has effects or waits.
    regular(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// The file that the parts of a path lead to from `root`, and its path from there.
pub(super) fn open(root: &Path, wanted: Vec<OsString>, links: Links) -> io::Result<(File, PathBuf)> {
    // On Windows this has no device names (`NUL`) and no other short cuts any more.
    let root = std::fs::canonicalize(root)?;
    let mut at: Vec<OsString> = Vec::new();
    let mut followed = 0usize;
    let mut todo = VecDeque::from(wanted);
    while let Some(part) = todo.pop_front() {
        if part == ".." {
            if at.pop().is_none() && links == Links::Beneath {
                return Err(leads_out());
            }
            continue;
        }
        single(&part)?;
        let here = root.join(at.iter().collect::<PathBuf>()).join(&part);
        let is = std::fs::symlink_metadata(&here)?;
        if is.is_symlink() {
            followed = followed.saturating_add(1);
            if followed > MAX_LINKS {
                return Err(io::Error::other("too many symbolic links"));
            }
            let link = std::fs::read_link(&here)?;
            let link = if link.is_absolute() {
                at.clear();
                inside(&root, links, &link)?
            } else {
                link
            };
            parts(&link).collect::<Vec<_>>().into_iter().rev().for_each(|part| todo.push_front(part));
        } else if todo.is_empty() {
            let file = open_named(&here)?;
            at.push(part);
            return Ok((file, Path::new("/").join(at.iter().collect::<PathBuf>())));
        } else if is.is_dir() {
            at.push(part);
        } else {
            return Err(io::ErrorKind::NotADirectory.into());
        }
    }
    Err(io::ErrorKind::IsADirectory.into())
}

/// Where an absolute link leads, from the root on.
fn inside(root: &Path, links: Links, link: &Path) -> io::Result<PathBuf> {
    match links {
        Links::InRoot => Ok(link.to_owned()),
        // One that names the root itself stays inside.
        Links::Beneath | Links::Free => Ok(link.strip_prefix(root).map_err(|_| leads_out())?.to_owned()),
    }
}

/// Windows takes `C:x` for a file of another drive.
fn single(part: &OsString) -> io::Result<()> {
    let mut components = Path::new(part).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(name)), None) if name == part => Ok(()),
        _ => Err(io::ErrorKind::InvalidFilename.into()),
    }
}

fn regular(data: &Metadata) -> io::Result<()> {
    match (data.is_file(), data.is_dir()) {
        (true, _) => Ok(()),
        (_, true) => Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory")),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
    }
}
