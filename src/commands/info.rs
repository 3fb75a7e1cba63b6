//! `info`, `modules`, `registers`: what is in the dump.

use super::host::{Host, RegistersOf};
use super::run::{CommandError, Reply, run};
use super::{Args, Part, ReportAsk, report_of};
use crate::base::Addr;
use crate::engine::Options;
use crate::model::answers::{Answer, Modules, Registers};

/// Words of gdb for lists, and the commands that give them.
const SUBJECTS: &[(&str, &str)] = &[
    ("threads", "threads"),
    ("locals", "locals"),
    ("frame", "frame"),
    ("stack", "bt"),
    ("registers", "registers"),
    ("sharedlibrary", "modules"),
    ("files", "modules"),
    ("breakpoints", "breakpoints"),
];

/// `info`, `info threads`, `info locals 2`.
pub(super) fn info(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    if !args.path.is_empty() {
        let (what, rest) = args.path.split_at(args.path.find(char::is_whitespace).unwrap_or(args.path.len()));
        let found = SUBJECTS.iter().find(|(name, _)| name.starts_with(what));
        return match found {
            Some((_, command)) => run(host, command, rest),
            None => {
                let words: Vec<&str> = SUBJECTS.iter().map(|(name, _)| *name).collect();
                Err(CommandError::message(format!("{}info takes one of {}", host.style().prefix(), words.join(", "))))
            }
        };
    }
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
