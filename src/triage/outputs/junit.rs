//! JUnit XML: each distinct crash is a failed test, so that any CI shows it.

use super::{frame_lines, python_place, relative, versions};
use crate::base::{counted, escape_markup};
use crate::triage::model::{State, Triage};
use std::fmt::Write as _;

const FRAMES: usize = 40;

/// The document.
#[must_use]
pub fn render(triage: &Triage) -> String {
    let skipped = triage.groups.iter().filter(|g| g.state == Some(State::Ignored)).count();
    let failures = triage.groups.len().saturating_sub(skipped);
    let errors = triage.broken.len();
    let tests = triage.groups.len().saturating_add(errors);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"");
    let all = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");
    let _ = writeln!(out, "<testsuites name=\"pyinquest\" {all}>\n  <testsuite name=\"crashes\" {counts}>");
    for group in &triage.groups {
        let owner = group.owner.as_deref().unwrap_or("unknown");
        let place = python_place(group)
            .map(|(file, line)| format!(" file=\"{}\" line=\"{line}\"", escape_markup(&relative(&file))));
        let _ = writeln!(
            out,
            "    <testcase classname=\"{}\" name=\"{} [{}]\"{}>",
            escape_markup(owner),
            escape_markup(&group.title),
            escape_markup(&group.id),
            place.unwrap_or_default()
        );
        if group.state == Some(State::Ignored) {
            out.push_str("      <skipped message=\"ignored\"/>\n");
        } else {
            let state = group.state.map(|s| format!("{}: ", s.word())).unwrap_or_default();
            let mut text = format!("{} in {}\n", counted(group.count, "dump"), versions(group));
            for line in group.severity.evidence.iter().chain(&group.notes) {
                let _ = writeln!(text, "{}", crate::base::escape_terminal(line));
            }
            for line in frame_lines(group, FRAMES) {
                let _ = writeln!(text, "  at {line}");
            }
            let _ = writeln!(text, "dump: {}", crate::base::escape_terminal(&group.representative));
            let body: Vec<String> = text.lines().map(escape_markup).collect();
            let _ = writeln!(
                out,
                "      <failure type=\"{}\" message=\"{}\">{}</failure>",
                escape_markup(&group.class),
                escape_markup(&format!("{state}{}", group.title)),
                body.join("\n")
            );
        }
        out.push_str("    </testcase>\n");
    }
    for broken in &triage.broken {
        let _ = writeln!(
            out,
            "    <testcase classname=\"dumps\" name=\"{}\">\n      <error type=\"{:?}\" message=\"{}\"/>\n    </testcase>",
            escape_markup(&broken.dump),
            broken.outcome,
            escape_markup(&broken.error)
        );
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}
