//! The `py-*` commands in real gdb: on cores, live and remote processes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod debugger;

use common::{block, crash, debuggable, interpreters, one_per_minor, skip};
use debugger::{Server, file_lines, gdb, gdb_with, traceback};

/// What CPython's suite debugs: a chain of Python calls that ends in `id(42)`.
const SAMPLE: &str = "def foo(a, b, c):\n    bar(a=a, b=b, c=c)\n\ndef bar(a, b, c):\n    baz(a, b, c)\n\n\
                      def baz(*args):\n    id(42)\n\nimport sys; foo(1, 2, 3)\n";

struct Sample {
    directory: tempfile::TempDir,
}

impl Sample {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("sample.py"), SAMPLE).unwrap();
        Sample { directory }
    }

    fn path(&self) -> String {
        self.directory.path().join("sample.py").display().to_string()
    }
}

#[test]
fn py_bt_on_a_core_agrees_with_python() {
    if one_per_minor().is_empty() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    for interpreter in one_per_minor() {
        let dead = match crash(interpreter, "basic.py", &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let core = dead.core.display().to_string();
        let sysroot = format!("set sysroot {}", interpreter.sysroot.display());
        let executable = interpreter.sysroot.join(interpreter.exe.trim_start_matches('/')).display().to_string();
        let load = format!("core-file {core}");
        let said = match gdb(&[&sysroot, &load, "py-bt", "py-up", "py-locals"], &[&executable]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        let expected = traceback(&dead.crashed_thread()["frames"]);
        assert_eq!(file_lines(&said.text), expected, "{}:\n{}", interpreter.name, said.text);
        assert!(said.text.contains("\noptions = {'tone': 'soft'}\n"), "{}:\n{}", interpreter.name, said.text);
        // The engine reads the core and unwinds by itself: gdb has nothing to answer, and thus no debug information to
        // read first. py-up needs the numbers of gdb's frames.
        let (name, requests, bytes) = &said.costs[0];
        let nothing = *requests == 0 && *bytes < 1000 || !cfg!(target_arch = "x86_64");
        assert!(name == "bt" && nothing, "{}: {:?}", interpreter.name, said.costs);
        assert!(said.costs[1].1 <= 20 && said.costs[1].2 < 100_000, "{}: {:?}", interpreter.name, said.costs);
    }
}

#[test]
fn a_live_process_is_walked_up_and_down() {
    let sample = Sample::new();
    if debuggable().is_empty() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    for interpreter in debuggable() {
        let commands = [
            "break builtin_id",
            "run",
            "echo =bt=\\n",
            "py-bt",
            "echo =up=\\n",
            "py-frame 1",
            "py-print c",
            "py-print __name__",
            "py-print len",
            "py-print nothing",
            "echo =paths=\\n",
            "py-print foo.__code__.co_name",
            "py-print sys.modules['sys'].maxsize",
            "py-print foo.nothing",
            "py-print a[0]",
            "py-print foo..x",
            "py-refcount foo.__name__",
            "py-refcount",
            "py-list 9000",
            "echo =list=\\n",
            "py-list",
            "echo =locals=\\n",
            "py-locals",
            "echo =ends=\\n",
            "py-up 99",
            "py-up",
            "py-down 99",
            "py-down",
            "echo =functions=\\n",
            "py-frame 3",
            "p $py_repr($py_local(\"foo\"))",
            "p $py_type($py_local(\"foo\"))",
            "p $py_refcnt($py_local(\"foo\"))",
            "echo =end=\\n",
        ];
        let said = match gdb(&commands, &["--args", &interpreter.exe, &sample.path()]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        let name = &interpreter.name;
        let file = sample.path();
        let frames = [(8, "baz"), (5, "bar"), (2, "foo"), (10, "<module>")];
        let expected: Vec<_> = frames.iter().map(|(l, f)| format!("  File \"{file}\", line {l}, in {f}")).collect();
        let bt = said.between("=bt=", "=up=");
        assert_eq!(file_lines(bt), expected, "{name}:\n{}", said.text);
        let called = bt.contains("\n  <built-in method id of module object at remote 0x");
        assert!(called, "{name}:\n{}", said.text);
        let up = said.between("=up=\n", "=paths=");
        let head = format!(", for file {file}, line 5, in bar (a=1, b=2, c=3)\n    baz(a, b, c)\nlocal 'c' = 3\n");
        assert!(up.contains(&head) && up.starts_with('#'), "{name}: {up}");
        assert!(
            up.contains("global '__name__' = '__main__'\nbuiltin 'len' = <built-in method len of module object at")
        );
        assert!(up.ends_with("'nothing' not found\n"), "{name}: {up}");
        // The same paths as `pyinquest print` takes; what is wrong with one is said.
        let paths: Vec<&str> = said.between("=paths=\n", "=list=").lines().collect();
        assert_eq!(paths[0], "global 'foo.__code__.co_name' = 'foo'", "{name}");
        assert_eq!(paths[1], format!("global 'sys.modules['sys'].maxsize' = {}", i64::MAX), "{name}");
        assert!(
            paths[2].starts_with("foo (type function, at 0x") && paths[2].ends_with(" no attribute \"nothing\""),
            "{paths:?}"
        );
        assert!(
            paths[3].starts_with("a (type int, at 0x") && paths[3].contains("): [0] cannot be looked up"),
            "{paths:?}"
        );
        assert!(paths[4].starts_with("'foo..x' is not a path: a name is expected at column 5;"), "{paths:?}");
        assert!(paths[5].starts_with("'foo.__name__': "), "{paths:?}");
        assert!(paths[6].starts_with("usage: py-refcount NAME"), "{paths:?}");
        assert!(paths[7] == format!("{file} ends before line 9000") && paths.len() == 8, "{paths:?}");
        let list = said.between("=list=\n", "=locals=");
        assert!(list.contains("   4    def bar(a, b, c):\n  >5        baz(a, b, c)\n   6    \n"), "{name}: {list}");
        let locals = said.between("=locals=\n", "=ends=");
        assert!(locals.starts_with("Locals for bar\na = 1\nb = 2\nc = 3\n"), "{name}: {locals}");
        let ends = said.between("=ends=\n", "=functions=");
        assert!(ends.contains("\nUnable to find an older python frame\n"), "{name}: {ends}");
        assert!(ends.ends_with("Unable to find a newer python frame\n"), "{name}: {ends}");
        let functions = said.between("=functions=\n", "=end=");
        assert!(
            functions.contains("= \"<function foo at 0x") && functions.contains("= \"function\""),
            "{name}: {functions}"
        );
    }
}

/// gdb tells of memory that is written.
#[test]
fn written_memory_is_read_again() {
    let Some(interpreter) = debuggable().into_iter().find(|i| !i.free_threaded) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sample.py").display().to_string();
    std::fs::write(&file, "x = 1.25\nid(x)\n").unwrap();
    // `ob_fval` lies after reference count and type.
    let write = "set {double}((long)$py_local(\"x\") + 16) = 2.5";
    let commands = ["break builtin_id", "run", "py-print x", "py-print x", write, "py-print x"];
    let said = match gdb(&commands, &["--args", &interpreter.exe, &file]) {
        Ok(said) => said,
        Err(reason) => skip!("{reason}"),
    };
    let values: Vec<&str> = said.text.lines().filter(|l| l.starts_with("global 'x' = ")).collect();
    let expected = ["global 'x' = 1.25", "global 'x' = 1.25", "global 'x' = 2.5"];
    assert_eq!(values, expected, "{}:\n{}", interpreter.name, said.text);
    // What is known is not asked for again as long as nothing has changed.
    let bytes: Vec<u64> = said.costs.iter().filter(|c| c.0 == "print").map(|c| c.2).collect();
    assert!(bytes[1] < 1000 && bytes[2] > 4096, "{bytes:?}");
}

/// `py-up` moves gdb's own selection: `frame` and `info locals` follow.
#[test]
fn the_native_frame_follows_the_python_frame() {
    let sample = Sample::new();
    for interpreter in debuggable() {
        let commands = ["break builtin_id", "run", "echo =frame=\\n", "py-frame 3", "frame", "echo =end=\\n"];
        let said = match gdb(&commands, &["--args", &interpreter.exe, &sample.path()]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        let text = said.between("=frame=\n", "=end=");
        let level = text.strip_prefix('#').and_then(|t| t.split(' ').next()).unwrap();
        let native = text.lines().find(|l| l.contains("_PyEval_EvalFrameDefault"));
        let native = native.unwrap_or_else(|| panic!("{}: {text}", interpreter.name));
        assert!(native.starts_with(&format!("#{level} ")), "{}: {text}", interpreter.name);
    }
}

#[test]
fn what_a_stop_costs_is_bounded_and_nothing_is_read_twice() {
    let sample = Sample::new();
    for interpreter in debuggable() {
        let commands = ["break builtin_id", "run", "py-bt", "py-bt", "stepi", "py-bt"];
        let said = match gdb(&commands, &["--args", &interpreter.exe, &sample.path()]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        let bytes: Vec<u64> = said.costs.iter().filter(|c| c.0 == "bt").map(|c| c.2).collect();
        // First: finding CPython too. Then: nothing. After a step: the pages of the thread's frames again.
        assert!(bytes[0] < 200_000, "{}: {bytes:?}", interpreter.name);
        assert!(bytes[1] < 20_000, "{}: {bytes:?}", interpreter.name);
        assert!(bytes[2] < 200_000, "{}: {bytes:?}", interpreter.name);
    }
}

#[test]
fn a_remote_process_and_an_attached_one() {
    let sample = Sample::new();
    for interpreter in debuggable() {
        let server = match Server::start(&["gdbserver", "--once", "{address}", &interpreter.exe, &sample.path()]) {
            Ok(server) => server,
            Err(reason) => skip!("{reason}"),
        };
        let connect = format!("target remote {}", server.address);
        let commands = ["break builtin_id", &connect, "continue", "py-bt", "py-status"];
        let said = match gdb(&commands, &[&interpreter.exe]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        assert_eq!(file_lines(&said.text).len(), 4, "{}:\n{}", interpreter.name, said.text);
        assert!(said.text.contains("process: remote process"), "{}", said.text);

        let alive = match block(interpreter, "threads.py", &[]) {
            Ok(alive) => alive,
            Err(reason) => skip!("{reason}"),
        };
        let pid = alive.pid.to_string();
        let said = match gdb(
            &[
                "echo =one=\\n",
                "py-bt",
                "echo =threads=\\n",
                "py-threads",
                "echo =all=\\n",
                "py-bt --all",
                "echo =end=\\n",
            ],
            &["-p", &pid],
        ) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        let truth = alive.truth["threads"].as_array().unwrap();
        let main = truth.iter().find(|t| t["crashed"] == true).unwrap();
        assert_eq!(file_lines(said.between("=one=", "=threads=")), traceback(&main["frames"]), "{}", interpreter.name);
        let threads = said.between("=threads=\n", "=all=");
        assert_eq!(threads.lines().count(), truth.len(), "{}: {threads}", interpreter.name);
        assert!(
            threads.contains(" 'sleeper'") && threads.contains(" 'ünïcode näme'"),
            "{}: {threads}",
            interpreter.name
        );
        let all: usize = truth.iter().map(|t| t["frames"].as_array().unwrap().len()).sum();
        assert_eq!(file_lines(said.between("=all=", "=end=")).len(), all, "{}:\n{}", interpreter.name, said.text);
    }
}

#[test]
fn selecting_a_thread_selects_it_for_python() {
    for interpreter in one_per_minor() {
        let dead = match crash(interpreter, "threads.py", &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let sysroot = format!("set sysroot {}", interpreter.sysroot.display());
        let executable = interpreter.sysroot.join(interpreter.exe.trim_start_matches('/')).display().to_string();
        let load = format!("core-file {}", dead.core.display());
        let said = match gdb(&[&sysroot, &load, "thread apply all py-bt"], &[&executable]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        let mut told = file_lines(&said.text);
        let truth = dead.truth["threads"].as_array().unwrap();
        let mut expected: Vec<String> = truth.iter().flat_map(|t| traceback(&t["frames"])).collect();
        told.sort();
        expected.sort();
        assert_eq!(told, expected, "{}", interpreter.name);
    }
}

#[test]
fn a_process_that_is_not_python_and_none_at_all() {
    let said = match gdb(&["py-bt", "break write", "run", "py-bt", "py-up", "py-locals", "py-threads"], &["/bin/echo"])
    {
        Ok(said) => said,
        Err(reason) => skip!("{reason}"),
    };
    assert!(said.text.contains("Unable to locate python frame: there is no process"), "{}", said.text);
    assert!(said.text.contains("Unable to locate python frame: no CPython was found in this process"), "{}", said.text);
}

/// Neither a missing engine nor one that dies or babbles takes gdb down; each says so in a line.
#[test]
fn an_engine_that_fails_is_a_line() {
    let lines = [
        (
            "/nowhere/pyinquest",
            "pyinquest: PYINQUEST is set to '/nowhere/pyinquest', which is not a program that runs\n",
        ),
        ("false", "pyinquest: the engine ended with code 1; it will be started anew (please report this)\n"),
    ];
    for (engine, line) in lines {
        let said = match gdb_with(&["py-bt", "echo still here\\n"], &[], &[("PYINQUEST", engine)]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        assert!(said.text.contains(&format!("{line}still here\n")), "{engine}: {}", said.text);
    }
    let empty = tempfile::tempdir().unwrap();
    let home = empty.path().display().to_string();
    let said = gdb_with(&["py-bt"], &[], &[("HOME", &home)]).unwrap();
    // A machine may have pyinquest installed.
    let told = said.text.contains("was not found; build it") || said.text.contains("there is no process");
    assert!(told, "{}", said.text);
}

#[test]
fn python_frames_go_into_bt_when_switched_on() {
    let sample = Sample::new();
    for interpreter in debuggable() {
        let commands = ["break builtin_id", "run", "bt", "echo =on=\\n", "py-frames on", "bt", "echo =end=\\n"];
        let said = match gdb(&commands, &["--args", &interpreter.exe, &sample.path()]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        let on = said.between("=on=", "=end=");
        // The numbers stay with the native frames.
        for function in ["baz", "bar", "foo", "<module>"] {
            assert!(on.contains(&format!("\n    [Python] {function} ")), "{}: {on}", interpreter.name);
        }
        assert!(!said.between("Breakpoint", "=on=").contains("[Python]"), "{}", interpreter.name);
    }
}

/// Conditions of breakpoints see values of their own moment, although gdb tells of no stop.
#[test]
fn functions_work_in_conditions() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("loop.py").display().to_string();
    let program = "def f(n, name, items):\n    id(n)\n\nfor n in range(9):\n    f(n, 'name%d' % n, list(range(n)))\n";
    std::fs::write(&file, program).unwrap();
    let commands = [
        "break builtin_id if $py_int(\"n\") == 2",
        "run",
        "echo =int=\\n",
        "py-print n",
        "delete",
        "break builtin_id if $py_eq(\"name\", \"name4\")",
        "continue",
        "echo =eq=\\n",
        "py-print name",
        "delete",
        "break builtin_id if $py_len($py_local(\"items\")) == 6 && $py_eq($py_local(\"n\"), 6)",
        "continue",
        "echo =len=\\n",
        "py-print n",
        "print $py_int(\"name\")",
        "print $py_int($py_local(\"n\"))",
        "delete",
        "python Stop = type('Stop', (gdb.Breakpoint,), {'stop': lambda self: 'name7' in _run('print', 'name').text})",
        "python Stop('builtin_id')",
        "continue",
        "echo =stop=\\n",
        "py-print n",
        "echo =end=\\n",
    ];
    for interpreter in debuggable() {
        let said = match gdb(&commands, &["--args", &interpreter.exe, &file]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        let who = format!("{}:\n{}", interpreter.name, said.text);
        assert!(said.between("=int=", "=eq=").contains("local 'n' = 2\n"), "{who}");
        assert!(said.between("=eq=", "=len=").contains("local 'name' = 'name4'\n"), "{who}");
        let len = said.between("=len=", "=stop=");
        assert!(len.contains("local 'n' = 6\n") && len.contains(" = 6\n"), "{who}");
        assert!(said.text.contains("$py_int: an int of 64 bits is expected, not str"), "{who}");
        assert!(said.between("=stop=", "=end=").contains("local 'n' = 7\n"), "{who}");
    }
}

/// Each line of gdb's list of mappings is understood, with its rights.
#[test]
fn mappings_of_a_live_process_have_their_rights() {
    let Some(interpreter) = debuggable().pop() else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let count = "python lines = [l for l in gdb.execute('info proc mappings', to_string=True).split('\\n') if ' 0x' in l]; \
                 m = HOST.modules()['mappings']; print('mappings', len(lines), len(m), sum(1 for x in m if x['flags']), \
                 any(x['flags'][:3] == 'r-x' for x in m), any(x['path'].startswith('/') for x in m))";
    let said = match gdb(&["break builtin_id", "run", count], &["--args", &interpreter.exe, "-c", "id(1)"]) {
        Ok(said) => said,
        Err(reason) => skip!("{reason}"),
    };
    let line = said.text.lines().find_map(|l| l.strip_prefix("mappings ")).unwrap_or_else(|| panic!("{}", said.text));
    let words: Vec<&str> = line.split(' ').collect();
    assert!(words[0].parse::<u32>().unwrap() > 10 && words[0] == words[1], "{line}\n{}", said.text);
    // Before gdb 12 no rights are listed.
    let version = said.text.contains("Perms") || words[2] != "0";
    assert!(!version || words[2..] == [words[0], "True", "True"], "{line}");
}

/// The files of one process are not taken for those of the next, which has others at the same addresses.
#[test]
fn another_program_has_other_files() {
    let all = debuggable();
    let (Some(one), Some(other)) = (all.first(), all.last()) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sample.py").display().to_string();
    std::fs::write(&file, "def f():\n    id(1)\nf()\n").unwrap();
    let (first, second) = (format!("file {}", one.exe), format!("file {}", other.exe));
    let arguments = format!("set args {file}");
    let commands = [
        &first,
        &arguments,
        "break builtin_id",
        "run",
        "py-bt",
        "kill",
        &second,
        &arguments,
        "run",
        "echo =second=\\n",
        "py-bt",
        "py-status",
        "echo =end=\\n",
    ];
    let said = match gdb(&commands, &[]) {
        Ok(said) => said,
        Err(reason) => skip!("{reason}"),
    };
    let again = said.between("=second=", "=end=");
    assert_eq!(file_lines(again).len(), 2, "{}", said.text);
    assert!(again.contains(&format!("CPython 3.{}.", other.minor)) && !again.contains("mismatch"), "{}", said.text);
}

/// A process that runs another program has other files from then on.
#[test]
fn a_process_that_execs_has_other_files() {
    let all = debuggable();
    let (Some(one), Some(other)) = (all.first(), all.last()) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("execs.py").display().to_string();
    let program = format!(
        "import os, sys\n\ndef f():\n    id(1)\nf()\nif len(sys.argv) == 1:\n    os.execv({:?}, ['python', __file__, 'again'])\n",
        other.exe
    );
    std::fs::write(&file, program).unwrap();
    let commands = [
        "break builtin_id",
        "run",
        "echo =first=\\n",
        "py-bt",
        "py-status",
        "continue",
        "echo =second=\\n",
        "py-print sys.argv",
        "py-bt",
        "py-status",
        "echo =end=\\n",
    ];
    let said = match gdb(&commands, &["--args", &one.exe, &file]) {
        Ok(said) => said,
        Err(reason) => skip!("{reason}"),
    };
    for (part, who) in [(said.between("=first=", "=second="), one), (said.between("=second=", "=end="), other)] {
        assert_eq!(file_lines(part).len(), 2, "{}", said.text);
        assert!(part.contains(&format!("CPython 3.{}.", who.minor)) && !part.contains("mismatch"), "{}", said.text);
    }
    assert!(said.between("=second=", "=end=").contains("'again'"), "{}", said.text);
}

/// A breakpoint that only prints (`dprintf`) computes with the values of each stop, and what `printf` prints of a text is the text.
#[test]
fn functions_work_in_what_is_printed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("loop.py").display().to_string();
    let program = "def f(n, name):\n    id(n)\n\nfor n in range(3):\n    f(n, 'name%d' % n)\n";
    std::fs::write(&file, program).unwrap();
    let commands = [
        "dprintf builtin_id,\"told %d %d\\n\", $py_int(\"n\"), $py_len(\"name\")",
        "run",
        "delete",
        "break builtin_id",
        "run",
        "echo =text=\\n",
        "printf \"<%s>\\n\", $py_repr($py_local(\"name\"))",
        "echo =end=\\n",
    ];
    for interpreter in debuggable() {
        let said = match gdb(&commands, &["--args", &interpreter.exe, &file]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        let told: Vec<&str> = said.text.lines().filter(|line| line.starts_with("told ")).collect();
        assert_eq!(told, ["told 0 5", "told 1 5", "told 2 5"], "{}:\n{}", interpreter.name, said.text);
        assert!(said.between("=text=", "=end=").contains("<'name0'>\n"), "{}:\n{}", interpreter.name, said.text);
    }
}

/// What gdb shows of C by itself: arguments, the value that `finish` tells of, fields.
#[test]
fn arguments_and_returned_values_are_python_s() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shown.py").display().to_string();
    let program = "class P:\n    def __init__(self): self.x = 1\n    def __repr__(self): return 'P!'\n\nascii([7, {'k': P()}, \"it's\"])\n\
                   def key(p): return id(p)\nsorted([P()], key=key)\n";
    std::fs::write(&file, program).unwrap();
    let commands = [
        "set breakpoint pending on",
        "break builtin_ascii",
        "run",
        "info args",
        "echo =finish=\\n",
        "finish",
        "print $.ob_type",
        "break builtin_id",
        "continue",
        "echo =locals=\\n",
        "frame apply all -q info locals",
    ];
    let described: Vec<_> = debuggable().into_iter().filter(|i| i.is_ordinary() && i.has_dwarf).collect();
    if described.is_empty() {
        skip!("no interpreter with debug information: run tests/interpreters/fetch.py");
    }
    for interpreter in described {
        let said = match gdb(&commands, &["--args", &interpreter.exe, &file]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        let who = format!("{}:\n{}", interpreter.name, said.text);
        let args = said.text.split("=finish=").next().unwrap();
        assert!(args.contains("obj = [7, {'k': <P(x=1) at remote 0x"), "{who}");
        // The str that `ascii` has made: Python's own repr is in it, and its quotes are escaped.
        let returned = r#"Value returned is $1 = '[7, {\'k\': P!}, "it\'s"]'"#;
        assert!(said.text.contains(returned), "{who}");
        assert!(said.text.contains("$2 = <class 'str'>"), "{who}");
        // Variables of C functions further out, `list.sort` here.
        let mut parts = said.text.split("=locals=").nth(1).unwrap().split("pyinquest-cost ");
        let first = parts.next().unwrap().to_owned();
        // What the engine was asked for is written between a name and its value.
        let locals = parts.fold(first, |all, part| all + part.split_once('\n').map_or("", |(_, rest)| rest));
        assert!(locals.contains("\nkeyfunc = <function key at 0x"), "{who}");
    }
}

/// The sources of a process in another root directory are those below it.
#[test]
fn sources_of_a_process_in_another_root() {
    let mut tried = 0;
    for interpreter in interpreters().iter().filter(|i| i.is_ordinary() && i.root.is_some() && i.is_native()) {
        let alive = match block(interpreter, "basic.py", &[]) {
            Ok(alive) => alive,
            Err(reason) => skip!("{reason}"),
        };
        let line = "deepest(product, [self.name, greeting], key={\"loud\": loud, **options})";
        let pid = alive.pid.to_string();
        let seen =
            std::process::Command::new(env!("CARGO_BIN_EXE_pyinquest")).args(["bt", "--pid", &pid]).output().unwrap();
        let seen = String::from_utf8_lossy(&seen.stdout).into_owned();
        assert!(seen.contains(line), "{}:\n{seen}", interpreter.name);
        let said = match gdb(&["py-bt"], &["-p", &pid]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        assert!(said.text.contains(line), "{}:\n{}", interpreter.name, said.text);
        tried += 1;
    }
    if tried == 0 {
        skip!("no interpreter in a root of its own");
    }
}

/// A thread state that has no thread yet is one of a thread that is being started.
#[test]
fn a_thread_that_is_being_started_is_named_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("starts.py").display().to_string();
    std::fs::write(&file, "import _thread, time\n_thread.start_new_thread(time.sleep, (60,))\n").unwrap();
    // The second from 3.13 on.
    let starts = ["break PyThread_start_new_thread", "break PyThread_start_joinable_thread"];
    let commands = [&starts[..], &["run", "echo =threads=\\n", "py-threads", "echo =end=\\n"]].concat();
    let mut wrong: Vec<String> = Vec::new();
    for interpreter in debuggable() {
        let said = match gdb(&commands, &["--args", &interpreter.exe, &file]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        let threads = said.between("=threads=", "=end=");
        if threads.matches("(being started)").count() != 1
            || threads.lines().filter(|l| l.starts_with('*')).count() != 1
        {
            wrong.push(format!("{}: {threads}", interpreter.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Names and attributes complete; help, usage and numbers are those of the engine's table.
#[test]
fn completion_help_and_the_number_of_frames() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("deep.py").display().to_string();
    let program = "import types\n\ndef down(n, greeter):\n    if n: down(n - 1, greeter)\n    else:\n        \
                   try:\n            raise KeyError('inner')\n        except KeyError as e:\n            \
                   try:\n                raise ValueError('outer') from e\n            except ValueError:\n                \
                   id(n)\n\ndown(30, types.SimpleNamespace(greeting='hi', other=1))\n";
    std::fs::write(&file, program).unwrap();
    let commands = [
        "break builtin_id",
        "run",
        "echo =names=\\n",
        "complete py-print gree",
        "complete py-print greeter.g",
        "complete py-bt --",
        "echo =bt=\\n",
        "py-bt",
        "echo =two=\\n",
        "py-bt 2",
        "echo =last=\\n",
        "py-bt -1",
        "echo =exc=\\n",
        "py-exc",
        "echo =help=\\n",
        "help py-bt",
        "echo =end=\\n",
    ];
    let Some(interpreter) = debuggable().into_iter().find(|i| i.is_ordinary() && i.minor >= 11) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let said = match gdb(&commands, &["--args", &interpreter.exe, &file]) {
        Ok(said) => said,
        Err(reason) => skip!("{reason}"),
    };
    let who = &said.text;
    let names = said.between("=names=", "=bt=");
    assert_eq!(names.trim(), "py-print greeter\npy-print greeter.greeting\npy-bt --all\npy-bt --native", "{who}");
    let bt = said.between("=bt=", "=two=");
    assert!(bt.contains("\n  [Previous line repeated 27 more times]\n"), "{who}");
    assert_eq!(file_lines(bt).len(), 5, "{who}");
    let two = said.between("=two=", "=last=");
    assert!(file_lines(two).len() == 2 && two.contains("  (30 older frames are left out)\n"), "{who}");
    let last = said.between("=last=", "=exc=");
    assert!(file_lines(last).len() == 1 && last.contains("in <module>"), "{who}");
    let exc = said.between("=exc=", "=help=");
    let place = |line: u32| format!("    in down at {file}:{line}\n");
    let chain = format!("{}  caused by: KeyError: 'inner'\n{}", place(10), place(7));
    assert!(exc.contains("handling: ValueError('outer',)\n") && exc.contains(&chain), "{who}");
    assert!(said.between("=help=", "=end=").contains("py-bt [full] [--all] [--native] [N]\n"), "{who}");
}
