//! Crashes and deadlocks on other processors, by qemu's user mode: the same findings, waits and lock owners as on this one.
//!
//! A few of them by default; `PYINQUEST_EMULATED=1` runs all, which takes minutes.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "native/extension.rs"]
mod extension;
mod harness;

use common::{Crash, CrashedProcess, Interpreter, Unavailable, interpreters, none_is_wrong, not_asked_for, skip};
use extension::Debug;
use harness::report_of;
use pyinquest::engine::Options;
use pyinquest::model::{Confidence, FrameKind, Report, Thread, Trust, WaitKind};
use std::fs;

/// The newest interpreter of each other processor.
fn emulated() -> Vec<&'static Interpreter> {
    let mut found: Vec<&Interpreter> = Vec::new();
    for one in interpreters().iter().filter(|i| !i.is_native() && !i.debug && i.minor <= 14) {
        match found.iter_mut().find(|known| known.arch == one.arch) {
            Some(known) if known.hexversion < one.hexversion => *known = one,
            Some(_) => {}
            None => found.push(one),
        }
    }
    found
}

fn all() -> bool {
    std::env::var_os("PYINQUEST_EMULATED").is_some()
}

fn die(interpreter: &Interpreter, program: &str, how: &str) -> Result<CrashedProcess, Unavailable> {
    let module = extension::defects(interpreter, Debug::Full)?;
    Crash::new(interpreter, program).args(&[how]).file(&module).run()
}

/// Defect, rule of the first finding, parts of its title; the first ones always.
const DEFECTS: &[(&str, &str, &[&str])] = &[
    ("null_write", "null-pointer", &["write through a NULL pointer in store (defects.so, defects.c:", "defects.py:"]),
    ("read_only", "write-to-read-only", &["write of", "read-only memory of defects.so in store (defects.so"]),
    ("illegal", "illegal-instruction", &["illegal instruction in unknown_instruction (defects.so"]),
    ("null_field", "null-pointer", &["read of NULL + 0x18", "scan_key (defects.so"]),
    ("wild_read", "non-canonical-address", &["AAAAAAAA", "scan_key (defects.so"]),
    ("null_call", "bad-jump", &["a call through a NULL function pointer by null_call (defects.so"]),
    ("jump_to_data", "bad-jump", &["which is data and not code", "jump_to_data (defects.so"]),
    ("use_after_free", "unmapped-address", &["where nothing is mapped in sum (defects.so"]),
    ("guard_page", "guard-page", &["read of", "allows no access", "in sum (defects.so"]),
    ("large_local", "guard-page", &["write of", "near the stack pointer", "in overrun_stack (defects.so"]),
    ("over_decref", "corrupt-object", &["0x5858585858585858", "defects.py:"]),
    ("smash_type", "corrupt-object", &["0x5858585858585858", "defects.py:"]),
    ("no_gil", "api-without-gil", &["without the GIL", "make_list (defects.so"]),
    ("foreign_thread", "api-without-gil", &["from a thread that Python does not know", "make_list (defects.so"]),
    ("stack_smash", "stack-smashing", &["stack smashing detected", "smash (defects.so"]),
    ("double_free", "double-free", &["memory was freed twice", "double_free (defects.so"]),
    ("invalid_free", "invalid-free", &["invalid pointer", "invalid_free (defects.so"]),
    ("exception_left_set", "exception-left-set", &["although an exception was set"]),
    ("null_without_exception", "null-without-exception", &["without setting an exception"]),
    ("assertion", "assertion-failed", &["check: Assertion `n > 0"]),
    ("trap", "trap-instruction", &["trap", "in trap (defects.so"]),
    ("heap_overrun", "heap-corruption", &["the heap is corrupt", "heap_overrun (defects.so"]),
    ("out_of_memory", "out-of-memory", &["Python was out of memory"]),
    ("recursion", "python-recursion", &["recursed too deep"]),
    ("buffer_overflow", "buffer-overflow", &["*** buffer overflow detected", "copy (defects.so"]),
    ("fatal", "fatal-error", &["Fatal Python error", "the flux capacitor is empty", "give_up (defects.so"]),
    ("freed_argument", "bad-refcount", &["of a freed Thing object", "defects.py:"]),
    ("after_finalize", "use-after-finalize", &["after Py_Finalize", "late (defects.so"]),
    ("holder", "crash-in-gc", &["garbage collection", "defects.Holder"]),
    ("clearer", "crash-in-gc", &["garbage collection", "of a defects.Clearer", "release (defects.so", "read of 0x18"]),
    ("owner", "crash-in-finalizer", &["deallocator", "release (defects.so", "from defects.py:"]),
    ("del", "crash-in-finalizer", &["in __del__ (defects.py:", "scan_key (defects.so"]),
    ("callback", "null-pointer", &["scan_key (defects.so", "<lambda>"]),
    ("callback_reused", "freed-callback", &["a ctypes callback was called after it was freed"]),
    ("callback_lives", "null-pointer", &["read of NULL + 0x18"]),
    ("thread", "null-pointer", &["scan_key (defects.so", "called from threading.py:"]),
    ("raised_again", "null-pointer", &["read of NULL + 0x18", "scan_key (defects.so"]),
    ("killed_again", "null-pointer", &["read of NULL + 0x18", "scan_key (defects.so"]),
    ("queued_again", "null-pointer", &["read of NULL + 0x18", "scan_key (defects.so"]),
    ("other_signal", "null-pointer", &["read of NULL + 0x18", "scan_key (defects.so"]),
];
const DEFECTS_BY_DEFAULT: usize = 3;

#[test]
fn defects_are_named_as_on_this_processor() {
    let processors = emulated();
    if processors.is_empty() {
        skip!("no interpreter of another processor: run tests/interpreters/fetch.py");
    }
    let wanted = if all() { DEFECTS } else { &DEFECTS[..DEFECTS_BY_DEFAULT] };
    if !all() {
        not_asked_for("PYINQUEST_EMULATED: all defects on aarch64 and riscv64");
    }
    let todo: Vec<_> = processors.iter().flat_map(|i| wanted.iter().map(move |defect| (*i, defect))).collect();
    let checked = none_is_wrong(&todo, |(interpreter, (defect, id, parts))| {
        let report = report_of(interpreter, &die(interpreter, "defects.py", defect)?.core, &Options::default());
        // What was wrong beside the cause.
        let beside = report.findings.iter().find(|f| f.id == *id && *id == "bad-refcount");
        let first = beside.or(report.findings.first());
        let right = first.is_some_and(|f| f.id == *id && parts.iter().all(|part| f.title.contains(part)));
        let said = first.map_or("no finding".to_owned(), |f| format!("[{}] {}", f.id, f.title));
        Ok((!right).then(|| format!("{} {defect}: {said}", interpreter.name)))
    });
    if let Err(reason) = checked {
        skip!("{reason}");
    }
}

/// What Python printed before it ended the process, of which the arguments of its functions tell: with the GIL, without it, in a thread
/// that it does not know, for an extension module.
#[test]
fn texts_of_fatal_errors_are_those_that_python_printed() {
    let processors = emulated();
    if processors.is_empty() {
        skip!("no interpreter of another processor: run tests/interpreters/fetch.py");
    }
    let ways = [("fatal.py", "restore"), ("fatal.py", "without_gil"), ("defects.py", "fatal")];
    let ways = if all() { &ways[..] } else { &ways[..1] };
    let todo: Vec<_> = processors.iter().flat_map(|i| ways.iter().map(move |way| (*i, *way))).collect();
    let checked = none_is_wrong(&todo, |(interpreter, (program, way))| {
        let crash = die(interpreter, program, way)?;
        let report = report_of(interpreter, &crash.core, &Options::default());
        let text = String::from_utf8_lossy(&pyinquest::render::faulthandler::render(&report).text).into_owned();
        let ours = text.lines().find(|line| line.starts_with("Fatal Python error"));
        let printed = crash.faulthandler().and_then(|text| text.lines().next());
        let wrong = printed.is_none() || ours != printed;
        Ok(wrong.then(|| format!("{} {way}: {ours:?} is not {printed:?}", interpreter.name)))
    });
    if let Err(reason) = checked {
        skip!("{reason}");
    }
}

/// What a thread waits for, and the name of the one that has it.
type Waits = (&'static str, WaitKind, Option<&'static str>);

/// Threads that stand still in `deadlock.py`, and what the finding says.
const WAYS: &[(&str, &[Waits], &[&str])] = &[
    (
        "rlocks",
        &[
            ("rlocks-alpha", WaitKind::RLock, Some("rlocks-beta")),
            ("rlocks-beta", WaitKind::RLock, Some("rlocks-alpha")),
        ],
        &["\"rlocks-alpha\" waits for the threading.RLock", "\"rlocks-beta\" waits for"],
    ),
    (
        "inversion",
        &[
            ("inversion-alpha", WaitKind::Gil, Some("inversion-beta")),
            ("inversion-beta", WaitKind::Mutex, Some("inversion-alpha")),
        ],
        &["\"inversion-alpha\" waits for the GIL", "\"inversion-beta\" waits for the mutex"],
    ),
    ("relock", &[("relock-alpha", WaitKind::Mutex, Some("relock-alpha"))], &["which it holds itself"]),
    (
        "rwlock",
        &[
            ("rwlock-alpha", WaitKind::Gil, Some("rwlock-beta")),
            ("rwlock-beta", WaitKind::RwLock, Some("rwlock-alpha")),
        ],
        &["\"rwlock-beta\" waits for the read-write lock"],
    ),
    ("locks", &[("locks-alpha", WaitKind::Lock, None), ("locks-beta", WaitKind::Lock, None)], &[]),
];
const WAYS_BY_DEFAULT: usize = 2;

#[test]
fn threads_that_wait_and_who_has_what_they_wait_for() {
    let processors = emulated();
    if processors.is_empty() {
        skip!("no interpreter of another processor: run tests/interpreters/fetch.py");
    }
    let wanted = if all() { WAYS } else { &WAYS[..WAYS_BY_DEFAULT] };
    let todo: Vec<_> = processors.iter().flat_map(|i| wanted.iter().map(move |way| (*i, way))).collect();
    let checked = none_is_wrong(&todo, |(interpreter, (way, waits, parts))| {
        let crash = Crash::new(interpreter, "deadlock.py").args(&[way]).run()?;
        let report = report_of(interpreter, &crash.core, &Options::default());
        let wrong = waits.iter().find_map(|expected| wrong_wait(&report, expected));
        let found = report.findings.iter().find(|f| f.id == "deadlock" && f.confidence == Confidence::High);
        let told = parts.is_empty() || found.is_some_and(|f| parts.iter().all(|part| f.title.contains(part)));
        let wrong = wrong.or_else(|| (!told).then(|| format!("{found:?}")));
        Ok(wrong.map(|wrong| format!("{} {way}: {wrong}", interpreter.name)))
    });
    if let Err(reason) = checked {
        skip!("{reason}");
    }
}

fn wrong_wait(report: &Report, (who, kind, owner): &Waits) -> Option<String> {
    let named = |name: &str| report.threads.iter().find(|t| t.name.as_ref().is_some_and(|own| *own == name));
    let Some(thread) = named(who) else { return Some(format!("no thread {who}")) };
    let wait = thread.waits_for.as_ref();
    let owner = owner.map(|name| named(name).and_then(|t| t.tid));
    let right = wait.is_some_and(|wait| wait.kind == *kind && owner.is_none_or(|tid| tid == wait.owner));
    (!right).then(|| format!("{who} waits for {wait:?}"))
}

/// Debian's arm64 code signs return addresses (PAC) and marks where it may be jumped to (BTI). qemu's processor does sign them: words of
/// the stack are no addresses then, and the stack is unwound by tables to its end all the same, without the files too.
#[test]
fn signed_return_addresses_are_stripped() {
    let Some(interpreter) = emulated().into_iter().find(|i| i.arch == "aarch64") else {
        skip!("no interpreter of aarch64: run tests/interpreters/fetch.py");
    };
    let crash = match Crash::new(interpreter, "basic.py").env("QEMU_CPU", "max").run() {
        Ok(crash) => crash,
        Err(reason) => skip!("{reason}"),
    };
    let options = Options { native: true, ..Options::default() };
    let report = report_of(interpreter, &crash.core, &options);
    let thread = report.threads.iter().find(|t| t.crashed).unwrap();
    let native: Vec<_> = thread.frames.iter().filter_map(|f| f.native.as_ref()).collect();
    let code: Vec<u64> = native.iter().filter(|n| !n.inlined).map(|n| n.ip.0).collect();
    assert!(code.len() > 10 && code.iter().all(|ip| ip >> 48 == 0), "{code:x?}");
    let by_tables = native.iter().filter(|n| n.trust == Some(Trust::Cfi)).count();
    assert!(by_tables > 10 && !native.iter().any(|n| n.trust == Some(Trust::Scan)), "{by_tables} of {}", native.len());
    // The stack has most of them with a signature in the bits above.
    let core = fs::read(&crash.core).unwrap();
    let words: Vec<u64> = core.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let is_signed = |ip: &&u64| words.iter().any(|word| word >> 48 != 0 && word & 0xffff_ffff_ffff == **ip);
    let signed = code.iter().skip(1).filter(is_signed).count();
    assert!(signed > 5, "{signed} of {} return addresses are signed in the core", code.len());
    let names = |thread: &Thread| -> Vec<String> {
        let python = thread.frames.iter().filter(|f| f.kind == FrameKind::Python);
        python.filter_map(|f| Some(f.function.as_ref()?.to_string())).collect()
    };
    let expected = names(thread);
    let alone = harness::report_alone(&crash.core, &options);
    let thread = alone.threads.iter().find(|t| t.crashed).unwrap();
    assert_eq!(names(thread), expected);
    assert!(thread.frames.iter().filter_map(|f| f.native.as_ref()).all(|n| n.ip.0 >> 48 == 0));
}
