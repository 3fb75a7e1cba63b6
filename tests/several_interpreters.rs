//! Threads that work in several interpreters, against what each interpreter said of its frames before the process died.
//!
//! `PYINQUEST_TEST_INTERPRETER=NAME` runs those whose name contains NAME.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod debugger;
mod harness;

use common::{Crash, CrashedProcess, Interpreter, interpreters, one_per_minor, skip};
use debugger::{file_lines, gdb, lldbs, told_frames};
use harness::{files_of, report_of};
use pyinquest::base::DiagnosticCode;
use pyinquest::commands::{self, OnDump};
use pyinquest::engine::{Inspection, Options, Place};
use pyinquest::model::answers::{Answer, EntryKind, StackEntry};
use pyinquest::model::{Frame, FrameKind, Report, Thread};
use pyinquest::triage::rules::Rules;
use pyinquest::triage::signature;
use serde_json::Value;
use std::collections::HashSet;

/// A frame as the test compares it: interpreter and function.
type Named = (i64, String);

/// Frames that the program wrote: a list of frames, of one interpreter.
fn frames(interpreter: i64, list: &Value) -> Vec<Named> {
    let name = |frame: &Value| (interpreter, frame["function"].as_str().unwrap().to_owned());
    list.as_array().unwrap().iter().map(name).collect()
}

/// The same for `[[interpreter, frames], ...]`.
fn stack(list: &Value) -> Vec<Named> {
    let of = |one: &Value| frames(one[0].as_i64().unwrap(), &one[1]);
    list.as_array().unwrap().iter().flat_map(of).collect()
}

fn python_frames(thread: &Thread) -> Vec<Named> {
    let python = thread.frames.iter().filter(|f| f.kind == FrameKind::Python);
    let name = |f: &Frame| f.function.as_ref().map(ToString::to_string).unwrap_or_default();
    python.map(|f| (thread.interpreter_of(f).unwrap(), name(f))).collect()
}

fn crashed(report: &Report) -> &Thread {
    report.threads.iter().find(|t| t.crashed).unwrap()
}

/// What holds of every report: a thread is there once, and its native frames have been told from the evaluation loops.
fn merged(report: &Report, thread: &Thread) {
    let tids: Vec<u64> = report.threads.iter().filter_map(|t| t.tid).collect();
    let once: HashSet<u64> = tids.iter().copied().collect();
    assert_eq!(once.len(), tids.len(), "{tids:?}");
    assert_eq!(tids.len(), report.threads.len(), "a thread has no id");
    let doubts = report.diagnostics.iter().find(|d| d.code == DiagnosticCode::MergePartial);
    assert_eq!(doubts.map(|d| &d.message), None);
    let native: Vec<&str> = thread.frames.iter().filter_map(|f| f.native.as_ref()?.symbol.as_deref()).collect();
    assert!(!native.iter().any(|name| name.starts_with("_PyEval_EvalFrameDefault")), "{native:?}");
    // Between frames of two interpreters lies the C code that has entered the inner one.
    let mut last: Option<i64> = None;
    let mut c_code = true;
    for frame in &thread.frames {
        if frame.kind == FrameKind::Native {
            c_code |= frame.native.as_ref().is_some_and(|n| n.symbol.is_some());
            continue;
        }
        let own = thread.interpreter_of(frame);
        assert!(last.is_none() || last == own || c_code, "no C code before {frame:?}");
        (last, c_code) = (own, false);
    }
}

/// Runs the program in every interpreter at hand that has the modules for it, and looks at what is left.
fn everywhere(how: &str, check: impl Fn(&Interpreter, &CrashedProcess, &Report)) {
    everywhere_with(how, |run| run, check);
}

fn everywhere_with(
    how: &str,
    set: impl Fn(Crash<'static>) -> Crash<'static>,
    check: impl Fn(&Interpreter, &CrashedProcess, &Report),
) {
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    let chosen = interpreters().iter().filter(|i| i.is_native());
    let mut ran = 0;
    for interpreter in chosen.filter(|i| only.as_ref().is_none_or(|name| i.name.contains(name.as_str()))) {
        let run = set(Crash::new(interpreter, "nested_interpreters.py").args(&[how])).run();
        let dead = match run {
            Ok(dead) if !dead.truth.is_null() => dead,
            Ok(dead) => {
                common::part_skipped(format_args!("{} {how}: {}", interpreter.name, dead.stderr));
                continue;
            }
            Err(reason) => {
                common::part_skipped(format_args!("{}: {reason}", interpreter.name));
                continue;
            }
        };
        let options = Options { native: true, locals: true, ..Options::default() };
        println!("{}", interpreter.name);
        check(interpreter, &dead, &report_of(interpreter, &dead.core, &options));
        ran += 1;
    }
    if ran == 0 {
        skip!("no interpreter ran nested_interpreters.py {how}");
    }
}

/// What `bt` of the shell and the debuggers shows of the crashed thread.
fn bt(interpreter: &Interpreter, dead: &CrashedProcess) -> Vec<Named> {
    let inspection = Inspection::open(dead.core.as_path(), &files_of(interpreter)).unwrap();
    let mut host = OnDump::new(inspection, None, 0, Options::default());
    let reply = commands::run(&mut host, "bt", "").unwrap();
    let Answer::Stacks(stacks) = reply.answer else { panic!("{:?}", reply.answer) };
    let [thread] = stacks.threads.as_slice() else { panic!("{stacks:?}") };
    let name = |entry: &StackEntry| match &entry.what {
        EntryKind::Frame(numbered) => {
            let function = numbered.frame.function.as_ref().map(ToString::to_string).unwrap();
            (numbered.frame.interpreter.unwrap(), function)
        }
        other => panic!("{other:?}"),
    };
    thread.entries.iter().map(name).collect()
}

/// The crash is the innermost interpreter's: frames, findings, values.
fn inside(interpreter: &Interpreter, dead: &CrashedProcess, report: &Report) {
    let thread = crashed(report);
    let mut expected = frames(dead.truth["interpreter"].as_i64().unwrap(), &dead.crashed_thread()["frames"]);
    expected.extend(stack(&dead.truth["extra"]["outer"]));
    assert_eq!(python_frames(thread), expected);
    assert_eq!(thread.python.as_ref().map(|p| p.interpreter), dead.truth["interpreter"].as_i64());
    let mut outer: Vec<i64> = thread.outer_states.iter().map(|p| p.interpreter).collect();
    outer.sort_unstable();
    assert_eq!(outer, [0, 1]);
    merged(report, thread);
    assert_eq!(bt(interpreter, dead), expected);
    // The finding tells the place where it crashed, in the text that ran there.
    let finding = &report.findings[0];
    let told = format!("{} {}", finding.title, finding.evidence.join(" "));
    assert!(told.contains("in enter0") && !told.contains("in enter "), "{told}");
    let (signature, _) = signature::signature(report, &Rules::built_in().unwrap());
    assert!(signature.title.contains("enter0"), "{signature:?}");
    // Each frame's variables are read as objects of its own interpreter.
    let inspection = Inspection::open(dead.core.as_path(), &files_of(interpreter)).unwrap();
    let value = |frame: usize| {
        let found = inspection.evaluate("left", Place { thread: thread.tid, frame }).unwrap();
        found.value(&Options::default()).repr
    };
    assert_eq!([value(0), value(2), value(4)], ["0", "1", "1"]);
}

#[test]
fn a_crash_in_an_inner_interpreter() {
    everywhere("inside", inside);
}

/// Until 3.11 the thread that runs it is not the one that CPython has noted: that is the one which made the interpreter.
#[test]
fn a_worker_crashes_in_an_inner_interpreter() {
    everywhere("thread", |interpreter, dead, report| {
        inside(interpreter, dead, report);
        assert_eq!(crashed(report).name.as_ref().map(ToString::to_string).as_deref(), Some("worker"));
    });
}

/// The thread that made the interpreter has ended, and another runs it; its signal handler has a stack of its own or not.
#[test]
fn an_interpreter_that_was_made_elsewhere() {
    everywhere("elsewhere", inside);
    everywhere_with("elsewhere", Crash::faulthandler, inside);
    everywhere_with("thread", Crash::faulthandler, inside);
}

#[test]
fn a_worker_waits_in_an_inner_interpreter() {
    everywhere("waiting", |_, dead, report| {
        let worker = report.threads.iter().find(|t| t.name.as_ref().is_some_and(|n| *n == "worker")).unwrap();
        assert_eq!(python_frames(worker), stack(&dead.truth["extra"]["waiting"]));
        merged(report, worker);
        let main = crashed(report);
        assert_eq!(python_frames(main), frames(0, &dead.crashed_thread()["frames"]));
        assert_eq!(main.python.as_ref().map(|p| p.interpreter), Some(0));
        merged(report, main);
    });
}

/// The frames of one interpreter lie on both sides of the other's.
#[test]
fn back_in_the_first_interpreter() {
    everywhere("back", |interpreter, dead, report| {
        let all = frames(0, &dead.crashed_thread()["frames"]);
        let outer = stack(&dead.truth["extra"]["outer"]);
        let main = outer.iter().filter(|(id, _)| *id == 0).count();
        let mut expected = all[..all.len() - main].to_vec();
        expected.extend(outer);
        let thread = crashed(report);
        assert_eq!(python_frames(thread), expected);
        assert_eq!(thread.python.as_ref().map(|p| p.interpreter), Some(0));
        merged(report, thread);
        assert_eq!(bt(interpreter, dead), expected);
    });
}

/// A thread is in the interpreter whose thread state is in use, whether or not that has a frame.
#[test]
fn in_an_interpreter_that_runs_nothing() {
    everywhere("empty", |_, dead, report| {
        let thread = crashed(report);
        assert_eq!(python_frames(thread), frames(0, &dead.crashed_thread()["frames"]));
        let ids: Vec<i64> = thread.states().map(|p| p.interpreter).collect();
        assert_eq!(ids, [1, 0]);
        merged(report, thread);
    });
}

/// Frames of the crashed thread of `inside`, innermost first.
const INSIDE: [&str; 7] = ["enter0", "<module>", "enter1", "<module>", "enter", "main", "<module>"];
/// Their interpreters.
const IDS: [i64; 7] = [2, 2, 1, 1, 0, 0, 0];

/// A frame further out is selected with its native frame, and its variables are those of its interpreter.
#[test]
fn gdb_shows_one_stack() {
    for interpreter in one_per_minor() {
        let dead = match Crash::new(interpreter, "nested_interpreters.py").args(&["inside"]).run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let sysroot = format!("set sysroot {}", interpreter.sysroot.display());
        let executable = interpreter.sysroot.join(interpreter.exe.trim_start_matches('/')).display().to_string();
        let load = format!("core-file {}", dead.core.display());
        let outer = ["py-frame 4", "py-print left", "echo =frame=\\n", "frame", "echo =end=\\n", "py-threads"];
        let commands: Vec<&str> = [sysroot.as_str(), &load, "py-bt"].into_iter().chain(outer).collect();
        let said = match gdb(&commands, &[&executable]) {
            Ok(said) => said,
            Err(reason) => skip!("{reason}"),
        };
        let (name, text) = (&interpreter.name, &said.text);
        let lines = file_lines(text);
        assert_eq!(lines.len(), INSIDE.len(), "{name}: {text}");
        for (line, (function, id)) in lines.iter().zip(INSIDE.iter().zip(IDS)) {
            assert!(line.ends_with(&format!(" in {function} [interpreter {id}]")), "{name}: {text}");
        }
        assert!(text.contains("local 'left' = 1\n"), "{name}: {text}");
        // (Where gdb has no name for a function it has no debug information either.)
        let native = said.between("=frame=\n", "=end=");
        assert!(native.contains("_PyEval_EvalFrameDefault") || native.contains(" in ?? ()"), "{name}: {text}");
        let rows = text.lines().filter(|line| line.contains("interpreter 2 within 1 within 0")).count();
        assert_eq!(rows, 1, "{name}: {text}");
    }
}

#[test]
fn lldb_shows_one_stack() {
    let all = lldbs();
    if all.is_empty() {
        skip!("no lldb with Python");
    }
    for interpreter in one_per_minor() {
        let dead = match Crash::new(interpreter, "nested_interpreters.py").args(&["inside"]).run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let open = format!("target create --core \"{}\"", dead.core.display());
        for lldb in all.iter().filter(|lldb| lldb.tries(interpreter)) {
            let said = lldb.run(&[&open, "py-bt"], &[]);
            let name = format!("{} {}", lldb.name(), interpreter.name);
            let lines = told_frames(&said.text);
            assert_eq!(lines.len(), INSIDE.len(), "{name}: {}", said.text);
            for (line, (function, id)) in lines.iter().zip(INSIDE.iter().zip(IDS)) {
                assert!(line.contains(&format!(": {function} [interpreter {id}] at ")), "{name}: {line}");
            }
        }
    }
}
