//! `status`: what the program sees of the process.

use super::Args;
use super::host::{Host, RegistersOf};
use super::run::{CommandError, Reply};
use crate::model::answers::{Answer, Status, StatusOfProcess};

/// `status`.
pub(super) fn status(host: &mut dyn Host, _: &Args<'_>) -> Result<Reply, CommandError> {
    let (before, selected) = (host.status(), host.selection().thread);
    if before.process.is_none() {
        return Ok(Reply::answer(Answer::Status(before)));
    }
    let inspection = host.process(RegistersOf::Selected)?;
    let target = inspection.target();
    let thread = selected.and_then(|tid| target.thread(tid));
    let ip = thread.and_then(|thread| thread.registers.as_ref()?.ip());
    let python = inspection.python().map(|python| python.located);
    let of_python = python.and_then(|located| target.modules.get(located.module?)).map(|m| m.path.clone());
    let seen = StatusOfProcess {
        threads: target.threads.len() as u64,
        modules: target.modules.len() as u64,
        thread: thread.map(|thread| thread.tid),
        ip,
        ip_module: ip.and_then(|ip| target.module_at(ip)).map(|m| m.path.clone()),
        python: python.map(|located| format!("{}{}", located.version, located.flags.abiflags())),
        python_module: of_python,
        diagnostics: target.diagnostics.to_vec(),
    };
    let core = target.path.as_ref().map(|path| path.display().to_string());
    // What it has cost is known at the end.
    let cost = host.status().cost;
    Ok(Reply::answer(Answer::Status(Status { core, seen: Some(seen), cost, ..before })))
}
