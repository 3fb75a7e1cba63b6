//! [`Process`] and [`View`]: the inspection of the debugger's process, as the commands need it.

use super::memory::BridgeMemory;
use crate::base::Addr;
use crate::cpython::frame::{LocalVar, PyFrame, Stack, frame_of_object, locals, namespaces};
use crate::cpython::locate::Located;
use crate::cpython::object::{Heap, ReprStyle, dict_get_str};
use crate::cpython::runtime::{Attachment, Interpreter};
use crate::cpython::{Context, DecodeError};
use crate::debuggee::Target;
use crate::engine::{Inspection, PythonState, PythonThread};
use crate::image::SearchOptions;

/// The debugger's process.
#[derive(Debug)]
pub struct Process {
    /// All that is known of it.
    pub inspection: Inspection,
    style: ReprStyle,
}

impl Process {
    /// A process whose memory the debugger reads as `memory`.
    #[must_use]
    pub fn new(target: Target, options: &SearchOptions, style: ReprStyle, memory: &BridgeMemory) -> Self {
        memory.set_files(Vec::new());
        let inspection = Inspection::from_target(target, options);
        memory.set_files(inspection.images().read_only(inspection.target()));
        Process { inspection, style }
    }

    /// A view of the CPython in it.
    #[must_use]
    pub fn view(&self) -> Option<View<'_>> {
        let state = self.inspection.python()?;
        let heap = state.main_heap();
        Some(View { heap, inspection: &self.inspection, state, style: self.style })
    }
}

/// The CPython of a process during one command.
#[derive(Debug)]
pub struct View<'a> {
    /// Objects of one interpreter: the main one unless [`View::of`] says another.
    pub heap: Heap<'a>,
    /// The process.
    pub inspection: &'a Inspection,
    /// Its CPython.
    pub state: PythonState<'a>,
    /// In whose form to show objects.
    pub style: ReprStyle,
}

/// Where a name was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Among the locals.
    Local,
    /// Among the globals of the module.
    Global,
    /// Among the builtins.
    Builtin,
}

impl Scope {
    /// As CPython's script calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Scope::Local => "local",
            Scope::Global => "global",
            Scope::Builtin => "builtin",
        }
    }
}

impl<'a> View<'a> {
    /// Memory and layouts.
    #[must_use]
    pub fn ctx(&self) -> &Context<'a> {
        &self.heap.ctx
    }

    /// How CPython was found.
    #[must_use]
    pub fn located(&self) -> &'a Located {
        self.state.located
    }

    /// Interpreters, the main one first.
    #[must_use]
    pub fn interpreters(&self) -> &'a [Interpreter] {
        self.state.interpreters()
    }

    /// The view of a thread's interpreter.
    #[must_use]
    pub fn of(&self, thread: &PythonThread<'_>) -> View<'a> {
        let heap = self.state.heap(thread.interpreter).unwrap_or_else(|| self.state.main_heap());
        View { heap, ..*self }
    }

    /// All thread states.
    #[must_use]
    pub fn threads(&self) -> Vec<PythonThread<'a>> {
        self.state.threads()
    }

    /// The thread state that a native thread works in. A thread that has several (one each in several interpreters)
    /// is attached to at most one; without that knowledge it is the one entered last.
    #[must_use]
    pub fn thread_of(&self, tid: u64) -> Option<PythonThread<'a>> {
        let all = self.threads();
        let mut own: Vec<&PythonThread<'_>> = all.iter().filter(|t| self.state.told_tid(t) == Some(tid)).collect();
        if own.is_empty() {
            own.extend(all.iter().filter(|t| self.state.tid(t) == Some(tid)));
        }
        let attached = own.iter().find(|t| t.state.attachment == Some(Attachment::Attached));
        let entered = || own.iter().min_by_key(|t| self.entry_of(t).map_or(u64::MAX, |a| a.0));
        attached.or_else(entered).map(|t| **t)
    }

    fn entry_of(&self, thread: &PythonThread<'_>) -> Option<Addr> {
        self.stack(thread).frames.iter().find_map(|f| f.entry_sp)
    }

    /// Python frames of a thread.
    #[must_use]
    pub fn stack(&self, thread: &PythonThread<'_>) -> Stack {
        self.state.stack(thread)
    }

    /// The frame of a frame object.
    ///
    /// # Errors
    /// [`DecodeError`] when it is unreadable or has none.
    pub fn frame_of(&self, object: Addr) -> Result<PyFrame, DecodeError> {
        frame_of_object(self.ctx(), self.state.codes, object)
    }

    /// Variables of a frame.
    ///
    /// # Errors
    /// [`DecodeError`] when the names or slots cannot be read at all.
    pub fn locals(&self, frame: &PyFrame, limit: usize) -> Result<Vec<LocalVar>, DecodeError> {
        locals(&self.heap, frame, limit).map(|(list, _)| list)
    }

    /// A name among the globals or builtins of a frame.
    ///
    /// # Errors
    /// [`DecodeError`] when a namespace cannot be read.
    pub fn global(&self, frame: &PyFrame, name: &str) -> Result<Option<(Scope, Addr)>, DecodeError> {
        let ctx = self.ctx();
        let [globals, builtins] = namespaces(ctx, frame)?;
        for (scope, namespace) in [(Scope::Global, globals), (Scope::Builtin, builtins)] {
            if let Some(found) = dict_get_str(ctx, namespace, name)? {
                return Ok(Some((scope, found)));
            }
        }
        Ok(None)
    }
}
