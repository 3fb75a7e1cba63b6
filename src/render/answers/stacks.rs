//! How frames are shown: as CPython's gdb script shows them, in lldb's own way, and in ours.

use super::{Manner, cut, value_text};
use crate::base::{Text, escape_terminal};
use crate::commands::host::Style;
use crate::commands::values::MAX_VALUE;
use crate::model::answers::{EntryKind, NumberedFrame, StackEntry, Stacks, StepEnd, Stepped, ThreadStack};
use crate::model::{Frame, Local, PythonThread, Thread};
use crate::render::palette::paint;
use crate::render::text::{self as report, TextOptions};
use crate::render::wording::{frame_line, function, interpreter_mark, native_place, thread_label};

/// Stacks of threads.
pub(super) fn all(stacks: &Stacks, manner: &Manner) -> String {
    if manner.style == Style::Own {
        let threads = stacks.threads.iter().map(|thread| own(thread, manner)).collect::<Vec<_>>();
        return threads.join("\n");
    }
    let mut out = String::new();
    for thread in &stacks.threads {
        if stacks.all || manner.style != Style::Gdb {
            let mark = if thread.selected { "* " } else { "  " };
            if stacks.all || !stacks.full {
                out.push_str(&format!("{mark}{}\n", heading(thread)));
            }
        } else if !stacks.full {
            out.push_str("Traceback (most recent call first):\n");
        }
        out.push_str(&left_out(thread.newer_left_out, "newer"));
        for entry in &thread.entries {
            out.push_str(&if stacks.full { full(entry, manner) } else { brief(entry, manner) });
            match entry.again {
                0 => {}
                1 => out.push_str("  [Previous line repeated 1 more time]\n"),
                more => out.push_str(&format!("  [Previous line repeated {more} more times]\n")),
            }
        }
        if stacks.all && thread.entries.is_empty() && thread.end.is_none() {
            out.push_str("    (no Python frames)\n");
        }
        match (thread.older_left_out, &thread.end) {
            (0, Some(why)) => out.push_str(&format!("  ({why})\n")),
            (0, None) => {}
            (more, _) => out.push_str(&left_out(more, "older")),
        }
    }
    out
}

/// As the report shows a stack, with the selected frame marked.
fn own(thread: &ThreadStack, manner: &Manner) -> String {
    let label = thread_label(&Thread {
        tid: thread.tid,
        name: thread.name.clone(),
        python: Some(PythonThread { ident: Some(thread.ident), ..PythonThread::default() }),
        ..Thread::default()
    });
    let mut out = format!("{}\n", paint(manner.text.palette.heading, &format!("{label}, most recent call first:")));
    out.push_str(&left_out(thread.newer_left_out, "newer"));
    let mut rest = thread.entries.as_slice();
    while let Some(first) = rest.first() {
        let python: Vec<&NumberedFrame> = rest.iter().map_while(python_frame).collect();
        let Some(innermost) = python.first() else {
            // Native frames have no number: `frame` counts those of Python.
            out.push_str(&format!("       {}\n", special(&first.what, manner)));
            rest = rest.get(1..).unwrap_or_default();
            continue;
        };
        let first_frame = usize::try_from(innermost.number).unwrap_or(usize::MAX);
        let marked = rest.iter().take(python.len()).position(|entry| entry.selected);
        let frames: Vec<Frame> = python.iter().map(|numbered| numbered.frame.clone()).collect();
        let options = TextOptions { first_frame, ..manner.text };
        out.push_str(&report::frames(&frames, marked.map(|at| at.saturating_add(first_frame)), &options));
        rest = rest.get(python.len()..).unwrap_or_default();
    }
    if thread.entries.is_empty() && thread.end.is_none() {
        out.push_str("    (no Python frames)\n");
    }
    match (thread.older_left_out, &thread.end) {
        (0, Some(why)) => out.push_str(&format!("    <the stack ends here: {}>\n", escape_terminal(why))),
        (0, None) => {}
        (more, _) => out.push_str(&left_out(more, "older")),
    }
    out
}

fn python_frame(entry: &StackEntry) -> Option<&NumberedFrame> {
    match &entry.what {
        EntryKind::Frame(numbered) => Some(numbered),
        _ => None,
    }
}

/// What `up` and the like have selected.
pub(super) fn selected(entry: &StackEntry, manner: &Manner) -> String {
    if let (Style::Own, EntryKind::Frame(NumberedFrame { number, frame })) = (manner.style, &entry.what) {
        let first_frame = usize::try_from(*number).unwrap_or(usize::MAX);
        let options = TextOptions { first_frame, ..manner.text };
        let frame = Frame { locals: None, ..frame.clone() };
        return report::frames(&[frame], Some(first_frame), &options);
    }
    let mut out = full(entry, manner);
    if entry.level.is_none() && manner.style != Style::Own {
        out.push_str("    (its native frame is not known: the debugger's own selection stays)\n");
    }
    out
}

/// Where a thread has gone, as gdb says it: the function where that is another one, and the line.
pub(super) fn stepped(stepped: &Stepped) -> String {
    let mut out = stepped.said.clone();
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    if let Some(number) = stepped.breakpoint {
        let raised = stepped.raised.as_ref().map(|raised| format!(", raised {}", escape_terminal(raised)));
        out.push_str(&format!("Python breakpoint {number}{}\n", raised.unwrap_or_default()));
    }
    for (name, value) in [("Old", &stepped.was), ("New", &stepped.is)] {
        if let Some(value) = value {
            out.push_str(&format!("{name} value = {}\n", escape_terminal(value)));
        }
    }
    out.push_str(match stepped.why {
        StepEnd::Line | StepEnd::Stopped | StepEnd::Breakpoint => "",
        StepEnd::Finished => "Run till exit, now in the caller:\n",
        StepEnd::Ended => "The Python code of this thread has ended.\n",
        StepEnd::Exited if stepped.said.is_empty() => "The process has ended.\n",
        StepEnd::Exited => "",
        StepEnd::Compiled => {
            "CPython's JIT compiler has made machine code of what comes next, which does not say where it is: no further step \
             can be told (PYTHON_JIT=0 runs without it).\n"
        }
    });
    let Some(frame) = &stepped.frame else { return out };
    if stepped.entered {
        out.push_str(&frame_line(frame));
        out.push('\n');
    }
    if let Some(line) = frame.line {
        let source = frame.source.as_ref().map(|text| escape_terminal(&text.to_string())).unwrap_or_default();
        out.push_str(&format!("{line}\t{source}\n"));
    }
    out
}

fn heading(thread: &ThreadStack) -> String {
    let name = thread.name.as_ref().map(|name| format!(" '{}'", escape_terminal(&name.to_string())));
    let name = name.unwrap_or_default();
    match thread.tid {
        Some(tid) => format!("thread {tid}{name}"),
        None => format!("thread {:#x}{name}", thread.ident),
    }
}

fn left_out(count: u64, which: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!("  (1 {which} frame is left out)\n"),
        _ => format!("  ({count} {which} frames are left out)\n"),
    }
}

/// A text of the process, or what to say where there is none.
pub(super) fn text(text: Option<&Text>) -> String {
    text.map_or_else(|| "???".to_owned(), |text| escape_terminal(&text.to_string()))
}

/// A line number, or what to say where there is none.
pub(super) fn line(line: Option<u32>) -> String {
    line.map_or_else(|| "???".to_owned(), |line| line.to_string())
}

/// File, line and function of a frame.
fn place(frame: &Frame) -> (String, String, String) {
    let function = text(frame.function.as_ref()) + &interpreter_mark(frame);
    (text(frame.file.as_ref()), line(frame.line), function)
}

/// A frame on one line, with its variables.
pub(super) fn whole_frame(frame: &Frame, manner: &Manner) -> String {
    let (file, line, name) = place(frame);
    let at = frame.addr.unwrap_or_default();
    cut(&format!("Frame {at}, for file {file}, line {line}, in {name} ({})", variables(frame, manner)), manner)
}

/// `a=1, b=2`.
fn variables(frame: &Frame, manner: &Manner) -> String {
    let mut out = String::new();
    for local in frame.locals.iter().flatten() {
        let Some(text) = variable(local, manner) else { continue };
        // More than is ever shown of a line.
        if manner.style != Style::Own && out.len() > 2 * MAX_VALUE {
            break;
        }
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(&text);
    }
    out
}

/// `None` for one that is not bound.
fn variable(local: &Local, manner: &Manner) -> Option<String> {
    let name = escape_terminal(&local.name.to_string());
    match (&local.value, &local.problem) {
        (Some(value), _) => Some(format!("{name}={}", value_text(value, manner))),
        // Not even the names can be read.
        (None, Some(problem)) if name.is_empty() => Some(format!("<unreadable: {problem}>")),
        (None, Some(problem)) => Some(format!("{name}=<unreadable: {problem}>")),
        (None, None) => None,
    }
}

/// What stands for an entry that is no Python frame.
fn special(kind: &EntryKind, manner: &Manner) -> String {
    match kind {
        EntryKind::Frame(_) => String::new(),
        EntryKind::Native(frame) => {
            let place = native_place(frame);
            let place = if place.is_empty() { place } else { format!(" in {place}") };
            format!("C    {}{place}", function(frame))
        }
        EntryKind::Call { callable: Some(callable) } => value_text(callable, manner),
        EntryKind::Call { callable: None } => {
            "PyCFunction invocation (unable to read func: missing debuginfos?)".to_owned()
        }
        EntryKind::WaitingForGil => "Waiting for the GIL".to_owned(),
        EntryKind::Collecting => "Garbage-collecting".to_owned(),
    }
}

/// An entry as a line of `bt`, with its source line.
fn brief(entry: &StackEntry, manner: &Manner) -> String {
    let EntryKind::Frame(NumberedFrame { number, frame }) = &entry.what else {
        let indent = if manner.style == Style::Gdb { "  " } else { "    " };
        return format!("{indent}{}\n", special(&entry.what, manner));
    };
    let (file, line, name) = place(frame);
    let head = match manner.style {
        Style::Gdb => format!("  File \"{file}\", line {line}, in {name}\n"),
        Style::Lldb | Style::Own => format!("{}frame #{number}: {name} at {file}:{line}\n", mark(entry)),
    };
    head + &below(frame, manner)
}

fn mark(entry: &StackEntry) -> &'static str {
    if entry.selected { "  * " } else { "    " }
}

/// An entry with its variables: a line of `bt-full`, or what `up` shows.
fn full(entry: &StackEntry, manner: &Manner) -> String {
    let level = entry.level.map_or_else(|| "?".to_owned(), |l| l.to_string());
    let EntryKind::Frame(NumberedFrame { number, frame }) = &entry.what else {
        return match manner.style {
            Style::Gdb => format!("#{level} {}\n", special(&entry.what, manner)),
            Style::Lldb | Style::Own => format!("    {}\n", special(&entry.what, manner)),
        };
    };
    let (file, line, name) = place(frame);
    let head = match manner.style {
        Style::Gdb => format!("#{level} {}\n", whole_frame(frame, manner)),
        Style::Lldb | Style::Own => {
            let head = format!("frame #{number}: {name}({}) at {file}:{line}", variables(frame, manner));
            format!("{}{}\n", mark(entry), cut(&head, manner))
        }
    };
    head + &below(frame, manner)
}

/// The source line of a frame, and what could not be read of it.
fn below(frame: &Frame, manner: &Manner) -> String {
    let indent = if manner.style == Style::Gdb { "    " } else { "        " };
    let source = frame.source.as_ref().map(|source| escape_terminal(source.trim())).filter(|line| !line.is_empty());
    let source = source.map(|source| format!("{indent}{source}\n")).unwrap_or_default();
    let problems = frame.problems.iter().map(|problem| format!("{indent}({})\n", escape_terminal(problem)));
    source + &problems.collect::<String>()
}
