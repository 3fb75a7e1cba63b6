//! `exc`: exceptions of the selected thread.

use super::Args;
use super::current::{Current, Natives, current};
use super::host::Host;
use super::run::{CommandError, Reply};
use crate::base::Addr;
use crate::engine::Options;
use crate::model::ExceptionInfo;
use crate::model::answers::{Answer, Exceptions};

/// `exc`.
pub(super) fn exceptions(host: &mut dyn Host, _: &Args<'_>) -> Result<Reply, CommandError> {
    let current = current(host, Natives::None)?;
    let Some(state) = current.thread.innermost().map(|innermost| innermost.state) else {
        return Ok(Reply::answer(Answer::Exceptions(Exceptions::default())));
    };
    let is_exception = |at: &&Addr| current.view.heap.is_exception(**at);
    let answer = Exceptions {
        raising: state.raising.map(|at| info(&current, at)),
        handling: state.handling.iter().filter(is_exception).map(|at| info(&current, *at)).collect(),
    };
    Ok(Reply::answer(Answer::Exceptions(answer)))
}

/// An exception; its line is Python's own, its value as this host shows values.
fn info(current: &Current<'_>, at: Addr) -> ExceptionInfo {
    let view = &current.view;
    ExceptionInfo { value: view.object(at), ..view.state.exception(&view.heap, at, &Options::default()) }
}
