//! `pyinquest shell`: commands by `--eval`, by files and at a prompt, compared with what Python said of itself.

#![cfg(feature = "shell")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod harness;

use common::{block, one_per_minor, skip};
use harness::{Fixture, fixture};
use pyinquest::commands::dump_commands;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pyinquest");

/// A shell without any file of the process.
fn shell(dump: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .arg("shell")
        .arg(dump)
        .arg("--no-files")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What commands say, each as one document.
fn answers(dump: &Path, commands: &[&str]) -> Vec<Value> {
    let arguments: Vec<&str> = commands.iter().flat_map(|command| ["-e", command]).chain(["--json"]).collect();
    let output = shell(dump, &arguments);
    let lines: Vec<Value> = text(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), commands.len(), "{}", String::from_utf8_lossy(&output.stderr));
    lines
}

/// A JSON document in which no object has a name twice: of these readers keep one, and which one is their affair.
struct Once;

impl<'de> serde::Deserialize<'de> for Once {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OnceVisitor)
    }
}

struct OnceVisitor;

macro_rules! plain {
    ($($name:ident: $kind:ty),*) => {
        $(fn $name<E>(self, _: $kind) -> Result<Once, E> {
            Ok(Once)
        })*
    };
}

impl<'de> serde::de::Visitor<'de> for OnceVisitor {
    type Value = Once;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("JSON")
    }

    plain!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Once, A::Error> {
        while list.next_element::<Once>()?.is_some() {}
        Ok(Once)
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut object: A) -> Result<Once, A::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, _)) = object.next_entry::<String, Once>()? {
            if !names.insert(name.clone()) {
                return Err(serde::de::Error::custom(format!("{name} is there twice")));
            }
        }
        Ok(Once)
    }
}

/// That all that a command said is JSON, with each name once in an object.
fn names_once(text: &str) -> Result<(), serde_json::Error> {
    match text.is_empty() {
        true => Ok(()),
        false => serde_json::from_str::<Once>(text).map(|_| ()),
    }
}

#[test]
fn a_name_that_is_there_twice_is_found() {
    assert!(names_once("[{\"a\": {\"b\": 1, \"c\": null}}]").is_ok());
    assert!(names_once("[{\"a\": {\"b\": 1, \"b\": true}}]").is_err());
}

/// A dump as a file, for what takes no compressed one.
fn unpacked(fixture: &Fixture, directory: &Path) -> PathBuf {
    let path = directory.join(&fixture.name);
    std::fs::write(&path, fixture.bytes()).unwrap();
    path
}

/// Function and line of frames.
fn places(frames: &Value) -> Vec<(String, u64)> {
    let one = |frame: &Value| (frame["function"].as_str().unwrap().to_owned(), frame["line"].as_u64().unwrap());
    frames.as_array().unwrap().iter().map(one).collect()
}

#[test]
fn threads_and_frames_are_those_that_python_had() {
    for name in ["3.8-threads", "3.12-threads", "3.13t-threads", "3.15-threads", "3.12-windows-threads"] {
        let fixture = fixture(name);
        let said = answers(&fixture.path, &["thread apply all bt", "threads", "bt --all"]);
        let truth = fixture.truth();
        let wanted: BTreeSet<_> = truth["threads"]
            .as_array()
            .unwrap()
            .iter()
            .map(|thread| (thread["name"].as_str().map(str::to_owned), places(&thread["frames"])))
            .collect();
        let each = said[0]["answer"]["threads"].as_array().unwrap();
        let by_apply: BTreeSet<_> = each
            .iter()
            .map(|thread| {
                let stack = &thread["answer"]["threads"][0];
                (thread["name"].as_str().map(str::to_owned), places(&stack["entries"]))
            })
            .collect();
        assert_eq!(by_apply, wanted, "{name}");
        let names: BTreeSet<_> = said[1]["answer"]["threads"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| t["name"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(names, wanted.iter().map(|(name, _)| name.clone()).collect(), "{name}");
        let all = said[2]["answer"]["threads"].as_array().unwrap().iter();
        let all: BTreeSet<_> =
            all.map(|thread| (thread["name"].as_str().map(str::to_owned), places(&thread["entries"]))).collect();
        assert_eq!(all, wanted, "{name}");
    }
}

#[test]
fn frames_are_selected_and_their_variables_are_python_s() {
    for name in ["3.9-basic", "3.12-basic", "3.14-basic", "3.14-windows-basic"] {
        let fixture = fixture(name);
        let truth = fixture.truth();
        let crashed = truth["threads"].as_array().unwrap().iter().find(|t| t["crashed"] == true).unwrap();
        let frames = crashed["frames"].as_array().unwrap();
        let outer = frames.len() - 1;
        let function = frames[1]["function"].as_str().unwrap();
        let by_name = format!("frame {function}");
        let said = answers(
            &fixture.path,
            &["locals", "up", "locals", "down", "print word", "print items[1]", "locals 1", &by_name, "up 99", "up"],
        );
        let check = |answer: &Value, frame: &Value| {
            let locals = answer["frames"][0]["locals"].as_array().unwrap();
            let value = |name: &str| locals.iter().find(|l| l["name"] == *name).map(|l| &l["value"]["repr"]);
            for (variable, about) in frame["locals"].as_object().unwrap() {
                if about["type"] != "set" && !about["repr"].as_str().unwrap().contains(" at 0x") {
                    assert_eq!(value(variable), Some(&about["repr"]), "{name}: {variable}");
                }
            }
        };
        check(&said[0]["answer"], &frames[0]);
        assert_eq!(said[1]["answer"]["function"], frames[1]["function"], "{name}");
        check(&said[2]["answer"], &frames[1]);
        assert_eq!(said[3]["answer"]["function"], frames[0]["function"], "{name}");
        assert_eq!(said[4]["answer"]["repr"], frames[0]["locals"]["word"]["repr"], "{name}");
        assert_eq!((&said[5]["answer"]["repr"], &said[5]["answer"]["scope"]), (&"'hello'".into(), &"local".into()));
        check(&said[6]["answer"], &frames[1]);
        assert_eq!((&said[7]["answer"]["function"], &said[7]["answer"]["number"]), (&function.into(), &1.into()));
        assert_eq!(said[8]["answer"]["number"].as_u64(), Some(outer as u64), "{name}");
        assert_eq!(said[9]["error"], "Unable to find an older python frame", "{name}");
    }
}

/// Text and JSON of the command line are those of the shell: they are the same entries.
#[test]
fn the_command_line_says_the_same() {
    let dump = fixture("3.12-basic").path;
    let alone = |arguments: &[&str]| {
        let output = Command::new(PROGRAM).args(arguments).arg("--no-files").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let core = dump.to_str().unwrap();
    for (arguments, command) in [
        (&["print", core, "items"][..], "print items"),
        (&["object", core, "items"], "object items"),
        (&["info", core], "info"),
        (&["report", core, "--locals", "--full"], "report --locals"),
    ] {
        let ours = alone(arguments);
        assert!(ours.len() > 5, "{command}");
        assert_eq!(text(&shell(&dump, &["-e", command])), ours, "{command}");
    }
    // Frames are shown as in `bt`, whose heading tells more of the thread, as do lines below the frames.
    let frames = |text: &str| text.lines().filter(|l| l.contains(" #")).map(str::to_owned).collect::<Vec<_>>();
    let stack = text(&shell(&dump, &["-e", "bt"]));
    assert!(frames(&stack).len() > 4, "{stack}");
    assert_eq!(frames(&stack), frames(&alone(&["bt", core])));
    // Native frames have no number, so that the others have those of `frame`.
    let native = text(&shell(&dump, &["-e", "bt --native"]));
    assert_eq!(frames(&native).len(), frames(&stack).len(), "{native}");
    assert!(native.lines().any(|line| line.trim_start().starts_with("C    ")), "{native}");
    let tree: Value = serde_json::from_str(&alone(&["print", core, "items", "--json"])).unwrap();
    assert_eq!(answers(&dump, &["print items --json"])[0]["answer"]["repr"], tree["repr"]);
}

/// The same of the heap, which only a whole core has.
#[test]
fn the_heap_is_the_command_lines() {
    let Some(interpreter) = one_per_minor().into_iter().rfind(|i| i.is_native() && i.root.is_none()) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let dead = match common::crash(interpreter, "basic.py", &[], &[]) {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let core = dead.core.to_str().unwrap();
    for (arguments, command) in [
        (&["heap", core, "--limit", "5"][..], "heap --limit 5"),
        (&["heap", "objects", core, "--type", "dict", "--limit", "3"], "objects --type dict --limit 3"),
        (&["heap", "strings", core, "--duplicates", "--limit", "3"], "strings --duplicates --limit 3"),
        (&["heap", "refs", core, "items", "--out"], "refs --out items"),
        (&["heap", "why", core, "items"], "why items"),
        (&["heap", "top", core, "--limit", "3"], "top --limit 3"),
    ] {
        let output = Command::new(PROGRAM).args(arguments).output().unwrap();
        let ours = text(&output);
        assert!(ours.lines().count() > 2, "{command}: {output:?}");
        let shell = Command::new(PROGRAM).args(["shell", core, "-e", command]).stdin(Stdio::null()).output().unwrap();
        assert_eq!(text(&shell), ours, "{command}");
    }
}

#[test]
fn every_command_is_carried_out_and_has_help() {
    let dump = fixture("3.12-basic").path;
    let list = text(&shell(&dump, &["-e", "help"]));
    for command in dump_commands() {
        assert!(
            list.contains(&format!("\n{:<10} ", command.name)) || list.starts_with(command.name),
            "{}",
            command.name
        );
        let help = text(&shell(&dump, &["-e", &format!("help {}", command.name)]));
        assert!(help.contains(&format!("Example: {}", command.example)) && !help.contains("py-"), "{help}");
        let arguments = match command.name {
            "print" | "object" | "refcount" | "refs" | "why" | "what" => " items",
            "thread" => " apply all bt 1",
            _ => "",
        };
        let output = shell(&dump, &["-e", &format!("{}{arguments}", command.name)]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        // There is nothing further in than the innermost frame, and no file to list.
        let expected = match command.name {
            "down" => "Unable to find a newer python frame",
            "list" => "Unable to open",
            // A committed dump has what a report reads.
            "heap" | "objects" | "strings" | "refs" | "why" | "top" | "audit" | "check" => "the dump holds no objects",
            _ => "",
        };
        let json = shell(&dump, &["-e", &format!("{}{arguments} --json", command.name)]);
        names_once(&text(&json)).unwrap_or_else(|error| panic!("{}: {error}", command.name));
        assert_eq!(output.status.success(), expected.is_empty(), "{}: {stderr}", command.name);
        assert!(stderr.contains(expected), "{}: {stderr}", command.name);
        assert_eq!(output.stdout.is_empty(), !expected.is_empty(), "{}", command.name);
    }
}

#[test]
fn words_of_gdb_are_understood() {
    let dump = fixture("3.12-threads").path;
    let same = |one: &str, other: &str| {
        let (one, other) = (text(&shell(&dump, &["-e", one])), text(&shell(&dump, &["-e", other])));
        assert!(!one.is_empty());
        assert_eq!(one, other);
    };
    for (theirs, ours) in [
        ("where", "bt"),
        ("backtrace 1", "bt 1"),
        ("py-bt", "bt"),
        ("info threads", "threads"),
        ("i loc", "locals"),
        ("info sharedlibrary", "modules"),
        ("info registers", "registers"),
        ("f 0", "frame 0"),
        ("thr", "thread"),
    ] {
        if theirs != "thr" {
            same(theirs, ours);
        }
    }
    let output = shell(&dump, &["-e", "thr", "-e", "nonsense", "-e", "info nonsense", "-e", "bt x", "-e", "bt 1"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    for line in
        ["\"thr\" may be thread, threads", "there is no command \"nonsense\"", "info takes one of", "usage: bt ["]
    {
        assert!(errors.contains(line), "{line}: {errors}");
    }
    // One that fails ends nothing, and the exit code tells.
    assert!(output.status.code() == Some(2) && text(&output).contains("most recent call first"), "{output:?}");
}

#[test]
fn commands_come_from_files_and_pipes_too() {
    let dump = fixture("3.12-basic").path;
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("commands");
    std::fs::write(&script, "# the innermost frame\nprint word\nup\nprint nothing_of_the_kind\nprint word\n").unwrap();
    let output = shell(&dump, &["-x", script.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).starts_with("'héllo'\n") && text(&output).lines().count() < 5, "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("print nothing_of_the_kind: 'nothing_of_the_kind' is no local"),
        "{output:?}"
    );
    // A file that reads itself comes to an end.
    std::fs::write(&script, format!("source {}\n", script.display())).unwrap();
    let output = shell(&dump, &["-x", script.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("over and over"), "{output:?}");
    let mut child = Command::new(PROGRAM)
        .args(["shell", "--no-files"])
        .arg(&dump)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"print word\nquit\nprint items\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((text(&output).as_str(), output.status.code()), ("'héllo'\n", Some(0)));
}

#[test]
fn the_report_is_exported_by_the_ending_of_the_file() {
    let dump = fixture("3.12-basic").path;
    let directory = tempfile::tempdir().unwrap();
    for (ending, begins) in [("txt", "SIG"), ("json", "{"), ("md", "#"), ("html", "<!doctype html>")] {
        let path = directory.path().join(format!("report.{ending}"));
        let output = shell(&dump, &["-e", &format!("export {}", path.display())]);
        assert!(output.status.success(), "{output:?}");
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(written.to_lowercase().starts_with(&begins.to_lowercase()) && written.contains("deepest"), "{written}");
    }
    assert_eq!(shell(&dump, &["-e", "export report.pdf"]).status.code(), Some(2));
}

/// At a terminal: the prompt, completion by tab, lines from before, the pager.
#[test]
fn a_prompt_completes_and_remembers() {
    let Ok(version) = Command::new("script").arg("--version").output() else {
        skip!("no `script` for a terminal: install util-linux");
    };
    assert!(version.status.success());
    let directory = tempfile::tempdir().unwrap();
    let dump = unpacked(&fixture("3.12-basic"), directory.path());
    let session = |keys: &[&str]| {
        let command = format!("stty rows 20 cols 100; {PROGRAM} shell {} --no-files", dump.display());
        let mut child = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .env("XDG_STATE_HOME", directory.path())
            .env("TERM", "xterm")
            .env("PAGER", "sed s/^/paged:/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        for part in keys {
            // Keys that come while the line is not read yet would be echoed by the terminal itself.
            std::thread::sleep(std::time::Duration::from_millis(700));
            input.write_all(part.as_bytes()).unwrap();
            input.flush().unwrap();
        }
        drop(input);
        String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
    };
    let said = session(&["print wo\t\r", "refc\t items\r", "report\r", "quit\r"]);
    assert!(said.contains("CPython 3.12.1") && said.contains("(pyinquest) "), "{said}");
    assert!(said.contains("\n'héllo'\r\n"), "{said}");
    assert!(said.contains("'items': ") && said.contains("paged:"), "{said}");
    // The key for the line before the last one: it is asked again in another session.
    let said = session(&["\u{1b}[A\u{1b}[A\u{1b}[A\u{1b}[A\r", "quit\r"]);
    assert!(said.contains("\n'héllo'\r\n"), "{said}");
    let history = directory.path().join("pyinquest/history");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(&history).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{}: {mode:o}", history.display());
}

/// A running process stands still while the shell is there, and runs on afterwards.
#[test]
fn a_running_process_is_held() {
    let Some(interpreter) = one_per_minor().into_iter().rfind(|i| i.is_native() && i.root.is_none()) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let process = match block(interpreter, "basic.py", &[]) {
        Ok(process) => process,
        Err(reason) => skip!("{reason}"),
    };
    let state = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap();
        status.lines().find_map(|line| line.strip_prefix("State:")).unwrap().trim().chars().next().unwrap()
    };
    let before = state();
    let mut child = Command::new(PROGRAM)
        .args(["shell", "--pid", &process.pid.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"print items[1]\n").unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert_eq!((line.as_str(), state()), ("'hello'\n", 't'), "{}", interpreter.name);
    drop(input);
    assert!(child.wait().unwrap().success());
    // It wakes for a moment when it is let go.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while state() != before && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert_eq!(state(), before, "{}", interpreter.name);
}

/// The memory of objects is what Python found in it by ctypes, and fields are where Python keeps what they are named for.
#[test]
fn words_of_objects_are_what_ctypes_reads() {
    let mut compared = 0;
    for interpreter in one_per_minor().into_iter().filter(|i| i.is_native() && i.root.is_none()) {
        let dead = match common::crash(interpreter, "words.py", &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let who = &interpreter.name;
        for (name, told) in dead.truth["extra"]["words"].as_object().unwrap() {
            let command = format!("object --words {name} --json");
            let mut asked = Command::new(PROGRAM);
            asked.arg("shell").arg(&dead.core).args(["-e", "frame main", "-e", &command]).stdin(Stdio::null());
            let output = asked.output().unwrap();
            let said = text(&output);
            let json = said.find("\n{").map(|at| &said[at..]).unwrap_or_else(|| panic!("{who}: {output:?}"));
            let answer: Value = serde_json::from_str(json).unwrap();
            let answer = answer.get("answer").unwrap_or(&answer);
            let words = answer["words"].as_array().unwrap_or_else(|| panic!("{who}: {answer}"));
            let number = |word: &Value| {
                u64::from_str_radix(word["value"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
            };
            let named = |field: &str| {
                let is = |word: &&Value| word["fields"].as_array().is_some_and(|f| f.iter().any(|f| f == field));
                words.iter().find(is).unwrap_or_else(|| panic!("{who}: no {field} in {answer}"))
            };
            // Counts of references, and bits of the collector beside them, change until the process dies.
            let moves = |word: &Value| word["fields"].to_string().contains("ob_ref");
            let own: Vec<&Value> = words.iter().filter(|word| word["offset"].as_i64().unwrap() >= 0).collect();
            let memory = told["memory"].as_array().unwrap();
            assert_eq!(own.len(), memory.len(), "{who}: {name}: {answer}");
            for (word, expected) in own.iter().zip(memory).filter(|(word, _)| !moves(word)) {
                assert_eq!(Some(number(word)), expected.as_u64(), "{who}: {name}: {word}");
            }
            for (field, expected) in told["fields"].as_object().unwrap() {
                assert_eq!(Some(number(named(field))), expected.as_u64(), "{who}: {name}.{field}");
            }
            compared += 1;
        }
        // For people, a line a word.
        let mut shown = Command::new(PROGRAM);
        shown.arg("shell").arg(&dead.core).args(["-e", "frame main", "-e", "object --words slotted"]);
        let lines = text(&shown.stdin(Stdio::null()).output().unwrap());
        assert!(lines.contains("  ob_type  -> <class '__main__.Slotted'>\n"), "{who}: {lines}");
        assert!(lines.contains("  first  -> 'one'\n") && lines.contains("  second  -> ['two']\n"), "{who}: {lines}");
    }
    assert!(compared > 0, "no interpreter ran words.py");
}
