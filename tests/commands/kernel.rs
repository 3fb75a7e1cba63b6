//! `collect` as the kernel itself calls it. It sets the machine's `core_pattern` for a moment, in which crashes of
//! others go the same way; so it must be asked for: `PYINQUEST_CORE_PATTERN=1`, as root.

use crate::common::{block, interpreters, skip};
use crate::pyinquest;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pyinquest::model::FileStatus;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SETTING: &str = "/proc/sys/kernel/core_pattern";

/// The setting before; it is set back when this is dropped.
struct Pattern(String);

impl Pattern {
    fn set(text: &str) -> std::io::Result<Pattern> {
        let before = std::fs::read_to_string(SETTING)?;
        std::fs::write(SETTING, text)?;
        Ok(Pattern(before))
    }
}

impl Drop for Pattern {
    fn drop(&mut self) {
        std::fs::write(SETTING, self.0.trim_end()).unwrap();
    }
}

fn stored(store: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(store).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn the_kernel_hands_a_crash_over() {
    if std::env::var_os("PYINQUEST_CORE_PATTERN").is_none() {
        crate::common::not_asked_for("PYINQUEST_CORE_PATTERN is not set");
        return;
    }
    // One of this machine, and one in a container: its files are those of /proc/PID/root.
    let ordinary = || interpreters().iter().filter(|i| i.is_ordinary());
    for interpreter in [ordinary().find(|i| i.root.is_none()), ordinary().find(|i| i.root.is_some())] {
        let Some(interpreter) = interpreter else { skip!("no interpreters: run tests/interpreters/fetch.py") };
        let process = match block(interpreter, "threads.py", &[]) {
            Ok(process) => process,
            Err(reason) => skip!("{reason}"),
        };
        // A pattern has room for 127 bytes.
        let dir = tempfile::Builder::new().prefix("pq").tempdir_in("/tmp").unwrap();
        let (link, store) = (dir.path().join("p"), dir.path().join("s"));
        std::os::unix::fs::symlink(pyinquest().get_program(), &link).unwrap();
        let pattern = format!("|{} collect --dir {} --pid %P --time %t --name %e", link.display(), store.display());
        {
            let _set = match Pattern::set(&pattern) {
                Ok(set) => set,
                Err(e) => skip!("{SETTING}: {e}"),
            };
            kill(Pid::from_raw(i32::try_from(process.pid).unwrap()), Signal::SIGSEGV).unwrap();
            // The kernel starts the handler before the process is gone.
            let start = Instant::now();
            while !store.exists() {
                assert!(start.elapsed() < Duration::from_secs(20), "the kernel did not call {pattern}");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let start = Instant::now();
        while stored(&store).len() < 3 {
            assert!(start.elapsed() < Duration::from_secs(60), "{:?}", stored(&store));
            std::thread::sleep(Duration::from_millis(10));
        }
        let files = stored(&store);
        for file in &files {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
            assert!(file.to_string_lossy().contains(&format!("-{}.", process.pid)), "{file:?}");
        }
        let again = pyinquest().args(["report", "--no-files", "--format", "json"]).arg(&files[0]).output().unwrap();
        let again: pyinquest::model::Report = serde_json::from_slice(&again.stdout).unwrap();
        let kept: pyinquest::model::Report = serde_json::from_slice(&std::fs::read(&files[1]).unwrap()).unwrap();
        // Files were at hand for the first, those of the container too.
        let libc = kept.modules.iter().find(|m| m.path.contains("/libc")).unwrap();
        assert_eq!(libc.file_status, Some(FileStatus::Ok), "{libc:?}");
        for report in [kept, again] {
            assert_eq!(report.crash.as_ref().unwrap().name.as_deref(), Some("SIGSEGV"));
            // It was killed from outside; the truth is that of a process that kills itself.
            let mut report = report;
            report.threads.iter_mut().for_each(|t| t.crashed = false);
            let differences = crate::compare::report(&report, &process.living_truth());
            assert!(differences.is_empty(), "{}: {}", interpreter.name, differences.join("\n"));
        }
    }
}
