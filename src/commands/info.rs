//! `info`, `modules`, `registers`: what is in the dump.

use super::host::{Host, RegistersOf};
use super::run::{CommandError, Reply};
use super::{Args, Part, ReportAsk, report_of};
use crate::base::Addr;
use crate::engine::Options;
use crate::model::answers::{Answer, Modules, Registers};

/// `info`.
pub(super) fn info(host: &mut dyn Host, _: &Args<'_>) -> Result<Reply, CommandError> {
    let ask = ReportAsk { part: Part::Info, ..ReportAsk::new(Options::default()) };
    let report = report_of(host.process(RegistersOf::All)?, &ask);
    Ok(Reply::answer(Answer::Info(Box::new(report))))
}

/// `modules`.
pub(super) fn modules(host: &mut dyn Host, _: &Args<'_>) -> Result<Reply, CommandError> {
    let modules = host.process(RegistersOf::Selected)?.modules();
    Ok(Reply::answer(Answer::Modules(Modules { modules })))
}

/// `registers`.
pub(super) fn registers(host: &mut dyn Host, _: &Args<'_>) -> Result<Reply, CommandError> {
    let selected = host.selection().thread;
    let target = host.process(RegistersOf::Selected)?.target();
    let thread = selected.and_then(|tid| target.thread(tid));
    let thread = thread.ok_or_else(|| CommandError::message("no thread is selected"))?;
    let registers = thread.registers.as_ref().ok_or_else(|| {
        CommandError::message(format!("the dump does not have the registers of thread {}", thread.tid))
    })?;
    let registers = registers.values.iter().map(|(name, value)| ((*name).to_owned(), Addr(*value))).collect();
    Ok(Reply::answer(Answer::Registers(Registers { tid: thread.tid, registers })))
}
