//! [`SystemThread`]: a thread of the operating system with all thread states that it works in.
//!
//! A thread has a thread state in each interpreter that it has entered, and their frames lie between each other on its one
//! C stack. CPython records the thread that made a thread state; until 3.12 another one may run it (`run_string` of
//! `_xxsubinterpreters` takes any of an interpreter's). So where there are several interpreters the C stack tells which
//! thread runs which frames, and in which order: by what the evaluation loops keep there (3.10+), before that by which native
//! frames hold the frame objects.

use super::{PythonState, PythonThread};
use crate::base::Addr;
use crate::cpython::frame::{PyFrame, Stack, StackEnd, interleave};
use crate::cpython::runtime::{self, Attachment};
use crate::debuggee::{NativeThread, Target};
use crate::native::ModuleTables;
use crate::native::unwind::Unwinder;
use crate::stack::frame_words;
use std::collections::{HashMap, HashSet};

/// Threads whose native stacks are searched for frame objects.
const MAX_SEARCHED: usize = 256;
/// The id of the main interpreter (Python/pystate.c).
const MAIN: i64 = 0;
/// No stack is larger, but for those that programs ask for.
const MAX_STACK: u64 = 64 << 20;
/// Bytes of one native frame that are searched.
const MAX_FRAME: u64 = 1 << 16;

/// A thread of the operating system that Python knows.
#[derive(Clone, Debug)]
pub struct SystemThread<'a> {
    /// The system's id, where it is known.
    pub tid: Option<u64>,
    /// Its thread states, that of the innermost interpreter first; at least one, and at most one in each interpreter.
    pub states: Vec<PythonThread<'a>>,
    /// Where frames lie on its native stack, of which nothing else tells it.
    places: Option<&'a HashMap<Addr, u64>>,
}

/// Frames of a thread.
#[derive(Debug, Default)]
pub struct SystemStack {
    /// Innermost first, each with the index of its thread state among the thread's.
    pub frames: Vec<(usize, PyFrame)>,
    /// For thread states whose frames are not all here, why.
    pub ends: Vec<(usize, StackEnd)>,
    /// Places on the C stack of evaluation loops that run no frame.
    pub empty_loops: Vec<Addr>,
}

/// What [`SystemThread`] is made of: places in the list of all thread states.
#[derive(Debug, Default)]
pub(super) struct Joined {
    threads: Vec<(Option<u64>, Vec<usize>)>,
    places: HashMap<Addr, u64>,
}

impl<'a> SystemThread<'a> {
    /// The thread state whose code runs, or ran last.
    #[must_use]
    pub fn innermost(&self) -> Option<PythonThread<'a>> {
        self.states.first().copied()
    }

    /// Why the frames of a stack of it end early.
    #[must_use]
    pub fn end(&self, state: PythonState<'_>, stack: &SystemStack) -> Option<String> {
        let one = |(at, end): &(usize, StackEnd)| {
            let thread = self.states.get(*at)?;
            let id = state.interpreters().get(thread.interpreter)?.id;
            Some(if self.states.len() == 1 { end.to_string() } else { format!("in interpreter {id}: {end}") })
        };
        let all: Vec<String> = stack.ends.iter().filter_map(one).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

impl<'a> PythonState<'a> {
    /// Threads of the system that Python knows, in the order of the main interpreter's thread states.
    #[must_use]
    pub fn system_threads(self) -> Vec<SystemThread<'a>> {
        let states = self.threads();
        let joined = self.joined();
        let one = |(tid, places): &(Option<u64>, Vec<usize>)| SystemThread {
            tid: *tid,
            states: places.iter().filter_map(|at| states.get(*at).copied()).collect(),
            places: Some(&joined.places),
        };
        joined.threads.iter().map(one).collect()
    }

    /// The thread of the system of that id, if Python knows it.
    #[must_use]
    pub fn system_thread(self, tid: u64) -> Option<SystemThread<'a>> {
        if self.interpreters().len() > 1 {
            return self.system_threads().into_iter().find(|thread| thread.tid == Some(tid));
        }
        // What costs no reads first: a debugger's link is slow.
        let states = self.threads();
        let told = states.iter().find(|state| self.told_tid(state) == Some(tid));
        let found = told.or_else(|| states.iter().find(|state| self.tid(state) == Some(tid)))?;
        Some(SystemThread { tid: Some(tid), states: vec![*found], places: None })
    }

    /// The main thread: the list of the main interpreter's thread states ends with the oldest.
    #[must_use]
    pub fn main_thread(self) -> Option<SystemThread<'a>> {
        let of_main = |thread: &SystemThread<'_>| thread.states.iter().any(|state| self.is_of_main(state));
        self.system_threads().into_iter().rev().find(of_main)
    }

    /// At most so many of the innermost Python frames of each of a thread's thread states.
    #[must_use]
    pub fn system_stack(self, thread: &SystemThread<'_>, most: u64) -> SystemStack {
        let mut out = SystemStack::default();
        let mut stacks = Vec::new();
        for (at, one) in thread.states.iter().enumerate() {
            let Stack { frames, end, empty_loops } = self.stack_within(one, most);
            out.empty_loops.extend(empty_loops);
            out.ends.extend(end.map(|end| (at, end)));
            stacks.push(frames);
        }
        out.frames = interleave(stacks, |frame| place(frame, thread.places));
        out
    }

    /// Which thread states belong together.
    pub(super) fn join(self, target: &Target) -> Joined {
        let states = self.threads();
        let of_main = |state: &PythonThread<'_>| self.is_of_main(state);
        if self.interpreters().len() < 2 && states.iter().all(of_main) {
            let threads = states.iter().enumerate().map(|(at, state)| (self.tid(state), vec![at])).collect();
            return Joined { threads, places: HashMap::new() };
        }
        let stacks: Vec<Vec<PyFrame>> = states.iter().map(|state| self.stack(state).frames).collect();
        let mut search = Search::new(target, &stacks);
        for (state, frames) in states.iter().zip(&stacks).filter(|(state, _)| of_main(state)) {
            let tid = self.tid(state);
            search.known.extend(frames.iter().filter_map(|frame| Some((frame.entry_sp?, tid?))));
        }
        let main_first = {
            let mut order: Vec<usize> = (0..states.len()).collect();
            order.sort_by_key(|at| states.get(*at).is_none_or(|state| !of_main(state)));
            order
        };
        let mut threads: Vec<(Option<u64>, Vec<usize>)> = Vec::new();
        let mut by_tid: HashMap<u64, Vec<usize>> = HashMap::new();
        for at in main_first {
            let (Some(state), Some(frames)) = (states.get(at), stacks.get(at)) else { continue };
            let told = self.tid(state);
            let tid = match search.runner(frames, told) {
                _ if of_main(state) => told,
                None if search.is_gone(frames) => None,
                runner => runner.or(told),
            };
            let same = |place: &usize| {
                let own = threads.get(*place).map(|(_, of)| of.as_slice()).unwrap_or_default();
                own.iter().all(|other| states.get(*other).is_none_or(|o| o.interpreter != state.interpreter))
            };
            let known = tid.and_then(|tid| by_tid.get(&tid)?.iter().copied().find(same));
            match known.and_then(|place| threads.get_mut(place)) {
                Some((_, own)) => own.push(at),
                None => {
                    tid.into_iter().for_each(|tid| by_tid.entry(tid).or_default().push(threads.len()));
                    threads.push((tid, vec![at]));
                }
            }
        }
        let several = threads.iter().filter(|(_, own)| own.len() > 1);
        let tids: Vec<u64> = several.filter_map(|(tid, _)| *tid).collect();
        let places = search.places(&tids);
        for (_, own) in threads.iter_mut().filter(|(_, own)| own.len() > 1) {
            let key = |at: &usize| {
                let active = states.get(*at).is_some_and(|state| self.is_active(state));
                let frames = stacks.get(*at).map(Vec::as_slice).unwrap_or_default();
                let innermost = frames.iter().find(|f| f.entry).and_then(|frame| place(frame, Some(&places)));
                // One that was made later was entered from one that was there.
                (!active, frames.is_empty(), innermost.unwrap_or(u64::MAX), std::cmp::Reverse(*at))
            };
            own.sort_by_cached_key(key);
        }
        Joined { threads, places }
    }

    /// Whether a thread state is of the main interpreter. The list's first need not be it: others are left at the end of a process
    /// whose threads ended with the main interpreter.
    pub(super) fn is_of_main(self, thread: &PythonThread<'_>) -> bool {
        self.interpreters().get(thread.interpreter).is_some_and(|interpreter| interpreter.id == MAIN)
    }

    /// Whether the thread state is the one that runs now: it is attached (3.13+) or has the GIL.
    fn is_active(self, thread: &PythonThread<'_>) -> bool {
        let interpreter = self.interpreters().get(thread.interpreter);
        let gil = || runtime::gil(&self.context(), self.located.runtime, interpreter?.addr).ok().flatten();
        match thread.state.attachment {
            Some(attachment) => attachment == Attachment::Attached,
            None => gil().and_then(|gil| gil.holder) == Some(thread.state.addr),
        }
    }
}

/// Where on the C stack the evaluation loop of a frame is, from the innermost outwards.
fn place(frame: &PyFrame, places: Option<&HashMap<Addr, u64>>) -> Option<u64> {
    frame.entry_sp.map(|at| at.0).or_else(|| places?.get(&frame.addr).copied())
}

/// Finds the threads that run frames.
struct Search<'a> {
    target: &'a Target,
    /// Frames of which nothing but the native stacks tells where they are.
    wanted: HashSet<Addr>,
    /// Places on the C stack of which the thread is known: of frames of the main interpreter.
    known: Vec<(Addr, u64)>,
    /// For each thread that was searched the frames it holds, with the outermost native frame that does.
    searched: HashMap<u64, HashMap<Addr, u64>>,
}

impl<'a> Search<'a> {
    fn new(target: &'a Target, stacks: &[Vec<PyFrame>]) -> Self {
        let unplaced = stacks.iter().flatten().filter(|frame| frame.entry && frame.entry_sp.is_none());
        let wanted = unplaced.map(|frame| frame.addr).collect();
        Search { target, wanted, known: Vec::new(), searched: HashMap::new() }
    }

    /// The thread on whose C stack frames are; `None` where that is not known.
    fn runner(&mut self, frames: &[PyFrame], told: Option<u64>) -> Option<u64> {
        if let Some(at) = frames.iter().find_map(|frame| frame.entry_sp) {
            return self.owner(at);
        }
        let innermost = frames.iter().find(|frame| frame.entry)?.addr;
        let others = self.target.threads.iter().map(|thread| thread.tid).take(MAX_SEARCHED);
        let mut all = told.into_iter().chain(others);
        all.find(|tid| self.holds(*tid).contains_key(&innermost))
    }

    /// Whether the thread that ran the frames has ended, with them on its stack (daemon threads end so when the process does): that
    /// stack is there, and no thread is on it.
    fn is_gone(&self, frames: &[PyFrame]) -> bool {
        let place = frames.iter().find_map(|frame| frame.entry_sp);
        let Some(stack) = place.and_then(|at| self.target.memory.segment_at(at)) else { return false };
        let sp = |thread: &NativeThread| thread.registers.as_ref()?.sp();
        self.target.threads.iter().all(|thread| sp(thread).is_some_and(|sp| sp < stack.start || sp >= stack.end()))
    }

    /// The thread whose stack an address is on: that with the nearest stack pointer below it. The C library's structure of a
    /// thread is at the outer end of the thread's stack (not of the first thread's): it ends the search for other threads,
    /// and tells the thread whose signal handler runs on a stack of its own. Of the first thread a place further out does.
    fn owner(&self, at: Addr) -> Option<u64> {
        let threads = &self.target.threads;
        let near = |low: Addr, high: Addr| high.distance_from(low).is_some_and(|distance| distance < MAX_STACK);
        let mapping = self.target.memory.segment_at(at);
        let sp = |thread: &NativeThread| {
            let sp = thread.registers.as_ref()?.sp().filter(|sp| *sp <= at)?;
            let ended = threads.iter().filter_map(|other| other.tls_base).any(|tls| sp < tls && tls <= at);
            let together = mapping.is_some_and(|mapping| mapping.start <= sp);
            // (A slim dump has no whole mappings.)
            let sure = together || (thread.tls_base.is_some() && near(sp, at));
            (sure && !ended).then_some((sp, thread.tid))
        };
        let first = |thread: &NativeThread| self.target.process.pid == Some(thread.tid);
        let end = |thread: &NativeThread| {
            let tls = thread.tls_base.filter(|tls| !first(thread) && near(at, *tls));
            Some((tls?, thread.tid))
        };
        let by_sp = threads.iter().filter_map(sp).max();
        let outer = || self.known.iter().filter(|(place, _)| near(at, *place)).min().copied();
        by_sp.or_else(|| threads.iter().filter_map(end).min()).or_else(outer).map(|(_, tid)| tid)
    }

    /// For each wanted frame the outermost native frame of a thread that holds it: the loop that runs it or the caller, which
    /// has made it. (What is further out has not seen it.)
    fn holds(&mut self, tid: u64) -> &HashMap<Addr, u64> {
        let (target, wanted) = (self.target, &self.wanted);
        self.searched.entry(tid).or_insert_with(|| {
            let mut found = HashMap::new();
            let Some(registers) = target.thread(tid).and_then(|thread| thread.registers.as_ref()) else { return found };
            let tables = ModuleTables::new(target);
            let unwound = Unwinder::new(target, &tables).unwind(Some(registers));
            let all = std::iter::once((0, registers)).chain(unwound.signals.iter().map(|s| (s.frame, &s.registers)));
            let all: Vec<_> = all.collect();
            for (at, frame) in unwound.frames.iter().enumerate() {
                let of_frame = all.iter().filter(|(place, _)| *place == at);
                let in_registers =
                    of_frame.flat_map(|(_, registers)| registers.values.iter().map(|(_, value)| Addr(*value)));
                let here =
                    in_registers.chain(frame_words(target, frame, MAX_FRAME)).filter(|word| wanted.contains(word));
                found.extend(here.map(|word| (word, at as u64)));
            }
            found
        })
    }

    /// Places of the frames of threads that work in several interpreters.
    fn places(&mut self, tids: &[u64]) -> HashMap<Addr, u64> {
        if self.wanted.is_empty() {
            return HashMap::new();
        }
        let mut out = HashMap::new();
        for tid in tids.iter().take(MAX_SEARCHED) {
            out.extend(self.holds(*tid));
        }
        out
    }
}
