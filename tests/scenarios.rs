//! One program in many situations, and processes of other kinds, in real gdb and every real lldb.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod debugger;

use common::{Interpreter, block, interpreters, skip};
use debugger::Server;
use debugger::session::{Debugger, Say};
use serde_json::{Value, json};
use std::path::Path;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/stops.py");

/// The C function after the program's `ascii`.
const STOP: &str = "builtin_ascii";

/// Interpreters that debuggers can start here: those without a root of their own.
fn startable() -> Vec<&'static Interpreter> {
    interpreters().iter().filter(|i| i.root.is_none() && i.is_native()).collect()
}

/// What holds for one version of a debugger may not for another.
#[test]
fn there_are_two_versions_of_each_debugger() {
    if std::env::var_os("PYINQUEST_MORE_DEBUGGERS").is_none() {
        common::not_asked_for("PYINQUEST_MORE_DEBUGGERS is not set");
        return;
    }
    let all = Debugger::all();
    let gdbs = all.iter().filter(|d| matches!(d, Debugger::Gdb(_))).count();
    let names: Vec<&str> = all.iter().map(Debugger::name).collect();
    if gdbs < 2 || all.len() - gdbs < 2 {
        skip!("only {names:?}: run tests/interpreters/debuggers.py");
    }
}

/// What the program has noted of its stops: name and frames.
fn stops(file: &Path) -> Vec<(String, Value)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let stop = |line: &str| {
        let stop: Value = serde_json::from_str(line).unwrap();
        let frame = |f: &Value| json!({"function": f[0], "filename": f[1], "line": f[2]});
        let frames: Vec<Value> = stop[1].as_array().unwrap().iter().map(frame).collect();
        (stop[0].as_str().unwrap().to_owned(), Value::from(frames))
    };
    text.lines().map(stop).collect()
}

const STOPS: [&str; 9] = ["generator", "sorted", "map", "slot", "asyncio", "ctypes", "malloc", "sleep", "thread"];

/// Generators, C functions that call back (of CPython and of other libraries), a type's C slots, asyncio, a second
/// thread, the C library's allocator, a call without the GIL: `py-bt` is what Python itself noted just before.
#[test]
fn one_program_in_many_situations() {
    if startable().is_empty() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    let mut says = vec![Say::Break(STOP), Say::Run];
    for stop in STOPS {
        says.extend([Say::Mark(stop.to_owned()), Say::Py("py-bt")]);
        match stop {
            "thread" => says.extend([Say::Py("py-print secret"), Say::Py("py-threads")]),
            "malloc" => says.extend([
                Say::Once("__libc_malloc"),
                Say::Continue,
                Say::Mark("in malloc".into()),
                Say::Py("py-bt"),
            ]),
            // Which of them `time.sleep` calls is the version's choice.
            "sleep" => {
                says.extend([Say::Once("clock_nanosleep"), Say::Once("select"), Say::Continue]);
                says.extend([Say::Mark("asleep".into()), Say::Py("py-bt"), Say::Py("py-threads")]);
            }
            _ => {}
        }
        says.push(Say::Continue);
    }
    says.push(Say::Mark("end".into()));
    let directory = tempfile::tempdir().unwrap();
    for debugger in Debugger::all() {
        // gdb and lldb differ from each other more than from one version of CPython to the next: the oldest, the newest,
        // and the one without a GIL.
        let all = startable();
        let wanted = |i: &Interpreter| match debugger.is_unpacked() {
            true => i.minor == 12,
            false => i.free_threaded || i.minor == all[0].minor || i.minor == 12,
        };
        let few = all.iter().filter(|i| wanted(i));
        for interpreter in few {
            let notes = directory.path().join(format!("{}-{}", debugger.name(), interpreter.name));
            let program = [&interpreter.exe, PROGRAM, notes.to_str().unwrap()];
            let said = match debugger.session(&says, &program) {
                Ok(said) => said,
                Err(reason) => skip!("{reason}"),
            };
            let who = format!("{} {}:\n{}", debugger.name(), interpreter.name, said.text);
            let truth = stops(&notes);
            assert_eq!(truth.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), STOPS, "{who}");
            let marks = STOPS.iter().skip(1).map(|s| format!("={s}=")).chain(["=end=".to_owned()]);
            for ((name, frames), next) in truth.iter().zip(marks) {
                let text = said.between(&format!("={name}=\n"), &next);
                let expected = debugger.expected(frames);
                let (at, then) = match text.split_once("=in malloc=").or_else(|| text.split_once("=asleep=")) {
                    Some((at, then)) => (at, Some(then)),
                    None => (text, None),
                };
                assert_eq!(debugger.told(at), expected, "{name} {who}");
                if let Some(then) = then {
                    assert_eq!(debugger.told(then), expected, "in the C call of {name}: {who}");
                }
            }
            // A stop costs the thread's own pages again, in lldb each command does; measured: half of these.
            for (command, _, bytes) in &said.costs {
                let most = if command == "bt" { 1 << 20 } else { 2 << 20 };
                assert!(*bytes < most, "{command} moved {bytes} bytes: {who}");
            }
            assert!(said.costs.iter().filter(|c| c.0 == "bt").count() == STOPS.len() + 2, "{who}");
            let thread = said.between("=thread=\n", "=end=");
            assert!(thread.contains("local 'secret' = 'told'\n"), "{who}");
            let selected = |l: &str| l.starts_with("* ") && l.contains(" 'wörker'") && l.contains(" in_thread at ");
            assert!(thread.lines().any(selected) && thread.contains("'MainThread'"), "{who}");
            if !interpreter.free_threaded {
                assert!(
                    thread.contains("[holds the GIL")
                        && !said.between("=asleep=", "=thread=").contains("holds the GIL"),
                    "{who}"
                );
            }
        }
    }
}

/// gdbserver and lldb-server.
#[test]
fn a_remote_process_is_read_through_its_server() {
    // Of any version; 3.12 where it is available.
    let Some(interpreter) = startable().into_iter().max_by_key(|i| i.minor == 12) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let directory = tempfile::tempdir().unwrap();
    for debugger in Debugger::all() {
        let notes = directory.path().join(debugger.name());
        let program = [interpreter.exe.as_str(), PROGRAM, notes.to_str().unwrap()];
        let server = match &debugger {
            Debugger::Gdb(_) => vec!["gdbserver".to_owned(), "--once".into(), "{address}".into()],
            Debugger::Lldb(lldb) => vec![lldb.server(), "gdbserver".into(), "{address}".into(), "--".into()],
        };
        let words: Vec<&str> = server.iter().map(String::as_str).chain(program).collect();
        let server = match Server::start(&words) {
            Ok(server) => server,
            Err(reason) => skip!("{reason}"),
        };
        let says = [
            Say::Break(STOP),
            Say::Connect(server.address.clone()),
            Say::Continue,
            Say::Mark("one".into()),
            Say::Py("py-bt"),
            Say::Continue,
            Say::Mark("two".into()),
            Say::Py("py-bt"),
            Say::Py("py-frame 1"),
            Say::Py("py-status"),
            Say::Mark("end".into()),
        ];
        let said = match debugger.session(&says, &[&interpreter.exe]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        let who = format!("{}:\n{}", debugger.name(), said.text);
        let truth = stops(&notes);
        assert_eq!(debugger.told(said.between("=one=\n", "=two=")), debugger.expected(&truth[0].1), "{who}");
        let two = said.between("=two=\n", "=end=");
        let frames = debugger.expected(&truth[1].1);
        assert_eq!(debugger.told(two)[..frames.len()], frames, "{who}");
        assert!(two.contains("sorted([1], key=key)"), "{who}");
        // lldb does not tell a server of this machine from its own.
        let kind =
            if matches!(debugger, Debugger::Gdb(_)) { "process: remote process" } else { "process: live process" };
        assert!(two.contains(kind), "{who}");
        // What was read at one stop of a remote process must not be paid for twice within it.
        let bytes: Vec<u64> = said.costs.iter().map(|c| c.2).collect();
        assert!(bytes[0] < 8 << 20 && bytes[1] < 1 << 20, "{bytes:?} {who}");
    }
}

/// Interpreters as distributions ship them: without symbols, in a container's root.
#[test]
fn stripped_interpreters_in_another_root() {
    let stripped: Vec<_> = interpreters().iter().filter(|i| i.root.is_some() && i.is_ordinary()).collect();
    let (Some(oldest), Some(newest)) = (stripped.first(), stripped.last()) else {
        skip!("no interpreters of Debian: run tests/interpreters/fetch.py");
    };
    for interpreter in [oldest, newest] {
        let alive = match block(interpreter, "threads.py", &[]) {
            Ok(alive) => alive,
            Err(reason) => skip!("{reason}"),
        };
        let truth = alive.truth["threads"].as_array().unwrap();
        let main = truth.iter().find(|t| t["crashed"] == true).unwrap();
        for debugger in Debugger::all() {
            let says = [Say::Mark("bt".into()), Say::Py("py-bt"), Say::Mark("threads".into()), Say::Py("py-threads")];
            let rest = [Say::Mark("up".into()), Say::Py("py-frame 1"), Say::Mark("end".into())];
            let said = match debugger.attached(&says.into_iter().chain(rest).collect::<Vec<_>>(), alive.pid) {
                Ok(said) => said,
                Err(reason) => skip!("{reason}"),
            };
            let who = format!("{} {}:\n{}", debugger.name(), interpreter.name, said.text);
            let told = debugger.told(said.between("=bt=\n", "=threads="));
            assert_eq!(told, debugger.expected(&main["frames"]), "{who}");
            let threads = said.between("=threads=\n", "=up=");
            let listed = threads.lines().filter(|l| !l.starts_with("(lldb)")).count();
            assert!(listed == truth.len() && threads.contains(" 'sleeper'"), "{who}");
            let caller = main["frames"][1]["function"].as_str().unwrap();
            assert!(said.between("=up=\n", "=end=").contains(caller), "{who}");
        }
    }
}
