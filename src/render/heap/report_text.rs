//! The report of a heap as text.

use super::text::{head, more, retained, retained_types, types};
use crate::base::{escape_terminal, size, thousands};
use crate::model::heap::{HeapFinding, HeapReport};
use std::fmt::Write as _;

/// Rows of each table.
const ROWS: usize = 10;

pub(super) fn render(report: &HeapReport) -> String {
    // Writing to a String cannot fail, here and below.
    let mut out = String::new();
    let _ = writeln!(
        out,
        "heap of {}: {} objects, {}",
        escape_terminal(&report.source),
        thousands(report.objects),
        size(report.bytes)
    );
    out.push_str(&head(&report.coverage, &report.diagnostics));
    let _ = writeln!(
        out,
        "roots lead to {} objects of {}; {} are tracked by the garbage collector\n",
        thousands(report.reached),
        size(report.reached_bytes),
        thousands(report.tracked)
    );
    if report.findings.is_empty() {
        out.push_str("nothing stands out\n");
    }
    for finding in &report.findings {
        self::finding(&mut out, finding);
    }
    out.push_str("\nby module-level name\n");
    retained(&mut out, first(&report.by_name), true);
    out.push_str("\nby type: what its objects keep alive\n");
    retained_types(&mut out, report.by_type.iter().take(ROWS));
    out.push_str("\nby type: their own bytes\n");
    types(&mut out, first(&report.types));
    more(&mut out, report.types_total, report.types.len().min(ROWS), "types, see `pyinquest heap`");
    out.push_str("\nobjects that keep most alive\n");
    retained(&mut out, first(&report.top), false);
    out
}

fn first<T>(rows: &[T]) -> &[T] {
    rows.get(..ROWS).unwrap_or(rows)
}

/// One finding.
pub(super) fn finding(out: &mut String, finding: &HeapFinding) {
    let _ = writeln!(out, "{}: {}", id(finding), escape_terminal(&finding.title));
    if let Some(object) = &finding.object {
        let way = finding.path.as_deref().unwrap_or("no root leads to it");
        let name = escape_terminal(&object.type_name);
        let _ = writeln!(out, "    {} {name}  {}", object.addr, escape_terminal(way));
    }
    for evidence in &finding.evidence {
        let _ = writeln!(out, "    {}", escape_terminal(evidence));
    }
    let _ = writeln!(out, "    next: {}", escape_terminal(&finding.next));
}

/// The name of the rule, as JSON has it.
pub(super) fn id(finding: &HeapFinding) -> String {
    let word = serde_json::to_value(finding.id).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
