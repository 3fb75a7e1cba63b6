//! The directories below which dumps may be opened.

use crate::sys::Place;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Why a path is not opened, or a directory is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// What was given as a directory is none, or cannot be looked at.
    #[error("{}: {source}", .path.display())]
    Root {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The path is of elsewhere.
    #[error("{} is not below {}", .path.display(), shown(.roots))]
    Outside {
        /// The path.
        path: PathBuf,
        /// What is allowed.
        roots: Vec<PathBuf>,
    },
    /// It is below one of them and cannot be opened.
    #[error("cannot open {}: {}", .path.display(), reason(.source))]
    Open {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

fn shown(roots: &[PathBuf]) -> String {
    roots.iter().map(|root| root.display().to_string()).collect::<Vec<_>>().join(" or ")
}

fn reason(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::PermissionDenied if source.raw_os_error().is_none() => "a link leads elsewhere".to_owned(),
        io::ErrorKind::InvalidInput => "it is not a regular file".to_owned(),
        _ => source.to_string(),
    }
}

/// Directories, as they were given and without links.
#[derive(Clone, Debug)]
pub struct Roots(Vec<(PathBuf, PathBuf)>);

impl Roots {
    /// These directories.
    ///
    /// # Errors
    /// [`RootError::Root`] where one is none.
    pub fn new(given: &[PathBuf]) -> Result<Roots, RootError> {
        let one = |path: &PathBuf| {
            let failed = |source| RootError::Root { path: path.clone(), source };
            let real = path.canonicalize().map_err(failed)?;
            if !real.is_dir() {
                return Err(failed(io::ErrorKind::NotADirectory.into()));
            }
            Ok((std::path::absolute(path).map_err(failed)?, real))
        };
        given.iter().map(one).collect::<Result<_, _>>().map(Roots)
    }

    /// The directories without links.
    pub fn directories(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|(_, real)| real.as_path())
    }

    /// Opens a regular file below one of them, by no link that leads out of it; its path for messages too. One that is not
    /// absolute is looked for in each.
    pub fn open(&self, path: &Path) -> Result<(PathBuf, File), RootError> {
        let below = |(given, real): &(PathBuf, PathBuf)| {
            let rest = match path.is_absolute() {
                true => path.strip_prefix(given).or_else(|_| path.strip_prefix(real)).ok()?,
                false => path,
            };
            Some((real.join(rest), Place::beneath(real, rest)))
        };
        let mut why = None;
        for (whole, place) in self.0.iter().filter_map(below) {
            match place.open(u64::MAX) {
                Ok(file) => return Ok((whole, file)),
                Err(error) if why.is_none() || error.kind() != io::ErrorKind::NotFound => why = Some(error),
                Err(_) => {}
            }
        }
        Err(match why {
            Some(source) => RootError::Open { path: path.to_owned(), source },
            None => {
                RootError::Outside { path: path.to_owned(), roots: self.directories().map(Path::to_owned).collect() }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn nothing_outside_is_opened() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (root, secret) = (dir.path(), other.path().join("secret"));
        std::fs::create_dir(root.join("sub")).unwrap();
        std::fs::write(root.join("sub/core"), b"dump").unwrap();
        std::fs::write(&secret, b"secret").unwrap();
        symlink(&secret, root.join("link")).unwrap();
        symlink(other.path(), root.join("way")).unwrap();
        symlink("sub/core", root.join("inside")).unwrap();
        let roots = Roots::new(&[root.to_owned()]).unwrap();
        for path in ["sub/core", "sub/../sub/core", "inside"] {
            assert!(roots.open(Path::new(path)).is_ok(), "{path}");
            assert!(roots.open(&root.join(path)).is_ok(), "{path}");
        }
        let up = format!("../{}/secret", other.path().file_name().unwrap().to_str().unwrap());
        for path in ["link", "way/secret", "sub", "absent", up.as_str(), "sub/../../etc/passwd"] {
            assert!(roots.open(Path::new(path)).is_err(), "{path}");
            assert!(roots.open(&root.join(path)).is_err(), "{path}");
        }
        let outside = roots.open(&secret).unwrap_err().to_string();
        assert!(outside.contains("is not below"), "{outside}");
        assert!(roots.open(Path::new("link")).unwrap_err().to_string().ends_with("a link leads elsewhere"));
        assert!(Roots::new(&[secret]).is_err());
    }
}
