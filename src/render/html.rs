//! One self-contained HTML page: no script, no network, light and dark.

use super::carets::mark;
use super::recursion::stretches;
use super::wording::{
    count, frame_line, machine, no_crash, safe, safe_short, size, source_kind, thread_label, thread_states, waits_for,
    which_python,
};
use crate::base::Severity;
use crate::model::{Confidence, ExceptionInfo, ExceptionRelation, Fidelity, Frame, FrameKind, Local, Report, Thread};
use std::fmt::Write as _;

/// The style sheet of the page, for pages that hold reports.
pub const STYLE: &str = include_str!("html.css");
/// Exceptions shown of a chain.
const MAX_CHAIN: usize = 10;

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
        esc(title)
    );
    facts(&mut out, report);
    out.push_str("</header>\n<main>\n");
    scene(&mut out, report);
    let _ = writeln!(out, "</main>\n<footer>{}</footer>\n</body>\n</html>", esc(&report.tool));
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
    diagnostics(out, report);
}

/// Escaped for a terminal (no control or bidi characters) and for HTML.
fn esc(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in safe(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

fn facts(out: &mut String, report: &Report) {
    let process = &report.process;
    let python = report.python.as_ref().map(which_python);
    let source = report.source.path.as_ref().map(|path| {
        let kind = report.source.kind.map(|k| format!(", {}", source_kind(k))).unwrap_or_default();
        let size = report.source.size.map(|s| format!(", {}", size(s))).unwrap_or_default();
        format!("{path}{kind}{size}")
    });
    let rows = [
        ("Process", process.pid.map(|p| p.to_string())),
        ("Command", process.arguments.clone().or_else(|| process.command.clone())),
        ("Python", Some(python.unwrap_or_else(|| "none found".to_owned()))),
        ("Machine", process.abi.as_ref().map(machine)),
        ("Read from", source),
        ("Signature", report.signature.as_ref().map(|s| s.title.clone())),
    ];
    out.push_str("<dl>\n");
    for (label, fact) in rows {
        if let Some(fact) = fact {
            let _ = writeln!(out, "<dt>{label}</dt><dd>{}</dd>", esc(&safe_short(fact, 500)));
        }
    }
    for annotation in &process.annotations {
        let (name, value) = (safe_short(&annotation.name, 100), safe_short(&annotation.value, 500));
        let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", esc(&name), esc(&value));
    }
    out.push_str("</dl>\n");
}

fn findings(out: &mut String, report: &Report) {
    for finding in &report.findings {
        let sure = match finding.confidence {
            Confidence::High => "certain",
            Confidence::Medium => "likely",
            Confidence::Low => "hint",
        };
        let _ =
            writeln!(out, "<section class=\"finding {sure}\">\n<h2>{} <small>{sure}</small></h2>", esc(&finding.title));
        if !finding.evidence.is_empty() {
            out.push_str("<ul>\n");
            for evidence in &finding.evidence {
                let _ = writeln!(out, "<li>{}</li>", esc(evidence));
            }
            out.push_str("</ul>\n");
        }
        if let Some(advice) = &finding.advice {
            let _ = writeln!(out, "<p>{}</p>", esc(advice));
        }
        out.push_str("</section>\n");
    }
}

fn threads(out: &mut String, report: &Report) {
    let open_all = !report.threads.iter().any(|t| t.crashed);
    for (index, thread) in report.threads.iter().enumerate() {
        let open = thread.crashed || (open_all && index == 0);
        let states = thread_states(report, thread).join(", ");
        let _ = writeln!(
            out,
            "<details class=\"thread{}\"{}>\n<summary>{} <small>{}</small></summary>",
            if thread.crashed { " crashed" } else { "" },
            if open { " open" } else { "" },
            esc(&thread_label(thread)),
            esc(&states)
        );
        if let Some(wait) = waits_for(report, thread) {
            let _ = writeln!(out, "<p>{}</p>", esc(&wait));
        }
        stack(out, thread);
        out.push_str("</details>\n");
    }
}

fn stack(out: &mut String, thread: &Thread) {
    out.push_str("<ol start=\"0\">\n");
    let numbered: Vec<(usize, &Frame)> = thread.frames.iter().enumerate().collect();
    for stretch in stretches(&numbered, false) {
        for (number, frame) in numbered.iter().skip(stretch.start).take(stretch.len) {
            frame_item(out, *number, frame);
        }
        if stretch.times > 1 {
            let _ = writeln!(out, "<li class=\"more\">{}</li>", stretch.more());
        }
    }
    out.push_str("</ol>\n");
    match &thread.frames_end {
        Some(why) => {
            let what = if thread.frames.is_empty() { "No frames" } else { "The stack is not whole" };
            let _ = writeln!(out, "<p class=\"doubt\">{what}: {}</p>", esc(why));
        }
        None if thread.frames.is_empty() => out.push_str("<p>No Python frame.</p>\n"),
        None => {}
    }
    if let Some(python) = &thread.python {
        if let Some(raising) = &python.raising {
            exception(out, "Raising", raising);
        }
        for handled in &python.handling {
            exception(out, "Handling", handled);
        }
    }
}

fn frame_item(out: &mut String, index: usize, frame: &Frame) {
    let class = match (frame.kind, frame.native.as_ref().is_some_and(|n| n.plumbing)) {
        (FrameKind::Python, _) => "python",
        (_, false) => "native",
        (_, true) => "native plumbing",
    };
    let _ = write!(out, "<li value=\"{index}\" class=\"{class}\">{}", esc(&frame_line(frame)));
    if let Some(source) = &frame.source {
        let one_line = frame.end_line.is_none() || frame.end_line == frame.line;
        let columns = frame.column.map(|start| (start, frame.end_column.filter(|_| one_line)));
        let shown = mark(source, columns);
        let marks = shown.marks.map(|m| format!("\n<b>{m}</b>")).unwrap_or_default();
        let _ = write!(out, "<pre>{}{marks}</pre>", esc(&shown.line));
    }
    for problem in &frame.problems {
        let _ = write!(out, "<p class=\"doubt\">{}</p>", esc(problem));
    }
    if let Some(locals) = frame.locals.as_ref().filter(|l| !l.is_empty()) {
        let _ = writeln!(out, "<details><summary>{}</summary><table>", count(locals.len(), "local"));
        for local in locals {
            local_row(out, local);
        }
        out.push_str("</table></details>");
    }
    out.push_str("</li>\n");
}

fn local_row(out: &mut String, local: &Local) {
    let (class, value) = match (&local.value, &local.problem) {
        (Some(v), _) if v.fidelity == Fidelity::Damaged => ("doubt", v.repr.clone()),
        (Some(v), _) => ("", v.repr.clone()),
        (None, Some(problem)) => ("doubt", problem.clone()),
        (None, None) => ("unbound", "unbound".to_owned()),
    };
    let kind = local.value.as_ref().and_then(|v| v.type_name.clone()).unwrap_or_default();
    let name = esc(&local.name.to_string());
    let _ = writeln!(out, "<tr><th>{name}</th><td>{}</td><td class=\"{class}\">{}</td></tr>", esc(&kind), esc(&value));
}

fn exception(out: &mut String, verb: &str, first: &ExceptionInfo) {
    let mut verb = verb.to_owned();
    let mut next = Some(first);
    for _ in 0..MAX_CHAIN {
        let Some(info) = next else { return };
        let _ = writeln!(out, "<p class=\"exception\">{verb} <b>{}</b></p>", esc(&safe_short(&info.summary, 500)));
        if !info.traceback.is_empty() {
            out.push_str("<ul>\n");
            for entry in &info.traceback {
                let file = entry.file.as_ref().map_or_else(|| "???".to_owned(), ToString::to_string);
                let line = entry.line.map_or_else(|| "???".to_owned(), |l| l.to_string());
                let name = entry.function.as_ref().map_or_else(|| "???".to_owned(), ToString::to_string);
                let _ = writeln!(out, "<li>{}</li>", esc(&format!("File \"{file}\", line {line}, in {name}")));
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
    let doubts: Vec<_> = report.diagnostics.iter().filter(|d| d.severity != Severity::Note).collect();
    if doubts.is_empty() {
        return;
    }
    out.push_str("<section class=\"doubts\">\n<h2>What is missing or doubtful</h2>\n<ul>\n");
    for diagnostic in doubts {
        let hint = diagnostic.hint.as_ref().map(|h| format!(" ({})", esc(h))).unwrap_or_default();
        let _ = writeln!(out, "<li>{}{hint}</li>", esc(&diagnostic.message));
    }
    out.push_str("</ul>\n</section>\n");
}
