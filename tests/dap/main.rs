//! The debug adapter as editors use it: the program is started (or connected to) and asked; what it says is compared with
//! the report on the same dump and with what Python said before it died.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../harness/mod.rs"]
mod harness;
mod helix;
mod npm;

use client::{Client, named, program};
use common::{Crash, block, one_per_minor, part_skipped, skip};
use pyinquest::engine::Options;
use pyinquest::model::{FrameKind, Report};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// Function, line of each frame, as the report has them.
fn expected(report: &Report, thread: usize) -> Vec<(String, u64)> {
    let frames = report.threads[thread].frames.iter().enumerate();
    let shown = frames.filter(|(at, f)| *at == 0 || !f.native.as_ref().is_some_and(|n| n.plumbing));
    shown
        .filter(|(_, f)| f.kind == FrameKind::Python)
        .map(|(_, f)| {
            let name = f.qualname.as_ref().or(f.function.as_ref()).map(ToString::to_string);
            let interpreter = f.interpreter.map(|id| format!(" [interpreter {id}]"));
            (name.unwrap_or_default() + &interpreter.unwrap_or_default(), u64::from(f.line.unwrap_or(0)))
        })
        .collect()
}

#[test]
fn stacks_and_variables_of_committed_dumps_are_the_report_s() {
    for fixture in harness::all() {
        let options = Options { native: true, locals: true, ..Options::default() };
        let report = harness::report_alone(&fixture.path, &options);
        let mut client = Client::start();
        let stopped = client.attach(json!({ "coreFile": fixture.path, "noFiles": true }));
        let threads = client.body("threads", json!({}))["threads"].as_array().unwrap().clone();
        assert_eq!(threads.len(), report.threads.len(), "{}", fixture.name);
        assert!(threads.iter().any(|t| t["id"] == stopped));
        let mut ids = BTreeSet::new();
        for (at, thread) in threads.iter().enumerate() {
            let frames = client.frames(thread["id"].as_i64().unwrap());
            assert!(frames.iter().all(|f| ids.insert(f["id"].as_i64().unwrap())), "{}: ids repeat", fixture.name);
            let python: Vec<&Value> = frames.iter().filter(|f| f["presentationHint"].is_null()).collect();
            let got: Vec<(String, u64)> =
                python.iter().map(|f| (f["name"].as_str().unwrap().to_owned(), f["line"].as_u64().unwrap())).collect();
            assert_eq!(got, expected(&report, at), "{}", fixture.name);
            let told = report.threads[at].frames.iter().filter(|f| f.kind == FrameKind::Python);
            for (frame, told) in python.iter().zip(told).take(20) {
                let Some(told) = &told.locals else { continue };
                let mut list = Vec::new();
                for scope in ["Arguments", "Locals"] {
                    list.extend(client.scope(frame, scope).map(|n| client.variables(n)).unwrap_or_default());
                }
                for local in told.iter().take(100) {
                    let got = named(&list, &pyinquest::base::escape_terminal(&local.name.to_string()));
                    let Some(value) = &local.value else { continue };
                    // A long one is cut earlier here.
                    if value.repr.len() < 200 && !value.repr.contains("...") && !value.repr.contains('[') {
                        let text = pyinquest::base::escape_terminal(&value.repr);
                        let shown = got["value"].as_str().unwrap().trim_end_matches(" <damaged>");
                        assert_eq!(shown, text, "{}: {}", fixture.name, local.name);
                    }
                }
            }
        }
        client.end();
    }
}

/// What the program says of itself in `editor.py`, compared with what the editor gets.
fn check(client: &mut Client, thread: i64, truth: &Value, name: &str) {
    let frames = client.frames(thread);
    let frame =
        |wanted: &str| frames.iter().find(|f| f["name"] == wanted).unwrap_or_else(|| panic!("{name}: {frames:?}"));
    // Places: the file is here, the column counts UTF-16.
    let outer = frame("outer");
    assert_eq!((&outer["line"], &outer["source"]["name"]), (&truth["line"], &json!("editor.py")), "{name}");
    let file = outer["source"]["path"].as_str().unwrap_or_else(|| panic!("{name}: no file in {outer}"));
    assert!(std::path::Path::new(file).is_file() && file.ends_with(truth["file"].as_str().unwrap()), "{name}: {file}");
    if truth["columns"] == true {
        assert_eq!((&outer["column"], &outer["endColumn"]), (&truth["column"], &truth["end_column"]), "{name}");
    }
    // Text that is in no file comes from the process.
    let kept = &frame("kept")["source"];
    let number = kept["sourceReference"].as_i64().unwrap_or_else(|| panic!("{name}: {kept}"));
    let text = client.body("source", json!({ "source": kept, "sourceReference": number }));
    assert_eq!(text["content"], truth["kept"], "{name}");

    let inner = frame("inner");
    let arguments = client.scope(inner, "Arguments").unwrap();
    let arguments = client.variables(arguments);
    assert_eq!(arguments.iter().map(|v| v["name"].as_str().unwrap()).collect::<Vec<_>>(), ["number", "point"]);
    let point = named(&arguments, "point");
    assert!(point["type"].as_str().unwrap().ends_with("Point"), "{name}: {point}");
    for part in client.variables(point["variablesReference"].as_i64().unwrap()) {
        assert_eq!(part["value"], truth["point"][part["name"].as_str().unwrap()], "{name}");
    }
    let locals = client.scope(inner, "Locals").unwrap();
    let locals = client.variables(locals);
    let got: BTreeSet<&str> = locals.iter().map(|v| v["name"].as_str().unwrap()).collect();
    let want: BTreeSet<&str> = truth["locals"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
    assert_eq!(got, want, "{name}");
    assert_eq!(named(&locals, "unbound")["value"], "<unbound>");

    // Large containers by pages; an end beyond the end is no error.
    let big = named(&locals, "big");
    assert_eq!(big["indexedVariables"], truth["big"][0], "{name}");
    let number = big["variablesReference"].clone();
    let page = json!({ "variablesReference": number, "filter": "indexed", "start": 999_900, "count": 100 });
    let page = client.part(page);
    let values: Vec<i64> = page.iter().map(|v| v["value"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(json!(values), truth["big"][1], "{name}");
    assert_eq!(page[0]["evaluateName"], "big[999900]");
    let beyond = json!({ "variablesReference": number, "filter": "indexed", "start": 1_000_000, "count": 100 });
    assert!(client.part(beyond).is_empty());
    // Without a number of items there are so many and a word about the rest.
    let first = client.part(json!({ "variablesReference": number, "filter": "indexed" }));
    assert_eq!(first.last().unwrap()["value"], "999000 more", "{name}");
    let table = named(&locals, "table");
    let page =
        json!({ "variablesReference": table["variablesReference"], "filter": "indexed", "start": 4900, "count": 100 });
    let got: Vec<Value> = client
        .part(page)
        .iter()
        .map(|v| json!([v["name"].as_str().unwrap().trim_matches(['[', ']']), v["value"]]))
        .collect();
    assert_eq!(json!(got), truth["table"][1], "{name}");

    // Every part by its path gives the same again.
    let nested = named(&locals, "nested");
    for part in client.variables(nested["variablesReference"].as_i64().unwrap()) {
        let key = part["name"].as_str().unwrap();
        assert_eq!(part["value"], truth["nested"][&key[1..key.len() - 1]], "{name}");
        let again = json!({ "expression": part["evaluateName"], "frameId": inner["id"], "context": "watch" });
        assert_eq!(client.body("evaluate", again)["result"], part["value"], "{name}: {part}");
    }
    let places = &truth["generator"];
    let suspended = named(&locals, "suspended");
    let at = client.body("locations", json!({ "locationReference": suspended["valueLocationReference"] }));
    assert_eq!((&at["line"], &at["source"]["path"]), (&places[1], &json!(file)), "{name}");
    let function = client.body("evaluate", json!({ "expression": "generator", "frameId": inner["id"] }));
    let at = client.body("locations", json!({ "locationReference": function["valueLocationReference"] }));
    assert_eq!(at["line"], places[0], "{name}");

    // Completion of names and attributes, from the middle of a line.
    let targets = |found: Value| -> Vec<String> {
        found["targets"].as_array().unwrap().iter().map(|t| t["label"].as_str().unwrap().to_owned()).collect()
    };
    let found = client.body("completions", json!({ "frameId": inner["id"], "text": "ne", "column": 3 }));
    assert!(targets(found).contains(&"nested".to_owned()), "{name}");
    let found = client.body("completions", json!({ "frameId": inner["id"], "text": "point. + 1", "column": 7 }));
    assert_eq!(targets(found), ["x", "y"], "{name}");

    // The console takes the commands of the table, in the frame that is selected.
    let console = |text: &str| json!({ "expression": text, "frameId": inner["id"], "context": "repl" });
    let said = client.body("evaluate", console("bt"))["result"].as_str().unwrap().to_owned();
    assert!(said.contains("outer") && said.contains("editor.py"), "{name}: {said}");
    let said = client.body("evaluate", console("print point.y[0]"))["result"].clone();
    assert_eq!(said, "2.5", "{name}");
    assert!(client.body("evaluate", console("help"))["result"].as_str().unwrap().contains("threads"));
    assert!(client.refused("evaluate", console("print nonsense")).contains("nonsense"), "{name}");
}

#[test]
fn what_python_said_is_what_the_editor_gets() {
    let mut ran = 0;
    for interpreter in one_per_minor().into_iter().filter(|i| i.is_native()) {
        let dead = match Crash::new(interpreter, "editor.py").run() {
            Ok(dead) => dead,
            Err(reason) => {
                part_skipped(format!("{}: {reason}", interpreter.name));
                continue;
            }
        };
        assert!(!dead.truth.is_null(), "{}: the program failed:\n{}", interpreter.name, dead.stderr);
        let mut client = Client::start();
        // As gdb-like and lldb-like clients name it, in turn.
        let key = ["coreFile", "core", "coreFilePath", "coreDumpPath"][ran % 4];
        let thread = client.attach(json!({ key: dead.core, "sysroot": interpreter.sysroot }));
        check(&mut client, thread, &dead.truth, &interpreter.name);
        let info = client.body("exceptionInfo", json!({ "threadId": thread }));
        assert_eq!(info["exceptionId"], "signal-raised", "{}: {info}", interpreter.name);
        client.end();
        ran += 1;
    }
    if ran == 0 {
        skip!("no interpreter ran editor.py");
    }
}

fn state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')').next().unwrap().trim().chars().next().unwrap()
}

#[test]
fn a_running_process_is_held_until_the_editor_leaves() {
    let Some(interpreter) = one_per_minor().into_iter().rfind(|i| i.is_native() && i.root.is_none()) else {
        skip!("no interpreter without a root of its own");
    };
    let blocked = match block(interpreter, "editor.py", &[]) {
        Ok(blocked) => blocked,
        Err(reason) => skip!("{reason}"),
    };
    for leaves in ["disconnects", "goes away"] {
        let mut client = Client::start();
        let thread = client.attach(json!({ "pid": blocked.pid.to_string() }));
        assert_eq!(state(blocked.pid), 't');
        check(&mut client, thread, &blocked.truth, &interpreter.name);
        match leaves {
            "disconnects" => client.end(),
            _ => drop(client),
        }
        let start = std::time::Instant::now();
        while state(blocked.pid) == 't' {
            assert!(start.elapsed().as_secs() < 20, "still stopped when the editor {leaves}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let fixture = harness::fixture("3.12-basic");
    let mut client = Client::start();
    assert!(client.refused("threads", json!({})).contains("begins with initialize"));
    client.body("initialize", json!({ "adapterID": "x", "linesStartAt1": false, "columnsStartAt1": false }));
    assert!(client.refused("threads", json!({})).contains("no process is attached"));
    assert!(client.refused("attach", json!({})).contains("give coreFile"));
    assert!(client.refused("attach", json!({ "coreFile": "/nonexistent" })).contains("/nonexistent"));
    assert!(client.refused("attach", json!({ "coreFile": "Cargo.toml" })).contains("Cargo.toml"));
    assert!(client.refused("attach", json!({ "pid": "x" })).contains("not a process id"));
    client.body("launch", json!({ "coreFilePath": fixture.path, "noFiles": true }));
    assert!(client.refused("attach", json!({ "coreFile": fixture.path })).contains("has its process already"));
    let points = json!({ "source": { "path": "x.py" }, "breakpoints": [{ "line": 1 }, { "line": 2 }] });
    let points = client.body("setBreakpoints", points)["breakpoints"].as_array().unwrap().clone();
    assert_eq!(points.iter().map(|b| &b["verified"]).collect::<Vec<_>>(), [false, false]);
    client.body("configurationDone", json!({}));
    let thread = client.body("threads", json!({}))["threads"][0]["id"].clone();
    for command in ["continue", "next", "stepIn", "pause"] {
        assert!(client.refused(command, json!({ "threadId": thread })).contains("nothing runs"));
    }
    // Lines and columns from 0 for a client that counts so.
    let report = harness::report_alone(&fixture.path, &Options::default());
    let frames = client.frames(thread.as_i64().unwrap());
    let python = frames.iter().find(|f| f["presentationHint"].is_null()).unwrap();
    assert_eq!(python["line"].as_u64().unwrap() + 1, u64::from(report.threads[0].frames[0].line.unwrap()));
    assert!(client.refused("stackTrace", json!({ "threadId": 1 })).contains("no thread 1"));
    assert!(client.refused("scopes", json!({ "frameId": 99_999 })).contains("no frame"));
    assert!(client.refused("scopes", json!({ "frameId": -1 })).contains("no frame"));
    assert!(client.refused("variables", json!({ "variablesReference": 77 })).contains("no such variable"));
    assert!(client.refused("evaluate", json!({ "expression": "f(1)" })).contains("column 2"));
    assert!(client.refused("source", json!({ "sourceReference": 5 })).contains("no such source"));
    assert!(client.refused("readMemory", json!({ "memoryReference": "x", "count": 1 })).contains("not an address"));
    assert!(client.refused("nonsense", json!({})).contains("nonsense is not supported"));
    assert!(client.refused("variables", json!({ "variablesReference": "x" })).contains("not understood"));
    // Memory that is not there, and code around an address.
    let nothing = client.body("readMemory", json!({ "memoryReference": "0x0", "count": 16 }));
    assert_eq!((&nothing["unreadableBytes"], nothing.get("data")), (&json!(16), None));
    let ip = frames.iter().find_map(|f| f["instructionPointerReference"].as_str()).unwrap();
    let code = json!({ "memoryReference": ip, "instructionOffset": -5, "instructionCount": 12 });
    let code = client.body("disassemble", code)["instructions"].as_array().unwrap().clone();
    assert_eq!(code.len(), 12);
    assert_eq!(code[5]["address"], ip);
    client.end();
}

#[test]
fn a_request_that_is_given_up_is_not_answered() {
    let fixture = harness::fixture("3.12-values");
    let mut client = Client::start();
    client.body("initialize", json!({ "adapterID": "x", "supportsProgressReporting": true }));
    // While the first is at work, the third is given up.
    let first = client.send("attach", json!({ "coreFile": fixture.path, "noFiles": true }));
    let second = client.send("threads", json!({}));
    client.send("cancel", json!({ "requestId": second }));
    assert_eq!(client.answer(first)["success"], true);
    let second = client.answer(second);
    // The adapter may have been faster; then it has answered.
    assert!(second["success"] == true || second["message"] == "cancelled", "{second}");
    let events: Vec<&str> = client.events.iter().filter_map(|e| e["event"].as_str()).collect();
    assert!(events.contains(&"progressStart") && events.contains(&"progressEnd"), "{events:?}");
    client.end();
}

#[test]
fn editors_connect_to_a_port_of_this_host() {
    let mut server = program().args(["dap", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().strip_prefix("listening on 127.0.0.1:").unwrap().parse().unwrap();
    let fixture = harness::fixture("3.12-basic");
    // Two sessions at a time, each with handles of its own.
    let (mut one, mut other) = (Client::connect(port), Client::connect(port));
    let threads = [&mut one, &mut other].map(|c| c.attach(json!({ "coreFile": fixture.path, "noFiles": true })));
    assert_eq!(one.frames(threads[0]), other.frames(threads[1]));
    one.end();
    assert!(!other.frames(threads[1]).is_empty());
    other.end();
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn the_client_of_the_protocol_s_authors_is_satisfied() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dap/testsupport.js");
    let packages = match npm::package("@vscode/debugadapter-testsupport", "1.68.0") {
        Ok(directory) => directory,
        Err(reason) => skip!("{reason}"),
    };
    let dumps = ["3.12-basic", "3.13t-threads", "3.11-windows-basic", "3.11-aarch64-values"];
    let known: Vec<_> = harness::all();
    let dumps: Vec<_> = known.iter().filter(|f| dumps.contains(&f.name.as_str())).map(|f| &f.path).collect();
    assert!(dumps.len() >= 3, "{dumps:?}");
    let out = std::process::Command::new("node")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_pyinquest"))
        .args(dumps)
        .env("NODE_PATH", packages)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    assert!(said.contains("all sessions ended"), "{said}");
}

/// What a command of the extension shows for choosing: node runs its file, with what it uses of `vscode` in here.
fn run_in_extension(source: &str, command: &str) -> String {
    let script = r#"
        const [extension, wanted] = process.argv.slice(1), commands = {}, Module = require("module"), load = Module._load;
        const none = { registerDebugAdapterDescriptorFactory() {} };
        const shown = async (items) => { for (const item of items) console.log(item.label, item.description); return items[0]; };
        const vscode = { debug: none, window: { showQuickPick: shown }, commands: { registerCommand: (name, run) => { commands[name] = run; } } };
        Module._load = (name, ...rest) => name === "vscode" ? vscode : load(name, ...rest);
        require(extension).activate({ subscriptions: [] });
        commands[wanted]();
    "#;
    let extension = format!("{source}/extension.js");
    let out = std::process::Command::new("node").args(["-e", script, &extension, command]).output().unwrap();
    assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn the_extension_of_vs_code_is_packed_by_its_own_tool() {
    let Some(interpreter) = one_per_minor().into_iter().find(|i| i.minor == 12) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let python = match block(interpreter, "editor.py", &[]) {
        Ok(python) => python,
        Err(reason) => skip!("{reason}"),
    };
    let modules = match npm::package("@vscode/vsce", "3.9.2") {
        Ok(directory) => directory,
        Err(reason) => skip!("{reason}"),
    };
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/editors/vscode");
    let directory = tempfile::tempdir().unwrap();
    let packed = directory.path().join("pyinquest.vsix");
    let out = std::process::Command::new("node")
        .arg(modules.join("@vscode/vsce/vsce"))
        .args(["package", "--skip-license", "--allow-missing-repository", "--no-dependencies", "--out"])
        .arg(&packed)
        .current_dir(source)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    // What a name means to the adapter is what the extension's settings call it.
    let manifest: Value = serde_json::from_slice(&std::fs::read(format!("{source}/package.json")).unwrap()).unwrap();
    let settings = manifest["contributes"]["debuggers"][0]["configurationAttributes"]["attach"]["properties"].clone();
    let fixture = harness::fixture("3.12-basic");
    let given = json!({
        "coreFile": fixture.path, "program": "", "sysroot": ["/nowhere"], "debugDir": "/nowhere", "noFiles": true,
        "sourceMap": { "/a": "/b" }, "hostSources": false, "debuginfod": false, "native": "all",
    });
    for name in settings.as_object().unwrap().keys().filter(|name| *name != "pid") {
        assert!(given.get(name).is_some(), "{name} is not tried here");
    }
    // Each command that a configuration asks for is one that the extension has.
    let debugger = &manifest["contributes"]["debuggers"][0];
    let snippets = debugger["configurationSnippets"].to_string();
    let asked: Vec<&str> =
        snippets.split("${command:").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect();
    assert!(!asked.is_empty(), "{snippets}");
    for name in asked {
        let command = debugger["variables"][name].as_str().unwrap_or_else(|| panic!("{name} is no variable"));
        let picked = run_in_extension(source, command);
        let pids: Vec<&str> = picked.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(pids.contains(&python.pid.to_string().as_str()), "{command}: {picked}");
    }
    for name in debugger["configurationAttributes"]["launch"]["properties"].as_object().unwrap().keys() {
        let mut client = Client::start();
        client.body("initialize", json!({ "adapterID": "pyinquest" }));
        let arguments = json!({ "coreFile": fixture.path, "noFiles": true });
        let arguments = if name == "program" { arguments } else { json!({ name: fixture.path, "noFiles": true }) };
        client.body("launch", arguments);
        client.end();
    }
    let mut client = Client::start();
    let thread = client.attach(given);
    let all = client.frames(thread).len();
    client.end();
    let mut client = Client::start();
    let thread = client.attach(json!({ "coreFile": fixture.path, "noFiles": true, "native": "none" }));
    assert!(client.frames(thread).len() < all);
    client.end();
}
