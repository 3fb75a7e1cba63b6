//! [`Inspection`]: one stopped process with all that is known of it, the one place where looking at a process starts.

use super::lookup::{self, Found, LookupError, Place};
use super::python::{Known, PythonParts};
use super::{Options, PythonState, PythonThread, SystemStack, report, source_lines};
use crate::base::{Addr, Diagnostic, DiagnosticCode};
use crate::cpython::object::Value;
use crate::debuggee::{self, ByteSource, Crash, Limits, NativeThread, Target, TargetError};
use crate::image::{Images, SearchOptions};
use crate::model::{Finding, Report};
use crate::stack::source::{SourceOptions, Sources};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Where a dump comes from.
#[derive(Clone)]
#[non_exhaustive]
pub enum Source {
    /// A file, as it is or compressed.
    Path(PathBuf),
    /// A regular file that is open, and its path for messages.
    Opened(PathBuf, Arc<File>),
    /// Standard input, read to its end.
    Stdin,
    /// The bytes of a dump, not compressed.
    Bytes(Arc<dyn ByteSource>),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Source::Opened(path, _) => f.debug_tuple("Opened").field(path).finish(),
            Source::Stdin => f.write_str("Stdin"),
            Source::Bytes(bytes) => f.debug_tuple("Bytes").field(&bytes.bytes().len()).finish(),
        }
    }
}

impl From<&Path> for Source {
    /// `-` is standard input.
    fn from(path: &Path) -> Self {
        if path == Path::new(debuggee::STDIN) { Source::Stdin } else { Source::Path(path.to_owned()) }
    }
}

impl From<&PathBuf> for Source {
    fn from(path: &PathBuf) -> Self {
        Source::from(path.as_path())
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Source::Bytes(Arc::new(bytes))
    }
}

impl Source {
    /// The process that the dump holds, with no file of a module attached to it.
    ///
    /// # Errors
    /// [`TargetError`] when it cannot be opened or is not a dump.
    pub fn target(&self) -> Result<Target, TargetError> {
        self.target_within(&Limits::default())
    }

    /// The same within limits.
    ///
    /// # Errors
    /// As [`Source::target`].
    pub fn target_within(&self, limits: &Limits) -> Result<Target, TargetError> {
        match self {
            Source::Path(path) => debuggee::open_within(path, limits),
            Source::Opened(path, file) => debuggee::open_file_within(path, file, limits),
            Source::Stdin => debuggee::open_within(Path::new(debuggee::STDIN), limits),
            Source::Bytes(bytes) => debuggee::from_bytes_within(Path::new("bytes"), Arc::clone(bytes), limits),
        }
    }
}

/// One stopped process with all that is known of it.
///
/// Every part is read when it is first asked for, and once; threads may share an inspection. Nothing of it outlives it.
#[derive(Debug)]
pub struct Inspection {
    target: Target,
    images: Images,
    sources: Option<Sources>,
    python: OnceLock<Option<PythonParts>>,
    findings: OnceLock<Vec<Finding>>,
    greenlets: Known,
    /// Diagnostics that there were once CPython was located.
    said: OnceLock<usize>,
}

impl Inspection {
    /// Opens a dump and looks for the files of its modules.
    ///
    /// # Errors
    /// [`TargetError`] when it cannot be opened or is not a dump. A dump that is damaged is opened as far as it goes.
    pub fn open(source: impl Into<Source>, search: &SearchOptions) -> Result<Self, TargetError> {
        Ok(Inspection::from_target(source.into().target()?, search))
    }

    /// The inspection of a process that is there already.
    #[must_use]
    pub fn from_target(mut target: Target, search: &SearchOptions) -> Self {
        let images = Images::attach(&mut target, search);
        let sources = source_lines::options(&target, &images, search);
        Inspection::with_sources(target, images, search, sources)
    }

    /// The inspection of a running process of this host.
    #[cfg(all(feature = "live", target_os = "linux"))]
    pub(super) fn of_live(mut target: Target, pid: i32, search: &SearchOptions, greenlets: &Known) -> Self {
        let search = &SearchOptions { mapped_by: Some(pid), ..search.clone() };
        let images = Images::attach(&mut target, search);
        let made = Inspection::with_sources(target, images, search, source_lines::options_of_live(pid, search));
        Inspection { greenlets: Arc::clone(greenlets), ..made }
    }

    fn with_sources(target: Target, images: Images, search: &SearchOptions, sources: SourceOptions) -> Self {
        let sources = (!search.no_files).then(|| Sources::new(sources));
        let (python, findings, said) = Default::default();
        Inspection { target, images, sources, python, findings, greenlets: Known::default(), said }
    }

    /// Takes over the threads of the same process at a later time. All that was read of its CPython is forgotten but
    /// for where it is; one that was not there is looked for again.
    pub fn renew(&mut self, threads: Vec<NativeThread>, crash: Option<Crash>) {
        self.target.threads = threads;
        self.target.crash = crash;
        self.forget();
    }

    /// Forgets what was read of CPython, but for where it is, and what was said of that reading.
    pub fn forget(&mut self) {
        // Files of modules are not read again.
        let of_a_file = |d: &Diagnostic| matches!(d.code, DiagnosticCode::PdbDamaged | DiagnosticCode::DwarfDamaged);
        self.target.diagnostics.take_back(self.said.get().copied().unwrap_or(usize::MAX), of_a_file);
        self.findings = OnceLock::new();
        self.greenlets = Known::default();
        if let Some(parts) = self.python.take().flatten().and_then(PythonParts::renewed) {
            self.python = OnceLock::from(Some(parts));
        }
    }

    /// The process alone, all that was learnt of it forgotten.
    #[must_use]
    pub fn into_target(self) -> Target {
        self.target
    }

    /// The process: memory, modules, threads of the operating system, crash.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The files of its modules.
    #[must_use]
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// Its modules, each with what became of the search for its file.
    #[must_use]
    pub fn modules(&self) -> Vec<crate::model::ModuleInfo> {
        super::process::modules(&self.target, &self.images)
    }

    /// Its Python source files on the host; `None` where no file may be looked at.
    #[must_use]
    pub fn sources(&self) -> Option<&Sources> {
        self.sources.as_ref()
    }

    /// Its CPython; `None` when there is none that can be found.
    #[must_use]
    pub fn python(&self) -> Option<PythonState<'_>> {
        let find = || {
            let found = PythonParts::find(&self.target, &self.images, &self.greenlets);
            let _ = self.said.set(self.target.diagnostics.count());
            found
        };
        let parts = self.python.get_or_init(find).as_ref()?;
        Some(PythonState::new(&self.target, &self.images, parts))
    }

    /// All thread states of CPython.
    #[must_use]
    pub fn threads(&self) -> Vec<PythonThread<'_>> {
        self.python().map(PythonState::threads).unwrap_or_default()
    }

    /// Python frames of a thread (by the operating system's id), innermost first, those of all interpreters that it runs.
    #[must_use]
    pub fn stack(&self, tid: u64) -> Option<SystemStack> {
        let state = self.python()?;
        let thread = state.system_thread(tid)?;
        Some(state.system_stack(&thread, self.target.limits.frames))
    }

    /// The object at an address, as an object of the main interpreter.
    #[must_use]
    pub fn object(&self, addr: Addr) -> Option<Found<'_>> {
        Some(Found { heap: self.python()?.heap(0)?, value: Value::Object(addr) })
    }

    /// The object that a path (`name.attr[1]['key']`, `@0x7f00`) leads to.
    ///
    /// # Errors
    /// [`LookupError`] that says what is missing.
    pub fn evaluate(&self, path: &str, place: Place) -> Result<Found<'_>, LookupError> {
        lookup::evaluate(self, path, place)
    }

    /// What the process died of, most certain first.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        self.findings.get_or_init(|| report::findings(&self.target, &self.images, self.python()))
    }

    /// All that `options` ask for. Parts that cannot be told are absent, and a diagnostic says why.
    #[must_use]
    pub fn report(&self, options: &Options) -> Report {
        let mut report = report::make(&self.target, &self.images, self.python(), options);
        if let Some(sources) = self.sources().filter(|_| options.source_lines) {
            source_lines::add(&mut report, sources);
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_may_share_an_inspection() {
        fn shared<T: Send + Sync>() {}
        shared::<Inspection>();
        shared::<PythonState<'_>>();
        shared::<Found<'_>>();
    }

    /// What a look says that was cut short is not said of the next one.
    #[test]
    fn a_look_that_was_cut_short_leaves_nothing_behind() {
        let dump = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/cores/3.12-basic.core.zst");
        let search = SearchOptions { no_files: true, ..SearchOptions::default() };
        let looked = |limits: &Limits| {
            let target = Source::from(Path::new(dump)).target_within(limits).unwrap();
            Inspection::from_target(target, &search)
        };
        let options = Options { native: true, ..Options::default() };
        let said = |inspection: &Inspection| {
            let report = inspection.report(&options);
            (report.threads.len(), report.diagnostics)
        };
        let whole = said(&looked(&Limits::default()));
        let limits = Limits::default();
        let mut inspection = looked(&limits);
        assert!(inspection.python().is_some());
        limits.deadline.set();
        assert_ne!(said(&inspection), whole);
        limits.deadline.renew();
        inspection.forget();
        assert_eq!(said(&inspection), whole);
    }
}
