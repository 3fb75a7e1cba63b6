//! Native stacks merged into the report's threads, and the cause of death.

use super::{Options, PythonState};
use crate::base::{Diagnostic, DiagnosticCode, first_of};
use crate::debuggee::{Crash, Target};
use crate::findings::{self, Facts};
use crate::image::Images;
use crate::model::{FrameKind, ModuleId, NativeFrame, Report, Thread, Trust};
use crate::native::ModuleTables;
use crate::native::symbolize::{Lines, Symbolizer};
use crate::stack::methods::{CodePoint, method_names};
use crate::stack::report_frames::{Interpreter, PythonEntry, ThreadFrames, thread_frames};
use crate::stack::{NativeStack, native_stacks};
use std::collections::HashSet;

/// Native frames above the innermost Python frame whose names in Python are looked for.
const METHOD_FRAMES: usize = 64;
/// Threads named of those that share a doubt.
const DOUBT_THREADS: usize = 4;

/// Adds native frames (where asked for), findings and machine state to a report whose Python side is done.
pub(super) fn add(
    target: &Target,
    images: &Images,
    state: Option<PythonState<'_>>,
    options: &Options,
    report: &mut Report,
) {
    let runtime = state.and_then(|s| s.located.module);
    let interpreter = Interpreter::new(target, runtime);
    let lines = if options.native { Lines::All } else { Lines::Except(without_lines(target, &interpreter)) };
    let symbolizer = Symbolizer::new(target, images, lines);
    let tables = ModuleTables::new(target);
    let stacks = native_stacks(target, &tables, &symbolizer, wanted(target, options));
    let mut doubts = Doubts::default();
    for stack in &stacks {
        let Some(thread) = thread_of(&mut report.threads, stack) else { continue };
        let python = std::mem::take(&mut thread.frames);
        let entries = python.into_iter().map(PythonEntry::from).collect();
        let merged = thread_frames(target, &interpreter, stack, entries);
        merged.problems.iter().for_each(|problem| doubts.add(problem, stack.tid));
        put(thread, merged, options.native);
    }
    // Where native frames are not shown their order does not matter.
    if options.native {
        doubts.tell(target);
    }
    super::lock_waits::add(target, &interpreter, state, &stacks, report);
    name_methods(target, &tables, &interpreter, options.native, report);
    let heap = state.and_then(|s| s.heap(0));
    let facts = Facts {
        target,
        images,
        stacks: &stacks,
        tables: &tables,
        interpreter: &interpreter,
        report,
        heap: heap.as_ref(),
    };
    let findings = findings::run(&facts);
    let machine = findings::machine_state(&facts);
    report.findings = findings;
    if let Some(machine) = machine.filter(|_| options.machine)
        && let Some(thread) = report.threads.iter_mut().find(|t| t.tid == Some(machine.tid))
    {
        thread.registers = Some(machine.registers);
        thread.code = Some(machine.code);
    }
    if !options.native {
        report.threads.iter_mut().for_each(|t| t.frames.retain(|f| f.kind == FrameKind::Python));
    }
}

/// What is doubtful of the order of frames, with the threads of which it is: a pool of threads has one doubt.
#[derive(Default)]
struct Doubts(Vec<(String, Vec<u64>)>);

impl Doubts {
    fn add(&mut self, problem: &str, tid: u64) {
        match self.0.iter_mut().find(|(known, _)| known == problem) {
            Some((_, tids)) => tids.push(tid),
            None => self.0.push((problem.to_owned(), vec![tid])),
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
/// name, unless `all`. Functions of the interpreter have names where its file or symbols are at hand.
fn name_methods(target: &Target, tables: &ModuleTables<'_>, interpreter: &Interpreter, all: bool, report: &mut Report) {
    let Some(thread) = report.threads.iter_mut().find(|t| t.crashed) else { return };
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
        // What has a name is no unknown part of the interpreter.
        frame.plumbing &= frame.method.is_none();
    }
}

/// The only thread to unwind, or `None` for all: when native frames are shown, and when nothing but a signal from
/// outside ended the process, so that what the threads were waiting for may be the cause.
fn wanted(target: &Target, options: &Options) -> Option<u64> {
    match &target.crash {
        Some(Crash::Signal { tid, info }) if !options.native && info.sender_pid.is_none() => Some(*tid),
        _ => None,
    }
}

/// A thread may have a thread state in several interpreters; the native stack belongs to the one that runs.
fn thread_of<'t>(threads: &'t mut [Thread], stack: &NativeStack) -> Option<&'t mut Thread> {
    let of_stack = |t: &Thread| t.tid == Some(stack.tid);
    let current = threads.iter().position(|t| of_stack(t) && t.python.as_ref().is_some_and(|p| p.current));
    let running = threads.iter().position(|t| of_stack(t) && !t.frames.is_empty());
    let at = current.or(running).or_else(|| threads.iter().position(of_stack))?;
    threads.get_mut(at)
}

/// Where native frames are not shown, how their stack ends is no news either.
fn put(thread: &mut Thread, merged: ThreadFrames, shown: bool) {
    thread.frames = merged.frames;
    if !shown {
        return;
    }
    let native_only = thread.python.is_none();
    thread.frames_end = match (thread.frames_end.take().filter(|_| !native_only), merged.end) {
        (Some(python), Some(native)) => Some(format!("{python}; native frames: {native}")),
        (None, Some(native)) => Some(format!("native frames: {native}")),
        (python, None) => python,
    };
}
