//! `tasks`: suspended work, one answer for all hosts.

use super::Args;
use super::host::{Host, RegistersOf};
use super::run::{CommandError, Reply};
use crate::engine::TaskOptions;
use crate::model::answers::Answer;

/// `tasks [--all]`.
pub(super) fn tasks(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let inspection = host.process(RegistersOf::Selected)?;
    let found = inspection.tasks(&TaskOptions { all: args.has("--all"), ..TaskOptions::default() });
    let found = found.ok_or_else(|| CommandError::message("pyinquest: no CPython was found in the process"))?;
    Ok(Reply::answer(Answer::Tasks(Box::new(found))))
}
