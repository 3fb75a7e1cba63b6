//! What a user waits for, on committed dumps: `cargo bench`. The scripts beside this file compare with other programs.
//!
//! Each dump is opened from its bytes, so that no bench measures the decompressor or the disk.

// A bench has one way to report that its own machinery broke.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use divan::{Bencher, black_box};
use pyinquest::engine::{Inspection, Options, Source};
use pyinquest::image::SearchOptions;
use pyinquest::native::ModuleTables;
use pyinquest::native::unwind::Unwinder;
use std::path::Path;

/// Old and new, with and without the GIL, each architecture, Windows.
const DUMPS: [&str; 5] = [
    "cores/3.8-values.core",
    "cores/3.12-values.core",
    "cores/3.13t-values.core",
    "cores/3.14-aarch64-values.core",
    "minidumps/3.13-windows-values.dmp",
];

fn main() {
    divan::main();
}

fn bytes(dump: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{dump}.zst"));
    zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap()
}

fn search() -> SearchOptions {
    SearchOptions { no_files: true, ..SearchOptions::default() }
}

fn inspection(dump: &str) -> Inspection {
    Inspection::open(Source::from(bytes(dump)), &search()).unwrap()
}

/// From the bytes of a dump to its whole report, without variables.
#[divan::bench(args = DUMPS)]
fn report(bencher: Bencher<'_, '_>, dump: &str) {
    let input = || Source::from(bytes(dump));
    bencher.with_inputs(input).bench_values(|source| {
        Inspection::open(source, &search()).unwrap().report(&Options { without_findings: true, ..Options::default() })
    });
}

/// The same with the cause: native stacks and rules.
#[divan::bench(args = DUMPS)]
fn report_with_findings(bencher: Bencher<'_, '_>, dump: &str) {
    let input = || Source::from(bytes(dump));
    bencher.with_inputs(input).bench_values(|s| Inspection::open(s, &search()).unwrap().report(&Options::default()));
}

/// The repr of every local of every frame: some thousand values of all kinds.
#[divan::bench(args = DUMPS)]
fn repr(bencher: Bencher<'_, '_>, dump: &str) {
    let options = Options { locals: true, without_findings: true, ..Options::default() };
    bencher.with_inputs(|| inspection(dump)).bench_refs(|inspection| {
        let report = inspection.report(&options);
        assert!(report.threads.iter().any(|t| t.frames.iter().any(|f| f.locals.is_some())));
        report
    });
}

/// Native stacks of all threads by call frame information, without names.
#[divan::bench(args = DUMPS)]
fn unwind(bencher: Bencher<'_, '_>, dump: &str) {
    bencher.with_inputs(|| inspection(dump).into_target()).bench_refs(|target| {
        let tables = ModuleTables::new(target);
        let unwinder = Unwinder::new(target, &tables);
        let frames: usize = target.threads.iter().map(|t| unwinder.unwind(t.registers.as_ref()).frames.len()).sum();
        assert!(frames > 0);
        black_box(frames)
    });
}
