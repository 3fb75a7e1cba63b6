//! What is in a dump: interpreter, threads, modules, what is missing.

use super::palette::{Palette, paint};
use super::text::TextOptions;
use super::wording::{
    count, layout_provider, machine, safe, safe_short, source_kind, spaced, thread_states, version_from,
};
use crate::base::size;
use crate::model::{FileStatus, Interpreter, ModuleInfo, Python, Report, Thread};
use std::fmt::Write as _;

/// Modules listed without `verbose`; those with a problem are always listed.
const MAX_MODULES: usize = 20;
/// Missing parts listed without `verbose`.
const MAX_MISSING: usize = 10;

/// The view of `pyinquest info`.
#[must_use]
pub fn render(report: &Report, options: &TextOptions) -> String {
    let mut out = Sheet { palette: options.palette, text: String::new() };
    process(&mut out, report);
    match &report.python {
        Some(python) => self::python(&mut out, python),
        None => out.row("Python", &safe(report.why_no_python().map_or("no CPython was found", |d| d.message.as_str()))),
    }
    for interpreter in &report.interpreters {
        self::interpreter(&mut out, interpreter);
    }
    threads(&mut out, report);
    modules(&mut out, &report.modules, options.verbose);
    missing(&mut out, report, options.verbose);
    let no_python = report.why_no_python();
    for diagnostic in &report.diagnostics {
        if options.verbose || Some(diagnostic) == no_python {
            out.row("Note", &safe(&diagnostic.message));
        }
    }
    out.text
}

/// Rows of a label and a fact.
struct Sheet {
    palette: Palette,
    text: String,
}

impl Sheet {
    fn row(&mut self, label: &str, fact: &str) {
        let label = paint(self.palette.heading, &format!("{label:<13}"));
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{label} {fact}");
    }

    fn heading(&mut self, text: &str) {
        let _ = writeln!(self.text, "\n{}", paint(self.palette.heading, text));
    }

    fn item(&mut self, text: &str) {
        let _ = writeln!(self.text, "  {text}");
    }

    fn dim(&mut self, text: &str) {
        let text = paint(self.palette.dim, text);
        self.item(&text);
    }
}

/// The parts that are there, joined.
fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn process(out: &mut Sheet, report: &Report) {
    let source = joined([
        report.source.path.as_ref().map(safe),
        report.source.kind.map(|k| source_kind(k).to_owned()),
        report.source.size.map(size),
    ]);
    if !source.is_empty() {
        out.row("Source", &source);
    }
    let process = &report.process;
    let who = joined([
        process.command.as_ref().map(safe),
        process.pid.map(|p| format!("pid {p}")),
        process.ppid.map(|p| format!("parent {p}")),
    ]);
    if !who.is_empty() {
        out.row("Process", &who);
    }
    if let Some(arguments) = &process.arguments {
        out.row("Arguments", &safe_short(arguments, 500));
    }
    if let Some(started) = &process.started_as {
        out.row("Started as", &safe_short(started, 500));
    }
    if let Some(executable) = &process.executable {
        out.row("Executable", &safe(executable));
    }
    if let Some(abi) = &process.abi {
        out.row("Machine", &machine(abi));
    }
    for annotation in &process.annotations {
        out.row(
            "Annotation",
            &format!("{} = {}", safe_short(&annotation.name, 100), safe_short(&annotation.value, 300)),
        );
    }
    match &report.crash {
        Some(crash) => out.row("Crash", &format!("{} in thread {}", safe(&crash.summary), crash.tid)),
        None => out.row("Crash", "none recorded"),
    }
}

fn python(out: &mut Sheet, python: &Python) {
    let build = joined([
        Some(format!("CPython {}", safe(&python.version))),
        python.debug_build.map(|d| if d { "debug build" } else { "release build" }.to_owned()),
        python.free_threaded.map(|f| if f { "free-threaded" } else { "with GIL" }.to_owned()),
        python.version_from.as_ref().map(|f| format!("version from {}", version_from(*f))),
    ]);
    out.row("Python", &build);
    let runtime = joined([
        python.runtime.map(|a| format!("at {a}")),
        python.found_by.map(|f| format!("found by {f}")),
        python.module.as_ref().map(|m| format!("in {}", safe(m))),
        python.state.map(|s| s.to_string()),
    ]);
    if !runtime.is_empty() {
        out.row("Runtime", &runtime);
    }
    let providers =
        python.layout_providers.iter().map(|(name, n)| Some(format!("{n} fields from {}", layout_provider(*name))));
    let table = python.layout_table.as_ref().map(|t| format!("built-in table {}", safe(t)));
    let layouts = joined(providers.chain([table]));
    if !layouts.is_empty() {
        out.row("Layouts", &layouts);
    }
}

fn interpreter(out: &mut Sheet, interpreter: &Interpreter) {
    let gil = match (interpreter.gil_enabled, interpreter.gil_locked) {
        (Some(false), _) => Some("no GIL".to_owned()),
        (_, Some(true)) => Some("GIL taken".to_owned()),
        (_, Some(false)) => Some("GIL free".to_owned()),
        (_, None) => None,
    };
    let facts = joined([
        Some(format!("{} at {}", interpreter.id, interpreter.addr)),
        interpreter.main.then(|| "main".to_owned()),
        gil,
        (interpreter.gc_collecting == Some(true)).then(|| "collecting garbage".to_owned()),
        interpreter.extension_modules.as_ref().map(|m| count(m.len(), "third-party extension module")),
    ]);
    out.row("Interpreter", &facts);
    if let Some(evaluator) = &interpreter.frame_evaluator {
        out.row("Evaluator", &safe(evaluator));
    }
    for line in super::collections::lines(&interpreter.collections) {
        out.row("Collection", &line);
    }
}

fn threads(out: &mut Sheet, report: &Report) {
    out.heading(&format!("Threads ({})", report.threads.len()));
    for thread in &report.threads {
        out.item(&thread_row(report, thread));
    }
}

fn thread_row(report: &Report, thread: &Thread) -> String {
    let tid = thread.tid.map_or_else(|| "?".to_owned(), |t| t.to_string());
    let ident = thread.python.as_ref().and_then(|p| p.ident).map(|i| format!("{i:#x}"));
    let name = thread.name.as_ref().map(|n| format!("\"{}\"", safe_short(n, 60)));
    let frames = thread.python.is_some().then(|| count(thread.frames.len(), "frame"));
    let states = thread_states(report, thread);
    let states = (!states.is_empty()).then(|| states.join(", "));
    let end = thread
        .frames_end
        .as_ref()
        .filter(|_| thread.python.is_some())
        .map(|why| format!("stack not whole: {}", safe(why)));
    format!("{tid:>8}  {}", joined([name, ident, frames, states, end]))
}

fn modules(out: &mut Sheet, modules: &[ModuleInfo], verbose: bool) {
    out.heading(&format!("Modules ({})", modules.len()));
    let troubled = |m: &ModuleInfo| m.file_status.is_some_and(|s| s != FileStatus::Ok);
    let mut hidden = 0usize;
    for (index, module) in modules.iter().enumerate() {
        if !verbose && index >= MAX_MODULES && !troubled(module) {
            hidden = hidden.saturating_add(1);
            continue;
        }
        let status = module.file_status.map(|s| match s {
            FileStatus::Ok => "ok".to_owned(),
            other => paint(out.palette.warning, &spaced(other)),
        });
        let file = module.file.as_ref().filter(|f| **f != module.path).map(|f| format!("read from {}", safe(f)));
        let id = module.build_id.as_ref().filter(|_| verbose).map(|b| format!("build-id {}", safe(b)));
        let rest = joined([status, id, file]);
        let rest = if rest.is_empty() { rest } else { format!("  ({rest})") };
        out.item(&format!("{:#} {}{rest}", module.base, safe(&module.path)));
    }
    if hidden > 0 {
        out.dim(&format!("and {} more with --verbose", hidden));
    }
}

fn missing(out: &mut Sheet, report: &Report, verbose: bool) {
    if report.missing.is_empty() {
        return;
    }
    let total: u64 = report.missing.iter().fold(0, |sum, m| sum.saturating_add(m.size));
    out.heading(&format!("Missing ({}, {})", count(report.missing.len(), "part"), size(total)));
    let shown = if verbose { usize::MAX } else { MAX_MISSING };
    for part in report.missing.iter().take(shown) {
        out.item(&format!("{:#} {:>10}  {}", part.start, size(part.size), safe(&part.why)));
    }
    if report.missing.len() > shown {
        let hidden = report.missing.len().saturating_sub(shown);
        out.dim(&format!("and {hidden} more with --verbose"));
    }
}
