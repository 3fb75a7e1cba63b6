//! One self-contained HTML page: no script, no network, light and dark.

use super::carets::mark;
use super::groups::{labels, same_stacks, visible};
use super::process_facts::process_facts;
use super::recursion::stretches;
use super::shorten::Shown;
use super::tasks::{TasksText, tree_text};
use super::wording::{
    count, doubt, doubts, frame_line, no_crash, safe_short, sureness, thread_label, thread_states, waits_for,
};
use crate::base::{escape_markup, thousands};
use crate::model::{ExceptionInfo, ExceptionRelation, Fidelity, Frame, FrameKind, Local, Report, Thread};
use std::fmt::Write as _;

/// The style sheet of the page, for pages that hold reports.
pub const STYLE: &str = include_str!("html.css");
/// Branches of the tree of tasks that are shown.
const MAX_BRANCHES: usize = 200;
/// Exceptions shown of a chain.
const MAX_CHAIN: usize = 10;
/// Threads named of those with the same stack.
const MAX_LABELS: usize = 50;
/// Characters of a value that are seen without opening it.
const SHORT_VALUE: usize = 300;

/// The report as a page.
#[must_use]
pub fn render(report: &Report) -> String {
    let title = report.crash.as_ref().map_or_else(|| no_crash(report), |c| c.summary.as_str());
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{0}</h1>\n",
        escape_markup(title)
    );
    facts(&mut out, report);
    out.push_str("</header>\n<main>\n");
    scene(&mut out, report);
    let _ = writeln!(out, "</main>\n<footer>{}</footer>\n</body>\n</html>", escape_markup(&report.tool));
    out
}

/// The report as a part of a page that has [`STYLE`].
#[must_use]
pub fn body(report: &Report) -> String {
    let mut out = String::new();
    facts(&mut out, report);
    scene(&mut out, report);
    out
}

fn scene(out: &mut String, report: &Report) {
    findings(out, report);
    threads(out, report);
    if let Some(tasks) = &report.tasks {
        let options = TasksText { limit: Some(MAX_BRANCHES), ..TasksText::default() };
        let text = escape_lines(&tree_text(tasks, &options));
        let _ = writeln!(out, "<details class=\"thread\">\n<summary>Tasks</summary>\n<pre>{text}</pre>\n</details>");
    }
    diagnostics(out, report);
}

/// Lines that are escaped for a terminal already, for HTML.
fn escape_lines(text: &str) -> String {
    text.lines().map(escape_markup).collect::<Vec<_>>().join("\n")
}

fn facts(out: &mut String, report: &Report) {
    out.push_str("<dl>\n");
    for (label, fact) in process_facts(report, 500) {
        let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", escape_markup(&label), escape_markup(&fact));
    }
    out.push_str("</dl>\n");
}

fn findings(out: &mut String, report: &Report) {
    for finding in &report.findings {
        let sure = sureness(finding.confidence);
        let _ = writeln!(
            out,
            "<section class=\"finding {sure}\">\n<h2>{} <small>{sure}</small></h2>",
            escape_markup(&finding.title)
        );
        if !finding.evidence.is_empty() {
            out.push_str("<ul>\n");
            for evidence in &finding.evidence {
                let _ = writeln!(out, "<li>{}</li>", escape_markup(evidence));
            }
            out.push_str("</ul>\n");
        }
        if let Some(advice) = &finding.advice {
            let _ = writeln!(out, "<p>{}</p>", escape_markup(advice));
        }
        out.push_str("</section>\n");
    }
}

fn threads(out: &mut String, report: &Report) {
    let open_all = !report.threads.iter().any(|t| t.crashed);
    let (shown, native): (Vec<&Thread>, Vec<&Thread>) =
        report.threads.iter().partition(|t| t.crashed || t.python.is_some() || !t.frames.is_empty());
    for (index, group) in same_stacks(&shown).iter().enumerate() {
        let Some(thread) = group.first() else { continue };
        let open = thread.crashed || (open_all && index == 0);
        let mut states = thread_states(report, thread);
        let title = match group.len() {
            1 => thread_label(thread),
            n => {
                states.retain(|s| s != "main thread");
                format!("{n} threads with the same stack")
            }
        };
        let wait = waits_for(report, thread).map_or(String::new(), |wait| format!(" <i>{}</i>", escape_markup(&wait)));
        let _ = writeln!(
            out,
            "<details class=\"thread{}\"{}>\n<summary>{}{}{wait}</summary>",
            if thread.crashed { " crashed" } else { "" },
            if open { " open" } else { "" },
            escape_markup(&title),
            if states.is_empty() {
                String::new()
            } else {
                format!(" <small>{}</small>", escape_markup(&states.join(", ")))
            }
        );
        if group.len() > 1 {
            let _ = writeln!(out, "<p><small>{}</small></p>", escape_markup(&labels(group, MAX_LABELS)));
        }
        stack(out, thread);
        out.push_str("</details>\n");
    }
    if !native.is_empty() {
        let what = match report.knows_all_thread_states() {
            true => "without Python state",
            false => "of which no Python state was found",
        };
        let (noun, labels) = (count(native.len(), "other thread"), labels(&native, MAX_LABELS));
        let _ = writeln!(out, "<p><small>{noun} {what}: {}</small></p>", escape_markup(&labels));
    }
}

fn stack(out: &mut String, thread: &Thread) {
    out.push_str("<ol start=\"0\">\n");
    let frames = visible(&thread.frames, 0, false);
    let mut shown = Shown::default();
    for stretch in stretches(&frames, false) {
        for (number, frame) in frames.iter().skip(stretch.start).take(stretch.len) {
            frame_item(out, *number, frame, &mut shown);
        }
        if stretch.times > 1 {
            let _ = writeln!(out, "<li class=\"more\">{}</li>", stretch.more());
        }
    }
    out.push_str("</ol>\n");
    match &thread.frames_end {
        Some(why) => {
            let what = if thread.frames.is_empty() { "No frames" } else { "The stack is not whole" };
            let _ = writeln!(out, "<p class=\"doubt\">{what}: {}</p>", escape_markup(why));
        }
        None if thread.frames.is_empty() => out.push_str("<p>No Python frame.</p>\n"),
        None => {}
    }
    for python in thread.states() {
        if let Some(raising) = &python.raising {
            exception(out, "Raising", raising);
        }
        for handled in &python.handling {
            exception(out, "Handling", handled);
        }
    }
}

fn frame_item<'a>(out: &mut String, index: usize, frame: &'a Frame, shown: &mut Shown<'a>) {
    let class = if frame.kind == FrameKind::Python { "python" } else { "native" };
    let _ = write!(out, "<li value=\"{index}\" class=\"{class}\">{}", escape_markup(&frame_line(frame)));
    if let Some(source) = &frame.source {
        let one_line = frame.end_line.is_none() || frame.end_line == frame.line;
        let columns = frame.column.map(|start| (start, frame.end_column.filter(|_| one_line)));
        let marked = mark(source, columns);
        let marks = marked.marks.map(|m| format!("\n<b>{m}</b>")).unwrap_or_default();
        let _ = write!(out, "<pre>{}{marks}</pre>", escape_markup(&marked.line));
    }
    for problem in &frame.problems {
        let _ = write!(out, "<p class=\"doubt\">{}</p>", escape_markup(problem));
    }
    if let Some(locals) = frame.locals.as_ref().filter(|l| !l.is_empty()) {
        let _ = writeln!(out, "<details><summary>{}</summary><table>", count(locals.len(), "local"));
        for local in locals {
            let before = local.value.as_ref().and_then(|v| shown.before(index, &local.name.to_string(), v));
            local_row(out, local, before);
        }
        out.push_str("</table></details>");
    }
    out.push_str("</li>\n");
}

/// `before`: where the same value was shown.
fn local_row(out: &mut String, local: &Local, before: Option<String>) {
    let (class, value) = match (&local.value, &local.problem) {
        (Some(_), _) if before.is_some() => {
            ("unbound", before.map_or(String::new(), |b| escape_markup(&format!("({b})"))))
        }
        (Some(v), _) => {
            (if v.fidelity == Fidelity::Damaged { "doubt" } else { "" }, long(&v.repr, v.fidelity == Fidelity::Cut))
        }
        (None, Some(problem)) => ("doubt", escape_markup(problem)),
        (None, None) => ("unbound", "unbound".to_owned()),
    };
    let kind = local.value.as_ref().and_then(|v| v.type_name.clone()).unwrap_or_default();
    let name = escape_markup(&local.name.to_string());
    let _ =
        writeln!(out, "<tr><th>{name}</th><td>{}</td><td class=\"{class}\">{value}</td></tr>", escape_markup(&kind));
}

/// A value, of which only the beginning is seen until it is opened where it is long.
fn long(text: &str, cut: bool) -> String {
    let end = text.char_indices().nth(SHORT_VALUE).map(|(end, _)| end);
    let Some((start, rest)) = end.and_then(|end| text.split_at_checked(end)) else { return escape_markup(text) };
    let more = thousands(rest.chars().count() as u64);
    let least = if cut { "at least " } else { "" };
    let tail = format!("<small>... {least}{more} more characters</small>");
    format!("<details><summary>{}{tail}</summary>{}</details>", escape_markup(start), escape_markup(rest))
}

fn exception(out: &mut String, verb: &str, first: &ExceptionInfo) {
    let mut verb = verb.to_owned();
    let mut next = Some(first);
    for _ in 0..MAX_CHAIN {
        let Some(info) = next else { return };
        let _ = writeln!(
            out,
            "<p class=\"exception\">{verb} <b>{}</b></p>",
            escape_markup(&safe_short(&info.summary, 500))
        );
        if !info.traceback.is_empty() {
            out.push_str("<ul>\n");
            for entry in &info.traceback {
                let file = entry.file.as_ref().map_or_else(|| "???".to_owned(), ToString::to_string);
                let line = entry.line.map_or_else(|| "???".to_owned(), |l| l.to_string());
                let name = entry.function.as_ref().map_or_else(|| "???".to_owned(), ToString::to_string);
                let _ =
                    writeln!(out, "<li>{}</li>", escape_markup(&format!("File \"{file}\", line {line}, in {name}")));
            }
            out.push_str("</ul>\n");
        }
        next = info.caused_by.as_ref().map(|link| {
            verb = if link.relation == ExceptionRelation::Cause { "caused by" } else { "raised while handling" }
                .to_owned();
            &link.exception
        });
    }
}

fn diagnostics(out: &mut String, report: &Report) {
    let doubts = doubts(report);
    if doubts.is_empty() {
        return;
    }
    out.push_str("<section class=\"doubts\">\n<h2>What is missing or doubtful</h2>\n<ul>\n");
    for diagnostic in doubts {
        let _ = writeln!(out, "<li>{}</li>", escape_markup(&doubt(diagnostic)));
    }
    out.push_str("</ul>\n</section>\n");
}
