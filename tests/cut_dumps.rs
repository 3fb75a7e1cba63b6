//! Dumps that were cut: at whatever length, either they are refused or the report says that they are cut.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod harness;

use harness::{Fixture, cores, report_alone};
use pyinquest::base::DiagnosticCode;
use pyinquest::engine::Options;
use std::path::Path;

/// Lengths all over a file, its first and last bytes among them.
fn lengths(whole: usize) -> Vec<usize> {
    let even = (1..40).map(|n| whole * n / 40);
    let near = [1, 63, 64, 65, 4096, 20_000, 60_000, 65_536].into_iter().filter(|at| *at < whole);
    even.chain(near).chain([whole - 1, whole - 4096]).collect()
}

/// Whether a dump is refused; if not, it must say that it is cut, by one of these words.
fn refused_or_told(bytes: &[u8], at: &Path, what: &str, words: &[DiagnosticCode]) -> bool {
    std::fs::write(at, bytes).unwrap();
    if pyinquest::debuggee::open(at).is_err() {
        return true;
    }
    let report = report_alone(at, &Options::default());
    let told = report.diagnostics.iter().any(|d| words.contains(&d.code));
    assert!(told, "{what} of {} bytes: {:?}", bytes.len(), report.diagnostics);
    false
}

#[test]
fn a_cut_core_says_so_at_every_length() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("cut.core");
    // Committed cores are slim ones; a slim one that is cut must not tell what its original was.
    let chosen: Vec<Fixture> =
        cores().into_iter().filter(|f| ["3.8-basic", "3.12-threads", "3.13t-threads"].contains(&&*f.name)).collect();
    assert_eq!(chosen.len(), 3);
    for fixture in chosen {
        let whole = fixture.bytes();
        std::fs::write(&at, &whole).unwrap();
        let sound = report_alone(&at, &Options::default());
        assert!(!sound.diagnostics.iter().any(|d| d.code == DiagnosticCode::CoreTruncated), "{}", fixture.name);
        let words = [DiagnosticCode::CoreTruncated, DiagnosticCode::CoreHeadersCut];
        let refused = lengths(whole.len())
            .into_iter()
            .filter(|length| refused_or_told(&whole[..*length], &at, &fixture.name, &words))
            .count();
        // Only what has lost all of its memory and notes is refused.
        assert!(refused < 10, "{}: {refused}", fixture.name);
    }
}

/// A packed one that is cut says that its packing is, also where what is in it is a slim dump.
#[test]
fn a_cut_packed_core_says_so_at_every_length() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("cut.core.zst");
    let fixture = cores().into_iter().find(|f| f.name == "3.12-threads").unwrap();
    let whole = std::fs::read(&fixture.path).unwrap();
    for length in lengths(whole.len()) {
        refused_or_told(&whole[..length], &at, "packed", &[DiagnosticCode::PackedDumpDamaged]);
    }
}

/// A slim core of a core that was cut ends where it is said to: it is not cut itself. Cut once more, it is.
#[test]
fn a_slim_core_of_a_cut_core_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (cut, slim) = (dir.path().join("cut.core"), dir.path().join("slim.core"));
    let fixture = cores().into_iter().find(|f| f.name == "3.12-threads").unwrap();
    let whole = fixture.bytes();
    std::fs::write(&cut, &whole[..whole.len() * 3 / 4]).unwrap();
    let run = std::process::Command::new(assert_cmd::cargo::cargo_bin!("pyinquest"))
        .args(["slim", "--no-files"])
        .arg(&cut)
        .arg("-o")
        .arg(&slim)
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    let told = |path: &Path| -> Vec<String> {
        let report = report_alone(path, &Options::default());
        report.diagnostics.into_iter().filter(|d| d.code == DiagnosticCode::CoreTruncated).map(|d| d.message).collect()
    };
    let original = told(&cut);
    assert_eq!((original.len(), told(&slim)), (1, original.clone()));
    let small = std::fs::read(&slim).unwrap();
    std::fs::write(&slim, &small[..small.len() - 5000]).unwrap();
    let both = told(&slim);
    assert!(both.len() == 2 && both.contains(&original[0]), "{both:?}");
    assert!(
        both.iter().any(|text| text.contains(&format!("of {} bytes are there, 5000 are missing", small.len()))),
        "{both:?}"
    );
}

#[test]
fn a_cut_minidump_says_so_at_every_length() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("cut.dmp");
    let fixture = harness::minidumps().into_iter().next().expect("committed minidumps");
    let whole = fixture.bytes();
    let words = [
        DiagnosticCode::MinidumpTruncated,
        DiagnosticCode::MinidumpMemoryListCut,
        DiagnosticCode::MinidumpStreamDamaged,
        DiagnosticCode::MinidumpNoThreads,
    ];
    let refused = lengths(whole.len())
        .into_iter()
        .filter(|length| refused_or_told(&whole[..*length], &at, &fixture.name, &words));
    assert!(refused.count() < 20);
}
