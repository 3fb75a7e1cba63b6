//! What grew between dumps, as text.

use super::report_text::finding;
use super::text::{head, more};
use crate::base::{escape_terminal, size, thousands};
use crate::model::heap::HeapDiff;
use std::fmt::Write as _;

pub(super) fn render(diff: &HeapDiff) -> String {
    // Writing to a String cannot fail, here and below.
    let mut out = String::new();
    for dump in &diff.dumps {
        let name = escape_terminal(&dump.source);
        let _ = writeln!(out, "{name}: {} objects, {}", thousands(dump.objects), size(dump.bytes));
        for line in head(&dump.coverage, &dump.diagnostics).lines() {
            let _ = writeln!(out, "    {line}");
        }
    }
    out.push_str(match diff.same_process {
        true => "the dumps are of one process: objects are compared by address\n\n",
        false => "the dumps are of different processes: objects are compared by path\n\n",
    });
    for grown in &diff.findings {
        finding(&mut out, grown);
    }
    let changes = |values: &[u64]| {
        let (first, last) = (values.first().copied().unwrap_or(0), values.last().copied().unwrap_or(0));
        match last.checked_sub(first) {
            Some(more) => format!("+{}", thousands(more)),
            None => format!("-{}", thousands(first.saturating_sub(last))),
        }
    };
    let counts = |values: &[u64]| values.iter().map(|n| thousands(*n)).collect::<Vec<_>>().join(" -> ");
    let _ = writeln!(out, "\n{:>16} {:>14}  type, its objects in each dump", "bytes", "objects");
    for row in &diff.types {
        let name = escape_terminal(&row.name);
        let (bytes, objects) = (changes(&row.bytes), changes(&row.objects));
        let _ = writeln!(out, "{bytes:>16} {objects:>14}  {name}  {}", counts(&row.objects));
    }
    more(&mut out, diff.types_total, diff.types.len(), "types");
    if !diff.containers.is_empty() {
        let _ = writeln!(out, "\n{:>16} {:>14}  container that grew, its items in each dump", "keeps alive", "items");
        for row in &diff.containers {
            let (path, name) = (escape_terminal(&row.path), escape_terminal(&row.type_name));
            let (kept, items) = (changes(&row.retained), changes(&row.items));
            let _ = writeln!(out, "{kept:>16} {items:>14}  {path}  {name}  {}", counts(&row.items));
        }
    }
    if !diff.born.is_empty() {
        let _ = writeln!(
            out,
            "\nborn after the first dump and in both others\n{:>16} {:>14}  type, the largest",
            "bytes", "objects"
        );
        for row in &diff.born {
            let path = escape_terminal(row.path.as_deref().unwrap_or("no root leads to it"));
            let (bytes, objects, name) = (thousands(row.bytes), thousands(row.objects), escape_terminal(&row.name));
            let _ = writeln!(out, "{bytes:>16} {objects:>14}  {name}  {} {path}", row.largest_at);
        }
    }
    out
}
