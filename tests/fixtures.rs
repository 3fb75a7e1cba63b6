//! The committed dumps, read with nothing but cargo: no interpreter, no file of the dead process.
//!
//! Each dump is a case of its own, named by build and program: `cargo test --test fixtures 3.13t-threads`.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "truth/compare.rs"]
mod compare;
mod harness;

use common::sources_table;
use harness::{Fixture, inspect_alone, report_alone};
use libtest_mimic::{Arguments, Trial};
use pyinquest::base::DiagnosticCode;
use pyinquest::engine::Options;
use pyinquest::render::faulthandler;
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Builds of which there must be cores, with and without an emulator, and minidumps.
const CORES: [&str; 15] = [
    "2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.13t", "3.13d", "3.14", "3.14t", "3.15",
    "3.15t",
];
const MUSL: [&str; 1] = ["3.14"];
const AARCH64: [&str; 5] = ["3.9", "3.11", "3.13", "3.14", "3.15"];
const RISCV64: [&str; 1] = ["3.13"];
const WINDOWS: [&str; 9] = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.13t", "3.14", "3.14t"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut cases: Vec<Trial> = harness::all()
        .into_iter()
        .map(|f| case(format!("{} python", f.name), move || tells_what_python_said(&f)))
        .collect();
    let emulated = AARCH64.map(|tag| format!("{tag}-aarch64-values")).into_iter();
    cases.extend(emulated.chain(RISCV64.map(|tag| format!("{tag}-riscv64-values"))).map(|name| {
        let fixture = harness::fixture(&name);
        case(format!("{} native", fixture.name), move || emulated_has_native_stacks(&fixture))
    }));
    cases.extend(WINDOWS.map(|tag| {
        let fixture = harness::fixture(&format!("{tag}-windows-threads"));
        case(format!("{} native", fixture.name), move || windows_tells_cause_and_native_stacks(&fixture))
    }));
    cases.push(case("no build is missing, and docs say so".to_owned(), builds_are_complete));
    libtest_mimic::run(&arguments, cases).exit_code()
}

fn case(name: String, run: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        run();
        Ok(())
    })
}

/// Threads, frames, lines, columns, locals and exceptions are those that Python wrote down, and so is faulthandler's text.
fn tells_what_python_said(fixture: &Fixture) {
    let truth = fixture.truth();
    let inspection = inspect_alone(&fixture.path);
    let report = inspection.report(&Options { locals: true, ..Options::default() });
    assert_eq!(inspection.findings(), report.findings, "the cause is the same without a report");
    let differences = compare::report(&report, &truth);
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
    if let Some(said) = truth["faulthandler"].as_str() {
        let text = String::from_utf8(faulthandler::render(&report).text).unwrap();
        assert_eq!(text, said);
    }
}

fn builds_are_complete() {
    let rows = [
        ("", &CORES[..], "Slim core, x86-64, committed"),
        ("-musl", &MUSL[..], "Slim core, x86-64, musl, committed"),
        ("-aarch64", &AARCH64[..], "Slim core, aarch64, committed"),
        ("-riscv64", &RISCV64[..], "Slim core, riscv64, committed"),
        ("-windows", &WINDOWS[..], "Slim minidump, Windows, committed"),
    ];
    let all = harness::all();
    for (suffix, wanted, row) in rows {
        let of_row = all.iter().filter_map(|f| f.build().strip_suffix(suffix)).filter(|b| !b.contains('-'));
        let builds: BTreeSet<&str> = of_row.collect();
        let missing: Vec<_> = wanted.iter().filter(|build| !builds.contains(*build)).collect();
        assert!(missing.is_empty(), "no dump of {missing:?}{suffix}");
        // A debug build is of the same version.
        let ran: BTreeSet<String> = builds.iter().map(|b| b.trim_end_matches('d').to_owned()).collect();
        sources_table::check(row, &ran, &ran);
    }
}

/// Stacks are unwound by the images' own tables, from the dump alone, and the exception is explained.
fn windows_tells_cause_and_native_stacks(fixture: &Fixture) {
    let report = report_alone(&fixture.path, &Options { native: true, ..Options::default() });
    let first = report.findings.first().expect("a finding");
    assert_eq!(first.id, "null-pointer", "{first:?}");
    assert!(first.title.contains("threads.py:"), "{}", first.title);
    for thread in report.threads.iter().filter(|t| t.python.is_some()) {
        assert_eq!(thread.frames_end, None, "{:?}", thread.name);
        let outermost = thread.frames.last().unwrap();
        assert_eq!(outermost.function.as_ref().map(ToString::to_string).as_deref(), Some("RtlUserThreadStart"));
        let python = thread.frames.iter().filter(|f| f.owner.is_some()).count();
        assert!(thread.frames.len() > python + 5, "{:?}", thread.name);
    }
    let partial = report.diagnostics.iter().find(|d| d.code == DiagnosticCode::MergePartial);
    assert!(partial.is_none(), "{partial:?}");
}

/// Native stacks of other processors, unwound on whatever this host is: every Python frame has its place among them.
fn emulated_has_native_stacks(fixture: &Fixture) {
    let report = report_alone(&fixture.path, &Options { native: true, ..Options::default() });
    let crashed = report.threads.iter().find(|t| t.crashed).unwrap();
    let native: Vec<_> = crashed.frames.iter().filter_map(|f| f.native.as_ref()).collect();
    assert!(native.len() > 10, "{native:#?}");
    for frame in &native {
        let trust = serde_json::to_value(frame.trust).unwrap();
        assert!(frame.inlined || trust == "context" || trust == "cfi", "{frame:#?}");
    }
    // The way from `main` to the first Python frame is native, and so is the end.
    assert!(crashed.frames.last().unwrap().native.is_some());
    assert_eq!(crashed.frames_end, None);
}
