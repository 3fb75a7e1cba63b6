//! The default report: text for people, most important things first.

mod findings;
mod frame;
mod locals;
mod thread;

use super::palette::{Palette, paint};
use super::tasks::{TasksText, tree_text};
use super::wording::{count, frame_evaluators, machine, no_crash, safe, safe_short, source_kind, which_python};
use crate::base::{Diagnostic, Severity, size};
use crate::model::{Frame, Report, RuntimeState, Thread};
use frame::Mark;
use std::fmt::Write as _;

/// Annotations for a crash reporter that are shown unasked.
const MAX_ANNOTATIONS: usize = 10;

/// Branches of the tree of tasks that are shown unasked.
const MAX_BRANCHES: usize = 30;

/// How to write text.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextOptions {
    /// Colours.
    pub palette: Palette,
    /// Show everything: registers, machine code, notes, repeated stacks in full.
    pub verbose: bool,
    /// Show native frames that are interpreter plumbing.
    pub plumbing: bool,
    /// Columns that a line with a value may have; longer values are cut. `None`: they are shown whole.
    pub width: Option<usize>,
    /// Number of the first frame in the report, where outer or inner ones were dropped by [`super::select::frame`].
    pub first_frame: usize,
}

/// The whole report.
#[must_use]
pub fn render(report: &Report, options: &TextOptions) -> String {
    let mut out = Out::new(options);
    header(&mut out, report);
    findings::write(&mut out, report);
    if report.python.is_none() && report.threads.iter().all(|t| t.frames.is_empty()) {
        if report.why_no_python().is_none() {
            out.blank();
            out.line(0, "No CPython was found in this process.");
        }
    } else {
        thread::write_all(&mut out, report, true);
        tasks(&mut out, report);
    }
    tell_shortened(&mut out);
    diagnostics(&mut out, report);
    out.text
}

/// How the process ended, why, and what is missing: the report without its threads.
#[must_use]
pub fn ending(report: &Report, options: &TextOptions) -> String {
    let mut out = Out::new(options);
    header(&mut out, report);
    findings::write(&mut out, report);
    tell_shortened(&mut out);
    diagnostics(&mut out, report);
    out.text
}

/// The stacks alone, with locals where the report has them.
#[must_use]
pub fn stacks(report: &Report, options: &TextOptions) -> String {
    let mut out = Out::new(options);
    thread::write_all(&mut out, report, false);
    tell_shortened(&mut out);
    out.text
}

/// The frames of one stack; of one, by its number, is said that it is the selected one.
#[must_use]
pub fn frames(frames: &[Frame], marked: Option<usize>, options: &TextOptions) -> String {
    let mut out = Out::new(options);
    frame::write_all(&mut out, frames, marked.map_or(Mark::None, Mark::Number));
    out.text
}

/// How to see what was cut.
fn tell_shortened(out: &mut Out<'_>) {
    if out.shortened {
        out.blank();
        out.line(0, &paint(out.palette().dim, "Long values are cut: --full shows them whole"));
    }
}

/// Text under construction.
#[derive(Debug)]
struct Out<'a> {
    options: &'a TextOptions,
    text: String,
    /// Whether a value was cut.
    shortened: bool,
}

impl<'a> Out<'a> {
    fn new(options: &'a TextOptions) -> Self {
        Out { options, text: String::new(), shortened: false }
    }

    fn palette(&self) -> &'a Palette {
        &self.options.palette
    }

    /// A line, indented. `text` must be escaped and styled already.
    fn line(&mut self, indent: usize, text: &str) {
        if !text.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(self.text, "{:indent$}{text}", "");
        }
        self.text.push('\n');
    }

    /// An empty line, unless there is nothing above it.
    fn blank(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }
}

/// The tree of tasks, its first branches.
fn tasks(out: &mut Out<'_>, report: &Report) {
    let Some(tasks) = &report.tasks else { return };
    out.blank();
    let limit = if out.options.verbose { None } else { Some(MAX_BRANCHES) };
    let options = TasksText {
        palette: *out.palette(),
        flat: false,
        limit,
        more: " (--verbose, or the command tasks)",
        verbose: out.options.verbose,
    };
    out.text.push_str(&tree_text(tasks, &options));
}

fn header(out: &mut Out<'_>, report: &Report) {
    let palette = out.palette();
    match &report.crash {
        Some(crash) => out.line(0, &paint(palette.bad, &safe(&crash.summary))),
        None => out.line(0, &paint(palette.heading, &format!("{}: this is what it was doing", no_crash(report)))),
    }
    let process = &report.process;
    let pid = process.pid.map(|pid| format!("process {pid}"));
    let command = process.arguments.as_ref().or(process.executable.as_ref()).or(process.command.as_ref());
    let command = command.map(|c| safe_short(c, 200));
    let who: Vec<String> = [pid, command].into_iter().flatten().collect();
    if !who.is_empty() {
        out.line(2, &who.join(": "));
    }
    if let Some(started) = &process.started_as {
        out.line(2, &format!("{} {}", paint(palette.dim, "started as:"), safe_short(started, 200)));
    }
    let python = report.python.as_ref().map(|p| {
        let mut text = safe(which_python(p));
        if let Some(state) = p.state.filter(|s| *s != RuntimeState::Initialized) {
            text.push_str(", ");
            text.push_str(&state.to_string());
        }
        text
    });
    let on: Vec<String> = [python, process.abi.as_ref().map(machine)].into_iter().flatten().collect();
    if !on.is_empty() {
        out.line(2, &on.join(" on "));
    }
    if let Some(evaluators) = frame_evaluators(report) {
        out.line(2, &format!("{} {evaluators}", paint(palette.dim, "frames evaluated by (PEP 523):")));
    }
    let most = if out.options.verbose { usize::MAX } else { MAX_ANNOTATIONS };
    for annotation in process.annotations.iter().take(most) {
        let (name, value) = (safe_short(&annotation.name, 100), safe_short(&annotation.value, 300));
        out.line(2, &format!("{}: {value}", paint(palette.dim, &name)));
    }
    if let Some(more) = process.annotations.len().checked_sub(most).filter(|more| *more > 0) {
        out.line(2, &paint(palette.dim, &format!("and {} with --verbose", count(more, "annotation"))));
    }
    if let Some(path) = &report.source.path {
        let facts = [report.source.kind.map(|k| source_kind(k).to_owned()), report.source.size.map(size)];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
        out.line(2, &paint(palette.dim, &format!("read from {}{facts}", safe(path))));
    }
}

/// What is missing or doubtful, worst first; notes only when asked for.
fn diagnostics(out: &mut Out<'_>, report: &Report) {
    let mut shown: Vec<&Diagnostic> = report.diagnostics.iter().collect();
    let all = shown.len();
    if !out.options.verbose {
        shown.retain(|d| d.severity != Severity::Note);
    }
    shown.sort_by_key(|d| std::cmp::Reverse(d.severity));
    let hidden = all.saturating_sub(shown.len());
    if shown.is_empty() && hidden == 0 {
        return;
    }
    out.blank();
    let palette = out.palette();
    if shown.is_empty() {
        out.line(0, &paint(palette.dim, &format!("{} with --verbose", count(hidden, "note"))));
        return;
    }
    out.line(0, &paint(palette.heading, "What is missing or doubtful"));
    for diagnostic in &shown {
        write_diagnostic(out, diagnostic);
    }
    if hidden > 0 {
        out.line(2, &paint(palette.dim, &format!("and {} with --verbose", count(hidden, "note"))));
    }
}

fn write_diagnostic(out: &mut Out<'_>, diagnostic: &Diagnostic) {
    let palette = out.palette();
    let (style, word) = match diagnostic.severity {
        Severity::Error => (palette.bad, "error"),
        Severity::Warning => (palette.warning, "warning"),
        Severity::Note => (palette.dim, "note"),
    };
    let at = diagnostic.addr.map(|a| format!(" (at {a})")).unwrap_or_default();
    let code = paint(palette.dim, &format!("[{}]", safe(&diagnostic.code)));
    out.line(2, &format!("{}: {}{at} {code}", paint(style, word), safe(&diagnostic.message)));
    if let Some(hint) = &diagnostic.hint {
        out.line(4, &format!("help: {}", safe(hint)));
    }
}

/// Whether a thread has anything of Python's.
fn has_python(thread: &Thread) -> bool {
    thread.python.is_some() || !thread.frames.is_empty()
}
