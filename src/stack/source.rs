//! [`Sources`]: lines of source files named by a dead process, found on this machine.
//!
//! The names are untrusted: only regular files of a sane size are read, and no more of them than a limit.

use crate::base::{Diagnostic, DiagnosticCode};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

/// Larger files are not source.
const MAX_SIZE: u64 = 16 << 20;
/// Files looked at.
const MAX_FILES: usize = 2000;

/// Where to look for source files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceOptions {
    /// Directories that stand for `/` of the dead process, tried first.
    pub sysroots: Vec<PathBuf>,
    /// Path prefixes of the dead process and what stands for them here, tried before everything else.
    pub path_maps: Vec<(String, String)>,
    /// Directories that relative names are looked up in.
    pub relative_to: Vec<PathBuf>,
    /// When the process was dumped: files changed later may be other than those that ran.
    pub dumped: Option<SystemTime>,
}

/// Finds source lines; every file is read once.
#[derive(Debug, Default)]
pub struct Sources {
    options: SourceOptions,
    files: RefCell<HashMap<String, Option<Rc<SourceFile>>>>,
    diagnostics: RefCell<Vec<Diagnostic>>,
}

#[derive(Debug)]
struct SourceFile {
    text: String,
    /// Start of each line.
    starts: Vec<usize>,
}

impl Sources {
    /// Looks where `options` say.
    #[must_use]
    pub fn new(options: SourceOptions) -> Self {
        Sources { options, ..Sources::default() }
    }

    /// Line `number` (from 1) of `file` without its line end, when there is such a file here.
    #[must_use]
    pub fn line(&self, file: &str, number: u32) -> Option<String> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let source = self.file(file)?;
        let start = *source.starts.get(index)?;
        let end = source.starts.get(index.saturating_add(1)).copied().unwrap_or(source.text.len());
        source.text.get(start..end).map(|line| line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// What has to be said about the files that were used.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        self.diagnostics.borrow().clone()
    }

    fn file(&self, name: &str) -> Option<Rc<SourceFile>> {
        let mut files = self.files.borrow_mut();
        if let Some(known) = files.get(name) {
            return known.clone();
        }
        if files.len() >= MAX_FILES {
            return None;
        }
        let found = self.find(name).map(Rc::new);
        files.insert(name.to_owned(), found.clone());
        found
    }

    fn find(&self, name: &str) -> Option<SourceFile> {
        // `<string>`, `<frozen os>`; a NUL ends a path for the system but not for us.
        if name.is_empty() || name.starts_with('<') || name.contains('\0') {
            return None;
        }
        self.candidates(name).into_iter().find_map(|path| {
            let meta = std::fs::metadata(&path).ok()?;
            if !meta.is_file() || meta.len() > MAX_SIZE {
                return None;
            }
            let file = SourceFile::new(decode(&std::fs::read(&path).ok()?)?);
            self.check_age(&path, meta.modified().ok());
            Some(file)
        })
    }

    fn candidates(&self, name: &str) -> Vec<PathBuf> {
        let mapped = self.options.path_maps.iter().filter_map(|(old, new)| {
            let rest = name.strip_prefix(old.as_str())?;
            Some(PathBuf::from(format!("{new}{rest}")))
        });
        let path = Path::new(name);
        let mut list: Vec<PathBuf> = mapped.collect();
        if path.is_absolute() {
            let inside = path.strip_prefix("/").unwrap_or(path);
            list.extend(self.options.sysroots.iter().map(|root| root.join(inside)));
            list.push(path.to_owned());
        } else {
            list.extend(self.options.relative_to.iter().map(|directory| directory.join(path)));
        }
        list
    }

    fn check_age(&self, path: &Path, changed: Option<SystemTime>) {
        if let (Some(dumped), Some(changed)) = (self.options.dumped, changed)
            && changed > dumped
        {
            let text = format!("{} was changed after the crash; its lines may not be those that ran", path.display());
            self.diagnostics.borrow_mut().push(Diagnostic::warning(DiagnosticCode::SourceChanged, text));
        }
    }
}

impl SourceFile {
    fn new(text: String) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            // `\r` alone ends a line too, as Python reads files.
            let next = at.saturating_add(1);
            if *byte == b'\n' || (*byte == b'\r' && bytes.get(next) != Some(&b'\n')) {
                starts.push(next);
            }
        }
        SourceFile { text, starts }
    }
}

/// Source text in the encoding that it declares (PEP 263), UTF-8 without declaration.
fn decode(bytes: &[u8]) -> Option<String> {
    let body = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match declared(body).filter(|_| body.len() == bytes.len()) {
        None => Some(String::from_utf8_lossy(body).into_owned()),
        Some(name) => {
            let label = name.replace('_', "-").replace("latin-1", "latin1").replace("cp1252", "windows-1252");
            let encoding = encoding_rs::Encoding::for_label(label.as_bytes())?;
            let (text, lossy) = encoding.decode_without_bom_handling(body);
            (!lossy).then(|| text.into_owned())
        }
    }
}

/// The encoding named in a comment of the first two lines.
fn declared(bytes: &[u8]) -> Option<String> {
    for line in bytes.split(|b| *b == b'\n').take(2) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_start_matches([' ', '\t', '\x0c']);
        if let Some(comment) = line.strip_prefix('#') {
            let after = comment.find("coding").and_then(|at| comment.get(at.saturating_add("coding".len())..));
            if let Some(rest) = after.and_then(|a| a.strip_prefix([':', '='])) {
                let name = rest.trim_start_matches([' ', '\t']);
                let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(name.len());
                return name.get(..end).filter(|n| !n.is_empty()).map(str::to_ascii_lowercase);
            }
        } else if !line.trim().is_empty() {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{SourceFile, SourceOptions, Sources, decode};
    use std::fs;
    use std::time::{Duration, SystemTime};

    #[test]
    fn lines_end_as_in_python() {
        let file = SourceFile::new("a\r\nb\rc\n\x0cd".to_owned());
        assert_eq!(file.starts, [0, 3, 5, 7]);
    }

    #[test]
    fn declared_encodings() {
        assert_eq!(decode(b"# -*- coding: latin-1 -*-\n'\xe9'").unwrap(), "# -*- coding: latin-1 -*-\n'é'");
        assert_eq!(decode(b"#!/usr/bin/python\n# vim: fileencoding=koi8-r\n\xf0").unwrap().chars().last(), Some('П'));
        assert_eq!(decode(b"x = 1\n# coding: latin-1\n\xe9").unwrap().chars().last(), Some('\u{fffd}'));
        assert_eq!(decode(b"\xef\xbb\xbfx").unwrap(), "x");
        assert_eq!(decode(b"# coding: no-such-thing\n"), None);
    }

    #[test]
    fn maps_then_sysroots_then_the_path_itself() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("sys/app")).unwrap();
        fs::create_dir_all(root.join("mapped")).unwrap();
        fs::write(root.join("sys/app/a.py"), "in sysroot\n").unwrap();
        fs::write(root.join("mapped/b.py"), "mapped\n").unwrap();
        fs::write(root.join("c.py"), "one\r\ntwo").unwrap();
        let sources = Sources::new(SourceOptions {
            sysroots: vec![root.join("sys")],
            path_maps: vec![("/build/".to_owned(), format!("{}/mapped/", root.display()))],
            relative_to: vec![root.to_owned()],
            dumped: Some(SystemTime::now() - Duration::from_secs(3600)),
        });
        assert_eq!(sources.line("/app/a.py", 1).as_deref(), Some("in sysroot"));
        assert_eq!(sources.line("/build/b.py", 1).as_deref(), Some("mapped"));
        assert_eq!(sources.line("c.py", 2).as_deref(), Some("two"));
        assert_eq!(sources.line("c.py", 3), None);
        assert_eq!(sources.line("c.py", 0), None);
        assert_eq!(sources.line("<string>", 1), None);
        assert_eq!(sources.line("/dev/zero", 1), None);
        assert_eq!(sources.line("/no/such.py", 1), None);
        assert_eq!(sources.diagnostics().len(), 3, "all three are newer than the dump");
    }
}
