//! One page with everything: no script, no network, light and dark, readable with the details closed.

use super::{headline, seen, versions};
use crate::base::{counted, escape_markup};
use crate::render::html as report;
use crate::triage::model::{Group, Triage};
use std::fmt::Write as _;

const STYLE: &str = include_str!("triage.css");
const DUMPS: usize = 1000;
/// Reports beyond this many are left out: a browser must still open the page.
const REPORTS: usize = 200;

/// The page.
#[must_use]
pub fn render(triage: &Triage) -> String {
    let mut out = String::new();
    let title = escape_markup(&headline(triage));
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n",
        report::STYLE
    );
    for (key, value) in &triage.labels {
        let _ = writeln!(out, "<small>{} = {}</small>", escape_markup(key), escape_markup(value));
    }
    out.push_str("</header>\n<main>\n");
    for (index, group) in triage.groups.iter().enumerate() {
        one(&mut out, group, index < REPORTS);
    }
    if !triage.broken.is_empty() {
        out.push_str("<section>\n<h2>Dumps that could not be read</h2>\n<ul>\n");
        for broken in &triage.broken {
            let _ = writeln!(out, "<li>{}: {}</li>", escape_markup(&broken.dump), escape_markup(&broken.error));
        }
        out.push_str("</ul>\n</section>\n");
    }
    let _ = writeln!(out, "</main>\n<footer>{}</footer>\n</body>\n</html>", escape_markup(&triage.tool));
    out
}

fn one(out: &mut String, group: &Group, with_report: bool) {
    let state = group.state.map_or("", |s| s.word());
    let badge = match state {
        "" => String::new(),
        word => format!("<span class=\"state\">{word}</span> "),
    };
    let _ = writeln!(
        out,
        "<details class=\"group {state}\" id=\"{}\">\n<summary>{badge}{} <small>{}</small></summary>\n<dl>",
        escape_markup(&group.id),
        escape_markup(&group.title),
        counted(group.count, "dump")
    );
    let rows = [
        ("Group", Some(group.id.clone())),
        ("Issue", group.issue.map(|i| i.to_string())),
        ("Python", Some(versions(group))),
        ("Seen", seen(group)),
        ("Suspected owner", group.owner.clone()),
        ("Severity", Some(group.severity.class.clone())),
        ("Best dump", Some(group.representative.clone())),
    ];
    for (label, value) in rows {
        if let Some(value) = value {
            let _ = writeln!(out, "<dt>{label}</dt><dd>{}</dd>", escape_markup(&value));
        }
    }
    for line in &group.severity.evidence {
        let _ = writeln!(out, "<dt>Evidence</dt><dd>{}</dd>", escape_markup(line));
    }
    for note in &group.notes {
        let _ = writeln!(out, "<dt>Note</dt><dd>{}</dd>", escape_markup(note));
    }
    out.push_str("</dl>\n");
    match &group.report {
        Some(body) if with_report => out.push_str(&report::body(body)),
        Some(_) => {
            out.push_str("<p class=\"doubt\">The report is left out of this page; the JSON output has it.</p>\n")
        }
        None => out.push_str("<p class=\"doubt\">There is no report for this crash.</p>\n"),
    }
    let _ = writeln!(out, "<details><summary>All dumps</summary><ul class=\"dumps\">");
    for dump in group.dumps.iter().take(DUMPS) {
        let _ = writeln!(out, "<li>{}</li>", escape_markup(dump));
    }
    if group.dumps.len() > DUMPS {
        let _ = writeln!(out, "<li class=\"more\">and {} more</li>", group.dumps.len().saturating_sub(DUMPS));
    }
    out.push_str("</ul></details>\n</details>\n");
}
