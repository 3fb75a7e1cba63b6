//! How frames are shown: as CPython's gdb script shows them, and in lldb's own way.

use crate::base::{Text, escape_terminal};
use crate::bridge::python::View;
use crate::bridge::stack::{Entry, EntryKind, PythonStack};
use crate::bridge::values;
use crate::cpython::frame::{PyFrame, SlotKind};

/// Most variables of a frame that are shown.
pub(super) const MAX_LOCALS: usize = 1000;

/// Whose ways to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// CPython's script for gdb.
    Gdb,
    /// lldb's `bt`.
    Lldb,
}

/// Lines that are shown of a call that repeats itself (Lib/traceback.py `_RECURSIVE_CUTOFF`).
const MAX_AGAIN: usize = 3;

/// Shows frames of one stack.
pub(super) struct Show<'a> {
    pub view: &'a View<'a>,
    pub stack: &'a PythonStack,
    pub style: Style,
}

/// A text of the process, or what to say where there is none.
fn text<E>(text: Option<&Result<Text, E>>) -> String {
    match text {
        Some(Ok(text)) => escape_terminal(&text.to_string()),
        _ => "???".to_owned(),
    }
}

/// File of a frame.
pub(super) fn file(frame: &PyFrame) -> String {
    text(frame.code.as_ref().ok().map(|c| &c.filename))
}

/// Function of a frame.
pub(super) fn function(frame: &PyFrame) -> String {
    text(frame.code.as_ref().ok().map(|c| &c.name))
}

/// Line of a frame.
pub(super) fn line(frame: &PyFrame) -> Option<u32> {
    frame.position.as_ref().ok().and_then(|p| p.line)
}

fn line_text(frame: &PyFrame) -> String {
    line(frame).map_or_else(|| "???".to_owned(), |l| l.to_string())
}

/// A frame on one line, with its variables.
pub(super) fn whole_frame(view: &View<'_>, frame: &PyFrame) -> String {
    let (file, line, name) = (file(frame), line_text(frame), function(frame));
    let head = format!("Frame {}, for file {file}, line {line}, in {name} ", frame.addr);
    values::shortened(&format!("{head}({})", variables(view, frame)))
}

/// `a=1, b=2`: the variables of a function; those of a module or class body would be no help on a line.
fn variables(view: &View<'_>, frame: &PyFrame) -> String {
    let list = match view.locals(frame, MAX_LOCALS) {
        Ok(list) => list,
        Err(error) => return format!("<unreadable: {error}>"),
    };
    let shown = list
        .iter()
        .filter(|v| v.kind != SlotKind::Name)
        .filter_map(|v| Some(format!("{}={}", escape_terminal(&v.name.to_string()), values::slot(view, &v.value)?)));
    let mut out = String::new();
    for one in shown {
        // More than is ever shown of a line.
        if out.len() > 2 * values::MAX_VALUE {
            break;
        }
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(&one);
    }
    out
}

impl Show<'_> {
    fn source(&self, frame: &PyFrame) -> Option<String> {
        let name = frame.code.as_ref().ok()?.filename.as_ref().ok()?.to_string();
        let found = self.view.inspection.sources()?.line(&name, line(frame)?)?;
        Some(escape_terminal(found.trim())).filter(|l| !l.is_empty())
    }

    /// What stands for an entry that is no Python frame.
    fn special(&self, kind: &EntryKind) -> String {
        match kind {
            EntryKind::Python(_) => String::new(),
            EntryKind::Call(Some(callable)) => values::object(self.view, *callable).text,
            EntryKind::Call(None) => "PyCFunction invocation (unable to read func: missing debuginfos?)".to_owned(),
            EntryKind::WaitingForGil => "Waiting for the GIL".to_owned(),
            EntryKind::Collecting => "Garbage-collecting".to_owned(),
        }
    }

    /// Entries as `py-bt` lists them; a call that repeats itself is said once, as Python's own tracebacks do.
    pub fn all(&self, entries: &[Entry], selected: impl Fn(&Entry) -> bool) -> String {
        let mut out = String::new();
        let mut rest = entries;
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|entry| self.is_again(first, entry)).count().max(1);
            let shown = if same > MAX_AGAIN { MAX_AGAIN } else { same };
            for entry in rest.iter().take(shown) {
                out.push_str(&self.brief(entry, selected(entry)));
            }
            match same.saturating_sub(shown) {
                0 => {}
                1 => out.push_str("  [Previous line repeated 1 more time]\n"),
                more => out.push_str(&format!("  [Previous line repeated {more} more times]\n")),
            }
            rest = rest.get(same..).unwrap_or_default();
        }
        out
    }

    /// Whether two entries are the same line of the same function.
    fn is_again(&self, one: &Entry, other: &Entry) -> bool {
        let frame = |entry: &Entry| match entry.kind {
            EntryKind::Python(at) => self.stack.frames.get(at),
            _ => None,
        };
        let (Some(one), Some(other)) = (frame(one), frame(other)) else { return false };
        file(one) == file(other) && function(one) == function(other) && line(one) == line(other)
    }

    /// An entry as a line of `py-bt`, with its source line.
    pub fn brief(&self, entry: &Entry, selected: bool) -> String {
        let EntryKind::Python(at) = entry.kind else {
            let indent = if self.style == Style::Gdb { "  " } else { "    " };
            return format!("{indent}{}\n", self.special(&entry.kind));
        };
        let Some(frame) = self.stack.frames.get(at) else { return String::new() };
        let (file, line, name) = (file(frame), line_text(frame), function(frame));
        let (mut out, indent) = match self.style {
            Style::Gdb => (format!("  File \"{file}\", line {line}, in {name}\n"), "    "),
            Style::Lldb => {
                let mark = if selected { "  * " } else { "    " };
                (format!("{mark}frame #{at}: {name} at {file}:{line}\n"), "        ")
            }
        };
        if let Some(source) = self.source(frame) {
            out.push_str(&format!("{indent}{source}\n"));
        }
        out.push_str(&self.problem(frame, indent));
        out
    }

    /// An entry with its variables: a line of `py-bt-full`, or what `py-up` shows.
    pub fn full(&self, entry: &Entry, selected: bool) -> String {
        let level = entry.level.map_or_else(|| "?".to_owned(), |l| l.to_string());
        let EntryKind::Python(at) = entry.kind else {
            return match self.style {
                Style::Gdb => format!("#{level} {}\n", self.special(&entry.kind)),
                Style::Lldb => format!("    {}\n", self.special(&entry.kind)),
            };
        };
        let Some(frame) = self.stack.frames.get(at) else { return String::new() };
        let (file, line, name) = (file(frame), line_text(frame), function(frame));
        let (mut out, indent) = match self.style {
            Style::Gdb => (format!("#{level} {}\n", whole_frame(self.view, frame)), "    "),
            Style::Lldb => {
                let mark = if selected { "  * " } else { "    " };
                let head = format!("frame #{at}: {name}({}) at {file}:{line}", variables(self.view, frame));
                (format!("{mark}{}\n", values::shortened(&head)), "        ")
            }
        };
        if let Some(source) = self.source(frame) {
            out.push_str(&format!("{indent}{source}\n"));
        }
        out.push_str(&self.problem(frame, indent));
        out
    }

    /// Why something of the frame is missing.
    fn problem(&self, frame: &PyFrame, indent: &str) -> String {
        let problem = match (&frame.code, &frame.position) {
            (Err(error), _) => error,
            (Ok(_), Err(error)) => error,
            (Ok(code), Ok(_)) => match (&code.filename, &code.name) {
                (Err(error), _) | (_, Err(error)) => error,
                _ => return String::new(),
            },
        };
        format!("{indent}({problem})\n")
    }
}
