//! `py-bt`, `py-bt-full`, `py-up`, `py-down`, `py-frame`, and the frames that go into the debugger's own `bt`.

use super::show::{self, Show, Style};
use super::{CommandError, Reply};
use crate::bridge::native::Native;
use crate::bridge::protocol::{Action, Ask, DebuggerName, FrameAnswer, RegistersOf};
use crate::bridge::python::View;
use crate::bridge::session::{Selection, Session, SessionError};
use crate::bridge::stack::{Entry, EntryKind, PythonStack};
use crate::commands::Args;
use crate::engine::PythonThread;
use std::sync::Arc;

/// Native frames that are asked for where those further out may stay without a level.
const FEW: u32 = 256;
/// Native frames that are asked for where all need their levels.
const MANY: u32 = 20_000;

/// Native frames to tie the Python frames to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Natives {
    /// None.
    None,
    /// Whatever is had without the debugger's unwinder, which is slow; levels are not needed.
    Quick,
    /// At most so many of the debugger's.
    Levels(u32),
}

/// Direction of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the caller.
    Up,
    /// To the callee.
    Down,
}

/// The selected thread, seen by Python.
pub(super) struct Current<'a> {
    pub view: View<'a>,
    pub thread: PythonThread<'a>,
    /// The system's id of the thread.
    pub tid: Option<u64>,
    pub stack: PythonStack,
    /// The selected entry.
    pub entry: usize,
    pub style: Style,
}

impl Current<'_> {
    pub(super) fn show(&self) -> Show<'_> {
        Show { view: &self.view, stack: &self.stack, style: self.style }
    }
}

/// The entry that the user has selected, as long as the debugger's own selection is what it was then.
fn selected(session: &Session) -> Option<usize> {
    let scene = session.scene();
    let holds = |s: &&Selection| s.thread == scene.thread && s.stop == scene.stop && s.frame == scene.frame;
    session.selection.as_ref().filter(holds).map(|s| s.entry)
}

/// Native frames that a command needs to know the selected frame: `innermost` where that is the innermost.
pub(super) fn for_selection(session: &Session, innermost: Natives) -> Natives {
    let elsewhere = session.scene().frame.unwrap_or(0) != 0 || selected(session).is_some();
    if elsewhere { Natives::Levels(FEW) } else { innermost }
}

/// Looks at the selected thread, tying Python frames to native ones.
pub(super) fn current(session: &mut Session, natives: Natives) -> Result<Current<'_>, CommandError> {
    let link = Arc::clone(session.link());
    let scene = session.scene().clone();
    let style = if session.debugger == DebuggerName::Lldb { Style::Lldb } else { Style::Gdb };
    let selection = selected(session);
    let process = session.process(RegistersOf::Selected).map_err(no_frame)?;
    let view = process.view().ok_or_else(|| no_python(process.inspection.target().modules.is_empty()))?;
    if view.interpreters().is_empty() {
        let text = "Unable to locate python frame: Python has not started in this process yet, or has ended";
        return Err(CommandError::message(text));
    }
    let tid = scene.thread.unwrap_or_default();
    let thread = view.thread_of(tid).ok_or_else(|| {
        CommandError::message(format!(
            "Unable to locate python frame: thread {tid} has no Python thread state (py-threads lists those that do)"
        ))
    })?;
    let view = view.of(&thread);
    let ask = |limit| {
        let frames = link.ask::<Vec<FrameAnswer>>(Ask::Frames { limit }).map(|(f, _)| f).unwrap_or_default();
        Native::told(&view, frames)
    };
    let frames = match natives {
        Natives::None => Vec::new(),
        Natives::Quick => Native::unwound(&view, tid).unwrap_or_else(|| ask(FEW)),
        Natives::Levels(limit) => ask(limit),
    };
    let stack = PythonStack::new(view.stack(&thread), &frames, &link);
    if stack.frames.is_empty() {
        let why = stack.end.as_ref().map_or_else(|| "this thread runs no Python code now".to_owned(), Clone::clone);
        return Err(CommandError::message(format!("Unable to locate python frame: {why}")));
    }
    let entry = match selection {
        Some(entry) => entry,
        None => stack.entry_at_level(scene.frame.unwrap_or(0)).ok_or_else(|| {
            CommandError::message("Unable to locate python frame: no Python frame called the selected native frame")
        })?,
    };
    Ok(Current { view, thread, tid: scene.thread, stack, entry, style })
}

/// In the words of CPython's script for gdb.
fn no_frame(error: SessionError) -> CommandError {
    match error {
        SessionError::NoProcess => CommandError::message(format!("Unable to locate python frame: {error}")),
        other => other.into(),
    }
}

fn no_python(no_modules: bool) -> CommandError {
    let why = match no_modules {
        true => "the debugger tells nothing of the process's libraries; give it the executable (file)",
        false => "no CPython was found in this process (py-status says what was looked at)",
    };
    CommandError::message(format!("Unable to locate python frame: {why}"))
}

/// `py-bt [--all] [N]`.
pub(super) fn backtrace(session: &mut Session, args: &Args<'_>) -> Result<Reply, CommandError> {
    if args.has("--all") {
        return every_thread(session);
    }
    let natives = for_selection(session, Natives::Quick);
    let current = current(session, natives)?;
    let mut out = match current.style {
        Style::Gdb => "Traceback (most recent call first):\n".to_owned(),
        Style::Lldb => format!("* {}\n", thread_heading(&current.view, &current.thread, current.tid)),
    };
    // lldb shows the whole stack and marks where the user is; gdb's script goes outwards from there.
    let from = if current.style == Style::Gdb { current.entry } else { 0 };
    let selected = current.stack.index_from(current.entry);
    let show = current.show();
    let entries = current.stack.entries.get(from..).unwrap_or_default();
    let (entries, before, after) = some(entries, args.number);
    out.push_str(&left_out(before, "newer"));
    out.push_str(&show.all(entries, |entry| matches!(entry.kind, EntryKind::Python(at) if Some(at) == selected)));
    match after {
        0 => out.push_str(&end(&current.stack)),
        _ => out.push_str(&left_out(after, "older")),
    }
    Ok(Reply::text(out))
}

/// The first entries, the last for a number below 0; how many are left out before and after.
fn some(entries: &[Entry], number: Option<i64>) -> (&[Entry], usize, usize) {
    let count = number.map_or(usize::MAX, |number| usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX));
    let left = entries.len().saturating_sub(count);
    match number {
        Some(number) if number < 0 => (entries.get(left..).unwrap_or_default(), left, 0),
        _ => (entries.get(..entries.len().saturating_sub(left)).unwrap_or_default(), 0, left),
    }
}

fn left_out(count: usize, which: &str) -> String {
    if count == 0 { String::new() } else { format!("  ({count} {which} frames are left out)\n") }
}

fn end(stack: &PythonStack) -> String {
    stack.end.as_ref().map(|why| format!("  ({why})\n")).unwrap_or_default()
}

fn thread_heading(view: &View<'_>, thread: &PythonThread<'_>, tid: Option<u64>) -> String {
    let name = super::threads::names(view, thread.interpreter).remove(&thread.state.ident);
    let name = name.map(|n| format!(" '{}'", crate::base::escape_terminal(&n.to_string()))).unwrap_or_default();
    match tid {
        Some(tid) => format!("thread {tid}{name}"),
        None => format!("thread {:#x}{name}", thread.state.ident),
    }
}

fn every_thread(session: &mut Session) -> Result<Reply, CommandError> {
    let style = if session.debugger == DebuggerName::Lldb { Style::Lldb } else { Style::Gdb };
    let scene = session.scene().clone();
    let link = Arc::clone(session.link());
    // Before 3.11 a thread state is tied to its native thread by a register only.
    let process = session.process(RegistersOf::All).map_err(no_frame)?;
    let view = process.view().ok_or_else(|| no_python(process.inspection.target().modules.is_empty()))?;
    let mut out = String::new();
    for thread in view.threads() {
        let view = view.of(&thread);
        let stack = PythonStack::new(view.stack(&thread), &[], &link);
        let show = Show { view: &view, stack: &stack, style };
        let tid = view.state.tid(&thread);
        let mark = if tid.is_some() && tid == scene.thread { "* " } else { "  " };
        let heading = thread_heading(&view, &thread, tid.or(thread.state.native_id));
        out.push_str(&format!("{mark}{heading}\n"));
        out.push_str(&show.all(&stack.entries, |_| false));
        if stack.entries.is_empty() && stack.end.is_none() {
            out.push_str("    (no Python frames)\n");
        }
        out.push_str(&end(&stack));
    }
    Ok(Reply::text(out))
}

/// `py-bt-full`.
pub(super) fn full(session: &mut Session, _: &Args<'_>) -> Result<Reply, CommandError> {
    let current = current(session, Natives::Levels(MANY))?;
    let show = current.show();
    let from = if current.style == Style::Gdb { current.entry } else { 0 };
    let selected = current.stack.index_from(current.entry);
    let mut out = String::new();
    for entry in current.stack.entries.iter().skip(from) {
        let is_selected = matches!(entry.kind, EntryKind::Python(at) if Some(at) == selected);
        out.push_str(&show.full(entry, is_selected));
    }
    out.push_str(&end(&current.stack));
    Ok(Reply::text(out))
}

/// `py-up [N]` and `py-down [N]`.
pub(super) fn step(session: &mut Session, args: &Args<'_>, way: Way) -> Result<Reply, CommandError> {
    let nothing = match way {
        Way::Up => "Unable to find an older python frame",
        Way::Down => "Unable to find a newer python frame",
    };
    let count = usize::try_from(args.number.unwrap_or(1).max(0)).unwrap_or(usize::MAX);
    let current = current(session, Natives::Levels(MANY))?;
    let last = current.stack.entries.len().saturating_sub(1);
    let to = match way {
        Way::Up => current.entry.saturating_add(count).min(last),
        Way::Down => current.entry.saturating_sub(count),
    };
    if to == current.entry && count > 0 {
        return Err(CommandError::message(nothing));
    }
    drop(current);
    go(session, to)
}

/// `py-frame [N]`.
pub(super) fn select(session: &mut Session, args: &Args<'_>) -> Result<Reply, CommandError> {
    let current = current(session, Natives::Levels(MANY))?;
    let to = match args.number {
        None => current.entry,
        Some(number) => {
            let is_it = |kind: &EntryKind| matches!(kind, EntryKind::Python(at) if usize::try_from(number) == Ok(*at));
            let position = current.stack.entries.iter().position(|e| is_it(&e.kind));
            position.ok_or_else(|| {
                let last = current.stack.frames.len().saturating_sub(1);
                CommandError::message(format!("there is no Python frame {number}; the outermost is {last}"))
            })?
        }
    };
    drop(current);
    go(session, to)
}

/// Selects an entry together with its native frame, and shows it.
fn go(session: &mut Session, to: usize) -> Result<Reply, CommandError> {
    let current = current(session, Natives::Levels(MANY))?;
    let Some(entry) = current.stack.entries.get(to).cloned() else {
        return Err(CommandError::message("the stack has changed; try again"));
    };
    let mut text = current.show().full(&entry, true);
    if entry.level.is_none() {
        text.push_str("    (its native frame is not known: the debugger's own selection stays)\n");
    }
    drop(current);
    let scene = session.scene();
    let frame = entry.level.or(scene.frame);
    let selection = Selection { thread: scene.thread, stop: scene.stop.clone(), frame, entry: to };
    session.selection = Some(selection);
    let actions = entry.level.map(|level| Action::SelectFrame { level }).into_iter().collect();
    Ok(Reply { actions, ..Reply::text(text) })
}

/// The Python frames with the levels of their native frames, for a filter of the debugger's `bt`.
pub(super) fn for_filter(session: &mut Session) -> Result<Reply, CommandError> {
    let current = current(session, Natives::Levels(MANY))?;
    let mut list = Vec::new();
    for entry in &current.stack.entries {
        if let EntryKind::Python(at) = entry.kind
            && let (Some(level), Some(frame)) = (entry.level, current.stack.frames.get(at))
        {
            list.push(serde_json::json!([level, {
                "function": show::function(frame),
                "file": show::file(frame),
                "line": show::line(frame),
            }]));
        }
    }
    Ok(Reply::text("").value(list))
}
