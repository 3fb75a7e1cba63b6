//! For people, on a terminal.

use super::{frame_lines, headline, seen, versions};
use crate::base::{counted, escape_terminal};
use crate::render::palette::{Palette, paint};
use crate::triage::model::{Group, Triage};
use std::fmt::Write as _;

const FRAMES: usize = 6;
const DUMPS: usize = 3;

/// The summary.
#[must_use]
pub fn render(triage: &Triage, palette: &Palette) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", headline(triage));
    for problem in &triage.problems {
        let _ = writeln!(out, "problem: {}", escape_terminal(problem));
    }
    for (index, group) in triage.groups.iter().enumerate() {
        one(&mut out, index.saturating_add(1), group, palette);
    }
    if !triage.broken.is_empty() {
        out.push_str("\nNot read:\n");
        for broken in &triage.broken {
            let _ = writeln!(out, "  {}: {}", escape_terminal(&broken.dump), escape_terminal(&broken.error));
        }
    }
    out
}

fn one(out: &mut String, number: usize, group: &Group, palette: &Palette) {
    let state = group.state.map(|s| format!("{} ", s.word().to_uppercase())).unwrap_or_default();
    let issue = group.issue.map(|i| format!(", issue {i}")).unwrap_or_default();
    let title = escape_terminal(&group.title);
    let _ = writeln!(out, "\n{number}. {state}{}", paint(palette.bad, &title));
    let count = counted(group.count, "dump");
    let _ = writeln!(out, "   {count}, Python {}, signature {}{issue}", versions(group), group.id);
    let owner = group.owner.as_ref().map(|o| format!("; suspected owner: {}", escape_terminal(o))).unwrap_or_default();
    let _ = writeln!(out, "   severity: {}{owner}", group.severity.class);
    for line in &group.severity.evidence {
        let _ = writeln!(out, "     - {}", escape_terminal(line));
    }
    if let Some(seen) = seen(group) {
        let _ = writeln!(out, "   seen: {}", escape_terminal(&seen));
    }
    for note in &group.notes {
        let _ = writeln!(out, "   note: {}", escape_terminal(note));
    }
    for line in frame_lines(group, FRAMES) {
        let _ = writeln!(out, "     at {line}");
    }
    let _ = writeln!(out, "   best dump: {}", escape_terminal(&group.representative));
    let others = group.dumps.iter().filter(|d| **d != group.representative);
    for dump in others.take(DUMPS) {
        let _ = writeln!(out, "   also: {}", escape_terminal(dump));
    }
    if group.count > DUMPS.saturating_add(1) {
        let _ = writeln!(out, "   and {} more", group.count.saturating_sub(DUMPS.saturating_add(1)));
    }
}
