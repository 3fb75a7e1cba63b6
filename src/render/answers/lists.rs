//! Threads, exceptions, source lines, and the state of the program.

use super::stacks::{line, text};
use super::{Manner, value_text};
use crate::base::escape_terminal;
use crate::commands::host::Style;
use crate::model::answers::{
    Answer, BreakKind, Breakpoints, Exceptions, ForThreads, Modules, Registers, SourceLines, Status, ThreadRow, Threads,
};
use crate::model::{ExceptionInfo, ExceptionRelation};
use crate::render::wording::{safe, spaced};
use std::fmt::Write as _;

/// Places of a traceback that are shown: the outermost and so many of the innermost.
const MAX_PLACES: usize = 5;

/// Breakpoints of Python code.
pub(super) fn breakpoints(answer: &Breakpoints) -> String {
    if answer.list.is_empty() {
        return "No Python breakpoints.\n".to_owned();
    }
    let mut out = String::new();
    for one in &answer.list {
        let what = match (one.kind, one.temporary) {
            (BreakKind::RaisesException, _) => "catch",
            (BreakKind::ChangesVariable, _) => "watch",
            (BreakKind::BeginsLine, true) => "tbreak",
            (BreakKind::BeginsLine, false) => "break",
        };
        let _ = write!(out, "Python breakpoint {}: {what} {}", one.number, escape_terminal(&one.place));
        if !one.lines.is_empty() {
            let _ = write!(out, " at {}", one.lines.join(", "));
        }
        if let Some(condition) = &one.condition {
            let _ = write!(out, " if {}", escape_terminal(condition));
        }
        match (one.hits, answer.set) {
            (_, true) => {}
            (1, _) => out.push_str(", hit once"),
            (hits, _) => {
                let _ = write!(out, ", hit {hits} times");
            }
        }
        out.push('\n');
    }
    out
}

/// Lines of a source file, the current one marked.
pub(super) fn source(answer: &SourceLines, manner: &Manner) -> String {
    let mut out = String::new();
    for (number, text) in (answer.first..).zip(&answer.lines) {
        let current = Some(number) == answer.current;
        // Tabs are part of the text; other control characters are not for the terminal.
        let text: Vec<String> = text.split('\t').map(escape_terminal).collect();
        let text = text.join("\t");
        match manner.style {
            Style::Gdb | Style::Own => {
                let mark = if current { ">" } else { "" };
                out.push_str(&format!("{:>4}    {text}\n", format!("{mark}{number}")));
            }
            Style::Lldb => {
                let mark = if current { "->" } else { "  " };
                out.push_str(&format!("{mark} {number:<4} {text}\n"));
            }
        }
    }
    out.extend(answer.doubt.iter().map(|doubt| format!("({})\n", escape_terminal(doubt))));
    out
}

/// Threads as Python knows them.
pub(super) fn threads(answer: &Threads) -> String {
    answer.threads.iter().map(thread).collect()
}

fn thread(row: &ThreadRow) -> String {
    let mut about = Vec::new();
    if row.holds_gil {
        about.push("holds the GIL".to_owned());
    }
    about.extend(row.status.map(|status| status.to_string()));
    let outer = row.outer_interpreters.iter().map(ToString::to_string);
    about.extend(row.interpreter.map(|id| {
        let ids: Vec<String> = std::iter::once(id.to_string()).chain(outer).collect();
        format!("interpreter {}", ids.join(" within "))
    }));
    let place = match (&row.frame, &row.end) {
        (Some(frame), _) => {
            let (file, function) = (text(frame.file.as_ref()), text(frame.function.as_ref()));
            format!("{function} at {file}:{}", line(frame.line))
        }
        (None, Some(end)) => format!("({end})"),
        (None, None) if row.tid.is_none() && row.ident == 0 => "(being started)".to_owned(),
        (None, None) => "(no Python frames)".to_owned(),
    };
    let mark = if row.selected { "*" } else { " " };
    let id = row.tid.map_or_else(|| "?".to_owned(), |t| t.to_string());
    let name = row.name.as_ref().map(|n| format!(" '{}'", escape_terminal(&n.to_string()))).unwrap_or_default();
    let about = if about.is_empty() { String::new() } else { format!(" [{}]", about.join(", ")) };
    format!("{mark} {id}{name}{about} {place}\n")
}

/// A command's answers for threads, each below the name of its thread.
pub(super) fn for_threads(answer: &ForThreads, manner: &Manner) -> String {
    let mut out = String::new();
    for one in &answer.threads {
        let name = one.name.as_ref().map(|name| format!(" '{}'", escape_terminal(&name.to_string())));
        if !out.is_empty() {
            out.push('\n');
        }
        // Stacks have headings of their own, but for those of CPython's script for gdb.
        let headed = manner.style != Style::Gdb && matches!(one.answer, Some(Answer::Stacks(_)));
        if !headed {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "thread {}{}:", one.tid, name.unwrap_or_default());
        }
        if let Some(answer) = &one.answer {
            out.push_str(&super::text(answer, manner));
        }
        if let Some(error) = &one.error {
            let _ = writeln!(out, "{error}");
        }
    }
    out
}

/// Modules by address, with what became of their files.
pub(super) fn modules(answer: &Modules) -> String {
    let mut out = String::new();
    for module in &answer.modules {
        let status = module.file_status.map(|status| format!("  [{}]", spaced(status))).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{:#018x} {:#018x}  {}{status}", module.base.0, module.end.0, safe(&module.path));
    }
    out
}

/// Registers of a thread, four in a line.
pub(super) fn registers(answer: &Registers) -> String {
    let mut out = String::new();
    for row in answer.registers.chunks(4) {
        let cells: Vec<String> = row.iter().map(|(name, value)| format!("{:>7} {value:#}", safe(name))).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", cells.join(" "));
    }
    out
}

/// Exceptions of a thread.
pub(super) fn exceptions(answer: &Exceptions, manner: &Manner) -> String {
    let mut out = String::new();
    if let Some(info) = &answer.raising {
        out.push_str(&chain("raising", info, manner));
    }
    for info in &answer.handling {
        out.push_str(&chain("handling", info, manner));
    }
    if out.is_empty() {
        out.push_str("no exception is being raised or handled in this thread\n");
    }
    out
}

/// An exception, where it has been, and what it was raised from.
fn chain(what: &str, info: &ExceptionInfo, manner: &Manner) -> String {
    let mut out = format!("{what}: {}\n", value_text(&info.value, manner));
    let mut next = Some(info);
    while let Some(info) = next {
        let entries = info.traceback.len();
        for (index, entry) in info.traceback.iter().enumerate() {
            // The call that raised it is the last one.
            if index > 0 && index < entries.saturating_sub(MAX_PLACES) {
                continue;
            }
            if index == entries.saturating_sub(MAX_PLACES) && index > 1 {
                out.push_str(&format!("    ... {} calls more\n", index.saturating_sub(1)));
            }
            let (function, file) = (text(entry.function.as_ref()), text(entry.file.as_ref()));
            out.push_str(&format!("    in {function} at {file}:{}\n", line(entry.line)));
        }
        next = info.caused_by.as_ref().map(|link| {
            let how = if link.relation == ExceptionRelation::Cause { "caused by" } else { "raised while handling" };
            out.push_str(&format!("  {how}: {}\n", escape_terminal(&link.exception.summary)));
            &link.exception
        });
    }
    out
}

/// State of the program and of what it looks at.
pub(super) fn status(answer: &Status) -> String {
    let host = answer.host.as_ref().map(|host| format!(" ({host})")).unwrap_or_default();
    let mut out = format!("pyinquest {}{host}\n", answer.version);
    let kind = answer.process.as_deref().unwrap_or("none");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "process: {kind}{}", answer.pid.map(|pid| format!(" {pid}")).unwrap_or_default());
    let Some(seen) = &answer.seen else { return out };
    if let Some(core) = &answer.core {
        let _ = writeln!(out, "core read from disk: {core}");
    }
    let _ = writeln!(out, "threads: {}", seen.threads);
    let _ = writeln!(out, "modules: {}", seen.modules);
    if let Some(tid) = seen.thread {
        let ip = seen.ip.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
        let module = seen.ip_module.as_deref().map(escape_terminal);
        let _ = writeln!(out, "selected thread: {tid} at {ip} in {}", module.as_deref().unwrap_or("no module"));
    }
    match &seen.python {
        Some(python) => {
            let module = seen.python_module.as_deref().map(escape_terminal);
            let _ = writeln!(out, "CPython {python} in {}", module.as_deref().unwrap_or("no module"));
        }
        None => out.push_str("CPython: not found\n"),
    }
    for diagnostic in &seen.diagnostics {
        let _ = writeln!(out, "{:?}: {}", diagnostic.severity, escape_terminal(&diagnostic.message));
    }
    if let Some(cost) = &answer.cost {
        let _ = writeln!(
            out,
            "this command: {} questions to the debugger, {} bytes moved, {} of them memory",
            cost.requests, cost.bytes, cost.memory
        );
    }
    out
}
