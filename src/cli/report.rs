//! `report`, `bt`, `locals`, `info`: a dump becomes a report, of which each shows its part.

use super::args::{Format, InfoArgs, InputArgs, LocalsArgs, Native, ReportArgs, SelectArgs, ValueArgs, View};
use super::emit::{self, Show};
use super::error::{input_name, io_text};
use super::{CliError, coredumpctl, exit, live, progress, sandbox, shorthand};
use crate::base::{Diagnostic, DiagnosticCode};
use crate::commands::{Part, ReportAsk, report_of};
use crate::debuggee::{Limits, Target, TargetError};
use crate::engine::{Inspection, Options, Source};
use crate::model::Report;
use crate::render::select::Threads;
use crate::sys::sandbox::Held;
use std::path::{Path, PathBuf};

pub fn report(args: &ReportArgs) -> Result<u8, CliError> {
    live::repeat(&args.input, || report_once(args))
}

fn report_once(args: &ReportArgs) -> Result<u8, CliError> {
    let ask = ReportAsk {
        machine: args.output.verbose || args.output.format() == Format::Json,
        without_findings: args.output.format() == Format::Faulthandler,
        ..asked(Part::Report, args.locals, args.native, &args.values)
    };
    let report = read(&args.input, &ask)?;
    let show = Show { view: View::Report, threads: emit::threads(&args.select, Threads::All), native: args.native };
    emit::show(report, &show, &args.select, &args.output)
}

pub fn bt(args: &ReportArgs) -> Result<u8, CliError> {
    live::repeat(&args.input, || bt_once(args))
}

fn bt_once(args: &ReportArgs) -> Result<u8, CliError> {
    let report = read(&args.input, &asked(Part::Stacks, args.locals, args.native, &args.values))?;
    let threads = emit::threads(&args.select, stacks_of(&args.input));
    let show = Show { view: View::Stacks, threads, native: args.native };
    emit::show(report, &show, &args.select, &args.output)
}

pub fn locals(args: &LocalsArgs) -> Result<u8, CliError> {
    let report = read(&args.input, &asked(Part::Stacks, true, Native::None, &args.values))?;
    let threads = emit::threads(&args.select, stacks_of(&args.input));
    let show = Show { view: View::Stacks, threads, native: Native::None };
    emit::show(report, &show, &args.select, &args.output)
}

pub fn info(args: &InfoArgs, held: Option<Held>) -> Result<u8, CliError> {
    let mut report = read(&args.input, &asked(Part::Info, false, Native::None, &ValueArgs::default()))?;
    report.diagnostics.push(Diagnostic::note(DiagnosticCode::Sandbox, sandbox::describe(held)));
    let show = Show { view: View::Info, threads: Threads::All, native: Native::None };
    emit::show(report, &show, &SelectArgs::default(), &args.output)
}

fn asked(part: Part, locals: bool, native: Native, values: &ValueArgs) -> ReportAsk {
    ReportAsk { part, locals, native: native != Native::None, ..ReportAsk::new(value_options(values)) }
}

/// How values are shown, and where they are cut.
pub fn value_options(values: &ValueArgs) -> Options {
    let mut options = Options { refcounts: values.refcounts, ..Options::default() };
    let repr = &mut options.limits.repr;
    repr.depth = values.max_depth.unwrap_or(repr.depth);
    repr.items = values.max_items.unwrap_or(repr.items);
    repr.characters = values.max_string.unwrap_or(repr.characters);
    repr.reads = values.max_reads.unwrap_or(repr.reads);
    options
}

/// In a running process no thread has crashed: all are shown.
fn stacks_of(input: &InputArgs) -> Threads {
    if input.pid.is_some() { Threads::All } else { Threads::Crashed }
}

/// Opens and analyses.
fn read(input: &InputArgs, ask: &ReportAsk) -> Result<Report, CliError> {
    let _progress = progress::after_a_while("reading the dump");
    let running = input.limits.start();
    match input.pid {
        Some(pid) => live::report(pid, input, &running.limits, |inspection| report_of(inspection, ask)),
        None => Ok(report_of(&super::left(open(input, &running.limits)?), ask)),
    }
}

/// What `look` sees in a dump or in a running process.
pub fn look<T>(input: &InputArgs, look: impl Fn(&Inspection) -> T) -> Result<T, CliError> {
    let running = input.limits.start();
    match input.pid {
        Some(pid) => live::result(pid, input, &running.limits, look),
        None => open(input, &running.limits).map(|inspection| look(&inspection)),
    }
}

/// A dump and the files of its modules.
pub fn open(input: &InputArgs, limits: &Limits) -> Result<Inspection, CliError> {
    open_dump(input, limits).map(|target| Inspection::from_target(target, &input.files.search()))
}

/// The dump that the arguments name, without the files of its modules.
pub fn open_dump(input: &InputArgs, limits: &Limits) -> Result<Target, CliError> {
    Source::from(&source(input)?).target_within(limits).map_err(|e| failed(&e))
}

/// Path of the dump that the arguments name.
fn source(input: &InputArgs) -> Result<PathBuf, CliError> {
    let stored = match &input.coredumpctl {
        Some(which) => {
            let which = Some(which.as_str()).filter(|w| !w.is_empty());
            Some(coredumpctl::find(Path::new(coredumpctl::DIR), which)?)
        }
        None if input.core.as_os_str().is_empty() => {
            let help = match shorthand::newest_dump(Path::new(".")) {
                Some(here) => format!("there is {} in this directory: name it", here.display()),
                None => "name a core or minidump, - for standard input, or --pid PID for a running process".to_owned(),
            };
            return Err(CliError::new(exit::USAGE, "no dump was given").help(help));
        }
        None => None,
    };
    Ok(stored.unwrap_or_else(|| input.core.clone()))
}

fn failed(error: &TargetError) -> CliError {
    let message = match error {
        TargetError::Open { path, source } => format!("{}: {}", input_name(path), io_text(source)),
        other => other.to_string(),
    };
    CliError { message, help: error.help().map(str::to_owned), code: exit::INPUT }
}
