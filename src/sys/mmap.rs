//! Read-only maps of whole files.

use super::Place;
use memmap2::{Mmap, MmapOptions};
use std::fs::File;
use std::io;
use std::path::Path;

/// Maps a regular file read-only. Only the pages that are examined are ever read; an empty file gives an empty map.
///
/// A file that another process changes meanwhile makes the bytes change too, and one that is cut makes access after
/// its new end raise SIGBUS. Both are accepted, as in every debugger: copying a core of gigabytes to be safe from its
/// own writer would cost what the map saves, and no parser here relies on two looks at a byte being equal for
/// anything but the truth of the answer (all bounds are checked against the slice, never against file content
/// remembered from an earlier look).
///
/// # Errors
/// What the system says; [`io::ErrorKind::IsADirectory`] for directories and [`io::ErrorKind::InvalidInput`] for
/// other things that are not regular files (opening a FIFO would block).
pub fn map_file(path: &Path) -> io::Result<Mmap> {
    map_opened(&Place::named(path).open(u64::MAX)?)
}

/// Maps a file that is open; see [`map_file`].
///
/// # Errors
/// What the system says.
pub fn map_opened(file: &File) -> io::Result<Mmap> {
    map_bytes(file, file.metadata()?.len())
}

/// The same where the size has just been asked for.
///
/// # Errors
/// What the system says.
pub fn map_bytes(file: &File, size: u64) -> io::Result<Mmap> {
    let size = usize::try_from(size).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    // SAFETY: the map is read-only and private to this process's view; that the file may change underneath is
    // discussed above. Bytes have no invalid values.
    unsafe { MmapOptions::new().len(size).map(file) }
}

#[cfg(test)]
mod tests {
    use super::map_file;
    use std::io::ErrorKind;
    use std::path::Path;

    #[test]
    fn only_regular_files_are_mapped() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(map_file(dir.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(map_file(Path::new("/dev/null")).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(map_file(&dir.path().join("absent")).unwrap_err().kind(), ErrorKind::NotFound);
        let file = dir.path().join("file");
        std::fs::write(&file, b"").unwrap();
        assert_eq!(map_file(&file).unwrap().len(), 0);
        std::fs::write(&file, b"abc").unwrap();
        assert_eq!(&map_file(&file).unwrap()[..], b"abc");
    }
}
