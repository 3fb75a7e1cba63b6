//! CPython 2.7: what a report says of a dead process, compared with what Python itself said just before it died.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "truth/compare.rs"]
mod compare;
mod harness;
#[path = "truth/without_files.rs"]
mod without_files;

use common::{CrashedProcess, Interpreter, crash, python2_interpreters, skip, sources_table};
use pyinquest::debuggee::elf_core;
use pyinquest::engine::{Inspection, Options};
use pyinquest::image::SearchOptions;
use pyinquest::model::{Fidelity, FrameKind, Report};
use std::path::Path;
use std::process::Command;

/// Variables whose text is code that is not run, or whose type is none of those that were compared: these are shown by type
/// and attributes. All others are exact.
const NOT_EXACT: &[&str] = &[
    "bound",
    "buffered",
    "counter",
    "deque",
    "event",
    "huge",
    "moment",
    "named",
    "namespace",
    "old_child_of_repr",
    "old_with_getattr",
    "old_with_repr",
    "ordered",
    "version",
    "view",
    "with_repr",
];

fn report(core: &Path, search: &SearchOptions) -> Report {
    let inspection = Inspection::from_target(elf_core::open(core).expect("a core"), search);
    let mut options = Options { locals: true, ..Options::default() };
    options.limits.repr.items = 10_000;
    options.limits.repr.characters = 100_000;
    options.limits.repr.total = 1_000_000;
    options.limits.repr.reads = 1_000_000;
    inspection.report(&options)
}

/// Notes in the table of sources what was compared.
fn compared(row: &str, interpreter: &Interpreter) {
    let label = [sources_table::label(interpreter)].into_iter().collect();
    sources_table::check(row, &label, &label);
}

/// The process of each interpreter, or none where this host has no Python 2.
fn each(check: impl Fn(&Interpreter, &CrashedProcess)) {
    let all = python2_interpreters();
    if all.is_empty() {
        // Not on every host that tests: the committed core is (`cargo test --test fixtures 2.7`).
        common::part_skipped("no Python 2 (pyenv)");
        return;
    }
    for interpreter in all {
        match crash(interpreter, "python2.py", &[], &[]) {
            Ok(dead) => check(interpreter, &dead),
            Err(reason) => skip!("{reason}"),
        }
    }
}

#[test]
fn threads_frames_lines_and_variables_are_what_python_said() {
    each(|interpreter, dead| {
        let report = report(&dead.core, &harness::files_of(interpreter));
        let differences = compare::report(&report, &dead.truth);
        assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
        let crashed = report.threads.iter().find(|t| t.crashed).unwrap();
        let (mut exact, mut others) = (0, Vec::new());
        for frame in crashed.frames.iter().filter(|f| f.kind == FrameKind::Python) {
            for local in frame.locals.iter().flatten() {
                let (name, Some(value)) = (local.name.to_string(), &local.value) else { continue };
                let is_exact = value.fidelity == Fidelity::Exact;
                let known = NOT_EXACT.contains(&name.as_str()) || name.starts_with("__");
                if !is_exact && !known {
                    others.push(format!("{name}: {:?} {}", value.fidelity, value.repr));
                }
                exact += usize::from(is_exact);
            }
        }
        assert!(others.is_empty(), "{}", others.join("\n"));
        assert!(exact > 150, "{exact} values");
        compared("ELF core, x86-64", interpreter);
    });
}

#[test]
fn the_exception_that_is_handled_has_its_traceback() {
    each(|interpreter, dead| {
        let report = report(&dead.core, &harness::files_of(interpreter));
        let crashed = report.threads.iter().find(|t| t.crashed).unwrap();
        let handled = crashed.python.as_ref().unwrap().handling.first().expect("an exception");
        let said = &dead.truth["exception"];
        assert_eq!(handled.value.type_name.as_deref(), said["type"].as_str());
        assert_eq!(handled.summary, format!("Wrong: {}", said["text"].as_str().unwrap()));
        let entry = |e: &pyinquest::model::TracebackEntry| {
            let text = |t: &Option<pyinquest::base::Text>| t.as_ref().map(ToString::to_string);
            serde_json::json!({"filename": text(&e.file), "line": e.line, "function": text(&e.function)})
        };
        let shown: Vec<_> = handled.traceback.iter().map(entry).collect();
        assert_eq!(&serde_json::Value::from(shown), &said["traceback"]);
    });
}

/// As on another machine: frames and lines are the same, and so are all values that are shown as exact.
#[test]
fn without_any_file_nothing_else_is_claimed() {
    each(|interpreter, dead| {
        let full = report(&dead.core, &harness::files_of(interpreter));
        let differences = without_files::compare(&report(&dead.core, &without_files::search()), &full, &dead.truth);
        assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
        compared("ELF core, x86-64, no file at hand", interpreter);
    });
}

/// What is not done for it says so.
#[test]
fn the_heap_is_refused_with_its_reason() {
    each(|_, dead| {
        let heap = Command::new(env!("CARGO_BIN_EXE_pyinquest")).arg("heap").arg(&dead.core).output().unwrap();
        let said = String::from_utf8_lossy(&heap.stderr).into_owned();
        assert!(!heap.status.success() && said.contains("before 3.8"), "{said}");
    });
}
