//! Nothing that happens to the engine takes gdb or lldb down: a line says what is wrong, and the next command works.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod debugger;

use common::{interpreters, skip};
use debugger::session::{Debugger, Say};
use debugger::{Said, engine, run, run_with};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// An engine that goes wrong in a way of our choice.
const ODD_ENGINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/odd_engine.py");

/// Prints what only the debugger's Python can have put together.
fn still_here() -> Say {
    Say::Python("print('still' + str(6 * 7))".to_owned())
}

/// Presses Ctrl-C once the engine works on a command.
fn interrupt_when(file: &Path, debugger: u32) {
    let start = Instant::now();
    while !file.exists() {
        assert!(start.elapsed() < Duration::from_secs(120), "no command came as far as the engine");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    let sent = Command::new("kill").args(["-INT", &debugger.to_string()]).status();
    assert!(sent.is_ok_and(|s| s.success()));
}

#[test]
fn an_engine_that_goes_wrong_is_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("got-a-command");
    let strange = "pyinquest: the engine sent something strange; it will be started anew";
    let cases = [
        ("protocol", format!("pyinquest: {ODD_ENGINE} speaks another protocol; run `pyinquest init ")),
        ("killed", "pyinquest: the engine was killed by signal 9; it will be started anew (please report this)".into()),
        ("babble", strange.into()),
        ("no-json", strange.into()),
        ("strange", strange.into()),
        ("silent", "pyinquest: the engine does not answer; it will be started anew (PYINQUEST_TIMEOUT sets".into()),
        ("missing", "pyinquest: PYINQUEST is set to '/nowhere/pyinquest', which is not a program that runs".into()),
    ];
    for debugger in Debugger::all() {
        // What is told and survived is our script's doing; a second version of a debugger shows that it can be.
        let few = if debugger.is_unpacked() { 2 } else { cases.len() };
        for (odd, line) in cases.iter().take(few) {
            let program = if *odd == "missing" { "/nowhere/pyinquest" } else { ODD_ENGINE };
            let env = [
                ("PYINQUEST", program),
                ("ODD", *odd),
                ("ODD_FILE", file.to_str().unwrap()),
                ("PYINQUEST_TIMEOUT", if *odd == "silent" { "2" } else { "100" }),
            ];
            let mut command = match debugger.command(&[Say::Py("py-bt"), still_here()], &[], &env) {
                Ok(command) => command,
                Err(reason) => skip!("{reason}"),
            };
            let said = Said::new(&run(&mut command));
            let lines: Vec<&str> = said.text.lines().filter(|l| l.starts_with("pyinquest: ")).collect();
            assert!(lines.len() == 1 && lines[0].starts_with(line), "{} {odd}:\n{}", debugger.name(), said.text);
            assert!(said.text.contains("still42") && !said.text.contains("Traceback"), "{}", said.text);
        }
    }
}

/// Ctrl-C ends a command whose engine asks on and on, and one whose engine says nothing.
#[test]
fn ctrl_c_ends_a_command() {
    let directory = tempfile::tempdir().unwrap();
    for debugger in Debugger::all() {
        for odd in ["asks", "silent"] {
            let file = directory.path().join(format!("{}-{odd}", debugger.name()));
            let env = [("PYINQUEST", ODD_ENGINE), ("ODD", odd), ("ODD_FILE", file.to_str().unwrap())];
            let mut command = match debugger.command(&[Say::Py("py-bt"), still_here()], &[], &env) {
                Ok(command) => command,
                Err(reason) => skip!("{reason}"),
            };
            let start = Instant::now();
            let said = Said::new(&run_with(&mut command, |id| interrupt_when(&file, id)));
            let who = format!("{} {odd}:\n{}", debugger.name(), said.text);
            assert!(said.text.to_lowercase().contains("interrupted"), "{who}");
            // The engine of "asks" obeys and stays; the silent one is ended (which lldb 14 leaves out).
            let ended = said.text.contains("started anew");
            assert!(odd == "silent" || !ended, "{who}");
            assert!(odd != "silent" || ended || matches!(debugger, Debugger::Lldb(_)), "{who}");
            assert!(start.elapsed() < Duration::from_secs(50), "{who}");
            assert!(said.text.contains("still42"), "{who}");
        }
    }
}

/// The engine itself: interrupted in a slow command, then killed between two, then met by a script of another version.
#[test]
fn the_engine_survives_ctrl_c_and_is_started_again_when_it_is_gone() {
    // Of any version; 3.12 where it is available.
    let startable = interpreters().iter().filter(|i| i.root.is_none() && i.is_native());
    let Some(interpreter) = startable.max_by_key(|i| i.is_ordinary() && i.minor == 12) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("program.py");
    std::fs::write(&program, "def f():\n    ascii(1)\n\nf()\n").unwrap();
    for debugger in Debugger::all() {
        let file = directory.path().join(debugger.name());
        let slow = format!(
            "h = {{script}}.HOST; r = h.read; \
             h.read = lambda a, n: (open({file:?}, 'w').close(), __import__('time').sleep(0.5), r(a, n))[2]"
        );
        let pid = || Say::Python("print('engine', {script}.ENGINE._process.pid)".to_owned());
        let says = [
            Say::Break("builtin_ascii"),
            Say::Run,
            Say::Python(slow),
            Say::Py("py-bt"),
            pid(),
            Say::Python("h.read = r".to_owned()),
            Say::Mark("again".into()),
            Say::Py("py-bt"),
            pid(),
            Say::Python(
                "__import__('os').kill({script}.ENGINE._process.pid, 9); {script}.ENGINE._process.wait()".to_owned(),
            ),
            Say::Mark("killed".into()),
            Say::Py("py-bt"),
            pid(),
            Say::Mark("version".into()),
            Say::Python("{script}.ENGINE.close(); {script}.bridge.PROTOCOL = 99".to_owned()),
            Say::Py("py-bt"),
            Say::Mark("end".into()),
        ];
        let arguments = [debugger.program(), &interpreter.exe, program.to_str().unwrap()];
        let mut command = match debugger.command(&says, &arguments, &[("PYINQUEST", engine())]) {
            Ok(command) => command,
            Err(reason) => skip!("{reason}"),
        };
        let said = Said::new(&run_with(&mut command, |id| interrupt_when(&file, id)));
        let who = format!("{}:\n{}", debugger.name(), said.text);
        let engines: Vec<&str> = said.text.lines().filter(|l| l.starts_with("engine ")).collect();
        assert_eq!(engines.len(), 3, "{who}");
        assert!(engines[0] == engines[1] && engines[1] != engines[2], "{who}");
        assert!(said.text.to_lowercase().contains("interrupted"), "{who}");
        for (from, to) in [("=again=\n", "=killed="), ("=killed=\n", "=version=")] {
            assert_eq!(debugger.told(said.between(from, to)).len(), 2, "{who}");
        }
        let refused = said.between("=version=\n", "=end=");
        let lines: Vec<&str> = refused.lines().filter(|l| l.starts_with("pyinquest: ")).collect();
        assert!(lines.len() == 1 && lines[0].contains("pyinquest init"), "{who}");
    }
}
