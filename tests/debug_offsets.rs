//! `_Py_DebugOffsets` is memory of the process, and may be damaged: no value is then called exact that is not.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod harness;

use common::{Crash, Interpreter, one_per_minor, skip};
use pyinquest::base::{Addr, DiagnosticCode};
use pyinquest::debuggee::elf_core;
use pyinquest::engine::{Inspection, Options};
use pyinquest::image::SearchOptions;
use pyinquest::model::{Fidelity, Report};
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

const COOKIE: &[u8] = b"xdebugpy";
/// Cookie, version, `free_threaded`.
const PREFIX: usize = 24;

/// Words of the table after that, by minor version (Include/internal/pycore_debug_offsets.h).
fn words(minor: u8) -> usize {
    match minor {
        13 => 70,
        14 => 92,
        _ => 108,
    }
}

fn report(bytes: Vec<u8>, search: &SearchOptions) -> Report {
    let target = elf_core::from_source(Path::new("core"), Arc::new(bytes)).unwrap();
    let inspection = Inspection::from_target(target, search);
    inspection.report(&Options { locals: true, without_findings: true, ..Options::default() })
}

/// Every value that a report is sure of, by its frame and name.
fn certain(report: &Report) -> HashMap<(Addr, String), (Addr, String)> {
    let mut values = HashMap::new();
    for frame in report.threads.iter().flat_map(|t| &t.frames) {
        for local in frame.locals.iter().flatten() {
            if let (Some(at), Some(value)) = (frame.addr, &local.value)
                && value.fidelity == Fidelity::Exact
            {
                values.insert((at, local.name.to_string()), (value.addr, value.repr.clone()));
            }
        }
    }
    values
}

/// Changes each field of the table of a core. How many reports were made, and what is wrong in them.
fn check(interpreter: &Interpreter) -> Result<(usize, Vec<String>), String> {
    let dead = Crash::new(interpreter, "values.py").run().map_err(|e| e.to_string())?;
    let search = harness::files_of(interpreter);
    let bytes = std::fs::read(&dead.core).unwrap();
    let hex = interpreter.hexversion.to_le_bytes();
    let is_table = |at: &usize| bytes[at + 8..].starts_with(&hex);
    let table = memchr::memmem::find_iter(&bytes, COOKIE).find(is_table).expect("a table in the core");
    let whole = report(bytes.clone(), &search);
    let right = certain(&whole);
    assert!(right.len() > 50, "{}: {} values", interpreter.name, right.len());
    assert!(!whole.diagnostics.iter().any(|d| d.code == DiagnosticCode::LayoutDisagreement), "{:?}", whole.diagnostics);
    let word = |n: usize| u64::from_le_bytes(bytes[table + PREFIX + n * 8..][..8].try_into().unwrap());
    let ways = if std::env::var_os("PYINQUEST_ALL_CHANGES").is_some() { 3 } else { 1 };
    let changes: Vec<(usize, u64)> = (0..words(interpreter.minor))
        .flat_map(|n| {
            [word(n).wrapping_add(8), word(n).wrapping_sub(8), 16].into_iter().take(ways).map(move |v| (n, v))
        })
        .filter(|(n, value)| *value != word(*n))
        .collect();
    let wrong = changes.par_iter().filter_map(|(n, value)| {
        let mut bytes = bytes.clone();
        bytes[table + PREFIX + n * 8..][..8].copy_from_slice(&value.to_le_bytes());
        let changed = report(bytes, &search);
        let values = certain(&changed);
        let other = values.iter().find(|(place, value)| right.get(*place) != Some(*value))?;
        Some(format!("{}: word {n} {} not {value}: {other:?}", interpreter.name, word(*n)))
    });
    Ok((changes.len(), wrong.collect()))
}

/// One change of each field; `PYINQUEST_ALL_CHANGES=1` makes three.
#[test]
fn no_value_is_exact_that_rests_on_a_changed_field() {
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    let chosen = |i: &&&Interpreter| i.minor >= 13 && only.as_ref().is_none_or(|name| i.name.contains(name.as_str()));
    let all = one_per_minor();
    let (mut reports, mut wrong) = (0, Vec::new());
    for interpreter in all.iter().filter(chosen) {
        match check(interpreter) {
            Ok((count, found)) => {
                reports += count;
                wrong.extend(found);
            }
            Err(reason) => common::part_skipped(format_args!("{}: {reason}", interpreter.name)),
        }
    }
    if reports == 0 {
        skip!("no interpreter from 3.13 on");
    }
    eprintln!("{reports} reports");
    assert!(wrong.is_empty(), "{} of {reports} reports are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
