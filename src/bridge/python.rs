//! [`Process`] and [`View`]: the CPython of the debugger's process, as the commands need it.

use super::memory::BridgeMemory;
use crate::base::{Addr, Diagnostics};
use crate::cpython::code::CodeCache;
use crate::cpython::frame::{LocalVar, PyFrame, Stack, frame_of_object, locals, namespaces, walk};
use crate::cpython::locate::{Located, locate};
use crate::cpython::object::{Heap, ReprStyle, SymbolNames, TypeNames, dict_get_str};
use crate::cpython::runtime::{Attachment, Interpreter, ThreadState, interpreters, threads};
use crate::cpython::{Context, DecodeError};
use crate::debuggee::{Crash, NativeThread, Target};
use crate::engine::ThreadIds;
use crate::image::{Images, SearchOptions};

/// A process with the CPython in it, when it has one.
#[derive(Debug)]
pub struct Process {
    /// The process.
    pub target: Target,
    /// Files of its modules.
    pub images: Images,
    located: Option<Located>,
    style: ReprStyle,
}

impl Process {
    /// Looks for CPython in a process, whose memory the debugger reads as `memory`.
    #[must_use]
    pub fn new(mut target: Target, options: &SearchOptions, style: ReprStyle, memory: &BridgeMemory) -> Self {
        memory.set_files(Vec::new());
        let images = Images::attach(&mut target, options);
        memory.set_files(images.read_only(&target));
        let located = locate(&target, &images);
        Process { target, images, located, style }
    }

    /// Takes over the threads of the same process at a later time, and looks again for a CPython that was not there.
    pub fn renew(&mut self, threads: Vec<NativeThread>, crash: Option<Crash>) {
        self.target.threads = threads;
        self.target.crash = crash;
        if self.located.as_ref().is_none_or(|l| l.interpreters_head.is_null()) {
            self.located = locate(&self.target, &self.images);
        }
    }

    /// The CPython in it.
    #[must_use]
    pub fn located(&self) -> Option<&Located> {
        self.located.as_ref()
    }

    /// A view of the CPython, with nothing read yet.
    #[must_use]
    pub fn view(&self) -> Option<View<'_>> {
        let located = self.located.as_ref()?;
        let selected = &located.selected;
        let ctx = Context {
            memory: &self.target.memory,
            abi: self.target.abi,
            layouts: &selected.layouts,
            dialect: &selected.dialect,
        };
        let list = interpreters(&ctx, located.runtime, located.interpreters_head, &self.target.diagnostics);
        let names = TypeNames { symbols: Some(self), interpreter: list.first().map(|i| i.addr) };
        Some(View {
            heap: Heap::new(ctx, names),
            codes: CodeCache::default(),
            interpreters: list,
            process: self,
            located,
            style: self.style,
        })
    }
}

impl SymbolNames for Process {
    fn symbol_at(&self, addr: Addr) -> Option<String> {
        self.images.symbol_at(&self.target, addr).filter(|s| s.offset == 0).map(|s| s.name)
    }
}

/// The CPython of a process during one command.
#[derive(Debug)]
pub struct View<'a> {
    /// Objects.
    pub heap: Heap<'a>,
    /// Interpreters, the main one first.
    pub interpreters: Vec<Interpreter>,
    /// The process.
    pub process: &'a Process,
    /// How CPython was found.
    pub located: &'a Located,
    /// In whose form to show objects.
    pub style: ReprStyle,
    codes: CodeCache,
}

/// A thread state with its interpreter.
#[derive(Clone, Debug)]
pub struct PythonThread {
    /// Index in [`View::interpreters`].
    pub interpreter: usize,
    /// The thread state.
    pub state: ThreadState,
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

    fn diagnostics(&self) -> &'a Diagnostics {
        &self.process.target.diagnostics
    }

    /// All thread states.
    #[must_use]
    pub fn threads(&self) -> Vec<PythonThread> {
        let of = |(interpreter, i): (usize, &Interpreter)| {
            let list = threads(self.ctx(), i.addr, self.diagnostics()).threads;
            list.into_iter().map(move |state| PythonThread { interpreter, state })
        };
        self.interpreters.iter().enumerate().flat_map(of).collect()
    }

    /// The system's ids of thread states.
    #[must_use]
    pub fn ids(&self, threads: &[PythonThread]) -> ThreadIds<'a> {
        ThreadIds::new(&self.process.target, threads.iter().map(|t| &t.state))
    }

    /// The thread state that a native thread works in. A thread that has several (one each in several interpreters)
    /// is attached to at most one; without that knowledge it is the one entered last.
    #[must_use]
    pub fn thread_of(&self, tid: u64) -> Option<PythonThread> {
        let all = self.threads();
        let ids = self.ids(&all);
        let mut own: Vec<&PythonThread> = all.iter().filter(|t| ids.told(&t.state) == Some(tid)).collect();
        if own.is_empty() {
            own.extend(all.iter().filter(|t| ids.of(&t.state) == Some(tid)));
        }
        let attached = own.iter().find(|t| t.state.attachment == Some(Attachment::Attached));
        let entered = || own.iter().min_by_key(|t| self.entry_of(t).map_or(u64::MAX, |a| a.0));
        attached.or_else(entered).map(|t| (*t).clone())
    }

    fn entry_of(&self, thread: &PythonThread) -> Option<Addr> {
        self.stack(thread).frames.iter().find_map(|f| f.entry_sp)
    }

    /// Python frames of a thread.
    #[must_use]
    pub fn stack(&self, thread: &PythonThread) -> Stack {
        self.heap.set_interpreter(self.interpreters.get(thread.interpreter).map(|i| i.addr));
        walk(self.ctx(), &self.codes, thread.state.addr)
    }

    /// The frame of a frame object.
    ///
    /// # Errors
    /// [`DecodeError`] when it is unreadable or has none.
    pub fn frame_of(&self, object: Addr) -> Result<PyFrame, DecodeError> {
        frame_of_object(self.ctx(), &self.codes, object)
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
