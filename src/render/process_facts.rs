//! What is said of the process before anything else, for formats that show it as a table.

use super::wording::{frame_evaluators, machine, safe_short, source_kind, which_python};
use crate::base::size;
use crate::model::Report;

/// Labels and facts, each at most `max` characters long, safe for a terminal.
pub(super) fn process_facts(report: &Report, max: usize) -> Vec<(String, String)> {
    let process = &report.process;
    let source = report.source.path.as_ref().map(|path| {
        let kind = report.source.kind.map(|k| format!(", {}", source_kind(k))).unwrap_or_default();
        let size = report.source.size.map(|s| format!(", {}", size(s))).unwrap_or_default();
        format!("{path}{kind}{size}")
    });
    let rows = [
        ("Process", process.pid.map(|p| p.to_string())),
        ("Command", process.arguments.clone().or_else(|| process.command.clone())),
        ("Started as", process.started_as.clone()),
        ("Python", Some(report.python.as_ref().map_or_else(|| "none found".to_owned(), which_python))),
        ("Frames evaluated by", frame_evaluators(report)),
        ("Machine", process.abi.as_ref().map(machine)),
        ("Read from", source),
        ("Signature", report.signature.as_ref().map(|s| s.title.clone())),
    ];
    let own = rows.into_iter().filter_map(|(label, fact)| Some((label.to_owned(), fact?)));
    let annotations = process.annotations.iter().map(|a| (safe_short(&a.name, 100), a.value.clone()));
    own.chain(annotations).map(|(label, fact)| (label, safe_short(fact, max))).collect()
}
