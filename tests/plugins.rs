//! Commands of other Python packages (entry points `pyinquest.commands`) in every host: `tests/programs/plugins` is such a package.

#![cfg(all(feature = "cli", feature = "dap", feature = "shell"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "dap/client.rs"]
mod dap;
mod debugger;
mod harness;

use common::{crash, one_per_minor, skip};
use harness::fixture;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pyinquest");

/// The directory of the package, as `PYTHONPATH` has it.
fn package() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/plugins")
}

/// A Python that has the package, and no other setting of this process's: some debuggers need settings for their own.
struct Python(tempfile::TempDir);

impl Python {
    fn new() -> Python {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("python");
        let text =
            format!("#!/bin/sh\nexport PYTHONPATH='{}' PYTHONDONTWRITEBYTECODE=1\nexec python3 \"$@\"\n", package());
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Python(directory)
    }

    /// What has the program take it.
    fn path(&self) -> String {
        self.0.path().join("python").display().to_string()
    }
}

fn shell(program: &Path, lines: &[&str]) -> Output {
    let dump = fixture("3.13-threads").path;
    let lines = lines.iter().flat_map(|line| ["-e", line]);
    let mut command = Command::new(program);
    command.arg("shell").arg(dump).arg("--no-files").args(lines).stdin(Stdio::null());
    let python = Python::new();
    command.env("PYINQUEST_PYTHON", python.path()).output().unwrap()
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_shell_has_them() {
    let (said, errors) = texts(&shell(Path::new(PROGRAM), &["deepest", "deepest 2", "bt"]));
    assert!(said.starts_with("by the number of frames:\n6 wait\nby the number of frames:\n6 wait\n"), "{said}{errors}");
    assert!(said.contains("most recent call first"), "one of ours keeps its name: {said}");
    // What it selects stays selected; its data are data.
    let (said, _) = texts(&shell(Path::new(PROGRAM), &["caller", "frame", "caller --json"]));
    assert!(said.starts_with("{\n  \"line\": 65,\n  \"again\": 65\n}\n => #1 "), "{said}");
    let (said, _) = texts(&shell(Path::new(PROGRAM), &["careless"]));
    assert!(said.starts_with("asked: 'nothing_of_the_kind' is no local"), "{said}");
    assert!(said.ends_with("\\x1b[2Jcleared\n"), "what it prints cannot drive a terminal: {said}");
    let output = shell(Path::new(PROGRAM), &["broken", "deepest x", "deepest"]);
    let (said, errors) = texts(&output);
    assert!(errors.contains("error: broken: ZeroDivisionError: "), "{errors}");
    assert!(
        errors.contains("error: deepest: ValueError: invalid literal") && output.status.code() == Some(2),
        "{errors}"
    );
    assert!(said.ends_with("6 wait\n"), "the others go on: {said}");
    let (said, _) = texts(&shell(Path::new(PROGRAM), &["help", "help deepest"]));
    assert!(said.contains("\ndeepest    The thread with the most Python frames. [sample_commands]\n"), "{said}");
    assert!(said.contains("\nnot available: bt (sample_commands): pyinquest has such a command itself\n"), "{said}");
    assert!(said.contains("\nnot available: missing (sample_commands:no_such_function): AttributeError: "), "{said}");
    assert!(said.contains("\ndeepest [N]: the N deepest ones.\n"), "{said}");
}

/// A program that is installed in an environment takes the packages of that, without being told.
#[test]
fn the_environment_of_the_program_is_looked_through() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let environment = directory.path().join("venv");
    let made = Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&environment).output().unwrap();
    if !made.status.success() {
        skip!("python3 makes no environments here");
    }
    let program = environment.join("bin/pyinquest");
    std::fs::hard_link(PROGRAM, &program).unwrap();
    let dump = fixture("3.12-basic").path;
    let tried = |line: &str| {
        let mut command = Command::new(&program);
        command.arg("shell").arg(&dump).args(["--no-files", "-e", line]).env("PYTHONDONTWRITEBYTECODE", "1");
        texts(&command.output().unwrap())
    };
    assert!(tried("deepest").1.contains("there is no command \"deepest\""));
    let packages =
        std::fs::read_dir(environment.join("lib")).unwrap().next().unwrap().unwrap().path().join("site-packages");
    let copied = Command::new("cp").arg("-r").arg(format!("{}/.", package())).arg(packages).output().unwrap();
    assert!(copied.status.success(), "{copied:?}");
    let (said, errors) = tried("deepest");
    assert!(said.starts_with("by the number of frames:\n"), "{said}{errors}");
}

#[test]
fn editors_have_them() {
    let path = fixture("3.13-threads").path;
    let mut program = dap::program();
    let python = Python::new();
    program.env("PYINQUEST_PYTHON", python.path());
    let mut client = dap::Client::start_with(program);
    let thread = client.attach(json!({ "coreFile": path, "noFiles": true }));
    let frame = client.frames(thread)[0].clone();
    let mut ask = |expression: &str| {
        client.body("evaluate", json!({ "expression": expression, "context": "repl", "frameId": frame["id"] }))["result"].clone()
    };
    assert_eq!(ask("deepest"), "by the number of frames:\n6 wait");
    assert!(ask("help").as_str().unwrap().contains("\ndeepest    The thread with the most Python frames."));
    let arguments = json!({ "text": "dee", "column": 4, "frameId": frame["id"] });
    let targets = client.body("completions", arguments)["targets"].clone();
    assert!(targets.as_array().unwrap().iter().any(|target: &Value| target["label"] == "deepest"), "{targets}");
    client.end();
}

#[test]
fn debuggers_have_them() {
    let Some(interpreter) = one_per_minor().into_iter().find(|i| i.minor == 12) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let dead = match crash(interpreter, "threads.py", &[], &[]) {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let core = dead.core.display().to_string();
    let python = Python::new();
    let path = python.path();
    let env = [("PYINQUEST", PROGRAM), ("PYINQUEST_PYTHON", &*path)];
    let lines =
        ["py-deepest", "py-frame 0", "py-up", "py-frame 0", "py-caller", "py-frame", "py-broken", "help py-deepest"];
    let expected = |who: &str, text: &str| {
        assert!(text.contains("by the number of frames:\n6 _wait_for_tstate_lock\n"), "{who}: {text}");
        // What it selects is what `py-up` selects.
        let (before, after) = text.split_once("\"again\": ").unwrap_or_else(|| panic!("{who}: {text}"));
        let is_frame = |line: &&str| line.starts_with('#') || line.contains("frame #");
        let frames: Vec<&str> = before.lines().filter(is_frame).rev().take(3).collect();
        let [innermost, up, first] = frames[..] else { panic!("{who}: {text}") };
        assert!(innermost == first && up != first, "{who}: {text}");
        assert_eq!(after.lines().find(is_frame), Some(up), "{who}: {text}");
        assert!(text.contains("broken: ZeroDivisionError: "), "{who}: {text}");
        assert!(text.contains("deepest [N]: the N deepest ones."), "{who}: {text}");
    };
    let exe = interpreter.exe.clone();
    match debugger::gdb_with(&lines, &[&exe, &core], &env) {
        Ok(said) => expected("gdb", &said.text),
        Err(reason) => skip!("{reason}"),
    }
    let Some(lldb) = debugger::lldbs().into_iter().next() else {
        skip!("no lldb whose Python works");
    };
    let said = debugger::Said::new(&debugger::run(&mut lldb.command_with(&lines, &["-c", &core], &env)));
    expected("lldb", &said.text);
}

/// The package in the tests is one as packaging tools install it.
#[test]
fn the_package_is_seen_by_python() {
    let script = "from importlib.metadata import entry_points as e; print(len(e(group='pyinquest.commands')))";
    let output = Command::new("python3").args(["-c", script]).env("PYTHONPATH", package()).output().unwrap();
    let (said, errors) = texts(&output);
    assert_eq!(said, "6\n", "{errors}");
}
