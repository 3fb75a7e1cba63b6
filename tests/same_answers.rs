//! The command line and the debuggers' commands say the same of every committed dump: the same threads, frames, source
//! lines and variables.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use pyinquest::base::escape_terminal;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pyinquest");

/// The engine as a debugger's script talks to it, for a debugger that knows the core's path and nothing else.
struct Bridge {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
    scene: Value,
}

impl Bridge {
    fn new(scene: Value) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["bridge", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut bridge = Bridge { child, to, from, scene };
        bridge.send(&json!({"type": "hello", "protocol": 3, "debugger": "lldb", "version": "of a test"}));
        let (hello, _) = bridge.receive();
        assert_eq!((&hello["type"], &hello["error"]), (&json!("hello"), &Value::Null));
        bridge
    }

    fn send(&mut self, message: &Value) {
        let head = serde_json::to_vec(message).unwrap();
        let mut frame = u32::try_from(head.len()).unwrap().to_le_bytes().to_vec();
        frame.extend([0; 4]);
        frame.extend(head);
        self.to.write_all(&frame).unwrap();
    }

    fn receive(&mut self) -> (Value, String) {
        let mut lengths = [0; 8];
        self.from.read_exact(&mut lengths).unwrap();
        let length = |at: usize| u32::from_le_bytes(lengths[at..at + 4].try_into().unwrap()) as usize;
        let mut head = vec![0; length(0)];
        self.from.read_exact(&mut head).unwrap();
        let mut payload = vec![0; length(4)];
        self.from.read_exact(&mut payload).unwrap();
        (serde_json::from_slice(&head).unwrap(), String::from_utf8(payload).unwrap())
    }

    fn command(&mut self, name: &str, args: &str) -> String {
        let scene = self.scene.clone();
        self.send(&json!({"type": "command", "id": 1, "name": name, "args": args, "scene": scene}));
        loop {
            let (message, text) = self.receive();
            let body = match (message["type"].as_str().unwrap(), message["ask"].as_str()) {
                ("result", _) => return text,
                // The core leaves it out, and so does the debugger.
                (_, Some("read")) => message["ranges"].as_array().unwrap().iter().map(|_| json!(0)).collect(),
                (_, Some("variables")) => json!({}),
                (_, Some("frames")) => json!([]),
                other => panic!("asked for {other:?} of a core"),
            };
            self.send(&json!({"type": "answer", "id": message["id"], "body": body}));
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn report(core: &Path) -> Value {
    let output = Command::new(PROGRAM)
        .args(["report", "--locals", "--format", "json", "--host-sources"])
        .arg(core)
        .output()
        .unwrap();
    assert!(!output.stdout.is_empty(), "{}: {}", core.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A stack as lines: `thread TID`, then `f at file:line` and the source of each frame.
type Lines = Vec<String>;

/// What the command line says of Python threads, with the sources of this host that debuggers read too.
fn of_report(report: &Value) -> Vec<Lines> {
    let threads = report["threads"].as_array().unwrap().iter().filter(|t| !t["python"].is_null());
    let stacks = threads.map(|thread| {
        let mut lines = vec![thread["tid"].as_u64().map_or("thread ?".to_owned(), |tid| format!("thread {tid}"))];
        let frames = thread["frames"].as_array().into_iter().flatten();
        for frame in frames.filter(|f| f["kind"] == "python") {
            let text = |what: &str| frame[what].as_str().map_or("???".to_owned(), escape_terminal);
            let line = frame["line"].as_u64().map_or("???".to_owned(), |l| l.to_string());
            let mark = frame["interpreter"].as_i64().map_or(String::new(), |id| format!(" [interpreter {id}]"));
            lines.push(format!("{}{mark} at {}:{line}", text("function"), text("file")));
            lines.extend(frame["source"].as_str().map(|s| escape_terminal(s.trim())).filter(|s| !s.is_empty()));
        }
        lines
    });
    sorted(stacks.collect())
}

/// What `py-bt --all` says.
fn of_bridge(text: &str) -> Vec<Lines> {
    let mut stacks: Vec<Lines> = Vec::new();
    let mut call: Lines = Vec::new();
    for line in text.lines() {
        let heading = line.strip_prefix("* ").or_else(|| line.strip_prefix("  ")).filter(|l| l.starts_with("thread "));
        if let Some(heading) = heading {
            let tid = heading.split(' ').nth(1).unwrap();
            let tid = if tid.starts_with("0x") { "?" } else { tid };
            stacks.push(vec![format!("thread {tid}")]);
            continue;
        }
        let stack = stacks.last_mut().unwrap_or_else(|| panic!("no thread before {line:?} in\n{text}"));
        if let Some(frame) = line.strip_prefix("    frame #") {
            call = vec![frame.split_once(": ").unwrap().1.to_owned()];
            stack.extend(call.clone());
        } else if let Some(source) = line.strip_prefix("        ").filter(|s| !s.starts_with('(')) {
            call.push(source.to_owned());
            stack.push(source.to_owned());
        } else if let Some(times) = line.strip_prefix("  [Previous line repeated ") {
            let times: usize = times.split(' ').next().unwrap().parse().unwrap();
            (0..times).for_each(|_| stack.extend(call.clone()));
        }
    }
    sorted(stacks)
}

fn sorted(mut stacks: Vec<Lines>) -> Vec<Lines> {
    stacks.sort();
    stacks
}

/// Variables of the innermost frame that the command line shows whole, which `py-locals` does not say the same of.
fn other_locals(thread: &Value, said: &str) -> Vec<String> {
    let frames = thread["frames"].as_array().unwrap();
    let innermost = frames.iter().find(|f| f["kind"] == "python").and_then(|f| f["locals"].as_array());
    let whole = innermost.into_iter().flatten().filter(|local| local["value"]["fidelity"] == "exact");
    let lines = whole.filter_map(|local| {
        let (name, repr) = (local["name"].as_str().unwrap(), local["value"]["repr"].as_str().unwrap());
        let hidden = local["kind"] == "name" && name.starts_with("__");
        (!hidden && repr.len() < 1000).then(|| format!("{} = {}", escape_terminal(name), escape_terminal(repr)))
    });
    // Debuggers' commands add the attributes of objects that have no repr of their own.
    let plain = |line: &str| line.find(" object at 0x").map(|at| line[..at].to_owned());
    let is_said =
        |line: &String| said.lines().any(|l| l == line || plain(line).is_some_and(|part| l.starts_with(&part)));
    lines.filter(|line| !is_said(line)).collect()
}

fn differences(core: &Path) -> Vec<String> {
    let report = report(core);
    let threads = report["threads"].as_array().unwrap();
    let crashed = threads.iter().find(|t| t["crashed"] == true).or_else(|| threads.first());
    let tid = crashed.and_then(|t| t["tid"].as_u64());
    let scene = json!({"process": "core", "core": core, "epoch": "1", "modules": "1", "stop": "1", "thread": tid,
                       "frame": 0, "arch": "", "pid": 1});
    let mut bridge = Bridge::new(scene);
    let name = core.file_name().unwrap().to_string_lossy().into_owned();
    let mut out = Vec::new();
    let (own, theirs) = (of_report(&report), of_bridge(&bridge.command("bt", "--all")));
    if own != theirs {
        let all = own.len().max(theirs.len());
        let first = (0..all).find(|n| own.get(*n) != theirs.get(*n)).unwrap();
        out.push(format!("{name}:\n  report: {:?}\n  py-bt:  {:?}", own.get(first), theirs.get(first)));
    }
    // A thread may have several thread states in one interpreter.
    let same_thread = threads.iter().filter(|t| !t["python"].is_null() && t["tid"].as_u64() == tid);
    let said = bridge.command("locals", "");
    let other: Vec<Vec<String>> = same_thread.map(|thread| other_locals(thread, &said)).collect();
    if !other.is_empty() && other.iter().all(|lines| !lines.is_empty()) {
        out.push(format!("{name}: {other:?} not in py-locals:\n{said}"));
    }
    out
}

/// The dumps of a directory of `fixtures`, each of which both sides are asked of.
fn agree(kind: &str, ending: &str, least: usize) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let directory = tempfile::tempdir().unwrap();
    let paths = std::fs::read_dir(fixtures.join(kind)).unwrap().map(|entry| entry.unwrap().path());
    let mut packed: Vec<PathBuf> = paths.filter(|p| p.to_string_lossy().ends_with(ending)).collect();
    packed.sort();
    assert!(packed.len() >= least, "{} {kind}", packed.len());
    let mut all = Vec::new();
    for path in packed {
        let core = directory.path().join(path.file_stem().unwrap());
        let mut out = std::fs::File::create(&core).unwrap();
        std::io::copy(&mut zstd::Decoder::new(std::fs::File::open(&path).unwrap()).unwrap(), &mut out).unwrap();
        all.extend(differences(&core));
        std::fs::remove_file(&core).unwrap();
    }
    assert!(all.is_empty(), "{} differences\n{}", all.len(), all.join("\n"));
}

#[test]
fn report_and_debugger_commands_agree_on_every_committed_core() {
    agree("cores", ".core.zst", 51);
}

#[test]
fn report_and_debugger_commands_agree_on_every_committed_minidump() {
    agree("minidumps", ".dmp.zst", 27);
}
