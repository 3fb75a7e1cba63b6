//! The `py-*` commands in every lldb of this machine: on cores, live and remote processes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod debugger;
mod harness;

use common::{block, crash, debuggable, one_per_minor, skip};
use debugger::{Lldb, frame_lines, lldbs, told_frames};

const NONE: &str = "no lldb with Python: install lldb-19 (or another from 14 on) and python3-lldb-19";

const SAMPLE: &str = "def foo(a, b, c):\n    bar(a=a, b=b, c=c)\n\ndef bar(a, b, c):\n    baz(a, b, c)\n\n\
                      def baz(*args):\n    id(42)\n\nfoo(1, 2, 3)\n";

/// A program in a directory of its own.
fn sample(program: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sample.py");
    std::fs::write(&file, program).unwrap();
    let file = file.display().to_string();
    (directory, file)
}

#[test]
fn py_bt_on_a_core_agrees_with_python() {
    let all = lldbs();
    if all.is_empty() {
        skip!("{NONE}");
    }
    let telling: Vec<&str> = all.iter().filter(|l| l.tells_core()).map(Lldb::name).collect();
    for interpreter in one_per_minor() {
        let dead = match crash(interpreter, "basic.py", &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let open = format!("target create --core \"{}\"", dead.core.display());
        for lldb in all.iter().filter(|l| l.tries(interpreter)) {
            let said = lldb.run(&[&open, "py-bt"], &[]);
            let expected = frame_lines(&dead.crashed_thread()["frames"]);
            assert_eq!(told_frames(&said.text), expected, "{} {}:\n{}", lldb.name(), interpreter.name, said.text);
            // From 18 on lldb tells where the core is, and the engine reads it itself; before, all of it moves: most for a
            // core from another root directory, whose modules lldb does not find. The runtime is then searched for in all
            // writable memory, 7 to 8 MiB of these.
            let most = if telling.contains(&lldb.name()) { 100_000 } else { 10 << 20 };
            let (name, costs) = (lldb.name(), &said.costs);
            assert!(costs[0].0 == "bt" && costs[0].2 < most, "{name} {} {costs:?}", interpreter.name);
        }
    }
}

/// Plain `bt all` with the Python frames of each thread below the native frames that run them, as Python itself told them.
#[test]
fn python_frames_go_into_bt_when_switched_on() {
    let all = lldbs();
    if all.is_empty() {
        skip!("{NONE}");
    }
    for interpreter in one_per_minor() {
        let dead = match crash(interpreter, "threads.py", &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let open = format!("target create --core \"{}\"", dead.core.display());
        let commands = [&open, "bt all", "script print('=on=')", "py-frames on", "bt all", "script print('=off=')"];
        let commands: Vec<&str> = commands.into_iter().chain(["py-frames off", "bt all"]).collect();
        for lldb in all.iter().filter(|l| l.tries(interpreter)) {
            let said = lldb.run(&commands, &[]);
            let who = format!("{} {}:\n{}", lldb.name(), interpreter.name, said.text);
            let on = said.between("=on=", "=off=");
            for thread in dead.truth["threads"].as_array().unwrap() {
                // `frame #0: name at file:line`, without the number.
                let expected: Vec<String> = frame_lines(&thread["frames"])
                    .iter()
                    .map(|line| format!("[Python] {}", line.split_once(": ").unwrap().1))
                    .collect();
                // Where lldb itself gives up unwinding, they stand below its last frame.
                let unknown = " (its native frame is not known)";
                let python = |line: &'_ str| line.starts_with("[Python]").then(|| line.replace(unknown, ""));
                let blocks: Vec<Vec<String>> = on
                    .split("\n  thread #")
                    .map(|block| block.lines().filter_map(|line| python(line.trim())).collect())
                    .collect();
                assert!(blocks.contains(&expected), "{expected:?} in {who}");
            }
            let without = [said.text.split("=on=").next().unwrap(), said.text.rsplit("=off=").next().unwrap()];
            for text in without {
                assert!(text.contains("frame #0: ") && !text.contains("[Python]"), "{who}");
            }
        }
    }
}

/// lldb opens minidumps too: where it tells their path, from 18 on, the engine reads the file, whatever system it is of.
#[test]
fn a_minidump_of_windows_is_read_from_disk() {
    if std::env::var_os("PYINQUEST_MORE_DEBUGGERS").is_none() {
        common::not_asked_for("PYINQUEST_MORE_DEBUGGERS is not set");
        return;
    }
    let telling: Vec<Lldb> = lldbs().into_iter().filter(Lldb::tells_core).collect();
    if telling.is_empty() {
        skip!("no lldb from 18 on: run tests/interpreters/debuggers.py");
    }
    let directory = tempfile::tempdir().unwrap();
    for name in ["3.8-windows-basic", "3.12-windows-basic", "3.14-windows-basic"] {
        let fixture = harness::fixture(name);
        let dump = directory.path().join(name);
        std::fs::write(&dump, fixture.bytes()).unwrap();
        let truth = fixture.truth();
        let crashed = truth["threads"].as_array().unwrap().iter().find(|t| t["crashed"] == true).unwrap();
        for lldb in &telling {
            let said =
                lldb.run(&[&format!("target create --core \"{}\"", dump.display()), "py-bt", "py-print items"], &[]);
            assert_eq!(told_frames(&said.text), frame_lines(&crashed["frames"]), "{}:\n{}", lldb.name(), said.text);
            assert!(said.text.contains("\nlocal 'items' = ['Ada', 'hello']\n"), "{}:\n{}", lldb.name(), said.text);
        }
    }
}

#[test]
fn a_live_process_is_walked_up_and_down() {
    let (_directory, file) = sample(SAMPLE);
    let all = lldbs();
    if all.is_empty() {
        skip!("{NONE}");
    }
    let commands = [
        "breakpoint set --name builtin_id",
        "run",
        "script print('=bt=')",
        "py-bt",
        "script print('=frame=')",
        "py-frame 1",
        "frame info",
        "py-print c",
        "py-locals",
        "py-list",
        "py-up 99",
        "py-up",
        "py-print __name__",
        "py-print nothing",
        "script print('=object=')",
        "py-frame 0",
        "py-refcount args",
        "script print('=end=')",
    ];
    for interpreter in debuggable() {
        for lldb in all.iter().filter(|l| l.tries(interpreter)) {
            let said = lldb.run(&commands, &["--", &interpreter.exe, &file]);
            let who = format!("{} {}:\n{}", lldb.name(), interpreter.name, said.text);
            let bt = told_frames(said.between("=bt=", "=frame="));
            let frames = ["baz", "bar", "foo", "<module>"].iter().zip([8, 5, 2, 10]).enumerate();
            let expected: Vec<_> = frames.map(|(n, (f, l))| format!("frame #{n}: {f} at {file}:{l}")).collect();
            assert_eq!(bt, expected, "{who}");
            let frame = said.between("=frame=", "=object=");
            assert!(frame.contains(&format!("  * frame #1: bar(a=1, b=2, c=3) at {file}:5\n")), "{who}");
            assert!(frame.contains("local 'c' = 3\n") && frame.contains("\na = 1\nb = 2\nc = 3\n"), "{who}");
            // Where lldb's own unwinder stops short there is no native frame to select, and py-list follows lldb's.
            let followed = !frame.contains("its native frame is not known");
            assert!(!followed || frame.contains("`_PyEval_EvalFrameDefault"), "{who}");
            assert!(!followed || frame.contains("\n-> 5        baz(a, b, c)\n"), "{who}");
            assert!(frame.contains("Unable to find an older python frame\n"), "{who}");
            assert!(
                frame.contains("global '__name__' = '__main__'\n") && frame.contains("'nothing' not found\n"),
                "{who}"
            );
            assert!(said.between("=object=", "=end=").contains("'args': "), "{who}");
        }
    }
}

/// The files of one process are not taken for those of the next, which has others at the same addresses.
#[test]
fn another_program_has_other_files() {
    let (_directory, file) = sample("def f():\n    id(1)\nf()\n");
    let all = lldbs();
    if all.is_empty() {
        skip!("{NONE}");
    }
    let known = debuggable();
    let (Some(one), Some(other)) = (known.first(), known.last()) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let targets = [one, other].map(|i| format!("target create \"{}\"", i.exe));
    let arguments = format!("settings set target.run-args \"{file}\"");
    let commands = [
        &targets[0],
        &arguments,
        "breakpoint set --name builtin_id",
        "run",
        "script print('=first=')",
        "py-bt",
        "py-status",
        "process kill",
        &targets[1],
        &arguments,
        "breakpoint set --name builtin_id",
        "run",
        "script print('=second=')",
        "py-bt",
        "py-status",
        "script print('=end=')",
    ];
    for lldb in &all {
        let said = lldb.run(&commands, &[]);
        for (part, who) in [(said.between("=first=", "=second="), one), (said.between("=second=", "=end="), other)] {
            assert_eq!(told_frames(part).len(), 2, "{}:\n{}", lldb.name(), said.text);
            let right = part.contains(&format!("CPython 3.{}.", who.minor)) && !part.contains("mismatch");
            assert!(right, "{} {}:\n{}", lldb.name(), who.name, said.text);
        }
    }
}

/// Values that lldb itself prints are shown as Python objects, where debug information gives them a type.
#[test]
fn summaries_and_children() {
    let (_directory, file) = sample("id([1, 'two', (3,)])\n");
    let all = lldbs();
    if all.is_empty() {
        skip!("{NONE}");
    }
    let described: Vec<_> = debuggable().into_iter().filter(|i| i.has_dwarf).collect();
    if described.is_empty() {
        skip!("no interpreter with debug information: run tests/interpreters/fetch.py");
    }
    for interpreter in described {
        for lldb in all.iter().filter(|l| l.tries(interpreter)) {
            let commands = [
                "breakpoint set --name builtin_id",
                "run",
                "frame variable v",
                "frame variable --ptr-depth 1 v",
                "script print('=object=')",
                "py-object v",
                "script print('=struct=')",
                "py-object *v",
                "script print('=end=')",
            ];
            let said = lldb.run(&commands, &["--", &interpreter.exe, &file]);
            let who = format!("{} {}:\n{}", lldb.name(), interpreter.name, said.text);
            assert!(said.text.contains("[1, 'two', (3,)]"), "{who}");
            assert!(said.text.contains("[1] = 0x") && said.text.contains("'two'"), "{who}");
            // A pointer, and what it points to.
            let shown = |text: &str| text.contains(": list, ") && text.contains("\n[1, 'two', (3,)]\n");
            assert!(shown(said.between("=object=", "=struct=")) && shown(said.between("=struct=", "=end=")), "{who}");
        }
    }
}

/// A pointer to pointers to objects is not an object.
#[test]
fn argument_vectors_are_not_taken_for_objects() {
    let all = lldbs();
    if all.is_empty() {
        skip!("{NONE}");
    }
    let Some(interpreter) = debuggable().into_iter().find(|i| i.has_dwarf) else {
        skip!("no interpreter with debug information: run tests/interpreters/fetch.py");
    };
    for lldb in all.iter().filter(|l| l.tries(interpreter)) {
        let commands =
            ["breakpoint set --name builtin_getattr", "run", "frame variable args", "frame variable args[1]"];
        let said = lldb.run(&commands, &["--", &interpreter.exe, "-c", "getattr(1, 'real')"]);
        let who = format!("{} {}:\n{}", lldb.name(), interpreter.name, said.text);
        let vector =
            said.text.lines().find(|l| l.starts_with("(PyObject *const *) args = ")).unwrap_or_else(|| panic!("{who}"));
        assert!(
            vector.split(" = ").nth(1).is_some_and(|value| value.starts_with("0x") && !value.contains(' ')),
            "{who}"
        );
        let item = said.text.lines().rfind(|l| l.contains("args[1] = 0x")).unwrap_or_else(|| panic!("{who}"));
        assert!(item.ends_with('\''), "{who}");
    }
}

/// Every container has its items as children, whatever kind it is.
#[test]
fn containers_show_their_items() {
    let program = "import array, collections, types\n\
                   ordered = collections.OrderedDict(first='in order', second=2)\n\
                   ordered.move_to_end('first')\n\
                   default = collections.defaultdict(list, key=['of default'])\n\
                   queue = collections.deque(['left', 'right'])\n\
                   proxy = types.MappingProxyType({'shown': 'by proxy'})\n\
                   view = {'viewed key': 'v'}.keys()\n\
                   counted = collections.Counter({'counted': 3})\n\
                   numbers = array.array('h', [-7, 8])\n\
                   halves = array.array('d', [0.5])\n\
                   letters = array.array('u', 'c')\n\
                   id([ordered, default, queue, proxy, view, counted, numbers, halves, letters, range(100, 300, 50)])\n";
    let (_directory, file) = sample(program);
    let all = lldbs();
    if all.is_empty() {
        skip!("{NONE}");
    }
    let Some(interpreter) = debuggable().into_iter().find(|i| i.has_dwarf) else {
        skip!("no interpreter with debug information: run tests/interpreters/fetch.py");
    };
    for lldb in all.iter().filter(|l| l.tries(interpreter)) {
        let commands = [
            "breakpoint set --name builtin_id",
            "run",
            "frame variable --ptr-depth 2 v",
            "script print('=object=')",
            "py-object ordered",
            "py-object queue[1]",
            "py-object numbers",
            "script print('=end=')",
        ];
        let said = lldb.run(&commands, &["--", &interpreter.exe, &file]);
        let who = format!("{} {}:\n{}", lldb.name(), interpreter.name, said.text);
        let children = said.text.split("=object=").next().unwrap();
        let child = |name: &str, value: &str| {
            assert!(
                children.lines().any(|l| l.trim_start().starts_with(name) && l.ends_with(value)),
                "{name} {value} {who}"
            );
        };
        child("['second'] = 0x", " 2");
        child("['first'] = 0x", " 'in order'");
        child("['key'] = 0x", " ['of default']");
        child("[0] = 0x", " 'left'");
        child("[1] = 0x", " 'right'");
        child("['shown'] = 0x", " 'by proxy'");
        child("[0] = 0x", " 'viewed key'");
        child("['counted'] = 0x", " 3");
        child("[0] = -7", "");
        child("[1] = 8", "");
        child("[0] = 0.5", "");
        child("[0] = \"'c'\"", "");
        child("[3] = 250", "");
        // In their own order.
        assert!(children.find("['second'] = ") < children.find("['first'] = "), "{who}");
        let object = said.between("=object=", "=end=");
        assert!(object.contains("collections.OrderedDict, ") && object.contains("  ['first'] = 'in order'\n"), "{who}");
        assert!(object.contains(": str, ") && object.contains("\n'right'\n"), "{who}");
        assert!(object.contains("  [0] = -7\n  [1] = 8\n"), "{who}");
    }
}

/// lldb tells nobody of memory that is written: what was read before must not be shown again.
#[test]
fn written_memory_is_read_again() {
    let Some(interpreter) = debuggable().into_iter().find(|i| !i.free_threaded) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let all = lldbs();
    if all.is_empty() {
        skip!("{NONE}");
    }
    let (_directory, file) = sample("x = 1.25\nid(x)\n");
    // `ob_fval` lies after reference count and type.
    let write = "script import struct; lldb.process.WriteMemory(int(pyinquest_lldb._run(lldb.debugger, 'local', \
                 'x').value) + 16, struct.pack('d', 2.5), lldb.SBError())";
    let commands = ["breakpoint set --name builtin_id", "run", "py-print x", write, "py-print x"];
    for lldb in all {
        let said = lldb.run(&commands, &["--", &interpreter.exe, &file]);
        let values: Vec<&str> = said.text.lines().filter(|l| l.starts_with("global 'x' = ")).collect();
        assert_eq!(values, ["global 'x' = 1.25", "global 'x' = 2.5"], "{}:\n{}", lldb.name(), said.text);
    }
}

#[test]
fn an_attached_process_and_its_threads() {
    let Some(interpreter) = debuggable().pop() else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let all = lldbs();
    if all.is_empty() {
        skip!("{NONE}");
    }
    for lldb in &all {
        let alive = match block(interpreter, "threads.py", &[]) {
            Ok(alive) => alive,
            Err(reason) => skip!("{reason}"),
        };
        let pid = alive.pid.to_string();
        let commands =
            ["script print('=bt=')", "py-bt", "script print('=threads=')", "py-threads", "script print('=end=')"];
        let said = lldb.run(&commands, &["-p", &pid]);
        let truth = alive.truth["threads"].as_array().unwrap();
        let main = truth.iter().find(|t| t["crashed"] == true).unwrap();
        let who = format!("{} {}:\n{}", lldb.name(), interpreter.name, said.text);
        assert_eq!(told_frames(said.between("=bt=", "=threads=")), frame_lines(&main["frames"]), "{who}");
        assert!(said.between("=threads=", "=end=").contains(" 'sleeper'"), "{who}");
    }
}

#[test]
fn without_a_process_or_without_python() {
    let all = lldbs();
    if all.is_empty() {
        skip!("{NONE}");
    }
    for lldb in &all {
        let said = lldb.run(&["py-bt", "breakpoint set --name write", "run", "py-bt"], &["--", "/bin/echo"]);
        let who = format!("{}:\n{}", Lldb::name(lldb), said.text);
        assert!(said.text.contains("Unable to locate python frame: there is no process"), "{who}");
        assert!(said.text.contains("Unable to locate python frame: no CPython was found in this process"), "{who}");
    }
}
