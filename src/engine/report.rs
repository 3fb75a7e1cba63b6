//! [`make`]: a process becomes a [`Report`].

use super::native::Outcome;
use super::{Options, PythonState, crash, native, process, threads};
use crate::base::{Diagnostic, DiagnosticCode, Os, Severity};
use crate::cpython::layout::supported_range;
use crate::cpython::locate::{NamedModule, Proof, Unsupported, named_module, unsupported};
use crate::debuggee::{Crash, SourceKind, Target};
use crate::image::Images;
use crate::model::tasks::Tasks;
use crate::model::{CrashReport, Finding, Frame, FrameKind, Python, Report, SCHEMA_VERSION, Thread};
use crate::os::linux::signals::SIGABRT;
use crate::stack::analysis::{Analysis, SeparateThread};

/// All that is known of a process, before it is put in the words of the report.
struct Known {
    analysis: Analysis,
    outcome: Outcome,
    tasks: Option<Tasks>,
    /// Whether native frames are shown.
    native: bool,
    /// Whether there is a Python to show.
    python: bool,
}

/// What a process died of. Nothing is read for it that only a report shows.
pub(super) fn findings(target: &Target, images: &Images, python: Option<PythonState<'_>>) -> Vec<Finding> {
    let options = Options { locals: false, source_lines: false, ..Options::default() };
    analyze(target, images, python, &options).outcome.findings
}

/// Everything that can be told of `target`. Parts that cannot are absent, and a diagnostic says why.
pub(super) fn make(target: &Target, images: &Images, python: Option<PythonState<'_>>, options: &Options) -> Report {
    let state = python;
    let Known { analysis, outcome, tasks, native, python } = analyze(target, images, python, options);
    let shown = |f: &Frame| native || f.kind == FrameKind::Python;
    let mut threads: Vec<Thread> = analysis.threads.into_iter().map(|t| t.into_report(shown)).collect();
    if !python {
        // The evaluation loop is no plumbing where no Python frame stands in its place.
        let frames = threads.iter_mut().flat_map(|t| &mut t.frames);
        frames.filter_map(|f| f.native.as_mut()).for_each(|native| native.plumbing = false);
    }
    if let Some(machine) = outcome.machine
        && let Some(thread) = threads.iter_mut().find(|t| t.tid == Some(machine.tid))
    {
        thread.registers = Some(machine.registers);
        thread.code = Some(machine.code);
    }
    Report {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool: format!("pyinquest {}", env!("CARGO_PKG_VERSION")),
        source: process::source(target),
        process: process::process(target, state, options),
        crash: analysis.crash.map(|crash| CrashReport { fatal_error: outcome.fatal_error, ..crash }),
        python: analysis.python,
        interpreters: analysis.interpreters,
        threads,
        findings: outcome.findings,
        tasks,
        modules: process::modules(target, images),
        missing: process::missing(target),
        diagnostics: target.diagnostics.to_vec(),
        ..Report::default()
    }
}

fn analyze(target: &Target, images: &Images, python: Option<PythonState<'_>>, options: &Options) -> Known {
    let mut analysis = Analysis { crash: crash::crash(target), ..Analysis::default() };
    let mut separate = Vec::new();
    let mut state = python;
    let mut found = state.map(|state| threads::python_threads(target, images, state, options));
    let partial = state.is_some_and(|s| s.located.proof == Proof::Partial);
    if partial && found.as_ref().is_some_and(|f| f.threads.is_empty()) {
        (state, found) = (None, None);
    }
    match (state, found) {
        (Some(state), Some(found)) => {
            analysis.python = Some(Python { threads_missing: !found.complete, ..state.describe() });
            analysis.interpreters = found.interpreters;
            separate = found.threads;
            if partial {
                target.diagnostics.push(python_partial(target));
            }
        }
        _ => target.diagnostics.push(match unsupported(target, images) {
            Some(other) => python_unsupported(&other),
            None => no_python(target, images, partial),
        }),
    }
    // Where there is no Python to show, what is there is shown.
    let native_instead = Options { native: true, ..options.clone() };
    let options = if state.is_some() { options } else { &native_instead };
    threads::add_native(target, analysis.knows_all_thread_states(), &mut separate);
    threads::order(target, &mut separate);
    let tasks =
        state.filter(|_| !options.without_findings).and_then(|state| super::tasks::for_report(target, state, options));
    let mut outcome = match options.native || !options.without_findings || (options.fatal_error && aborted(target)) {
        true => native::explain(target, images, state, options, &mut analysis, separate, tasks.as_ref()),
        false => {
            analysis.threads = separate.into_iter().map(SeparateThread::alone).collect();
            Outcome::default()
        }
    };
    if let Some(state) = state.filter(|_| !options.without_findings) {
        super::crash_audit::add(target, images, state, options, &mut outcome);
    }
    if target.limits.deadline.is_over() {
        let text = "the time was over before all was read: what is shown is what was read until then";
        let hint = "--timeout SECONDS allows more, --timeout 0 any";
        target.diagnostics.push(Diagnostic::warning(DiagnosticCode::TimeOver, text).hint(hint));
    }
    Known { analysis, outcome, tasks, native: options.native, python: state.is_some() }
}

/// Whether the process died as `abort()` ends one.
fn aborted(target: &Target) -> bool {
    matches!(&target.crash, Some(Crash::Signal { info, .. }) if info.number == SIGABRT)
}

/// For a dump that holds some of Python's state: what is shown is true, and much is not there.
fn python_partial(target: &Target) -> Diagnostic {
    let text = "the dump holds only a part of Python's state: threads are shown that could be told by their own thread \
                states, frames and names as far as they are there";
    Diagnostic::warning(DiagnosticCode::PythonPartial, text).hint(what_to_record(target, true))
}

/// A Python that is named instead of read.
fn python_unsupported(python: &Unsupported) -> Diagnostic {
    let text = format!("{python} is not supported: no Python frames can be shown");
    Diagnostic::new(Severity::Error, DiagnosticCode::UnsupportedPython, text)
        .hint(format!("{} are supported", supported_range()))
}

/// `partial`: the runtime was found, but no thread state.
fn no_python(target: &Target, images: &Images, partial: bool) -> Diagnostic {
    if !partial && is_loader(target, images) {
        let text = "no CPython runtime was found in this process: it is the loader of a program that PyInstaller put into one file, \
                    which runs Python in a child process and ends by the signal that ended the child";
        let hint = "look at the core of the child, its only one with Python; where both are written under one name the loader's \
                    replaces it: let names hold the process id (sysctl kernel.core_uses_pid=1)";
        return Diagnostic::new(Severity::Error, DiagnosticCode::NoPython, text).hint(hint);
    }
    // A small dump lacks even the tables that name the runtime; the library's own name is left.
    let named = named_module(target);
    let small = |named: &NamedModule| target.source == SourceKind::Minidump || !named.has_data;
    let unreadable = partial
        || target.diagnostics.to_vec().iter().any(|d| d.code == DiagnosticCode::RuntimeUnreadable)
        || named.as_ref().is_some_and(small);
    let text = match unreadable {
        true => format!(
            "this is a process of CPython{}, but the dump does not hold Python's state: no Python frames can be shown",
            named.map_or(String::new(), |named| format!(" {}", named.text))
        ),
        false => "no CPython runtime was found in this process".to_owned(),
    };
    Diagnostic::new(Severity::Error, DiagnosticCode::NoPython, text).hint(what_to_record(target, unreadable))
}

/// Whether the executable carries a program of PyInstaller, which appends it as a section of this name
/// (PyInstaller/building/api.py, `EXE.assemble`).
fn is_loader(target: &Target, images: &Images) -> bool {
    let main = target.modules.iter().position(|module| module.is_main);
    main.and_then(|main| images.get(main)?.section_data("pydata")).is_some()
}

/// What to do for a better dump. `python`: it is one of a CPython process.
fn what_to_record(target: &Target, python: bool) -> &'static str {
    let cut = target.memory.segments().iter().any(|s| s.available < s.dumped);
    match (cut, python, target.source, target.abi.os) {
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
    }
}
