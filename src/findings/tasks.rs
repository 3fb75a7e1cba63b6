//! Tasks of asyncio that wait for each other, loops that a task blocks, tasks that nothing will run any more, pools whose
//! workers all wait for jobs that have not begun.

use super::blame::python_place;
use super::facts::Facts;
use super::finding;
use crate::base::{Addr, file_name};
use crate::cpython::frame::{FramePlace, SlotValue, VariablePlace};
use crate::cpython::object::{Heap, Kind, find_attribute, read_str};
use crate::model::tasks::{EventLoop, Suspended, Task, TaskWait, Tasks};
use crate::model::{
    Confidence, ExceptionInfo, Finding, FindingId, Frame, SuspendedKind, SuspendedState, TaskState, TaskWaitKind,
    TracebackEntry, WaitKind,
};
use crate::native::system_calls::sleeping_call;
use crate::stack::analysis::AnalyzedThread;
use std::collections::{BTreeMap, HashMap};

/// Tasks that are named one by one.
const MAX_NAMED: usize = 8;
/// Cycles that are told.
const MAX_CYCLES: usize = 4;

/// Tasks with who waits for whom, and why.
struct Waits<'a> {
    tasks: &'a Tasks,
    /// Of each task, those that it cannot go on without.
    on: Vec<Vec<usize>>,
}

/// Cycles of tasks that wait for each other.
pub(super) fn cycles(tasks: &Tasks) -> Vec<Finding> {
    let numbers: HashMap<Addr, usize> = tasks.tasks.iter().enumerate().map(|(n, t)| (t.addr, n)).collect();
    let on = |task: &Task| -> Vec<usize> {
        // Where several have a semaphore, each of them can let it go.
        let held = |w: &'_ TaskWait| if let [one] = w.holders.as_slice() { Some(*one) } else { None };
        let on = task.waits_for.iter().flat_map(|w| w.tasks.iter().copied().chain(held(w)));
        on.filter_map(|at| numbers.get(&at).copied()).collect()
    };
    let waits = Waits { tasks, on: tasks.tasks.iter().map(on).collect() };
    let cycles = waits.cycles();
    let mut out: Vec<Finding> = cycles.iter().filter_map(|cycle| waits.deadlock(cycle)).collect();
    out.extend(starved_semaphores(tasks, &numbers));
    out
}

/// What a task waits for, without a limit of time, of which something is known that can end it.
fn lasting_wait(tasks: &Tasks, n: usize) -> Option<&TaskWait> {
    let task = tasks.tasks.get(n).filter(|task| task.state == TaskState::Waiting)?;
    let wait = task.waits_for.as_ref()?;
    let known = !(wait.tasks.is_empty() && wait.holders.is_empty());
    (wait.timeout_in.is_none() && wait.due_in.is_none() && known).then_some(wait)
}

/// Which tasks cannot go on, as far as no other is found that ends their wait: the largest set that holds itself up. Each wait is
/// looked at once: chains of tasks may be long.
fn stuck(tasks: &Tasks, numbers: &HashMap<Addr, usize>) -> Vec<bool> {
    let wait = |n: usize| lasting_wait(tasks, n);
    let mut stuck: Vec<bool> = (0..tasks.tasks.len()).map(|n| wait(n).is_some()).collect();
    // For each task how many of those that it awaits are stuck, and how many that have what it wants; and whom its own end helps.
    let mut held = vec![(0usize, 0usize); stuck.len()];
    let mut helped: Vec<Vec<(usize, bool)>> = vec![Vec::new(); stuck.len()];
    for (n, (awaited, having)) in held.iter_mut().enumerate() {
        let Some(w) = wait(n) else { continue };
        for (list, has, count) in [(&w.tasks, false, awaited), (&w.holders, true, having)] {
            let known = list.iter().filter_map(|at| numbers.get(at).copied());
            for other in known.filter(|other| stuck.get(*other) == Some(&true)) {
                *count = count.saturating_add(1);
                helped.get_mut(other).into_iter().for_each(|of| of.push((n, has)));
            }
        }
    }
    let held_up = |n: usize, (awaited, having): (usize, usize)| {
        wait(n).is_some_and(|w| {
            // One of several that is awaited is enough where the task needs all of them.
            let awaited = match matches!(w.kind, TaskWaitKind::WaitMany | TaskWaitKind::AsCompleted) {
                false => awaited > 0,
                true => !w.tasks.is_empty() && awaited == w.tasks.len(),
            };
            awaited || !w.holders.is_empty() && having == w.holders.len()
        })
    };
    let mut free: Vec<usize> = held.iter().enumerate().filter(|(n, of)| !held_up(*n, **of)).map(|(n, _)| n).collect();
    while let Some(n) = free.pop() {
        let Some(was) = stuck.get_mut(n).filter(|was| **was) else { continue };
        *was = false;
        for (other, has) in helped.get_mut(n).map(std::mem::take).unwrap_or_default() {
            let Some((awaited, having)) = held.get_mut(other) else { continue };
            let count = if has { having } else { awaited };
            *count = count.saturating_sub(1);
            if held.get(other).is_some_and(|of| !held_up(other, *of)) {
                free.push(other);
            }
        }
    }
    stuck
}

/// Semaphores that several tasks have, none of which can go on before another one gets the semaphore: a task that acquires it once
/// more, or waits for tasks that acquire it.
fn starved_semaphores(tasks: &Tasks, numbers: &HashMap<Addr, usize>) -> Vec<Finding> {
    let wait = |n: usize| lasting_wait(tasks, n);
    let of_several = |w: &&TaskWait| w.holders.len() > 1;
    if !(0..tasks.tasks.len()).any(|n| wait(n).filter(of_several).is_some()) {
        return Vec::new();
    }
    let stuck = stuck(tasks, numbers);
    // By the semaphore: those that have it and those that want it.
    let mut wanted: BTreeMap<&str, (&TaskWait, Vec<&Task>)> = BTreeMap::new();
    for (n, task) in tasks.tasks.iter().enumerate().filter(|(n, _)| stuck.get(*n) == Some(&true)) {
        if let Some(w) = wait(n).filter(of_several) {
            wanted.entry(&w.what).or_insert_with(|| (w, Vec::new())).1.push(task);
        }
    }
    let mut out = Vec::new();
    for (what, (wait, waiters)) in wanted.into_iter().take(MAX_CYCLES) {
        let holders: Vec<&Task> = wait.holders.iter().filter_map(|at| tasks.tasks.get(*numbers.get(at)?)).collect();
        let names =
            |of: &[&Task]| of.iter().take(MAX_NAMED).map(|t| format!("'{}'", t.name)).collect::<Vec<_>>().join(", ");
        let Some(first) = waiters.first() else { continue };
        let title = format!(
            "deadlock: {} {} for {what}, and the {} that have it cannot go on before one of these gets it",
            many(waiters.len(), "task"),
            if waiters.len() == 1 { "waits" } else { "wait" },
            many(holders.len(), "task")
        );
        let line = |task: &&Task| {
            let on = task.waits_for.as_ref().map(|w| w.what.as_str()).unwrap_or_default();
            let at = place(tasks, task).map(|at| format!(", at {at}")).unwrap_or_default();
            format!("task '{}' has it and waits for {on}{at}", task.name)
        };
        let mut evidence: Vec<String> = holders.iter().take(MAX_NAMED).map(line).collect();
        evidence.push(format!("waiting for it: {}", names(&waiters)));
        evidence.push(
            "a semaphore does not record who has it: the tasks are inside of `async with` on it, and may have let it go by hand".to_owned(),
        );
        let made = finding(FindingId::TaskDeadlock, title, Confidence::Medium, evidence, thread_of(tasks, first));
        let advice = "a task that has the semaphore must not wait for it once more, nor for tasks that do: acquire it only around the work \
                      itself";
        out.push(Finding { advice: Some(advice.to_owned()), ..made });
    }
    out
}

impl<'a> Waits<'a> {
    /// Cycles that share no task, each from its first task on.
    fn cycles(&self) -> Vec<Vec<usize>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; self.on.len()];
        let mut out = Vec::new();
        for start in 0..self.on.len() {
            let mut path: Vec<(usize, usize)> = Vec::new();
            if marks.get(start) == Some(&Mark::New) {
                path.push((start, 0));
            }
            while let Some((task, at)) = path.last_mut() {
                let task = *task;
                if let Some(mark) = marks.get_mut(task) {
                    *mark = Mark::Open;
                }
                let next = self.on.get(task).and_then(|on| on.get(*at)).copied();
                *at = at.saturating_add(1);
                let Some(next) = next else {
                    if let Some(mark) = marks.get_mut(task) {
                        *mark = Mark::Done;
                    }
                    path.pop();
                    continue;
                };
                match marks.get(next) {
                    Some(Mark::New) => path.push((next, 0)),
                    Some(Mark::Open) => {
                        let first = path.iter().position(|(task, _)| *task == next).unwrap_or(0);
                        let cycle: Vec<usize> = path.iter().skip(first).map(|(task, _)| *task).collect();
                        let known = |task: &usize| out.iter().any(|c: &Vec<usize>| c.contains(task));
                        if out.len() < MAX_CYCLES && !cycle.iter().any(known) {
                            out.push(cycle);
                        }
                    }
                    _ => {}
                }
            }
        }
        out
    }

    fn deadlock(&self, cycle: &[usize]) -> Option<Finding> {
        let members: Vec<(&Task, &TaskWait)> = cycle
            .iter()
            .filter_map(|n| self.tasks.tasks.get(*n))
            .filter_map(|t| Some((t, t.waits_for.as_ref()?)))
            .collect();
        let (first, wait) = *members.first()?;
        let title = match members.as_slice() {
            [_] if !wait.holders.is_empty() => {
                format!("deadlock: task '{}' waits for {}, which it has itself", first.name, wait.what)
            }
            [_] => format!("deadlock: task '{}' waits for itself ({})", first.name, wait.what),
            [_, (second, other)] => format!(
                "deadlock: task '{}' waits for {}, task '{}' waits for {}",
                first.name,
                held(wait, second),
                second.name,
                held(other, first)
            ),
            many => {
                let names: Vec<String> =
                    many.iter().take(MAX_NAMED).map(|(task, _)| format!("'{}'", task.name)).collect();
                format!("deadlock of {} tasks: {}, each waits for the next", many.len(), names.join(", "))
            }
        };
        let line = |(task, wait): &(&Task, &TaskWait)| {
            let at = place(self.tasks, task).map(|at| format!(", at {at}")).unwrap_or_default();
            format!("task '{}' waits for {}{at}", task.name, wait.what)
        };
        let mut evidence: Vec<String> = members.iter().take(MAX_NAMED).map(line).collect();
        let behind = self.behind(cycle);
        if behind > 0 {
            let verb = if behind == 1 { "waits" } else { "wait" };
            evidence.push(format!("{} {verb} behind them", many(behind, "more task")));
        }
        let by_block = members.iter().any(|(_, w)| w.tasks.is_empty());
        if by_block {
            evidence.push(
                "a lock does not record who has it: the tasks are inside of `async with` on it, and may have let it go by hand"
                    .to_owned(),
            );
        }
        let ends = members.iter().any(|(_, w)| w.timeout_in.is_some() || w.due_in.is_some());
        if ends {
            evidence.push("one of these waits has a time limit and will end by itself".to_owned());
        }
        let any = members
            .iter()
            .any(|(_, w)| matches!(w.kind, TaskWaitKind::WaitMany | TaskWaitKind::AsCompleted) && w.tasks.len() > 1);
        let confidence = if by_block || ends || any { Confidence::Medium } else { Confidence::High };
        let advice = match by_block {
            true => "take these locks in the same order everywhere, or hold only one of them at a time",
            false => {
                "a task must not wait for one that waits for it: return the result in another way, or cancel one of them"
            }
        };
        let made = finding(FindingId::TaskDeadlock, title, confidence, evidence, thread_of(self.tasks, first));
        Some(Finding { advice: Some(advice.to_owned()), ..made })
    }

    /// How many tasks outside of a cycle wait for one in it, straight or by way of others.
    fn behind(&self, cycle: &[usize]) -> usize {
        let mut by: Vec<Vec<usize>> = vec![Vec::new(); self.on.len()];
        for (task, on) in self.on.iter().enumerate() {
            for other in on {
                if let Some(list) = by.get_mut(*other) {
                    list.push(task);
                }
            }
        }
        let mut seen = vec![false; self.on.len()];
        let mut left = cycle.to_vec();
        let mut count = 0usize;
        while let Some(task) = left.pop() {
            match seen.get_mut(task) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            count = count.saturating_add(1);
            left.extend(by.get(task).into_iter().flatten());
        }
        count.saturating_sub(cycle.len())
    }
}

/// A loop whose task sleeps in a function that does not give way to others.
pub(super) fn blocked(facts: &Facts<'_>, tasks: &Tasks) -> Vec<Finding> {
    let mut out = Vec::new();
    for task in tasks.tasks.iter().filter(|t| t.state == TaskState::Running) {
        let Some(event_loop) = tasks.loops.iter().find(|l| Some(l.addr) == task.event_loop) else { continue };
        let thread = event_loop.thread.and_then(|tid| facts.analysis.threads.iter().find(|t| t.tid == Some(tid)));
        let Some(why) = thread.and_then(|thread| sleeps(facts, thread)) else { continue };
        let Some(frames) = stack(tasks, task) else { continue };
        let called = usize::try_from(task.called).unwrap_or(usize::MAX);
        // What the coroutine called, then the coroutine itself.
        let (Some(inner), Some(coroutine)) = (frames.first(), frames.get(called)) else { continue };
        let waiting = tasks.tasks.iter().filter(|t| t.event_loop == task.event_loop && t.addr != task.addr);
        let waiting = waiting.filter(|t| pending(t.state)).count();
        let tid = event_loop.thread.unwrap_or_default();
        let meanwhile = match waiting {
            0 => String::new(),
            n => format!("; {} cannot go on meanwhile", many(n, "other task")),
        };
        let title = format!(
            "the event loop of thread {tid} stands still: task '{}' {why}, at {}{meanwhile}",
            task.name,
            python_place(inner),
        );
        let mut evidence = vec![format!("the coroutine called it at {}", python_place(coroutine))];
        if let Some(ready) = event_loop.ready.filter(|n| *n > 0) {
            let verb = if ready == 1 { "is" } else { "are" };
            evidence.push(format!("{} of the loop {verb} ready to run", many(as_count(ready), "callback")));
        }
        evidence.push("how long this has lasted is not known".to_owned());
        let advice = "await an asynchronous function instead, or run it in a thread: await asyncio.to_thread(...)";
        let made = finding(FindingId::EventLoopBlocked, title, Confidence::Medium, evidence, tid);
        out.push(Finding { advice: Some(advice.to_owned()), ..made });
    }
    out
}

/// Why a thread sleeps. (While a task runs it is not the loop that waits for events.)
fn sleeps(facts: &Facts<'_>, thread: &AnalyzedThread) -> Option<String> {
    if let Some(wait) = thread.waits_for.as_ref().filter(|w| w.kind != WaitKind::Gil) {
        return Some(format!("waits for {}", wait.what));
    }
    let registers = facts.target.thread(thread.tid?)?.registers.as_ref()?;
    let call = sleeping_call(registers, &facts.target.memory, &facts.target.abi)?;
    Some(format!("sleeps in the system call {call}"))
}

/// Tasks of loops that do not run.
pub(super) fn left_behind(tasks: &Tasks) -> Vec<Finding> {
    let dead = |one: &&EventLoop| one.pending > 0 && (one.closed == Some(true) || one.running == Some(false));
    let mut out = Vec::new();
    for event_loop in tasks.loops.iter().filter(dead) {
        let of_loop = tasks.tasks.iter().filter(|t| t.event_loop == Some(event_loop.addr) && pending(t.state));
        let evidence: Vec<String> = of_loop
            .take(MAX_NAMED)
            .map(|t| {
                let at = place(tasks, t).map(|at| format!(" at {at}")).unwrap_or_default();
                format!("task '{}' stands{at}", t.name)
            })
            .collect();
        let (state, sure) = match event_loop.closed {
            Some(true) => ("was closed", Confidence::Medium),
            _ => ("no thread runs", Confidence::Low),
        };
        let verb = if event_loop.pending == 1 { "is" } else { "are" };
        let count = many(as_count(event_loop.pending), "task");
        let title = format!("{count} {verb} pending at the event loop {} that {state}", event_loop.addr);
        let made = finding(FindingId::TasksLeftBehind, title, sure, evidence, 0);
        let advice =
            "end the program by asyncio.run, which cancels what is left, or cancel tasks and run the loop once more";
        out.push(Finding { advice: Some(advice.to_owned()), ..made });
    }
    out
}

/// Exceptions of tasks and futures that nobody has asked for: asyncio logs them when their future goes away.
pub(super) fn not_retrieved(tasks: &Tasks) -> Vec<Finding> {
    // A task that waits for it will ask for it when it runs.
    let waited_for = |at: Addr| tasks.tasks.iter().any(|t| t.future_waited_for == Some(at) && pending(t.state));
    let of_tasks = tasks.tasks.iter().filter(|t| t.unretrieved && !waited_for(t.addr));
    let of_tasks = of_tasks.map(|t| (format!("task '{}'", t.name), t.exception.as_ref()));
    let of_futures = tasks.unretrieved.iter().filter(|f| !waited_for(f.addr));
    let of_futures = of_futures.map(|f| (format!("{} at {}", f.type_name, f.addr), f.exception.as_ref()));
    let failed: Vec<_> = of_tasks.chain(of_futures).collect();
    if failed.is_empty() {
        return Vec::new();
    }
    let line = |(who, exception): &(String, Option<&ExceptionInfo>)| {
        let what = exception.map_or_else(|| "an exception".to_owned(), |e| e.summary.clone());
        let at = exception.and_then(|e| e.traceback.last()).and_then(traceback_place);
        format!("{who}: {what}{}", at.map(|at| format!(", at {at}")).unwrap_or_default())
    };
    let mut evidence: Vec<String> = failed.iter().take(MAX_NAMED).map(line).collect();
    evidence.push("who is still to ask for them cannot be told: something may".to_owned());
    let verb = if failed.len() == 1 { "an exception" } else { "exceptions" };
    let title = format!("{} ended with {verb} that nobody has asked for", many(failed.len(), "task or future"));
    let title = title.replace("task or futures", "tasks or futures");
    let advice = "await each task, or give it a callback (add_done_callback) that looks at its exception";
    let made = finding(FindingId::ExceptionsNotRetrieved, title, Confidence::Low, evidence, 0);
    vec![Finding { advice: Some(advice.to_owned()), ..made }]
}

fn traceback_place(entry: &TracebackEntry) -> Option<String> {
    let function = entry.function.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
    Some(format!("{}:{}{function}", file_name(&entry.file.as_ref()?.to_string()), entry.line?))
}

/// Coroutines that were made and have not begun, and that no task runs.
pub(super) fn not_awaited(tasks: &Tasks) -> Vec<Finding> {
    let new = |s: &&Suspended| s.kind == SuspendedKind::Coroutine && s.state == SuspendedState::NotStarted;
    let found: Vec<&Suspended> = tasks.suspended.iter().filter(new).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let line = |one: &&Suspended| {
        let name = one.name.as_ref().map_or_else(|| "a coroutine".to_owned(), ToString::to_string);
        let number = one.stack.and_then(|n| usize::try_from(n).ok());
        let at = number.and_then(|n| tasks.stacks.get(n)?.frames.first()).map(python_place);
        let at = at.map(|at| format!(", defined at {at}")).unwrap_or_default();
        let path = one.path.as_ref().map(|path| format!(", held by {path}")).unwrap_or_default();
        format!("{name} at {}{at}{path}", one.addr)
    };
    let mut evidence: Vec<String> = found.iter().take(MAX_NAMED).map(line).collect();
    evidence.push("whoever has one may still await it".to_owned());
    let verb = if found.len() == 1 { "was" } else { "were" };
    let title = format!("{} {verb} never awaited so far", many(found.len(), "coroutine"));
    let made = finding(FindingId::CoroutinesNotAwaited, title, Confidence::Low, evidence, 0);
    vec![Finding { advice: Some("a call of an async function does nothing until it is awaited".to_owned()), ..made }]
}

/// Pools of threads whose workers all wait for jobs that no worker has begun.
pub(super) fn starved(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(heap) = facts.heap else { return Vec::new() };
    // Workers by the queue that they take jobs from (`_worker`, Lib/concurrent/futures/thread.py).
    let mut pools: BTreeMap<Addr, Vec<&AnalyzedThread>> = BTreeMap::new();
    for thread in &facts.analysis.threads {
        if let Some(queue) = thread.python_frames.iter().rev().take(8).find_map(|read| {
            let frame = &read.frame;
            let code = frame.code.as_ref().ok()?;
            (code.name.as_ref().ok()? == "_worker").then_some(())?;
            let file = code.filename.as_ref().ok()?.to_string().replace('\\', "/");
            file.ends_with("/concurrent/futures/thread.py").then_some(())?;
            let place = FramePlace { addr: frame.addr, code: code.addr, lasti: *frame.lasti.as_ref().ok()? };
            variable(heap, &place, "work_queue")
        }) {
            pools.entry(queue).or_default().push(thread);
        }
    }
    let waits = |thread: &&AnalyzedThread| {
        let wait = thread.waits_for.as_ref().filter(|w| w.kind == WaitKind::Result && w.owner.is_none() && !w.timed);
        wait.and_then(|w| w.addr).is_some_and(|future| not_begun(heap, future))
    };
    let mut out = Vec::new();
    for workers in pools.values().filter(|workers| workers.iter().all(waits)) {
        let title =
            format!("all {} of a thread pool wait for jobs that no worker has begun", many(workers.len(), "worker"));
        let line = |thread: &&AnalyzedThread| {
            let wait = thread.waits_for.as_ref()?;
            let inner =
                thread.frames.iter().find(|f| f.file.as_ref().is_some_and(|file| !of_library(&file.to_string())));
            let at = inner.map(|f| format!(", at {}", python_place(f))).unwrap_or_default();
            Some(format!("thread {} waits for {}{at}", thread.tid?, wait.what))
        };
        let mut evidence: Vec<String> = workers.iter().take(MAX_NAMED).filter_map(line).collect();
        let tid = workers.first().and_then(|t| t.tid).unwrap_or_default();
        let own = facts.tasks.iter().flat_map(|found| &found.pools).find(|pool| pool.threads.contains(&tid));
        let waits_for = |thread: &&AnalyzedThread| thread.waits_for.as_ref()?.addr;
        let in_own = |future: &Addr| own.is_some_and(|pool| pool.waiting.contains(future));
        let confidence = match workers.iter().filter_map(waits_for).all(|future| in_own(&future)) {
            true => Confidence::High,
            false => {
                let text = "jobs of the pool that wait for jobs of another pool are not distinguished from it";
                evidence.push(text.to_owned());
                Confidence::Medium
            }
        };
        let made = finding(FindingId::StarvedExecutor, title, confidence, evidence, tid);
        let advice = "a job must not wait for a job of its own pool: give those a pool of their own";
        out.push(Finding { advice: Some(advice.to_owned()), ..made });
    }
    out
}

/// Whether the state of a `concurrent.futures.Future` says that nobody has begun the job.
fn not_begun(heap: &Heap<'_>, future: Addr) -> bool {
    let state = find_attribute(heap, future, "_state").ok().flatten();
    let is_text = |at: &Addr| heap.type_of(*at).is_ok_and(|t| t.kind == Kind::Str);
    state
        .filter(is_text)
        .and_then(|at| read_str(&heap.ctx, at, 32).ok())
        .is_some_and(|word| word.eq_ignore_ascii_case("pending"))
}

fn variable(heap: &Heap<'_>, frame: &FramePlace, name: &str) -> Option<Addr> {
    match VariablePlace::find(heap, frame.code, name).ok()??.read(heap, frame.addr) {
        SlotValue::Object(at) => Some(at),
        _ => None,
    }
}

fn pending(state: TaskState) -> bool {
    matches!(state, TaskState::NotStarted | TaskState::Running | TaskState::Waiting | TaskState::Runnable)
}

/// "task 'b'", or "the Lock at 0x.. that 'b' has".
fn held(wait: &TaskWait, owner: &Task) -> String {
    match wait.tasks.is_empty() {
        true => format!("{}, which '{}' has", wait.what, owner.name),
        false => wait.what.clone(),
    }
}

fn stack<'a>(tasks: &'a Tasks, task: &Task) -> Option<&'a [Frame]> {
    Some(&tasks.stacks.get(usize::try_from(task.stack?).ok()?)?.frames)
}

/// Where the program itself waits: the innermost frame that is not asyncio's.
fn place(tasks: &Tasks, task: &Task) -> Option<String> {
    let frames = stack(tasks, task)?;
    let own = frames.iter().find(|f| f.file.as_ref().is_some_and(|file| !of_library(&file.to_string())));
    own.or_else(|| frames.first()).map(python_place)
}

fn of_library(file: &str) -> bool {
    let directory = file.strip_suffix(file_name(file)).map(|d| d.trim_end_matches(['/', '\\'])).unwrap_or_default();
    matches!(file_name(directory), "asyncio" | "futures") || file_name(file) == "threading.py"
}

/// The thread that runs the loop of a task; 0 for none.
fn thread_of(tasks: &Tasks, task: &Task) -> u64 {
    tasks.loops.iter().find(|l| Some(l.addr) == task.event_loop).and_then(|l| l.thread).unwrap_or_default()
}

fn as_count(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn many(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::{Addr, HashMap, Task, TaskState, TaskWait, TaskWaitKind, Tasks, stuck};

    fn waits(kind: TaskWaitKind, tasks: &[u64], holders: &[u64]) -> Task {
        let of = |list: &[u64]| list.iter().map(|n| Addr(*n)).collect();
        let wait = TaskWait { kind, tasks: of(tasks), holders: of(holders), ..TaskWait::default() };
        Task { state: TaskState::Waiting, waits_for: Some(wait), ..Task::default() }
    }

    fn those_stuck(list: Vec<Task>) -> Vec<usize> {
        let tasks = Tasks { tasks: list, ..Tasks::default() };
        let numbers: HashMap<Addr, usize> = (0..tasks.tasks.len()).map(|n| (Addr(n as u64), n)).collect();
        stuck(&tasks, &numbers).iter().enumerate().filter(|(_, stuck)| **stuck).map(|(n, _)| n).collect()
    }

    #[test]
    fn the_largest_set_that_holds_itself_up() {
        let runs = || Task { state: TaskState::Runnable, ..Task::default() };
        let task = |tasks: &[u64]| waits(TaskWaitKind::OneTask, tasks, &[]);
        let lock = |holders: &[u64]| waits(TaskWaitKind::AsyncSemaphore, &[], holders);
        let any = |tasks: &[u64]| waits(TaskWaitKind::WaitMany, tasks, &[]);
        assert!(those_stuck(vec![task(&[1]), task(&[2]), runs()]).is_empty());
        assert_eq!(those_stuck(vec![task(&[1]), task(&[0]), task(&[0])]), [0, 1, 2]);
        // One that has it goes on.
        assert!(those_stuck(vec![lock(&[1, 2]), task(&[0]), runs()]).is_empty());
        assert_eq!(those_stuck(vec![lock(&[1, 2]), task(&[0]), task(&[0])]), [0, 1, 2]);
        // One of several is enough, or all have to end.
        assert!(those_stuck(vec![any(&[1, 2]), task(&[0]), runs()]).is_empty());
        assert_eq!(those_stuck(vec![task(&[1, 2]), task(&[0]), runs()]), [0, 1]);
    }

    #[test]
    fn a_long_chain_is_followed_once() {
        let long = 200_000;
        let list = (1..=long).map(|n| waits(TaskWaitKind::OneTask, &[n], &[])).chain([Task::default()]);
        assert!(those_stuck(list.collect()).is_empty());
    }
}
