//! Damaged dumps: cut at many lengths, with random bits flipped. No panic, an end, and nothing invented.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod harness;

use harness::{alone, cores, fixture, inspect, minidumps, watched};
use pyinquest::base::{Addr, DiagnosticCode};
use pyinquest::debuggee::TargetError;
use pyinquest::engine::{Inspection, Options, record};
use pyinquest::model::{Fidelity, Report};
use pyinquest::slim;
use std::collections::HashMap;

/// The report on these bytes, from them alone.
fn report(name: &str, bytes: Vec<u8>) -> Result<Report, TargetError> {
    watched(name, || {
        let inspection = Inspection::open(bytes, &alone())?;
        Ok(inspection.report(&Options { locals: true, refcounts: true, ..Options::default() }))
    })
}

/// Every value that a report is sure of, by the place it stands in.
fn certain(report: &Report) -> HashMap<(Addr, String, Addr), String> {
    let mut values = HashMap::new();
    for frame in report.threads.iter().flat_map(|t| &t.frames) {
        for local in frame.locals.iter().flatten() {
            if let (Some(at), Some(value)) = (frame.addr, &local.value)
                && value.fidelity == Fidelity::Exact
            {
                values.insert((at, local.name.to_string(), value.addr), value.repr.clone());
            }
        }
    }
    values
}

#[test]
fn a_core_cut_anywhere_tells_less_but_nothing_wrong() {
    // One of each way to store things; two hundred reports on each of fifty cores would tell the same for much longer.
    let chosen =
        ["3.8-basic", "3.10-threads", "3.11-basic", "3.12-threads", "3.13t-basic", "3.15-basic", "3.12-windows-basic"];
    for name in chosen {
        let whole = fixture(name).bytes();
        let complete = certain(&report(name, whole.clone()).unwrap());
        assert!(!complete.is_empty(), "{name} has values");
        let step = (whole.len() / 200).max(1);
        for len in (0..whole.len()).step_by(step) {
            let Ok(cut) = report(&format!("{name} cut at {len}"), whole[..len].to_vec()) else { continue };
            for (place, repr) in certain(&cut) {
                if let Some(right) = complete.get(&place) {
                    assert_eq!(&repr, right, "{name} cut at {len}: {place:?}");
                }
            }
            let told = cut.python.is_some() || cut.diagnostics.iter().any(|d| d.code == DiagnosticCode::NoPython);
            assert!(told, "{name} cut at {len} says nothing of what is missing");
        }
    }
}

#[test]
fn flipped_bits_in_cores_do_no_harm() {
    let (name, bytes) = smallest(cores());
    flip_bits(&name, &bytes, 2000);
}

#[test]
fn flipped_bits_in_minidumps_do_no_harm() {
    let (name, bytes) = smallest(minidumps());
    flip_bits(&name, &bytes, 500);
}

fn smallest(dumps: Vec<harness::Fixture>) -> (String, Vec<u8>) {
    let dumps = dumps.into_iter().map(|dump| (dump.bytes(), dump.name));
    let (bytes, name) = dumps.min_by_key(|(bytes, _)| bytes.len()).unwrap();
    (name, bytes)
}

/// Minidumps of Linux have streams of their own (maps, status, auxiliary vector).
#[test]
fn flipped_bits_in_linux_minidumps_do_no_harm() {
    let mut target = inspect(&fixture("3.12-basic").path, &alone()).into_target();
    record(&mut target, &alone());
    let mut out = Vec::new();
    let options = slim::SlimOptions { minidump: true, ..slim::SlimOptions::default() };
    slim::write(&target, target.memory.recorded(), options, &mut out).unwrap();
    assert!(report("whole", out.clone()).unwrap().python.is_some(), "Python is found in the whole one");
    flip_bits("3.12-linux.dmp", &out, 100);
}

/// Reports on so many copies of a dump, each with other bits flipped.
fn flip_bits(name: &str, whole: &[u8], rounds: u64) {
    // A fixed seed: a failure is repeatable. xorshift64*, Vigna 2016.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    };
    for round in 0..rounds {
        let mut bytes = whole.to_vec();
        // A few flips in some rounds, hundreds in others: both header and heap get their share.
        for _ in 0..=(round % 400) {
            let at = usize::try_from(random() % bytes.len() as u64).unwrap();
            bytes[at] ^= 1 << (random() % 8);
        }
        // One round in four hits the headers.
        if round % 4 == 0 {
            let at = usize::try_from(random() % bytes.len().min(8192) as u64).unwrap();
            bytes[at] ^= 1 << (random() % 8);
        }
        let _ = report(&format!("{name} round {round}"), bytes)
            .map_err(|e| assert!(!e.to_string().is_empty(), "{name} round {round}"));
    }
}
