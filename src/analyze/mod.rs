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
mod values;

pub use options::{Limits, Options};
pub use python::PythonState;
pub use record::record;

use crate::base::Diagnostic;
use crate::image::Images;
use crate::report::model::{Report, SCHEMA_VERSION};
use crate::target::Target;

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
    threads::add_native(target, &mut report.threads);
    threads::order(target, &mut report.threads);
    if options.native || !options.without_findings {
        native::add(target, images, state.as_ref(), options, &mut report);
    }
    report.diagnostics = target.diagnostics.to_vec();
    report
}

fn no_python(target: &Target) -> Diagnostic {
    let missing = target.memory.segments().iter().any(|s| s.available < s.dumped);
    let hint = match missing {
        true => "the dump is cut short; raise `ulimit -c` (or the size limit of the crash handler) and try again",
        false => "is this a CPython process? If its files are elsewhere, give --sysroot DIR or --executable FILE",
    };
    Diagnostic::new(crate::base::Severity::Error, "no-python", "no CPython runtime was found in this process")
        .hint(hint)
}
