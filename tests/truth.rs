//! What a report says of a dead process, against what Python itself said just before it died.
//!
//! One test per program; each crashes every interpreter at hand. All differences of a program are collected and shown
//! together, so that one run tells everything.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "truth/compare.rs"]
mod compare;
#[path = "truth/without_files.rs"]
mod without_files;

use common::{Crash, interpreters, skip, sources_table};
use pyinquest::analyze::{Options, analyze};
use pyinquest::image::{Images, SearchOptions};
use pyinquest::report::model::Report;
use pyinquest::target::elf_core;
use std::collections::BTreeSet;

/// The report on the core of `dead`, with locals.
fn report_with(core: &std::path::Path, search: &SearchOptions) -> Report {
    let mut target = elf_core::open(core).expect("a core");
    let images = Images::attach(&mut target, search);
    analyze(&target, &images, &Options { locals: true, ..Options::default() })
}

/// Crashes `program` in every interpreter and compares; `check` adds what is special to it.
fn everywhere(program: &str, args: &[&str], check: fn(&Report, &serde_json::Value, &mut Vec<String>)) {
    let mut differences = Vec::new();
    let (mut ran, mut at_hand) = (BTreeSet::new(), BTreeSet::new());
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    let all = interpreters().iter().filter(|i| i.arch == "x86_64");
    for interpreter in all.filter(|i| only.as_ref().is_none_or(|name| i.name.contains(name.as_str()))) {
        at_hand.insert(sources_table::label(interpreter));
        let dead = match Crash::new(interpreter, program).args(args).run() {
            Ok(dead) => dead,
            Err(reason) => {
                eprintln!("skipped: {}: {reason}", interpreter.name);
                continue;
            }
        };
        if dead.truth.is_null() {
            eprintln!("skipped: {} does not run {program}:\n{}", interpreter.name, dead.stderr);
            continue;
        }
        ran.insert(sources_table::label(interpreter));
        let files = SearchOptions { sysroots: vec![interpreter.sysroot.clone()], ..SearchOptions::default() };
        let report = report_with(&dead.core, &files);
        let mut found = compare::report(&report, &dead.truth);
        found.extend(without_files::compare(&report_with(&dead.core, &without_files::search()), &report, &dead.truth));
        check(&report, &dead.truth, &mut found);
        differences.extend(found.into_iter().map(|d| format!("{}: {d}", interpreter.name)));
    }
    if ran.is_empty() {
        skip!("no interpreter ran {program}");
    }
    assert!(differences.is_empty(), "{program}: {} differences\n{}", differences.len(), differences.join("\n"));
    if program == "threads.py" {
        sources_table::check("ELF core, x86-64", &ran, &at_hand);
        sources_table::check("ELF core, x86-64, no file at hand", &ran, &at_hand);
    }
}

fn nothing_more(_: &Report, _: &serde_json::Value, _: &mut Vec<String>) {}

macro_rules! programs {
    ($($name:ident: $program:literal;)*) => {
        $(
            #[test]
            fn $name() {
                everywhere($program, &[], nothing_more);
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
