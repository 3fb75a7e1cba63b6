//! For a comment under a pull request or a job summary. GitHub cuts summaries at 1 MiB and comments at 65,536
//! characters.

use super::{frame_lines, headline, seen, versions};
use crate::base::escape_terminal;
use crate::triage::model::{Group, State, Triage};
use std::fmt::Write as _;

const FRAMES: usize = 12;
const GROUPS: usize = 50;
const BROKEN: usize = 50;
/// A comment holds no more.
const LIMIT: usize = 60_000;

/// The summary.
#[must_use]
pub fn render(triage: &Triage) -> String {
    let mut out = format!("## {}\n\n", headline(triage));
    if !triage.groups.is_empty() {
        out.push_str("| | Crash | Dumps | Python | Severity | Owner |\n|---|---|---|---|---|---|\n");
    }
    for group in triage.groups.iter().take(GROUPS) {
        let state = group.state.map_or("", |s| s.word());
        let _ = writeln!(
            out,
            "| {state} | {} | {} | {} | {} | {} |",
            cell(&group.title),
            group.count,
            cell(&versions(group)),
            cell(&group.severity.class),
            cell(group.owner.as_deref().unwrap_or("")),
        );
    }
    let mut left_out = triage.groups.len().saturating_sub(GROUPS);
    for group in triage.groups.iter().take(GROUPS) {
        let text = details(group);
        if out.len().saturating_add(text.len()) > LIMIT {
            left_out = left_out.saturating_add(1);
            continue;
        }
        out.push_str(&text);
    }
    if left_out > 0 {
        let _ = writeln!(out, "\nDetails of {left_out} more are in the full report.");
    }
    if !triage.broken.is_empty() {
        out.push_str("\n<details><summary>Dumps that could not be read</summary>\n\n");
        for broken in triage.broken.iter().take(BROKEN) {
            let _ = writeln!(out, "- {}: {}", code(&broken.dump), plain(&broken.error));
        }
        out.push_str("\n</details>\n");
    }
    out
}

fn details(group: &Group) -> String {
    let open = if group.state == Some(State::New) { " open" } else { "" };
    let mut out = format!("\n<details{open}><summary>{}</summary>\n\n", plain(&group.title));
    for line in &group.severity.evidence {
        let _ = writeln!(out, "- {}", plain(line));
    }
    for note in &group.notes {
        let _ = writeln!(out, "- note: {}", plain(note));
    }
    let text = frame_lines(group, FRAMES).join("\n");
    if !text.is_empty() {
        let fence = fence(&text);
        let _ = writeln!(out, "\n{fence}\n{text}\n{fence}");
    }
    let seen = seen(group).map(|s| format!(" · seen {}", plain(&s))).unwrap_or_default();
    let (dump, id) = (code(&group.representative), code(&group.id));
    let _ = writeln!(out, "\nBest dump: {dump} · signature {id}{seen}\n\n</details>");
    out
}

/// Text in which nothing is markup.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in escape_terminal(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // An @ would notify somebody, a # would link to some issue.
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

fn cell(text: &str) -> String {
    plain(text)
}

/// In backquotes; more of them than the text has in a row.
fn code(text: &str) -> String {
    let text = escape_terminal(text);
    let ticks = "`".repeat(longest_run(&text).saturating_add(1));
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

fn fence(text: &str) -> String {
    "`".repeat(longest_run(text).saturating_add(1).max(3))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_names_is_text() {
        assert_eq!(plain("<b>@me `x` #1|"), "&lt;b&gt;&#64;me \\`x\\` &#35;1\\|");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(fence("x\n````"), "`````");
    }
}
