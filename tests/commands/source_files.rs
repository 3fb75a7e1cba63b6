//! Which files of this host a dump can make us show: a real process whose code claims to come from files that are none of
//! its business.

use crate::common::{Crash, CrashedProcess, interpreters, skip};
use crate::pyinquest;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

/// Files that hold this, and are not to be shown.
const SECRET: &str = "TOP-SECRET-LINE";
/// The line of a source file that may be shown.
const LINE: &str = "honest_line = 1";

fn crashed(files: &[String]) -> Option<CrashedProcess> {
    let interpreter = interpreters().iter().find(|i| i.is_ordinary() && i.root.is_none())?;
    let arguments: Vec<String> = files.iter().map(|file| format!("{file}:1")).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Crash::new(interpreter, "source_lines.py").args(&arguments).run().ok()
}

fn run(arguments: &[&str], core: &Path) -> Output {
    let start = Instant::now();
    let output = pyinquest().args(arguments).arg(core).env("SECRET_VARIABLE", SECRET).output().unwrap();
    assert!(start.elapsed() < Duration::from_secs(60), "{arguments:?} hung");
    output
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_dump_does_not_choose_what_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let root = at("root");
    std::fs::create_dir_all(root.join("app")).unwrap();
    for secret in ["key", "secret.txt", "outside.py"] {
        std::fs::write(at(secret), format!("{SECRET}\n")).unwrap();
    }
    std::fs::write(root.join("app/in_root.py"), format!("{LINE} # in root\n")).unwrap();
    std::fs::write(at("honest.py"), format!("{LINE}\n")).unwrap();
    std::os::unix::fs::symlink("/proc/self/environ", at("environ.py")).unwrap();
    std::os::unix::fs::symlink(at("outside.py"), root.join("app/link.py")).unwrap();
    nix::unistd::mkfifo(&at("pipe.py"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let shown = |name: &str| at(name).display().to_string();
    let mut files: Vec<String> = ["key", "secret.txt", "pipe.py", "environ.py", "honest.py"].map(shown).to_vec();
    let fixed =
        ["/proc/self/environ", "/proc/kmsg", "/etc/passwd", "/dev/zero", "/dev/tty", "../key", "/app/in_root.py"];
    files.extend(fixed.map(str::to_owned));
    files.extend(["/app/link.py", "/../outside.py", "/app/../../outside.py"].map(str::to_owned));
    let Some(dead) = crashed(&files) else { skip!("no interpreter, or no core") };

    // Right after the crash on the same host: its own sources are shown, and nothing else.
    let own = text(&run(&["report"], &dead.core));
    assert!(own.contains(LINE), "{own}");
    assert!(own.contains("call()") && own.contains("os.kill"), "lines of the program itself:\n{own}");
    assert!(!own.contains(SECRET) && !own.contains("root:x:"), "{own}");
    let notes = text(&run(&["report", "--verbose"], &dead.core));
    assert!(notes.contains("[source-origin]"), "{notes}");

    // Below a root nothing leads out of it; a file of the root is shown under the host's own.
    let in_root = text(&run(&["report", "--verbose", "--sysroot", root.to_str().unwrap()], &dead.core));
    assert!(in_root.contains("# in root"), "{in_root}");
    assert!(!in_root.contains(SECRET), "{in_root}");
    let from = format!("{} (for /app/in_root.py)", root.join("app/in_root.py").display());
    assert!(in_root.contains(&from), "{in_root}");

    // A dump of before this boot: nothing of this host without the user's word.
    let old = std::fs::File::options().append(true).open(&dead.core).unwrap();
    old.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)).unwrap();
    let other = text(&run(&["report", "--verbose"], &dead.core));
    assert!(!other.contains(LINE) && other.contains("[source-of-other-host]"), "{other}");
    let word = text(&run(&["report", "--host-sources"], &dead.core));
    assert!(word.contains(LINE) && !word.contains(SECRET), "{word}");
    assert!(word.contains("[source-changed]"), "{word}");
}

/// What others see has source text only on demand.
#[test]
fn results_for_others_have_no_source_lines() {
    let dir = tempfile::tempdir().unwrap();
    let honest = dir.path().join("honest.py");
    std::fs::write(&honest, format!("{LINE}\n")).unwrap();
    let Some(dead) = crashed(&[honest.display().to_string()]) else { skip!("no interpreter, or no core") };
    for format in ["text", "json", "ndjson", "markdown", "sarif", "junit", "html", "github"] {
        let without = text(&run(&["triage", "--format", format], &dead.core));
        assert!(without.contains("source_lines"), "{format}: {without}");
        assert!(!without.contains(LINE), "{format}: {without}");
    }
    let with = text(&run(&["triage", "--format", "json", "--with-sources"], &dead.core));
    assert!(with.contains(LINE), "{with}");
}
