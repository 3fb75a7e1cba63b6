//! Wording that several renderers share. Everything here returns text from the dump escaped for a terminal.

use crate::base::{Abi, Diagnostic, DiagnosticCode, Endian, Os, Severity, escape_terminal, file_name};
use crate::model::tasks::Greenlet;
use crate::model::{
    Confidence, Frame, FrameKind, GreenletState, LayoutProvider, OwnerFrom, Python, Report, SourceKind, Thread,
    VersionFrom, WaitKind,
};
use std::fmt::Display;

pub use crate::base::counted as count;

/// A string of the dump, safe to print on one line.
pub fn safe(text: impl Display) -> String {
    escape_terminal(&text.to_string())
}

/// A string of the dump, safe to print and cut to `max` characters, for headings and lists.
pub fn safe_short(text: impl Display, max: usize) -> String {
    let text = text.to_string();
    if text.chars().count() <= max {
        return escape_terminal(&text);
    }
    let cut: String = text.chars().take(max).collect();
    format!("{}...", escape_terminal(&cut))
}

/// `CPython 3.13.5, free-threaded, debug build`; the version is as the report has it.
pub fn which_python(python: &Python) -> String {
    let mut text = format!("CPython {}", python.version);
    if python.free_threaded == Some(true) {
        text.push_str(", free-threaded");
    }
    if python.debug_build == Some(true) {
        text.push_str(", debug build");
    }
    text
}

/// What evaluates frames instead of CPython's own loop, where that was set.
pub fn frame_evaluators(report: &Report) -> Option<String> {
    let mut names: Vec<&str> = report.interpreters.iter().filter_map(|i| i.frame_evaluator.as_deref()).collect();
    names.dedup();
    (!names.is_empty()).then(|| safe(names.join(", ")))
}

/// What is missing or doubtful, worst first, without notes.
pub fn doubts(report: &Report) -> Vec<&Diagnostic> {
    let mut all: Vec<&Diagnostic> = report.diagnostics.iter().filter(|d| d.severity != Severity::Note).collect();
    all.sort_by_key(|d| std::cmp::Reverse(d.severity));
    all
}

/// One of them in a line, with what to do.
pub fn doubt(diagnostic: &Diagnostic) -> String {
    let hint = diagnostic.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{}{hint}", diagnostic.message)
}

/// How sure a finding is.
pub fn sureness(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "certain",
        Confidence::Medium => "likely",
        Confidence::Low => "hint",
    }
}

/// The heading of a report without a crash: nothing is claimed where the dump does not say.
pub fn no_crash(report: &Report) -> &'static str {
    let unknown = report.diagnostics.iter().any(|d| d.code == DiagnosticCode::CoreNoThreads);
    if unknown { "What ended the process is not known" } else { "The process did not crash" }
}

/// Kind of a source, for people.
#[must_use]
pub fn source_kind(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::ElfCore => "ELF core",
        SourceKind::Minidump => "minidump",
        SourceKind::Live => "live process",
        SourceKind::Debugger => "debugger session",
        _ => "unknown source",
    }
}

/// A word of the report as people write it: `build id mismatch`.
pub fn spaced(word: impl Display) -> String {
    word.to_string().replace('-', " ")
}

/// What told a version, by the name that it has in CPython.
pub fn version_from(from: VersionFrom) -> String {
    match from {
        VersionFrom::PyVersion => "Py_Version".to_owned(),
        VersionFrom::SysHexVersion => "sys.hexversion".to_owned(),
        other => other.to_string(),
    }
}

/// Who supplied offsets, by the name that it has in CPython.
pub fn layout_provider(provider: LayoutProvider) -> String {
    match provider {
        LayoutProvider::DebugOffsets => "debug_offsets".to_owned(),
        other => other.to_string(),
    }
}

/// `x86-64 Linux`.
pub fn machine(abi: &Abi) -> String {
    let arch = crate::arch::cpu(abi.arch).name;
    let os = match abi.os {
        Os::Linux => "Linux",
        Os::Windows => "Windows",
        Os::MacOs => "macOS",
    };
    let endian = match abi.endian {
        Endian::Little => "",
        Endian::Big => " (big-endian)",
    };
    format!("{arch} {os}{endian}")
}

/// `Thread 1234 "worker-1"`, as short as what is known of it.
pub fn thread_label(thread: &Thread) -> String {
    let id = match (thread.tid, thread.states().find_map(|p| p.ident)) {
        (Some(tid), _) => tid.to_string(),
        (None, Some(ident)) => format!("{ident:#x}"),
        (None, None) => "(id unknown)".to_owned(),
    };
    match &thread.name {
        Some(name) if !name.is_empty() => format!("Thread {id} \"{}\"", safe_short(name, 60)),
        _ => format!("Thread {id}"),
    }
}

/// What a thread was doing, in words: `crashed`, `main thread`, `holds the GIL`, ...
pub fn thread_states(report: &Report, thread: &Thread) -> Vec<String> {
    let mut states = Vec::new();
    if thread.crashed {
        states.push("crashed".to_owned());
    }
    let Some(python) = &thread.python else {
        let text = match report.knows_all_thread_states() {
            true => "native thread, no Python state",
            false => "no Python state found",
        };
        states.push(text.to_owned());
        return states;
    };
    if thread.is_main() {
        states.push("main thread".to_owned());
    }
    if python.holds_gil == Some(true) {
        states.push("holds the GIL".to_owned());
    }
    if python.collecting == Some(true) {
        states.push("running the garbage collector".to_owned());
    }
    // A holder is attached, there is nothing to add.
    if let Some(status) = &python.status
        && python.holds_gil != Some(true)
    {
        states.push(spaced(status));
    }
    if report.interpreters.len() > 1 {
        let mut ids = vec![python.interpreter];
        for id in thread.frames.iter().filter_map(|frame| frame.interpreter) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        states.push(format!("interpreter {}", ids.join(" within ")));
    }
    states.extend(running_greenlet(report, thread));
    states
}

/// The greenlet whose frames are those of a thread, where the program uses greenlets.
fn running_greenlet(report: &Report, thread: &Thread) -> Option<String> {
    let all = &report.tasks.as_ref()?.greenlets;
    let runs =
        |one: &&Greenlet| one.state == GreenletState::Running && one.thread.is_some() && one.thread == thread.tid;
    let one = all.iter().find(runs)?;
    let what = if one.is_hub { ", the hub" } else { "" };
    let others =
        all.iter().filter(|other| other.state == GreenletState::Suspended && other.thread == thread.tid).count();
    let others = if others > 0 { format!(", {} suspended", count(others, "other")) } else { String::new() };
    (!one.is_main || !others.is_empty()).then(|| format!("runs greenlet {}{what}{others}", one.addr))
}

/// ` [interpreter 1]` behind a frame of a thread that has those of several.
pub fn interpreter_mark(frame: &Frame) -> String {
    frame.interpreter.map_or_else(String::new, |id| format!(" [interpreter {id}]"))
}

/// "waits for the RLock at 0x7f.., held by Thread 12 "worker""; `None` for a thread that waits for nothing known.
pub fn waits_for(report: &Report, thread: &Thread) -> Option<String> {
    let wait = thread.waits_for.as_ref()?;
    let owner = wait.owner.and_then(|tid| report.threads.iter().find(|t| t.tid == Some(tid)));
    let held = match (owner.map(thread_label), wait.kind, wait.owner_from) {
        (None, ..) if wait.owner_gone.is_some() => {
            format!(
                ", held by {}, which the process does not have",
                safe(wait.owner_gone.as_deref().unwrap_or_default())
            )
        }
        (None, ..) | (_, WaitKind::Finalized | WaitKind::Thread, _) => String::new(),
        (Some(owner), WaitKind::Once | WaitKind::Result | WaitKind::StaticGuard, _) => format!(", which {owner} is at"),
        (Some(owner), _, Some(OwnerFrom::With)) => format!(", which {owner} seems to hold"),
        (Some(owner), ..) => format!(", held by {owner}"),
    };
    let limit = if wait.timed { " (for a limited time)" } else { "" };
    Some(format!("waits for {}{held}{limit}", safe(&wait.what)))
}

/// Name of a frame's function as people know it: the qualified one where there is one.
pub fn function(frame: &Frame) -> String {
    let named = frame.qualname.as_ref().or(frame.function.as_ref()).map(safe);
    let symbol = || frame.native.as_ref().and_then(|n| n.symbol.as_ref()).map(safe);
    let method = || frame.native.as_ref().and_then(|n| n.method.as_ref()).map(|m| format!("method {}()", safe(m)));
    match (named.or_else(symbol), method()) {
        // What binds a function to Python may be named after no method at all.
        (Some(name), Some(method)) if !name.contains(method.trim_start_matches("method ").trim_end_matches("()")) => {
            format!("{method} by {name}")
        }
        (name, method) => name.or(method).unwrap_or_else(|| "???".to_owned()),
    }
}

/// Where a native frame is: `libc.so.6+0x1234` or its address.
pub fn native_place(frame: &Frame) -> String {
    let Some(native) = &frame.native else { return String::new() };
    match (&native.module, native.module_offset) {
        (Some(module), Some(offset)) => format!("{}+{offset}", safe(file_name(module))),
        (Some(module), None) => safe(file_name(module)),
        (None, _) => native.ip.to_string(),
    }
}

/// A frame on one line: `File "app.py", line 3, in f` or `strlen+0x1a in libc.so.6+0x9d7a`.
pub fn frame_line(frame: &Frame) -> String {
    match frame.kind {
        FrameKind::Python => {
            let file = frame.file.as_ref().map_or_else(|| "???".to_owned(), |f| format!("\"{}\"", safe(f)));
            let line = frame.line.map_or_else(|| "???".to_owned(), |l| l.to_string());
            format!("File {file}, line {line}, in {}{}", function(frame), interpreter_mark(frame))
        }
        _ => {
            let mut line = function(frame);
            let source = frame.file.as_ref().map(|f| match frame.line {
                Some(l) => format!("{}:{l}", safe(f)),
                None => safe(f),
            });
            if frame.native.as_ref().is_some_and(|n| n.inlined) {
                line.push_str(" (inlined)");
            }
            if let Some(source) = source {
                line.push_str(" at ");
                line.push_str(&source);
            }
            let place = native_place(frame);
            if !place.is_empty() {
                line.push_str(" in ");
                line.push_str(&place);
            }
            line
        }
    }
}
