//! Crashes in modules that other tools than a C compiler made: what is said first, and how native frames are named.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod debugger;
mod harness;

use common::{Crash, CrashedProcess, Interpreter, Unavailable, interpreters, skip};
use pyinquest::engine::Options;
use pyinquest::model::{Report, Trust};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each costs half a minute; `PYINQUEST_TEST_INTERPRETER=pyenv-3.9` tries the oldest that the packages support.
const INTERPRETERS: &[&str] = &["pyenv-3.13"];

/// A way to die, and what must be said of it.
struct Expected {
    function: &'static str,
    /// Rule of the first finding.
    id: &'static str,
    /// Parts of its title.
    title: &'static [&'static str],
    /// Native functions that the stack must show, innermost first.
    frames: &'static [&'static str],
}

const fn expect(
    function: &'static str,
    id: &'static str,
    title: &'static [&'static str],
    frames: &'static [&'static str],
) -> Expected {
    Expected { function, id, title, frames }
}

const CPP: &[Expected] = &[
    expect(
        "uncaught",
        "cpp-terminate",
        &["engine::CoolantError (\"no coolant at 42 degrees\")", "in engine::Core::heat(int)", "plain.cpp:"],
        &["engine::Core::heat(int)", "uncaught"],
    ),
    expect(
        "uncaught_noexcept",
        "cpp-terminate",
        &["engine::CoolantError (\"no coolant at 43 degrees\")", "in engine::Core::heat(int)"],
        &["engine::Core::heat(int)", "uncaught_noexcept"],
    ),
    expect("uncaught_opaque", "cpp-terminate", &["engine::Opaque was not caught in uncaught_opaque"], &[]),
    expect("uncaught_int", "cpp-terminate", &["C++ exception int was not caught in uncaught_int"], &[]),
    expect(
        "out_of_range",
        "cpp-terminate",
        &["std::out_of_range (\"basic_string::at", "in out_of_range (libplain-cpp.so"],
        &["out_of_range"],
    ),
    // The text of a class is what its own `what()` returns.
    expect("uncaught_counted", "cpp-terminate", &["engine::Counted (\"a text of its own\")"], &[]),
    expect("uncaught_chosen", "cpp-terminate", &["engine::Chosen was not caught"], &[]),
    expect("uncaught_first", "cpp-terminate", &["engine::First (\"the first's text\")"], &[]),
    expect("uncaught_second", "cpp-terminate", &["engine::Second was not caught"], &[]),
    expect("uncaught_plain", "cpp-terminate", &["engine::Plain (\"std::exception\")"], &[]),
    expect("uncaught_alike", "cpp-terminate", &["engine::Alike was not caught"], &[]),
    expect("rethrown", "cpp-terminate", &["engine::CoolantError (\"kept for later\")"], &["rethrown"]),
    expect("nested", "cpp-terminate", &["std::logic_error", "(\"the outer text\")"], &["nested"]),
    expect("bad_alloc", "cpp-terminate", &["std::bad_alloc (\"std::bad_alloc\")", "in bad_alloc"], &["bad_alloc"]),
    expect("bad_array_new_length", "cpp-terminate", &["(\"std::bad_array_new_length\")"], &["bad_array_new_length"]),
    expect("bad_cast", "cpp-terminate", &["std::bad_cast (\"std::bad_cast\")"], &["bad_cast"]),
    expect("bad_typeid", "cpp-terminate", &["std::bad_typeid (\"std::bad_typeid\")"], &["bad_typeid"]),
    expect("bad_function_call", "cpp-terminate", &["std::bad_function_call (\"bad_function_call\")"], &[]),
    expect("bad_weak_ptr", "cpp-terminate", &["std::bad_weak_ptr (\"bad_weak_ptr\")"], &["bad_weak_ptr"]),
    expect("bad_any_cast", "cpp-terminate", &["std::bad_any_cast (\"bad any_cast\")"], &["bad_any_cast"]),
    expect("bad_optional_access", "cpp-terminate", &["std::bad_optional_access (\"bad optional access\")"], &[]),
    expect("bad_variant_access", "cpp-terminate", &["(\"std::get: wrong index for variant\")"], &[]),
    expect(
        "filesystem_error",
        "cpp-terminate",
        &[
            "filesystem_error",
            "(\"filesystem error: cannot get file size: No such file or directory [/no/such/tank]\")",
        ],
        &["filesystem_error"],
    ),
    expect("stream_failure", "cpp-terminate", &["(\"basic_ios::clear: iostream error\")"], &["stream_failure"]),
    expect("future_error", "cpp-terminate", &["(\"std::future_error: Future already retrieved\")"], &["future_error"]),
    expect("system_error", "cpp-terminate", &["(\"opening: No such file or directory\")"], &["system_error"]),
    expect(
        "regex_error",
        "cpp-terminate",
        &["std::regex_error", "(\"Mismatched '(' and ')' in regular expression\")"],
        &[],
    ),
    expect("joinable_thread", "cpp-terminate", &["std::terminate was called in joinable_thread"], &["joinable_thread"]),
    expect(
        "pure_virtual",
        "cpp-terminate",
        &["a pure virtual function was called in engine::Pump::halt()"],
        &["engine::Pump::halt()", "pure_virtual"],
    ),
    expect(
        "cpp_assert",
        "assertion-failed",
        &["plain.cpp:", "Assertion `degrees > T(1000)'", "called from foreign.py:"],
        &["long engine::Core::cool<long>(long)", "cpp_assert"],
    ),
];

const RUST: &[Expected] = &[
    expect(
        "rust_panic_text",
        "rust-panic",
        &["(\"the tank holds less than 12\")", "in rust_panic_text (libplain-rust.so"],
        &["rust_panic_text"],
    ),
    expect("rust_panic_fixed", "rust-panic", &["(\"a valve was fitted\")", "in rust_panic_fixed"], &[]),
    expect("rust_bounds", "rust-panic", &["index out of bounds: the len is 3 but the index is 7"], &[]),
    expect(
        "rust_no_memory",
        "out-of-memory",
        &["Rust code could not get 1152921504606846976 bytes of memory in rust_no_memory (libplain-rust.so"],
        &["rust_no_memory"],
    ),
    expect("rust_null", "null-pointer", &["read of NULL + 0x", "<plain::Tank>::level"], &["<plain::Tank>::level"]),
];

/// Built with `panic=abort`: no exception object is made.
const RUST_ABORT: &[Expected] = &[
    expect(
        "rust_panic_text",
        "rust-panic",
        &["(\"the tank holds less than 12\")", "plain.rs:", "in plain::drain"],
        &["plain::drain", "rust_panic_text"],
    ),
    expect("rust_panic_fixed", "rust-panic", &["(\"a valve was fitted\")", "in rust_panic_fixed"], &[]),
    expect("rust_panic_static", "rust-panic", &["(\"no valve was ever fitted\")"], &[]),
    expect("rust_panic_any", "rust-panic", &["Rust panic at", "in rust_panic_any"], &[]),
    expect("rust_bounds", "rust-panic", &["index out of bounds: the len is 3 but the index is 7"], &[]),
];

const CFFI: &[Expected] = &[
    expect("measure", "null-pointer", &["read through a NULL pointer in read_gauge (gauges.so"], &["read_gauge"]),
    expect("vent", "double-free", &["in vent (gauges.so", "called from foreign.py:"], &["vent"]),
];

const CYTHON: &[Expected] = &[
    expect(
        "close_all",
        "null-pointer",
        &["in cyvalve.turn (cyvalve.so", "called from foreign.py:"],
        &["cyvalve.turn", "cyvalve.Valve.open", "cyvalve.close_all"],
    ),
    expect("give_up", "abort-called", &["abort() was called by cyvalve.give_up (cyvalve.so"], &["cyvalve.give_up"]),
    expect(
        "steps",
        "signal-raised",
        &["in die"],
        &["cysteps.Valve.steps", "cysteps.numbers", "cysteps.stage", "cysteps.make.<locals>.closure", "cysteps.run"],
    ),
];

const MYPYC: &[Expected] = &[expect(
    "run",
    "signal-raised",
    &["in die"],
    &["turn", "steps_Valve_gen.__mypyc_generator_helper__", "Valve.open", "Valve.__call__", "run"],
)];

const PYBIND11: &[Expected] = &[
    expect(
        "read",
        "null-pointer",
        &["in plant::Boiler::read() const (pbvalve.so, pbvalve.cpp:"],
        &["plant::Boiler::read() const"],
    ),
    expect(
        "burst",
        "cpp-terminate",
        &["std::logic_error (\"the boiler burst\")", "in plant::Boiler::burst()"],
        &["plant::Boiler::burst()"],
    ),
];

const NANOBIND: &[Expected] = &[
    expect("read_gauge", "null-pointer", &["in plant::Boiler::read(long) const"], &["plant::Boiler::read(long) const"]),
    expect("vent_steam", "null-pointer", &["in plant::Boiler::vent(long) const"], &["plant::Boiler::vent(long) const"]),
    expect("ring_bell", "signal-raised", &["in die"], &[]),
];

const PYO3: &[Expected] = &[
    expect(
        "read",
        "null-pointer",
        &["read through a NULL pointer", "rsvalve::Meter::latest"],
        &["rsvalve::Meter::latest"],
    ),
    expect(
        "ring",
        "rust-panic",
        &["gauge 4 is stuck", "in rsvalve::callback"],
        &["rsvalve::callback", "rsvalve::ring"],
    ),
];

/// Builds a module with the interpreter's own packages; what is newer than the sources stays.
fn build(interpreter: &Interpreter, tool: &str) -> Result<Vec<PathBuf>, Unavailable> {
    // Two tests may want the same module.
    static LOCK: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one_at_a_time = LOCK.lock();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/foreign");
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("foreign-{tool}-{}", interpreter.name));
    let done = directory.join("done");
    let time = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
    let newest = files(&sources).iter().chain(&files(&sources.join("pyo3/src"))).filter_map(|f| time(f)).max();
    if time(&done) < newest {
        std::fs::create_dir_all(&directory).expect("a directory for builds");
        let work = common::cache().join("foreign");
        std::fs::create_dir_all(&work).expect("a directory in the cache");
        let mut command = Command::new(&interpreter.argv[0]);
        let output = command.arg(sources.join("build.py")).arg(tool).arg(&directory).arg(&work).output();
        let output = output.map_err(|e| Unavailable(format!("{}: {e}", interpreter.name)))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Unavailable(format!("{tool} cannot be built for {}: {text}", interpreter.name)));
        }
        std::fs::write(&done, "").expect("a file in our own directory");
    }
    Ok(files(&directory).into_iter().filter(|f| f.extension().is_some_and(|e| e == "so")).collect())
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("our own directory");
    entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect()
}

fn report(interpreter: &Interpreter, core: &Path) -> Report {
    harness::report_of(interpreter, core, &Options { native: true, source_lines: true, ..Options::default() })
}

fn wrong(expected: &Expected, report: &Report) -> Option<String> {
    let first = report.findings.first()?;
    let missing: Vec<_> = expected.title.iter().filter(|part| !first.title.contains(**part)).collect();
    if first.id != expected.id || !missing.is_empty() {
        return Some(format!("[{}] {} (missing {missing:?})", first.id, first.title));
    }
    let Some(thread) = report.threads.iter().find(|t| t.crashed) else { return Some("no crashed thread".to_owned()) };
    let native = thread.frames.iter().filter(|f| f.native.is_some());
    let names: Vec<String> = native.filter_map(|f| f.function.as_ref().map(ToString::to_string)).collect();
    let mut rest = names.iter();
    let absent = expected.frames.iter().find(|name| !rest.any(|n| n == *name));
    absent.map(|name| format!("{name} is not among {names:?}"))
}

/// Where each function of `cysteps.pyx` stands, by the text of its line.
const CYTHON_LINES: &[(&str, &str)] = &[
    ("cysteps.Valve.steps", "        callback()"),
    ("cysteps.numbers", "    for step in Valve().steps(callback):"),
    ("cysteps.stage", "    for number in numbers(callback):"),
    ("cysteps.make.<locals>.closure", "        await stage(callback)"),
    ("cysteps.run", "        coroutine.send(None)"),
];

/// The same of `cyvalve.pyx`, which is made without line directives: by the comments of its C file.
const CYTHON_COMMENTS: &[(&str, &str)] = &[
    ("cyvalve.turn", "    return handle[0] + 1"),
    // The function that takes the arguments.
    ("cyvalve.Valve.open", "    def open(self, steps):"),
    ("cyvalve.close_all", "    return [valve.open(1) for valve in valves]"),
    ("cyvalve.give_up", "    abort()"),
];

/// Lines are those of the `.pyx` file.
fn wrong_lines(report: &Report) -> Option<String> {
    let of = |name, source, lines| wrong_lines_of(report, name, source, lines);
    of("cysteps.pyx", include_str!("programs/foreign/cysteps.pyx"), CYTHON_LINES)
        .or_else(|| of("cyvalve.pyx", include_str!("programs/foreign/cyvalve.pyx"), CYTHON_COMMENTS))
}

fn wrong_lines_of(report: &Report, name: &str, source: &str, lines: &[(&str, &str)]) -> Option<String> {
    let thread = report.threads.iter().find(|t| t.crashed)?;
    let native: Vec<_> = thread.frames.iter().filter(|f| f.native.is_some()).collect();
    let differs = |(function, text): &(&str, &str)| {
        let line = source.lines().position(|line| line == *text).unwrap() + 1;
        let frame = native.iter().find(|f| f.function.as_ref().is_some_and(|own| *own == **function))?;
        let file = frame.file.as_ref().map(ToString::to_string).unwrap_or_default();
        let same = file.ends_with(name) && frame.line.map(|own| own as usize) == Some(line);
        (!same).then(|| format!("{function} stands at line {line}, not {file}:{:?}", frame.line))
    };
    lines.iter().find_map(differs)
}

/// A module whose C file is gone, and one without debug information: what would give lines is said once.
#[test]
fn cython_without_its_c_file() {
    let Some(interpreter) = common::interpreter(INTERPRETERS[0]) else {
        // As in `everywhere`.
        common::part_skipped(format_args!("{} is not installed", INTERPRETERS[0]));
        return;
    };
    let modules = match build(interpreter, "cython") {
        Ok(modules) => modules,
        Err(reason) => skip!("{reason}"),
    };
    let ask = ["-c", "import sysconfig; print(sysconfig.get_paths()['include'], end='')"];
    let include = Command::new(&interpreter.argv[0]).args(ask).output().unwrap().stdout;
    let include = String::from_utf8(include).unwrap();
    for (debug, said) in [("-g", "stand at lines of"), ("-g0", "have no lines")] {
        let directory = tempfile::tempdir().unwrap();
        let (source, module) = (directory.path().join("cyvalve.c"), directory.path().join("cyvalve.so"));
        std::fs::copy(modules[0].with_file_name("cyvalve.c"), &source).unwrap();
        let mut gcc = Command::new("gcc");
        gcc.args(["-shared", "-fPIC", "-O1", debug, "-I"]).arg(&include).arg(&source).arg("-o").arg(&module);
        assert!(gcc.status().is_ok_and(|status| status.success()));
        std::fs::remove_file(&source).unwrap();
        let dead = match Crash::new(interpreter, "foreign.py").args(&["cython", "give_up"]).file(&module).run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let report = report(interpreter, &dead.core);
        let notes: Vec<&str> = report
            .diagnostics
            .iter()
            .filter(|d| d.code == pyinquest::base::DiagnosticCode::CythonLines)
            .map(|d| d.message.as_str())
            .collect();
        assert!(notes.len() == 1 && notes[0].contains(said) && notes[0].contains("cyvalve."), "{debug}: {notes:?}");
    }
}

/// What Python calls the functions that objects bind: the name is that of the function that was called.
fn wrong_method(tool: &str, expected: &Expected, report: &Report) -> Option<String> {
    let thread = report.threads.iter().find(|t| t.crashed)?;
    let own = thread.frames.iter().take_while(|f| f.native.is_some());
    let mut methods: Vec<&str> = own.filter_map(|f| f.native.as_ref()?.method.as_deref()).collect();
    // Of nanobind's, what calls all functions is there too.
    methods.dedup();
    // The other way to die there is a function of Python's that C++ calls.
    let bound = ["pybind11", "nanobind", "pyo3"].contains(&tool) && expected.id != "signal-raised";
    let text = pyinquest::render::text::render(report, &Default::default());
    let shown = !bound
        || text.contains(&format!("method {}()", expected.function))
        || text.contains(&format!("::{}", expected.function));
    (bound && methods != [expected.function] || !shown).then(|| format!("the methods are {methods:?}"))
}

/// Builds the tool's module and dies in each way, in every interpreter of the list.
fn everywhere(tool: &str, table: &[Expected]) {
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    let wanted = |i: &&Interpreter| match &only {
        Some(name) => i.root.is_none() && i.is_native() && i.name.contains(name.as_str()),
        None => INTERPRETERS.contains(&i.name.as_str()),
    };
    let mut faults = Vec::new();
    let chosen: Vec<&Interpreter> = interpreters().iter().filter(wanted).collect();
    if chosen.is_empty() {
        // Also in CI: they come with pyenv, which a fresh machine has not, and the roots of Debian's have no headers.
        common::part_skipped(format_args!("none of {INTERPRETERS:?} is installed"));
        return;
    }
    for interpreter in chosen {
        let modules = match build(interpreter, tool) {
            Ok(modules) => modules,
            Err(reason) => skip!("{reason}"),
        };
        for expected in table {
            // A panic that writes a backtrace maps all modules a second time, as data.
            let start = Crash::new(interpreter, "foreign.py").args(&[tool, expected.function]);
            let start = start.env("RUST_BACKTRACE", "1");
            let dead = match modules.iter().fold(start, |crash, module| crash.file(module)).run() {
                Ok(dead) => dead,
                Err(reason) => skip!("{reason}"),
            };
            let report = report(interpreter, &dead.core);
            let fault =
                if report.findings.is_empty() { Some("no finding".to_owned()) } else { wrong(expected, &report) };
            let fault = fault.or_else(|| wrong_lines(&report));
            let fault = fault.or_else(|| wrong_method(tool, expected, &report));
            faults.extend(fault.map(|fault| format!("{} {}: {fault}", interpreter.name, expected.function)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

macro_rules! tools {
    ($($test:ident: $tool:literal, $table:ident;)*) => {
        $(
            #[test]
            fn $test() {
                everywhere($tool, $table);
            }
        )*
    };
}

/// Functions that numba made, by what it told debuggers: names, and lines where they have debug information.
#[test]
fn numba_kernel() {
    let wanted = INTERPRETERS[0];
    let Some(interpreter) = interpreters().iter().find(|i| i.name == wanted) else {
        skip!("{wanted} is not installed")
    };
    let Some(env) = common::packages(interpreter, "numba-3.13", &["numba==0.68.1", "llvmlite==0.50.0", "numpy==2.4.6"])
    else {
        skip!("numba cannot be had");
    };
    for how in ["plain", "debug"] {
        let start = Crash::new(interpreter, "numba_kernel.py").args(&[how]);
        let dead = match env.iter().fold(start, |crash, (key, value)| crash.env(key, value)).run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let report = report(interpreter, &dead.core);
        let thread = report.threads.iter().find(|t| t.crashed).unwrap();
        let frame = thread.frames.iter().find(|f| f.native.as_ref().is_some_and(|n| !n.inlined)).unwrap();
        let symbol = frame.native.as_ref().unwrap().symbol.as_deref();
        assert_eq!(symbol, dead.truth["names"][0].as_str());
        let name = frame.function.as_ref().unwrap().to_string();
        assert!(name.starts_with("__main__::kernel("), "{name}");
        assert!(report.findings[0].title.contains("__main__::kernel("), "{}", report.findings[0].title);
        // Its callers are found by what LLVM registered of it.
        let guessed = |f: &&pyinquest::model::Frame| {
            matches!(f.native.as_ref().and_then(|n| n.trust), Some(Trust::FramePointer | Trust::Scan))
        };
        let guesses: Vec<String> = thread.frames.iter().filter(guessed).map(|f| format!("{:?}", f.function)).collect();
        assert!(guesses.is_empty(), "{how}: {guesses:?}");
        let line = frame.line.map(u64::from);
        let (first, last) = (dead.truth["first"].as_u64().unwrap(), dead.truth["last"].as_u64().unwrap());
        assert_eq!(line.is_some_and(|line| first < line && line <= last), how == "debug", "{line:?}");
        let file = frame.file.as_ref().map(ToString::to_string);
        assert_eq!(file.is_some_and(|f| f.ends_with("numba_kernel.py")), how == "debug");
    }
}

/// Frames that another function than CPython's evaluates (PEP 523): all of them in their order, each inside of that function,
/// which is named.
fn wrong_hook(dead: &CrashedProcess, report: &Report, named: Option<&str>) -> Option<String> {
    let evaluator = report.interpreters[0].frame_evaluator.as_deref();
    if evaluator != named {
        return Some(format!("frames are evaluated by {evaluator:?}"));
    }
    let thread = report.threads.iter().find(|t| t.crashed).unwrap();
    let name = |f: &pyinquest::model::Frame| f.function.as_ref().map(ToString::to_string).unwrap_or_default();
    let python = thread.frames.iter().filter(|f| f.native.is_none());
    let shown: Vec<(String, u64)> = python.map(|f| (name(f), u64::from(f.line.unwrap()))).collect();
    let doubts = report.diagnostics.iter().filter(|d| d.code == pyinquest::base::DiagnosticCode::MergePartial).count();
    if shown != said_by_python(dead) || doubts > 0 {
        return Some(format!("{shown:?} with {doubts} doubt(s)"));
    }
    // Those that were entered before it was set have none.
    let function = named.map(|named| named.split(' ').next().unwrap())?;
    let pairs = thread.frames.windows(2).filter(|pair| name(&pair[1]) == function);
    let inside: Vec<String> = pairs.map(|pair| name(&pair[0])).collect();
    (inside != ["leaf", "inner", "inner", "inner", "outer"]).then(|| format!("{function} runs {inside:?}"))
}

#[test]
fn frame_evaluation_hooks() {
    let library = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("frame_hook.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/foreign/frame_hook.c");
    let gcc = Command::new("gcc").args(["-shared", "-fPIC", "-O1", "-g"]).arg(source).arg("-o").arg(&library).status();
    if !gcc.is_ok_and(|status| status.success()) {
        skip!("no gcc");
    }
    let mut faults = Vec::new();
    for interpreter in common::one_per_minor().into_iter().filter(|i| i.minor >= 9) {
        for (how, named) in [("own", Some("evaluate in frame_hook.so")), ("none", None)] {
            let start = Crash::new(interpreter, "frame_hook.py").args(&[how]).file(&library);
            let dead = match start.run() {
                Ok(dead) => dead,
                Err(reason) => skip!("{reason}"),
            };
            let fault = wrong_hook(&dead, &report(interpreter, &dead.core), named);
            faults.extend(fault.map(|fault| format!("{} {how}: {fault}", interpreter.name)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Code that torch.compile has made, in the operators that it calls and where it had to give up: the evaluator of TorchDynamo is
/// named where it is the one in force. `tests/README.md` has how to give a PyTorch.
#[test]
fn torch_compile() {
    let Ok(directory) = std::env::var("PYINQUEST_TORCH") else {
        common::not_asked_for("PYINQUEST_TORCH names no directory with PyTorch");
        return;
    };
    let name = std::env::var("PYINQUEST_TEST_INTERPRETER").unwrap_or_default();
    let Some(interpreter) = common::interpreter(&name) else { skip!("PYINQUEST_TEST_INTERPRETER names none") };
    let shim = "dynamo_custom_eval_frame_shim in libtorch_python.so";
    // What is compiled by `inductor` calls the operator from a file of its own.
    for (backend, way, evaluator, through) in [
        ("eager", "operator", None, "forward"),
        ("inductor", "operator", None, "call"),
        ("eager", "break", Some(shim), "work"),
    ] {
        let kept = tempfile::tempdir().unwrap();
        let crash = Crash::new(interpreter, "torch_compile.py").args(&[backend, way]);
        let crash = crash.env("PYTHONPATH", &directory).env("TORCHINDUCTOR_CACHE_DIR", kept.path().to_str().unwrap());
        let dead = match crash.env("TORCHINDUCTOR_COMPILE_THREADS", "1").run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let report = report(interpreter, &dead.core);
        assert_eq!(report.interpreters[0].frame_evaluator.as_deref(), evaluator, "{backend} {way}");
        let thread = report.threads.iter().find(|t| t.crashed).unwrap();
        let name = |f: &pyinquest::model::Frame| f.function.as_ref().map(ToString::to_string).unwrap_or_default();
        let python = thread.frames.iter().filter(|f| f.native.is_none());
        let shown: Vec<(String, u64)> = python.map(|f| (name(f), u64::from(f.line.unwrap()))).collect();
        let mut said = said_by_python(&dead);
        if way == "break" {
            // What asked Python is done: the call that kills stands in a part of the function after it, on the same line.
            said.retain(|(function, _)| function != "_fn");
            let (part, line) = &shown[0];
            assert!(part.starts_with("torch_dynamo_resume_in_work_at_") && *line == said[0].1, "{shown:?}");
            said.insert(0, (part.clone(), *line));
        }
        assert_eq!(shown, said, "{backend} {way}");
        assert!(shown.iter().any(|(function, _)| function == through), "{shown:?}");
        let doubts = report.diagnostics.iter().filter(|d| d.code == pyinquest::base::DiagnosticCode::MergePartial);
        assert_eq!(doubts.count(), 0, "{backend} {way}");
        // Frames that the evaluator of TorchDynamo ran stand inside of it.
        let inside =
            |pair: &[pyinquest::model::Frame]| pair[0].native.is_none() && name(&pair[1]).starts_with("dynamo_");
        assert!(thread.frames.windows(2).any(inside), "{backend} {way}");
    }
}

/// debugpy's frame evaluator: Cython code, up to CPython 3.10. PyPI has it as C, to be compiled where it is wanted.
#[test]
fn debugpy_frame_evaluator() {
    let Some(interpreter) = common::interpreter("pyenv-3.10") else { skip!("pyenv-3.10 is not installed") };
    let Some(env) = common::packages(interpreter, "debugpy-3.10", &["debugpy==1.8.22"]) else {
        skip!("debugpy cannot be had");
    };
    let pydevd = Path::new(&env[0].1).join("debugpy/_vendored/pydevd");
    let source = pydevd.join("_pydevd_frame_eval/pydevd_frame_evaluator.c");
    let module = source.with_extension("so");
    if !module.exists() {
        let prefix = Path::new(&interpreter.exe).parent().unwrap().parent().unwrap();
        let include = prefix.join("include/python3.10");
        let mut gcc = Command::new("gcc");
        gcc.args(["-shared", "-fPIC", "-O1", "-g", "-w", "-DPy_BUILD_CORE=1", "-I"]).arg(&include).arg("-I");
        gcc.arg(include.join("internal")).arg("-I").arg(source.parent().unwrap()).arg(&source).arg("-o").arg(&module);
        assert!(gcc.status().unwrap().success());
    }
    let path = pydevd.display().to_string();
    let start = Crash::new(interpreter, "frame_hook.py").args(&["pydevd"]).env("PYTHONPATH", &path);
    let dead = match start.run() {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let report = report(interpreter, &dead.core);
    let function = "_pydevd_frame_eval.pydevd_frame_evaluator.get_bytecode_while_frame_eval_39";
    let named = format!("{function} in pydevd_frame_evaluator.so");
    assert_eq!(wrong_hook(&dead, &report, Some(&named)), None);
}

/// CPython's own JIT: its code runs for the evaluation loop, and is a part of it on the merged stack.
#[test]
fn cpython_jit() {
    let mut tried = 0;
    for interpreter in interpreters().iter().filter(|i| i.name == "debian-sid-3.15") {
        let dead = match Crash::new(interpreter, "jit.py").env("PYTHON_JIT", "1").run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let report = report(interpreter, &dead.core);
        let thread = report.threads.iter().find(|t| t.crashed).unwrap();
        let python: Vec<_> = thread.frames.iter().filter(|f| f.native.is_none()).collect();
        let shown: Vec<_> = python.iter().map(|f| (f.function.as_ref().unwrap().to_string(), f.line)).collect();
        let truth = dead.truth["threads"][0]["frames"].as_array().unwrap();
        let said = |f: &serde_json::Value| {
            (f["function"].as_str().unwrap().to_owned(), f["line"].as_u64().and_then(|l| u32::try_from(l).ok()))
        };
        assert_eq!(shown, truth.iter().map(said).collect::<Vec<_>>());
        let symbols: Vec<&str> = thread.frames.iter().filter_map(|f| f.native.as_ref()?.symbol.as_deref()).collect();
        assert!(!symbols.iter().any(|s| s.starts_with("py::")), "{symbols:?}");
        // It did run: there is code of no module on the stack.
        let inspection = harness::inspect(&dead.core, &harness::files_of(interpreter));
        let target = inspection.target();
        let registers = target.thread(thread.tid.unwrap()).unwrap().registers.as_ref();
        let tables = pyinquest::native::ModuleTables::new(target);
        let unwound = pyinquest::native::unwind::Unwinder::new(target, &tables).unwind(registers);
        assert!(unwound.frames.iter().any(|f| !target.modules.iter().any(|m| m.contains(f.lookup()))));
        let doubts = report.diagnostics.iter().filter(|d| d.code == pyinquest::base::DiagnosticCode::MergePartial);
        assert_eq!(doubts.count(), 0);
        tried += 1;
    }
    if tried == 0 {
        common::part_skipped(format_args!("no interpreter with a JIT"));
    }
}

/// A process that died in code that Nuitka compiled.
fn nuitka_crash() -> Result<(&'static Interpreter, CrashedProcess), Unavailable> {
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    let wanted = only.as_deref().unwrap_or(INTERPRETERS[0]);
    let interpreter = interpreters().iter().find(|i| i.name == wanted);
    let interpreter = interpreter.ok_or_else(|| Unavailable(format!("{wanted} is not installed")))?;
    let start = Crash::new(interpreter, "foreign.py").args(&["nuitka", "run"]);
    let dead = build(interpreter, "nuitka")?.iter().fold(start, |crash, module| crash.file(module)).run()?;
    Ok((interpreter, dead))
}

/// The functions of the truth's innermost frames, and their lines.
fn said_by_python(dead: &CrashedProcess) -> Vec<(String, u64)> {
    let frames = dead.truth["threads"][0]["frames"].as_array().unwrap();
    frames.iter().map(|f| (f["function"].as_str().unwrap().to_owned(), f["line"].as_u64().unwrap())).collect()
}

/// In debuggers a Python frame of compiled code goes with the C function that runs it.
#[test]
fn nuitka_module_in_debuggers() {
    let (interpreter, dead) = match nuitka_crash() {
        Ok(found) => found,
        Err(reason) => skip!("{reason}"),
    };
    let core = dead.core.display().to_string();
    // Of `staged`, which awaits, no C function is left on the stack: it goes with who drives it.
    let compiled = ["turn", "turn", "steps", "open", "stage", "staged", "run"];
    let commands = |mark: &dyn Fn(&str) -> String, frame: &str| {
        let mut out = vec!["py-bt".to_owned()];
        for at in 1..=compiled.len() {
            out.extend([format!("py-frame {at}"), mark(&format!("={at}=")), frame.to_owned(), mark("=end=")]);
        }
        out
    };
    let mut tried = Vec::new();
    let of_gdb = commands(&|text| format!("echo {text}\\n"), "frame");
    let words: Vec<&str> = of_gdb.iter().map(String::as_str).collect();
    match debugger::gdb(&[&[format!("core {core}").as_str()], &words[..]].concat(), &[&interpreter.exe]) {
        Ok(said) => tried.push(("gdb".to_owned(), debugger::file_lines(&said.text), said)),
        Err(reason) => common::part_skipped(reason),
    }
    let of_lldb = commands(&|text| format!("script print('{text}')"), "frame info");
    let open = format!("target create --core \"{core}\" {}", interpreter.exe);
    let words: Vec<&str> = std::iter::once(open.as_str()).chain(of_lldb.iter().map(String::as_str)).collect();
    if let Some(lldb) = debugger::lldbs().into_iter().next_back() {
        let said = lldb.run(&words, &[]);
        tried.push((
            lldb.name().to_owned(),
            debugger::told_frames(said.text.split("(lldb) py-frame").next().unwrap()),
            said,
        ));
    }
    let truth = said_by_python(&dead);
    for (who, lines, said) in tried {
        assert_eq!(lines.len(), truth.len(), "{who}:\n{}", said.text);
        for (line, (function, number)) in lines.iter().zip(&truth) {
            let (gdb, lldb) = (format!(", line {number}, in {function}"), format!(": {function} at "));
            assert!(
                line.ends_with(&gdb) || line.contains(&lldb) && line.ends_with(&format!(":{number}")),
                "{who}: {line}"
            );
        }
        let levels: Vec<usize> = (1..=compiled.len())
            .map(|at| {
                let frame = said.between(&format!("={at}=\n"), "=end=");
                // Nuitka's modules have no symbols.
                assert!(frame.contains("npvalve.cpython"), "{who} {at}:\n{}", said.text);
                let number = frame.split_once('#').unwrap().1;
                number.split([' ', ':']).next().unwrap().parse().unwrap()
            })
            .collect();
        let driver = levels.len() - 2;
        let rising = |at: usize| levels[at] < levels[at + 1] || at == driver && levels[at] == levels[at + 1];
        assert!((0..=driver).all(rising), "{who} {levels:?}:\n{}", said.text);
        assert_eq!(levels[driver], levels[driver + 1], "{who}");
    }
}

/// Python frames of compiled code: their lines, what is not kept of them, and which native frame runs each.
#[test]
fn nuitka_module() {
    let (interpreter, dead) = match nuitka_crash() {
        Ok(found) => found,
        Err(reason) => skip!("{reason}"),
    };
    let truth = said_by_python(&dead);
    let expected = ["die", "turn", "turn", "steps", "open", "stage", "staged", "run", "nuitka", "call", "main"];
    assert_eq!(truth.iter().map(|(name, _)| name.as_str()).take(expected.len()).collect::<Vec<_>>(), expected);
    let options = Options { native: true, locals: true, ..Options::default() };
    let report = harness::report_of(interpreter, &dead.core, &options);
    let alone = harness::report_alone(&dead.core, &options);
    for report in [&report, &alone] {
        let thread = report.threads.iter().find(|t| t.crashed).unwrap();
        let python: Vec<_> = thread.frames.iter().filter(|f| f.native.is_none()).collect();
        let shown: Vec<(String, u64)> =
            python.iter().map(|f| (f.function.as_ref().unwrap().to_string(), u64::from(f.line.unwrap()))).collect();
        assert_eq!(shown, truth);
        for frame in python {
            let compiled = frame.file.as_ref().is_some_and(|f| f.to_string().ends_with("npvalve.py"));
            let said = frame.problems.iter().any(|p| p.contains("compiled by"));
            assert_eq!((frame.locals.is_none(), said), (compiled, compiled), "{frame:?}");
        }
    }
    // Of `staged`, which awaits, no C function is left on the stack.
    let of_module = |f: &pyinquest::model::Frame| f.native.as_ref()?.module.as_deref().map(|m| m.contains("npvalve"));
    let thread = report.threads.iter().find(|t| t.crashed).unwrap();
    let mut order: Vec<String> = Vec::new();
    for frame in &thread.frames {
        let name = match of_module(frame) {
            Some(true) => "C".to_owned(),
            Some(false) => continue,
            None => frame.function.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        if order.last() != Some(&name) || name != "C" {
            order.push(name);
        }
    }
    let order: Vec<&str> = order.iter().map(String::as_str).take(15).collect();
    let expected = "die C turn C turn C steps C open C stage C staged run C nuitka call main";
    assert_eq!(order.join(" "), expected.split(' ').take(15).collect::<Vec<_>>().join(" "));
    let doubts = report.diagnostics.iter().filter(|d| d.code == pyinquest::base::DiagnosticCode::MergePartial);
    assert_eq!(doubts.count(), 0);
}

tools! {
    cpp_library: "cpp", CPP;
    rust_library: "rust", RUST;
    rust_library_that_aborts: "rust-abort", RUST_ABORT;
    cffi_module: "cffi", CFFI;
    cython_module: "cython", CYTHON;
    mypyc_module: "mypyc", MYPYC;
    pybind11_module: "pybind11", PYBIND11;
    nanobind_module: "nanobind", NANOBIND;
    pyo3_module: "pyo3", PYO3;
}
