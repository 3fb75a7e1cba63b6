//! Native stacks of real cores: against gdb's `bt`, and merged with Python frames against what Python recorded.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "native/fallback.rs"]
mod fallback;
mod harness;

use common::{Crash, CrashedProcess, Interpreter, interpreters, part_skipped, skip};
use pyinquest::base::DiagnosticCode;
use pyinquest::debuggee::elf_core;
use pyinquest::engine::{Inspection, Options};
use pyinquest::model::{Frame, FrameKind, Report, Thread};
use rayon::prelude::*;
use std::path::Path;
use std::process::Command;

fn report(interpreter: &Interpreter, core: &Path) -> Report {
    harness::report_of(interpreter, core, &Options { native: true, ..Options::default() })
}

/// Crashes a program in every interpreter; what `check` finds wrong is shown together.
fn everywhere(
    make: impl Fn(&'static Interpreter) -> Crash<'static> + Sync,
    check: impl Fn(&Interpreter, &CrashedProcess, &Report) -> Vec<String> + Sync,
) {
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    let chosen = |i: &&Interpreter| i.is_native() && only.as_ref().is_none_or(|name| i.name.contains(name.as_str()));
    let all: Vec<&'static Interpreter> = interpreters().iter().filter(chosen).collect();
    let results: Vec<Result<Vec<String>, String>> = all
        .par_iter()
        .map(|interpreter| {
            let dead = make(interpreter).run().map_err(|reason| reason.to_string())?;
            let report = report(interpreter, &dead.core);
            let wrong = check(interpreter, &dead, &report);
            Ok(wrong.into_iter().map(|w| format!("{}: {w}", interpreter.name)).collect())
        })
        .collect();
    if all.is_empty() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    let mut wrong = Vec::new();
    for result in results {
        match result {
            Ok(found) => wrong.extend(found),
            Err(reason) => skip!("{reason}"),
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn name(frame: &Frame) -> Option<String> {
    frame.function.as_ref().map(ToString::to_string)
}

/// Python frames are all there, in their order, and nothing is said to be partial.
fn whole(dead: &CrashedProcess, report: &Report) -> Vec<String> {
    let mut wrong: Vec<String> = report
        .diagnostics
        .iter()
        .filter(|d| d.code == DiagnosticCode::MergePartial)
        .map(|d| d.message.clone())
        .collect();
    for truth in dead.truth["threads"].as_array().into_iter().flatten() {
        let by_ident = |t: &&Thread| t.python.as_ref().is_some_and(|p| p.ident == truth["ident"].as_u64());
        let Some(thread) = report.threads.iter().find(by_ident) else {
            wrong.push(format!("thread {} is missing", truth["ident"]));
            continue;
        };
        let python = thread.frames.iter().filter(|f| f.kind == FrameKind::Python);
        let shown: Vec<String> = python.filter_map(name).collect();
        let real: Vec<&str> =
            truth["frames"].as_array().unwrap().iter().filter_map(|f| f["function"].as_str()).collect();
        if shown != real {
            wrong.push(format!("Python frames {shown:?} are not {real:?}"));
        }
        let native = thread.frames.iter().filter(|f| f.native.as_ref().is_some_and(|n| !n.inlined));
        let loops = native.filter(|f| name(f).is_some_and(|n| n.starts_with("_PyEval_EvalFrameDefault"))).count();
        if loops > 0 {
            wrong.push(format!("{loops} evaluation loop(s) are left among the frames"));
        }
        if let Some(end) = &thread.frames_end {
            wrong.push(format!("the stack of thread {} ends early: {end}", truth["ident"]));
        }
    }
    wrong
}

/// Debian's musl has no unwind tables: the callers of its functions are found by words of the stack, and where that passes
/// over frames the report says so. True where an interpreter runs on it.
fn is_guessed(interpreter: &Interpreter) -> bool {
    if interpreter.musl {
        part_skipped(format!("{}: callers of musl's functions, which have no unwind tables", interpreter.name));
    }
    interpreter.musl
}

/// As [`whole`]; where callers are guessed, less may be known of the evaluation loops, not of Python's frames.
fn whole_or_said(interpreter: &Interpreter, dead: &CrashedProcess, report: &Report) -> Vec<String> {
    let mut wrong = whole(dead, report);
    if !wrong.is_empty() && is_guessed(interpreter) {
        wrong.retain(|text| !text.contains("evaluation loop(s)"));
    }
    wrong
}

macro_rules! merged {
    ($($test:ident: $program:literal;)*) => {
        $(
            #[test]
            fn $test() {
                everywhere(|i| Crash::new(i, $program), whole_or_said);
            }
        )*
    };
}

merged! {
    one_thread_merges: "basic.py";
    threads_merge: "threads.py";
    generators_merge: "generators.py";
    deep_recursion_merges: "recursion.py";
    many_threads_merge: "manythreads.py";
    nested_calls_merge: "nested.py";
}

/// Code that runs while a frame is let go that C code has entered: its evaluation loop is there still (3.12+), the frame is not.
#[test]
fn code_that_runs_while_a_frame_is_let_go() {
    for how in ["del", "weakref", "generator", "close", "thread", "c"] {
        let check = |_: &Interpreter, dead: &CrashedProcess, report: &Report| {
            let mut wrong = whole(dead, report);
            wrong.retain(|text| text != "1 evaluation loop(s) are left among the frames");
            wrong
        };
        everywhere(|i| Crash::new(i, "teardown.py").args(&[how]), check);
    }
}

/// An evaluation loop that the thread stands in, or that a signal interrupted, is shown, in front of what it runs.
fn shows_its_loop(interpreter: &Interpreter, dead: &CrashedProcess, report: &Report) -> Vec<String> {
    let Some(thread) = report.threads.iter().find(|t| t.crashed) else { return vec!["no crashed thread".to_owned()] };
    // In debug builds it calls a function for the least thing.
    if interpreter.debug {
        return Vec::new();
    }
    let interrupted = dead.faulthandler().is_some();
    let python = thread.frames.iter().position(|f| f.kind == FrameKind::Python).unwrap_or(0);
    let native: Vec<&Frame> = thread.frames.iter().take(python).collect();
    let is_loop = |f: &&Frame| {
        let symbol = f.native.as_ref().and_then(|n| n.symbol.as_deref());
        symbol.is_some_and(|s| ["_PyEval_EvalFrameDefault", "_TAIL_CALL_"].iter().any(|p| s.starts_with(p)))
    };
    let mut wrong = Vec::new();
    let last = native.last().filter(|f| is_loop(f) && f.native.as_ref().is_some_and(|n| !n.plumbing));
    if last.is_none() || native.iter().filter(|f| is_loop(f)).count() != 1 {
        let names: Vec<Option<String>> = native.iter().map(|f| name(f)).collect();
        wrong.push(format!("{names:?} have no evaluation loop before the Python frames"));
    }
    if interrupted != native.iter().any(|f| f.native.as_ref().is_some_and(|n| n.plumbing)) {
        wrong.push("only the frame of a signal is hidden".to_owned());
    }
    let shown: Vec<String> = thread.frames.iter().filter(|f| f.kind == FrameKind::Python).filter_map(name).collect();
    if shown.len() != 3 || shown[1..] != ["run", "<module>"] {
        wrong.push(format!("Python frames are {shown:?}"));
    }
    if thread.frames.iter().skip(python).any(|f| is_loop(&f)) {
        wrong.push("the loop stands twice".to_owned());
    }
    let text = pyinquest::render::text::render(report, &Default::default());
    let html = pyinquest::render::html::render(report);
    let first = last.and_then(|f| name(f)).unwrap_or_default();
    if interpreter.minor > 7 && !(text.contains(&format!("C    {first}")) && html.contains(&first)) {
        wrong.push(format!("{first} is not in the texts"));
    }
    wrong
}

#[test]
fn the_innermost_native_frame_is_shown() {
    for how in ["fault", "signal"] {
        everywhere(|i| Crash::new(i, "in_loop.py").args(&[how]), shows_its_loop);
    }
    everywhere(|i| Crash::new(i, "in_loop.py").args(&["fault"]).faulthandler(), shows_its_loop);
}

/// Whether its evaluation loop is made of functions that call each other as the last thing they do (3.14+,
/// `--with-tail-call-interp`), and has their names.
fn makes_tail_calls(interpreter: &Interpreter) -> bool {
    const NAME: &[u8] = b"_TAIL_CALL_start_frame";
    let program = || std::fs::read(&interpreter.libpython).unwrap_or_default();
    interpreter.minor > 13 && memchr::memmem::find(&program(), NAME).is_some()
}

/// Each loop is two native frames then, `_PyEval_EvalFrameDefault` and the function of one instruction. The latter is shown where
/// the thread stands in it, and nowhere else.
#[test]
fn a_loop_of_tail_calls() {
    let all: Vec<&Interpreter> = interpreters().iter().filter(|i| i.is_native() && makes_tail_calls(i)).collect();
    if all.is_empty() {
        part_skipped("no interpreter whose loop makes tail calls");
    }
    let is_part = |name: &String| name.starts_with("_TAIL_CALL_");
    for interpreter in all {
        // Where it dies itself, and where C functions that it called have called Python again.
        for (program, args, shown) in [("in_loop.py", &["fault"][..], 1), ("nested.py", &[][..], 0)] {
            let dead = match Crash::new(interpreter, program).args(args).run() {
                Ok(dead) => dead,
                Err(reason) => skip!("{reason}"),
            };
            let report = report(interpreter, &dead.core);
            let who = format!("{}: {program}", interpreter.name);
            let check = if shown == 1 { shows_its_loop } else { whole_or_said };
            assert_eq!(check(interpreter, &dead, &report), Vec::<String>::new(), "{who}");
            let crashed = report.threads.iter().find(|t| t.crashed).unwrap();
            let parts: Vec<String> = crashed.frames.iter().filter_map(name).filter(is_part).collect();
            assert_eq!(parts.len(), shown, "{who}: {parts:?}");
            let unmerged = our_frames(interpreter, &dead.core);
            let loops = unmerged.iter().filter(|names| names.iter().any(|n| n == "_PyEval_EvalFrameDefault"));
            let (loops, parts) = (loops.count(), unmerged.iter().filter(|names| names.iter().any(is_part)).count());
            assert!(loops > 0 && loops == parts, "{who}: {parts} parts of {loops} loops: {unmerged:?}");
        }
    }
}

/// Frames that must stand in this order, the first innermost; `py` marks Python's. The C functions are looked for where
/// the interpreter's file has symbols for them.
const NESTED: &[(&str, bool)] = &[
    ("innermost", true),
    ("__lt__", true),
    ("list_sort|list_sort_impl|builtin_sorted|PyList_Sort", false),
    ("by_comparison", true),
    ("by_substitution", true),
    ("pattern_subx|_sre_SRE_Pattern_sub|pattern_sub", false),
    ("by_map", true),
    ("map_next", false),
    ("by_reduce", true),
    ("functools_reduce|_functools_reduce|_functools_reduce_impl", false),
    ("by_qsort", true),
    ("qsort|qsort_r|__qsort_r|msort_with_tmp", false),
    ("generator", true),
    ("main", true),
    ("<module>", true),
];

fn nested_order(interpreter: &Interpreter, dead: &CrashedProcess, report: &Report) -> Vec<String> {
    let mut wrong = whole_or_said(interpreter, dead, report);
    if is_guessed(interpreter) {
        return wrong;
    }
    let Some(thread) = report.threads.iter().find(|t| t.crashed) else { return vec!["no crashed thread".to_owned()] };
    let frames = &thread.frames;
    let mut at = 0;
    for (names, python) in NESTED {
        let fits = |f: &Frame| {
            let kind = if *python { FrameKind::Python } else { FrameKind::Native };
            f.kind == kind && name(f).is_some_and(|n| names.split('|').any(|name| name == n))
        };
        match frames.iter().skip(at).position(fits) {
            Some(found) => at += found + 1,
            None if *python || interpreter.has_dwarf && frames.iter().any(fits) => {
                wrong.push(format!("{names} is not where it must be"));
            }
            // Inlined away, or no symbols.
            None => {}
        }
    }
    // Between Python frames that called each other through C there is C.
    let between = |outer: &str, inner: &str| {
        let at = |n: &str| frames.iter().position(|f| f.kind == FrameKind::Python && name(f).as_deref() == Some(n));
        at(inner).zip(at(outer)).is_some_and(|(i, o)| o > i + 1)
    };
    for (outer, inner) in [("by_comparison", "__lt__"), ("by_map", "by_substitution"), ("generator", "by_qsort")] {
        if !between(outer, inner) {
            wrong.push(format!("no C frames between {outer} and {inner}"));
        }
    }
    wrong
}

#[test]
fn callbacks_stand_between_the_c_functions_that_made_them() {
    everywhere(|i| Crash::new(i, "nested.py"), nested_order);
}

/// gdb's own frames of the crashed thread: names, innermost first. Frames that gdb infers for tail calls are left out:
/// nothing of them is on the stack.
fn gdb_frames(interpreter: &Interpreter, core: &Path) -> Option<Vec<String>> {
    const SCRIPT: &str = "\
frame = gdb.newest_frame()
while frame is not None:
    kind = frame.type()
    if kind == gdb.SIGTRAMP_FRAME:
        print('@frame <signal>')
    elif kind != gdb.TAILCALL_FRAME:
        print('@frame', frame.name() or '??')
    try:
        frame = frame.older()
    except gdb.error:
        break
";
    let root = interpreter.sysroot.display();
    let exe = interpreter.sysroot.join(interpreter.exe.trim_start_matches('/'));
    let directory = tempfile::tempdir().ok()?;
    let script = directory.path().join("frames.py");
    std::fs::write(&script, SCRIPT).ok()?;
    let output = Command::new("gdb")
        .args(["-nx", "-batch", "-iex", "set auto-load off", "-iex", "set debuginfod enabled off"])
        .args(["-ex", &format!("set sysroot {root}")])
        .args(["-ex", &format!("set debug-file-directory {root}/usr/lib/debug:/usr/lib/debug")])
        .args(["-ex", "set backtrace limit unlimited", "-ex", "set backtrace past-main on"])
        .args(["-ex", &format!("file {}", exe.display())])
        .args(["-ex", &format!("core {}", core.display())])
        .args(["-ex", &format!("source {}", script.display())])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let frames: Vec<String> = text.lines().filter_map(|l| l.strip_prefix("@frame ")).map(str::to_owned).collect();
    (!frames.is_empty()).then_some(frames)
}

/// Our frames of the crashed thread in the same terms, before the merge takes the evaluation loops out.
fn our_frames(interpreter: &Interpreter, core: &Path) -> Vec<Vec<String>> {
    use pyinquest::native::ModuleTables;
    use pyinquest::native::symbolize::{Lines, Symbolizer};
    let target = elf_core::open(core).expect("a core");
    let search = harness::files_of(interpreter);
    let inspection = Inspection::from_target(target, &search);
    let (target, images) = (inspection.target(), inspection.images());
    let tables = ModuleTables::new(target);
    let symbolizer = Symbolizer::new(target, &tables, images, Lines::All);
    let tid = target.crash.as_ref().expect("a crash").tid();
    let stacks = pyinquest::stack::native_stacks(target, &tables, &symbolizer, Some(tid));
    let stack = &stacks[0];
    let mut out = Vec::new();
    for (frame, code) in stack.unwound.frames.iter().zip(&stack.symbols) {
        if frame.trampoline {
            out.push(vec!["<signal>".to_owned()]);
            continue;
        }
        let physical = code.functions.len().saturating_sub(1);
        out.extend(code.functions[..physical].iter().map(|f| f.function.clone().into_iter().collect()));
        // Any of the names that stand for one address.
        let by_dwarf = code.functions.last().and_then(|f| f.function.clone());
        let names: Vec<String> = by_dwarf.into_iter().chain(code.symbol.as_ref().map(|s| s.name.clone())).collect();
        out.push(if names.is_empty() { vec!["??".to_owned()] } else { names });
    }
    out
}

fn compare_with_gdb(interpreter: &Interpreter, core: &Path) -> Vec<String> {
    // gdb guesses otherwise.
    if is_guessed(interpreter) {
        return Vec::new();
    }
    let Some(gdb) = gdb_frames(interpreter, core) else { return vec!["gdb shows no frames".to_owned()] };
    let ours = our_frames(interpreter, core);
    let base = |name: &str| name.split(['.', '@']).next().unwrap_or(name).to_owned();
    let same = |theirs: &String, ours: &Vec<String>| ours.iter().any(|o| base(o) == base(theirs));
    if gdb.len() == ours.len() && gdb.iter().zip(&ours).all(|(g, o)| same(g, o)) {
        return Vec::new();
    }
    let first = gdb.iter().zip(&ours).position(|(g, o)| !same(g, o)).unwrap_or(gdb.len().min(ours.len()));
    let near = |from: usize| from.saturating_sub(1)..from + 4;
    let theirs: Vec<&String> = gdb.iter().skip(near(first).start).take(5).collect();
    let mine: Vec<&Vec<String>> = ours.iter().skip(near(first).start).take(5).collect();
    vec![format!("{} frames, gdb has {}; from #{first} on gdb {theirs:?}, we {mine:?}", ours.len(), gdb.len())]
}

fn has_gdb() -> bool {
    Command::new("gdb").arg("--version").output().is_ok_and(|o| o.status.success())
}

#[test]
fn frames_are_those_of_gdb() {
    if !has_gdb() {
        skip!("no gdb");
    }
    everywhere(|i| Crash::new(i, "nested.py"), |i, dead, _| compare_with_gdb(i, &dead.core));
}

#[test]
fn frames_behind_a_signal_handler_are_those_of_gdb() {
    if !has_gdb() {
        skip!("no gdb");
    }
    let check = |i: &Interpreter, dead: &CrashedProcess, report: &Report| {
        let mut wrong = compare_with_gdb(i, &dead.core);
        let first = report.findings.first().map(|f| f.id.clone()).unwrap_or_default();
        if first != "null-pointer" {
            wrong.push(format!("the cause behind faulthandler is {first}"));
        }
        wrong
    };
    everywhere(|i| Crash::new(i, "basic.py").death("null").faulthandler(), check);
}
