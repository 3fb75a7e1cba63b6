//! A text file with the crashes that are known, for repositories that rather commit one than keep a database.
//!
//! One TOML table a crash; people may add `note` and set `status = "ignored"` or `"fixed"`. It is written sorted, so
//! that merges are easy to read.

use super::model::{Group, State};
use super::signature::Signature;
use super::store::{Status, known_as};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// Reading or writing fails.
    #[error("baseline {path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not understood.
    #[error("baseline {path}: {message}")]
    Parse {
        /// The file.
        path: String,
        /// Where and why.
        message: String,
    },
}

/// A file of known crashes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// 1.
    pub format: u32,
    /// Known crashes.
    #[serde(default, rename = "crash")]
    pub crashes: Vec<Known>,
}

/// A known crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// [`Group::id`] when it was written.
    pub id: String,
    /// For people.
    pub title: String,
    /// What people decided.
    #[serde(default)]
    pub status: Status,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What crashes are compared with.
    pub signature: Vec<KnownSignature>,
}

/// The part of a signature that is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownSignature {
    /// The coarse key.
    pub coarse: String,
    /// Native module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Native functions, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
}

impl From<&Signature> for KnownSignature {
    fn from(full: &Signature) -> Self {
        KnownSignature {
            coarse: full.coarse_text.clone(),
            module: full.site.module.clone(),
            functions: full.site.functions.clone(),
        }
    }
}

impl From<&KnownSignature> for Signature {
    fn from(known: &KnownSignature) -> Self {
        let mut out = Signature { coarse: super::signature::hash(&known.coarse), ..Signature::default() };
        out.coarse_text.clone_from(&known.coarse);
        out.site.module.clone_from(&known.module);
        out.site.functions.clone_from(&known.functions);
        out
    }
}

const HEAD: &str = "# Crashes that are known: `pyinquest triage --baseline` reports others as new. Written by\n\
                    # `--update-baseline`; `status` (open, fixed, ignored) and `note` are for people and are kept.\n";

impl Baseline {
    /// Reads a file; one that is not there is empty.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn load(path: &Path) -> Result<Self, BaselineError> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let parsed: Result<Baseline, _> = toml::from_str(&text);
                parsed.map_err(|e| BaselineError::Parse { path: name, message: e.to_string() })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Baseline { format: 1, crashes: Vec::new() })
            }
            Err(source) => Err(BaselineError::Io { path: name, source }),
        }
    }

    /// Writes it, through a file beside it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), BaselineError> {
        let name = path.display().to_string();
        let text = toml::to_string_pretty(self)
            .map_err(|e| BaselineError::Parse { path: name.clone(), message: e.to_string() })?;
        let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(directory)?;
            std::io::Write::write_all(&mut file, format!("{HEAD}{text}").as_bytes())?;
            // A committed file is for everybody; temporary files are not.
            crate::sys::files::publish(file.as_file())?;
            file.persist(path).map(drop).map_err(|e| e.error)
        };
        write().map_err(|source| BaselineError::Io { path: name, source })
    }

    /// Sets the state of each group that has none yet.
    pub fn judge(&self, groups: &mut [Group]) {
        for group in groups {
            let known = self.find(group);
            let state = match known.map(|k| k.status) {
                None => State::New,
                Some(Status::Open) => State::Known,
                Some(Status::Fixed) => State::Regressed,
                Some(Status::Ignored) => State::Ignored,
            };
            group.notes.extend(known.and_then(|k| k.note.clone()));
            group.state.get_or_insert(state);
        }
    }

    fn find(&self, group: &Group) -> Option<&Known> {
        self.crashes.iter().find(|known| {
            let signatures: Vec<Signature> = known.signature.iter().map(Signature::from).collect();
            known_as(&signatures, &group.signatures)
        })
    }

    /// Adds the groups that are not in it, and what is new of those that are.
    pub fn update(&mut self, groups: &[Group]) {
        for group in groups {
            let mut new: Vec<KnownSignature> = group.signatures.iter().map(KnownSignature::from).collect();
            let at = self.find(group).and_then(|found| self.crashes.iter().position(|k| std::ptr::eq(k, found)));
            match at.and_then(|at| self.crashes.get_mut(at)) {
                Some(known) => {
                    known.signature.append(&mut new);
                    known.signature.sort();
                    known.signature.dedup();
                }
                None => {
                    new.sort();
                    new.dedup();
                    self.crashes.push(Known {
                        id: group.id.clone(),
                        title: group.title.clone(),
                        signature: new,
                        ..Known::default()
                    });
                }
            }
        }
        self.crashes.sort_by(|a, b| (&a.title, &a.id).cmp(&(&b.title, &b.id)));
    }
}
