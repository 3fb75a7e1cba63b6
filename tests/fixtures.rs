//! The committed cores, read with nothing but cargo at hand: no interpreter, no file of the dead process.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "truth/compare.rs"]
mod compare;

use pyinquest::analyze::{Options, analyze};
use pyinquest::image::{Images, SearchOptions};
use pyinquest::target;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Reads all dumps of a folder below `fixtures` and compares; `wanted`: builds that must be among them.
fn compare_all(folder: &str, ending: &str, wanted: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut dumps: Vec<PathBuf> = paths.filter(|p| p.to_string_lossy().ends_with(ending)).collect();
    dumps.sort();
    let mut differences = Vec::new();
    let mut builds = BTreeSet::new();
    for path in &dumps {
        let name = path.file_name().unwrap().to_string_lossy().replace(ending, "");
        let truth = std::fs::read(path.with_file_name(format!("{name}.truth.json"))).unwrap();
        let truth: serde_json::Value = serde_json::from_slice(&truth).unwrap();
        let mut target = target::open(path).unwrap();
        let images = Images::attach(&mut target, &SearchOptions { no_files: true, ..SearchOptions::default() });
        let report = analyze(&target, &images, &Options { locals: true, ..Options::default() });
        builds.insert(name.split_once('-').unwrap().0.to_owned());
        differences.extend(compare::report(&report, &truth).into_iter().map(|d| format!("{name}: {d}")));
    }
    for build in wanted {
        assert!(builds.contains(*build), "no dump of {build}: {builds:?}");
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn every_committed_core_tells_what_python_said() {
    let builds = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.13t", "3.13d", "3.14", "3.15"];
    compare_all("cores", ".core.zst", &builds);
}

#[test]
fn every_committed_windows_dump_tells_what_python_said() {
    let builds = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.13t", "3.14"];
    compare_all("minidumps", ".dmp.zst", &builds);
}
