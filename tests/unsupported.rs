//! Pythons that cannot be read are named, with version and file, and never taken for another version.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

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
