//! The engine: a target with its images becomes a [`Report`].
//!
//! This is the one place that knows all layers; renderers, the triager and the debugger bridge start from here.

mod crash;
mod exceptions;
pub mod lookup;
mod native;
mod options;
mod process;
mod python;
mod record;
mod thread_ids;
mod threads;
pub mod tree;
mod values;
mod waits;

pub use options::{Limits, Options};
pub use python::PythonState;
pub use record::record;
pub use thread_ids::ThreadIds;

use crate::base::{Diagnostic, Os};
use crate::cpython::version::PyVersion;
use crate::image::Images;
use crate::report::model::{Report, SCHEMA_VERSION};
use crate::target::{Module, SourceKind, Target};

/// Everything that can be told of `target`. Parts that cannot are absent, and a diagnostic says why.
#[must_use]
pub fn analyze(target: &Target, images: &Images, options: &Options) -> Report {
    let mut report = Report {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool: format!("pyinquest {}", env!("CARGO_PKG_VERSION")),
        source: process::source(target),
        process: process::process(target),
        crash: crash::crash(target),
        modules: process::modules(target, images),
        missing: process::missing(target),
        ..Report::default()
    };
    let state = PythonState::find(target, images);
    match &state {
        Some(state) => {
            report.python = Some(state.describe(target));
            let (interpreters, threads) = threads::python_threads(target, state, options);
            report.interpreters = interpreters;
            report.threads = threads;
        }
        None => target.diagnostics.push(no_python(target)),
    }
    // Where there is no Python to show, what is there is shown.
    let native_instead = Options { native: true, ..options.clone() };
    let options = if state.is_some() { options } else { &native_instead };
    threads::add_native(target, &mut report.threads);
    threads::order(target, &mut report.threads);
    if options.native || !options.without_findings {
        native::add(target, images, state.as_ref(), options, &mut report);
    }
    if state.is_none() {
        // The evaluation loop is no plumbing where no Python frame stands in its place.
        let frames = report.threads.iter_mut().flat_map(|t| &mut t.frames);
        frames.filter_map(|f| f.native.as_mut()).for_each(|native| native.plumbing = false);
    }
    report.diagnostics = target.diagnostics.to_vec();
    report
}

fn no_python(target: &Target) -> Diagnostic {
    let cut = target.memory.segments().iter().any(|s| s.available < s.dumped);
    // A small minidump lacks even the tables that name the runtime; the library's own name is left.
    let named = |m: &Module| PyVersion::from_file_name(m.file_name()).is_some();
    let unreadable = target.diagnostics.to_vec().iter().any(|d| d.code == "runtime-unreadable")
        || (target.source == SourceKind::Minidump && target.modules.iter().any(named));
    let text = match unreadable {
        true => "this is a CPython process, but the dump does not hold Python's state: no Python frames can be shown",
        false => "no CPython runtime was found in this process",
    };
    let hint = match (cut, unreadable, target.source, target.abi.os) {
        (true, ..) => "the dump is cut short; raise `ulimit -c` (or the size limit of the crash handler) and try again",
        (_, true, SourceKind::Minidump, Os::Windows) => {
            "record full memory: MiniDumpWithFullMemory (`procdump -ma`, WER DumpType 2)"
        }
        (_, true, SourceKind::Minidump, _) => {
            "record the process's memory too: give the writer all readable mappings as application memory, or let the \
             kernel or gcore write a core"
        }
        (_, true, ..) => "record anonymous memory too: see coredump_filter in core(5)",
        _ => "is this a CPython process? If its files are elsewhere, give --sysroot DIR or --executable FILE",
    };
    Diagnostic::new(crate::base::Severity::Error, "no-python", text).hint(hint)
}
