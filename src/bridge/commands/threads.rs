//! `py-threads` and `py-exc`.

use super::show;
use super::stack::{Natives, current};
use super::{CommandError, Reply};
use crate::base::{Addr, Text, escape_terminal};
use crate::bridge::protocol::RegistersOf;
use crate::bridge::python::View;
use crate::bridge::session::Session;
use crate::bridge::values;
use crate::commands::Args;
use crate::cpython::runtime::{gil, thread_names};
use crate::engine::Options;
use crate::model::ExceptionRelation;
use std::collections::HashMap;

/// Places of a traceback that are shown: the outermost and so many of the innermost.
const MAX_PLACES: usize = 5;

/// Thread names of an interpreter; those that can be read.
pub(super) fn names(view: &View<'_>, interpreter: usize) -> HashMap<u64, Text> {
    let heap = view.state.heap(interpreter);
    let of = heap.zip(view.interpreters().get(interpreter));
    of.and_then(|(heap, interpreter)| thread_names(&heap, interpreter).ok()).unwrap_or_default()
}

/// `py-threads`.
pub(super) fn threads(session: &mut Session, _: &Args<'_>) -> Result<Reply, CommandError> {
    let scene = session.scene().clone();
    let process = session.process(RegistersOf::All)?;
    let Some(view) = process.view() else {
        return Err(CommandError::message("no CPython was found in this process (py-status says what was looked at)"));
    };
    let named: Vec<HashMap<u64, Text>> = (0..view.interpreters().len()).map(|i| names(&view, i)).collect();
    let several = view.interpreters().len() > 1;
    let mut out = String::new();
    for thread in view.threads() {
        let tid = view.state.tid(&thread).or(thread.state.native_id);
        let selected = tid.is_some() && tid == scene.thread;
        let name = named.get(thread.interpreter).and_then(|n| n.get(&thread.state.ident));
        let interpreter = view.interpreters().get(thread.interpreter);
        let lock = interpreter.and_then(|i| gil(view.ctx(), view.located().runtime, i.addr).ok().flatten());
        let mut about = Vec::new();
        if lock.is_some_and(|l| l.holder == Some(thread.state.addr)) {
            about.push("holds the GIL".to_owned());
        }
        about.extend(thread.state.attachment.map(|a| a.to_string()));
        if several {
            about.extend(interpreter.map(|i| format!("interpreter {}", i.id)));
        }
        let stack = view.stack(&thread);
        let place = match (stack.frames.first(), &stack.end) {
            (Some(frame), _) => {
                let line = show::line(frame).map_or_else(|| "???".to_owned(), |l| l.to_string());
                format!("{} at {}:{line}", show::function(frame), show::file(frame))
            }
            (None, Some(end)) => format!("({end})"),
            (None, None) if tid.is_none() && thread.state.ident == 0 => "(being started)".to_owned(),
            (None, None) => "(no Python frames)".to_owned(),
        };
        let mark = if selected { "*" } else { " " };
        let id = tid.map_or_else(|| "?".to_owned(), |t| t.to_string());
        let name = name.map(|n| format!(" '{}'", escape_terminal(&n.to_string()))).unwrap_or_default();
        let about = if about.is_empty() { String::new() } else { format!(" [{}]", about.join(", ")) };
        out.push_str(&format!("{mark} {id}{name}{about} {place}\n"));
    }
    Ok(Reply::text(out))
}

/// `py-exc`.
pub(super) fn exceptions(session: &mut Session, _: &Args<'_>) -> Result<Reply, CommandError> {
    let current = current(session, Natives::None)?;
    let state = current.thread.state;
    let mut out = String::new();
    if let Some(at) = state.raising {
        out.push_str(&chain(&current.view, "raising", at));
    }
    for at in state.handling.iter().filter(|at| current.view.heap.is_exception(**at)) {
        out.push_str(&chain(&current.view, "handling", *at));
    }
    if out.is_empty() {
        out.push_str("no exception is being raised or handled in this thread\n");
    }
    Ok(Reply::text(out))
}

/// An exception, where it has been, and what it was raised from.
fn chain(view: &View<'_>, what: &str, at: Addr) -> String {
    let info = view.state.exception(&view.heap, at, &Options::default());
    let mut out = format!("{what}: {}\n", values::object(view, at).text);
    let mut next = Some(&info);
    while let Some(info) = next {
        let entries = info.traceback.len();
        for (index, entry) in info.traceback.iter().enumerate() {
            // The call that raised it is the last one.
            if index > 0 && index < entries.saturating_sub(MAX_PLACES) {
                continue;
            }
            if index == entries.saturating_sub(MAX_PLACES) && index > 1 {
                out.push_str(&format!("    ... {} calls more\n", index.saturating_sub(1)));
            }
            let text =
                |text: &Option<Text>| text.as_ref().map_or("???".to_owned(), |t| escape_terminal(&t.to_string()));
            let line = entry.line.map_or_else(|| "???".to_owned(), |line| line.to_string());
            out.push_str(&format!("    in {} at {}:{line}\n", text(&entry.function), text(&entry.file)));
        }
        next = info.caused_by.as_ref().map(|link| {
            let how = if link.relation == ExceptionRelation::Cause { "caused by" } else { "raised while handling" };
            out.push_str(&format!("  {how}: {}\n", escape_terminal(&link.exception.summary)));
            &link.exception
        });
    }
    out
}
