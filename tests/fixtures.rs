//! The committed cores, read with nothing but cargo at hand: no interpreter, no file of the dead process.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "truth/compare.rs"]
mod compare;

use common::sources_table;
use pyinquest::base::DiagnosticCode;
use pyinquest::debuggee;
use pyinquest::engine::{Options, analyze};
use pyinquest::image::{Images, SearchOptions};
use pyinquest::render::faulthandler;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Reads all dumps of a directory below `fixtures` and compares; `wanted`: builds that must be among them; `rows`: ends of
/// the builds' names with their rows of the table in docs/sources.md.
fn compare_all(directory: &str, ending: &str, wanted: &[&str], rows: &[(&str, &str)]) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(directory);
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut dumps: Vec<PathBuf> = paths.filter(|p| p.to_string_lossy().ends_with(ending)).collect();
    dumps.sort();
    let mut differences = Vec::new();
    let mut builds = BTreeSet::new();
    for path in &dumps {
        let name = path.file_name().unwrap().to_string_lossy().replace(ending, "");
        let truth = std::fs::read(path.with_file_name(format!("{name}.truth.json"))).unwrap();
        let truth: serde_json::Value = serde_json::from_slice(&truth).unwrap();
        let mut target = debuggee::open(path).unwrap();
        let images = Images::attach(&mut target, &SearchOptions { no_files: true, ..SearchOptions::default() });
        let report = analyze(&target, &images, &Options { locals: true, ..Options::default() });
        builds.insert(name.rsplit_once('-').unwrap().0.to_owned());
        differences.extend(compare::report(&report, &truth).into_iter().map(|d| format!("{name}: {d}")));
        if let Some(said) = truth["faulthandler"].as_str() {
            let text = String::from_utf8(faulthandler::render(&report).text).unwrap();
            if text != said {
                differences.push(format!("{name}: faulthandler printed\n{said}\nand not\n{text}"));
            }
        }
    }
    for build in wanted {
        assert!(builds.contains(*build), "no dump of {build}: {builds:?}");
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
    for (suffix, row) in rows {
        let of_row = builds.iter().filter_map(|b| b.strip_suffix(suffix)).filter(|b| !b.contains('-'));
        // A debug build is of the same version.
        let ran: BTreeSet<String> = of_row.map(|b| b.trim_end_matches('d').to_owned()).collect();
        sources_table::check(row, &ran, &ran);
    }
}

#[test]
fn every_committed_core_tells_what_python_said() {
    let builds = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.13t", "3.13d", "3.14", "3.15"];
    let emulated = ["3.9-aarch64", "3.11-aarch64", "3.13-aarch64", "3.14-aarch64", "3.15-aarch64"];
    let rows = [("", "Slim core, x86-64, committed"), ("-aarch64", "Slim core, aarch64, committed")];
    compare_all("cores", ".core.zst", &[&builds[..], &emulated[..]].concat(), &rows);
}

#[test]
fn every_committed_windows_dump_tells_what_python_said() {
    let builds =
        ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.13t", "3.14", "3.14t"].map(|b| format!("{b}-windows"));
    let rows = [("-windows", "Slim minidump, Windows, committed")];
    compare_all("minidumps", ".dmp.zst", &builds.each_ref().map(String::as_str), &rows);
}

/// Stacks are unwound by the images' own tables, from the dump alone, and the exception is explained.
#[test]
fn windows_dumps_tell_the_cause_and_native_stacks() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/minidumps");
    for tag in ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.13t", "3.14", "3.14t"] {
        let mut target = debuggee::open(&directory.join(format!("{tag}-windows-threads.dmp.zst"))).unwrap();
        let images = Images::attach(&mut target, &SearchOptions { no_files: true, ..SearchOptions::default() });
        let report = analyze(&target, &images, &Options { native: true, ..Options::default() });
        let first = report.findings.first().unwrap_or_else(|| panic!("{tag}: no finding"));
        assert_eq!(first.id, "null-pointer", "{tag}: {first:?}");
        assert!(first.title.contains("threads.py:"), "{tag}: {}", first.title);
        for thread in report.threads.iter().filter(|t| t.python.is_some()) {
            assert_eq!(thread.frames_end, None, "{tag}: {:?}", thread.name);
            let outermost = thread.frames.last().unwrap();
            assert_eq!(outermost.function.as_ref().map(ToString::to_string).as_deref(), Some("RtlUserThreadStart"));
            let python = thread.frames.iter().filter(|f| f.owner.is_some()).count();
            assert!(thread.frames.len() > python + 5, "{tag}: {:?}", thread.name);
        }
        let partial = report.diagnostics.iter().find(|d| d.code == DiagnosticCode::MergePartial);
        assert!(partial.is_none(), "{tag}: {partial:?}");
    }
}

/// Native stacks of aarch64, unwound on whatever this machine is: every Python frame has its place among them.
#[test]
fn aarch64_cores_have_native_stacks() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cores");
    for tag in ["3.9", "3.11", "3.13", "3.14", "3.15"] {
        let mut target = debuggee::open(&directory.join(format!("{tag}-aarch64-values.core.zst"))).unwrap();
        let images = Images::attach(&mut target, &SearchOptions { no_files: true, ..SearchOptions::default() });
        let report = analyze(&target, &images, &Options { native: true, ..Options::default() });
        let crashed = report.threads.iter().find(|t| t.crashed).unwrap();
        let by_tables = |trust: &str| trust == "context" || trust == "cfi";
        let native: Vec<_> = crashed.frames.iter().filter_map(|f| f.native.as_ref()).collect();
        assert!(native.len() > 10, "{tag}: {native:#?}");
        assert!(native.iter().all(|n| by_tables(&n.trust)), "{tag}: {native:#?}");
        // The way from `main` to the first Python frame is native, and so is the end.
        assert!(crashed.frames.last().unwrap().native.is_some(), "{tag}");
        assert_eq!(crashed.frames_end, None, "{tag}");
    }
}
