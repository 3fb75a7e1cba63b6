//! The stack of the selected thread as Python sees it, tied to the debugger's native frames.
//!
//! Entries are Python frames and what CPython's own gdb script shows between them: calls of C functions, waiting for
//! the GIL, a garbage collection. Where the native frames are the debugger's, their levels are the user's.

use super::host::NativeFrames;
use super::native::{Meaning, Native};
use super::view::View;
use crate::base::Addr;
use crate::cpython::frame::PyFrame;
use crate::engine::{SystemThread, compiled_runs};
use crate::model::{Frame, Local};
use crate::stack::analysis::ReadFrame;
use crate::stack::compiled::{RunBy, mark_loops};
use crate::stack::merge::{Merged, NativeFrame, NativeRole, PythonFrame, merge};

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Python frame, by index in [`PythonStack::frames`].
    Python(usize),
    /// Call of a C function object; `None` when it cannot be told which.
    Call(Option<Addr>),
    /// The thread waits for the GIL.
    WaitingForGil,
    /// The thread collects garbage.
    Collecting,
}

/// One entry of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Level of its native frame, when known.
    pub level: Option<u32>,
}

/// The stack of one thread, innermost entry first.
#[derive(Debug, Default)]
pub struct PythonStack {
    /// Python frames, innermost first.
    pub frames: Vec<PyFrame>,
    /// Index of each frame's interpreter.
    pub interpreters: Vec<usize>,
    /// Why there are no more.
    pub end: Option<String>,
    /// All entries.
    pub entries: Vec<Entry>,
}

/// Where native stacks start (glibc `csu`, `sysdeps/unix/sysv/linux/*/clone*.S`; musl).
const STARTS: &[&str] =
    &["_start", "_start_c", "__libc_start_main", "__libc_start_main_impl", "clone", "clone3", "__clone", "__clone3"];

/// The entry that a native frame stands for, if any.
fn special(native: &Native, debugger: &dyn NativeFrames) -> Option<EntryKind> {
    let argument = match native.meaning()? {
        Meaning::WaitsForGil => return Some(EntryKind::WaitingForGil),
        Meaning::Collects => return Some(EntryKind::Collecting),
        Meaning::Calls(argument) => argument,
    };
    let ask = |level| debugger.variable(level, argument);
    let callable = native.callable.or_else(|| native.level.and_then(ask).map(Addr));
    Some(EntryKind::Call(callable.filter(|a| !a.is_null())))
}

impl PythonStack {
    /// Ties the Python frames of a thread to native ones. Without native frames the entries are the Python frames alone.
    #[must_use]
    pub fn new(view: &View<'_>, thread: &SystemThread<'_>, native: &[Native], debugger: &dyn NativeFrames) -> Self {
        let stack = view.stack(thread);
        let end = thread.end(view.state, &stack);
        let interpreter = |at: usize| thread.states.get(at).map_or(0, |state| state.interpreter);
        let (interpreters, frames): (Vec<_>, Vec<_>) =
            stack.frames.into_iter().map(|(at, frame)| (interpreter(at), frame)).unzip();
        let entries = match native.is_empty() {
            true => (0..frames.len()).map(|at| Entry { kind: EntryKind::Python(at), level: None }).collect(),
            false => {
                let compiled = compiled(view, thread, (&interpreters, &frames), native);
                tie(&frames, &stack.empty_loops, (native, &compiled), debugger)
            }
        };
        PythonStack { frames, interpreters, end, entries }
    }

    /// The view of the interpreter of a frame, by the frame's index.
    #[must_use]
    pub fn view<'a>(&self, view: &View<'a>, frame: usize) -> View<'a> {
        view.within(self.interpreters.get(frame).copied().unwrap_or(0))
    }

    /// A frame as it is shown, with its source line; `variables`: those it is shown with.
    #[must_use]
    pub fn shown(&self, view: &View<'_>, at: usize, variables: Option<Vec<Local>>) -> Frame {
        let Some(frame) = self.frames.get(at) else { return Frame::default() };
        let several = self.interpreters.iter().any(|one| Some(one) != self.interpreters.first());
        let own = self.interpreters.get(at).filter(|_| several);
        let interpreter = own.and_then(|at| view.interpreters().get(*at)).map(|interpreter| interpreter.id);
        Frame { locals: variables, interpreter, ..view.frame(frame) }
    }

    /// The Python frame of an entry, or of the next entry outwards that is one.
    #[must_use]
    pub fn frame_from(&self, entry: usize) -> Option<&PyFrame> {
        self.index_from(entry).and_then(|at| self.frames.get(at))
    }

    /// Its index.
    #[must_use]
    pub fn index_from(&self, entry: usize) -> Option<usize> {
        self.entries.get(entry..)?.iter().find_map(|e| match e.kind {
            EntryKind::Python(at) => Some(at),
            _ => None,
        })
    }

    /// The entry of the native frame at `level`, or the next one outwards that has an entry.
    #[must_use]
    pub fn entry_at_level(&self, level: u32) -> Option<usize> {
        if level == 0 {
            return (!self.entries.is_empty()).then_some(0);
        }
        // Entries without a level lie outside of those with one.
        self.entries.iter().position(|e| e.level.is_none_or(|l| l >= level))
    }
}

/// What runs each Python frame, where some are of compiled code, by the native frames.
fn compiled(
    view: &View<'_>,
    thread: &SystemThread<'_>,
    (interpreters, frames): (&[usize], &[PyFrame]),
    native: &[Native],
) -> Vec<RunBy> {
    if frames.iter().all(|frame| frame.compiled.is_none()) {
        return Vec::new();
    }
    let id = |at: usize| view.interpreters().get(at).map_or(0, |interpreter| interpreter.id);
    let read = interpreters.iter().zip(frames).map(|(at, frame)| (id(*at), frame.clone()));
    let read: Vec<ReadFrame> = read.map(|(interpreter, frame)| ReadFrame { interpreter, frame }).collect();
    let found = thread.tid.and_then(|tid| compiled_runs(view.inspection, tid, &read));
    let Some((stack, runs)) = found else { return Vec::new() };
    let place = |at: usize| {
        let own = stack.unwound.frames.get(at)?;
        native.iter().position(|native| native.is_at(own.sp, own.cfa))
    };
    runs.into_iter()
        .map(|run| match run {
            RunBy::Native(at) => place(at).map_or(RunBy::Unknown, RunBy::Native),
            other => other,
        })
        .collect()
}

fn tie(
    python: &[PyFrame],
    empty: &[Addr],
    (native, compiled): (&[Native], &[RunBy]),
    debugger: &dyn NativeFrames,
) -> Vec<Entry> {
    let mut natives: Vec<NativeFrame> = native.iter().map(|native| native.for_merge().without_loops(empty)).collect();
    mark_loops(&mut natives, compiled);
    let side = |(at, frame): (usize, &PyFrame)| {
        let own = PythonFrame { entry: Some(frame.entry), entry_sp: frame.entry_sp };
        compiled.get(at).copied().unwrap_or_default().frame(own, &natives)
    };
    let sides: Vec<PythonFrame> = python.iter().enumerate().map(side).collect();
    // A debugger's unwinder that gives up says nothing; a whole stack ends where libc starts programs and threads.
    let complete = native.last().and_then(|n| n.name.as_deref()).is_some_and(|n| STARTS.contains(&n));
    let merged = merge(&sides, &natives, complete);
    let shown: Vec<usize> = merged
        .entries
        .iter()
        .filter_map(|e| match e {
            Merged::Native(at) => Some(*at),
            Merged::Python(_) => None,
        })
        .collect();
    let mut entries = Vec::new();
    // Native frames up to here are accounted for.
    let mut done = 0usize;
    let mut level = None;
    let mut in_run = false;
    for entry in &merged.entries {
        match *entry {
            Merged::Native(at) => {
                done = done.max(at.saturating_add(1));
                let Some(frame) = native.get(at) else { continue };
                let kind = special(frame, debugger);
                entries.extend(kind.map(|kind| Entry { kind, level: frame.level }));
            }
            Merged::Python(at) => {
                if !in_run {
                    // The evaluation loop of the run is the native frame that the merge has replaced by it.
                    level = loop_from(done, &natives, &shown).and_then(|l| {
                        done = l.saturating_add(1);
                        native.get(l)?.level
                    });
                }
                in_run = sides.get(at).is_some_and(|side| side.entry != Some(true));
                entries.push(Entry { kind: EntryKind::Python(at), level });
            }
        }
    }
    entries
}

/// The evaluation loop that starts at native frame `from`, if the merge left it out.
fn loop_from(from: usize, natives: &[NativeFrame], shown: &[usize]) -> Option<usize> {
    let part = |at: &usize| natives.get(*at).is_some_and(|f| f.role == NativeRole::EvalPart);
    let last = (from..natives.len()).find(|at| !part(at))?;
    shown.binary_search(&last).is_err().then_some(last)
}
