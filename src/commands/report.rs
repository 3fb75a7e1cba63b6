//! `report`, and the parts of it that `bt`, `locals` and `info` of the command line show.

use super::Args;
use super::host::{Host, RegistersOf};
use super::run::{CommandError, Reply};
use crate::engine::{Inspection, Options};
use crate::model::Report;
use crate::model::answers::Answer;

/// Which part of a report is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// All of it.
    Report,
    /// Stacks.
    Stacks,
    /// What is in the dump.
    Info,
}

/// What a report is to hold.
#[derive(Clone, Debug)]
pub struct ReportAsk {
    /// Which part.
    pub part: Part,
    /// Locals of each frame.
    pub locals: bool,
    /// Native frames.
    pub native: bool,
    /// Registers and machine code of the crashed thread.
    pub machine: bool,
    /// No findings, although the whole report is wanted.
    pub without_findings: bool,
    /// How values are shown, and where they are cut.
    pub values: Options,
}

impl ReportAsk {
    /// The whole report as it is unless something else is asked for.
    #[must_use]
    pub fn new(values: Options) -> Self {
        let part = Part::Report;
        ReportAsk { part, locals: false, native: false, machine: false, without_findings: false, values }
    }
}

/// The report of a process.
#[must_use]
pub fn report_of(inspection: &Inspection, ask: &ReportAsk) -> Report {
    let options = Options {
        locals: ask.locals,
        native: ask.native,
        machine: ask.machine,
        // Stacks and what is in the dump go without findings: that is most of a report's time.
        without_findings: ask.without_findings || ask.part != Part::Report,
        fatal_error: ask.part == Part::Report,
        source_lines: true,
        ..ask.values.clone()
    };
    inspection.report(&options)
}

/// `report [--locals]`.
pub(super) fn report(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let ask = ReportAsk { locals: args.has("--locals"), ..ReportAsk::new(Options::default()) };
    let report = report_of(host.process(RegistersOf::All)?, &ask);
    Ok(Reply::answer(Answer::Report(Box::new(report))))
}
