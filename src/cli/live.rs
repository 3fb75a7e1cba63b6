//! Live processes on the command line: `--pid`, `--no-stop`, `--watch`.

use super::args::InputArgs;
use super::{CliError, exit, output};
use crate::base::{Diagnostic, DiagnosticCode};
use crate::debuggee::TargetError;
use crate::debuggee::live::{Examined, LiveOptions, start_ticks};
use crate::engine::{Inspection, examine};
use crate::image::SearchOptions;
use crate::model::Report;
use std::time::Duration;

/// Analyses a running process; the report says for how long it stood still.
///
/// # Errors
/// When there is no such process or it may not be looked at.
pub fn report(
    pid: i32,
    input: &InputArgs,
    search: &SearchOptions,
    report: impl Fn(&Inspection) -> Report,
) -> Result<Report, CliError> {
    let seen = look(pid, input, search, report)?;
    let mut report = seen.result;
    if !input.no_stop {
        let milliseconds = seen.longest_pause.as_secs_f64() * 1000.0;
        let times = if seen.stops == 1 { String::new() } else { format!(", the longest of {} pauses", seen.stops) };
        let text = format!("the process stood still for {milliseconds:.1} ms{times}");
        report.diagnostics.push(Diagnostic::note(DiagnosticCode::LivePaused, text));
    }
    Ok(report)
}

/// Looks at a running process.
///
/// # Errors
/// When there is no such process or it may not be looked at.
pub fn look<T>(
    pid: i32,
    input: &InputArgs,
    search: &SearchOptions,
    look: impl Fn(&Inspection) -> T,
) -> Result<Examined<T>, CliError> {
    let options = LiveOptions { stop: !input.no_stop, ..LiveOptions::default() };
    examine(pid, options, search, look).map_err(|e| refused(&e))
}

/// A process or dump that cannot be opened, as an error of the command line.
pub fn refused(error: &TargetError) -> CliError {
    CliError { message: error.to_string(), help: error.help().map(str::to_owned), code: exit::INPUT }
}

/// Runs a command once, or again and again with `--watch` until it fails.
pub fn repeat(input: &InputArgs, run: impl Fn() -> Result<u8, CliError>) -> Result<u8, CliError> {
    let Some(seconds) = input.watch else { return run() };
    let Some(pid) = input.pid else {
        return Err(CliError::new(exit::USAGE, "--watch is for live processes").help("give --pid PID"));
    };
    let started = start_ticks(pid);
    let pause = Duration::try_from_secs_f64(seconds.clamp(0.05, 86_400.0)).unwrap_or(Duration::from_secs(2));
    loop {
        // What is between two looks belongs to the run, not to the data.
        let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now());
        output::write_stderr(&format!("--- {now} ---\n"));
        run()?;
        std::thread::sleep(pause);
        // A process that is gone is the next look's to tell; one with its number is not the one that was asked for.
        if let (Some(before), Some(now)) = (started, start_ticks(pid))
            && before != now
        {
            return Err(CliError::new(exit::INPUT, format!("process {pid} has ended; another one has its number now")));
        }
    }
}
