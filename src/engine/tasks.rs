//! Suspended work of a process: what `tasks` needs of other layers is gathered here, and its facts become the answer.

use super::{Inspection, Options, PythonState, exceptions, frames, greenlets, values};
use crate::base::{Addr, Diagnostic, DiagnosticCode, Text, natural_key};
use crate::cpython::frame::PyFrame;
use crate::cpython::object::{FutureState, Heap, Kind, ReprLimits, TaskName, find_attribute, items, read_text, repr};
use crate::cpython::runtime;
use crate::debuggee::Target;
use crate::findings;
use crate::model::tasks::{EventLoop, Pool, TASKS_SCHEMA_VERSION, Task, TaskStack, TaskWait, Tasks};
use crate::model::{Frame, Local, TaskState, TaskWaitKind, TracebackEntry};
use crate::tasks::{self, Sources, collect};
use std::collections::HashMap;

/// Longest name that is kept, in code points.
const MAX_NAME: u64 = 1000;
/// Entries of a creation traceback.
const MAX_CREATED: usize = 100;

/// Which tasks, and how much of them.
#[derive(Clone, Debug)]
pub struct TaskOptions {
    /// Tasks that have ended without an exception, too, and what is suspended and no task: all objects are looked through.
    pub all: bool,
    /// Most tasks that are read.
    pub limit: usize,
    /// Locals, limits of values.
    pub options: Options,
}

impl Default for TaskOptions {
    fn default() -> Self {
        TaskOptions { all: false, limit: 5_000_000, options: Options::default() }
    }
}

impl Inspection {
    /// The event loops and tasks of the process; `None` where there is no CPython.
    #[must_use]
    pub fn tasks(&self, options: &TaskOptions) -> Option<Tasks> {
        let state = self.python()?;
        let unlisted = state.heaps().any(|(interpreter, heap)| tasks::may_have_unlisted(&heap, interpreter.addr));
        let mut answer = match options.all || unlisted {
            true => match self.heap(|heap, _| super::suspended::with_heap(self, state, heap, options)) {
                Ok(answer) => answer,
                Err(why) => {
                    let text = format!("what is suspended and no task is not known: {why}");
                    self.target().diagnostics.push(Diagnostic::warning(DiagnosticCode::TasksUnreadable, text));
                    read(self.target(), state, options)
                }
            },
            false => read(self.target(), state, options),
        };
        answer.findings = findings::of_tasks(&answer);
        if let Some(sources) = self.sources().filter(|_| options.options.source_lines) {
            let frames = answer.stacks.iter_mut().flat_map(|s| &mut s.frames);
            super::source_lines::add_to(frames, sources);
        }
        answer.diagnostics = self.target().diagnostics.to_vec();
        Some(answer)
    }
}

/// The tasks of a process, for its report: `None` where there are none, and no loop.
pub(super) fn for_report(target: &Target, state: PythonState<'_>, options: &Options) -> Option<Tasks> {
    let any = |(interpreter, heap): (&runtime::Interpreter, Heap<'_>)| {
        let greenlets = || tasks::type_greenlet(&heap, interpreter.addr).is_some();
        tasks::imported(&heap, interpreter.addr) || tasks::may_have_pools(&heap, interpreter.addr) || greenlets()
    };
    if !state.heaps().any(any) {
        return None;
    }
    let plain = Options { locals: false, ..options.clone() };
    let options = TaskOptions { limit: options.limits.tasks, options: plain, ..TaskOptions::default() };
    let found = read(target, state, &options);
    let none = found.tasks.is_empty() && found.loops.is_empty() && found.pools.is_empty() && found.greenlets.is_empty();
    (!none).then_some(found)
}

fn read(target: &Target, state: PythonState<'_>, options: &TaskOptions) -> Tasks {
    let sources = sources(target, state, options.limit, Vec::new());
    let mut facts = collect(&sources);
    let pools = tasks::pools(&sources, &[]);
    let greenlets = greenlets::tracked_ones(target, state, &mut facts.stacks, options);
    Tasks { greenlets, ..answer(state, &sources, (facts, pools), options) }
}

/// What tasks are looked for in; `of_heap`: those that were found among all objects.
pub(super) fn sources<'a>(target: &'a Target, state: PythonState<'a>, limit: usize, of_heap: Vec<Addr>) -> Sources<'a> {
    let interpreters: Vec<(Addr, Heap<'a>)> = state.heaps().map(|(i, heap)| (i.addr, heap)).collect();
    let names: Vec<HashMap<u64, Text>> =
        state.heaps().map(|(i, heap)| runtime::thread_names(&heap, i).unwrap_or_default()).collect();
    let thread = |thread: super::PythonThread<'a>| tasks::Thread {
        interpreter: thread.interpreter,
        tstate: thread.state.addr,
        ident: thread.state.ident,
        tid: state.tid(&thread),
        name: names.get(thread.interpreter).and_then(|n| n.get(&thread.state.ident)).cloned(),
        frames: state.stack(&thread).frames,
    };
    Sources {
        interpreters,
        codes: state.codes,
        threads: state.threads().into_iter().map(thread).collect(),
        of_heap,
        limit,
        diagnostics: &target.diagnostics,
    }
}

/// The facts in the words of the answer.
pub(super) fn answer(
    state: PythonState<'_>,
    sources: &Sources<'_>,
    (facts, pools): (tasks::Tasks, Vec<Pool>),
    options: &TaskOptions,
) -> Tasks {
    let found = facts.tasks.len() as u64;
    let ended = |state: TaskState| matches!(state, TaskState::Finished | TaskState::Cancelled);
    let shown = facts.tasks.into_iter().filter(|task| options.all || !ended(task.state));
    let maker = Maker { state, sources, options: &options.options };
    let mut tasks: Vec<Task> = Vec::with_capacity(usize::try_from(found).unwrap_or_default());
    tasks.extend(shown.filter_map(|task| maker.task(task)));
    tasks.sort_by_cached_key(|task| (natural_key(&task.name), task.addr));
    in_queues(&mut tasks, &pools);
    let stack = |stack: &tasks::Stack| {
        let Some((_, heap)) = sources.interpreters.get(stack.interpreter) else { return TaskStack::default() };
        let plain = Options { locals: false, ..options.options.clone() };
        let frame = |(frame, name): &(PyFrame, Option<Text>)| {
            let made = frames::frame(heap, frame, &plain, false);
            Frame { qualname: made.qualname.or_else(|| name.clone()), ..made }
        };
        TaskStack { frames: stack.frames.iter().map(frame).collect() }
    };
    Tasks {
        schema_version: TASKS_SCHEMA_VERSION.to_owned(),
        loops: facts.loops.into_iter().map(|one| event_loop(state, one)).collect(),
        tasks,
        stacks: facts.stacks.list.iter().map(stack).collect(),
        found,
        pools,
        ..Tasks::default()
    }
}

/// Adds to what tasks wait for in which queue the job is.
fn in_queues(tasks: &mut [Task], pools: &[Pool]) {
    let jobs = tasks::Jobs::of(pools);
    let waits = tasks.iter_mut().filter_map(|task| task.waits_for.as_mut());
    for wait in waits.filter(|wait| wait.kind == TaskWaitKind::ExecutorJob) {
        if let Some(told) = wait.addr.and_then(|future| jobs.tell(future)) {
            wait.what.push_str(", ");
            wait.what.push_str(&told);
        }
    }
}

fn event_loop(state: PythonState<'_>, one: tasks::EventLoop) -> EventLoop {
    EventLoop {
        addr: one.addr,
        type_name: one.type_name,
        interpreter: state.interpreters().get(one.interpreter).map_or(0, |i| i.id),
        thread: one.tid,
        thread_name: one.thread_name,
        running: one.running,
        closed: one.closed,
        current: one.current,
        ready: one.ready,
        timers: one.timers,
        time: one.time,
        pending: one.pending,
    }
}

/// Makes tasks of the answer.
struct Maker<'a> {
    state: PythonState<'a>,
    sources: &'a Sources<'a>,
    options: &'a Options,
}

impl Maker<'_> {
    fn task(&self, task: tasks::Task) -> Option<Task> {
        let (_, heap) = self.sources.interpreters.get(task.interpreter)?;
        let type_name = heap.type_of(task.addr).map(|info| heap.full_name(&info));
        Some(Task {
            addr: task.addr,
            name: name(heap, &task.task.name),
            type_name: type_name.unwrap_or_default(),
            state: task.state,
            found_by: task.found_by,
            event_loop: task.future.event_loop,
            coroutine: task.task.coroutine,
            stack: task.stack,
            called: u32::try_from(task.called).unwrap_or(u32::MAX),
            locals: if self.options.locals { self.locals(heap, &task) } else { Vec::new() },
            waits_for: task.wait.map(wait),
            future_waited_for: task.task.waits_for,
            awaited_by: task.awaited_by,
            parent: task.parent,
            cancelling: task.task.cancelling && task.future.state == FutureState::Pending,
            created: task.future.created.map(|list| created(heap, list)).unwrap_or_default(),
            exception: task
                .future
                .exception
                .filter(|_| task.state == TaskState::Failed)
                .map(|at| exceptions::exception(self.state, heap, at, self.options)),
            unretrieved: task.future.unretrieved,
            problems: task.problems,
        })
    }

    fn locals(&self, heap: &Heap<'_>, task: &tasks::Task) -> Vec<Vec<Local>> {
        let most = self.options.limits.frames_with_locals;
        let of = |place: &crate::cpython::frame::FramePlace| {
            let frame = place.frame(&heap.ctx, self.sources.codes);
            values::locals(heap, &frame, self.options, &mut Vec::new()).unwrap_or_default()
        };
        task.frames.iter().take(most).map(of).collect()
    }
}

fn name(heap: &Heap<'_>, name: &TaskName) -> Text {
    match name {
        TaskName::Number(number) => Text::from(format!("Task-{}", number.big()).as_str()),
        TaskName::None(task) => Text::from(format!("Task at {task}").as_str()),
        TaskName::Object(at) => match read_text(&heap.ctx, *at, MAX_NAME) {
            Ok(part) if heap.type_of(*at).is_ok_and(|t| t.kind == Kind::Str) => part.text,
            _ => Text::from(repr(heap, *at, &ReprLimits::default()).text.as_str()),
        },
    }
}

fn wait(wait: tasks::Wait) -> TaskWait {
    TaskWait {
        kind: wait.kind,
        what: wait.what,
        addr: wait.addr,
        tasks: wait.tasks,
        holders: wait.holders,
        due: wait.due,
        due_in: wait.due_in,
        timeout_in: wait.timeout_in,
        fd: wait.fd,
        pid: wait.pid,
        thread: wait.tid,
    }
}

/// The `StackSummary` that asyncio's debug mode keeps: a list of `FrameSummary` (Lib/traceback.py).
fn created(heap: &Heap<'_>, list: Addr) -> Vec<TracebackEntry> {
    let Ok(info) = heap.type_of(list) else { return Vec::new() };
    let Ok(Some(entries)) = items(heap, list, &info, MAX_CREATED as u64) else { return Vec::new() };
    let text = |at: Addr, name: &str| {
        let found = find_attribute(heap, at, name).ok().flatten()?;
        (heap.type_of(found).ok()?.kind == Kind::Str).then(|| read_text(&heap.ctx, found, MAX_NAME).ok())?
    };
    let entry = |at: Addr| TracebackEntry {
        file: text(at, "filename").map(|part| part.text),
        line: find_attribute(heap, at, "lineno")
            .ok()
            .flatten()
            .and_then(|at| crate::cpython::object::Int::read(&heap.ctx, at).ok()?.to_u64()?.try_into().ok()),
        function: text(at, "name").map(|part| part.text),
    };
    entries.take(MAX_CREATED).map_while(Result::ok).filter_map(|item| Some(entry(item.value.object()?))).collect()
}
