//! `run` and signals: the command lives as under a shell. Real processes, real signals, a real terminal.

use crate::pyinquest;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Tells mask, ignored signals and process group, then waits for a signal.
const WAITS: &str = "
import os, signal, sys
fields = dict(l.split(':', 1) for l in open('/proc/self/status') if ':' in l)
if sys.argv[1:] == ['handle']:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(5))
print(fields['SigBlk'].strip(), fields['SigIgn'].strip(), os.getpgrp() == os.getpgid(os.getppid()), os.getpid(), flush=True)
signal.pause()
";

/// Starts `python3 -c WAITS` after `words`, sends `signal` to the process that was started, and gives its first line and
/// how it ended.
fn ended(words: &[&str], arguments: &[&str], dir: &Path, signal: Signal) -> (String, Output) {
    // Whoever runs the tests may have signals ignored, as a shell has those of a keyboard for what runs in the background.
    let mut child = Command::new("env")
        .arg("--default-signal")
        .args(words)
        .args(["python3", "-c", WAITS])
        .args(arguments)
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    (line, child.wait_with_output().unwrap())
}

/// The line without the pid, which differs.
fn state(line: &str) -> &str {
    line.trim().rsplit_once(' ').unwrap().0
}

#[test]
fn signals_reach_the_command_and_its_end_is_ours() {
    let dir = tempfile::tempdir().unwrap();
    let program = pyinquest().get_program().to_string_lossy().into_owned();
    // Another program that does nothing to signals, for comparison.
    let (plain, _) = ended(&["env"], &[], dir.path(), Signal::SIGTERM);
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGUSR1] {
        let (line, output) = ended(&[&program, "run", "--"], &[], dir.path(), signal);
        assert_eq!(state(&line), state(&plain), "{signal}: mask, ignored signals, process group");
        // Python turns SIGINT into an exception, and ends itself by the same signal.
        assert_eq!(output.status.code(), Some(128 + signal as i32), "{signal}: {output:?}");
        let pid: i32 = line.trim().rsplit_once(' ').unwrap().1.parse().unwrap();
        assert!(kill(Pid::from_raw(pid), None).is_err(), "{signal}: the command lives");
    }
    let (_, output) = ended(&[&program, "run", "--"], &["handle"], dir.path(), Signal::SIGTERM);
    assert_eq!(output.status.code(), Some(5), "what the command made of the signal");
}

#[test]
fn what_nohup_ignores_stays_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let program = pyinquest().get_program().to_string_lossy().into_owned();
    let (plain, _) = ended(&["nohup"], &[], dir.path(), Signal::SIGTERM);
    let (line, output) = ended(&["nohup", &program, "run", "--"], &[], dir.path(), Signal::SIGTERM);
    assert_eq!(state(&line), state(&plain));
    assert_eq!(output.status.code(), Some(143), "{output:?}");
}

/// A key at a terminal reaches the command once and does not end the one that waits for it.
#[test]
fn a_key_at_the_terminal_comes_once() {
    const TERMINAL: &str = "
import os, pty, sys, time
pid, master = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
def until(text, got=b''):
    while text not in got:
        got += os.read(master, 4096)
    return got
got = until(b'ready')
os.write(master, b'\\x03')
got = until(b'end ', got)
try:
    while (more := os.read(master, 4096)): got += more
except OSError:
    pass
sys.stdout.write(got.decode(errors='replace'))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";
    const COUNTS: &str = "
import signal, sys, time
count = 0
def handler(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, handler)
print('ready', flush=True)
start = time.monotonic()
while count == 0 and time.monotonic() < start + 20: time.sleep(0.05)
time.sleep(0.5)
print('end', count, flush=True)
sys.exit(7)
";
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new("python3")
        .args(["-c", TERMINAL])
        .arg(pyinquest().get_program())
        .args(["run", "--", "python3", "-c", COUNTS])
        .current_dir(dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("end 1"), "{text} {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(7), "{text}");
}

#[test]
fn what_cannot_be_run_has_the_codes_of_a_shell() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::File::create(dir.path().join("text")).unwrap().write_all(b"text").unwrap();
    for (name, code) in [("./absent", 127), ("./text", 126)] {
        let output = pyinquest().args(["run", "--", name]).current_dir(dir.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
}
