//! [`View`]: the CPython of a process, as the commands need it.

use crate::base::{Addr, Text};
use crate::cpython::frame::{LocalVar, PyFrame, frame_of_object, locals, namespaces};
use crate::cpython::locate::Located;
use crate::cpython::object::{self, Heap, dict_get_str};
use crate::cpython::runtime::{Interpreter, thread_names};
use crate::cpython::{Context, DecodeError};
use crate::engine::{self, Inspection, Options, PythonState, SystemStack, SystemThread};
use crate::model::answers::Scope;
use crate::model::{Frame, Value};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

/// Most variables of a frame that are shown.
pub const MAX_LOCALS: usize = 1000;

/// The CPython of a process during one command.
#[derive(Debug)]
pub struct View<'a> {
    /// Objects of one interpreter: the main one unless [`View::within`] says another.
    pub heap: Heap<'a>,
    /// The process.
    pub inspection: &'a Inspection,
    /// Its CPython.
    pub state: PythonState<'a>,
    /// How values are shown.
    pub options: Options,
}

impl<'a> View<'a> {
    /// A view of the CPython of a process; `None` where there is none.
    #[must_use]
    pub fn new(inspection: &'a Inspection, options: Options) -> Option<Self> {
        let state = inspection.python()?;
        Some(View { heap: state.main_heap(), inspection, state, options })
    }

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

    /// The view of an interpreter, by its index.
    #[must_use]
    pub fn within(&self, interpreter: usize) -> View<'a> {
        let heap = self.state.heap(interpreter).unwrap_or_else(|| self.state.main_heap());
        View { heap, options: self.options.clone(), ..*self }
    }

    /// The view of the innermost interpreter that a thread works in.
    #[must_use]
    pub fn of(&self, thread: &SystemThread<'_>) -> View<'a> {
        self.within(thread.innermost().map_or(0, |state| state.interpreter))
    }

    /// The threads of the system that Python knows.
    #[must_use]
    pub fn threads(&self) -> Vec<SystemThread<'a>> {
        self.state.system_threads()
    }

    /// The thread of the system of that id, if Python knows it.
    #[must_use]
    pub fn thread_of(&self, tid: u64) -> Option<SystemThread<'a>> {
        self.state.system_thread(tid)
    }

    /// What a thread is known by where its id is not: that, or what CPython has noted.
    #[must_use]
    pub fn tid(&self, thread: &SystemThread<'_>) -> Option<u64> {
        thread.tid.or_else(|| thread.innermost()?.state.native_id)
    }

    /// The name of a thread: the main interpreter's, which has made most threads, or that of another that it works in.
    #[must_use]
    pub fn name(&self, thread: &SystemThread<'_>) -> Option<Text> {
        let main = thread.states.iter().filter(|state| state.interpreter == 0);
        main.chain(&thread.states).find_map(|one| self.names(one.interpreter).remove(&one.state.ident))
    }

    /// Python frames of a thread.
    #[must_use]
    pub fn stack(&self, thread: &SystemThread<'_>) -> SystemStack {
        self.state.system_stack(thread, self.inspection.target().limits.frames)
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

    /// The object at `addr` as it is shown.
    #[must_use]
    pub fn object(&self, addr: Addr) -> Value {
        engine::value(&self.heap, addr, &self.options)
    }

    /// A value that may be no object in memory.
    #[must_use]
    pub fn made(&self, value: &object::Value) -> Value {
        match value {
            object::Value::Object(addr) => self.object(*addr),
            made => engine::made(made.show(&self.heap, &self.options.limits.repr)),
        }
    }

    /// A frame as it is shown, with its source line.
    #[must_use]
    pub fn frame(&self, frame: &PyFrame) -> Frame {
        let mut shown = engine::frame(&self.heap, frame, &self.options, false);
        if let (Some(file), Some(line), Some(sources)) = (&shown.file, shown.line, self.inspection.sources()) {
            shown.source = sources.line(&file.to_string(), line);
        }
        shown
    }

    /// Thread names of an interpreter; those that can be read.
    #[must_use]
    pub fn names(&self, interpreter: usize) -> HashMap<u64, Text> {
        let heap = self.state.heap(interpreter);
        let of = heap.zip(self.interpreters().get(interpreter));
        of.and_then(|(heap, interpreter)| thread_names(&heap, interpreter).ok()).unwrap_or_default()
    }
}

/// Says of source files, once for each, that they are likely others than ran.
#[derive(Debug, Default)]
pub struct Doubts(RefCell<HashSet<PathBuf>>);

impl Doubts {
    /// Says it at the frame, where its source line is shown.
    pub fn tell(&self, inspection: &Inspection, frame: &mut Frame) {
        let (Some(file), Some(function), Some(_)) = (&frame.file, &frame.function, &frame.source) else { return };
        let doubt = inspection.sources().and_then(|s| s.doubt(&file.to_string(), &function.to_string()));
        let doubt = doubt.filter(|doubt| self.0.borrow_mut().insert(doubt.file.clone()));
        frame.problems.extend(doubt.map(|doubt| doubt.to_string()));
    }
}
