//! Threads of a report: CPython's thread states joined with the operating system's threads.

use super::{Options, PythonState, PythonThread as StateOfThread, exceptions, values};
use crate::base::{Addr, Diagnostic, DiagnosticCode, Text};
use crate::cpython::frame::{PyFrame, Stack};
use crate::cpython::object::Heap;
use crate::cpython::runtime::{self, Gil, Interpreter as PyInterpreter};
use crate::debuggee::Target;
use crate::model::{Frame, FrameKind, Interpreter, NameFrom, PythonThread, Thread};
use crate::stack::analysis::SeparateThread;
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
pub(super) fn python_threads(target: &Target, state: PythonState<'_>, options: &Options) -> PythonThreads {
    let list = state.interpreters();
    if list.is_empty() {
        target.diagnostics.push(Diagnostic::warning(
            DiagnosticCode::NoInterpreter,
            "the CPython runtime has no interpreter: it was not initialised yet, or finalised",
        ));
    }
    let mut out = PythonThreads { complete: true, ..PythonThreads::default() };
    let mut bound = Vec::new();
    for (index, (interpreter, heap)) in state.heaps().enumerate() {
        let gil = runtime::gil(&heap.ctx, state.located.runtime, interpreter.addr).unwrap_or(None);
        out.interpreters.push(describe(target, &heap, interpreter, index == 0, gil));
        let names = runtime::thread_names(&heap, interpreter).unwrap_or_default();
        out.complete &= state.thread_states(index).is_some_and(|found| found.listed.complete);
        for (order, thread) in state.threads().into_iter().filter(|t| t.interpreter == index).enumerate() {
            let order = u32::try_from(order).ok().filter(|_| thread.listed);
            // The list ends with the oldest thread.
            let main = if index == 0 { thread.state.next.map(Addr::is_null) } else { Some(false) };
            let one = OneThread { target, state, heap: &heap, interpreter, gil, names: &names, options };
            out.threads.push(one.report(&thread, order, main));
            bound.push(thread.state.bound_gilstate);
        }
    }
    mark_current(target, &mut out.threads, &bound);
    // One that no thread has run yet has no id (3.12+).
    let tied = |t: &SeparateThread| t.about.tid.is_some() || t.about.python.as_ref().is_none_or(|p| p.ident == Some(0));
    out.complete &= out.threads.iter().all(tied);
    out
}

/// Marks the thread state that `PyGILState_GetThisThreadState()` gives in the crashed thread. One thread may have a
/// thread state in each of several interpreters; 3.12+ says which is bound, before that it is the one made first.
fn mark_current(target: &Target, threads: &mut [SeparateThread], bound: &[Option<bool>]) {
    let Some(crashed) = target.crash.as_ref().map(crate::debuggee::Crash::tid) else { return };
    let mut best: Option<(u8, usize)> = None;
    for (index, (thread, bound)) in threads.iter().zip(bound).enumerate() {
        let thread = &thread.about;
        if thread.tid != Some(crashed) {
            continue;
        }
        let main = thread.python.as_ref().is_some_and(|p| p.main == Some(true));
        let rank = match bound {
            Some(true) => 2,
            None if main => 1,
            _ => 0,
        };
        if best.is_none_or(|(top, _)| rank > top) {
            best = Some((rank, index));
        }
    }
    if let Some(python) = best.and_then(|(_, index)| threads.get_mut(index)).and_then(|t| t.about.python.as_mut()) {
        python.current = true;
    }
}

fn describe(
    target: &Target,
    heap: &Heap<'_>,
    interpreter: &PyInterpreter,
    main: bool,
    gil: Option<Gil>,
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
        gc_collecting: interpreter.gc_collecting,
        gil_locked: gil.map(|g| g.locked),
        gil_enabled: None,
        gil_holder: gil.and_then(|g| g.holder),
        extension_modules,
    }
}

struct OneThread<'a> {
    target: &'a Target,
    state: PythonState<'a>,
    heap: &'a Heap<'a>,
    interpreter: &'a PyInterpreter,
    gil: Option<Gil>,
    names: &'a HashMap<u64, Text>,
    options: &'a Options,
}

impl OneThread<'_> {
    fn report(&self, found: &StateOfThread<'_>, order: Option<u32>, main: Option<bool>) -> SeparateThread {
        let (tid, thread) = (self.state.tid(found), found.state);
        let native_name = tid.and_then(|t| self.target.thread(t)).and_then(|t| t.name.clone());
        let python_name = self.names.get(&thread.ident).cloned();
        let (name, name_from) = match (python_name, native_name) {
            (Some(name), _) => (Some(name), Some(NameFrom::Threading)),
            (None, Some(name)) => (Some(Text::from(name.as_str())), Some(NameFrom::Dump)),
            (None, None) => (None, None),
        };
        let stack = self.state.stack(found);
        let holds_gil = self.gil.map(|g| g.holder == Some(thread.addr));
        let info = |addr| exceptions::exception(self.state, self.heap, addr, self.options);
        let about = Thread {
            tid,
            name,
            name_from,
            crashed: false,
            python: Some(PythonThread {
                tstate: thread.addr,
                interpreter: self.interpreter.id,
                order,
                current: false,
                ident: Some(thread.ident),
                main,
                holds_gil,
                status: thread.attachment,
                collecting: self.interpreter.gc_collecting.map(|c| c && holds_gil.unwrap_or(false)),
                raising: thread.raising.map(info),
                handling: thread.handling.iter().filter(|a| self.heap.is_exception(**a)).map(|a| info(*a)).collect(),
            }),
            frames_end: stack.end.as_ref().map(ToString::to_string),
            ..Thread::default()
        };
        SeparateThread { about, python: self.frames(stack) }
    }

    fn frames(&self, stack: Stack) -> Vec<(PyFrame, Frame)> {
        let with_locals = self.options.limits.frames_with_locals;
        let outer_from = stack.frames.len().saturating_sub(with_locals);
        let one = |(i, read): (usize, PyFrame)| {
            let frame = self.frame(&read, i < with_locals || i >= outer_from);
            (read, frame)
        };
        stack.frames.into_iter().enumerate().map(one).collect()
    }

    fn frame(&self, frame: &PyFrame, with_locals: bool) -> Frame {
        let mut problems = Vec::new();
        if let Some(why) = &frame.gap {
            problems.push(format!(
                "found on the data stack; generators that ran above it may be missing, as the link is lost ({why})"
            ));
        }
        let code = frame.code.as_ref().map_err(|e| problems.push(format!("code object: {e}"))).ok();
        let text = |read: Result<Text, crate::cpython::DecodeError>, what: &str, problems: &mut Vec<String>| {
            read.map_err(|e| problems.push(format!("{what}: {e}"))).ok()
        };
        let file = code.and_then(|c| text(c.filename.clone(), "file name", &mut problems));
        let function = code.and_then(|c| text(c.name.clone(), "function name", &mut problems));
        let qualname = code.and_then(|c| c.qualname.clone()?.ok());
        let position = match &frame.position {
            Ok(position) => *position,
            Err(e) => {
                if code.is_some() {
                    problems.push(format!("line: {e}"));
                }
                Default::default()
            }
        };
        let locals = match self.options.locals && with_locals && code.is_some() {
            true => values::locals(self.heap, frame, self.options, &mut problems),
            false => None,
        };
        Frame {
            kind: FrameKind::Python,
            file,
            line: position.line,
            end_line: position.end_line,
            column: position.column,
            end_column: position.end_column,
            function,
            qualname,
            source: None,
            addr: Some(frame.addr),
            code: code.map(|c| c.addr),
            lasti: frame.lasti.as_ref().ok().copied(),
            owner: Some(frame.owner),
            locals_left_out: self.options.locals && !with_locals,
            entry: Some(frame.entry),
            entry_sp: frame.entry_sp,
            locals,
            problems,
            native: None,
        }
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
            threads.push(SeparateThread { about, python: Vec::new() });
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
