//! `step`, `next`, `finish`, `until`: the selected thread runs on until its Python code is somewhere else.
//!
//! The debugger watches words of the process and tells which have changed (`Host::run`); what a change means is decided here.

use super::Args;
use super::current::{no_frame, no_python};
use super::host::{Change, Host, Quiet, RegistersOf, Run, Stop, StopKind, Watch};
use super::run::{CommandError, Reply};
use super::view::View;
use crate::base::Addr;
use crate::cpython::code::Position;
use crate::cpython::stepping::{Place, Reached, Running, Word, place};
use crate::engine::SystemThread;
use crate::model::Frame;
use crate::model::answers::{Answer, StepEnd, Stepped};

/// Where to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// At the next line, wherever.
    Step,
    /// At the next line of this frame or of one that has called it.
    Next,
    /// When the frame has ended.
    Finish,
    /// At a line of this frame from this one on, or when it has ended.
    Until(u32),
}

/// `step [N]`.
pub(super) fn step(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    Walk::start(host, 0)?.go(host, Goal::Step, count(args))
}

/// `next [N]`.
pub(super) fn next(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    Walk::start(host, 0)?.go(host, Goal::Next, count(args))
}

/// `finish`.
pub(super) fn finish(host: &mut dyn Host, _: &Args<'_>) -> Result<Reply, CommandError> {
    let older = selected(host)?;
    Walk::start(host, older)?.go(host, Goal::Finish, 1)
}

/// `until [LINE]`.
pub(super) fn until(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let older = selected(host)?;
    let walk = Walk::start(host, older)?;
    let line = match args.number {
        Some(line) => u32::try_from(line).map_err(|_| CommandError::message("a line is a number from 1"))?,
        None => walk.told(host).or_else(|| walk.line()).map_or(0, |line| line.saturating_add(1)),
    };
    walk.go(host, Goal::Until(line), 1)
}

/// Whether a line that begins is one of those to stop at.
fn counts(goal: Goal, line: u32) -> bool {
    match goal {
        Goal::Finish => false,
        Goal::Until(wanted) => line >= wanted,
        Goal::Step | Goal::Next => true,
    }
}

fn count(args: &Args<'_>) -> u64 {
    args.number.map_or(1, |number| u64::try_from(number).unwrap_or(1).max(1))
}

/// How many Python frames the selected one is out from the innermost.
pub(super) fn selected(host: &mut dyn Host) -> Result<u64, CommandError> {
    let natives = super::current::for_selection(host, super::current::Natives::None);
    let current = super::current::current(host, natives)?;
    Ok(current.index().unwrap_or(0) as u64)
}

/// The system's id of the selected thread.
pub(super) fn selected_thread(host: &mut dyn Host) -> Result<u64, CommandError> {
    host.selection().thread.ok_or_else(|| CommandError::message("no thread is selected"))
}

pub(super) fn no_python_code() -> CommandError {
    CommandError::message("this thread runs no Python code now")
}

/// The thread's place as it was looked at last.
struct Walk {
    thread: u64,
    place: Place,
    /// Frame that was the innermost one at first.
    shown: Option<Addr>,
    /// What the instruction's word said before it was moved without an instruction being run.
    before: Option<u64>,
    /// Whether it has run Python code.
    ran: bool,
}

impl Walk {
    /// The selected thread, `older` Python frames out from the innermost.
    fn start(host: &mut dyn Host, older: u64) -> Result<Self, CommandError> {
        let thread = selected_thread(host)?;
        let place = look(host, thread, older)?;
        let mut walk = Walk { thread, place, shown: None, before: None, ran: false };
        walk.shown = walk.running().map(|running| running.frame.addr);
        Ok(walk)
    }

    fn running(&self) -> Option<&Running> {
        self.place.frame.as_ref().ok()?.as_ref()
    }

    fn line(&self) -> Option<u32> {
        self.running()?.frame.position.as_ref().ok()?.line
    }

    fn go(mut self, host: &mut dyn Host, goal: Goal, count: u64) -> Result<Reply, CommandError> {
        let mut left = count;
        if let Some(line) = self.inside(host)?.filter(|line| counts(goal, *line)) {
            left = left.saturating_sub(1);
            if left == 0 {
                return self.halfway(host, line);
            }
        }
        loop {
            let plan = self.plan(goal);
            if plan.is_empty() {
                return Err(no_python_code());
            }
            let watches = plan.iter().map(|(_, watch)| watch.clone()).collect();
            let stop = host.run(&Run { watches, calls: Vec::new() })?;
            if stop.kind != StopKind::Watch {
                return interrupted(host, stop);
            }
            let changed = |what: What| {
                stop.changes.iter().find(|c| plan.get(c.watch).is_some_and(|(of, _)| *of == what)).copied()
            };
            if changed(What::Chain).is_some() || changed(What::End).is_some() {
                self.ran |= self.running().is_some();
                self.place = look(host, self.thread, 0)?;
                self.before = None;
                match (&self.place.frame, goal) {
                    (Ok(None), _) if self.ran => return self.stopped(host, StepEnd::Ended),
                    (_, Goal::Finish | Goal::Until(_)) => return self.stopped(host, StepEnd::Finished),
                    _ => {}
                }
                continue;
            }
            let Some(change) = changed(What::Instruction) else { continue };
            let reached = self.moved(host, change)?;
            if reached.compiled {
                return self.stopped(host, StepEnd::Compiled);
            }
            left = left.saturating_sub(u64::from(reached.begins.is_some_and(|line| counts(goal, line))));
            if left == 0 {
                if let (Some(running), Some(steps)) =
                    (self.running().filter(|_| reached.inside.is_some()), host.steps())
                {
                    steps.inside = Some((running.frame.addr.0, running.instruction.value));
                }
                return self.stopped(host, StepEnd::Line);
            }
            if let Some(line) = reached.inside.filter(|line| counts(goal, *line)) {
                left = left.saturating_sub(1);
                if left == 0 {
                    return self.halfway(host, line);
                }
            }
        }
    }

    /// The line that begins with the second half of the instruction that is to run next, where a step has stopped at its
    /// first.
    fn inside(&self, host: &mut dyn Host) -> Result<Option<u32>, CommandError> {
        let Some(running) = self.running() else { return Ok(None) };
        let kept = host.steps().and_then(|steps| {
            steps.told = None;
            steps.inside.take()
        });
        if kept != Some((running.frame.addr.0, running.instruction.value)) {
            return Ok(None);
        }
        let offset = running.offset(running.instruction.value);
        with(host, |view| Ok(running.lines.reached(view.ctx(), offset, offset)?.inside))
    }

    /// The line where a step has stopped at the second half of the instruction.
    fn told(&self, host: &mut dyn Host) -> Option<u32> {
        let running = self.running()?;
        let (frame, instruction, line) = host.steps()?.told?;
        ((frame, instruction) == (running.frame.addr.0, running.instruction.value)).then_some(line)
    }

    /// The end of the command at the second half of an instruction.
    fn halfway(&self, host: &mut dyn Host, line: u32) -> Result<Reply, CommandError> {
        if let (Some(running), Some(steps)) = (self.running(), host.steps()) {
            steps.told = Some((running.frame.addr.0, running.instruction.value, line));
        }
        self.shown_at(host, StepEnd::Line, Some(line))
    }

    /// The words to watch.
    fn plan(&self, goal: Goal) -> Vec<(What, Watch)> {
        let mut plan = Vec::new();
        match (self.running(), goal) {
            (Some(running), Goal::Next | Goal::Finish | Goal::Until(_)) => {
                let value = running.end.value;
                // Any value but that one: what it holds now is of no interest.
                let watch = Watch { value: !value, ..watch(&running.end, Quiet::Other(value), self.thread) };
                plan.push((What::End, watch));
            }
            _ => plan.extend(self.place.chain.iter().map(|word| (What::Chain, watch(word, Quiet::Never, self.thread)))),
        }
        if let Some(running) = self.running().filter(|_| goal != Goal::Finish) {
            let word = running.instruction;
            let span = running.lines.within(running.offset(word.value));
            let span = span.filter(|_| running.moved.is_none() && self.before.is_none());
            let quiet =
                span.map_or(Quiet::Never, |span| Quiet::Growing(running.value(span.start), running.value(span.end)));
            plan.push((What::Instruction, watch(&word, quiet, self.thread)));
        }
        plan
    }

    /// Takes note of another instruction.
    fn moved(&mut self, host: &mut dyn Host, change: Change) -> Result<Reached, CommandError> {
        let Ok(Some(running)) = &mut self.place.frame else {
            return Ok(Reached { begins: None, inside: None, compiled: false });
        };
        running.instruction.value = change.now;
        if running.moved.take() == Some(change.now) {
            self.before = Some(change.before);
            return Ok(Reached { begins: None, inside: None, compiled: false });
        }
        let before = self.before.take().unwrap_or(change.before);
        let (before, now) = (running.offset(before), running.offset(change.now));
        with(host, |view| Ok(running.lines.reached(view.ctx(), before, now)?))
    }

    /// The end of the command.
    fn stopped(&self, host: &mut dyn Host, why: StepEnd) -> Result<Reply, CommandError> {
        self.shown_at(host, why, None)
    }

    fn shown_at(&self, host: &mut dyn Host, why: StepEnd, line: Option<u32>) -> Result<Reply, CommandError> {
        let frame = innermost(host, self.thread, line)?;
        let entered = frame.as_ref().map(|(at, _)| *at) != self.shown;
        let frame = frame.map(|(_, frame)| Box::new(frame));
        Ok(Reply::answer(Answer::Stepped(Stepped { why, entered, frame, ..Stepped::default() })))
    }
}

/// The end of a command where something else has stopped the process.
pub(super) fn interrupted(host: &mut dyn Host, stop: Stop) -> Result<Reply, CommandError> {
    let why = if stop.kind == StopKind::Exited { StepEnd::Exited } else { StepEnd::Stopped };
    let thread = host.selection().thread;
    // Another thread may be the one that has stopped.
    let frame =
        thread.filter(|_| why == StepEnd::Stopped).and_then(|thread| innermost(host, thread, None).ok().flatten());
    let frame = frame.map(|(_, frame)| Box::new(frame));
    Ok(Reply::answer(Answer::Stepped(Stepped { why, entered: true, frame, said: stop.text, ..Stepped::default() })))
}

/// What a watched word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Leads to the running frame.
    Chain,
    /// The frame's end.
    End,
    /// The frame's instruction.
    Instruction,
}

pub(super) fn watch(word: &Word, quiet: Quiet, thread: u64) -> Watch {
    let Word { address, size, value } = *word;
    Watch { address: address.0, size, value, quiet, access: false, thread: Some(thread) }
}

/// Runs `with` on the CPython of the process.
pub(super) fn with<T>(
    host: &mut dyn Host,
    with: impl FnOnce(&View<'_>) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    let (options, style) = (host.options(), host.style());
    let inspection = host.process(RegistersOf::Selected).map_err(no_frame)?;
    let view = View::new(inspection, options).ok_or_else(|| no_python(style, inspection))?;
    with(&view)
}

/// Where a thread is, `older` Python frames out from the innermost.
pub(super) fn look(host: &mut dyn Host, tid: u64, older: u64) -> Result<Place, CommandError> {
    with(host, |view| {
        let thread = view.thread_of(tid).ok_or_else(|| {
            CommandError::message(format!("thread {tid} has no Python thread state (py-threads lists those that do)"))
        })?;
        let (state, older) = own_frame(view, &thread, older);
        if !view.ctx().dialect.steps_are_known {
            return Err(CommandError::message("stepping is for CPython 3.8 and later"));
        }
        Ok(place(view.ctx(), view.state.codes, state, older)?)
    })
}

/// The thread state of a frame of a thread, and how many of its frames are further in.
fn own_frame(view: &View<'_>, thread: &SystemThread<'_>, older: u64) -> (Addr, u64) {
    let addr = |at: usize| thread.states.get(at).map_or(Addr::NULL, |state| state.state.addr);
    if thread.states.len() < 2 {
        return (addr(0), older);
    }
    let frames = view.stack(thread).frames;
    let number = usize::try_from(older).unwrap_or(usize::MAX);
    let own = frames.get(number).map_or(0, |(at, _)| *at);
    let further_in = frames.iter().take(number).filter(|(at, _)| *at == own).count();
    (addr(own), further_in as u64)
}

/// The innermost Python frame of a thread as it is shown, and where it is; at another line than its instruction's, where one
/// is given.
pub(super) fn innermost(
    host: &mut dyn Host,
    tid: u64,
    line: Option<u32>,
) -> Result<Option<(Addr, Frame)>, CommandError> {
    let place = look(host, tid, 0)?;
    let Ok(Some(Running { mut frame, .. })) = place.frame else { return Ok(None) };
    if line.is_some() {
        frame.position = Ok(Position { line, ..Position::default() });
    }
    with(host, |view| {
        let shown = match view.thread_of(tid) {
            Some(thread) => view.of(&thread).frame(&frame),
            None => view.frame(&frame),
        };
        Ok(Some((frame.addr, shown)))
    })
}
