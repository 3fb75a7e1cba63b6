//! Proves that the machinery in `common` works: each interpreter runs, dies, and leaves a core and the truth.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Crash, block, crash, interpreters, one_per_minor, skip};

const PROGRAMS: &[(&str, &[&str])] = &[
    ("asyncio_prog.py", &[]),
    ("basic.py", &[]),
    ("extmods.py", &[]),
    ("forked.py", &[]),
    ("garbage.py", &[]),
    ("gc_crash.py", &[]),
    ("generators.py", &[]),
    ("manythreads.py", &[]),
    ("multiline.py", &[]),
    ("native_thread.py", &["idle"]),
    ("native_thread.py", &["crash"]),
    ("recursion.py", &["2000"]),
    ("stackoverflow.py", &["native"]),
    ("subinterp.py", &["run"]),
    ("subinterp.py", &["idle"]),
    ("subinterp.py", &["threads"]),
    ("threads.py", &[]),
    ("threads.py", &["worker"]),
    ("values.py", &[]),
    ("zipcode.py", &[]),
];

#[test]
fn every_interpreter_leaves_a_core_and_the_truth() {
    if interpreters().is_empty() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    for interpreter in interpreters() {
        let dead = match crash(interpreter, "basic.py", &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let version = dead.truth["version"].as_str().expect("a version");
        assert!(version.starts_with(&interpreter.version), "{}: {version}", interpreter.name);
        let frames = dead.crashed_thread()["frames"].as_array().expect("frames");
        let functions: Vec<_> = frames.iter().map(|frame| frame["function"].as_str().unwrap()).collect();
        assert_eq!(functions, ["deepest", "inner", "greet", "main", "<module>"], "{}", interpreter.name);
        assert_eq!(frames[1]["unbound"], serde_json::json!(["never_bound", "removed"]), "{}", interpreter.name);
        let length = std::fs::metadata(&dead.core).expect("the core").len();
        assert!(length > 1 << 20, "{}: a core of {length} bytes", interpreter.name);
    }
}

/// faulthandler's text is an oracle of its own: it must tell the same lines as the truth.
#[test]
fn faulthandler_agrees_with_the_truth() {
    for interpreter in one_per_minor() {
        for program in ["basic.py", "generators.py", "gc_crash.py", "zipcode.py"] {
            let dead = match Crash::new(interpreter, program).faulthandler().run() {
                Ok(dead) => dead,
                Err(reason) => skip!("{reason}"),
            };
            let text = dead.faulthandler().unwrap_or_else(|| panic!("{}: {}", interpreter.name, dead.stderr));
            let told: Vec<_> = text.lines().filter(|line| line.starts_with("  File ")).collect();
            let frames = dead.crashed_thread()["frames"].as_array().expect("frames");
            let expected: Vec<_> = frames.iter().map(faulthandler_line).collect();
            assert_eq!(told, expected, "{}: {program}", interpreter.name);
        }
    }
}

fn faulthandler_line(frame: &serde_json::Value) -> String {
    let (file, function) = (frame["filename"].as_str().unwrap(), frame["function"].as_str().unwrap());
    format!("  File \"{file}\", line {} in {function}", frame["line"])
}

#[test]
fn every_program_dies_as_it_should() {
    // The oldest and the newest: `truth.rs` runs most of them everywhere.
    let all = one_per_minor();
    let ends = all.iter().enumerate().filter(|(index, _)| *index == 0 || index + 1 == all.len());
    for (_, interpreter) in ends {
        for (program, args) in PROGRAMS {
            let dead = match crash(interpreter, program, args, &[]) {
                Ok(dead) => dead,
                Err(reason) => skip!("{reason}"),
            };
            let told = dead.truth["threads"].as_array().is_some_and(|threads| !threads.is_empty());
            assert!(told, "{}: {program} {args:?} wrote no truth: {}", interpreter.name, dead.stderr);
        }
    }
}

#[test]
fn every_death_leaves_a_core() {
    let Some(interpreter) = one_per_minor().pop() else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let deaths = [
        ("sigsegv", 11),
        ("sigbus", 7),
        ("sigfpe", 8),
        ("sigill", 4),
        ("kill", 11),
        ("abort", 6),
        ("fatal", 6),
        ("null", 11),
        ("null_nogil", 11),
        ("readonly", 11),
        ("jump", 11),
        ("free", 6),
    ];
    for (how, signal) in deaths {
        match Crash::new(interpreter, "basic.py").death(how).run() {
            Ok(dead) => assert_eq!(dead.signal(), Some(signal), "{how}: {}", dead.stderr),
            Err(reason) => skip!("{reason}"),
        }
    }
}

#[test]
fn gcore_takes_a_core_of_a_live_process() {
    for interpreter in one_per_minor() {
        let alive = match block(interpreter, "threads.py", &[]) {
            Ok(alive) => alive,
            Err(reason) => skip!("{reason}"),
        };
        assert_eq!(alive.truth["pid"], alive.pid, "{}", interpreter.name);
        match alive.gcore() {
            Ok(core) => assert!(std::fs::metadata(&core).is_ok_and(|file| file.len() > 1 << 20)),
            Err(reason) => skip!("{reason}"),
        }
    }
}
