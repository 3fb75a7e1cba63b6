//! What a triage run writes. All text from dumps is escaped for where it goes; reports have been redacted before.

mod github;
mod html;
mod junit;
mod markdown;
mod sarif;
mod text;

pub use github::render as github;
pub use html::render as html;
pub use junit::render as junit;
pub use markdown::render as markdown;
pub use sarif::render as sarif;
pub use text::render as text;

use super::model::{Group, State, Triage};
use super::rules::Rules;
use crate::base::{counted, counted_as, escape_terminal};
use crate::model::{Frame, FrameKind};
use std::sync::OnceLock;

/// The triage as JSON; `pyinquest schema triage` writes its schema.
///
/// # Errors
/// Only if a value cannot be JSON.
pub fn json(triage: &Triage) -> serde_json::Result<String> {
    serde_json::to_string_pretty(triage).map(|text| text + "\n")
}

/// JSON Schema of [`json`].
///
/// # Errors
/// Only if the schema cannot be JSON.
#[cfg(feature = "schema")]
pub fn schema() -> serde_json::Result<String> {
    let mut schema = schemars::schema_for!(Triage);
    schema.insert("title".to_owned(), "pyinquest triage".into());
    serde_json::to_string_pretty(&schema).map(|text| text + "\n")
}

/// "3 crashes: 1 new, 2 known; 2 dumps could not be read".
fn headline(triage: &Triage) -> String {
    let mut parts = Vec::new();
    for state in [State::New, State::Regressed, State::Known, State::Ignored] {
        let count = triage.groups.iter().filter(|g| g.state == Some(state)).count();
        if count > 0 {
            parts.push(format!("{count} {}", state.word()));
        }
    }
    let states = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    let groups = counted_as(triage.groups.len(), "distinct crash", "distinct crashes");
    let broken = match triage.broken.len() {
        0 => String::new(),
        n => format!("; {} could not be read", counted(n, "dump")),
    };
    format!("{groups}{states} in {}{broken}", counted(triage.dumps, "dump"))
}

/// Frames of the representative that a short listing shows: those that the signature does not skip.
fn shown_frames(group: &Group, limit: usize) -> Vec<&Frame> {
    static RULES: OnceLock<Option<Rules>> = OnceLock::new();
    let rules = RULES.get_or_init(|| Rules::built_in().ok());
    let (Some(report), Some(rules)) = (&group.report, rules) else { return Vec::new() };
    super::tokens::telling(report, rules).into_iter().take(limit).collect()
}

/// The same as lines, a recursion of one function as one of them.
fn frame_lines(group: &Group, limit: usize) -> Vec<String> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for text in shown_frames(group, usize::MAX).into_iter().map(frame_text) {
        let full = lines.len() == limit;
        match lines.last_mut() {
            Some((last, times)) if *last == text => *times = times.saturating_add(1),
            _ if full => break,
            _ => lines.push((text, 1)),
        }
    }
    let shown = |(text, times): (String, usize)| if times == 1 { text } else { format!("{text}, {times} times") };
    lines.into_iter().map(shown).collect()
}

/// "2026-01-02T03:04:05Z to 2026-02-03T04:05:06Z".
fn seen(group: &Group) -> Option<String> {
    match (&group.first_seen, &group.last_seen) {
        (Some(first), Some(last)) if first != last => Some(format!("{first} to {last}")),
        (first, _) => first.clone(),
    }
}

/// "load (app.py:31)", "scan_key [_speedups.so] (speedups.c:214)".
fn frame_text(frame: &Frame) -> String {
    let name =
        frame.qualname.as_ref().or(frame.function.as_ref()).map_or_else(|| "???".to_owned(), ToString::to_string);
    let file = frame.file.as_ref().map(ToString::to_string);
    let place = match (file, frame.line) {
        (Some(file), Some(line)) => format!(" ({file}:{line})"),
        (Some(file), None) => format!(" ({file})"),
        _ => String::new(),
    };
    let module = frame.native.as_ref().and_then(|n| n.module.as_deref()).map(crate::base::file_name);
    let module = module.filter(|_| frame.kind == FrameKind::Native).map(|m| format!(" [{m}]")).unwrap_or_default();
    escape_terminal(&format!("{name}{module}{place}"))
}

/// The innermost Python frame of the representative: where CI shows a mark in the source.
fn python_place(group: &Group) -> Option<(String, u32)> {
    let report = group.report.as_ref()?;
    let thread = super::tokens::subject(report)?;
    let user = |f: &&Frame| {
        let file = f.file.as_ref().map(ToString::to_string).unwrap_or_default();
        f.kind == FrameKind::Python && f.line.is_some() && !file.starts_with('<') && !file.contains("/lib/python")
    };
    let frame = thread.frames.iter().find(user)?;
    Some((frame.file.as_ref()?.to_string(), frame.line?))
}

/// "3.11.2 (4), 3.13.5 (2)".
fn versions(group: &Group) -> String {
    let parts: Vec<String> = group.versions.iter().map(|(v, n)| format!("{v} ({n})")).collect();
    parts.join(", ")
}

/// `path` as CI wants it: relative to the directory it runs in, when it lies there.
fn relative(path: &str) -> String {
    let here = std::env::current_dir().ok().map(|d| format!("{}/", d.display()));
    let inside = here.as_deref().and_then(|here| path.strip_prefix(here));
    inside.unwrap_or(path).to_owned()
}
