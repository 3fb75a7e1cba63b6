//! One program in many situations, and processes of other kinds, in real gdb and every real lldb.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod debugger;

use common::{Interpreter, block, debuggable, interpreters, skip};
use debugger::Server;
use debugger::session::{Debugger, Say};
use serde_json::{Value, json};
use std::path::Path;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/stops.py");

/// The C function after the program's `ascii`.
const STOP: &str = "builtin_ascii";

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
    if debuggable().is_empty() {
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
        let all = debuggable();
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
    let Some(interpreter) = debuggable().into_iter().max_by_key(|i| i.minor == 12) else {
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

const HEAP: &str = "class Session:\n    def __init__(self, name):\n        self.name = name\n\n\
                    cache = {'u%d' % n: Session('s%d' % n) for n in range(7)}\n\n\
                    def hold(mine):\n    ascii(mine)\n\ndef outer(deep):\n    hold(cache['u3']) if not deep else outer(deep - 1)\n\n\
                    outer(5)\n";

/// The heap's commands on a process that lives: how many objects, who refers to one, why it is alive.
#[test]
fn the_heap_is_asked_in_every_debugger() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sessions.py");
    std::fs::write(&file, HEAP).unwrap();
    let said = [
        ("objects", "py-objects --type __main__.Session"),
        ("census", "py-heap --type Session --json"),
        ("refs", "py-refs mine"),
        ("out", "py-refs --out --limit 3 mine"),
        ("why", "py-why mine"),
        ("wrong", "py-heap --sort size"),
    ];
    let mut says = vec![Say::Once(STOP), Say::Run];
    says.extend(said.iter().flat_map(|(name, command)| [Say::Mark((*name).to_owned()), Say::Py(command)]));
    says.push(Say::Mark("end".into()));
    for (at, interpreter) in ends(debuggable()).into_iter().enumerate() {
        // lldb tells nobody when memory is written: each command reads all of it again. Once is enough there.
        let few = |d: &&Debugger| !d.is_unpacked() && (at == 0 || matches!(d, Debugger::Gdb(_)));
        for debugger in Debugger::all().iter().filter(few) {
            let said = match debugger.session(&says, &[&interpreter.exe, file.to_str().unwrap()]) {
                Ok(said) => said,
                Err(reason) => skip!("{reason}"),
            };
            let who = format!("{} {}:\n{}", debugger.name(), interpreter.name, said.text);
            assert!(said.between("=objects=", "=census=").contains("\n7 objects\n"), "{who}");
            // Blocks of memory come at once: most questions are about words that lead nowhere.
            let (_, requests, bytes) = said.costs.iter().find(|(name, ..)| name == "objects").unwrap();
            assert!(*requests < 4000 && *bytes < 32 << 20, "{requests} questions, {bytes} bytes, {who}");
            let census = said.between("=census=", "=refs=");
            assert!(census.contains("\"objects\": 7,") && census.contains("\"type\": \"__main__.Session\""), "{who}");
            let refs = said.between("=refs=", "=out=");
            let counted = refs.contains("1 reference to 0x") || refs.contains(" references to 0x");
            assert!(counted && refs.contains("['u3'] "), "{who}");
            // Attributes are the object's own or in a dict of its own.
            let out = said.between("=out=", "=why=");
            assert!(out.contains("\n.name ") || out.contains("\n.__dict__ "), "{who}");
            assert!(said.between("=why=", "=wrong=").contains("__main__.cache['u3']"), "{who}");
            assert!(said.between("=wrong=", "=end=").contains("usage: py-heap [--type TYPE]"), "{who}");
        }
    }
}

/// The census in gdb, of a core, is that of the command line.
#[test]
fn the_heap_of_a_core_is_the_command_lines() {
    let Some(interpreter) = debuggable().pop() else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let dead = match common::crash(interpreter, "basic.py", &[], &[]) {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let load = format!("core-file {}", dead.core.display());
    let said = match debugger::gdb(&[&load, "echo =heap=\\n", "py-heap --json --limit 100000", "echo =end=\\n"], &[]) {
        Ok(said) => said,
        Err(reason) => skip!("{reason}"),
    };
    let theirs: Value =
        serde_json::from_str(said.between("=heap=", "=end=")).unwrap_or_else(|e| panic!("{e}: {}", said.text));
    let output = std::process::Command::new(debugger::engine())
        .args(["heap", "--format", "json", "--limit", "100000"])
        .arg(&dead.core)
        .output()
        .unwrap();
    let ours: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(ours["types"].as_array().unwrap().len() > 50, "{ours}");
    assert_eq!((&theirs["objects"], &theirs["bytes"]), (&ours["objects"], &ours["bytes"]), "{}", interpreter.name);
    assert_eq!(theirs["types"], ours["types"], "{}", interpreter.name);
}

/// What gdb's users expect by habit: `bt full`, a frame by its function, locals by a frame's number, a command for all
/// threads.
#[test]
fn habits_of_gdb() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("habits.py");
    let program = "import threading\nready = threading.Event()\n\ndef worker(number):\n    ready.set()\n    \
                   threading.Event().wait()\n\nthreading.Thread(target=worker, args=(41,), name='w1', daemon=True).start()\n\
                   ready.wait()\n\ndef inner(answer):\n    ascii(answer)\n\ndef outer(question):\n    inner(42)\n\nouter('why')\n";
    std::fs::write(&file, program).unwrap();
    let commands = [
        ("full", "py-bt full"),
        ("last", "py-bt -1"),
        ("function", "py-frame outer"),
        ("selected", "py-print question"),
        ("none", "py-frame nowhere"),
        ("number", "py-locals 0"),
        ("beyond", "py-locals 99"),
        ("apply", "py-thread apply all py-bt"),
        ("json", "py-thread apply all bt 1 --json"),
        ("again", "py-print question"),
        ("select", "py-thread w1"),
        ("there", "py-bt"),
        ("usage", "py-thread apply some bt"),
    ];
    let mut says = vec![Say::Once(STOP), Say::Run];
    says.extend(commands.iter().flat_map(|(name, command)| [Say::Mark((*name).to_owned()), Say::Py(command)]));
    says.push(Say::Mark("end".into()));
    for interpreter in ends(debuggable()) {
        for debugger in Debugger::all().iter().filter(|d| !d.is_unpacked()) {
            let said = match debugger.session(&says, &[&interpreter.exe, file.to_str().unwrap()]) {
                Ok(said) => said,
                Err(reason) => skip!("{reason}"),
            };
            let who = format!("{} {}:\n{}", debugger.name(), interpreter.name, said.text);
            assert!(said.between("=full=", "=last=").contains("answer=42"), "{who}");
            let last = debugger.told(said.between("=last=", "=function="));
            assert!(last.len() == 1 && last[0].contains("<module>"), "{who}");
            assert!(said.between("=function=", "=selected=").contains("question='why'"), "{who}");
            assert!(said.between("=selected=", "=none=").contains("local 'question' = 'why'\n"), "{who}");
            assert!(
                said.between("=none=", "=number=").contains("no Python frame of this thread is of nowhere\n"),
                "{who}"
            );
            assert!(said.between("=number=", "=beyond=").contains("answer = 42\n"), "{who}");
            assert!(
                said.between("=beyond=", "=apply=").contains("there is no Python frame 99; the outermost is 2"),
                "{who}"
            );
            let apply = said.between("=apply=", "=json=");
            assert!(apply.contains(" 'w1'") && apply.contains(" 'MainThread'"), "{who}");
            let frames = debugger.told(apply);
            let has = |function: &str| frames.iter().any(|line| line.contains(function));
            assert!(has("worker") && has("inner") && has("outer") && has("wait"), "{who}");
            let json = said.between("=json=", "=again=");
            let json =
                json.split_once('{').and_then(|(_, json)| json.rsplit_once('}')).unwrap_or_else(|| panic!("{who}"));
            let json: Value = serde_json::from_str(&format!("{{{}}}", json.0)).unwrap_or_else(|e| panic!("{e} {who}"));
            assert_eq!(json["threads"].as_array().unwrap().len(), 2, "{who}");
            // None of that has moved the selection.
            assert!(said.between("=again=", "=select=").contains("local 'question' = 'why'\n"), "{who}");
            assert!(said.between("=select=", "=there=").contains(" 'w1'"), "{who}");
            let there = debugger.told(said.between("=there=", "=usage="));
            assert!(there.iter().any(|line| line.contains("worker")), "{who}");
            assert!(said.between("=usage=", "=end=").contains("usage: py-thread apply all COMMAND"), "{who}");
        }
    }
}

/// The first and the last of them: old and new.
fn ends(all: Vec<&'static Interpreter>) -> Vec<&'static Interpreter> {
    let ordinary: Vec<_> = all.into_iter().filter(|i| i.is_ordinary()).collect();
    let mut two: Vec<_> = ordinary.first().into_iter().chain(ordinary.last()).copied().collect();
    two.dedup_by_key(|interpreter| interpreter.name.clone());
    two
}
