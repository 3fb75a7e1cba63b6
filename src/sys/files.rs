//! What hosts say of files in ways of their own.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Which file it is and how it was when it was looked at: another one in its place, or a change to it, has another state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileState {
    pub(crate) identity: (u64, u64),
    pub(crate) size: u64,
    pub(crate) modified: (i64, i64),
    pub(crate) changed: (i64, i64),
}

#[cfg(unix)]
mod host {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
    use std::path::PathBuf;

    /// Which file it is, whatever names it goes by; `None` where the host does not say.
    #[must_use]
    pub fn identity(data: &Metadata) -> Option<(u64, u64)> {
        Some((data.dev(), data.ino()))
    }

    /// See [`FileState`]; `None` where the host does not say which file it is.
    #[must_use]
    pub fn state(data: &Metadata) -> Option<FileState> {
        Some(FileState {
            identity: identity(data)?,
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    }

    /// Whether it is read once, from its beginning to its end: a FIFO, a socket.
    #[must_use]
    pub fn is_stream(data: &Metadata) -> bool {
        data.file_type().is_fifo() || data.file_type().is_socket()
    }

    /// A path as its bytes.
    #[must_use]
    pub fn path_of(bytes: &[u8]) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(bytes))
    }

    /// Bytes that may still be written to the file system of a directory.
    #[must_use]
    pub fn free_space(directory: &Path) -> Option<u64> {
        let system = nix::sys::statvfs::statvfs(directory).ok()?;
        // Its numbers have another width elsewhere.
        #[allow(clippy::useless_conversion)]
        u64::from(system.blocks_available()).checked_mul(u64::from(system.fragment_size()))
    }

    /// A file that is made has rights for its owner alone.
    pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
        options.mode(0o600)
    }

    /// Lets all read a file, and its owner write it.
    ///
    /// # Errors
    /// What the system says.
    pub fn publish(file: &File) -> io::Result<()> {
        file.set_permissions(std::fs::Permissions::from_mode(0o644))
    }

    /// A temporary file that is made has the rights that any new file has.
    pub fn as_any_new<'b, 'p, 's>(builder: &'b mut tempfile::Builder<'p, 's>) -> &'b mut tempfile::Builder<'p, 's> {
        builder.permissions(std::fs::Permissions::from_mode(0o666))
    }
}

/// Windows has no such rights of files (they are the directory's), and its standard library no numbers of files.
#[cfg(not(unix))]
#[allow(missing_docs)]
mod host {
    use super::*;
    use std::path::PathBuf;

    #[must_use]
    pub fn identity(_: &Metadata) -> Option<(u64, u64)> {
        None
    }

    #[must_use]
    pub fn state(_: &Metadata) -> Option<FileState> {
        None
    }

    #[must_use]
    pub fn is_stream(_: &Metadata) -> bool {
        false
    }

    #[must_use]
    pub fn path_of(bytes: &[u8]) -> PathBuf {
        PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
    }

    #[must_use]
    pub fn free_space(_: &Path) -> Option<u64> {
        None
    }

    pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }

    pub fn publish(_: &File) -> io::Result<()> {
        Ok(())
    }

    pub fn as_any_new<'b, 'p, 's>(builder: &'b mut tempfile::Builder<'p, 's>) -> &'b mut tempfile::Builder<'p, 's> {
        builder
    }
}

pub use host::{as_any_new, free_space, identity, is_stream, path_of, private, publish, state};
