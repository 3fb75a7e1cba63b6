//! The program built for Windows (`tests/windows/build.py`) under wine: of the committed dumps it says what it says on Linux.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{cache, not_asked_for, skip};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const WINE: &str = "/usr/lib/wine/wine64";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The program for Windows: the file that `PYINQUEST_WINDOWS` names, or one that is built here.
fn built() -> PathBuf {
    let given = PathBuf::from(std::env::var_os("PYINQUEST_WINDOWS").unwrap());
    if given.extension().is_some_and(|ending| ending == "exe") {
        return given;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/windows/build.py");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("windows");
    let out = Command::new("python3").arg(script).arg(cache()).arg(target).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    PathBuf::from(String::from_utf8(out.stdout).unwrap().trim())
}

/// wine with a prefix of its own, in the directory of the dumps: names are relative, and so the same on both.
struct Wine {
    program: PathBuf,
    prefix: tempfile::TempDir,
}

impl Wine {
    fn run(&self, arguments: &[&str], directory: &Path) -> Output {
        let mut command = Command::new(WINE);
        command.arg(&self.program).args(arguments).current_dir(directory).stdin(std::process::Stdio::null());
        command.env("WINEPREFIX", self.prefix.path()).env("WINEDEBUG", "-all").env("NO_COLOR", "1").output().unwrap()
    }
}

fn here(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyinquest"));
    command.args(arguments).current_dir(directory).env("NO_COLOR", "1").output().unwrap()
}

/// Names of the packed dumps of a directory.
fn dumps(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".zst")).collect();
    names.sort();
    names
}

/// Exit code and output are the same; what differs between hosts is no part of these.
fn same(wine: &Wine, arguments: &[&str], directory: &Path) {
    let (theirs, ours) = (wine.run(arguments, directory), here(arguments, directory));
    assert_ne!(ours.status.code(), Some(2), "{arguments:?} is no command");
    assert_eq!(theirs.status.code(), ours.status.code(), "{arguments:?}: {}", String::from_utf8_lossy(&theirs.stderr));
    if theirs.stdout != ours.stdout {
        let [theirs, ours] = [theirs.stdout, ours.stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let differ = theirs.lines().zip(ours.lines()).find(|(one, other)| one != other);
        panic!("{arguments:?}: {differ:?}, {} and {} bytes", theirs.len(), ours.len());
    }
}

#[test]
fn committed_dumps_on_windows() {
    if std::env::var_os("PYINQUEST_WINDOWS").is_none() {
        return not_asked_for("a build for Windows, half an hour: PYINQUEST_WINDOWS=1, or the name of a .exe file");
    }
    if !Path::new(WINE).exists() {
        skip!("wine64 is not installed");
    }
    let wine = Wine { program: built(), prefix: tempfile::tempdir().unwrap() };
    let version = wine.run(&["--version"], &fixtures());
    assert_eq!(
        version.stdout,
        here(&["--version"], &fixtures()).stdout,
        "{}",
        String::from_utf8_lossy(&version.stderr)
    );
    let mut compared = 0;
    for directory in ["cores", "minidumps", "partial", "unsupported"].map(|name| fixtures().join(name)) {
        for name in dumps(&directory) {
            same(&wine, &["report", "--json", "--locals", "--no-files", &name], &directory);
            compared += 1;
        }
    }
    eprintln!("{compared} reports are the same");
    assert!(compared > 90, "{compared}");
    // Other commands, by one dump each.
    let cores = fixtures().join("cores");
    for arguments in [
        &["report", "--no-files", "3.12-threads.core.zst"][..],
        &["bt", "--no-files", "3.13t-threads.core.zst"],
        &["heap", "--no-files", "--format", "json", "3.12-values.core.zst"],
        &["tasks", "--no-files", "--json", "3.13-asyncio_prog.core.zst"],
        &["print", "--no-files", "3.12-basic.core.zst", "items"],
        &["triage", "map", "--no-files", "3.12-basic.core.zst"],
        &[
            "triage",
            "--format",
            "json",
            "--no-files",
            "3.12-basic.core.zst",
            "3.13-basic.core.zst",
            "3.13-threads.core.zst",
        ],
        &["report", "missing"],
    ] {
        same(&wine, arguments, &cores);
    }
    // What only Linux has says so.
    let live = wine.run(&["report", "--pid", "1"], &cores);
    let said = String::from_utf8_lossy(&live.stderr).into_owned();
    assert!(live.status.code() == Some(2) && said.contains("on Linux only"), "{said}");
}
