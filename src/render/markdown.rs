//! Markdown for pull requests, issues and job summaries (GitHub's flavour).

use super::recursion::stretches;
use super::wording::{count, frame_line, machine, no_crash, safe, safe_short, thread_label, thread_states, waits_for};
use crate::base::Severity;
use crate::model::{Confidence, Frame, Report, Thread};
use std::fmt::Write as _;

/// Lines shown of a stack; what is longer is cut in the middle.
const MAX_LINES: usize = 120;
/// Threads shown besides the crashed one.
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
        for thread in others.iter().take(MAX_THREADS) {
            let _ = writeln!(out, "**{}**\n", heading(report, thread));
            waits(&mut out, report, thread);
            stack(&mut out, thread);
            out.push('\n');
        }
        if others.len() > MAX_THREADS {
            let _ = writeln!(out, "... and {} more\n", others.len().saturating_sub(MAX_THREADS));
        }
        out.push_str("</details>\n");
    }
    diagnostics(&mut out, report);
    out
}

fn facts(out: &mut String, report: &Report) {
    let process = &report.process;
    let python = report.python.as_ref().map(|p| {
        let build = match (p.free_threaded, p.debug_build) {
            (Some(true), Some(true)) => ", free-threaded debug build",
            (Some(true), _) => ", free-threaded",
            (_, Some(true)) => ", debug build",
            _ => "",
        };
        format!("CPython {}{build}", p.version)
    });
    let rows = [
        ("Process", process.arguments.clone().or_else(|| process.command.clone())),
        ("Python", Some(python.unwrap_or_else(|| "none found".to_owned()))),
        ("Machine", process.abi.as_ref().map(machine)),
        ("Signature", report.signature.as_ref().map(|s| s.title.clone())),
    ];
    out.push_str("| | |\n|---|---|\n");
    for (label, fact) in rows {
        if let Some(fact) = fact {
            let _ = writeln!(out, "| {label} | {} |", inline(&safe_short(fact, 200)));
        }
    }
    for annotation in &process.annotations {
        let (name, value) = (safe_short(&annotation.name, 100), safe_short(&annotation.value, 200));
        let _ = writeln!(out, "| {} | {} |", inline(&name), inline(&value));
    }
}

fn findings(out: &mut String, report: &Report) {
    for finding in &report.findings {
        let sure = match finding.confidence {
            Confidence::High => "certain",
            Confidence::Medium => "likely",
            Confidence::Low => "hint",
        };
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
    let numbered = thread.frames.iter().enumerate();
    let frames: Vec<(usize, &Frame)> =
        numbered.filter(|(_, f)| !f.native.as_ref().is_some_and(|n| n.plumbing)).collect();
    let mut lines = Vec::new();
    for stretch in stretches(&frames, false) {
        for (number, frame) in frames.iter().skip(stretch.start).take(stretch.len) {
            lines.push(format!("#{number} {}", frame_line(frame)));
            if let Some(source) = &frame.source {
                lines.push(format!("    {}", safe_short(source.trim(), 160)));
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
    let doubts: Vec<_> = report.diagnostics.iter().filter(|d| d.severity != Severity::Note).collect();
    if doubts.is_empty() {
        return;
    }
    out.push_str("\n<details><summary>What is missing or doubtful</summary>\n\n");
    for diagnostic in doubts {
        let _ = writeln!(out, "- {}", inline(&diagnostic.message));
    }
    out.push_str("\n</details>\n");
}

/// A fence longer than any run of backticks in `body`.
fn fence(body: &str) -> String {
    let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.saturating_add(1).max(3))
}

/// Text that shows as it is: no markup, no links, no mentions, no HTML.
fn inline(text: &str) -> String {
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
