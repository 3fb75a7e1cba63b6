//! Damaged dumps: cut at many lengths, with random bits flipped. No panic, an end, and nothing invented.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use pyinquest::base::{Addr, DiagnosticCode};
use pyinquest::debuggee::{TargetError, elf_core, minidump};
use pyinquest::engine::{Inspection, Options, record};
use pyinquest::image::SearchOptions;
use pyinquest::model::{Fidelity, Report};
use pyinquest::slim;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Far above what any of these takes (milliseconds): a walk without limit would not end at all.
const HANG: Duration = Duration::from_secs(20);

/// Names and bytes of the committed cores.
fn cores() -> Vec<(String, Vec<u8>)> {
    dumps("cores", ".core.zst")
}

/// Names and bytes of the committed dumps of a directory.
fn dumps(directory: &str, ending: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(directory);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let cores = paths.iter().filter(|p| p.to_string_lossy().ends_with(ending));
    let found: Vec<_> = cores
        .map(|path| {
            let packed = std::fs::File::open(path).unwrap();
            (path.file_name().unwrap().to_string_lossy().into_owned(), zstd::decode_all(packed).unwrap())
        })
        .collect();
    assert!(found.len() >= 8, "a core for each minor version");
    found
}

/// The report on these bytes, from them alone.
fn report(bytes: Vec<u8>) -> Result<Report, TargetError> {
    let started = Instant::now();
    let target = match bytes.starts_with(b"MDMP") {
        true => minidump::from_source(Path::new("damaged.dmp"), Arc::new(bytes))?,
        false => elf_core::from_source(Path::new("damaged.core"), Arc::new(bytes))?,
    };
    let search = SearchOptions { no_files: true, ..SearchOptions::default() };
    let inspection = Inspection::from_target(target, &search);
    let report = inspection.report(&Options { locals: true, refcounts: true, ..Options::default() });
    assert!(started.elapsed() < HANG, "took {:?}", started.elapsed());
    Ok(report)
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
    let all = cores().into_iter().chain(dumps("minidumps", ".dmp.zst"));
    for (name, whole) in all.filter(|(name, _)| chosen.iter().any(|c| name.starts_with(c))) {
        let complete = certain(&report(whole.clone()).unwrap());
        assert!(!complete.is_empty(), "{name} has values");
        let step = (whole.len() / 200).max(1);
        for len in (0..whole.len()).step_by(step) {
            let Ok(cut) = report(whole[..len].to_vec()) else { continue };
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
    flip_bits(&cores(), 2000);
}

#[test]
fn flipped_bits_in_minidumps_do_no_harm() {
    flip_bits(&dumps("minidumps", ".dmp.zst"), 500);
}

/// Minidumps of Linux have streams of their own (maps, status, auxiliary vector).
#[test]
fn flipped_bits_in_linux_minidumps_do_no_harm() {
    let cores = cores();
    let (name, core) = cores.iter().find(|(name, _)| name.starts_with("3.12-basic")).unwrap();
    let mut target = elf_core::from_source(Path::new(name), Arc::new(core.clone())).unwrap();
    let nothing = SearchOptions { no_files: true, ..SearchOptions::default() };
    record(&mut target, &nothing);
    let mut out = Vec::new();
    let options = slim::SlimOptions { minidump: true, ..slim::SlimOptions::default() };
    slim::write(&target, target.memory.recorded(), options, &mut out).unwrap();
    assert!(report(out.clone()).unwrap().python.is_some(), "Python is found in the whole one");
    flip_bits(&[("3.12-linux.dmp".to_owned(), out)], 100);
}

/// Reports on so many copies of the smallest dump, each with other bits flipped.
fn flip_bits(dumps: &[(String, Vec<u8>)], rounds: u64) {
    // A fixed seed: a failure is repeatable. xorshift64*, Vigna 2016.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    };
    let (name, whole) = dumps.iter().min_by_key(|(_, bytes)| bytes.len()).unwrap();
    for round in 0..rounds {
        let mut bytes = whole.clone();
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
        let _ = report(bytes).map_err(|e| assert!(!e.to_string().is_empty(), "{name} round {round}"));
    }
}
