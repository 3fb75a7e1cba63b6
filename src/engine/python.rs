//! [`PythonState`]: the CPython of a process, located and ready to be read.

use super::system_threads::Joined;
use super::thread_ids::ThreadIds;
use super::{Options, stray_threads};
use crate::base::Addr;
use crate::cpython::Context;
use crate::cpython::code::CodeCache;
use crate::cpython::frame::{self, Stack};
use crate::cpython::locate::{Located, Proof, locate};
use crate::cpython::object::{Heap, Kind, SymbolNames, TypeCache, dict_get_str, list_items, read_str};
use crate::cpython::runtime::{self, Interpreter, ThreadList, ThreadState, interpreters};
use crate::debuggee::limits::cut;
use crate::debuggee::{Crash, Target};
use crate::field;
use crate::image::Images;
use crate::model::{ExceptionInfo, LayoutProvider, ModuleId, Python, RuntimeState};
use std::sync::{Arc, OnceLock};

/// What was read of a process's CPython. Each part is read once, when it is first asked for.
#[derive(Debug)]
pub(super) struct PythonParts {
    located: Located,
    codes: CodeCache,
    interpreters: OnceLock<(Vec<Interpreter>, Vec<InterpreterParts>)>,
    joined: OnceLock<Joined>,
    greenlets: Known,
}

/// Objects that were looked for among all others, at this look at a running process or an earlier one.
pub(super) type Known = Arc<OnceLock<Vec<Addr>>>;

/// What was read of one interpreter.
#[derive(Debug)]
struct InterpreterParts {
    types: Arc<TypeCache>,
    threads: OnceLock<ThreadStates>,
    ids: OnceLock<ThreadIds>,
}

impl PythonParts {
    /// Locates CPython. `greenlets`: those of earlier looks at the same process.
    pub fn find(target: &Target, images: &Images, greenlets: &Known) -> Option<Self> {
        let located = locate(target, images)?;
        for diagnostic in &located.selected.disagreements {
            target.diagnostics.push(diagnostic.clone());
        }
        Some(PythonParts { greenlets: Arc::clone(greenlets), ..PythonParts::of(located) })
    }

    fn of(located: Located) -> Self {
        let (interpreters, joined) = Default::default();
        PythonParts { located, codes: CodeCache::default(), interpreters, joined, greenlets: Known::default() }
    }

    /// The same CPython with nothing read yet, as the process has run on. `None` when it had no interpreter: one may
    /// have come, and where is to be looked for again.
    pub fn renewed(self) -> Option<Self> {
        Some(self.located).filter(|located| !located.interpreters_head.is_null()).map(PythonParts::of)
    }
}

/// Thread states of an interpreter: those of its list, and where that breaks off those that are found without it.
#[derive(Debug)]
pub(super) struct ThreadStates {
    pub listed: ThreadList,
    /// In no order.
    pub stray: Vec<ThreadState>,
}

impl ThreadStates {
    pub fn all(&self) -> impl Iterator<Item = &ThreadState> + Clone {
        self.listed.threads.iter().chain(&self.stray)
    }
}

/// A thread state with its interpreter.
#[derive(Clone, Copy, Debug)]
pub struct PythonThread<'a> {
    /// Index in [`PythonState::interpreters`].
    pub interpreter: usize,
    /// The thread state.
    pub state: &'a ThreadState,
    /// Whether it is in the interpreter's list; others were found without it and are in no order.
    pub listed: bool,
}

/// The CPython of a process, located and ready to be read.
#[derive(Clone, Copy, Debug)]
pub struct PythonState<'a> {
    target: &'a Target,
    images: &'a Images,
    parts: &'a PythonParts,
    /// How it was found, and its layouts.
    pub located: &'a Located,
    /// Code objects read so far.
    pub codes: &'a CodeCache,
}

/// Symbol names of a target, for static types whose name is in memory that was not dumped.
struct TargetSymbols<'a>(&'a Target, &'a Images);

impl SymbolNames for TargetSymbols<'_> {
    fn symbol_at(&self, addr: Addr) -> Option<String> {
        self.1.symbol_at(self.0, addr).filter(|s| s.offset == 0).map(|s| s.name)
    }
}

impl<'a> PythonState<'a> {
    pub(super) fn new(target: &'a Target, images: &'a Images, parts: &'a PythonParts) -> Self {
        PythonState { target, images, parts, located: &parts.located, codes: &parts.codes }
    }

    /// Greenlets that are known of.
    pub(super) fn greenlets(&self) -> &'a OnceLock<Vec<Addr>> {
        &self.parts.greenlets
    }

    /// What decoders need.
    #[must_use]
    pub fn context(self) -> Context<'a> {
        Context {
            memory: &self.target.memory,
            abi: self.target.abi,
            layouts: &self.located.selected.layouts,
            dialect: &self.located.selected.dialect,
        }
    }

    /// All interpreters, main one first.
    #[must_use]
    pub fn interpreters(self) -> &'a [Interpreter] {
        &self.all().0
    }

    fn all(self) -> &'a (Vec<Interpreter>, Vec<InterpreterParts>) {
        self.parts.interpreters.get_or_init(|| {
            let (runtime, head) = (self.located.runtime, self.located.interpreters_head);
            let list = interpreters(&self.context(), runtime, head, &self.target.diagnostics);
            let parts = list.iter().map(|interpreter| InterpreterParts {
                types: Arc::new(TypeCache::new(Some(interpreter.addr))),
                threads: OnceLock::new(),
                ids: OnceLock::new(),
            });
            let parts = parts.collect();
            (list, parts)
        })
    }

    /// Object reader for one interpreter, by its index. What it learns of types is kept for the next one.
    #[must_use]
    pub fn heap(self, interpreter: usize) -> Option<Heap<'a>> {
        let parts = self.all().1.get(interpreter)?;
        let symbols = TargetSymbols(self.target, self.images);
        Some(Heap::new(self.context(), Arc::clone(&parts.types), Some(Box::new(symbols))))
    }

    /// Object reader for the main interpreter; for none where there is none.
    #[must_use]
    pub fn main_heap(self) -> Heap<'a> {
        self.heap(0).unwrap_or_else(|| Heap::new(self.context(), Arc::default(), None))
    }

    /// Each interpreter with an object reader for it, main one first.
    pub fn heaps(self) -> impl Iterator<Item = (&'a Interpreter, Heap<'a>)> {
        self.interpreters().iter().enumerate().filter_map(move |(at, interpreter)| Some((interpreter, self.heap(at)?)))
    }

    /// Thread states of an interpreter.
    pub(super) fn thread_states(self, interpreter: usize) -> Option<&'a ThreadStates> {
        let (list, parts) = self.all();
        let addr = list.get(interpreter)?.addr;
        Some(parts.get(interpreter)?.threads.get_or_init(|| self.read_thread_states(addr)))
    }

    fn read_thread_states(self, interpreter: Addr) -> ThreadStates {
        let (target, ctx) = (self.target, self.context());
        let ids = ThreadIds::default();
        let crashed = target.crash.as_ref().map(Crash::tid);
        let is_crashed = |thread: &ThreadState| crashed.is_some() && ids.told(target, thread) == crashed;
        let most = target.limits.threads;
        let mut list = runtime::threads(&ctx, interpreter, most, is_crashed, &target.diagnostics);
        let count = list.threads.len().saturating_add(list.left_out);
        if let Some(diagnostic) = cut("thread states of Python", count, list.threads.len(), "--max-threads") {
            target.diagnostics.push(diagnostic);
        }
        if self.located.proof == Proof::Partial {
            // What nothing but a word of memory says needs to be one of the process's threads.
            list.threads.retain(|thread| ids.told(target, thread).is_some());
        }
        let stray = match list.complete {
            true => Vec::new(),
            false => stray_threads::find(target, &ctx, self.located.runtime, interpreter, &list.threads),
        };
        ThreadStates { listed: list, stray }
    }

    /// All thread states: interpreter by interpreter, each in the order of its list (newest first), then strays.
    #[must_use]
    pub fn threads(self) -> Vec<PythonThread<'a>> {
        let of = |interpreter: usize| {
            let states = self.thread_states(interpreter)?;
            let listed = states.listed.threads.len();
            let one = move |(at, state)| PythonThread { interpreter, state, listed: at < listed };
            Some(states.all().enumerate().map(one))
        };
        (0..self.interpreters().len()).filter_map(of).flatten().collect()
    }

    /// Which thread states one thread of the system has.
    pub(super) fn joined(self) -> &'a Joined {
        self.parts.joined.get_or_init(|| self.join(self.target))
    }

    /// The operating system's id of the thread that made a thread state, as CPython or the target tells it, or else the C library's structures.
    #[must_use]
    pub fn tid(self, thread: &PythonThread<'_>) -> Option<u64> {
        let states = self.thread_states(thread.interpreter)?;
        let parts = self.all().1.get(thread.interpreter)?;
        parts.ids.get_or_init(|| ThreadIds::new(self.target, states.all())).of(self.target, thread.state)
    }

    /// The same, only as CPython or the target tells it: costs no reads.
    #[must_use]
    pub fn told_tid(self, thread: &PythonThread<'_>) -> Option<u64> {
        ThreadIds::default().told(self.target, thread.state)
    }

    /// Python frames of a thread, innermost first.
    #[must_use]
    pub fn stack(self, thread: &PythonThread<'_>) -> Stack {
        self.stack_within(thread, self.target.limits.frames)
    }

    /// At most so many of its innermost frames.
    #[must_use]
    pub fn stack_within(self, thread: &PythonThread<'_>, most: u64) -> Stack {
        frame::walk_some(&self.context(), self.codes, thread.state.addr, most)
    }

    /// The exception at `addr` with its traceback and what it was raised from.
    #[must_use]
    pub fn exception(self, heap: &Heap<'_>, addr: Addr, options: &Options) -> ExceptionInfo {
        super::exceptions::exception(self, heap, addr, options)
    }

    /// For the report.
    #[must_use]
    pub fn describe(self) -> Python {
        let located = self.located;
        let flags = located.flags;
        let module = located.module.and_then(|m| self.target.modules.get(m));
        let exact = located.is_version_exact();
        Python {
            version: if exact { located.version.to_string() } else { located.version.short() },
            version_hex: exact.then(|| located.version.to_hex()),
            version_from: Some(located.version_from),
            debug_build: (located.proof == Proof::Whole).then_some(flags.debug),
            free_threaded: Some(flags.free_threaded),
            runtime: located.runtime,
            found_by: Some(located.found_by),
            module: module.map(|m| m.path.clone()),
            module_id: located.module.and_then(ModuleId::new),
            layout_providers: located.selected.provider_counts.iter().map(provider_count).collect(),
            layout_table: located.selected.table_name.map(str::to_owned),
            state: self.runtime_state(),
            finalizing: self.finalizing().filter(|tstate| !tstate.is_null()),
            threads_missing: false,
        }
    }

    /// The thread state of `_PyRuntime._finalizing`, NULL unless `Py_Finalize` runs.
    fn finalizing(self) -> Option<Addr> {
        let ctx = self.context();
        ctx.ptr(field!(ctx, runtime.finalizing), self.located.runtime?).ok()
    }

    /// `sys.orig_argv` of the main interpreter with spaces between the words (3.10 and later, none in some embedded Pythons).
    pub fn original_arguments(self) -> Option<String> {
        const WORDS: usize = 4096;
        const LENGTH: u64 = 65_536;
        let (heap, ctx) = (self.main_heap(), self.context());
        let sys = ctx.ptr(field!(ctx, interpreter.sysdict), self.interpreters().first()?.addr).ok()?;
        let list = dict_get_str(&ctx, sys, "orig_argv").ok()??;
        let is = |at: Addr, kind: Kind| heap.type_of(at).is_ok_and(|t| t.kind == kind);
        let items = is(list, Kind::List).then(|| list_items(&ctx, list).ok())??;
        let word = |at: Addr| is(at, Kind::Str).then(|| read_str(&ctx, at, LENGTH).ok())?;
        let words: Option<Vec<String>> = items.take(WORDS).map(|at| word(at.ok()?)).collect();
        words.map(|words| words.join(" ")).filter(|words| !words.trim().is_empty())
    }

    /// As `fatal_error_dump_runtime` of Python/pylifecycle.c tells it.
    fn runtime_state(self) -> Option<RuntimeState> {
        if !self.finalizing()?.is_null() {
            return Some(RuntimeState::Finalizing);
        }
        let ctx = self.context();
        let initialized = ctx.int(field!(ctx, runtime.initialized), self.located.runtime?, 4).ok()?;
        Some(if initialized == 0 { RuntimeState::NotInitialized } else { RuntimeState::Initialized })
    }
}

fn provider_count((provider, count): (&LayoutProvider, &usize)) -> (LayoutProvider, u32) {
    (*provider, u32::try_from(*count).unwrap_or(u32::MAX))
}
