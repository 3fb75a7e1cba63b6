//! Answers about the heap as text.

use crate::base::{Diagnostic, DiagnosticCode, Severity, counted, escape_terminal, thousands as count};
use crate::model::heap::{
    AllocatorFound, HeapAnswer, HeapCensus, HeapCoverage, HeapObject, HeapObjects, HeapReferences, HeapRetained,
    HeapRetainedType, HeapStrings, HeapTop, HeapType, HeapWhy,
};
use crate::render::shorten::shorten;
use std::fmt::Write as _;

/// Rows of the tables beside the main one of an answer.
const SIDE_ROWS: usize = 10;
/// Columns of a value.
const VALUE_COLUMNS: usize = 100;

/// Any answer.
#[must_use]
pub fn render(answer: &HeapAnswer) -> String {
    match answer {
        HeapAnswer::Census(answer) => census(answer),
        HeapAnswer::Objects(answer) => objects(answer),
        HeapAnswer::Strings(answer) => strings(answer),
        HeapAnswer::References(answer) => references(answer),
        HeapAnswer::Why(answer) => why(answer),
        HeapAnswer::Top(answer) => top(answer),
        HeapAnswer::Audit(answer) => crate::render::heap_audit::text(answer),
        HeapAnswer::Check(answer) => crate::render::heap_check::text(answer),
        HeapAnswer::Report(answer) => super::report_text::render(answer),
        HeapAnswer::Diff(answer) => super::diff_text::render(answer),
    }
}

/// What is missing comes before any number.
pub(in crate::render) fn head(coverage: &HeapCoverage, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let what = match diagnostic.severity {
            Severity::Note if diagnostic.code == DiagnosticCode::HeapLeftOut => "note",
            Severity::Note => continue,
            _ => "warning",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{what}: {}", escape_terminal(&diagnostic.message));
    }
    let _ = writeln!(out, "{}", how_complete(coverage));
    out
}

pub(super) fn how_complete(coverage: &HeapCoverage) -> String {
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
    if coverage.perhaps_text > 0 {
        let _ = write!(
            text,
            "; {} that look like an object() and that no object refers to may be text",
            count(coverage.perhaps_text)
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

/// Objects and bytes by type.
fn census(answer: &HeapCensus) -> String {
    let mut out = head(&answer.coverage, &answer.diagnostics);
    let _ = writeln!(
        out,
        "{}, {}, {} tracked by the garbage collector, {}\n",
        counted(answer.objects, "object"),
        counted(answer.bytes, "byte"),
        count(answer.tracked),
        counted(answer.types_total, "type")
    );
    types(&mut out, &answer.types);
    more(&mut out, answer.types_total, answer.types.len(), "types");
    let collections = crate::render::collections::lines(&answer.collections);
    if !collections.is_empty() {
        out += "\nlast garbage collections\n";
    }
    for line in collections {
        let _ = writeln!(out, "  {line}");
    }
    out
}

/// Types with their objects and bytes.
pub(in crate::render) fn types(out: &mut String, rows: &[HeapType]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "{:>13} {:>16} {:>7} {:>13}  type", "objects", "bytes", "share", "largest");
    for row in rows {
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
}

pub(in crate::render) fn more(out: &mut String, total: u64, shown: usize, what: &str) {
    let rest = total.saturating_sub(shown as u64);
    if rest > 0 {
        let _ = writeln!(out, "... {} more {what} (--limit)", count(rest));
    }
}

/// Single objects.
fn objects(answer: &HeapObjects) -> String {
    let mut out = head(&answer.coverage, &answer.diagnostics);
    let _ = writeln!(out, "{}\n", counted(answer.total, "object"));
    for object in &answer.objects {
        let (name, value) = (escape_terminal(&object.type_name), value(object));
        let _ = writeln!(out, "{} {:>12}  {name}  {value}", object.addr, count(object.bytes));
    }
    more(&mut out, answer.total, answer.objects.len(), "objects");
    out
}

/// Texts and bytes.
fn strings(answer: &HeapStrings) -> String {
    let mut out = head(&answer.coverage, &answer.diagnostics);
    let _ = writeln!(
        out,
        "{} str and bytes objects, {} bytes; repeated values cost {} bytes\n",
        count(answer.objects),
        count(answer.bytes),
        count(answer.duplicate_bytes)
    );
    let _ = writeln!(out, "{:>16} {:>10}  {:<18}  value", "bytes of all", "count", "one of them");
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
fn references(answer: &HeapReferences) -> String {
    let mut out = head(&answer.coverage, &answer.diagnostics);
    let what = if answer.outgoing { "of" } else { "to" };
    let _ = writeln!(out, "{} {what} {}\n", counted(answer.total, "reference"), one(&answer.object));
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

pub(in crate::render) fn one(object: &HeapObject) -> String {
    format!("{} {}  {}", object.addr, escape_terminal(&object.type_name), value(object))
}

/// The value of an object, cut to what a line has room for.
pub(in crate::render) fn value(object: &HeapObject) -> String {
    shorten(&escape_terminal(&object.value), VALUE_COLUMNS, false)
}

/// Marks ways from roots that may be none.
fn mark(root_certain: bool) -> &'static str {
    if root_certain { "" } else { "  (may be none: a word of native code)" }
}

/// Why objects are alive.
fn why(answer: &HeapWhy) -> String {
    let mut out = head(&answer.coverage, &answer.diagnostics);
    let rest = match answer.unreached {
        0 => String::new(),
        n => format!(", to {} of them no root leads", count(n)),
    };
    let _ = writeln!(out, "{}{rest}\n", counted(answer.total, "object"));
    for path in &answer.paths {
        let way = path.path.as_deref().unwrap_or("no root leads to it: garbage, or held by memory of C code");
        let _ = writeln!(out, "{}\n    {}{}", one(&path.object), escape_terminal(way), mark(path.root_certain));
    }
    out
}

/// What would go with single objects.
fn top(answer: &HeapTop) -> String {
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
    retained(&mut out, &answer.top, false);
    out.push_str("\nby type: what its objects keep alive\n");
    retained_types(&mut out, answer.by_type.iter().take(SIDE_ROWS));
    out.push_str("\nby module-level name\n");
    retained(&mut out, answer.by_name.get(..SIDE_ROWS).unwrap_or(&answer.by_name), true);
    out
}

/// Objects and what they keep alive.
pub(super) fn retained(out: &mut String, rows: &[HeapRetained], path_first: bool) {
    let what = if path_first { "name and type" } else { "type and path" };
    let _ = writeln!(out, "{:>16} {:>7} {:>13}  {what}", "keeps alive", "reached", "own bytes");
    for row in rows {
        let name = format!("{} {}", escape_terminal(&row.object.type_name), row.object.addr);
        let path = escape_terminal(&row.path);
        let (first, second) = if path_first { (path, name) } else { (name, path) };
        let (kept, own, mark) = (count(row.retained), count(row.object.bytes), mark(row.root_certain));
        let _ = writeln!(out, "{kept:>16} {:>6.1}% {own:>13}  {first}  {second}{mark}", row.share * 100.0);
    }
}

/// Types and what their objects keep alive.
pub(super) fn retained_types<'r>(out: &mut String, rows: impl Iterator<Item = &'r HeapRetainedType>) {
    let _ = writeln!(out, "{:>16} {:>7} {:>13}  type", "keep alive", "reached", "objects");
    for row in rows {
        let (kept, objects) = (count(row.retained), count(row.objects));
        let name = escape_terminal(&row.name);
        let _ = writeln!(out, "{kept:>16} {:>6.1}% {objects:>13}  {name}", row.share * 100.0);
    }
}
