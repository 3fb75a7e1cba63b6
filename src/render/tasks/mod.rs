//! Suspended work as text: a tree of who waits for whom, or one task after the other.

mod deferreds;
mod greenlets;
mod html;
mod pools;
mod suspended;
mod tree;

pub use html::render as html;

use super::palette::{Palette, paint};
use super::text::TextOptions;
use super::wording::{count, function, safe, safe_short};
use crate::base::{Addr, DiagnosticCode, Severity, counted, file_name, thousands};
use crate::model::tasks::{EventLoop, Task, TaskWait, Tasks};
use crate::model::{Fidelity, Frame, Local, TaskFrom, TaskState, TaskWaitKind};
use std::collections::HashMap;
use tree::{Branch, Stop, branches};

/// Longest name of a task that is shown.
const MAX_NAME: usize = 80;
/// Tasks that are named as holders of a lock.
const MAX_HOLDERS: usize = 3;
/// Branches that the command of debuggers shows.
const MAX_BRANCHES: usize = 1000;
/// Frames of one stack that are shown.
const MAX_FRAMES: usize = 100;

/// How to write text.
#[derive(Clone, Copy, Debug, Default)]
pub struct TasksText {
    /// Colours.
    pub palette: Palette,
    /// One task after the other in place of the tree.
    pub flat: bool,
    /// Most branches or tasks that are shown.
    pub limit: Option<usize>,
    /// How the others are shown, as in ` (--limit)`.
    pub more: &'static str,
    /// With addresses, whole paths, and what else is left out otherwise.
    pub verbose: bool,
}

/// The whole answer.
#[must_use]
pub fn text(tasks: &Tasks, options: &TasksText) -> String {
    let page = Page::new(tasks, *options);
    let mut out = String::new();
    match options.flat {
        true => page.flat(&mut out),
        false => page.tree(&mut out),
    }
    page.pools(&mut out);
    page.greenlets(&mut out);
    page.deferreds(&mut out);
    page.suspended(&mut out);
    page.findings(&mut out);
    page.diagnostics(&mut out);
    out
}

/// The answer as the command of debuggers and the shell shows it.
#[must_use]
pub fn of_command(tasks: &Tasks, options: &TextOptions) -> String {
    let limit = if options.verbose { None } else { Some(MAX_BRANCHES) };
    text(tasks, &TasksText { palette: options.palette, flat: false, limit, more: "", verbose: options.verbose })
}

/// The tree alone, for a report.
#[must_use]
pub fn tree_text(tasks: &Tasks, options: &TasksText) -> String {
    let mut out = String::new();
    let page = Page::new(tasks, *options);
    page.tree(&mut out);
    page.pools(&mut out);
    page.greenlets(&mut out);
    out
}

struct Page<'a> {
    tasks: &'a Tasks,
    options: TasksText,
    numbers: HashMap<Addr, usize>,
}

impl<'a> Page<'a> {
    fn new(tasks: &'a Tasks, options: TasksText) -> Self {
        let numbers = tasks.tasks.iter().enumerate().map(|(n, t)| (t.addr, n)).collect();
        Page { tasks, options, numbers }
    }

    /// What is said where there is nothing.
    fn nothing(&self, out: &mut String) {
        let others =
            !self.tasks.greenlets.is_empty() || !self.tasks.pools.is_empty() || !self.tasks.deferreds.is_empty();
        if self.tasks.loops.is_empty() && self.tasks.tasks.is_empty() && !others {
            let unknown = self.tasks.diagnostics.iter().any(|d| d.code == DiagnosticCode::TasksUnreadable);
            out.push_str(match unknown {
                true => "No asyncio tasks were found; whether there are some is not known.\n",
                false => "No asyncio tasks: the process has no event loop that tasks belong to.\n",
            });
        }
    }

    fn heading(&self, out: &mut String, event_loop: &EventLoop) {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&paint(self.options.palette.heading, &self.event_loop(event_loop)));
        out.push('\n');
    }

    fn event_loop(&self, one: &EventLoop) -> String {
        let name = one.type_name.rsplit('.').next().unwrap_or(&one.type_name);
        let name = if name == "Loop" { one.type_name.as_str() } else { name };
        let mut text = format!("Event loop {} ({})", one.addr, safe_short(name, MAX_NAME));
        let thread = one.thread.map(|tid| match &one.thread_name {
            Some(name) => format!("thread {tid} \"{}\"", safe_short(name, MAX_NAME)),
            None => format!("thread {tid}"),
        });
        text.push_str(&match (one.closed, one.running, thread) {
            (Some(true), ..) => ", closed".to_owned(),
            (_, Some(false), _) => ", not running".to_owned(),
            (_, _, Some(thread)) => format!(", run by {thread}"),
            (_, Some(true), None) => ", running".to_owned(),
            _ => String::new(),
        });
        text.push_str(&format!(": {} pending", counted(one.pending, "task")));
        for (n, what) in [(one.ready, "callback"), (one.timers, "timer")] {
            if let Some(n) = n.filter(|n| *n > 0) {
                let word = if what == "callback" { " ready" } else { "" };
                text.push_str(&format!(", {}{word}", counted(n, what)));
            }
        }
        text
    }

    fn tree(&self, out: &mut String) {
        self.nothing(out);
        // Each tree stands below the loop of its outermost task.
        let all = branches(self.tasks);
        let loop_of = |branch: &Branch| self.tasks.tasks.get(branch.task).and_then(|task| task.event_loop);
        let mut trees: Vec<(Option<Addr>, Vec<&Branch>)> = Vec::new();
        for branch in &all {
            match trees.last_mut().filter(|_| branch.depth > 0) {
                Some((_, tree)) => tree.push(branch),
                None => trees.push((loop_of(branch), vec![branch])),
            }
        }
        let mut left = self.limit();
        let known: Vec<Addr> = self.tasks.loops.iter().map(|one| one.addr).collect();
        for event_loop in &self.tasks.loops {
            self.heading(out, event_loop);
            let own = trees.iter().filter(|(at, _)| *at == Some(event_loop.addr));
            for branch in own.flat_map(|(_, tree)| tree).take(left) {
                self.branch(out, branch);
                left = left.saturating_sub(1);
            }
        }
        let strangers = trees.iter().filter(|(at, _)| at.is_none_or(|at| !known.contains(&at)));
        for branch in strangers.flat_map(|(_, tree)| tree).take(left) {
            self.branch(out, branch);
        }
        self.rest(out, all.len(), " branch", " branches");
    }

    /// Most of one kind that are shown.
    fn limit(&self) -> usize {
        self.options.limit.unwrap_or(usize::MAX)
    }

    /// The heading of what is told besides tasks, below an empty line.
    fn section(&self, out: &mut String, heading: &str) {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&format!("{}\n", paint(self.options.palette.heading, heading)));
    }

    /// How many of `all` the limit has left out; `one` and `many` are what they are, behind "more".
    fn rest(&self, out: &mut String, all: usize, one: &str, many: &str) {
        let rest = all.saturating_sub(self.limit());
        if rest > 0 {
            let noun = if rest == 1 { one } else { many };
            out.push_str(&format!("... {} more{noun}{}\n", thousands(rest as u64), self.options.more));
        }
    }

    fn branch(&self, out: &mut String, branch: &Branch) {
        let Some(task) = self.tasks.tasks.get(branch.task) else { return };
        let last = branch.more.len().saturating_sub(1);
        let mut lead = String::new();
        let mut below = String::new();
        for (index, more) in branch.more.iter().enumerate().skip(1) {
            let (own, under) = match (index == last, more) {
                (true, true) => ("├── ", "│   "),
                (true, false) => ("└── ", "    "),
                (false, true) => ("│   ", "│   "),
                (false, false) => ("    ", "    "),
            };
            lead.push_str(own);
            below.push_str(under);
        }
        out.push_str(&format!("{lead}{}\n", self.title(task, branch)));
        // What hangs below is drawn from here on.
        let has_below = branch.stop.is_none() && task.waits_for.as_ref().is_some_and(|w| self.shown_below(w));
        let bar = if has_below { "│ " } else { "  " };
        if !matches!(branch.stop, Some(Stop::Cycle | Stop::Shown)) {
            self.stack(out, task, &format!("{below}{bar}  "), branch.count == 1);
        }
        let note = match branch.stop {
            Some(Stop::Cycle) => "(it is above: the tasks between wait for each other)",
            Some(Stop::Shown) => "(shown above, with what it waits for)",
            Some(Stop::Deep) => "(what it waits for is too deep to be shown; see --flat)",
            None => "",
        };
        if !note.is_empty() {
            out.push_str(&format!("{below}    {}\n", paint(self.options.palette.dim, note)));
        }
    }

    fn shown_below(&self, wait: &TaskWait) -> bool {
        wait.tasks.iter().any(|at| self.numbers.contains_key(at))
    }

    fn title(&self, task: &Task, branch: &Branch) -> String {
        let palette = &self.options.palette;
        let name = |task: &Task| paint(palette.function, &safe_short(&task.name, MAX_NAME));
        let mut text = match branch.count {
            1 => name(task),
            n => {
                let mut names = vec![name(task)];
                names.extend(branch.others.iter().filter_map(|n| self.tasks.tasks.get(*n)).map(name));
                let more = if n > names.len() as u64 { ", ..." } else { "" };
                format!("{} x {}{more}", thousands(n), names.join(", "))
            }
        };
        text.push_str(&format!(" {}", self.doing(task, branch.count > 1)));
        if self.options.verbose && branch.count == 1 {
            text.push_str(&paint(palette.dim, &format!("  [{}]", task.addr)));
        }
        text
    }

    /// "waits for the Lock at 0x.., timeout in 3.0 s".
    fn doing(&self, task: &Task, many: bool) -> String {
        let palette = &self.options.palette;
        let verb = |one: &'static str, several: &'static str| if many { several } else { one };
        let mut text = match (task.state, &task.waits_for) {
            (TaskState::Running, _) => paint(palette.mark, verb("runs", "run")),
            (TaskState::NotStarted, _) => verb("has not begun", "have not begun").to_owned(),
            (TaskState::Runnable, _) => verb("is ready to run", "are ready to run").to_owned(),
            (TaskState::Finished, _) => verb("has ended", "have ended").to_owned(),
            (TaskState::Cancelled, _) => verb("was cancelled", "were cancelled").to_owned(),
            (TaskState::Failed, _) => {
                let what = task.exception.as_ref().map(|e| safe_short(&e.summary, 200)).unwrap_or_default();
                paint(palette.bad, &format!("{} {what}", verb("failed:", "failed:")))
            }
            (_, Some(wait)) if wait.kind == TaskWaitKind::Sleep => {
                format!("{}{}", verb("sleeps", "sleep"), if many { String::new() } else { times(wait) })
            }
            (_, Some(wait)) => format!("{} {}", verb("waits for", "wait for"), self.wait(wait, many)),
            _ => verb("waits", "wait").to_owned(),
        };
        if task.cancelling {
            text.push_str(&paint(palette.warning, ", is being cancelled"));
        }
        text
    }

    fn wait(&self, wait: &TaskWait, many: bool) -> String {
        // What differs between tasks that are folded into one line is left out.
        let own = matches!(
            wait.kind,
            TaskWaitKind::PlainFuture
                | TaskWaitKind::OneTask
                | TaskWaitKind::Nursery
                | TaskWaitKind::Shield
                | TaskWaitKind::StreamRead
                | TaskWaitKind::StreamWrite
                | TaskWaitKind::SocketRead
                | TaskWaitKind::SocketWrite
                | TaskWaitKind::ChildProcess
                | TaskWaitKind::ExecutorJob
        );
        let mut text = if many && own { general(wait.kind).to_owned() } else { safe(&wait.what) };
        if many {
            return text;
        }
        text.push_str(&times(wait));
        if !wait.holders.is_empty() {
            let name = |at: &Addr| {
                let task = self.numbers.get(at).and_then(|n| self.tasks.tasks.get(*n));
                task.map_or_else(|| at.to_string(), |t| format!("'{}'", safe_short(&t.name, MAX_NAME)))
            };
            let names: Vec<String> = wait.holders.iter().take(MAX_HOLDERS).map(name).collect();
            let more = wait.holders.len().saturating_sub(MAX_HOLDERS);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            text.push_str(&format!(", which {}{more} has in `async with`", names.join(", ")));
        }
        text
    }

    /// The frames of a task, outermost first, as the tree reads.
    fn stack(&self, out: &mut String, task: &Task, lead: &str, alone: bool) {
        let palette = &self.options.palette;
        self.frames_with(out, task.stack, lead, |index| task.locals.get(index).filter(|_| alone));
        for problem in &task.problems {
            out.push_str(&format!("{lead}{}\n", paint(palette.warning, &format!("<{}>", safe(problem)))));
        }
    }

    /// Frames, outermost first.
    fn frames(&self, out: &mut String, stack: Option<u32>, lead: &str) {
        self.frames_with(out, stack, lead, |_| None);
    }

    fn frames_with<'l>(
        &self,
        out: &mut String,
        stack: Option<u32>,
        lead: &str,
        locals: impl Fn(usize) -> Option<&'l Vec<Local>>,
    ) {
        let stack = stack.and_then(|n| self.tasks.stacks.get(usize::try_from(n).ok()?));
        let frames = stack.map(|s| s.frames.as_slice()).unwrap_or_default();
        let palette = &self.options.palette;
        let width = frames.iter().map(|f| function(f).chars().count()).max().unwrap_or(0).min(50);
        let hidden = frames.len().saturating_sub(MAX_FRAMES);
        for (index, frame) in frames.iter().enumerate().rev().take(MAX_FRAMES) {
            let name = function(frame);
            let pad = width.saturating_sub(name.chars().count());
            out.push_str(&format!("{lead}{name}{:pad$}  {}\n", "", paint(palette.dim, &self.place(frame))));
            if let Some(locals) = locals(index) {
                self.locals(out, locals, &format!("{lead}    "));
            }
        }
        if hidden > 0 {
            out.push_str(&format!("{lead}{}\n", paint(palette.dim, &format!("and {}", count(hidden, "frame")))));
        }
    }

    fn place(&self, frame: &Frame) -> String {
        let line = frame.line.map_or_else(|| "???".to_owned(), |l| l.to_string());
        let file = frame.file.as_ref().map(ToString::to_string).unwrap_or_else(|| "???".to_owned());
        match self.options.verbose {
            true => format!("{}:{line}", safe(file)),
            false => format!("{}:{line}", safe(short_path(&file))),
        }
    }

    fn locals(&self, out: &mut String, locals: &[Local], lead: &str) {
        let palette = &self.options.palette;
        for local in locals {
            let value = match (&local.value, &local.problem) {
                (Some(value), _) => {
                    let doubt = if value.fidelity == Fidelity::Damaged { " <damaged>" } else { "" };
                    format!("= {}{doubt}", safe(&value.repr))
                }
                (None, Some(problem)) => format!("<{}>", safe(problem)),
                (None, None) => "is unbound".to_owned(),
            };
            out.push_str(&format!("{lead}{} {value}\n", paint(palette.variable, &safe(&local.name))));
        }
    }

    fn flat(&self, out: &mut String) {
        self.nothing(out);
        for event_loop in &self.tasks.loops {
            out.push_str(&paint(self.options.palette.heading, &self.event_loop(event_loop)));
            out.push('\n');
        }
        for task in self.tasks.tasks.iter().take(self.limit()) {
            let palette = &self.options.palette;
            let name = paint(palette.function, &safe_short(&task.name, MAX_NAME));
            out.push_str(&format!("\n{name} {}\n", self.doing(task, false)));
            self.stack(out, task, "    ", true);
            let name_of = |at: &Addr| {
                let known = self.numbers.get(at).and_then(|n| self.tasks.tasks.get(*n));
                known.map_or_else(|| at.to_string(), |t| safe_short(&t.name, MAX_NAME))
            };
            if !task.awaited_by.is_empty() {
                let names: Vec<String> = task.awaited_by.iter().take(10).map(name_of).collect();
                let more = if task.awaited_by.len() > 10 { ", ..." } else { "" };
                out.push_str(&format!("    awaited by {}{more}\n", names.join(", ")));
            }
            for (index, entry) in task.created.iter().rev().enumerate().take(3) {
                let file = entry.file.as_ref().map(safe).unwrap_or_default();
                let word = if index == 0 { "created at" } else { "      from" };
                let line = entry.line.unwrap_or(0);
                let function = entry.function.as_ref().map(safe).unwrap_or_default();
                out.push_str(&format!("    {word} {file}:{line} in {function}\n"));
            }
            if self.options.verbose {
                let event_loop = task.event_loop.map(|at| format!(" of event loop {at}")).unwrap_or_default();
                let by = found_by(task.found_by);
                let text = format!("{} at {}{event_loop}, {by}", safe(&task.type_name), task.addr);
                out.push_str(&format!("    {}\n", paint(palette.dim, &text)));
            }
        }
        if self.tasks.tasks.len() > self.limit() {
            out.push('\n');
            self.rest(out, self.tasks.tasks.len(), " task", " tasks");
        }
    }

    fn diagnostics(&self, out: &mut String) {
        let shown: Vec<_> = self.tasks.diagnostics.iter().filter(|d| d.severity != Severity::Note).collect();
        if shown.is_empty() {
            return;
        }
        out.push('\n');
        for diagnostic in shown {
            let palette = &self.options.palette;
            let (style, word) = match diagnostic.severity {
                Severity::Error => (palette.bad, "error"),
                _ => (palette.warning, "warning"),
            };
            out.push_str(&format!("{}: {}\n", paint(style, word), safe(&diagnostic.message)));
        }
    }
}

/// What listed a task, in words.
fn found_by(from: TaskFrom) -> &'static str {
    match from {
        TaskFrom::ThreadTasks => "in its thread's list",
        TaskFrom::InterpreterTasks => "in the list of threads that have ended",
        TaskFrom::ScheduledTasks => "in asyncio's set of scheduled tasks",
        TaskFrom::EagerTasks => "in asyncio's set of eager tasks",
        TaskFrom::OtherTasks => "the task that its loop runs",
        TaskFrom::HeapTasks => "not listed by asyncio",
        _ => "listed",
    }
}

/// What many tasks wait for, each for its own.
fn general(kind: TaskWaitKind) -> &'static str {
    match kind {
        TaskWaitKind::OneTask => "one task each",
        TaskWaitKind::Nursery => "the tasks of a nursery each",
        TaskWaitKind::Shield => "one shielded future each",
        TaskWaitKind::StreamRead => "bytes of a stream each",
        TaskWaitKind::StreamWrite => "room in the write buffer of a stream each",
        TaskWaitKind::SocketRead => "bytes of a socket each",
        TaskWaitKind::SocketWrite => "room to write to a socket each",
        TaskWaitKind::ChildProcess => "the end of a subprocess each",
        TaskWaitKind::ExecutorJob => "a job of an executor each",
        _ => "a future each",
    }
}

/// ", due in 3.0 s, timeout in 5.0 s".
fn times(wait: &TaskWait) -> String {
    let mut text = match (wait.due_in, wait.due) {
        (Some(seconds), _) => format!(", due {}", when(seconds)),
        (None, Some(due)) => format!(", due when the loop's clock says {due:.3}"),
        _ => String::new(),
    };
    if let Some(seconds) = wait.timeout_in {
        text.push_str(&format!(", timeout {}", when(seconds)));
    }
    text
}

/// "in 3.0 s", "3.0 s ago".
fn when(seconds: f64) -> String {
    if seconds < 0.0 { format!("{:.3} s ago", -seconds) } else { format!("in {seconds:.3} s") }
}

/// The last two parts of a path.
fn short_path(path: &str) -> &str {
    let name = file_name(path);
    let parent = path.strip_suffix(name).map(|p| p.trim_end_matches(['/', '\\'])).unwrap_or_default();
    let start = parent.len().saturating_sub(file_name(parent).len());
    if parent.is_empty() { path } else { path.get(start..).unwrap_or(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_to_what_tells_them_apart() {
        assert_eq!(short_path("/srv/app/web/views.py"), "web/views.py");
        assert_eq!(short_path("/a.py"), "/a.py");
        assert_eq!(short_path("<stdin>"), "<stdin>");
        assert_eq!(when(1.5), "in 1.500 s");
        assert_eq!(when(-0.25), "0.250 s ago");
    }
}
