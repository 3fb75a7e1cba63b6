//! `up`, `down`, `frame`: which Python frame is selected.

use super::Args;
use super::bt::Show;
use super::current::{MANY, Natives, current};
use super::entries::EntryKind as Tied;
use super::host::Host;
use super::run::{CommandError, FrameSelection, Reply};
use crate::base::{Text, escape_terminal};
use crate::cpython::frame::PyFrame;
use crate::model::answers::Answer;

/// `up [N]`.
pub(super) fn up(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    step(host, args, "Unable to find an older python frame", |entry, count, last| entry.saturating_add(count).min(last))
}

/// `down [N]`.
pub(super) fn down(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    step(host, args, "Unable to find a newer python frame", |entry, count, _| entry.saturating_sub(count))
}

fn step(
    host: &mut dyn Host,
    args: &Args<'_>,
    nothing: &str,
    to: fn(usize, usize, usize) -> usize,
) -> Result<Reply, CommandError> {
    let count = usize::try_from(args.number.unwrap_or(1).max(0)).unwrap_or(usize::MAX);
    let current = current(host, Natives::Levels(MANY))?;
    let last = current.stack.entries.len().saturating_sub(1);
    let to = to(current.entry, count, last);
    if to == current.entry && count > 0 {
        return Err(CommandError::message(nothing));
    }
    drop(current);
    go(host, to)
}

/// `frame [N|FUNCTION]`.
pub(super) fn select(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let current = current(host, Natives::Levels(MANY))?;
    let to = match (args.number, args.name) {
        (None, None) => current.entry,
        (None, Some(name)) => {
            let is_it = |kind: &Tied| matches!(kind, Tied::Python(at) if current.stack.frames.get(*at).is_some_and(|f| is_of(f, name)));
            let position = current.stack.entries.iter().position(|e| is_it(&e.kind));
            position.ok_or_else(|| {
                CommandError::message(format!("no Python frame of this thread is of {}", escape_terminal(name)))
            })?
        }
        (Some(number), _) => {
            let is_it = |kind: &Tied| matches!(kind, Tied::Python(at) if usize::try_from(number) == Ok(*at));
            let position = current.stack.entries.iter().position(|e| is_it(&e.kind));
            position.ok_or_else(|| {
                let last = current.stack.frames.len().saturating_sub(1);
                CommandError::message(format!("there is no Python frame {number}; the outermost is {last}"))
            })?
        }
    };
    drop(current);
    go(host, to)
}

/// Whether a frame is of the function of this name, by itself or with its class.
fn is_of(frame: &PyFrame, name: &str) -> bool {
    frame.code.as_ref().is_ok_and(|code| {
        let named = |text: &Text| *text == *name;
        code.name.as_ref().is_ok_and(named) || code.qualname.as_ref().is_some_and(|q| q.as_ref().is_ok_and(named))
    })
}

/// Selects an entry together with its native frame, and shows it.
fn go(host: &mut dyn Host, to: usize) -> Result<Reply, CommandError> {
    let current = current(host, Natives::Levels(MANY))?;
    let Some(entry) = current.stack.entries.get(to) else {
        return Err(CommandError::message("the stack has changed; try again"));
    };
    let (view, stack, doubts) = (&current.view, &current.stack, Default::default());
    let show = Show { view, stack, full: true, fold: false, namespaces: false, doubts };
    let select = FrameSelection { entry: to, level: entry.level };
    Ok(Reply { select: Some(select), ..Reply::answer(Answer::Selected(show.one(entry, true))) })
}
