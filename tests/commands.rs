//! Commands as they are called: `collect` as the kernel does for a core_pattern with a pipe, `--pid` and `--watch`.
//! (`cli.rs` has what needs no process.)

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "commands/ci.rs"]
mod ci;
mod common;
#[path = "truth/compare.rs"]
mod compare;
#[path = "commands/docs.rs"]
mod docs;
#[path = "commands/export.rs"]
mod export;
#[path = "commands/kernel.rs"]
mod kernel;
#[path = "commands/limits.rs"]
mod limits;
#[path = "commands/live.rs"]
mod live;
#[path = "commands/perf_map.rs"]
mod perf_map;
#[path = "commands/readable.rs"]
mod readable;
#[path = "commands/run.rs"]
mod run;
#[path = "commands/sandbox.rs"]
mod sandbox;
#[path = "commands/secrets.rs"]
mod secrets;
#[path = "commands/set_up.rs"]
mod set_up;
#[path = "commands/source_files.rs"]
mod source_files;
#[path = "commands/triage_faults.rs"]
mod triage_faults;

use common::{block, one_per_minor, skip};
use std::io::Read as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn pyinquest() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("pyinquest"))
}

/// A committed core, unpacked, and a directory that only we can write to.
fn scene() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cores/3.12-threads.core.zst");
    let core = dir.path().join("core");
    std::fs::write(&core, zstd::decode_all(std::fs::File::open(packed).unwrap()).unwrap()).unwrap();
    let store = dir.path().join("store");
    std::fs::DirBuilder::new().mode(0o700).create(&store).unwrap();
    (dir, core, store)
}

/// Exit code and standard error of the handler for one crash.
fn collect(core: &Path, store: &Path, pid: u32, time: u64) -> (Option<i32>, String) {
    let output = pyinquest()
        .args(["collect", "--max-count", "2", "--name", "python3"])
        .args(["--pid", &pid.to_string(), "--time", &time.to_string(), "--dir"])
        .arg(store)
        .stdin(std::fs::File::open(core).unwrap())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn crashes_are_kept_with_a_report_each_and_the_oldest_go() {
    let (_dir, core, store) = scene();
    for n in 0..3 {
        let (code, stderr) = collect(&core, &store, 100 + n, 1_700_000_000 + u64::from(n));
        assert_eq!(code, Some(0), "{stderr}");
    }
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(&store).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    // The dump knows the name better than the kernel, which cuts it to 15 bytes.
    let kept = |time: &str, pid: &str| {
        ["core.zst", "json", "txt"].map(|kind| format!("pyinquest-{time}-python3.12-{pid}.{kind}")).to_vec()
    };
    assert_eq!(names, [kept("1700000001", "101"), kept("1700000002", "102")].concat());
    let text = std::fs::read_to_string(store.join("pyinquest-1700000002-python3.12-102.txt")).unwrap();
    assert!(text.contains("SIGSEGV") && text.contains("threads.py"), "{text}");
    // The kept dump tells what the report beside it tells.
    let stored = store.join("pyinquest-1700000002-python3.12-102.core.zst");
    let again = pyinquest().args(["bt", "--no-files", "--thread", "all"]).arg(stored).output().unwrap();
    let again = String::from_utf8_lossy(&again.stdout).into_owned();
    for function in ["sleep_long", "wait_for_event", "take_job"] {
        assert!(again.contains(function) && text.contains(function), "{function}:\n{again}\n{text}");
    }
}

#[test]
fn what_a_killed_run_left_goes_and_foreign_directories_are_refused() {
    let (dir, core, store) = scene();
    // No process has this number (the kernel's limit is below it), and one that lives is at work.
    let left = store.join(".pyinquest-part-99999999-abc");
    let at_work = store.join(format!(".pyinquest-part-{}-abc", std::process::id()));
    std::fs::write(&left, "half").unwrap();
    std::fs::write(&at_work, "half").unwrap();
    let (code, stderr) = collect(&core, &store, 1, 1);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(!left.exists() && at_work.exists());
    let open = dir.path().join("open");
    let inner = open.join("store");
    std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&inner).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let (code, stderr) = collect(&core, &inner, 1, 1);
    assert_eq!((code, std::fs::read_dir(&inner).unwrap().count()), (Some(3), 0), "{stderr}");
    assert!(stderr.contains("which other users may change"), "{stderr}");
}

#[test]
fn no_link_is_followed() {
    let (dir, core, store) = scene();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&store, &link).unwrap();
    let (code, stderr) = collect(&core, &link, 1, 1);
    assert_eq!(code, Some(3), "{stderr}");
    assert_eq!(std::fs::read_dir(&store).unwrap().count(), 0);
}

#[test]
fn one_value_of_a_running_process() {
    for interpreter in one_per_minor().into_iter().filter(|i| i.root.is_none()) {
        let process = match block(interpreter, "basic.py", &[]) {
            Ok(process) => process,
            Err(reason) => skip!("{reason}"),
        };
        let pid = process.pid.to_string();
        let print = |command: &str, what: &str| {
            let output = pyinquest().args([command, "--pid", &pid, what]).output().unwrap();
            assert!(output.status.success(), "{}: {output:?}", interpreter.name);
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(print("print", "items[1]"), "'hello'\n", "{}", interpreter.name);
        let frame = &process.truth["threads"][0]["frames"][0];
        let (address, repr) =
            (frame["locals"]["items"]["id"].as_str().unwrap(), frame["locals"]["items"]["repr"].as_str());
        let object = print("object", address);
        assert!(object.contains(repr.unwrap()), "{}: {object}", interpreter.name);
    }
}

#[test]
fn watching_goes_on_until_the_process_ends() {
    let Some(interpreter) = one_per_minor().into_iter().find(|i| i.is_native() && i.root.is_none()) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let process = match block(interpreter, "basic.py", &[]) {
        Ok(process) => process,
        Err(reason) => skip!("{reason}"),
    };
    let mut watch = pyinquest()
        .args(["bt", "--watch", "0.1", "--pid", &process.pid.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut text = String::new();
    let mut stdout = watch.stdout.take().unwrap();
    let mut part = [0; 4096];
    while text.matches("in deepest").count() < 3 {
        let n = stdout.read(&mut part).unwrap();
        assert!(n > 0, "ended while the process lives:\n{text}");
        text.push_str(&String::from_utf8_lossy(&part[..n]));
    }
    drop(process);
    // Nothing may hold the command up while it writes.
    std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
    assert_eq!(watch.wait().unwrap().code(), Some(3));
}
