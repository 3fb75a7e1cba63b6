//! What a debugger's user is shown of a core is what the command line shows of it: threads, frames, source lines, locals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;
mod harness;

use pyinquest::base::escape_terminal;
use pyinquest::bridge::protocol::{
    DebuggerName, PROTOCOL_VERSION, ProcessKind, Scene, ToEngine, read_frame, write_frame,
};
use pyinquest::bridge::serve;
use pyinquest::engine::{Inspection, Options};
use pyinquest::image::SearchOptions;
use pyinquest::model::{Fidelity, FrameKind, Report, Thread};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A debugger that has a core open and answers nothing: all must come from the core.
struct Debugger {
    wire: UnixStream,
    scene: Scene,
}

impl Debugger {
    fn new(core: &Path, thread: u64) -> Debugger {
        let (wire, engine) = UnixStream::pair().unwrap();
        let other = engine.try_clone().unwrap();
        std::thread::spawn(move || serve(Box::new(engine), Box::new(other)).unwrap());
        let scene = Scene {
            process: ProcessKind::Core,
            core: Some(core.display().to_string()),
            thread: Some(thread),
            ..Scene::default()
        };
        let mut out = Debugger { wire, scene };
        let hello =
            ToEngine::Hello { protocol: PROTOCOL_VERSION, debugger: DebuggerName::Lldb, version: String::new() };
        write_frame(&mut out.wire, &hello, &[]).unwrap();
        let (answer, ..) = read_frame::<Value>(&mut out.wire).unwrap();
        assert!(answer["type"] == "hello" && answer["error"].is_null(), "{answer:?}");
        out
    }

    fn run(&mut self, name: &str, args: &str) -> String {
        let (name, args) = (name.to_owned(), args.to_owned());
        let command = ToEngine::Command { id: 1, name, args, scene: self.scene.clone() };
        write_frame(&mut self.wire, &command, &[]).unwrap();
        loop {
            let (message, payload, _) = read_frame::<Value>(&mut self.wire).unwrap();
            if message["type"] == "result" {
                let text = String::from_utf8(payload).unwrap();
                assert_eq!(message["ok"], true, "{text}");
                return text;
            }
            assert_eq!(message["type"], "request", "{message}");
            let (id, error) = (message["id"].as_u64().unwrap(), Some("it has a core only".to_owned()));
            let answer = ToEngine::Answer { id, error, cancelled: false, body: Value::Null };
            write_frame(&mut self.wire, &answer, &[]).unwrap();
        }
    }
}

/// Frames of each thread by its id, a line a frame, each with its source line.
type Stacks = BTreeMap<String, Vec<String>>;

fn told(text: &str) -> Stacks {
    let mut out = Stacks::new();
    let mut thread = String::new();
    for line in text.lines() {
        if let Some(rest) = line.trim_start_matches(['*', ' ']).strip_prefix("thread ") {
            thread = rest.split(' ').next().unwrap().to_owned();
            out.entry(thread.clone()).or_default();
        } else if let Some(frame) = line.strip_prefix("    frame #") {
            out.get_mut(&thread).unwrap().push(frame.to_owned());
        } else if let Some(source) = line.strip_prefix("        ") {
            let last = out.get_mut(&thread).unwrap().last_mut().unwrap();
            last.push_str(&format!(" | {source}"));
        }
    }
    out
}

fn expected(report: &Report) -> Stacks {
    let text =
        |t: &Option<pyinquest::base::Text>| t.as_ref().map_or("???".to_owned(), |t| escape_terminal(&t.to_string()));
    let frames = |thread: &Thread| {
        let python = thread.frames.iter().filter(|f| f.kind == FrameKind::Python).enumerate();
        let one = python.map(|(number, f)| {
            let line = f.line.map_or("???".to_owned(), |l| l.to_string());
            let source = f.source.as_ref().map(|s| escape_terminal(s.trim())).filter(|s| !s.is_empty());
            let source = source.map(|s| format!(" | {s}")).unwrap_or_default();
            format!("{number}: {} at {}:{line}{source}", text(&f.function), text(&f.file))
        });
        one.collect::<Vec<_>>()
    };
    let mut out = Stacks::new();
    for thread in report.threads.iter().filter(|t| t.python.is_some()) {
        out.entry(thread.tid.expect("a thread id").to_string()).or_default().extend(frames(thread));
    }
    out
}

/// How many exact values of the innermost frame are in the debugger's text; else one that is not.
fn same_locals(thread: &Thread, text: &str) -> Result<usize, String> {
    let innermost = thread.frames.iter().find(|f| f.kind == FrameKind::Python);
    let mut found = 0;
    for local in innermost.and_then(|f| f.locals.as_ref()).into_iter().flatten() {
        let Some(value) = local.value.as_ref().filter(|v| v.fidelity == Fidelity::Exact) else { continue };
        // The debugger cuts longer ones.
        if value.repr.chars().count() > 1000 {
            continue;
        }
        let (name, ending) = (escape_terminal(&local.name.to_string()), format!(" = {}", escape_terminal(&value.repr)));
        // The debugger shows attributes too, which a dump that keeps what reports read may lack, and says so.
        let shown = |line: &str| line.starts_with(&name) && (line.ends_with(&ending) || line.contains("<unreadable: "));
        if !text.lines().any(shown) {
            return Err(format!("{name}{ending}"));
        }
        found += 1;
    }
    Ok(found)
}

#[test]
fn every_committed_core_is_the_same_in_a_debugger() {
    let dir = tempfile::tempdir().unwrap();
    let (mut threads, mut values, mut sources) = (0, 0, 0);
    for fixture in harness::cores() {
        let core = dir.path().join(&fixture.name);
        std::fs::write(&core, fixture.bytes()).unwrap();
        let search = SearchOptions { host_sources: true, ..SearchOptions::default() };
        let options = Options { locals: true, source_lines: true, ..Options::default() };
        let report = Inspection::open(&core, &search).unwrap().report(&options);
        let crashed = report.threads.iter().find(|t| t.crashed && t.python.is_some()).expect("a crashed thread");
        let mut debugger = Debugger::new(&core, crashed.tid.unwrap());
        let (want, got) = (expected(&report), told(&debugger.run("bt", "--all")));
        assert_eq!(got.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>(), "{}", fixture.name);
        for (thread, want) in &want {
            let got = &got[thread];
            // A debugger folds long runs of the same frames.
            let folded = want.len() > 100 && got.iter().all(|f| want.contains(f)) && got.last() == want.last();
            assert!(got == want || folded, "{} thread {thread}: {got:#?}\nis not\n{want:#?}", fixture.name);
        }
        threads += want.len();
        sources += want.values().flatten().filter(|f| f.contains(" | ")).count();
        let locals = debugger.run("locals", "-v");
        // A thread may have a state in each of several interpreters: the debugger shows the one that runs.
        let states = report.threads.iter().filter(|t| t.crashed);
        let counts: Vec<Result<usize, String>> = states.map(|state| same_locals(state, &locals)).collect();
        let count = counts.iter().find_map(|count| count.as_ref().ok());
        values += count.unwrap_or_else(|| panic!("{}: {counts:?}\n{locals}", fixture.name));
        std::fs::remove_file(core).unwrap();
    }
    assert!(threads > 100 && values > 200, "{threads} threads, {values} values, {sources} source lines");
}
