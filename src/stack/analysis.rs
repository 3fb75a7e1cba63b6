//! [`Analysis`]: a process as the merge of stacks and the rules work on it. The report is made from it once, at the end.
//!
//! It keeps what the wire has no place for: CPython's frames as they were read, beside what the report says of them.

use crate::base::Addr;
use crate::cpython::frame::PyFrame;
use crate::model::{CrashReport, ExceptionInfo, Frame, Interpreter, Python, Thread};
use std::collections::HashSet;
use std::ops::{Deref, DerefMut};

/// What is known of a process.
#[derive(Debug, Default)]
pub struct Analysis {
    /// What ended it.
    pub crash: Option<CrashReport>,
    /// Its CPython; `None` where none is shown.
    pub python: Option<Python>,
    /// Its interpreters.
    pub interpreters: Vec<Interpreter>,
    /// The exception that was printed last, where the process gave up.
    pub printed: Option<ExceptionInfo>,
    /// Its threads, the crashed one first.
    pub threads: Vec<AnalyzedThread>,
}

impl Analysis {
    /// Whether a thread without a Python state has none: all thread states of the process are known.
    #[must_use]
    pub fn knows_all_thread_states(&self) -> bool {
        self.python.as_ref().is_some_and(|python| !python.threads_missing)
    }
}

/// A Python frame as it was read.
#[derive(Clone, Debug)]
pub struct ReadFrame {
    /// Id of its interpreter.
    pub interpreter: i64,
    /// The frame.
    pub frame: PyFrame,
}

/// A thread whose stacks are not merged yet.
#[derive(Debug, Default)]
pub struct SeparateThread {
    /// All but its frames.
    pub about: Thread,
    /// Its Python frames as they were read, innermost first, each with what the report says of it.
    pub python: Vec<(ReadFrame, Frame)>,
    /// Places on the C stack of evaluation loops that run none of them.
    pub empty_loops: Vec<Addr>,
}

impl SeparateThread {
    /// The thread with its Python frames alone.
    #[must_use]
    pub fn alone(self) -> AnalyzedThread {
        let (python_frames, frames): (Vec<_>, Vec<_>) = self.python.into_iter().unzip();
        AnalyzedThread { about: self.about, python_frames, frames, loops: HashSet::new() }
    }
}

/// A thread with its merged stack. As a [`Thread`] it is all but its frames, which are its own.
#[derive(Debug, Default)]
pub struct AnalyzedThread {
    /// All but its frames.
    pub about: Thread,
    /// Its Python frames as they were read, innermost first.
    pub python_frames: Vec<ReadFrame>,
    /// Python and native frames, innermost first.
    pub frames: Vec<Frame>,
    /// Those of them (by index) that are evaluation loops for which Python frames stand.
    pub loops: HashSet<usize>,
}

impl AnalyzedThread {
    /// What the report says of it; of its frames those that are `wanted`.
    #[must_use]
    pub fn into_report(self, wanted: impl Fn(&Frame) -> bool) -> Thread {
        Thread { frames: self.frames.into_iter().filter(wanted).collect(), ..self.about }
    }
}

impl Deref for AnalyzedThread {
    type Target = Thread;

    fn deref(&self) -> &Thread {
        &self.about
    }
}

impl DerefMut for AnalyzedThread {
    fn deref_mut(&mut self) -> &mut Thread {
        &mut self.about
    }
}
