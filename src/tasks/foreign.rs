//! Tasks of libraries that have tasks of their own, made the same as those of asyncio.

use super::chain::Chain;
use super::reader::Reader;
use super::waits::Wait;
use super::{Task, Tasks, Thread, frames};
use crate::base::Addr;
use crate::cpython::object::{self, Future, FutureState, TaskName};
use crate::model::{TaskFrom, TaskState};
use foldhash::{HashMap, HashMapExt as _};

/// What a library says of a task.
pub(super) struct Foreign {
    pub addr: Addr,
    pub state: TaskState,
    /// Its name, a string.
    pub name: Option<Addr>,
    pub coroutine: Addr,
    /// The coroutine followed inwards.
    pub chain: Chain,
    /// What runs it.
    pub event_loop: Option<Addr>,
    pub cancelling: bool,
    pub wait: Option<Wait>,
    /// The task that it belongs to.
    pub parent: Option<Addr>,
}

impl Foreign {
    /// Adds it to the tasks of an interpreter.
    pub fn add(self, reader: &Reader<'_, '_>, interpreter: usize, threads: &[&Thread], out: &mut Tasks) {
        let (frames, called) = frames(&self.chain, threads);
        out.coroutines.extend(self.chain.links.iter().map(|link| link.generator));
        let task = Task {
            addr: self.addr,
            interpreter,
            found_by: TaskFrom::HeapTasks,
            state: self.state,
            future: Future {
                state: FutureState::Pending,
                exception: None,
                result: None,
                event_loop: self.event_loop,
                created: None,
                first_callback: None,
                callbacks: None,
                awaited_by: None,
                native: false,
                unretrieved: false,
            },
            task: object::Task {
                name: self.name.map_or(TaskName::None(self.addr), TaskName::Object),
                coroutine: Some(self.coroutine),
                waits_for: None,
                cancelling: self.cancelling,
            },
            stack: out.stacks.number(reader, interpreter, &frames),
            frames: frames.into_iter().map(|(place, _)| place).collect(),
            called,
            wait: self.wait,
            awaited_by: Vec::new(),
            parent: self.parent,
            problems: self.chain.broken.into_iter().collect(),
        };
        out.tasks.push(task);
    }
}

/// Tells each task from the one at `first` on who waits for it.
pub(super) fn link(out: &mut Tasks, first: usize) {
    let on = |task: &Task| task.wait.as_ref().map(|wait| wait.tasks.clone()).unwrap_or_default();
    let on: Vec<(Addr, Vec<Addr>)> = out.tasks.iter().skip(first).map(|task| (task.addr, on(task))).collect();
    let mut by: HashMap<Addr, Vec<Addr>> = HashMap::new();
    for (task, on) in on {
        on.into_iter().for_each(|other| by.entry(other).or_default().push(task));
    }
    for task in out.tasks.iter_mut().skip(first) {
        task.awaited_by = by.remove(&task.addr).unwrap_or_default();
    }
}
