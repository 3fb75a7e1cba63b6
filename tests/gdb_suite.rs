//! CPython's own tests of its gdb script, with our script in its place.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::skip;
use std::process::{Command, Stdio};

#[test]
fn cpythons_suite_passes() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gdb_suite.py");
    let mut command = Command::new("python3");
    command.args([script, "--engine", env!("CARGO_BIN_EXE_pyinquest")]).stdin(Stdio::null());
    // To build a CPython takes minutes: only where nothing may be skipped.
    if !common::require_all() {
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
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
