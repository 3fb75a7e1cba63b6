//! [`Sources`]: lines of source files named by a dead process, found on this host.
//!
//! The names are untrusted: a `Place` opens them, only below what [`SourceOptions`] allow, and no more of them than a
//! limit. What nobody vouched for (this host's own files) must also look like Python source. A name may lead into a zip file.

use super::zip_member;
use crate::base::{Diagnostic, DiagnosticCode, first_of};
use crate::sys::{Place, mapped};
use std::collections::{HashMap, HashSet};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

/// Larger files are not source.
const MAX_SIZE: u64 = 16 << 20;
/// Larger zip files are not looked into.
const MAX_ARCHIVE: u64 = 4 << 30;
/// Files looked at.
const MAX_FILES: usize = 2000;
/// Bytes kept of all of them.
const MAX_TOTAL: u64 = 256 << 20;
/// How many files a message names.
const NAMED: usize = 3;
/// Endings of names of Python's source files (mod_wsgi's too), and of what Cython makes modules of.
const ENDINGS: [&str; 7] = [".py", ".pyw", ".pyi", ".wsgi", ".pyx", ".pxd", ".pxi"];

/// Where to look for source files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceOptions {
    /// Directories that stand for `/` of the dead process, tried first.
    pub sysroots: Vec<PathBuf>,
    /// Path prefixes of the dead process and what stands for them here, tried before everything else.
    pub path_maps: Vec<(String, String)>,
    /// Directories that relative names are looked up in, where `own_host` allows it.
    pub relative_to: Vec<PathBuf>,
    /// Whether this host's own files are those that the process saw: see
    /// [`Images::of_this_boot`](crate::image::Images::of_this_boot).
    pub own_host: bool,
    /// Whether the process still runs.
    pub runs: bool,
    /// When the process was dumped, or started if it still runs: files changed later may be other than those that ran.
    pub dumped: Option<SystemTime>,
}

/// Those of Python alone.
const PYTHON_ENDINGS: [&str; 3] = [".py", ".pyw", ".wsgi"];

/// Finds source lines; every file is read once.
#[derive(Debug, Default)]
pub struct Sources {
    options: SourceOptions,
    files: Mutex<HashMap<String, Option<Arc<SourceFile>>>>,
    diagnostics: Mutex<Vec<Diagnostic>>,
    bytes: Mutex<u64>,
    used: Mutex<Used>,
    /// Files of this host that a doubt was told of.
    doubted: Mutex<HashSet<PathBuf>>,
}

/// That a source file is likely another one than ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} has no function {function}: its lines are likely not those that ran", file.display())]
pub struct Doubt {
    /// File of this host.
    pub file: PathBuf,
    /// What it does not define.
    pub function: String,
}

/// Where texts came from.
#[derive(Debug, Default)]
struct Used {
    /// Files under the process's own name.
    own: usize,
    /// `host path (for name)`.
    elsewhere: Vec<String>,
    /// Whether a file of this host was left alone because nobody vouched for it.
    left: bool,
}

#[derive(Debug)]
struct SourceFile {
    /// File of this host.
    path: PathBuf,
    text: String,
    /// Start of each line.
    starts: Vec<usize>,
    /// What it defines, once that was asked for.
    defined: OnceLock<HashSet<String>>,
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

    /// The same for a frame of `function`. That the file is likely another one than ran is said once for it.
    #[must_use]
    pub fn line_of(&self, file: &str, number: u32, function: Option<&str>) -> Option<String> {
        let line = self.line(file, number)?;
        if let Some(doubt) = function.and_then(|name| self.doubt(file, name))
            && locked(&self.doubted).insert(doubt.file.clone())
        {
            let diagnostic = Diagnostic::warning(DiagnosticCode::SourceWithoutFunction, doubt.to_string());
            locked(&self.diagnostics).push(diagnostic);
        }
        Some(line)
    }

    /// Whether a file of Python that may be shown defines nothing of a function's name: then it is likely another one than ran.
    /// Names that are relative, or the same on many hosts (`app.py`), lead to such files.
    #[must_use]
    pub fn doubt(&self, file: &str, function: &str) -> Option<Doubt> {
        let of_python = PYTHON_ENDINGS.iter().any(|ending| file.ends_with(ending));
        let source = self.file(file).filter(|_| of_python && is_defined_by_name(function))?;
        let defined = source.defines(function);
        (!defined).then(|| Doubt { file: source.path.clone(), function: function.to_owned() })
    }

    /// The file of this host that stands for `file`, where one may be shown.
    #[must_use]
    pub fn host_path(&self, file: &str) -> Option<PathBuf> {
        Some(self.file(file)?.path.clone())
    }

    /// Lines `first..=last` of `file`, as many as there are.
    ///
    /// # Errors
    /// When no such file may be read.
    pub fn lines(&self, file: &str, first: u32, last: u32) -> io::Result<Vec<String>> {
        if self.file(file).is_none() {
            // What is told is what the system says of the name itself.
            let missing = || io::Error::from(io::ErrorKind::NotFound);
            let places = self.candidates(file);
            let error =
                places.last().map_or_else(missing, |place| self.read(file, place).err().unwrap_or_else(missing));
            return Err(error);
        }
        Ok((first..=last).map_while(|number| self.line(file, number)).collect())
    }

    /// What has to be said about the files that were used.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let used = locked(&self.used);
        let mut out = locked(&self.diagnostics).clone();
        if used.own > 0 {
            let text = format!("source lines are those of {} files of this host", used.own);
            out.push(Diagnostic::note(DiagnosticCode::SourceOrigin, text));
        }
        if !used.elsewhere.is_empty() {
            let names: Vec<&str> = used.elsewhere.iter().map(String::as_str).collect();
            let text = format!("source lines come from {}", first_of(&names, NAMED));
            out.push(Diagnostic::note(DiagnosticCode::SourceOrigin, text));
        }
        if used.left {
            let text = "no source lines of this host's own files are shown: nothing proves that the process ran on this \
                        boot of this host";
            let hint = "give --host-sources if these are its files, or --sysroot or --map for where they are";
            out.push(Diagnostic::note(DiagnosticCode::SourceOfOtherHost, text).hint(hint));
        }
        out
    }

    fn file(&self, name: &str) -> Option<Arc<SourceFile>> {
        let mut files = locked(&self.files);
        if let Some(known) = files.get(name) {
            return known.clone();
        }
        if files.len() >= MAX_FILES {
            return None;
        }
        let found = self.find(name).map(Arc::new);
        files.insert(name.to_owned(), found.clone());
        found
    }

    fn find(&self, name: &str) -> Option<SourceFile> {
        // `<string>`, `<frozen os>`; a NUL ends a path for the system but not for us.
        if name.is_empty() || name.starts_with('<') || name.contains('\0') {
            return None;
        }
        let plain = self.candidates(name).into_iter().find_map(|place| self.read(name, &place).ok());
        let found = plain.or_else(|| self.in_archive(name));
        // Whether there is such a file here is not examined.
        locked(&self.used).left |= found.is_none() && !self.options.own_host;
        found
    }

    /// The file at a place, if it may be shown.
    fn read(&self, name: &str, place: &Place) -> io::Result<SourceFile> {
        let file = place.open(MAX_SIZE)?;
        let meta = file.metadata()?;
        let mut bytes = Vec::new();
        self.total_with(meta.len())?;
        file.take(MAX_SIZE).read_to_end(&mut bytes)?;
        let vouched = !self.is_own(name, place);
        self.take_in(name, place.shown(), vouched, &bytes, meta.modified().ok())
    }

    /// The file where the first part of the name is that of a zip file (`app.pyz/pkg/mod.py`), as code has it that was imported from
    /// one.
    fn in_archive(&self, name: &str) -> Option<SourceFile> {
        let above = name.match_indices('/').map(|(at, _)| name.split_at(at)).filter(|(archive, _)| !archive.is_empty());
        above.rev().find_map(|(archive, inside)| {
            let inside = inside.trim_start_matches('/');
            self.candidates(archive).into_iter().find_map(|place| self.member(name, archive, inside, &place).ok())
        })
    }

    fn member(&self, name: &str, archive: &str, inside: &str, place: &Place) -> io::Result<SourceFile> {
        let file = place.open(MAX_ARCHIVE)?;
        let bytes = zip_member::read(&file, inside, MAX_SIZE)?;
        let vouched = !self.is_own(archive, place);
        self.take_in(name, place.shown().join(inside), vouched, &bytes, file.metadata()?.modified().ok())
    }

    /// Bytes of all files with so many more.
    fn total_with(&self, more: u64) -> io::Result<u64> {
        let total = locked(&self.bytes).saturating_add(more);
        if total > MAX_TOTAL { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(total) }
    }

    /// Text that was read, if it may be shown.
    fn take_in(
        &self,
        name: &str,
        path: PathBuf,
        vouched: bool,
        bytes: &[u8],
        changed: Option<SystemTime>,
    ) -> io::Result<SourceFile> {
        let total = self.total_with(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
        if !vouched && !looks_like_source(name, bytes) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "does not look like Python source"));
        }
        let unknown = || io::Error::new(io::ErrorKind::InvalidData, "is in an unknown encoding");
        let source = SourceFile::new(path.clone(), decode(bytes).ok_or_else(unknown)?);
        *locked(&self.bytes) = total;
        self.check_age(&path, changed);
        let mut used = locked(&self.used);
        match path == Path::new(name) {
            true => used.own = used.own.saturating_add(1),
            false => used.elsewhere.push(format!("{} (for {name})", path.display())),
        }
        Ok(source)
    }

    /// Whether a place is there only because the process's host is taken for this one.
    fn is_own(&self, name: &str, place: &Place) -> bool {
        self.own_places(name).contains(place)
    }

    fn candidates(&self, name: &str) -> Vec<Place> {
        let mut list = mapped(name, &self.options.path_maps);
        let path = Path::new(name);
        if path.is_absolute() {
            list.extend(self.options.sysroots.iter().map(|root| Place::in_root(root, path)));
        }
        list.extend(self.own_places(name));
        list
    }

    fn own_places(&self, name: &str) -> Vec<Place> {
        let path = Path::new(name);
        match (self.options.own_host, path.is_absolute()) {
            (false, _) => Vec::new(),
            (true, true) => vec![Place::in_root(Path::new("/"), path)],
            (true, false) => self.options.relative_to.iter().map(|directory| Place::beneath(directory, path)).collect(),
        }
    }

    fn check_age(&self, path: &Path, changed: Option<SystemTime>) {
        if let (Some(dumped), Some(changed)) = (self.options.dumped, changed)
            && changed > dumped
        {
            let what = if self.options.runs { "process was started" } else { "crash" };
            let text = format!("{} was changed after the {what}; its lines may not be those that ran", path.display());
            locked(&self.diagnostics).push(Diagnostic::warning(DiagnosticCode::SourceChanged, text));
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SourceFile {
    /// Whether `def NAME`, `class NAME` or `type NAME` is in it.
    fn defines(&self, name: &str) -> bool {
        self.defined.get_or_init(|| definitions(&self.text)).contains(name)
    }

    fn new(path: PathBuf, text: String) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            // `\r` alone ends a line too, as Python reads files.
            let next = at.saturating_add(1);
            if *byte == b'\n' || (*byte == b'\r' && bytes.get(next) != Some(&b'\n')) {
                starts.push(next);
            }
        }
        // After the last line's end there is no other line.
        if starts.last() == Some(&text.len()) {
            starts.pop();
        }
        SourceFile { path, text, starts, defined: OnceLock::new() }
    }
}

/// The names behind `def`, `class` and `type`.
fn definitions(text: &str) -> HashSet<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = HashSet::new();
    for keyword in ["def", "class", "type"] {
        for at in memchr::memmem::find_iter(text.as_bytes(), keyword) {
            let behind = text.get(at.saturating_add(keyword.len())..).unwrap_or_default();
            let name = behind.trim_start_matches([' ', '\t', '\\', '\r', '\n']);
            let end = name.find(|c| !is_word(c)).unwrap_or(name.len());
            if name.len() < behind.len() && end > 0 {
                out.extend(name.get(..end).map(str::to_owned));
            }
        }
    }
    out
}

/// Whether the name of a code object is one that its source has: not `<module>`, `<lambda>`, and not what 3.14 makes of annotations.
fn is_defined_by_name(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(is_word) && name != "__annotate__"
}

/// Whether a file is one that Python runs: by its name, or by its first line. A name that a dump chose must not make us
/// show what is not a source.
fn looks_like_source(name: &str, bytes: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let script = first.starts_with(b"#!") && memchr::memmem::find(first, b"python").is_some();
    !bytes.contains(&0) && (script || ENDINGS.iter().any(|ending| lower.ends_with(ending)))
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
    use crate::base::DiagnosticCode;
    use std::fs;
    use std::time::{Duration, SystemTime};

    #[test]
    fn lines_end_as_in_python() {
        let file = SourceFile::new("".into(), "a\r\nb\rc\n\x0cd".to_owned());
        assert_eq!(file.starts, [0, 3, 5, 7]);
        assert_eq!(SourceFile::new("".into(), "a\nb\n".to_owned()).starts, [0, 2]);
        assert_eq!(SourceFile::new("".into(), "a\n\n".to_owned()).starts, [0, 2]);
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
            own_host: true,
            runs: false,
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
        let newer = sources.diagnostics().iter().filter(|d| d.code == DiagnosticCode::SourceChanged).count();
        assert_eq!(newer, 3, "all three are newer than the dump");
        let origin =
            sources.diagnostics().into_iter().find(|d| d.code == DiagnosticCode::SourceOrigin).unwrap().message;
        assert!(origin.contains(&format!("{}/sys/app/a.py (for /app/a.py)", root.display())), "{origin}");
    }

    #[test]
    fn a_file_of_another_project_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let text =
            "class Handler:\n    async def get(self):\n        undefined = getter = 1\n    def  wide (x): pass\n";
        fs::write(dir.path().join("app.py"), text).unwrap();
        let options = SourceOptions { relative_to: vec![dir.path().to_owned()], own_host: true, ..Default::default() };
        let unlike = |function: Option<&str>| {
            let sources = Sources::new(options.clone());
            assert_eq!(sources.line_of("app.py", 1, function).as_deref(), Some("class Handler:"));
            let _ = sources.line_of("app.py", 2, function);
            let all = sources.diagnostics();
            all.iter().filter(|d| d.code == DiagnosticCode::SourceWithoutFunction).count()
        };
        for known in ["get", "Handler", "wide", "<module>", "<lambda>", "__annotate__"] {
            assert_eq!(unlike(Some(known)), 0, "{known}");
        }
        for other in ["getter", "undefined", "ge", "Handle", "self", "boom"] {
            assert_eq!(unlike(Some(other)), 1, "{other}");
        }
        assert_eq!(unlike(None), 0);
    }

    /// Code that `zipimport` imported: the name goes through the archive, as a plain file or below a root.
    #[test]
    fn lines_of_files_in_archives() {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
        for (name, text) in [("pkg/mod.py", "one\ntwo\n"), ("key.pem", "secret\n")] {
            let (mut entry, config) = archive.new_file(name).start().unwrap();
            let mut writer = config.wrap(&mut entry);
            std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
            let (_, descriptor) = writer.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap();
        fs::create_dir_all(dir.path().join("root/opt")).unwrap();
        fs::write(dir.path().join("root/opt/app.pyz"), &bytes).unwrap();
        std::os::unix::fs::symlink(dir.path().join("root/opt/app.pyz"), dir.path().join("root/out.pyz")).unwrap();
        let root = dir.path().join("root");
        let given = Sources::new(SourceOptions { sysroots: vec![root.clone()], ..Default::default() });
        assert_eq!(given.line("/opt/app.pyz/pkg/mod.py", 2).as_deref(), Some("two"));
        let told = given.diagnostics().pop().unwrap().message;
        assert!(told.contains("root/opt/app.pyz/pkg/mod.py (for /opt/app.pyz/pkg/mod.py)"), "{told}");
        assert_eq!(given.line("/opt/app.pyz/mod.py", 1), None);
        // A link that is absolute stays in the root.
        assert_eq!(given.line("/out.pyz/pkg/mod.py", 1), None);
        let name = |inside: &str| format!("{}/opt/app.pyz/{inside}", root.display());
        assert_eq!(given.line(&name("pkg/mod.py"), 1), None, "nobody has allowed this host's own");
        let own = Sources::new(SourceOptions { own_host: true, ..Default::default() });
        assert_eq!(own.line(&name("pkg/mod.py"), 1).as_deref(), Some("one"));
        assert_eq!(own.line(&name("key.pem"), 1), None, "no source");
    }

    /// Names that a dump may choose, with every permission there is to have: none shows a line.
    #[test]
    fn what_is_not_source_is_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir(root.join("work")).unwrap();
        fs::write(root.join("secret.py"), "secret\n").unwrap();
        fs::write(root.join("key.pem"), "secret\n").unwrap();
        fs::write(root.join("script"), "#!/usr/bin/env python3\nx\n").unwrap();
        fs::write(root.join("work/own.py"), "own\n").unwrap();
        std::os::unix::fs::symlink("../secret.py", root.join("work/link.py")).unwrap();
        std::os::unix::fs::symlink("/proc/self/environ", root.join("work/environ.py")).unwrap();
        let options = SourceOptions { relative_to: vec![root.join("work")], own_host: true, ..Default::default() };
        let sources = Sources::new(options.clone());
        let text = |name: &str| sources.line(name, 1);
        let at = |name: &str| root.join(name).display().to_string();
        assert_eq!(text("own.py").as_deref(), Some("own"));
        assert_eq!(text(&at("secret.py")).as_deref(), Some("secret"));
        assert_eq!(sources.line(&at("script"), 2).as_deref(), Some("x"));
        for name in ["../secret.py", "link.py", "environ.py", "/etc/passwd", "/proc/self/environ", "/proc/kmsg"] {
            assert_eq!(text(name), None, "{name}");
        }
        assert_eq!(text(&at("key.pem")), None);
        let other = Sources::new(SourceOptions { own_host: false, ..options });
        assert_eq!((other.line("own.py", 1), other.line(&at("secret.py"), 1)), (None, None));
        assert!(other.diagnostics().iter().any(|d| d.code == DiagnosticCode::SourceOfOtherHost));
    }
}
