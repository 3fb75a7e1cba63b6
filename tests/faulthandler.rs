//! `--format faulthandler` against faulthandler itself: the same process prints its own report and leaves the core.
//!
//! One test per program; each crashes every interpreter at hand, and all differences are shown together.
//! `PYINQUEST_TEST_INTERPRETER=NAME` runs those whose name contains NAME.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "native/extension.rs"]
mod extension;

use common::{Crash, Interpreter, interpreters, old_interpreters, skip};
use extension::Debug;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// What pyinquest makes of a core.
fn rendered(interpreter: &Interpreter, core: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pyinquest"))
        .args(["report", "--format", "faulthandler", "--sysroot"])
        .arg(&interpreter.sysroot)
        .arg(core)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What faulthandler printed, without what cannot be in a core: the C stack, which begins inside faulthandler.
fn without_c_stack(text: &str) -> String {
    let Some(start) = text.find("\nCurrent thread's C stack trace (most recent call first):\n") else {
        return text.to_owned();
    };
    let (before, section) = text.split_at(start);
    let after = section[1..].find("\n\n").map_or("", |end| &section[end + 2..]);
    format!("{before}{after}")
}

/// Without `/proc` the process cannot tell the names of other threads than the current one (pthread_getname_np).
fn without_names(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        match (line.starts_with("Thread 0x"), line.find(" ["), line.rfind("] (most")) {
            (true, Some(start), Some(end)) => write!(out, "{}{}", &line[..start], &line[end + 1..]).unwrap(),
            _ => out.push_str(line),
        }
    }
    out
}

/// What runs.
#[derive(Clone, Copy, Default)]
struct Program<'a> {
    file: &'a str,
    args: &'a [&'a str],
    env: &'a [(&'a str, &'a str)],
    /// Without faulthandler: Python itself says what ends the process.
    alone: bool,
    /// Beside a compiled `defects` module.
    extension: bool,
    /// In free-threaded builds only.
    free_threaded: bool,
}

fn everywhere(file: &str, args: &[&str], env: &[(&str, &str)]) {
    everywhere_with(Program { file, args, env, ..Program::default() });
}

fn everywhere_with(Program { file: program, args, env, alone, extension, free_threaded }: Program<'_>) {
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    let mut differences = String::new();
    let mut ran = 0;
    let all = interpreters().iter().chain(old_interpreters()).filter(|i| i.is_native());
    // The module is linked with this machine's C library; that of Debian 11 is older, musl is another.
    let all = all.filter(|i| !extension || !i.musl && (i.root.is_none() || i.minor > 9));
    let all = all.filter(|i| !free_threaded || i.free_threaded);
    // Calls have at most 255 arguments in 3.6.
    let all = all.filter(|i| i.minor > 6 || program != "multiline.py");
    for interpreter in all.filter(|i| only.as_ref().is_none_or(|name| i.name.contains(name.as_str()))) {
        let run = Crash::new(interpreter, program).args(args);
        let run = env.iter().fold(if alone { run } else { run.faulthandler() }, |r, (k, v)| r.env(k, v));
        let module = extension.then(|| extension::defects(interpreter, Debug::Stripped)).transpose();
        let run = module.map(|module| module.iter().fold(run, |run, file| run.file(file)));
        let dead = match run.and_then(Crash::run) {
            Ok(dead) => dead,
            Err(reason) => {
                common::part_skipped(format_args!("{}: {reason}", interpreter.name));
                continue;
            }
        };
        let Some(expected) = dead.faulthandler().map(without_c_stack) else {
            common::part_skipped(format_args!("{} does not run {program}: {}", interpreter.name, dead.stderr));
            continue;
        };
        ran += 1;
        let mut expected = expected;
        let mut found = rendered(interpreter, &dead.core);
        if interpreter.root.as_ref().is_some_and(|root| !root.join("proc/self").exists()) {
            (expected, found) = (without_names(&expected), without_names(&found));
        }
        if found != expected {
            let line = found.lines().zip(expected.lines()).take_while(|(a, b)| a == b).count();
            let at = |text: &str| text.lines().skip(line.saturating_sub(3)).take(8).collect::<Vec<_>>().join("\n    ");
            let name = &interpreter.name;
            let (a, b) = (at(&expected), at(&found));
            writeln!(differences, "{name} {program}: line {line}\n  faulthandler\n    {a}\n  pyinquest\n    {b}")
                .unwrap();
        }
    }
    if ran == 0 {
        skip!("no interpreter ran {program}");
    }
    assert!(differences.is_empty(), "\n{differences}");
}

macro_rules! programs {
    ($($name:ident: $program:literal $args:tt $env:tt;)*) => {
        $(
            #[test]
            fn $name() {
                everywhere($program, &$args, &$env);
            }
        )*
    };
}

programs! {
    basic: "basic.py" [] [];
    aborted: "basic.py" [] [("PYINQUEST_DEATH", "abort")];
    bus_error: "basic.py" [] [("PYINQUEST_DEATH", "sigbus")];
    floating_point: "basic.py" [] [("PYINQUEST_DEATH", "sigfpe")];
    illegal_instruction: "basic.py" [] [("PYINQUEST_DEATH", "sigill")];
    threads: "threads.py" [] [];
    a_worker_dies: "threads.py" ["worker"] [];
    more_threads_than_it_prints: "manythreads.py" [] [];
    recursion: "recursion.py" ["500"] [];
    in_the_garbage_collector: "gc_crash.py" [] [];
    third_party_modules: "extmods.py" [] [];
    a_native_thread_dies: "native_thread.py" ["crash"] [];
    multiline: "multiline.py" [] [];
    generators: "generators.py" [] [];
    zipped: "zipcode.py" [] [];
    asyncio: "asyncio_prog.py" [] [];
    in_a_subinterpreter: "subinterp.py" [] [];
    beside_subinterpreters: "subinterp.py" ["threads"] [];
    in_nested_interpreters: "nested_interpreters.py" ["inside"] [];
    a_worker_in_nested_interpreters: "nested_interpreters.py" ["thread"] [];
    beside_nested_interpreters: "nested_interpreters.py" ["waiting"] [];
    back_in_the_first_interpreter: "nested_interpreters.py" ["back"] [];
    in_an_interpreter_that_runs_nothing: "nested_interpreters.py" ["empty"] [];
    in_a_fork: "forked.py" [] [];
}

/// With it all threads are printed, without it one.
#[test]
fn the_gil_of_a_free_threaded_build() {
    for (gil, args) in [("1", &[][..]), ("1", &["worker"]), ("0", &[]), ("0", &["worker"])] {
        let env = &[("PYTHON_GIL", gil)];
        everywhere_with(Program { file: "threads.py", args, env, free_threaded: true, ..Program::default() });
    }
}

/// What Python prints when it ends the process itself (`Py_FatalError`).
mod python_ends_the_process {
    use super::{Program, everywhere_with};

    fn everywhere(way: &str) {
        everywhere_with(Program { file: "fatal.py", args: &[way], alone: true, ..Program::default() });
    }

    #[test]
    fn with_the_gil() {
        everywhere("restore");
    }

    #[test]
    fn without_the_gil() {
        everywhere("without_gil");
    }

    #[test]
    fn in_a_native_thread() {
        everywhere("native_thread");
    }

    #[test]
    fn while_it_finalizes() {
        everywhere("exit");
    }

    #[test]
    fn for_an_extension_module() {
        let args = &["fatal"];
        everywhere_with(Program { file: "defects.py", args, alone: true, extension: true, ..Program::default() });
    }

    /// In a debug build; others raise SystemError, and the program aborts.
    #[test]
    fn for_null_without_an_exception() {
        let args = &["null_without_exception"];
        everywhere_with(Program { file: "defects.py", args, extension: true, ..Program::default() });
    }
}
