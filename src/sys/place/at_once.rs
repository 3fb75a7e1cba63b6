//! Opens a file inside of a directory in one step, where the kernel keeps to the directory by itself (`openat2`, Linux
//! 5.6): a report opens some twenty files, and to walk to each takes as many system calls as directories on the way.

use super::Links;
use super::walk::{READ, open_directory, refuse_kernel, regular};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2, readlink};
use nix::sys::stat::fstat;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// The root of the host, as we see it.
const OWN_ROOT: &str = "/";

/// The file that the parts of a path lead to from `root`, and its path from there; `None` where only the walk can say.
pub(super) fn open(root: &Path, wanted: &[OsString], links: Links) -> Option<io::Result<(File, PathBuf)>> {
    if wanted.is_empty() {
        return None;
    }
    // What stays in the host's own root need not be told so.
    let in_own = links == Links::InRoot && root == Path::new(OWN_ROOT);
    let path: PathBuf =
        in_own.then_some(OsStr::new(OWN_ROOT)).into_iter().chain(wanted.iter().map(|part| &**part)).collect();
    let directory = match in_own {
        true => None,
        false => match open_directory(AT_FDCWD, root, OFlag::empty()) {
            Ok(directory) => Some(directory),
            Err(error) => return Some(Err(error)),
        },
    };
    let at = directory.as_ref().map_or(AT_FDCWD, |directory| directory.as_fd());
    let stay = match links {
        _ if in_own => ResolveFlag::empty(),
        Links::InRoot => ResolveFlag::RESOLVE_IN_ROOT,
        Links::Beneath | Links::Free => ResolveFlag::RESOLVE_BENEATH,
    };
    let how = OpenHow::new().resolve(stay | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    // Looked at before it is opened for reading: opening a device or a FIFO has effects or waits.
    let seen = match openat2(at, &path, how.flags(OFlag::O_PATH | OFlag::O_CLOEXEC)) {
        Ok(seen) => seen,
        Err(error @ (Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES)) => return Some(Err(error.into())),
        // Not known to this kernel, not allowed here, a link out or in a circle, directories that were moved meanwhile.
        Err(_) => return None,
    };
    let found = fstat(&seen).ok()?;
    if let Err(error) = regular(&found).and_then(|()| refuse_kernel(&seen)) {
        return Some(Err(error));
    }
    let resolved = path_inside(directory.as_ref(), &seen)?;
    let file = match openat2(at, &path, how.flags(READ)) {
        Ok(file) => file,
        Err(error @ Errno::EACCES) => return Some(Err(error.into())),
        Err(_) => return None,
    };
    let same = fstat(&file).is_ok_and(|is| (is.st_dev, is.st_ino) == (found.st_dev, found.st_ino));
    same.then(|| Ok((File::from(file), resolved)))
}

/// The path of what was opened, from the root on (the host's own without a directory), as the kernel has it.
fn path_inside(directory: Option<&OwnedFd>, seen: &OwnedFd) -> Option<PathBuf> {
    let of = |fd: &OwnedFd| Some(PathBuf::from(readlink(format!("/proc/self/fd/{}", fd.as_raw_fd()).as_str()).ok()?));
    let path = of(seen)?;
    let root = directory.map_or(Some(PathBuf::from(OWN_ROOT)), of)?;
    Some(Path::new(OWN_ROOT).join(path.strip_prefix(root).ok()?))
}
