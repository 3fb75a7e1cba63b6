//! Threads of a report: CPython's thread states joined with the operating system's threads.

use super::{Options, PythonState, PythonThread as StateOfThread, SystemStack, SystemThread, exceptions, frames};
use crate::base::{Addr, Diagnostic, DiagnosticCode, Text};
use crate::cpython::frame::{PyFrame, StackEnd};
use crate::cpython::object::Heap;
use crate::cpython::runtime::{self, Gil, Interpreter as PyInterpreter};
use crate::debuggee::Target;
use crate::image::{Images, SymbolSource};
use crate::model::{Frame, Interpreter, NameFrom, PythonThread, Thread};
use crate::native::demangle::demangle;
use crate::stack::analysis::{ReadFrame, SeparateThread};
use crate::stack::hidden_frames;
use crate::stack::merge::NativeRole;
use crate::stack::report_frames::Interpreter as Modules;
use std::collections::{HashMap, HashSet};

/// The Python side of a process.
#[derive(Debug, Default)]
pub(super) struct PythonThreads {
    pub interpreters: Vec<Interpreter>,
    /// In CPython's order, as far as that is known.
    pub threads: Vec<SeparateThread>,
    /// Whether these are all, each with its thread: a thread that has none here has none at all.
    pub complete: bool,
}

/// Interpreters and their threads.
pub(super) fn python_threads(
    target: &Target,
    images: &Images,
    state: PythonState<'_>,
    options: &Options,
) -> PythonThreads {
    if state.interpreters().is_empty() {
        target.diagnostics.push(Diagnostic::warning(
            DiagnosticCode::NoInterpreter,
            "the CPython runtime has no interpreter: it was not initialised yet, or finalised",
        ));
    }
    let mut out = PythonThreads { complete: true, ..PythonThreads::default() };
    let mut places = Vec::new();
    for (index, (interpreter, heap)) in state.heaps().enumerate() {
        let gil = runtime::gil(&heap.ctx, state.located.runtime, interpreter.addr);
        let enabled = gil.as_ref().ok().map(Option::is_some);
        let gil = gil.unwrap_or(None);
        let collections = super::collections::of_interpreter(&heap.ctx, state.located.runtime, interpreter.addr);
        let described = describe(target, &heap, interpreter, index == 0, (enabled, gil));
        let frame_evaluator = frame_evaluator(target, images, state, interpreter);
        out.interpreters.push(Interpreter { collections, frame_evaluator, ..described });
        let names = runtime::thread_names(&heap, interpreter).unwrap_or_default();
        let found = state.thread_states(index);
        out.complete &= found.is_some_and(|found| found.listed.complete);
        let listed = found.map(|found| found.listed.threads.as_slice()).unwrap_or_default();
        let orders = (0u32..).zip(listed).map(|(order, thread)| (thread.addr, order)).collect();
        places.push(Interior { heap, interpreter, gil, names, orders });
    }
    let all = AllThreads { target, state, interpreters: places, current: current(target, state), options };
    let mut cut_stacks = 0usize;
    let mut left = target.limits.all_frames;
    for thread in state.system_threads() {
        let stack = state.system_stack(&thread, left.min(target.limits.frames));
        left = left.saturating_sub(stack.frames.len() as u64);
        let cut = stack.ends.iter().any(|(_, end)| matches!(end, StackEnd::Limit(_)));
        cut_stacks = cut_stacks.saturating_add(usize::from(cut));
        out.threads.push(all.report(&thread, stack));
    }
    if cut_stacks > 0 {
        let noun = if cut_stacks == 1 { "thread has" } else { "threads have" };
        let most = target.limits.frames;
        let text =
            format!("{cut_stacks} {noun} more Python frames than are read ({most} of one): outer frames are left out");
        let hint = format!("--max-frames {} reads ten times as many", most.saturating_mul(10));
        target.diagnostics.push(Diagnostic::warning(DiagnosticCode::LimitReached, text).hint(hint));
    }
    // One that no thread has run yet has no id (3.12+).
    let tied = |t: &SeparateThread| t.about.tid.is_some() || t.about.states().all(|p| p.ident == Some(0));
    out.complete &= out.threads.iter().all(tied);
    out
}

/// The thread state that `PyGILState_GetThisThreadState()` gives in the crashed thread. One thread may have a thread state in
/// each of several interpreters; 3.12+ says which is bound, before that it is the one made first.
fn current(target: &Target, state: PythonState<'_>) -> Option<Addr> {
    let crashed = target.crash.as_ref().map(crate::debuggee::Crash::tid)?;
    let mut best: Option<(u8, Addr)> = None;
    for thread in state.threads().iter().filter(|thread| state.tid(thread) == Some(crashed)) {
        let rank = match thread.state.bound_gilstate {
            Some(true) => 2,
            None if is_main(state, thread) == Some(true) => 1,
            _ => 0,
        };
        if best.is_none_or(|(top, _)| rank > top) {
            best = Some((rank, thread.state.addr));
        }
    }
    best.map(|(_, addr)| addr)
}

/// Whether a thread state is the main thread's in the main interpreter: the list ends with the oldest.
fn is_main(state: PythonState<'_>, thread: &StateOfThread<'_>) -> Option<bool> {
    if state.is_of_main(thread) { thread.state.next.map(Addr::is_null) } else { Some(false) }
}

fn describe(
    target: &Target,
    heap: &Heap<'_>,
    interpreter: &PyInterpreter,
    main: bool,
    (gil_enabled, gil): (Option<bool>, Option<Gil>),
) -> Interpreter {
    let extension_modules = match runtime::extension_modules(heap, interpreter) {
        Ok(names) => Some(names),
        Err(e) => {
            let text = format!("the list of extension modules cannot be read: {e}");
            target.diagnostics.push(Diagnostic::warning(DiagnosticCode::ExtensionModulesUnreadable, text));
            None
        }
    };
    Interpreter {
        id: interpreter.id,
        addr: interpreter.addr,
        main,
        frame_evaluator: None,
        gc_collecting: interpreter.gc_collecting,
        gil_locked: gil.map(|g| g.locked),
        gil_enabled,
        gil_holder: gil.and_then(|g| g.holder),
        extension_modules,
        collections: Vec::new(),
    }
}

/// CPython's loop.
const EVAL_LOOP: &str = "_PyEval_EvalFrameDefault";

/// Name and module of the function that evaluates frames in the place of CPython's loop. A function of the interpreter without
/// a name is taken for the loop, which is set there by default in old versions.
fn frame_evaluator(
    target: &Target,
    images: &Images,
    state: PythonState<'_>,
    interpreter: &PyInterpreter,
) -> Option<String> {
    let at = interpreter.eval_frame.filter(|at| !at.is_null())?;
    // Up to 3.11 the loop is set there. It is exported: a few reads tell, where the name of an address takes all symbols.
    let exported = images.at(at).map(|image| image.find_symbol(target, EVAL_LOOP, SymbolSource::Dynsym));
    if exported.is_some_and(|hits| hits.iter().any(|hit| hit.addr == at)) {
        return None;
    }
    let module = target.modules.iter().position(|m| m.contains(at));
    let symbol = images.symbol_at(target, at).map(|symbol| symbol.name);
    let place = Modules::new(target, state.located.module).place_in(module);
    if matches!(hidden_frames::role(symbol.as_deref(), place), NativeRole::Eval | NativeRole::Unnamed) {
        return None;
    }
    let name = symbol.map_or_else(|| at.to_string(), |name| demangle(&name));
    let module = module.and_then(|module| target.modules.get(module));
    Some(module.map_or_else(|| name.clone(), |module| format!("{name} in {}", module.file_name())))
}

/// What a report needs of one interpreter.
struct Interior<'a> {
    heap: Heap<'a>,
    interpreter: &'a PyInterpreter,
    gil: Option<Gil>,
    /// Names of threads by their idents.
    names: HashMap<u64, Text>,
    /// Places of its thread states in its list.
    orders: HashMap<Addr, u32>,
}

struct AllThreads<'a> {
    target: &'a Target,
    state: PythonState<'a>,
    interpreters: Vec<Interior<'a>>,
    current: Option<Addr>,
    options: &'a Options,
}

impl AllThreads<'_> {
    fn report(&self, thread: &SystemThread<'_>, stack: SystemStack) -> SeparateThread {
        let tid = thread.tid;
        let native_name = tid.and_then(|t| self.target.thread(t)).and_then(|t| t.name.clone());
        // The interpreter that made the thread has named it; for others it is their main thread, or unknown.
        let named =
            |one: &StateOfThread<'_>| self.interpreters.get(one.interpreter)?.names.get(&one.state.ident).cloned();
        let python_name = thread.states.iter().filter(|one| one.interpreter == 0).chain(&thread.states).find_map(named);
        let (name, name_from) = match (python_name, native_name) {
            (Some(name), _) => (Some(name), Some(NameFrom::Threading)),
            (None, Some(name)) => (Some(Text::from(name.as_str())), Some(NameFrom::Dump)),
            (None, None) => (None, None),
        };
        let frames_end = thread.end(self.state, &stack);
        let mut states = thread.states.iter().filter_map(|one| self.thread_state(one));
        let about = Thread {
            tid,
            name,
            name_from,
            crashed: false,
            python: states.next(),
            outer_states: states.collect(),
            frames_end,
            ..Thread::default()
        };
        let empty_loops = stack.empty_loops.clone();
        SeparateThread { about, python: self.frames(thread, stack), empty_loops }
    }

    fn thread_state(&self, found: &StateOfThread<'_>) -> Option<PythonThread> {
        let thread = found.state;
        let inside = self.interpreters.get(found.interpreter)?;
        let holds_gil = inside.gil.map(|g| g.holder == Some(thread.addr));
        let info = |addr| exceptions::exception(self.state, &inside.heap, addr, self.options);
        let is_exception = |addr: &&Addr| inside.heap.is_exception(**addr);
        Some(PythonThread {
            tstate: thread.addr,
            interpreter: inside.interpreter.id,
            order: inside.orders.get(&thread.addr).copied(),
            current: self.current == Some(thread.addr),
            ident: Some(thread.ident),
            main: is_main(self.state, found),
            holds_gil,
            status: thread.attachment,
            collecting: inside.interpreter.gc_collecting.map(|c| c && holds_gil.unwrap_or(false)),
            raising: thread.raising.map(info),
            handling: thread.handling.iter().filter(is_exception).map(|a| info(*a)).collect(),
        })
    }

    fn frames(&self, thread: &SystemThread<'_>, stack: SystemStack) -> Vec<(ReadFrame, Frame)> {
        let with_locals = self.options.limits.frames_with_locals;
        let outer_from = stack.frames.len().saturating_sub(with_locals);
        // Index 0 is the innermost thread state's.
        let several = stack.frames.iter().any(|(at, _)| *at != 0);
        let one = |(i, (at, read)): (usize, (usize, PyFrame))| {
            let inside = self.interpreters.get(thread.states.get(at)?.interpreter)?;
            let frame = frames::frame(&inside.heap, &read, self.options, i < with_locals || i >= outer_from);
            let interpreter = inside.interpreter.id;
            let frame = Frame { interpreter: several.then_some(interpreter), ..frame };
            Some((ReadFrame { interpreter, frame: read }, frame))
        };
        stack.frames.into_iter().enumerate().filter_map(one).collect()
    }
}

/// Threads without a Python thread state.
pub(super) fn add_native(target: &Target, all_known: bool, threads: &mut Vec<SeparateThread>) {
    let why = match all_known {
        true => "this thread has no Python thread state",
        false => "no Python thread state was found for this thread; it may have one that the dump does not show",
    };
    let mut known: HashSet<u64> = threads.iter().filter_map(|t| t.about.tid).collect();
    for native in &target.threads {
        if known.insert(native.tid) {
            let about = Thread {
                tid: Some(native.tid),
                name: native.name.as_deref().map(Text::from),
                name_from: native.name.as_ref().map(|_| NameFrom::Dump),
                frames_end: Some(why.to_owned()),
                ..Thread::default()
            };
            threads.push(SeparateThread { about, ..SeparateThread::default() });
        }
    }
}

/// Marks the crashed thread and puts it first; the others keep their order.
pub(super) fn order(target: &Target, threads: &mut [SeparateThread]) {
    let Some(crashed) = target.crash.as_ref().map(crate::debuggee::Crash::tid) else { return };
    for thread in threads.iter_mut() {
        thread.about.crashed = thread.about.tid == Some(crashed);
    }
    threads.sort_by_key(|t| !t.about.crashed);
}
