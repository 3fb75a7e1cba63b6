//! What the commands need of the place where they are given: a debugger's session, a prompt on a dump.

use crate::debuggee::Crash;
use crate::engine::{Inspection, Options, SystemThread};
use crate::model::answers::Status;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Whose ways an answer keeps to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style {
    /// CPython's script for gdb.
    Gdb,
    /// lldb's `bt`.
    Lldb,
    /// The command line's.
    #[default]
    Own,
}

impl Style {
    /// What names of commands begin with there.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        if self == Style::Own { "" } else { super::DEBUGGER_PREFIX }
    }
}

/// Whose registers are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistersOf {
    /// The selected thread's.
    Selected,
    /// Those of all threads.
    All,
}

/// What is selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Thread, by the operating system's id.
    pub thread: Option<u64>,
    /// Number of the selected native frame, from 0; absent where there are none.
    pub level: Option<u32>,
    /// Index of the selected entry of the thread's stack, where a command has selected one.
    pub entry: Option<usize>,
}

/// A native frame, as a debugger unwound it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FrameAnswer {
    /// Level, from 0.
    pub level: u32,
    /// Instruction pointer (of outer frames: return address).
    pub pc: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Function, when the debugger knows it.
    pub name: Option<String>,
    /// Whether it was inlined into the next outer frame.
    pub inlined: bool,
}

/// Native frames of the selected thread, as a debugger knows them. Each question may take long.
pub trait NativeFrames: Send + Sync {
    /// At most `limit` frames, innermost first; none where there is no debugger.
    fn frames(&self, limit: u32) -> Vec<FrameAnswer>;

    /// A variable of a frame, where its debug information has it.
    fn variable(&self, level: u32, name: &str) -> Option<u64>;
}

/// A word of the process that is watched while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Where it is.
    pub address: u64,
    /// How many bytes it has: 1, 2, 4 or 8.
    pub size: u8,
    /// What it holds now.
    pub value: u64,
    /// When a change of it needs no stop.
    pub quiet: Quiet,
    /// Whether each access stops, reading too, whatever it holds.
    pub access: bool,
    /// The thread whose accesses count; any thread's without one.
    pub thread: Option<u64>,
}

/// When a change of a watched word needs no stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quiet {
    /// Never: each change stops.
    Never,
    /// As long as it grows and stays in this range: first value, value after the last.
    Growing(u64, u64),
    /// As long as it is another than this.
    Other(u64),
}

/// How the process is to run on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Words that stop it.
    pub watches: Vec<Watch>,
    /// Addresses of machine code that stop it.
    pub calls: Vec<u64>,
}

/// Why the process has stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopKind {
    /// A watched word has changed, and nothing else is to be told.
    Watch,
    /// It has ended.
    Exited,
    /// Anything else: a breakpoint of the user, a signal, Ctrl-C.
    #[default]
    Other,
}

/// A watched word that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which, as numbered in [`Run::watches`].
    pub watch: usize,
    /// What it held before.
    pub before: u64,
    /// What it holds now.
    pub now: u64,
}

/// Where the process has stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stop {
    /// Why.
    pub kind: StopKind,
    /// Words that have changed or been read.
    pub changes: Vec<Change>,
    /// Whether a thread has come to one of [`Run::calls`].
    pub called: bool,
    /// What the debugger says of it.
    pub text: String,
}

/// What is kept of stepping.
#[derive(Debug, Default)]
pub struct Steps {
    /// The frame and the value of its instruction's word where a step has stopped at an instruction whose second half begins
    /// another line. Holds until the process has run.
    pub inside: Option<(u64, u64)>,
    /// The same for a step that has stopped at such a second half, with the line that was told: the frame says another.
    pub told: Option<(u64, u64, u32)>,
    /// Breakpoints of Python code.
    pub breaks: Vec<super::breaks::Kept>,
    /// Number of the last one.
    pub last: u32,
}

/// Why there is no process to look at; each message is a line for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// Nothing runs and no core is open.
    #[error("there is no process; start one (run, attach) or open a core")]
    NoProcess,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Where commands are given.
pub trait Host {
    /// The process, with at least these registers.
    ///
    /// # Errors
    /// [`HostError`].
    fn process(&mut self, registers: RegistersOf) -> Result<&Inspection, HostError>;

    /// The process for a look at all of its memory: read from disk where that can be.
    ///
    /// # Errors
    /// [`HostError`].
    fn whole(&mut self) -> Result<&Inspection, HostError> {
        self.process(RegistersOf::All)
    }

    /// What is selected.
    fn selection(&self) -> Selection;

    /// Native frames as a debugger tells them.
    fn native_frames(&self) -> Arc<dyn NativeFrames>;

    /// Whose ways to keep to.
    fn style(&self) -> Style;

    /// How values are shown, and where they are cut.
    fn options(&self) -> Options;

    /// State of the host itself; what is known of the process is filled in by `status`.
    fn status(&self) -> Status;

    /// Has the process run on until a watched word changes, or something else stops it.
    ///
    /// # Errors
    /// [`HostError`]: a dump does not run, or the debugger cannot watch these words.
    fn run(&mut self, _: &Run) -> Result<Stop, HostError> {
        Err(HostError::Other("a dump does not run".to_owned()))
    }

    /// What is kept of stepping from one command to the next; nothing where nothing runs.
    fn steps(&mut self) -> Option<&mut Steps> {
        None
    }

    /// Has another thread taken for the selected one, until that ends with `None`.
    fn focus(&mut self, thread: Option<u64>);
}

/// There is no debugger to ask for native frames.
#[derive(Clone, Copy, Debug)]
pub struct NoDebugger;

impl NativeFrames for NoDebugger {
    fn frames(&self, _: u32) -> Vec<FrameAnswer> {
        Vec::new()
    }

    fn variable(&self, _: u32, _: &str) -> Option<u64> {
        None
    }
}

/// A process without a debugger: the command line and the shell give their commands here.
#[derive(Debug)]
pub struct OnDump<I> {
    inspection: I,
    options: Options,
    thread: Option<u64>,
    frame: usize,
    focus: Option<u64>,
}

impl<I: std::borrow::Borrow<Inspection>> OnDump<I> {
    /// A process of which `thread` and in it Python frame `frame` are selected; without one the crashed thread, or else the
    /// main thread.
    #[must_use]
    pub fn new(inspection: I, thread: Option<u64>, frame: usize, options: Options) -> Self {
        let thread = thread.or_else(|| first_thread(inspection.borrow()));
        OnDump { inspection, options, thread, frame, focus: None }
    }

    /// The process.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        self.inspection.borrow()
    }

    /// The process, to be renewed.
    pub fn inspection_mut(&mut self) -> &mut I {
        &mut self.inspection
    }

    /// The selected thread.
    #[must_use]
    pub fn thread(&self) -> Option<u64> {
        self.thread
    }

    /// Selects what a command has said.
    pub fn select(&mut self, reply: &super::Reply) {
        if let Some(thread) = reply.select_thread {
            (self.thread, self.frame) = (Some(thread), 0);
        }
        if let Some(select) = reply.select {
            self.frame = select.entry;
        }
    }
}

/// The crashed thread, or else the main thread: the list ends with the oldest.
fn first_thread(inspection: &Inspection) -> Option<u64> {
    let target = inspection.target();
    let crashed = target.crash.as_ref().map(Crash::tid);
    let Some(state) = inspection.python() else { return crashed.or(target.threads.first().map(|t| t.tid)) };
    let threads = state.system_threads();
    let runs_python = |tid: &u64| threads.iter().any(|thread| thread.tid == Some(*tid));
    let of_main = |thread: &&SystemThread<'_>| thread.states.iter().any(|one| one.interpreter == 0);
    let main = || threads.iter().rev().filter(of_main).find_map(|thread| thread.tid);
    crashed.filter(runs_python).or_else(main).or(crashed)
}

impl<I: std::borrow::Borrow<Inspection>> Host for OnDump<I> {
    fn process(&mut self, _: RegistersOf) -> Result<&Inspection, HostError> {
        Ok(self.inspection.borrow())
    }

    fn selection(&self) -> Selection {
        match self.focus {
            Some(thread) => Selection { thread: Some(thread), level: None, entry: None },
            None => Selection { thread: self.thread, level: None, entry: Some(self.frame) },
        }
    }

    fn native_frames(&self) -> Arc<dyn NativeFrames> {
        Arc::new(NoDebugger)
    }

    fn style(&self) -> Style {
        Style::Own
    }

    fn options(&self) -> Options {
        self.options.clone()
    }

    fn status(&self) -> Status {
        let target = self.inspection().target();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: Some(target.source.to_string()),
            pid: target.process.pid,
            ..Status::default()
        }
    }

    fn focus(&mut self, thread: Option<u64>) {
        self.focus = thread;
    }
}
