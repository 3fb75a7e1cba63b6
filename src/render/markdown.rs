//! Markdown for pull requests, issues and job summaries (GitHub's flavour).

use super::carets::mark;
use super::groups::{MAX_LABELS, labels, same_stacks, visible};
use super::process_facts::process_facts;
use super::recursion::stretches;
use super::tasks::{TasksText, tree_text};
use super::wording::{
    count, doubt, doubts, frame_line, no_crash, safe, sureness, thread_label, thread_states, waits_for,
};
use crate::model::{Report, Thread};
use std::fmt::Write as _;

/// Lines shown of a stack; what is longer is cut in the middle.
const MAX_LINES: usize = 120;
/// Branches of the tree of tasks that are shown.
const MAX_BRANCHES: usize = 50;
/// Stacks shown besides that of the crashed thread.
const MAX_THREADS: usize = 30;

/// The report as Markdown. Text from the dump appears escaped or in code blocks only.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let title = report.crash.as_ref().map_or_else(|| no_crash(report), |c| c.summary.as_str());
    let _ = writeln!(out, "### {}\n", inline(title));
    facts(&mut out, report);
    findings(&mut out, report);
    let (crashed, others): (Vec<&Thread>, Vec<&Thread>) = report.threads.iter().partition(|t| t.crashed);
    for thread in crashed {
        let _ = writeln!(out, "\n**{}**, most recent call first:\n", heading(report, thread));
        waits(&mut out, report, thread);
        stack(&mut out, thread);
    }
    let others: Vec<&Thread> = others.into_iter().filter(|t| t.python.is_some() || !t.frames.is_empty()).collect();
    if !others.is_empty() {
        let noun = if report.threads.iter().any(|t| t.crashed) { "other thread" } else { "thread" };
        let _ = writeln!(out, "\n<details><summary>{}</summary>\n", count(others.len(), noun));
        let groups = same_stacks(&others);
        for group in groups.iter().take(MAX_THREADS) {
            let Some(thread) = group.first() else { continue };
            let _ = match group.len() {
                1 => writeln!(out, "**{}**\n", heading(report, thread)),
                n => writeln!(out, "**{n} threads with the same stack**: {}\n", inline(&labels(group, MAX_LABELS))),
            };
            waits(&mut out, report, thread);
            stack(&mut out, thread);
            out.push('\n');
        }
        if let Some(rest) = groups.get(MAX_THREADS..).filter(|rest| !rest.is_empty()) {
            let threads: usize = rest.iter().map(Vec::len).sum();
            let _ = writeln!(out, "... and {} with other stacks\n", count(threads, "more thread"));
        }
        out.push_str("</details>\n");
    }
    if let Some(tasks) = &report.tasks {
        let options = TasksText { limit: Some(MAX_BRANCHES), ..TasksText::default() };
        // No text of the dump closes an indented block.
        let text: String = tree_text(tasks, &options).lines().map(|line| format!("    {line}\n")).collect();
        let _ = writeln!(out, "\n<details><summary>Tasks</summary>\n\n{text}\n</details>");
    }
    diagnostics(&mut out, report);
    out
}

fn facts(out: &mut String, report: &Report) {
    out.push_str("| | |\n|---|---|\n");
    for (label, fact) in process_facts(report, 200) {
        let _ = writeln!(out, "| {} | {} |", inline(&label), inline(&fact));
    }
}

fn findings(out: &mut String, report: &Report) {
    for finding in &report.findings {
        let sure = sureness(finding.confidence);
        let _ = writeln!(out, "\n> **{}** ({sure})", inline(&finding.title));
        for evidence in &finding.evidence {
            let _ = writeln!(out, "> - {}", inline(evidence));
        }
        if let Some(advice) = &finding.advice {
            let _ = writeln!(out, ">\n> {}", inline(advice));
        }
    }
}

fn heading(report: &Report, thread: &Thread) -> String {
    let states = thread_states(report, thread);
    let label = inline(&thread_label(thread));
    if states.is_empty() { label } else { format!("{label} ({})", inline(&states.join(", "))) }
}

fn waits(out: &mut String, report: &Report, thread: &Thread) {
    if let Some(wait) = waits_for(report, thread) {
        let _ = writeln!(out, "{}\n", inline(&wait));
    }
}

fn stack(out: &mut String, thread: &Thread) {
    let frames = visible(&thread.frames, 0, false);
    let mut lines = Vec::new();
    for stretch in stretches(&frames, false) {
        for (number, frame) in frames.iter().skip(stretch.start).take(stretch.len) {
            lines.push(format!("#{number} {}", frame_line(frame)));
            if let Some(source) = &frame.source {
                let one_line = frame.end_line.is_none() || frame.end_line == frame.line;
                let columns = frame.column.map(|start| (start, frame.end_column.filter(|_| one_line)));
                let marked = mark(source, columns);
                lines.extend([Some(marked.line), marked.marks].into_iter().flatten().map(|line| format!("    {line}")));
            }
        }
        if stretch.times > 1 {
            lines.push(format!("  {}", stretch.more()));
        }
    }
    if lines.len() > MAX_LINES {
        let half = MAX_LINES / 2;
        let cut = lines.len().saturating_sub(MAX_LINES);
        lines.splice(half..half.saturating_add(cut), [format!("  ... {} more", count(cut, "line"))]);
    }
    if let Some(why) = &thread.frames_end {
        let what = if lines.is_empty() { "no frames" } else { "the stack ends here" };
        lines.push(format!("  ({what}: {})", safe(why)));
    } else if lines.is_empty() {
        lines.push("no Python frame".to_owned());
    }
    let body = lines.join("\n");
    let fence = fence(&body);
    let _ = writeln!(out, "{fence}text\n{body}\n{fence}");
}

fn diagnostics(out: &mut String, report: &Report) {
    let doubts = doubts(report);
    if doubts.is_empty() {
        return;
    }
    out.push_str("\n<details><summary>What is missing or doubtful</summary>\n\n");
    for diagnostic in doubts {
        let _ = writeln!(out, "- {}", inline(&doubt(diagnostic)));
    }
    out.push_str("\n</details>\n");
}

/// A fence longer than any run of backticks in `body`.
fn fence(body: &str) -> String {
    let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.saturating_add(1).max(3))
}

/// Text that shows as it is: no markup, no links, no mentions, no HTML.
pub(in crate::render) fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in safe(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A mention would notify people, a number would link to an issue.
            '@' | '#' => {
                out.push(c);
                out.push('\u{2060}');
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{fence, inline};

    #[test]
    fn markup_of_the_dump_stays_text() {
        assert_eq!(inline("<b>*x*</b> a|b"), "&lt;b&gt;\\*x\\*&lt;/b&gt; a\\|b");
        assert_eq!(inline("@team \x1b["), "@\u{2060}team \\\\x1b\\[");
        assert_eq!(fence("a ``` b"), "````");
        assert_eq!(fence(""), "```");
    }
}
