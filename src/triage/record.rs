//! One row for each dump: all that grouping and the outputs need, as one line of NDJSON.

use super::rules::Rules;
use super::severity::{self, Severity};
use super::signature::{self, Signature};
use crate::model::{ModuleInfo, Report};
use crate::render::redact::{self, Privacy};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Version of the row's form.
pub const FORMAT: u32 = 1;

/// What became of a dump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has a signature.
    #[default]
    Ok,
    /// It could not be read.
    Unreadable,
    /// Reading it took longer than allowed.
    TimedOut,
    /// Reading it took our own process down.
    Failed,
}

/// One dump.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the dump: path, or `archive.tar::member`.
    pub dump: String,
    /// Size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When it was written, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why there is no signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Version of Python.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Severity with its evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The report, fit to be shared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<Report>>,
}

/// What a dump is called and where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Label {
    /// Name for people.
    pub dump: String,
    /// Size in bytes.
    pub size: Option<u64>,
    /// When it was written, RFC 3339 in UTC.
    pub seen: Option<String>,
}

/// Frames that a shared report keeps of a thread, from the innermost and from the outermost.
const FRAMES: (usize, usize) = (60, 20);
/// Threads that a shared report keeps.
const THREADS: usize = 40;

impl Row {
    /// The row of a report.
    #[must_use]
    pub fn new(label: Label, mut report: Report, rules: &Rules, privacy: Privacy) -> Self {
        redact::redact(&mut report, privacy);
        let (signature, _) = signature::signature(&report, rules);
        let severity = severity::severity(&report, &signature);
        report.signature = Some((&signature).into());
        shorten(&mut report);
        Row {
            format: FORMAT,
            dump: label.dump,
            size: label.size,
            seen: label.seen,
            python: report.python.as_ref().map(|p| p.version.clone()),
            signature: Some(signature),
            severity: Some(severity),
            report: Some(Box::new(report)),
            ..Row::default()
        }
    }

    /// The row of a dump that gave no report.
    #[must_use]
    pub fn without_report(label: Label, outcome: Outcome, error: impl Into<String>) -> Self {
        let error = Some(error.into());
        Row { format: FORMAT, dump: label.dump, size: label.size, seen: label.seen, outcome, error, ..Row::default() }
    }

    /// How well it can stand for its group: native functions known, qualified names known, length of the stack; then
    /// the earliest, then by name and process.
    pub(super) fn rank(&self) -> impl Ord + use<> {
        let known = self.signature.as_ref().map(|s| (s.site.functions.len().min(4), s.qualnames.len(), s.stack.len()));
        let seen = self.seen.clone().unwrap_or_else(|| "~".to_owned());
        (std::cmp::Reverse(known), seen, self.dump.clone(), self.report.as_ref().and_then(|report| report.process.pid))
    }
}

/// Leaves out what a summary of many crashes does not show: the middle of deep stacks, modules off the stacks, ...
fn shorten(report: &mut Report) {
    if report.threads.len() > THREADS {
        report.threads.truncate(THREADS);
    }
    let (inner, outer) = FRAMES;
    for thread in &mut report.threads {
        let count = thread.frames.len();
        if count > inner + outer {
            let left_out = count - inner - outer;
            thread.frames.drain(inner..count - outer);
            let end = thread.frames_end.take().map(|e| format!("; {e}")).unwrap_or_default();
            thread.frames_end = Some(format!("{left_out} frames behind the first {inner} are left out here{end}"));
        }
    }
    let frames = report.threads.iter().flat_map(|t| &t.frames).filter_map(|f| f.native.as_ref());
    let shown: HashSet<&String> = frames.filter_map(|n| report.module_of(n)).map(|m| &m.path).collect();
    let runtime = report.python.as_ref().and_then(|p| p.module.as_ref());
    let keep = |m: &&ModuleInfo| shown.contains(&m.path) || runtime == Some(&m.path);
    report.modules = report.modules.iter().filter(keep).cloned().collect();
    report.missing.truncate(20);
    report.diagnostics.truncate(50);
}
