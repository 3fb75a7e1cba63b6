//! `threads`: threads as Python knows them.

use super::Args;
use super::host::{Host, RegistersOf};
use super::run::{CommandError, Reply};
use super::view::View;
use crate::base::Text;
use crate::cpython::runtime::gil;
use crate::engine::{self, PythonThread};
use crate::model::answers::{Answer, ThreadRow, Threads};
use std::collections::{HashMap, HashSet};

/// `threads`.
pub(super) fn threads(host: &mut dyn Host, _: &Args<'_>) -> Result<Reply, CommandError> {
    let (selected, options, prefix) = (host.selection().thread, host.options(), host.style().prefix());
    let inspection = host.process(RegistersOf::All)?;
    let Some(view) = View::new(inspection, options) else {
        let text = format!("no CPython was found in this process ({prefix}status says what was looked at)");
        return Err(CommandError::NoPython(text));
    };
    let named: Vec<HashMap<u64, Text>> = (0..view.interpreters().len()).map(|i| view.names(i)).collect();
    let several = view.interpreters().len() > 1;
    let mut rows = Vec::new();
    for thread in view.threads() {
        let Some(innermost) = thread.innermost() else { continue };
        let tid = view.tid(&thread);
        let interpreter = view.interpreters().get(innermost.interpreter);
        let lock = interpreter.and_then(|i| gil(view.ctx(), view.located().runtime, i.addr).ok().flatten());
        let stack = view.stack(&thread);
        let first = stack.frames.first().and_then(|(at, frame)| Some((thread.states.get(*at)?.interpreter, frame)));
        let frame = first.map(|(at, frame)| engine::frame(&view.within(at).heap, frame, &view.options, false));
        let name = |state: &PythonThread<'_>| named.get(state.interpreter)?.get(&state.state.ident).cloned();
        let main = thread.states.iter().filter(|state| state.interpreter == 0);
        let ids = |state: &PythonThread<'_>| view.interpreters().get(state.interpreter).map(|i| i.id);
        let mut outer: Vec<i64> = Vec::new();
        for id in stack.frames.iter().filter_map(|(at, _)| ids(thread.states.get(*at).filter(|_| *at != 0)?)) {
            if !outer.contains(&id) {
                outer.push(id);
            }
        }
        rows.push(ThreadRow {
            tid,
            ident: innermost.state.ident,
            name: main.chain(&thread.states).find_map(name),
            selected: tid.is_some() && tid == selected,
            holds_gil: lock.is_some_and(|l| l.holder == Some(innermost.state.addr)),
            status: innermost.state.attachment,
            interpreter: interpreter.filter(|_| several).map(|i| i.id),
            outer_interpreters: outer,
            frame,
            end: thread.end(view.state, &stack),
        });
    }
    being_started(&mut rows);
    Ok(Reply::answer(Answer::Threads(Threads { threads: rows })))
}

/// Until its thread runs, a thread state of 3.8 to 3.11 has the ids of the thread that made it (Python/pystate.c,
/// `new_threadstate`); from 3.12 on it has none.
fn being_started(rows: &mut [ThreadRow]) {
    let of = |row: &ThreadRow| (row.ident, row.tid, row.interpreter);
    let running: HashSet<_> = rows.iter().filter(|row| row.frame.is_some()).map(of).collect();
    for row in rows.iter_mut().filter(|row| row.frame.is_none() && row.end.is_none()) {
        if running.contains(&of(row)) {
            (row.ident, row.tid, row.name, row.selected) = (0, None, None, false);
        }
    }
}
