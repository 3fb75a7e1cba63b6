//! Pythons that cannot be read are named, with version and file, and never taken for another version.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod harness;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The committed dumps (`fixtures/make_unsupported.py`) and what each is.
const DUMPS: [(&str, &str); 1] = [("pypy-3.9", "PyPy 3.9 (pypy3.9)")];

fn dump(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/unsupported/{name}.core.zst"))
}

fn pyinquest(command: &str, name: &str, more: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_pyinquest");
    Command::new(program).args([command, "--no-files"]).args(more).arg(dump(name)).output().unwrap()
}

#[test]
fn a_python_that_cannot_be_read_is_named() {
    for (name, python) in DUMPS {
        let report = pyinquest("report", name, &[]);
        let text = String::from_utf8(report.stdout).unwrap();
        assert!(text.contains(&format!("error: {python} is not supported")), "{name}: {text}");
        assert!(text.contains("help: CPython 2.7 and 3.6 to 3.15 are supported"), "{name}: {text}");
        // The signal and the native stack need no Python.
        assert!(text.contains("SIGSEGV") && text.contains("=> #0"), "{name}: {text}");
        assert_eq!(report.status.code(), Some(4), "{name}");
        let info = String::from_utf8(pyinquest("info", name, &[]).stdout).unwrap();
        assert!(info.contains(python), "{name}: {info}");
    }
}

/// A version without a table, made of a core of the newest one: its number is there instead.
#[test]
fn the_next_cpython_is_named() {
    let newest =
        harness::cores().into_iter().rfind(|core| core.build() == "3.15" && core.program() == "basic").unwrap();
    let hex = newest.truth()["hexversion"].as_u64().and_then(|hex| u32::try_from(hex).ok()).unwrap().to_le_bytes();
    let mut bytes = newest.bytes();
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, &hex).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + 4].copy_from_slice(&0x0310_00a1_u32.to_le_bytes());
    }
    let directory = tempfile::tempdir().unwrap();
    let core = directory.path().join("core");
    std::fs::write(&core, bytes).unwrap();
    let program = env!("CARGO_BIN_EXE_pyinquest");
    let report = Command::new(program).args(["report", "--no-files"]).arg(&core).output().unwrap();
    let text = String::from_utf8(report.stdout).unwrap();
    assert!(text.contains("error: CPython 3.16.0a1 (python3.15) is not supported"), "{text}");
    assert_eq!(report.status.code(), Some(4), "{text}");
    let rows = Command::new(program).args(["triage", "--no-files"]).arg(&core).output().unwrap();
    let rows = String::from_utf8(rows.stdout).unwrap();
    assert!(rows.contains("CPython 3.16.0a1 (python3.15) is not supported"), "{rows}");
}

#[test]
fn no_other_version_is_claimed() {
    for (name, python) in DUMPS {
        let report = pyinquest("report", name, &["--format", "json"]);
        let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
        assert!(report["python"].is_null(), "{name}: {}", report["python"]);
        let faulthandler = pyinquest("report", name, &["--format", "faulthandler"]);
        assert!(faulthandler.stdout.is_empty(), "{name}");
        let note = String::from_utf8(faulthandler.stderr).unwrap();
        assert!(note.contains(python), "{name}: {note}");
    }
}
