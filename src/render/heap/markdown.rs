//! The report of a heap as Markdown (GitHub's flavour).

use super::report_text::id;
use crate::base::{Severity, size, thousands};
use crate::model::heap::HeapReport;
use crate::render::markdown::inline;
use std::fmt::Write as _;

/// Rows of each table.
const ROWS: usize = 10;

/// The report. Text of the dump is escaped.
#[must_use]
pub fn render(report: &HeapReport) -> String {
    // Writing to a String cannot fail, here and below.
    let mut out = String::new();
    let _ = writeln!(
        out,
        "### Heap of {}: {} objects, {}\n",
        inline(&report.source),
        thousands(report.objects),
        size(report.bytes)
    );
    for diagnostic in report.diagnostics.iter().filter(|d| d.severity > Severity::Note) {
        let _ = writeln!(out, "- warning: {}", inline(&diagnostic.message));
    }
    let _ = writeln!(
        out,
        "Roots lead to {} objects of {}; {} are tracked by the garbage collector.\n",
        thousands(report.reached),
        size(report.reached_bytes),
        thousands(report.tracked)
    );
    for finding in &report.findings {
        let _ = writeln!(out, "**{}**: {}\n", id(finding), inline(&finding.title));
        if let Some(path) = &finding.path {
            let _ = writeln!(out, "- {}", inline(path));
        }
        for evidence in &finding.evidence {
            let _ = writeln!(out, "- {}", inline(evidence));
        }
        let _ = writeln!(out, "- next: {}\n", inline(&finding.next));
    }
    if report.findings.is_empty() {
        out.push_str("Nothing stands out.\n\n");
    }
    out.push_str("| keeps alive | of what roots lead to | module-level name | type |\n|---:|---:|---|---|\n");
    for row in report.by_name.iter().take(ROWS) {
        let (path, name) = (inline(&row.path), inline(&row.object.type_name));
        let _ = writeln!(out, "| {} | {:.1} % | {path} | {name} |", size(row.retained), row.share * 100.0);
    }
    out.push_str("\n| keep alive | of what roots lead to | objects | type |\n|---:|---:|---:|---|\n");
    for row in report.by_type.iter().take(ROWS) {
        let (kept, count) = (size(row.retained), thousands(row.objects));
        let _ = writeln!(out, "| {kept} | {:.1} % | {count} | {} |", row.share * 100.0, inline(&row.name));
    }
    out.push_str("\n| own bytes | of all | objects | type |\n|---:|---:|---:|---|\n");
    for row in report.types.iter().take(ROWS) {
        let (bytes, count) = (size(row.bytes), thousands(row.objects));
        let _ = writeln!(out, "| {bytes} | {:.1} % | {count} | {} |", row.share * 100.0, inline(&row.name));
    }
    out
}
