//! CPython's own tests of its gdb script, with our script in its place.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::skip;
use std::process::{Command, Stdio};

/// Runs the suite of one version of CPython.
fn run(version: &str, build: bool) {
    let (number, script) = match version.strip_suffix("-dbg") {
        Some(number) => (number, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gdb_suite_dbg.py")),
        None => (version, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gdb_suite.py")),
    };
    let mut command = Command::new("python3");
    command.args([script, "--engine", env!("CARGO_BIN_EXE_pyinquest"), "--version", number]).stdin(Stdio::null());
    // To build a CPython takes minutes.
    if !build {
        command.arg("--no-build");
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => skip!("python3 does not run: {error}"),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(77) {
        skip!("{}", text.trim());
    }
    assert!(output.status.success(), "{version}: {text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn cpythons_suite_passes() {
    run("3.13", common::require_all());
}

/// `PYINQUEST_GDB_SUITE="3.9 3.11 3.14-dbg"` names other versions to build and run it with, and Debian's own debug builds.
#[test]
fn cpythons_suite_of_other_versions_passes() {
    let Ok(versions) = std::env::var("PYINQUEST_GDB_SUITE") else {
        common::not_asked_for("PYINQUEST_GDB_SUITE names no version");
        return;
    };
    versions.split_whitespace().for_each(|version| run(version, true));
}
