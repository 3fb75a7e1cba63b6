//! A report on a core alone, as on another machine than the one where the process ran.

use pyinquest::image::SearchOptions;
use pyinquest::model::{ExceptionInfo, Report};
use serde_json::Value;

/// The search that finds no file.
pub fn search() -> SearchOptions {
    SearchOptions { no_files: true, ..SearchOptions::default() }
}

/// Differences of a report that was made without any file of the process (`bare`). All is as with files, but that values may
/// be shown in parts, with the file or the type that is missing.
pub fn compare(bare: &Report, full: &Report, truth: &Value) -> Vec<String> {
    // A core without a list of files does not tell memory of files from other memory that it lacks.
    const REASONS: [&str; 3] = ["in a mapped file that is not at hand", "is not in the dump", "<unknown type at 0x"];
    let mut found = super::compare::report(bare, truth);
    found.retain(|d| !d.contains("but shown as damaged") || !REASONS.iter().any(|reason| d.contains(reason)));
    let exceptions = |report: &Report| -> Vec<_> {
        let all = report.threads.iter().filter_map(|t| Some((t.tid, t.python.as_ref()?)));
        all.map(|(tid, p)| (tid, p.raising.as_ref().map(outline), p.handling.iter().map(outline).collect::<Vec<_>>()))
            .collect()
    };
    for (bare, full) in exceptions(bare).iter().zip(&exceptions(full)) {
        if bare != full {
            found.push(format!("exceptions {bare:?}, not {full:?}"));
        }
    }
    found.into_iter().map(|d| format!("without files: {d}")).collect()
}

/// What is told of an exception and of those after it.
fn outline(exception: &ExceptionInfo) -> Vec<(String, usize)> {
    let behind = exception.caused_by.as_ref().map(|link| outline(&link.exception)).unwrap_or_default();
    [vec![(exception.summary.clone(), exception.traceback.len())], behind].concat()
}
