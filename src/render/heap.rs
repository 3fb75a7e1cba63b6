//! Answers about the heap as text.

use crate::base::{Diagnostic, Severity, escape_terminal};
use crate::model::heap::{
    AllocatorFound, HeapCensus, HeapCoverage, HeapObject, HeapObjects, HeapReferences, HeapStrings, HeapTop, HeapWhy,
};
use std::fmt::Write as _;

/// What is missing comes before any number.
fn head(coverage: &HeapCoverage, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics.iter().filter(|d| d.severity > Severity::Note) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "warning: {}", escape_terminal(&diagnostic.message));
    }
    let _ = writeln!(out, "{}", how_complete(coverage));
    out
}

fn how_complete(coverage: &HeapCoverage) -> String {
    let lists = match coverage.gc_lists_whole {
        Some(true) => "all lists of the garbage collector are whole",
        Some(false) => "lists of the garbage collector are broken",
        None => "this build has no lists of the garbage collector",
    };
    let allocator = match coverage.allocator {
        AllocatorFound::PymallocTable => "pymalloc was read by its table of arenas",
        AllocatorFound::PymallocStructure => "pymalloc's pools were recognised by their form",
        AllocatorFound::Mimalloc => "mimalloc's segments were recognised by their form",
        AllocatorFound::None => "no allocator was read: untracked objects are those that others refer to",
    };
    let mut text = format!("{lists}; {allocator}");
    if coverage.blocks > 0 {
        let buffers = coverage.blocks.saturating_sub(coverage.blocks_with_objects);
        let _ = write!(
            text,
            ": {} blocks in use, {} objects, {} buffers",
            count(coverage.blocks),
            count(coverage.blocks_with_objects),
            count(buffers)
        );
    }
    if coverage.unreadable_pools > 0 {
        let _ = write!(text, "; {} pools are unreadable", count(coverage.unreadable_pools));
    }
    if coverage.collecting {
        text += "; a collection was under way";
    }
    text
}

/// A number with a separator for thousands.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().wrapping_sub(index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Objects and bytes by type.
#[must_use]
pub fn census(answer: &HeapCensus) -> String {
    let mut out = head(&answer.coverage, &answer.diagnostics);
    let _ = writeln!(
        out,
        "{} objects, {} bytes, {} tracked by the garbage collector, {} types\n",
        count(answer.objects),
        count(answer.bytes),
        count(answer.tracked),
        count(answer.types_total)
    );
    let _ = writeln!(out, "{:>13} {:>16} {:>7} {:>13}  type", "objects", "bytes", "share", "largest");
    for row in &answer.types {
        let _ = writeln!(
            out,
            "{:>13} {:>16} {:>6.1}% {:>13}  {}",
            count(row.objects),
            count(row.bytes),
            row.share * 100.0,
            count(row.largest),
            escape_terminal(&row.name)
        );
    }
    more(&mut out, answer.types_total, answer.types.len(), "types");
    out
}

fn more(out: &mut String, total: u64, shown: usize, what: &str) {
    let rest = total.saturating_sub(shown as u64);
    if rest > 0 {
        let _ = writeln!(out, "... {} more {what} (--limit)", count(rest));
    }
}

/// Single objects.
#[must_use]
pub fn objects(answer: &HeapObjects) -> String {
    let mut out = head(&answer.coverage, &answer.diagnostics);
    let _ = writeln!(out, "{} objects\n", count(answer.total));
    for object in &answer.objects {
        let (name, value) = (escape_terminal(&object.type_name), escape_terminal(&object.value));
        let _ = writeln!(out, "{} {:>12}  {name}  {value}", object.addr, count(object.bytes));
    }
    more(&mut out, answer.total, answer.objects.len(), "objects");
    out
}

/// Texts and bytes.
#[must_use]
pub fn strings(answer: &HeapStrings) -> String {
    let mut out = head(&answer.coverage, &answer.diagnostics);
    let _ = writeln!(
        out,
        "{} str and bytes objects, {} bytes; repeated values cost {} bytes\n",
        count(answer.objects),
        count(answer.bytes),
        count(answer.duplicate_bytes)
    );
    let _ = writeln!(out, "{:>16} {:>10}  {:<18}  value", "bytes", "count", "one of them");
    for string in &answer.strings {
        let value = escape_terminal(&string.value);
        let _ = writeln!(
            out,
            "{:>16} {:>10}  {:<18}  {value}",
            count(string.bytes),
            count(string.count),
            string.addr.to_string()
        );
    }
    out
}

/// References to an object, or from it.
#[must_use]
pub fn references(answer: &HeapReferences) -> String {
    let mut out = head(&answer.coverage, &answer.diagnostics);
    let what = if answer.outgoing { "references of" } else { "references to" };
    let _ = writeln!(out, "{} {what} {}\n", count(answer.total), one(&answer.object));
    for reference in &answer.references {
        let mark = match (reference.strong, reference.exact) {
            (false, _) => "  (weak)",
            (_, false) => "  (may be none: a word of C memory)",
            _ => "",
        };
        let _ = writeln!(out, "{:<30} {}{mark}", escape_terminal(&reference.edge), one(&reference.object));
    }
    more(&mut out, answer.total, answer.references.len(), "references");
    out
}

fn one(object: &HeapObject) -> String {
    format!("{} {}  {}", object.addr, escape_terminal(&object.type_name), escape_terminal(&object.value))
}

/// Why objects are alive.
#[must_use]
pub fn why(answer: &HeapWhy) -> String {
    let mut out = head(&answer.coverage, &answer.diagnostics);
    let _ = writeln!(out, "{} objects, {} of them no root leads to\n", count(answer.total), count(answer.unreached));
    for path in &answer.paths {
        let way = path.path.as_deref().unwrap_or("no root leads to it: garbage, or held by C code alone");
        let _ = writeln!(out, "{}\n    {}", one(&path.object), escape_terminal(way));
    }
    out
}

/// What would go with single objects.
#[must_use]
pub fn top(answer: &HeapTop) -> String {
    let mut out = head(&answer.coverage, &answer.diagnostics);
    let _ = writeln!(
        out,
        "roots lead to {} objects of {} bytes, by {} references; to {} of {} bytes they do not\n",
        count(answer.reached),
        count(answer.reached_bytes),
        count(answer.references),
        count(answer.unreached),
        count(answer.unreached_bytes)
    );
    let _ = writeln!(out, "{:>16} {:>7} {:>13}  type and path", "keeps alive", "share", "own bytes");
    for row in &answer.top {
        let name = escape_terminal(&row.object.type_name);
        let path = escape_terminal(&row.path);
        let (kept, own) = (count(row.retained), count(row.object.bytes));
        let _ = writeln!(out, "{kept:>16} {:>6.1}% {own:>13}  {name} {}  {path}", row.share * 100.0, row.object.addr);
    }
    out
}
