//! [`Place`]: the one door to files of the host that a dump names. Only regular files pass, never those of procfs and
//! its kin, and no link leads out of the directory that was allowed.

#[cfg(target_os = "linux")]
mod at_once;
#[cfg(any(not(target_os = "linux"), test))]
mod steps;
#[cfg(target_os = "linux")]
mod walk;

#[cfg(not(target_os = "linux"))]
use steps::{open, open_named};
#[cfg(target_os = "linux")]
use walk::{open, open_named};

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Linux takes no longer path (`PATH_MAX`), and a dump's name must not make us walk for ever.
const MAX_PATH: usize = 4096;

/// As many symbolic links as Linux follows (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// How links on the way are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Links {
    /// As a process sees them whose `/` is the root: absolute ones and `..` stay inside.
    InRoot,
    /// One that leads out of the root is refused.
    Beneath,
    /// As the host does: a person named the file.
    Free,
}

/// Where on the host a file may be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
            Links::Free => (open_named(&self.path)?, self.path.clone()),
            Links::InRoot | Links::Beneath => self.open_inside()?,
        };
        if limit < u64::MAX && file.metadata()?.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok((file, Place { path, ..self.clone() }))
    }

    /// The file and its path from the root, by no link out of it.
    fn open_inside(&self) -> io::Result<(File, PathBuf)> {
        if self.path.as_os_str().len() > MAX_PATH {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        let wanted: Vec<OsString> = parts(&self.path).collect();
        #[cfg(target_os = "linux")]
        if let Some(opened) = at_once::open(&self.root, &wanted, self.links) {
            return opened;
        }
        open(&self.root, wanted, self.links)
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

#[cfg(test)]
mod tests;
