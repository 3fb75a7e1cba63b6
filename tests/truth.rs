//! What a report says of a dead process, against what Python itself said just before it died.
//!
//! One test per program; each crashes every interpreter at hand. All differences of a program are collected and shown
//! together, so that one run tells everything.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "truth/compare.rs"]
mod compare;
mod harness;
#[path = "truth/without_files.rs"]
mod without_files;

use common::{Crash, Interpreter, interpreters, old_interpreters, skip, sources_table};
use pyinquest::debuggee::elf_core;
use pyinquest::engine::{Inspection, Options};
use pyinquest::image::SearchOptions;
use pyinquest::model::Report;
use rayon::prelude::*;
use std::collections::BTreeSet;

/// Programs that emulated interpreters run too. (Each takes seconds there. qemu's core of a forked child bears the number
/// of its parent's thread: `forked.py` is not for it.)
const EMULATED: [&str; 6] =
    ["threads.py", "values.py", "generators.py", "multiline.py", "asyncio_prog.py", "native_thread.py"];

/// The report on the core of `dead`, with locals.
fn report_with(core: &std::path::Path, search: &SearchOptions) -> Report {
    let target = elf_core::open(core).expect("a core");
    let inspection = Inspection::from_target(target, search);
    inspection.report(&Options { locals: true, ..Options::default() })
}

/// Crashes `program` in one interpreter: all differences, or why it was not run.
fn differences(interpreter: &Interpreter, program: &str) -> Result<Vec<String>, String> {
    if interpreter.minor < 7 && program == "multiline.py" {
        return Err(format!("{}: calls have at most 255 arguments", interpreter.name));
    }
    let dead = Crash::new(interpreter, program).run().map_err(|reason| format!("{}: {reason}", interpreter.name))?;
    if dead.truth.is_null() {
        return Err(format!("{} does not run {program}:\n{}", interpreter.name, dead.stderr));
    }
    let files = harness::files_of(interpreter);
    let report = report_with(&dead.core, &files);
    let mut found = compare::report(&report, &dead.truth);
    found.extend(without_files::compare(&report_with(&dead.core, &without_files::search()), &report, &dead.truth));
    Ok(found.into_iter().map(|d| format!("{}: {d}", interpreter.name)).collect())
}

/// Crashes `program` in every interpreter and compares.
fn everywhere(program: &str) {
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    let chosen = interpreters().iter().chain(old_interpreters()).filter(|i| match &only {
        Some(name) => i.name.contains(name.as_str()),
        None => i.is_native() || EMULATED.contains(&program),
    });
    let chosen: Vec<&Interpreter> = chosen.collect();
    let results: Vec<_> = chosen.par_iter().map(|interpreter| differences(interpreter, program)).collect();
    let (mut all, mut ran) = (Vec::new(), Vec::new());
    for (interpreter, result) in chosen.iter().zip(results) {
        match result {
            Ok(found) => {
                all.extend(found);
                ran.push(*interpreter);
            }
            Err(reason) => common::part_skipped(reason),
        }
    }
    if ran.is_empty() {
        skip!("no interpreter ran {program}");
    }
    assert!(all.is_empty(), "{program}: {} differences\n{}", all.len(), all.join("\n"));
    if program == "threads.py" {
        let rows = [
            ("x86_64", false, "ELF core, x86-64"),
            ("x86_64", true, "ELF core, x86-64, musl"),
            ("aarch64", false, "ELF core, aarch64"),
            ("riscv64", false, "ELF core, riscv64"),
        ];
        for (arch, musl, row) in rows {
            let labels = |of: &[&Interpreter]| -> BTreeSet<String> {
                of.iter().filter(|i| i.arch == arch && i.musl == musl).map(|i| sources_table::label(i)).collect()
            };
            sources_table::check(row, &labels(&ran), &labels(&chosen));
            sources_table::check(&format!("{row}, no file at hand"), &labels(&ran), &labels(&chosen));
        }
    }
}

macro_rules! programs {
    ($($name:ident: $program:literal;)*) => {
        $(
            #[test]
            fn $name() {
                everywhere($program);
            }
        )*
    };
}

programs! {
    basic: "basic.py";
    threads: "threads.py";
    generators: "generators.py";
    values: "values.py";
    recursion: "recursion.py";
    multiline: "multiline.py";
    subinterpreters: "subinterp.py";
    fork_child: "forked.py";
    garbage_collection: "gc_crash.py";
    zip_and_pyc: "zipcode.py";
    extension_modules: "extmods.py";
    garbage_pointers: "garbage.py";
    native_threads: "native_thread.py";
    asyncio: "asyncio_prog.py";
    many_threads: "manythreads.py";
}
