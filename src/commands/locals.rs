//! `locals`: variables of the selected frame.

use super::Args;
use super::current::{Natives, current, for_selection};
use super::host::{Host, Style};
use super::run::{CommandError, Reply};
use super::view::{MAX_LOCALS, View};
use crate::cpython::frame::{PyFrame, SlotKind};
use crate::engine;
use crate::model::answers::{Answer, FrameLocals, FramesLocals};

/// Most frames of one evaluation loop whose variables are shown.
const MAX_FRAMES: usize = 50;

/// `locals [-v] [N]`.
pub(super) fn locals(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let verbose = args.has("-v");
    let natives = for_selection(host, Natives::None);
    let current = current(host, natives)?;
    let have = current.stack.frames.len();
    let first = match args.number {
        None => current.index().unwrap_or_default(),
        Some(number) => usize::try_from(number).ok().filter(|at| *at < have).ok_or_else(|| {
            let last = have.saturating_sub(1);
            CommandError::message(format!("there is no Python frame {number}; the outermost is {last}"))
        })?,
    };
    let mut out = FramesLocals::default();
    for (number, frame) in current.stack.frames.iter().enumerate().skip(first) {
        if out.frames.len() >= MAX_FRAMES {
            out.more = true;
            break;
        }
        out.frames.push(of_frame(&current.stack.view(&current.view, number), number, frame, verbose || args.json));
        // As CPython's script: the frames that one call of the C evaluation loop runs.
        if frame.entry || current.style != Style::Gdb || args.number.is_some() {
            break;
        }
    }
    Ok(Reply { verbose, ..Reply::answer(Answer::Locals(out)) })
}

fn of_frame(view: &View<'_>, number: usize, frame: &PyFrame, verbose: bool) -> FrameLocals {
    let function = frame.code.as_ref().ok().and_then(|code| code.name.clone().ok());
    let mut out = FrameLocals { number: number as u64, function, ..FrameLocals::default() };
    match view.locals(frame, MAX_LOCALS) {
        Ok(list) => {
            let all = list.len();
            // What every module has is not what the user looks for.
            let is_hidden = |name: &str| name.starts_with("__") && !verbose;
            let shown = list.into_iter().filter(|var| var.kind != SlotKind::Name || !is_hidden(&var.name.to_string()));
            out.locals = shown.map(|var| engine::local(&view.heap, var, &view.options)).collect();
            out.hidden = all.saturating_sub(out.locals.len()) as u64;
        }
        Err(error) => out.problems.push(format!("unreadable: {error}")),
    }
    out
}
