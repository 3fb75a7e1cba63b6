//! What the inquest says of processes that died of a known defect: the first finding must be the right one.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "native/extension.rs"]
mod extension;
mod harness;
#[path = "values/packages.rs"]
mod packages;

use common::{Crash, Interpreter, interpreters, none_is_wrong, one_per_minor, skip};
use extension::Debug;
use pyinquest::base::DiagnosticCode;
use pyinquest::debuggee::{self, Target, elf_core};
use pyinquest::engine::{Inspection, Options, record};
use pyinquest::image::SearchOptions;
use pyinquest::model::{Report, Thread};
use pyinquest::slim;
use std::path::Path;
use std::sync::Arc;

fn report(interpreter: &Interpreter, core: &std::path::Path) -> Report {
    Inspection::open(core, &search(interpreter)).expect("a core").report(&Options::default())
}

/// What is expected of a defect.
struct Expected {
    /// Argument of `defects.py`.
    defect: &'static str,
    /// Rule of the first finding.
    id: &'static str,
    /// Parts of its title, whatever the build.
    title: &'static [&'static str],
    /// Parts of its title where the module has debug information.
    named: &'static [&'static str],
}

/// Runs the defects in every interpreter; all that is wrong is collected and shown together.
fn everywhere(debug: Debug, table: &[Expected]) {
    everywhere_and(debug, &table.iter().collect::<Vec<_>>(), &|_, _| None);
}

/// Likewise, with one more look at each report that is right so far.
fn everywhere_and(debug: Debug, table: &[&Expected], more: &(impl Fn(&Expected, &Report) -> Option<String> + Sync)) {
    everywhere_with(debug, table, &[], more);
}

/// Likewise, with these variables in the environment.
fn everywhere_with(
    debug: Debug,
    table: &[&Expected],
    env: &[(&str, &str)],
    more: &(impl Fn(&Expected, &Report) -> Option<String> + Sync),
) {
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    // A thousand crashes of all builds take longer than they tell; name one to see it.
    let chosen: Vec<&Interpreter> = match &only {
        Some(name) => interpreters().iter().filter(|i| i.name.contains(name.as_str())).collect(),
        None => one_per_minor(),
    };
    let mut todo = Vec::new();
    for interpreter in chosen {
        let table = table.iter().copied().filter(|expected| happens(expected.defect, interpreter));
        match extension::defects(interpreter, debug) {
            Ok(module) => todo.extend(table.map(|expected| (interpreter, module.clone(), expected))),
            Err(reason) => common::part_skipped(reason),
        }
    }
    if todo.is_empty() {
        skip!("no interpreter can import the module");
    }
    let checked = none_is_wrong(&todo, |(interpreter, module, expected)| {
        let crash = Crash::new(interpreter, "defects.py").args(&[expected.defect]).file(module);
        let crash = env.iter().fold(crash, |crash, (key, value)| crash.env(key, value));
        let report = report(interpreter, &crash.run()?.core);
        let fault = fault(expected, interpreter, debug, &report).or_else(|| more(expected, &report));
        Ok(fault.map(|fault| format!("{} {}: {fault}", interpreter.name, expected.defect)))
    });
    if let Err(reason) = checked {
        skip!("{reason}");
    }
}

/// Rules that tell of something else that was wrong, beside what the process died of.
const BESIDE: &[&str] = &["bad-refcount"];

/// Whether the defect is one there.
fn happens(defect: &str, interpreter: &Interpreter) -> bool {
    // References to None are not counted any more since 3.12.
    defect != "none_decref" || interpreter.minor < 12
}

fn fault(expected: &Expected, interpreter: &Interpreter, debug: Debug, report: &Report) -> Option<String> {
    let Some(mut first) = report.findings.first() else {
        return Some(format!("no finding; {}", report.diagnostics.len()));
    };
    if BESIDE.contains(&expected.id) {
        first = report.findings.iter().find(|f| f.id == expected.id).unwrap_or(first);
    }
    let named = if debug == Debug::Full { expected.named } else { &[] };
    // The collector of free-threaded builds keeps the visited object in no register: its type is not told then.
    let told = |part: &&&str| !(interpreter.free_threaded && **part == "defects.Holder");
    let missing = expected.title.iter().filter(told).chain(named).find(|part| !tells(&first.title, part));
    if first.id != expected.id || missing.is_some() {
        return Some(format!("[{}] {} (missing {missing:?})", first.id, first.title));
    }
    let module = report.modules.iter().find(|m| m.id.is_some() && m.id == first.module_id);
    if expected.defect == "null_field" && module.is_none_or(|m| !m.path.ends_with("defects.so")) {
        return Some(format!("it names {module:?} as the module"));
    }
    None
}

const fn expect(
    defect: &'static str,
    id: &'static str,
    title: &'static [&'static str],
    named: &'static [&'static str],
) -> Expected {
    Expected { defect, id, title, named }
}

const IN_LOAD: &str = "called from defects.py:";

const DEFECTS: &[Expected] = &[
    expect("null_field", "null-pointer", &["read of NULL + 0x18", "defects.so", IN_LOAD], &["scan_key", "defects.c:"]),
    expect("null_write", "null-pointer", &["write through a NULL pointer", IN_LOAD], &["store"]),
    expect("wild_read", "non-canonical-address", &["AAAAAAAA", IN_LOAD], &["scan_key"]),
    expect("read_only", "write-to-read-only", &["write of", "defects.so", IN_LOAD], &["store"]),
    expect("null_call", "bad-jump", &["NULL function pointer by", "defects.so", IN_LOAD], &["null_call"]),
    expect("use_after_free", "unmapped-address", &["read of", "nothing is mapped", IN_LOAD], &["sum"]),
    expect("wrong_format", "small-integer-as-pointer", &["0x2a (42)", "defects.so", IN_LOAD], &["wrong_format"]),
    expect("over_decref", "corrupt-object", &["0x5858585858585858", IN_LOAD], &[]),
    expect("smash_type", "corrupt-object", &["0x5858585858585858", IN_LOAD], &[]),
    expect("no_gil", "api-without-gil", &["the Python API was called with", "defects.so"], &["make_list"]),
    expect("stack_smash", "stack-smashing", &["stack smashing detected", "defects.so", IN_LOAD], &["smash"]),
    // In glibc's words "free(): double free detected in tcache 2", or "double free or corruption (fasttop)", as its caches are.
    expect(
        "double_free",
        "double-free",
        &["memory was freed twice", "double free", "defects.so", IN_LOAD],
        &["double_free"],
    ),
    expect("invalid_free", "invalid-free", &["invalid pointer", "defects.so", IN_LOAD], &["invalid_free"]),
    expect("c_recursion", "stack-overflow", &["recursion", "defects.so", IN_LOAD], &["of descend"]),
    expect("exception_left_set", "exception-left-set", &["although an exception was set"], &[]),
    expect("null_without_exception", "null-without-exception", &["without setting an exception"], &[]),
    expect("assertion", "assertion-failed", &["defects.c:", "check: Assertion `n > 0", IN_LOAD], &[]),
    expect("divide", "integer-division", &["division by zero", "defects.so", IN_LOAD], &["quotient"]),
    expect("trap", "trap-instruction", &["ud2", "defects.so", IN_LOAD], &["trap"]),
    expect("short_file", "beyond-end-of-file", &["read of", "defects.so", IN_LOAD], &["sum"]),
    expect("guard_page", "guard-page", &["read of", "allows no access", "defects.so", IN_LOAD], &["sum"]),
    expect(
        "large_local",
        "guard-page",
        &["write of", "near the stack pointer", "defects.so", IN_LOAD],
        &["overrun_stack"],
    ),
    expect("jump_to_data", "bad-jump", &["which is data and not code", "defects.so", IN_LOAD], &["jump_to_data"]),
    expect("illegal", "illegal-instruction", &["illegal instruction", "defects.so", IN_LOAD], &["unknown_instruction"]),
    expect("heap_overrun", "heap-corruption", &["the heap is corrupt", "defects.so", IN_LOAD], &["heap_overrun"]),
    expect("foreign_thread", "api-without-gil", &["the Python API was called", "defects.so"], &["make_list"]),
    expect("out_of_memory", "out-of-memory", &["Python was out of memory", "defects.py:"], &[]),
    expect("recursion", "python-recursion", &["recursed too deep", "defects.py:"], &[]),
    expect("buffer_overflow", "buffer-overflow", &["*** buffer overflow detected", "defects.so", IN_LOAD], &["copy"]),
    expect("misaligned", "misaligned", &["0x", "defects.so", IN_LOAD], &["read_odd"]),
    expect(
        "none_decref",
        "bad-refcount",
        &["the reference count of", "None", "fell", "defects.so", IN_LOAD],
        &["none_decref"],
    ),
    expect("freed_argument", "bad-refcount", &["of a freed Thing object", IN_LOAD], &["freed_argument"]),
    expect("fatal", "fatal-error", &["the flux capacitor is empty", "defects.so", IN_LOAD], &["give_up"]),
    expect("after_finalize", "use-after-finalize", &["after Py_Finalize", "defects.so"], &["late"]),
    expect("holder", "crash-in-gc", &["garbage collection", "defects.Holder"], &[]),
    expect("clearer", "crash-in-gc", &["garbage collection", "of a defects.Clearer", "read of 0x18"], &["release"]),
    expect(
        "owner",
        "crash-in-finalizer",
        &["deallocator", "defects.Owner", "defects.so", "from defects.py:"],
        &["release"],
    ),
    expect("del", "crash-in-finalizer", &["in __del__ (defects.py:", "defects.so"], &["scan_key"]),
    expect("callback", "null-pointer", &["defects.so", "<lambda>"], &["scan_key"]),
    expect("thread", "null-pointer", &["defects.so", "called from threading.py:"], &["scan_key"]),
];

const FIELD: &str = "read of NULL + 0x18";

/// Faults that a signal handler has passed on, and what the evidence says of it.
const PASSED_ON: &[(Expected, &str)] = &[
    (expect("raised_again", "null-pointer", &[FIELD, "defects.so", IN_LOAD], &["scan_key"]), "(SIGSEGV, SI_TKILL)"),
    (expect("killed_again", "null-pointer", &[FIELD, "defects.so", IN_LOAD], &["scan_key"]), "(SIGSEGV, SI_USER)"),
    (expect("queued_again", "null-pointer", &[FIELD, "defects.so", IN_LOAD], &["scan_key"]), "(SIGSEGV, SI_QUEUE)"),
    (expect("other_signal", "null-pointer", &[FIELD, "defects.so", IN_LOAD], &["scan_key"]), "(SIGABRT, SI_USER)"),
    (expect("handler_aborts", "null-pointer", &[FIELD, "defects.so", IN_LOAD], &["scan_key"]), "a signal handler ran"),
    (
        expect("handler_faults", "null-pointer", &[FIELD, "defects.so", IN_LOAD], &["scan_key"]),
        "failed itself (SIGSEGV",
    ),
    (expect("watchdog_aborts", "null-pointer", &[FIELD, "defects.so", IN_LOAD], &["scan_key"]), "a signal handler ran"),
];

#[test]
fn a_fault_that_a_handler_passed_on_is_the_cause() {
    let table: Vec<&Expected> = PASSED_ON.iter().map(|(expected, _)| expected).collect();
    everywhere_and(Debug::Full, &table, &|expected, report| {
        let (_, how) = PASSED_ON.iter().find(|(e, _)| e.defect == expected.defect)?;
        let evidence = &report.findings.first()?.evidence;
        (!evidence.iter().any(|line| line.contains(how))).then(|| format!("{how} is not in {evidence:?}"))
    });
}

const POINTERS: &[Expected] = &[
    expect("map_failed", "error-value-as-pointer", &["read through -1 (0xffffffffffffffff)", IN_LOAD], &["scan_key"]),
    expect(
        "null_array",
        "null-pointer",
        &["read of NULL + 0x30, an element of an array that is NULL", IN_LOAD],
        &["element"],
    ),
];

#[test]
fn pointers_that_are_neither_null_nor_fields() {
    everywhere(Debug::Full, POINTERS);
}

const CALLED: &str = "by notify (defects.so";
const IN_SUBSCRIBED: &str = "called from defects.py:";

/// Callbacks of ctypes that a C library calls later.
const CALLBACKS: &[Expected] = &[
    expect(
        "callback_reused",
        "freed-callback",
        &["a ctypes callback was called after it was freed", IN_SUBSCRIBED],
        &[CALLED],
    ),
    // The innocent neighbours: one that lives, and one that lets itself go and then crashes of something else.
    expect("callback_lives", "null-pointer", &["read of NULL + 0x18", "in crash|in Listener.crash"], &["scan_key"]),
    expect("callback_leaves", "null-pointer", &["read of NULL + 0x18", "in leave|in Listener.leave"], &["scan_key"]),
];

#[test]
fn callbacks_of_ctypes_that_are_gone() {
    everywhere_and(Debug::Full, &CALLBACKS.iter().collect::<Vec<_>>(), &|expected, report| {
        let accused = report.findings.iter().any(|f| f.id == "freed-callback");
        (accused && expected.defect == "callback_lives").then(|| "a living callback is called freed".to_owned())
    });
}

/// A situation of a public report (`programs/public_reports.py`), the minor versions that it kills, and what is to be said of it.
type Reported = (&'static str, std::ops::RangeInclusive<u8>, &'static str, &'static [&'static str]);

const PUBLIC_REPORTS: &[Reported] = &[
    ("mapped_file_cut", 8..=15, "beyond-end-of-file", &["a mapped file that has no data there", "read_header"]),
    ("broken_bytecode", 8..=13, "", &["in the interpreter's evaluation loop while running", "in broken"]),
    ("garbage_in_py_object", 8..=15, "non-canonical-address", &["0x1111111111111111", "called through ctypes from"]),
    (
        "number_for_text",
        8..=15,
        "small-integer-as-pointer",
        &[
            "through 0x10 (16)",
            "or a field of a struct or an element of an array that is NULL",
            "called through ctypes from",
        ],
    ),
    (
        "callback_collected",
        11..=15,
        "freed-callback",
        &["a ctypes callback was called after it was freed by", "in callback"],
    ),
    ("element_removed_while_compared", 8..=12, "null-pointer", &["(_elementtree", "in element_removed"]),
    ("array_emptied_while_set", 8..=12, "null-pointer", &["NULL + 0x7d00, an element of an array", "in array_emptied"]),
    ("fields_of_ast_deleted", 9..=12, "null-pointer", &["in PySequence_Contains", "in fields_of_ast_deleted"]),
    ("cpu_time_used_up", 12..=12, "resource-limit", &["RLIMIT_CPU", "it was at public_reports.py"]),
    (
        "system_call_refused",
        12..=13,
        "refused-system-call",
        &["called from public_reports.py", "in system_call_refused"],
    ),
    (
        "interface_without_the_gil",
        12..=15,
        "api-without-gil",
        &["PyList_New, called through ctypes from public_reports.py"],
    ),
    (
        "slot_overwritten",
        8..=15,
        "bad-jump",
        &["0x4141414141414141, which is no address at all; its bytes are the text \"AAAAAAAA\"", "in slot_overwritten"],
    ),
    ("return_address_overwritten", 8..=15, "bad-jump", &["0x4141414141414141, which is no address at all"]),
    (
        "freed_block_written",
        12..=12,
        "heap-corruption",
        &["inside Python's allocator pymalloc", "in freed_block_written"],
    ),
    ("iterators_in_iterators", 12..=12, "stack-overflow", &["recursion of chain_next"]),
    (
        "object_of_zeros",
        8..=15,
        "corrupt-object",
        &["its type pointer is NULL in PyObject_Hash|is NULL in builtin_hash", "in object_of_zeros"],
    ),
    (
        "collects_too_deep",
        8..=11,
        "stack-overflow",
        &["recursion of", "in collects_too_deep|in Endless.__repr__|in __repr__"],
    ),
    ("finalizer_after_modules", 13..=13, "null-pointer", &["in delta_new (", "in Late.__del__|__del__"]),
];

/// Up to 3.10 a stack ends, one time in seven, where an evaluation loop has just begun, which runs no frame yet.
#[test]
fn where_a_stack_ends_python_code_is_named() {
    let old = one_per_minor().into_iter().filter(|i| i.is_native() && i.minor <= 10);
    for interpreter in old {
        for _ in 0..8 {
            let run = Crash::new(interpreter, "public_reports.py").args(&["stack_ends_anywhere"]).run();
            let report = match run {
                Ok(dead) => report(interpreter, &dead.core),
                Err(reason) => skip!("{reason}"),
            };
            first_is(&report, "stack-overflow", &["public_reports.py", "in __repr__"]);
            let doubts: Vec<_> = report.diagnostics.iter().filter(|d| d.code == DiagnosticCode::MergePartial).collect();
            assert!(doubts.is_empty(), "{}: {doubts:?}", interpreter.name);
        }
    }
}

/// With faulthandler on, whose handler runs first and raises the signal again, and in one version without.
#[test]
fn public_reports_are_told_for_what_they_are() {
    let mut todo = Vec::new();
    for interpreter in one_per_minor().into_iter().filter(|i| i.is_native()) {
        for row in PUBLIC_REPORTS.iter().filter(|row| row.1.contains(&interpreter.minor)) {
            todo.push((interpreter, row, true));
            todo.extend((interpreter.minor == 12).then_some((interpreter, row, false)));
        }
    }
    let look = |(interpreter, (name, _, id, title), handler): &(&Interpreter, &Reported, bool)| {
        let crash = Crash::new(interpreter, "public_reports.py").args(&[name]);
        let dead = if *handler { crash.faulthandler() } else { crash }.run()?;
        let report = report(interpreter, &dead.core);
        let first = report.findings.first();
        let right =
            first.is_some_and(|f| (id.is_empty() || f.id == *id) && title.iter().all(|part| tells(&f.title, part)));
        let said = first.map(|f| format!("[{}] {}", f.id, f.title));
        Ok((!right).then(|| format!("{} {name} (faulthandler {handler}): {said:?}", interpreter.name)))
    };
    assert!(!todo.is_empty());
    if let Err(reason) = none_is_wrong(&todo, look) {
        skip!("{reason}");
    }
}

/// With a handler of SIGSEGV the kernel has no room for its frame there, and tells no address.
#[test]
fn a_small_stack_is_said_to_be_one() {
    for interpreter in one_per_minor().into_iter().filter(|i| i.is_native() && i.minor == 12) {
        for handled in [false, true] {
            let options: &[&str] = if handled { &["-X", "faulthandler"] } else { &[] };
            let run = Crash::new(interpreter, "public_reports.py").options(options);
            let report = match run.args(&["stack_of_a_thread_too_small"]).run() {
                Ok(dead) => report(interpreter, &dead.core),
                Err(reason) => skip!("{reason}"),
            };
            first_is(&report, "stack-overflow", &["stack overflow: a small one of ", "recursion of"]);
            assert_eq!(report.crash.is_some_and(|crash| crash.fault_addr.is_none()), handled);
        }
    }
}

/// Frames of a thread that has ended are not those of the thread that made its thread state.
#[test]
fn frames_of_a_thread_that_is_gone_are_nobodys() {
    for interpreter in one_per_minor().into_iter().filter(|i| i.is_native() && i.minor == 12) {
        let report = match Crash::new(interpreter, "public_reports.py").args(&["interpreter_left_behind"]).run() {
            Ok(dead) => report(interpreter, &dead.core),
            Err(reason) => skip!("{reason}"),
        };
        first_is(&report, "fatal-error", &["PyInterpreterState_Delete: remaining subinterpreters"]);
        assert!(!report.findings[0].title.contains("<string>"), "{}", report.findings[0].title);
        let crashed = report.threads.iter().find(|thread| thread.crashed).unwrap();
        assert!(crashed.python.is_none() && crashed.frames.iter().all(|frame| frame.native.is_some()));
        // Now and then it has not ended yet.
        let of_other = |thread: &&Thread| {
            thread.frames.iter().any(|frame| frame.file.as_ref().is_some_and(|file| *file == "<string>"))
        };
        let other = report.threads.iter().find(of_other).unwrap();
        assert_eq!(other.python.as_ref().map(|python| (python.interpreter, python.main)), Some((1, Some(false))));
    }
}

/// What is left of a closure's code is the free list of libffi's allocator, whose pointers run as instructions until one of them
/// faults: by chance there, or somewhere else.
#[test]
fn what_is_left_of_a_callback_runs_as_code() {
    let mut judged = 0;
    for interpreter in one_per_minor() {
        let Ok(module) = extension::defects(interpreter, Debug::Full) else { continue };
        let crash = Crash::new(interpreter, "defects.py").args(&["callback_overwritten"]).file(&module);
        let crash = match crash.run() {
            Ok(crash) => crash,
            Err(reason) => skip!("{reason}"),
        };
        let report = report(interpreter, &crash.core);
        let told = |f: &pyinquest::model::Finding| f.evidence.iter().any(|e| e.contains("its code is overwritten"));
        if report.findings.iter().any(told) {
            judged += 1;
            first_is(&report, "freed-callback", &["a ctypes callback was called after it was freed"]);
        }
    }
    if interpreters().is_empty() {
        skip!("no interpreters");
    }
    assert!(judged > 0, "none of them died in the callback's own memory");
}

/// cffi's callbacks are closures of libffi too, of which its own allocator keeps the free ones.
#[test]
fn a_freed_callback_of_cffi_is_told() {
    let mut judged = 0;
    for interpreter in one_per_minor().into_iter().filter(|i| i.is_native() && [12, 13].contains(&i.minor)) {
        let Some(env) =
            common::packages(interpreter, &format!("cffi-{}", interpreter.name), &["cffi==2.1.1", "pycparser==3.12"])
        else {
            continue;
        };
        // What runs is the bytes of a pointer: by chance, one time in ten, they lead somewhere else before they fault.
        let told = |report: &Report| report.findings.iter().any(|f| f.id == "freed-callback");
        let once = || {
            let start = Crash::new(interpreter, "cffi_callback.py");
            let dead = env.iter().fold(start, |crash, (key, value)| crash.env(key, value)).run()?;
            Ok::<_, common::Unavailable>(report(interpreter, &dead.core))
        };
        let tries: Result<Vec<Report>, _> = (0..8).map(|_| once()).collect();
        let tries = match tries {
            Ok(tries) => tries,
            Err(reason) => skip!("{reason}"),
        };
        judged += 1;
        let title = "a cffi callback was called after it was freed";
        let told: Vec<&Report> = tries.iter().filter(|report| told(report)).collect();
        told.iter().for_each(|report| first_is(report, "freed-callback", &[title]));
        // Where those bytes took the stack pointer along, nobody knows any more who called.
        let by =
            |report: &&Report| ["by", "libc.so.6", "in sort_with"].iter().all(|w| report.findings[0].title.contains(w));
        assert!(told.iter().any(by), "{}: none of {} was told whole", interpreter.name, tries.len());
    }
    if judged == 0 {
        skip!("cffi cannot be had");
    }
}

/// What the access and the array that it went through are to each other, and the name that the user gave the array.
const BESIDE_ARRAYS: &[(&str, &str, &str)] = &[
    ("strides_too_far", "inside of", "local `windows` of strides_too_far"),
    ("backwards", "inside of", "local `reverse` of backwards"),
    ("file_cut_short", "inside of", "local `later` of file_cut_short"),
    ("written_behind", "0 bytes behind", "local `target` of written_behind"),
];

#[test]
fn an_access_beside_an_array_of_numpy_names_it() {
    let mut todo = Vec::new();
    for interpreter in interpreters().iter().filter(|i| i.is_native()) {
        if let Some(environment) = packages::environment(interpreter) {
            todo.extend(BESIDE_ARRAYS.iter().map(|row| (interpreter, environment.clone(), row)));
        }
    }
    type Todo<'a> = (&'a Interpreter, Vec<(String, String)>, &'a (&'a str, &'a str, &'a str));
    let look = |(interpreter, environment, (name, place, array)): &Todo<'_>| {
        let crash = Crash::new(interpreter, "numpy_bounds.py").args(&[name]);
        let dead = environment.iter().fold(crash, |crash, (key, value)| crash.env(key, value)).run()?;
        let told = ["start", "bytes"].map(|key| dead.truth[key].as_u64());
        let [Some(start), Some(bytes)] = told else {
            panic!("{} {name}: {} {}", interpreter.name, dead.truth, dead.stderr)
        };
        let size = pyinquest::base::counted(bytes, "byte");
        let wanted =
            format!("the address is {place} the data of {array}, which as the array says are {size} at {start:#x}");
        let report = report(interpreter, &dead.core);
        let told = report.findings.first().is_some_and(|f| f.evidence.contains(&wanted));
        Ok((!told).then(|| format!("{} {name}: {wanted}\n{:#?}", interpreter.name, report.findings)))
    };
    if todo.is_empty() {
        skip!("no interpreter with NumPy");
    }
    if let Err(reason) = none_is_wrong(&todo, look) {
        skip!("{reason}");
    }
}

/// With Python's debug allocator.
const DEBUG_MALLOC: &[Expected] = &[
    expect("free_it", "use-of-freed-memory", &["freed", "from defects.py:"], &[]),
    expect(
        "mem_twice",
        "double-free",
        &["the block of Python memory at", "freed twice", "defects.so", IN_LOAD],
        &["mem_twice"],
    ),
    expect(
        "mem_beyond",
        "heap-corruption",
        &["the 24 bytes at|a block of Python memory", "written beyond their end|was overrun", "defects.so", IN_LOAD],
        &["mem_beyond"],
    ),
    expect(
        "mem_family",
        "heap-corruption",
        &[
            "the 24 bytes at|a block was freed",
            "came from PyMem_* and were freed by another family|with another function than it was got with",
            "defects.so",
            IN_LOAD,
        ],
        &["mem_family"],
    ),
];

#[test]
fn blocks_that_the_debug_allocator_refuses() {
    let table: Vec<&Expected> = DEBUG_MALLOC.iter().collect();
    everywhere_with(Debug::Full, &table, &[("PYTHONMALLOC", "debug")], &|_, _| None);
}

/// Allocators that stand in for the C library's (Debian's packages), and what each does with a pointer that it never gave
/// out: rule, and parts of the title.
const ALLOCATORS: &[(&str, &str, &[&str])] = &[
    ("libjemalloc.so.2", "heap-corruption", &["inside the allocator libjemalloc.so.2"]),
    ("libtcmalloc_minimal.so.4", "invalid-free", &["Attempt to free invalid pointer 0x123456789ab0"]),
    ("libmimalloc.so.2", "heap-corruption", &["crash inside free()"]),
];

#[test]
fn a_bad_pointer_is_given_to_another_allocator() {
    let chosen = interpreters().iter().rfind(|i| i.is_ordinary() && i.root.is_none());
    let Some(interpreter) = chosen else { skip!("no interpreter") };
    let Ok(module) = extension::module(interpreter, Debug::Full, "defects.c") else { skip!("no compiler or headers") };
    let directory = Path::new("/usr/lib/x86_64-linux-gnu");
    for (library, id, parts) in ALLOCATORS {
        if !directory.join(library).exists() {
            common::part_skipped(format_args!("{library} is not installed"));
            continue;
        }
        let crash = Crash::new(interpreter, "defects.py").args(&["wild_free"]).file(&module);
        let crash = crash.env("LD_PRELOAD", directory.join(library).to_str().unwrap());
        let report = report(interpreter, &crash.run().unwrap().core);
        first_is(&report, id, parts);
        first_is(&report, id, &["wild_free (defects.so", IN_LOAD]);
    }
}

/// Of one interpreter, as what the libraries do is the same in all.
fn given_up(how: &[&str], module: bool) -> Option<Report> {
    let interpreter = interpreter_here()?;
    let mut crash = Crash::new(interpreter, "giveup.py").args(how);
    if module {
        crash = crash.file(&extension::module(interpreter, Debug::Full, "giveup.cpp").ok()?);
    }
    Some(report(interpreter, &crash.run().ok()?.core))
}

fn interpreter_here() -> Option<&'static Interpreter> {
    interpreters().iter().rfind(|i| i.is_native() && i.root.is_none() && !i.free_threaded)
}

/// Libraries that end the process with a text: what they need here, how the module is built, each way with its rule and parts of
/// its title. Nobody's own format is in the text, but what was put into it.
type Given = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [(&'static str, &'static str, &'static [&'static str])],
);
const LIBRARIES: &[Given] = &[
    (
        "/usr/include/glog/logging.h",
        "giveup_glog.cpp",
        &["-lglog"],
        &[
            (
                "check",
                "fatal-report",
                &[
                    "\"Check failed: n < limit (7 vs. 3) no room for order 7 (giveup_glog.cpp:9)\", in place (giveup_glog.so",
                ],
            ),
            ("fatal", "fatal-report", &["\"the store is gone: 7 (giveup_glog.cpp:14)\", in store (giveup_glog.so"]),
        ],
    ),
    (
        "/usr/include/absl/base/internal/raw_logging.h",
        "giveup_absl.cpp",
        &["-labsl_raw_logging_internal"],
        &[
            ("check", "fatal-report", &["\"Check n < limit failed: no room for the order\", in place (giveup_absl.so"]),
            ("fatal", "fatal-report", &["\"the store is gone: 7\", in store (giveup_absl.so"]),
        ],
    ),
    (
        "/usr/lib/x86_64-linux-gnu/libQt5Core.so.5",
        "giveup_qt.cpp",
        &["-l:libQt5Core.so.5"],
        &[
            ("check", "assertion-failed", &["no room for the order", "giveup_qt.cpp", "in place (giveup_qt.so"]),
            ("fatal", "fatal-report", &["\"the store main is gone: 7\", in store (giveup_qt.so"]),
        ],
    ),
];

#[test]
fn texts_of_libraries_that_end_the_process_are_told() {
    let Some(interpreter) = interpreter_here() else { skip!("no interpreter") };
    for (needed, source, arguments, ways) in LIBRARIES {
        if !Path::new(needed).exists() {
            common::part_skipped(format_args!("{needed} is not installed"));
            continue;
        }
        let module = match extension::module_with(interpreter, Debug::Full, source, arguments) {
            Ok(module) => module,
            Err(reason) => skip!("{reason}"),
        };
        let name = source.split('.').next().unwrap();
        for (way, id, parts) in *ways {
            let crash = Crash::new(interpreter, "giveup.py").args(&[name, way]).file(&module);
            let report = report(interpreter, &crash.run().unwrap().core);
            first_is(&report, id, parts);
            first_is(&report, id, &["called from giveup.py:"]);
        }
    }
}

/// An extension module built with sanitizers in an interpreter without: the run time is preloaded. What they found is in the
/// memory of the process.
#[test]
fn reports_of_sanitizers_are_told() {
    let Some(interpreter) = interpreter_here() else { skip!("no interpreter") };
    let found = std::process::Command::new("gcc").arg("-print-file-name=libasan.so").output();
    let library = found.ok().and_then(|o| std::fs::canonicalize(String::from_utf8(o.stdout).ok()?.trim()).ok());
    let Some(library) = library else { skip!("no AddressSanitizer") };
    let arguments = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"];
    let module = extension::module_with(interpreter, Debug::Full, "giveup_sanitized.c", &arguments).unwrap();
    let options = "abort_on_error=1:disable_coredump=0:detect_leaks=0:halt_on_error=1";
    for (way, parts, evidence) in [
        (
            "use_freed",
            &["AddressSanitizer: heap-use-after-free on address", "in total (giveup_sanitized.so"][..],
            &[
                "is located 0 bytes inside of 40-byte region",
                "freed by thread T0: use_freed",
                "previously allocated by",
            ][..],
        ),
        (
            "beyond",
            &["AddressSanitizer: heap-buffer-overflow on address", "in total (giveup_sanitized.so"],
            &["READ of size 8", "allocated by thread T0: beyond"],
        ),
        (
            "overflow",
            &[
                "giveup_sanitized.c:26: runtime error: signed integer overflow of type 'int'",
                "in add (giveup_sanitized.so",
            ],
            &[],
        ),
    ] {
        let crash = Crash::new(interpreter, "giveup.py").args(&["giveup_sanitized", way]).file(&module);
        let crash = crash.env("LD_PRELOAD", library.to_str().unwrap());
        let report =
            report(interpreter, &crash.env("ASAN_OPTIONS", options).env("UBSAN_OPTIONS", options).run().unwrap().core);
        first_is(&report, "sanitizer-report", parts);
        first_is(&report, "sanitizer-report", &["called from giveup.py:"]);
        let told = &report.findings[0].evidence;
        let missing = evidence.iter().find(|part| !told.iter().any(|line| line.contains(**part)));
        assert_eq!(missing, None, "{told:#?}");
    }
}

/// Whether a title has a part, or one of several that `|` stands between: a stripped interpreter (Debian sid's) has no
/// names for the functions whose arguments are the block; what is left is the message.
fn tells(title: &str, part: &str) -> bool {
    part.split('|').any(|part| title.contains(part))
}

fn first_is(report: &Report, id: &str, parts: &[&str]) {
    let first = report.findings.first().expect("a finding");
    let missing = parts.iter().find(|part| !tells(&first.title, part));
    assert!(first.id == id && missing.is_none(), "missing {missing:?} in {:#?}", report.findings);
}

#[test]
fn an_assertion_of_the_cpp_library_is_told_with_who_failed_it() {
    let Some(report) = given_up(&["cpp_assertion"], true) else { skip!("no interpreter or no compiler") };
    first_is(&report, "assertion-failed", &["__n < this->size()", "stl_vector.h:", "in pick (giveup.so", "giveup.py:"]);
}

#[test]
fn a_fatal_message_of_glib_is_told() {
    if !std::path::Path::new("/lib/x86_64-linux-gnu/libglib-2.0.so.0").exists() {
        skip!("no GLib on this system");
    }
    let Some(report) = given_up(&["glib"], false) else { skip!("no interpreter") };
    first_is(&report, "fatal-report", &["g_log", "\"the display is gone\"", "called from giveup.py:"]);
    let Some(report) = given_up(&["glib", "format"], false) else { skip!("no interpreter") };
    first_is(&report, "fatal-report", &["g_log", "\"the display :7 is gone: 3\"", "called from giveup.py:"]);
}

/// Ends that are no defect of anybody's code.
const CLEAN: &[Expected] = &[
    expect("os_abort", "abort-called", &["os.abort() was called from defects.py:"], &[]),
    expect("c_abort", "abort-called", &["abort() was called by", "defects.so", "called from defects.py:"], &["plain"]),
    expect("killed", "killed-by-process", &["SIGABRT was sent by process"], &[]),
    // Sent by other ways than abort().
    expect("kill_abort", "signal-raised", &["SIGABRT was raised by the process itself, from defects.py:"], &[]),
    expect("raise_abort", "signal-raised", &["SIGABRT was raised by the process itself, in", "defects.so"], &[]),
    expect("kill_segv", "signal-raised", &["SIGSEGV was raised by the process itself, from defects.py:"], &[]),
    expect("raise_segv", "signal-raised", &["SIGSEGV was raised by the process itself, in", "defects.so"], &[]),
    // An earlier fault that a handler dealt with is not the cause.
    expect("time_limit", "abort-called", &["abort() was called by abort_it"], &[]),
    // Not SIGQUIT, which is ignored where tests run in the background of a shell.
    expect("raised", "signal-raised", &["SIGXCPU was raised by the process itself, from defects.py:"], &[]),
];

const PRINTED: Expected =
    expect("print_and_abort", "abort-called", &["abort() was called by", "defects.so", IN_LOAD], &["print_and_abort"]);

#[test]
fn an_exception_that_was_printed_before_the_abort_is_evidence() {
    everywhere_and(Debug::Full, &[&PRINTED], &|_, report| {
        let evidence = &report.findings.first()?.evidence;
        let told =
            evidence.iter().any(|e| e.contains("the last exception that was printed: ValueError: the disk is full"));
        (!told).then(|| format!("{evidence:?}"))
    });
}

#[test]
fn each_defect_is_named_first() {
    everywhere(Debug::Full, DEFECTS);
}

#[test]
fn each_defect_is_named_first_in_a_stripped_module() {
    everywhere(Debug::Stripped, DEFECTS);
}

#[test]
fn no_defect_is_seen_where_there_is_none() {
    everywhere(Debug::Full, CLEAN);
}

/// Linux minidumps whose `exception_flags` are zero (older Breakpads and others write no `si_code`) do not say that the
/// signal was sent; the instruction tells the fault, and slim dumps of them tell the same.
#[test]
fn a_minidump_without_a_code_is_not_taken_for_a_sent_signal() {
    for interpreter in one_per_minor() {
        let module = match extension::defects(interpreter, Debug::Full) {
            Ok(module) => module,
            Err(reason) => skip!("{reason}"),
        };
        for (defect, id) in [("null_field", "null-pointer"), ("divide", "integer-division"), ("raise_segv", "")] {
            let crash = Crash::new(interpreter, "defects.py").args(&[defect]).file(&module).run();
            let crash = match crash {
                Ok(crash) => crash,
                Err(reason) => skip!("{reason}"),
            };
            let mut target = elf_core::open(&crash.core).expect("a core");
            let foreign = without_code(slim(interpreter, &mut target, true));
            let target = debuggee::from_bytes(Path::new("breakpad.dmp"), Arc::new(foreign)).expect("a minidump");
            let first = |report: &Report| report.findings.first().map(|f| f.id.clone()).unwrap_or_default();
            let inspection = Inspection::from_target(target, &search(interpreter));
            let told = inspection.report(&Options::default());
            assert_eq!(first(&told), id, "{} {defect}: {:?}", interpreter.name, told.findings);
            let core = slim(interpreter, &mut inspection.into_target(), false);
            let core = debuggee::from_bytes(Path::new("slim.core"), Arc::new(core)).expect("a core");
            let again = Inspection::from_target(core, &search(interpreter)).report(&Options::default());
            assert_eq!(first(&again), id, "{} {defect}, slim: {:?}", interpreter.name, again.findings);
            assert!(!again.modules.is_empty() && again.modules.len() == told.modules.len(), "{}", interpreter.name);
        }
    }
}

fn search(interpreter: &Interpreter) -> SearchOptions {
    harness::files_of(interpreter)
}

fn slim(interpreter: &Interpreter, target: &mut Target, minidump: bool) -> Vec<u8> {
    record(target, &search(interpreter));
    let mut out = Vec::new();
    let options = slim::SlimOptions { minidump, ..slim::SlimOptions::default() };
    slim::write(target, target.memory.recorded(), options, &mut out).expect("a slim dump");
    out
}

/// The minidump as a writer without `si_code` has it: zero for flags, and no stream of ours.
fn without_code(mut dump: Vec<u8>) -> Vec<u8> {
    let word = |dump: &[u8], at: usize| u32::from_le_bytes(dump[at..at + 4].try_into().unwrap()) as usize;
    let (count, directory) = (word(&dump, 8), word(&dump, 12));
    for entry in (0..count).map(|i| directory + 12 * i) {
        let (kind, at) = (word(&dump, entry), word(&dump, entry + 8));
        match kind {
            6 => dump[at + 12..at + 16].fill(0),
            0x5059_0001 => dump[entry..entry + 4].fill(0),
            _ => {}
        }
    }
    dump
}
