//! [`Place`]: the one door to files of the host that a dump names. Only regular files pass, never those of procfs and
//! its kin, and no link leads out of the directory that was allowed.

use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::sys::statfs::{FsType, fstatfs};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// As many symbolic links as Linux follows (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;
/// Linux takes no longer path (`PATH_MAX`), and a dump's name must not make us walk for ever.
const MAX_PATH: usize = 4096;

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

/// How links on the way are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Links {
    /// As a process sees them whose `/` is the root: absolute ones and `..` stay inside.
    InRoot,
    /// One that leads out of the root is refused.
    Beneath,
    /// As the host does: a person named the file.
    Free,
}

/// Where on the host a file may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    root: PathBuf,
    path: PathBuf,
    links: Links,
}

impl Place {
    /// `path` of a process whose `/` is `root`.
    #[must_use]
    pub fn in_root(root: &Path, path: &Path) -> Place {
        Place { root: root.to_owned(), path: path.to_owned(), links: Links::InRoot }
    }

    /// `path` in or below a directory; never outside of it.
    #[must_use]
    pub fn beneath(root: &Path, path: &Path) -> Place {
        Place { root: root.to_owned(), path: path.to_owned(), links: Links::Beneath }
    }

    /// A file that a person named, or one in a directory that a person named. Never for a name that comes from a dump.
    #[must_use]
    pub fn named(path: &Path) -> Place {
        Place { root: PathBuf::new(), path: path.to_owned(), links: Links::Free }
    }

    /// The place of `name` in this one, which is a directory. An absolute name begins at the root again; where there is
    /// no root, it is taken as if it were relative, and `..` is dropped.
    #[must_use]
    pub fn join(&self, name: &Path) -> Place {
        let path = match self.links {
            Links::InRoot | Links::Beneath => self.path.join(name),
            Links::Free => normal(name).fold(self.path.clone(), |path, part| path.join(part)),
        };
        Place { path, ..self.clone() }
    }

    /// The directory that holds it.
    #[must_use]
    pub fn parent(&self) -> Option<Place> {
        Some(Place { path: self.path.parent()?.to_owned(), ..self.clone() })
    }

    /// The place as a path of the host, for messages; links are not followed.
    #[must_use]
    pub fn shown(&self) -> PathBuf {
        match self.links {
            Links::Free => self.path.clone(),
            Links::InRoot | Links::Beneath => normal(&self.path).fold(self.root.clone(), |path, part| path.join(part)),
        }
    }

    /// Opens the file for reading.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::IsADirectory`] for directories, [`io::ErrorKind::InvalidInput`] for what is no
    /// regular file or is one of the kernel's, [`io::ErrorKind::PermissionDenied`] for a link that leads out of the
    /// root, [`io::ErrorKind::FileTooLarge`] beyond `limit` bytes.
    pub fn open(&self, limit: u64) -> io::Result<File> {
        Ok(self.open_resolved(limit)?.0)
    }

    /// The same with the place where it is once the links of a root are followed.
    ///
    /// # Errors
    /// As [`Place::open`].
    pub fn open_resolved(&self, limit: u64) -> io::Result<(File, Place)> {
        let (file, path) = match self.links {
            Links::Free => (open_regular(nix::fcntl::AT_FDCWD, &self.path, AtFlags::empty())?, self.path.clone()),
            Links::InRoot | Links::Beneath => self.walk()?,
        };
        if file.metadata()?.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok((file, Place { path, ..self.clone() }))
    }

    /// Step by step from the root, each directory held open: what changes meanwhile leads nowhere else.
    fn walk(&self) -> io::Result<(File, PathBuf)> {
        if self.path.as_os_str().len() > MAX_PATH {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        // The root itself is the user's (or `/proc/PID/root`), links and all.
        let root = open_directory(nix::fcntl::AT_FDCWD, &self.root, OFlag::empty())?;
        let mut at: Vec<(OwnedFd, OsString)> = vec![(root, "/".into())];
        let mut links = 0usize;
        // A directory of the device that was looked at last is of the same file system.
        let mut checked = None;
        let mut todo: VecDeque<OsString> = parts(&self.path).collect();
        while let Some(part) = todo.pop_front() {
            if part == ".." {
                match (at.len(), self.links) {
                    (0 | 1, Links::Beneath) => return Err(leads_out()),
                    (0 | 1, _) => {}
                    _ => drop(at.pop()),
                }
                continue;
            }
            let Some((here, _)) = at.last() else { return Err(leads_out()) };
            let is = fstatat(here, part.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            if kind(&is) == SFlag::S_IFLNK {
                links = links.saturating_add(1);
                if links > MAX_LINKS {
                    return Err(nix::errno::Errno::ELOOP.into());
                }
                let link = self.followed(&readlinkat(here, part.as_os_str())?, &mut at)?;
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
    fn followed(&self, link: &OsStr, at: &mut Vec<(OwnedFd, OsString)>) -> io::Result<PathBuf> {
        let link = Path::new(link);
        if !link.is_absolute() {
            return Ok(link.to_owned());
        }
        let inside = match self.links {
            Links::InRoot => link.to_owned(),
            // An absolute link that names the root itself stays inside.
            _ => link.strip_prefix(std::fs::canonicalize(&self.root)?).map_err(|_| leads_out())?.to_owned(),
        };
        at.truncate(1);
        Ok(inside)
    }
}

/// Where `path` of the process is by `OLD=NEW` pairs, which match whole names of directories: `/app` is not the
/// beginning of `/apparatus`. Nothing outside of NEW is reached.
#[must_use]
pub fn mapped(path: &str, maps: &[(String, String)]) -> Vec<Place> {
    let place = |(old, new): &(String, String)| {
        let rest = path.strip_prefix(old.as_str())?;
        let new = Path::new(new);
        match rest.is_empty() {
            // A file stands for a file.
            true => Some(Place::named(new)),
            false if old.ends_with('/') || rest.starts_with('/') => {
                Some(Place::beneath(new, Path::new(rest.trim_start_matches('/'))))
            }
            false => None,
        }
    };
    maps.iter().filter_map(place).collect()
}

fn leads_out() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "leads out of the directory that was given")
}

fn parts(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|c| match c {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    })
}

fn normal(path: &Path) -> impl Iterator<Item = &OsStr> {
    path.components().filter_map(|c| match c {
        Component::Normal(name) => Some(name),
        _ => None,
    })
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

fn open_directory(at: impl AsFd, path: &Path, more: OFlag) -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | more;
    Ok(openat(at, path, flags, Mode::empty())?)
}

/// Looks before it opens: opening a device or a FIFO has effects or waits.
fn open_regular(at: impl AsFd, path: &Path, links: AtFlags) -> io::Result<File> {
    let regular = |stat: &FileStat| match kind(stat) {
        SFlag::S_IFREG => Ok(()),
        SFlag::S_IFDIR => Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory")),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
    };
    regular(&fstatat(at.as_fd(), path, links)?)?;
    let nofollow = if links == AtFlags::AT_SYMLINK_NOFOLLOW { OFlag::O_NOFOLLOW } else { OFlag::empty() };
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | nofollow;
    let file = openat(at.as_fd(), path, flags, Mode::empty())?;
    regular(&fstat(&file)?)?;
    refuse_kernel(&file)?;
    Ok(File::from(file))
}

fn refuse_kernel(file: &OwnedFd) -> io::Result<()> {
    let FsType(kind) = fstatfs(file)?.filesystem_type();
    // Its type is another one with musl.
    #[allow(clippy::unnecessary_cast)]
    match KERNEL_FILES.contains(&(kind as i64)) {
        true => Err(io::Error::new(io::ErrorKind::InvalidInput, "a file of the kernel, not of a disk")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
