//! Native stacks merged into the report's threads, and the cause of death.

use super::{Inspection, Options, PythonState, exceptions};
use crate::base::{Addr, Diagnostic, DiagnosticCode, Diagnostics, first_of};
use crate::cpython::frame::namespaces;
use crate::cpython::object::DictEntries;
use crate::debuggee::{Crash, Target};
use crate::findings::{self, Facts, MachineState};
use crate::image::Images;
use crate::model::tasks::Tasks;
use crate::model::{FatalError, Finding, FrameKind, ModuleId, NativeFrame, Trust};
use crate::native::ModuleTables;
use crate::native::symbolize::{Lines, Symbolizer};
use crate::os::linux::signals::{SIGABRT, is_fault};
use crate::stack::analysis::{Analysis, AnalyzedThread, ReadFrame, SeparateThread};
use crate::stack::compiled::{self, RunBy};
use crate::stack::hidden_frames::CodePlace;
use crate::stack::methods::{CodePoint, method_names};
use crate::stack::report_frames::{Interpreter, thread_frames};
use crate::stack::{NativeStack, native_stacks};
use std::collections::{HashMap, HashSet};

/// Native frames above the innermost Python frame whose names in Python are looked for.
const METHOD_FRAMES: usize = 64;
/// Names of one module that are looked at.
const GLOBALS: usize = 10_000;
/// Threads named of those that share a doubt.
const DOUBT_THREADS: usize = 4;

/// What the native side of a process tells besides its frames.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The cause of death.
    pub findings: Vec<Finding>,
    /// What CPython said when it ended the process.
    pub fatal_error: Option<FatalError>,
    /// Registers and machine code at the crash, where asked for.
    pub machine: Option<MachineState>,
    /// The finding that a wrong reference count explains, and addresses that the crashed code had at hand.
    pub by_heap: Option<(usize, Vec<Addr>)>,
}

/// Merges the threads' stacks into `analysis`, and finds what they wait for and the cause of death.
pub(super) fn explain(
    target: &Target,
    images: &Images,
    state: Option<PythonState<'_>>,
    options: &Options,
    analysis: &mut Analysis,
    separate: Vec<SeparateThread>,
    tasks: Option<&Tasks>,
) -> Outcome {
    let runtime = state.and_then(|s| s.located.module);
    let interpreter = Interpreter::new(target, runtime);
    let lines = if options.native { Lines::All } else { Lines::Except(without_lines(target, &interpreter)) };
    let tables = ModuleTables::new(target).with_jit(images);
    let symbolizer = Symbolizer::new(target, &tables, images, lines);
    let stacks = native_stacks(target, &tables, &symbolizer, wanted(target, options));
    if target.memory.is_recording() {
        super::record::code_names(target, images, &stacks);
    }
    let doubts = merge(target, (state, &tables), &interpreter, &stacks, options, analysis, separate);
    // Where native frames are not shown their order does not matter.
    if options.native {
        doubts.tell(target);
    }
    super::lock_waits::add(target, &interpreter, state, &stacks, analysis);
    super::lock_waits::add_queues(tasks.map(|found| found.pools.as_slice()).unwrap_or_default(), analysis);
    name_methods(target, &tables, &interpreter, options.native, analysis);
    if let Some(heap) = state.and_then(|s| s.heap(0)) {
        for thread in &mut analysis.threads {
            let tid = thread.about.tid;
            let stack = || stacks.iter().find(|stack| Some(stack.tid) == tid);
            super::cython_generators::name(target, &tables, &heap, stack, &mut thread.frames);
            if let Some(stack) = stack().filter(|_| thread.crashed) {
                let of = (stack, &interpreter);
                super::bound_functions::add(target, &tables, &heap, of, options.native, &mut thread.frames);
            }
        }
    }
    // The crashed thread's innermost interpreter.
    let innermost = analysis.threads.iter().find(|t| t.crashed).and_then(|t| Some(t.python.as_ref()?.interpreter));
    let all = state.map(PythonState::interpreters).unwrap_or_default();
    let at = all.iter().position(|i| Some(i.id) == innermost).unwrap_or(0);
    let heap = state.and_then(|s| s.heap(at));
    if let (Some(state), Some(heap)) = (state, &heap)
        && let Some(interpreter) = all.get(at)
        && analysis.crash.as_ref().is_some_and(|c| c.signal == Some(SIGABRT))
    {
        analysis.printed = exceptions::last_printed(state, interpreter, heap, options);
    }
    let facts = Facts {
        target,
        images,
        stacks: &stacks,
        tables: &tables,
        interpreter: &interpreter,
        analysis,
        heap: heap.as_ref(),
        tasks,
    };
    let scene = facts.scene();
    let findings = findings::run(&facts, scene.as_ref());
    let by_heap = scene.as_ref().and_then(|scene| {
        // Of a jump to where no code is, the caller jumped.
        let mut frames = scene.frames(2).filter(|frame| frame.code.module.is_some());
        let in_interpreter = frames.next().is_some_and(|frame| frame.place == CodePlace::Interpreter);
        let at = findings::explained_by_heap(&findings, in_interpreter)?;
        Some((at, findings::candidates(scene)))
    });
    Outcome {
        by_heap,
        findings,
        fatal_error: scene.as_ref().and_then(findings::fatal_error),
        machine: scene.as_ref().filter(|_| options.machine).and_then(findings::machine_state),
    }
}

/// Each thread with its native stack, if it has one.
fn merge(
    target: &Target,
    (state, tables): (Option<PythonState<'_>>, &ModuleTables<'_>),
    interpreter: &Interpreter,
    stacks: &[NativeStack],
    options: &Options,
    analysis: &mut Analysis,
    separate: Vec<SeparateThread>,
) -> Doubts {
    let mut problems: HashMap<u64, Vec<String>> = HashMap::new();
    let threads = threads_of_stacks(&separate);
    let owners: HashMap<usize, &NativeStack> = stacks.iter().filter_map(|s| Some((*threads.get(&s.tid)?, s))).collect();
    analysis.threads = separate
        .into_iter()
        .enumerate()
        .map(|(at, thread)| match owners.get(&at) {
            None => thread.alone(),
            Some(stack) => {
                let (python_frames, shown): (Vec<_>, Vec<_>) = thread.python.into_iter().unzip();
                let globals = globals_of_compiled(state, &python_frames);
                let compiled = compiled::running(target, tables, stack, &python_frames, &globals);
                let merged = thread_frames(target, interpreter, stack, shown, &thread.empty_loops, &compiled);
                problems.insert(stack.tid, merged.problems);
                let mut about = thread.about;
                // Where native frames are not shown, how their stack ends is no news either.
                if options.native {
                    about.frames_end = end(about.frames_end.filter(|_| about.python.is_some()), merged.end);
                }
                AnalyzedThread { about, python_frames, frames: merged.frames, loops: merged.loops }
            }
        })
        .collect();
    let mut doubts = Doubts::default();
    for tid in stacks.iter().map(|stack| stack.tid) {
        problems.get(&tid).into_iter().flatten().for_each(|problem| doubts.add(problem, tid));
    }
    doubts
}

/// What runs each Python frame of a thread of the system, and the native stack that tells it; `None` where no compiled code runs.
#[must_use]
pub fn compiled_runs(inspection: &Inspection, tid: u64, frames: &[ReadFrame]) -> Option<(NativeStack, Vec<RunBy>)> {
    let (target, state) = (inspection.target(), inspection.python());
    let thread = target.thread(tid).filter(|_| frames.iter().any(|read| read.frame.compiled.is_some()))?;
    let tables = ModuleTables::new(target);
    let stack = NativeStack::of_modules(target, &tables, thread);
    let running = compiled::running(target, &tables, &stack, frames, &globals_of_compiled(state, frames));
    Some((stack, running))
}

/// What stands in the namespaces of the modules that frames of compiled code belong to.
fn globals_of_compiled(state: Option<PythonState<'_>>, frames: &[ReadFrame]) -> Vec<Addr> {
    let compiled: Vec<&ReadFrame> = frames.iter().filter(|read| read.frame.compiled.is_some()).collect();
    let mut out = Vec::new();
    let mut seen = HashSet::new();
    let Some(state) = state.filter(|_| !compiled.is_empty()) else { return out };
    for read in compiled {
        let at = state.interpreters().iter().position(|i| i.id == read.interpreter);
        let Some(heap) = at.and_then(|at| state.heap(at)) else { continue };
        let globals = namespaces(&heap.ctx, &read.frame).ok().map(|[globals, _]| globals);
        let entries = globals.filter(|at| seen.insert(*at)).and_then(|at| DictEntries::new(&heap.ctx, at).ok());
        out.extend(entries.into_iter().flatten().take(GLOBALS).filter_map(|entry| Some(entry.ok()?.1)));
    }
    out
}

/// Why a merged stack ends early.
fn end(python: Option<String>, native: Option<String>) -> Option<String> {
    match (python, native) {
        (Some(python), Some(native)) => Some(format!("{python}; native frames: {native}")),
        (None, Some(native)) => Some(format!("native frames: {native}")),
        (python, None) => python,
    }
}

/// What is doubtful of the order of frames, with the threads of which it is: a pool of threads has one doubt.
#[derive(Default)]
struct Doubts(Vec<(String, Vec<u64>)>);

impl Doubts {
    fn add(&mut self, problem: &str, tid: u64) {
        if let Some((_, tids)) = self.0.iter_mut().find(|(known, _)| known == problem) {
            tids.push(tid);
        } else if self.0.len() < Diagnostics::LIMIT {
            // More than can be told are not searched either.
            self.0.push((problem.to_owned(), vec![tid]));
        }
    }

    fn tell(&self, target: &Target) {
        for (problem, tids) in &self.0 {
            let noun = if tids.len() == 1 { "thread" } else { "threads" };
            let tids: Vec<String> = tids.iter().map(ToString::to_string).collect();
            let text = format!("{noun} {}: {problem}", first_of(&tids, DOUBT_THREADS));
            target.diagnostics.push(Diagnostic::warning(DiagnosticCode::MergePartial, text));
        }
    }
}

/// Modules whose source lines are not worth their time where native frames are not shown: a finding may name a function
/// of the interpreter or of the C run time, but the defect is on no line of theirs. (libc's separate debug file alone
/// takes longer to unpack than all the rest of a report.)
fn without_lines(target: &Target, interpreter: &Interpreter) -> HashSet<usize> {
    let run_time = target.modules.iter().enumerate().filter(|(_, m)| findings::is_run_time(m.file_name()));
    interpreter.modules().chain(run_time.map(|(index, _)| index)).collect()
}

/// Adds what Python calls the functions above the innermost Python frame of the crashed thread; of those that have no other
/// name, unless `all`. Functions of the interpreter have names where its file or symbols are available.
fn name_methods(
    target: &Target,
    tables: &ModuleTables<'_>,
    interpreter: &Interpreter,
    all: bool,
    analysis: &mut Analysis,
) {
    let Some(thread) = analysis.threads.iter_mut().find(|t| t.crashed) else { return };
    let native = thread.frames.iter_mut().take_while(|f| f.kind == FrameKind::Native).take(METHOD_FRAMES);
    let asked = |(unnamed, frame): &(bool, &mut NativeFrame)| {
        let module = frame.module_id.map(ModuleId::index);
        let own = module.is_some_and(|m| interpreter.holds(m));
        !frame.inlined && (all || *unnamed) && module.is_some() && if own { *unnamed } else { !frame.plumbing }
    };
    let frames = native.filter_map(|f| f.native.as_mut().map(|native| (f.function.is_none(), native))).filter(asked);
    let frames: Vec<&mut NativeFrame> = frames.map(|(_, frame)| frame).collect();
    let places: Vec<CodePoint> =
        frames.iter().map(|f| CodePoint { ip: f.ip, return_address: f.trust != Some(Trust::Context) }).collect();
    for (frame, name) in frames.into_iter().zip(method_names(target, tables, &places)) {
        frame.method = name;
        // What has a name is not an unknown part of the interpreter.
        frame.plumbing &= frame.method.is_none();
    }
}

/// The only thread to unwind, or `None` for all: when native frames are shown, and when nothing but a signal from
/// outside ended the process, so that what the threads were waiting for may be the cause. (Cores of qemu do not say who sent a signal.)
fn wanted(target: &Target, options: &Options) -> Option<u64> {
    match &target.crash {
        Some(Crash::Signal { tid, info }) if !options.native && info.sender_pid.is_none() => {
            (info.code.is_some() || is_fault(info.number)).then_some(*tid)
        }
        Some(Crash::Exception { .. }) | Some(Crash::Signal { .. }) | None => None,
    }
}

/// Which thread the native stack of each of the system's threads belongs to: of thread states of one interpreter in one thread, to
/// the one that runs, else to one that has frames, else to the first.
fn threads_of_stacks(threads: &[SeparateThread]) -> HashMap<u64, usize> {
    let rank = |t: &SeparateThread| {
        let current = t.about.states().any(|p| p.current);
        if current { 0 } else { 1 + u8::from(t.python.is_empty()) }
    };
    let mut best: HashMap<u64, (u8, usize)> = HashMap::new();
    for (at, thread) in threads.iter().enumerate() {
        let Some(tid) = thread.about.tid else { continue };
        let own = (rank(thread), at);
        best.entry(tid).and_modify(|known| *known = own.min(*known)).or_insert(own);
    }
    best.into_iter().map(|(tid, (_, at))| (tid, at)).collect()
}
