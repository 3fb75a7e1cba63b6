//! What each sleeping thread waits for, and who has it.

use super::PythonState;
use super::native_waits::native_wait;
use crate::base::Addr;
use crate::cpython::frame::PyFrame;
use crate::cpython::object::{Heap, Kind, find_attribute};
use crate::cpython::runtime::{Interpreter as PyInterpreter, gil_address};
use crate::cpython::sync::{Asleep, Blocker, blocker, ends_with, entered, makes_result};
use crate::debuggee::{Registers, Target};
use crate::findings::is_run_time;
use crate::model::tasks::Pool;
use crate::model::{FrameKind, OwnerFrom, RuntimeState, Wait, WaitKind};
use crate::native::futex::FutexWait;
use crate::native::symbolize::Symbolized;
use crate::native::system_calls::{awaited_child, futex_wait, sleeping_call};
use crate::stack::NativeStack;
use crate::stack::analysis::{Analysis, AnalyzedThread, ReadFrame};
use crate::stack::hidden_frames::CodePlace;
use crate::stack::report_frames::Interpreter;
use crate::tasks::Jobs;
use std::collections::HashMap;

/// Threads that are examined; more of them sleep for the same few reasons.
const MAX_THREADS: usize = 4096;
/// Frames of a thread, from the innermost, that may have made the call that sleeps.
const NEAR_FRAMES: usize = 6;
/// Frames of a thread that are searched for `with` blocks.
const MAX_FRAMES: usize = 512;
/// Native frames between the kernel and the function that a thread sleeps in.
const MAX_NATIVE: usize = 12;
/// Functions in which threads wait for the GIL, exported or not (Python/ceval_gil.c, ceval.c, pystate.c).
const GIL_TAKERS: &[&str] = &[
    "PyEval_AcquireThread",
    "PyEval_RestoreThread",
    "PyGILState_Ensure",
    "_PyEval_AcquireLock",
    "_PyThreadState_Attach",
    "take_gil",
];

/// Adds to each thread of the report what it waits for. Native stacks tell more, where there are any.
pub(super) fn add(
    target: &Target,
    interpreter: &Interpreter,
    state: Option<PythonState<'_>>,
    stacks: &[NativeStack],
    analysis: &mut Analysis,
) {
    let heaps: Vec<(&PyInterpreter, Heap<'_>)> = state.map(|s| s.heaps().collect()).unwrap_or_default();
    let known = Known {
        target,
        interpreter,
        state,
        heaps: &heaps,
        idents: idents(target, analysis),
        all: analysis.knows_all_thread_states(),
    };
    let waits: Vec<Option<Wait>> =
        analysis.threads.iter().take(MAX_THREADS).map(|t| known.wait(t, stacks, analysis)).collect();
    let holders = match waits.iter().flatten().any(|w| w.kind == WaitKind::Lock) {
        true => known.holders(&analysis.threads, &waits),
        false => HashMap::new(),
    };
    for (thread, wait) in analysis.threads.iter_mut().zip(waits) {
        thread.about.waits_for = wait.map(|wait| with_holder(wait, &holders));
    }
}

/// Adds to what threads wait for in which pool the job is whose result they want.
pub(super) fn add_queues(pools: &[Pool], analysis: &mut Analysis) {
    let jobs = Jobs::of(pools);
    let waits = analysis.threads.iter_mut().filter_map(|thread| thread.about.waits_for.as_mut());
    for wait in waits.filter(|wait| wait.kind == WaitKind::Result && wait.owner.is_none()) {
        if let Some(told) = wait.addr.and_then(|future| jobs.tell(future)) {
            wait.what.push_str(": ");
            wait.what.push_str(&told);
        }
    }
}

/// Thread ids by `threading.get_ident()`, which is the thread's base of local storage (`pthread_self` of glibc and musl, x86-64)
/// for threads without a thread state too.
fn idents(target: &Target, analysis: &Analysis) -> HashMap<u64, u64> {
    let native = target.threads.iter().filter_map(|t| Some((t.tls_base?.0, t.tid)));
    let python = analysis.threads.iter().flat_map(|t| t.states().filter_map(|p| Some((p.ident?, t.tid?))));
    native.chain(python).collect()
}

/// The thread that is inside of a `with` block on a lock, if it is one thread only, and where.
type Holders = HashMap<Addr, Option<(u64, String)>>;

fn with_holder(mut wait: Wait, holders: &Holders) -> Wait {
    if wait.kind == WaitKind::Lock
        && let Some(Some((tid, place))) = wait.addr.and_then(|lock| holders.get(&lock))
    {
        wait.owner = Some(*tid);
        wait.owner_from = Some(OwnerFrom::With);
        wait.owner_at = Some(place.clone());
    }
    wait
}

struct Known<'a> {
    target: &'a Target,
    interpreter: &'a Interpreter,
    state: Option<PythonState<'a>>,
    heaps: &'a [(&'a PyInterpreter, Heap<'a>)],
    idents: HashMap<u64, u64>,
    /// Whether a thread that is not among them is none of the process.
    all: bool,
}

impl Known<'_> {
    fn wait(&self, thread: &AnalyzedThread, stacks: &[NativeStack], analysis: &Analysis) -> Option<Wait> {
        let stack = stacks.iter().find(|s| Some(s.tid) == thread.tid);
        let native = self.target.thread(thread.tid?)?;
        let stopped = native.registers.as_ref()?;
        // A handler that ran while the thread slept (faulthandler, say) does not change what it waits for.
        let interrupted = stack.and_then(|s| s.unwound.signals.last());
        let registers = interrupted.map_or(stopped, |s| &s.registers);
        let from = interrupted.map_or(0, |s| s.frame);
        let futex = futex_wait(registers, &self.target.memory, &self.target.abi);
        let by_python = futex.and_then(|futex| self.by_python(thread, &futex, registers, &analysis.threads));
        by_python
            .or_else(|| self.for_gil(thread, stack?, from, analysis))
            .or_else(|| self.for_ever(registers, stack?, from, analysis))
            .or_else(|| native_wait(self.target, stacks, stack?, from, &futex?))
            .or_else(|| child_wait(registers, self.target))
            .map(|wait| self.with_gil_holder(wait, thread, analysis))
    }

    /// Waits for what Python knows of.
    fn by_python(
        &self,
        thread: &AnalyzedThread,
        futex: &FutexWait,
        registers: &Registers,
        threads: &[AnalyzedThread],
    ) -> Option<Wait> {
        let state = self.state?;
        // A thread that Python does not know may still wait for the main interpreter's GIL.
        let id = thread.python.as_ref().map(|p| p.interpreter);
        let (interpreter, heap) = self
            .heaps
            .iter()
            .find(|(i, _)| id == Some(i.id))
            .or_else(|| self.heaps.first().filter(|_| id.is_none()))?;
        // What another interpreter's frames called is no call of this one.
        let near = thread.python_frames.iter().take(NEAR_FRAMES).take_while(|read| id == Some(read.interpreter));
        let frames: Vec<PyFrame> = near.map(|read| read.frame.clone()).collect();
        let values: Vec<u64> = preserved(registers);
        let asleep = Asleep {
            word: futex.word,
            sp: registers.sp()?,
            registers: &values,
            gil: gil_address(&heap.ctx, state.located.runtime, interpreter.addr).ok(),
            frames: &frames,
        };
        let timed = futex.timed;
        Some(match blocker(heap, &asleep)? {
            Blocker::Gil => gil_wait(),
            Blocker::Lock(at) => {
                Wait { addr: Some(at), timed, ..wait(WaitKind::Lock, format!("the threading.Lock at {at}")) }
            }
            Blocker::RLock(at, owner) => Wait {
                addr: Some(at),
                timed,
                ..self.owned(owner, wait(WaitKind::RLock, format!("the threading.RLock at {at}")))
            },
            Blocker::ModuleLock(at, module, owner) => Wait {
                addr: Some(at),
                timed,
                ..self.owned(owner, wait(WaitKind::ModuleLock, format!("the import of module {module}")))
            },
            Blocker::Thread(ident) => {
                let tid = self.idents.get(&ident);
                let name = tid.map_or_else(|| format!("with ident {ident:#x}"), u64::to_string);
                Wait { timed, ..self.owned(Some(ident), wait(WaitKind::Thread, format!("the end of thread {name}"))) }
            }
            Blocker::Exit(lock) => {
                let tid = self.thread_with(threads, |heap, frame| ends_with(heap, frame, lock));
                let name = tid.map_or_else(|| "of another thread".to_owned(), |tid| format!("of thread {tid}"));
                let what = format!("the end {name}, before the process ends");
                Wait {
                    addr: Some(lock),
                    timed,
                    owner: tid,
                    owner_from: tid.map(|_| OwnerFrom::Recorded),
                    ..wait(WaitKind::Thread, what)
                }
            }
            Blocker::Result(future, call) => {
                let tid = self.thread_with(threads, |heap, frame| makes_result(heap, frame, future));
                let kind = heap.type_of(future).map_or_else(|_| "Future".to_owned(), |t| t.short_name().to_owned());
                let what = format!("the result of the {kind} at {future}, in {call}");
                Wait {
                    addr: Some(future),
                    timed,
                    owner: tid,
                    owner_from: tid.map(|_| OwnerFrom::Stack),
                    ..wait(WaitKind::Result, what)
                }
            }
            Blocker::Notification(call, condition) => {
                Wait { addr: condition, timed, ..wait(WaitKind::Notification, format!("a notification, in {call}")) }
            }
            Blocker::Mutex(at) => {
                Wait { addr: Some(at), timed, ..wait(WaitKind::Mutex, format!("the PyMutex at {at}")) }
            }
        })
    }

    fn heap(&self, interpreter: i64) -> Option<&Heap<'_>> {
        self.heaps.iter().find(|(i, _)| i.id == interpreter).map(|(_, heap)| heap)
    }

    fn owned(&self, ident: Option<u64>, wait: Wait) -> Wait {
        let owner = ident.and_then(|ident| self.idents.get(&ident)).copied();
        let gone = ident.filter(|_| owner.is_none() && self.all).map(|ident| format!("a thread of ident {ident:#x}"));
        Wait { owner, owner_from: owner.map(|_| OwnerFrom::Recorded), owner_gone: gone, ..wait }
    }

    /// The thread that one of its frames shows: of all threads of Python, from the outermost frame inwards.
    fn thread_with(&self, threads: &[AnalyzedThread], shows: impl Fn(&Heap<'_>, &PyFrame) -> bool) -> Option<u64> {
        threads.iter().take(MAX_THREADS).find_map(|thread| {
            let frames = thread.python_frames.get(..MAX_FRAMES).unwrap_or(&thread.python_frames);
            let found = |read: &ReadFrame| self.heap(read.interpreter).is_some_and(|heap| shows(heap, &read.frame));
            frames.iter().rev().any(found).then_some(thread.tid)?
        })
    }

    /// Between two looks at the GIL (every 5 ms) a thread does not sleep: then the function it is in tells.
    fn for_gil(&self, thread: &AnalyzedThread, stack: &NativeStack, from: usize, analysis: &Analysis) -> Option<Wait> {
        let python = thread.python.as_ref();
        let interpreter = analysis.interpreters.iter().find(|i| python.is_none_or(|p| p.interpreter == i.id))?;
        let taken = interpreter.gil_locked == Some(true) && interpreter.gil_holder != python.map(|p| p.tstate);
        let frames = stack.symbols.iter().skip(from).take(MAX_NATIVE);
        let inner = frames.skip_while(|code| self.interpreter.place(code) != CodePlace::Interpreter);
        let takes = inner
            .take_while(|code| self.interpreter.place(code) == CodePlace::Interpreter)
            .take(4)
            .any(|code| code.name().is_some_and(|n| GIL_TAKERS.contains(&crate::stack::hidden_frames::base_name(n))));
        (taken && takes).then(gil_wait)
    }

    /// A thread that came to take the GIL when the interpreter was at its end: since 3.14 it sleeps for ever
    /// (`PyThread_hang_thread`, Python/thread_pthread.h), which the thread that ends the interpreter knows nothing of.
    fn for_ever(&self, registers: &Registers, stack: &NativeStack, from: usize, analysis: &Analysis) -> Option<Wait> {
        let ending =
            analysis.python.as_ref()?.state == Some(RuntimeState::Finalizing) || analysis.interpreters.is_empty();
        let paused = sleeping_call(registers, &self.target.memory, &self.target.abi) == Some("pause");
        let run_time = |code: &Symbolized| {
            code.module.and_then(|m| self.target.modules.get(m)).is_some_and(|m| is_run_time(m.file_name()))
        };
        let mut frames = stack.symbols.iter().skip(from).take(MAX_NATIVE).skip_while(|code| run_time(code));
        let inside = frames.next().is_some_and(|code| self.interpreter.place(code) == CodePlace::Interpreter);
        let finalizer = analysis.threads.iter().find(|t| t.is_main());
        let main = finalizer.and_then(|t| t.tid).or(self.target.process.pid);
        (ending && paused && inside).then(|| Wait {
            owner: main,
            owner_from: main.map(|_| OwnerFrom::Stack),
            ..wait(WaitKind::Finalized, "nothing any more: the interpreter has come to its end".to_owned())
        })
    }

    fn with_gil_holder(&self, wait: Wait, thread: &AnalyzedThread, analysis: &Analysis) -> Wait {
        if wait.kind != WaitKind::Gil {
            return wait;
        }
        let id = thread.python.as_ref().map(|p| p.interpreter);
        let interpreter = analysis.interpreters.iter().find(|i| id.is_none_or(|id| id == i.id));
        let holder = interpreter.filter(|i| i.gil_locked == Some(true)).and_then(|i| i.gil_holder);
        let by_state = |t: &&AnalyzedThread| t.states().any(|p| Some(p.tstate) == holder);
        let owner = holder.and_then(|_| analysis.threads.iter().find(by_state)).and_then(|t| t.tid);
        Wait { owner, owner_from: owner.map(|_| OwnerFrom::Recorded), ..wait }
    }

    /// Which threads are inside of a `with` block on which lock. A `Condition` that is waited on has let its lock go.
    fn holders(&self, threads: &[AnalyzedThread], waits: &[Option<Wait>]) -> Holders {
        let mut holders = Holders::new();
        for (thread, wait) in threads.iter().zip(waits) {
            let (Some(tid), Some(python)) = (thread.tid, &thread.python) else { continue };
            let waited = wait.as_ref().filter(|w| w.kind == WaitKind::Notification);
            let released =
                waited.and_then(|w| find_attribute(self.heap(python.interpreter)?, w.addr?, "_lock").ok()?);
            for ReadFrame { interpreter, frame } in thread.python_frames.iter().take(MAX_FRAMES) {
                let Some(heap) = self.heap(*interpreter) else { continue };
                for lock in entered(heap, frame) {
                    let plain = heap.type_of(lock).is_ok_and(|t| t.kind == Kind::Lock);
                    if !plain || released == Some(lock) {
                        continue;
                    }
                    let place = thread
                        .frames
                        .iter()
                        .find(|f| f.kind == FrameKind::Python && f.addr == Some(frame.addr))
                        .map(crate::findings::python_place)
                        .unwrap_or_default();
                    let entry = holders.entry(lock).or_insert_with(|| Some((tid, place)));
                    // Two threads inside of one block: the lock was let go by hand, and who has it is open.
                    if entry.as_ref().is_some_and(|(first, _)| *first != tid) {
                        *entry = None;
                    }
                }
            }
        }
        holders
    }
}

pub(super) fn wait(kind: WaitKind, what: String) -> Wait {
    Wait { kind, what, ..Wait::default() }
}

/// The end of a child process, by the system call that a thread is in.
fn child_wait(registers: &Registers, target: &Target) -> Option<Wait> {
    let child = awaited_child(registers, &target.memory, &target.abi)?;
    let which = child.map_or_else(|| "one of its child processes".to_owned(), |pid| format!("its child process {pid}"));
    Some(wait(WaitKind::Child, format!("the end of {which}")))
}

fn gil_wait() -> Wait {
    wait(WaitKind::Gil, "the GIL".to_owned())
}

/// Registers that still hold what the callers of the sleeping function put there.
fn preserved(registers: &Registers) -> Vec<u64> {
    let info = &registers.cpu().unwind;
    let names = info.callee_saved.iter().filter_map(|number| info.name(*number));
    names.filter_map(|name| registers.get(name)).collect()
}
