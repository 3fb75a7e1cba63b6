//! Opens a file inside of a directory step by step, each directory on the way held open: what changes meanwhile leads
//! nowhere else. For kernels that cannot do it at once, and for what needs a closer look: links that name the root
//! itself, and why a link was refused.

use super::{Links, MAX_LINKS, leads_out, parts};
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::sys::statfs::{FsType, fstatfs};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Opens to read, and waits for nothing.
pub(super) const READ: OFlag = OFlag::O_RDONLY.union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

/// File systems whose "regular" files are the kernel's own: reading them can block, give secrets or have effects.
/// Magic numbers of `<linux/magic.h>`.
const KERNEL_FILES: [i64; 14] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0x6265_6570, // configfs
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x1cd1,      // devpts
    0x6165_676c, // pstore
    0xde5e_81e4, // efivarfs
    0xcafe_4a11, // bpf
    0xf97c_ff8c, // selinux
    0x4249_4e4d, // binfmt_misc
];

/// A file that a person named: as the host finds it.
pub(super) fn open_named(path: &Path) -> io::Result<File> {
    open_regular(nix::fcntl::AT_FDCWD, path, AtFlags::empty())
}

/// The file that the parts of a path lead to from `root`, and its path from there.
pub(super) fn open(root: &Path, wanted: Vec<OsString>, links: Links) -> io::Result<(File, PathBuf)> {
    // The root itself is the user's (or `/proc/PID/root`), links and all.
    let opened = open_directory(nix::fcntl::AT_FDCWD, root, OFlag::empty())?;
    let mut at: Vec<(OwnedFd, OsString)> = vec![(opened, "/".into())];
    let mut followed = 0usize;
    // A directory of the device that was looked at last is of the same file system.
    let mut checked = None;
    let mut todo = VecDeque::from(wanted);
    while let Some(part) = todo.pop_front() {
        if part == ".." {
            match (at.len(), links) {
                (0 | 1, Links::Beneath) => return Err(leads_out()),
                (0 | 1, _) => {}
                _ => drop(at.pop()),
            }
            continue;
        }
        let Some((here, _)) = at.last() else { return Err(leads_out()) };
        let is = fstatat(here, part.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if kind(&is) == SFlag::S_IFLNK {
            followed = followed.saturating_add(1);
            if followed > MAX_LINKS {
                return Err(nix::errno::Errno::ELOOP.into());
            }
            let link = follow(root, links, &readlinkat(here, part.as_os_str())?, &mut at)?;
            parts(&link).collect::<Vec<_>>().into_iter().rev().for_each(|part| todo.push_front(part));
        } else if todo.is_empty() {
            let file = open_regular(here, Path::new(&part), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            return Ok((file, at.iter().map(|(_, name)| name).chain([&part]).collect()));
        } else {
            let next = open_directory(here, Path::new(&part), OFlag::O_NOFOLLOW)?;
            if checked != Some(is.st_dev) {
                refuse_kernel(&next)?;
                checked = Some(is.st_dev);
            }
            at.push((next, part));
        }
    }
    Err(io::ErrorKind::IsADirectory.into())
}

/// What a link says, as parts from the directory that is now the last of `at`.
fn follow(root: &Path, links: Links, link: &OsStr, at: &mut Vec<(OwnedFd, OsString)>) -> io::Result<PathBuf> {
    let link = Path::new(link);
    if !link.is_absolute() {
        return Ok(link.to_owned());
    }
    let inside = match links {
        Links::InRoot => link.to_owned(),
        // An absolute link that names the root itself stays inside.
        _ => link.strip_prefix(std::fs::canonicalize(root)?).map_err(|_| leads_out())?.to_owned(),
    };
    at.truncate(1);
    Ok(inside)
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

pub(super) fn open_directory(at: impl AsFd, path: &Path, more: OFlag) -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | more;
    Ok(openat(at, path, flags, Mode::empty())?)
}

/// Looks before it opens: opening a device or a FIFO has effects or waits.
fn open_regular(at: impl AsFd, path: &Path, links: AtFlags) -> io::Result<File> {
    regular(&fstatat(at.as_fd(), path, links)?)?;
    let nofollow = if links == AtFlags::AT_SYMLINK_NOFOLLOW { OFlag::O_NOFOLLOW } else { OFlag::empty() };
    let file = openat(at.as_fd(), path, READ | nofollow, Mode::empty())?;
    regular(&fstat(&file)?)?;
    refuse_kernel(&file)?;
    Ok(File::from(file))
}

pub(super) fn regular(stat: &FileStat) -> io::Result<()> {
    match kind(stat) {
        SFlag::S_IFREG => Ok(()),
        SFlag::S_IFDIR => Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory")),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
    }
}

pub(super) fn refuse_kernel(file: &OwnedFd) -> io::Result<()> {
    let FsType(kind) = fstatfs(file)?.filesystem_type();
    // Its type is another one with musl.
    #[allow(clippy::unnecessary_cast)]
    match KERNEL_FILES.contains(&(kind as i64)) {
        true => Err(io::Error::new(io::ErrorKind::InvalidInput, "a file of the kernel, not of a disk")),
        false => Ok(()),
    }
}
