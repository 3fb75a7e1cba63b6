//! [`current`]: the selected thread, its stack, and which entry of it is selected.

use super::entries::PythonStack;
use super::host::{Host, HostError, RegistersOf, Selection, Style};
use super::native::Native;
use super::run::CommandError;
use super::view::View;
use crate::cpython::frame::PyFrame;
use crate::engine::{Inspection, LookupError, SystemThread};

/// Native frames that are asked for where those further out may stay without a level.
const FEW: u32 = 256;
/// Native frames that are asked for where all need their levels.
pub(super) const MANY: u32 = 20_000;

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

/// The selected thread, seen by Python.
pub(super) struct Current<'a> {
    /// The view of the innermost interpreter; [`Current::view_of_frame`] is that of the selected frame's.
    pub view: View<'a>,
    pub thread: SystemThread<'a>,
    /// The system's id of the thread.
    pub tid: Option<u64>,
    pub stack: PythonStack,
    /// The selected entry.
    pub entry: usize,
    pub style: Style,
}

impl<'a> Current<'a> {
    /// Index of the selected Python frame, or of the next one outwards.
    pub fn index(&self) -> Option<usize> {
        self.stack.index_from(self.entry)
    }

    /// The view of the selected frame's interpreter.
    pub fn view_of_frame(&self) -> View<'a> {
        self.stack.view(&self.view, self.index().unwrap_or(0))
    }

    /// The selected Python frame, or the next one outwards.
    pub fn frame(&self) -> Result<&PyFrame, CommandError> {
        self.stack.frame_from(self.entry).ok_or_else(|| CommandError::message("Unable to locate python frame"))
    }
}

/// Native frames that a command needs to know the selected frame: `innermost` where that is the innermost.
pub(super) fn for_selection(host: &dyn Host, innermost: Natives) -> Natives {
    let Selection { level, entry, .. } = host.selection();
    let elsewhere = level.unwrap_or(0) != 0 || entry.is_some();
    if elsewhere { Natives::Levels(FEW) } else { innermost }
}

/// Looks at the selected thread, tying Python frames to native ones.
pub(super) fn current(host: &mut dyn Host, natives: Natives) -> Result<Current<'_>, CommandError> {
    let (debugger, options, style) = (host.native_frames(), host.options(), host.style());
    let Selection { thread: tid, level, entry } = host.selection();
    let inspection = host.process(RegistersOf::Selected).map_err(no_frame)?;
    let view = View::new(inspection, options).ok_or_else(|| no_python(style, inspection))?;
    if view.interpreters().is_empty() {
        let text = "Unable to locate python frame: Python has not started in this process yet, or has ended";
        return Err(CommandError::message(text));
    }
    let wanted = tid.unwrap_or_default();
    let thread = match tid {
        // Of none is it known which of the system's threads it is: the list ends with the oldest one, the main thread.
        None if style == Style::Own => view.state.main_thread(),
        _ => view.thread_of(wanted),
    };
    let thread = thread.ok_or_else(|| {
        CommandError::message(match style {
            Style::Own => LookupError::NoThread(wanted).to_string(),
            _ => format!(
                "Unable to locate python frame: thread {wanted} has no Python thread state (py-threads lists those that do)"
            ),
        })
    })?;
    let view = view.of(&thread);
    let ask = |limit| Native::told(&view, debugger.frames(limit));
    let frames = match natives {
        _ if style == Style::Own => Vec::new(),
        Natives::None => Vec::new(),
        Natives::Quick => Native::unwound(&view, wanted).unwrap_or_else(|| ask(FEW)),
        Natives::Levels(limit) => ask(limit),
    };
    let stack = PythonStack::new(&view, &thread, &frames, debugger.as_ref());
    if stack.frames.is_empty() {
        let why = stack.end.as_ref().map_or_else(|| "this thread runs no Python code now".to_owned(), Clone::clone);
        return Err(CommandError::message(format!("Unable to locate python frame: {why}")));
    }
    let entry = match entry {
        Some(entry) if style == Style::Own && entry >= stack.entries.len() => {
            let missing = LookupError::NoFrame { wanted: entry, have: stack.entries.len() };
            return Err(CommandError::message(missing.to_string()));
        }
        Some(entry) => entry,
        None => stack.entry_at_level(level.unwrap_or(0)).ok_or_else(|| {
            CommandError::message("Unable to locate python frame: no Python frame called the selected native frame")
        })?,
    };
    Ok(Current { view, thread, tid, stack, entry, style })
}

/// In the words of CPython's script for gdb.
pub(super) fn no_frame(error: HostError) -> CommandError {
    match error {
        HostError::NoProcess => CommandError::message(format!("Unable to locate python frame: {error}")),
        other => other.into(),
    }
}

/// The same, where the process has no CPython.
pub(super) fn no_python(style: Style, inspection: &Inspection) -> CommandError {
    if style == Style::Own {
        return CommandError::NoPython(LookupError::NoPython.to_string());
    }
    let why = match inspection.target().modules.is_empty() {
        true => "the debugger tells nothing of the process's libraries; give it the executable (file)",
        false => "no CPython was found in this process (py-status says what was looked at)",
    };
    CommandError::NoPython(format!("Unable to locate python frame: {why}"))
}

/// Runs `with` on the CPython of the process.
pub(super) fn with_view<T>(
    host: &mut dyn Host,
    with: impl FnOnce(&View<'_>) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    let (options, selected) = (host.options(), host.selection().thread);
    let inspection = host.process(RegistersOf::Selected)?;
    let view =
        View::new(inspection, options).ok_or_else(|| CommandError::NoPython(LookupError::NoPython.to_string()))?;
    // Where there are several interpreters an object is the selected thread's.
    let thread = selected.filter(|_| view.interpreters().len() > 1).and_then(|tid| view.thread_of(tid));
    match thread {
        Some(thread) => with(&view.of(&thread)),
        None => with(&view),
    }
}
