//! What the inquest says of processes that died of a known defect: the first finding must be the right one.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "native/extension.rs"]
mod extension;
mod harness;

use common::{Crash, Interpreter, Unavailable, interpreters, one_per_minor, skip};
use extension::Debug;
use pyinquest::debuggee::{self, Target, elf_core};
use pyinquest::engine::{Inspection, Options, record};
use pyinquest::image::SearchOptions;
use pyinquest::model::Report;
use pyinquest::slim;
use rayon::prelude::*;
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
        Some(name) => interpreters().iter().filter(|i| i.is_native() && i.name.contains(name.as_str())).collect(),
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
    let results: Vec<Result<Option<String>, Unavailable>> = todo
        .par_iter()
        .map(|(interpreter, module, expected)| {
            let crash = Crash::new(interpreter, "defects.py").args(&[expected.defect]).file(module);
            let crash = env.iter().fold(crash, |crash, (key, value)| crash.env(key, value));
            let report = report(interpreter, &crash.run()?.core);
            let fault = fault(expected, interpreter, debug, &report).or_else(|| more(expected, &report));
            Ok(fault.map(|fault| format!("{} {}: {fault}", interpreter.name, expected.defect)))
        })
        .collect();
    let mut wrong = Vec::new();
    for result in results {
        match result {
            Ok(fault) => wrong.extend(fault),
            Err(reason) => skip!("{reason}"),
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), todo.len(), wrong.join("\n"));
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
    expect("c_recursion", "stack-overflow", &["endless recursion", "defects.so", IN_LOAD], &["of descend"]),
    expect("exception_left_set", "exception-left-set", &["although an exception was set"], &[]),
    expect("null_without_exception", "null-without-exception", &["without setting an exception"], &[]),
    expect("assertion", "assertion-failed", &["defects.c:", "check: Assertion `n > 0", IN_LOAD], &[]),
    expect("divide", "integer-division", &["division by zero", "defects.so", IN_LOAD], &["quotient"]),
    expect("trap", "trap-instruction", &["ud2", "defects.so", IN_LOAD], &["trap"]),
    expect("short_file", "beyond-end-of-file", &["read of", "defects.so", IN_LOAD], &["sum"]),
    expect("guard_page", "guard-page", &["read of", "allows no access", "defects.so", IN_LOAD], &["sum"]),
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

/// Of one interpreter, as what the libraries do is the same in all.
fn given_up(how: &str, module: bool) -> Option<Report> {
    let interpreter = interpreters().iter().rfind(|i| i.is_native() && i.root.is_none() && !i.free_threaded)?;
    let mut crash = Crash::new(interpreter, "giveup.py").args(&[how]);
    if module {
        crash = crash.file(&extension::module(interpreter, Debug::Full, "giveup.cpp").ok()?);
    }
    Some(report(interpreter, &crash.run().ok()?.core))
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
    let Some(report) = given_up("cpp_assertion", true) else { skip!("no interpreter or no compiler") };
    first_is(&report, "assertion-failed", &["__n < this->size()", "stl_vector.h:", "in pick (giveup.so", "giveup.py:"]);
}

#[test]
fn a_fatal_message_of_glib_is_told() {
    if !std::path::Path::new("/lib/x86_64-linux-gnu/libglib-2.0.so.0").exists() {
        skip!("no GLib on this system");
    }
    let Some(report) = given_up("glib", false) else { skip!("no interpreter") };
    first_is(&report, "fatal-report", &["g_log", "the display is gone", "called from giveup.py:"]);
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
