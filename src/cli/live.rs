//! Live processes on the command line: `--pid`, `--no-stop`, `--watch`.

use super::args::InputArgs;
use super::{CliError, exit, output};
use crate::base::{Diagnostic, DiagnosticCode};
use crate::debuggee::live::{Examined, LiveOptions, start_ticks};
use crate::debuggee::{Limits, TargetError};
use crate::engine::{Inspection, examine};
use crate::model::Report;
use std::time::Duration;

/// Analyses a running process; the report says for how long it stood still.
///
/// # Errors
/// When there is no such process or it may not be looked at.
pub fn report(
    pid: i32,
    input: &InputArgs,
    limits: &Limits,
    report: impl Fn(&Inspection) -> Report,
) -> Result<Report, CliError> {
    let seen = look(pid, input, limits, report)?;
    let ran_on = ran_on(input, &seen);
    let mut report = seen.result;
    if !input.no_stop {
        let milliseconds = seen.longest_pause.as_secs_f64() * 1000.0;
        let times = if seen.stops == 1 { String::new() } else { format!(", the longest of {} pauses", seen.stops) };
        let text = format!("the process stood still for {milliseconds:.1} ms{times}");
        report.diagnostics.push(Diagnostic::note(DiagnosticCode::LivePaused, text));
    }
    report.diagnostics.extend(ran_on);
    Ok(report)
}

/// What `look` sees in a running process; where that is not all of one moment, a line on standard error says so.
///
/// # Errors
/// As [`report`].
pub fn result<T>(
    pid: i32,
    input: &InputArgs,
    limits: &Limits,
    look_at: impl Fn(&Inspection) -> T,
) -> Result<T, CliError> {
    let seen = look(pid, input, limits, look_at)?;
    tell(ran_on(input, &seen));
    Ok(seen.result)
}

/// A warning on standard error.
pub fn tell(diagnostic: Option<Diagnostic>) {
    if let Some(Diagnostic { message, hint, .. }) = diagnostic {
        let hint = hint.map(|hint| format!("\n  help: {hint}")).unwrap_or_default();
        output::write_stderr(&format!("pyinquest: warning: {message}{hint}\n"));
    }
}

/// What is to be said of pages that were read when the process ran again.
pub fn ran_on<T>(input: &InputArgs, seen: &Examined<T>) -> Option<Diagnostic> {
    let pages = seen.later_pages;
    if input.no_stop || !seen.ran_on && pages == 0 {
        return None;
    }
    let noun = if pages == 1 { "page" } else { "pages" };
    let text = match seen.ran_on {
        true => format!(
            "the threads of the process did not all come to a stand in time (of {} ms): it was let go and read as it runs, \
             without registers, and parts may belong to different moments",
            input.max_stop
        ),
        false => format!(
            "{pages} {noun} of memory were read when the process ran again ({} ms were not enough to copy them): parts may \
             belong to different moments",
            input.max_stop
        ),
    };
    let hint = format!("--max-stop {} lets it stand still for longer", input.max_stop.saturating_mul(10).max(10));
    Some(Diagnostic::warning(DiagnosticCode::LiveRunning, text).hint(hint))
}

/// Looks at a running process.
///
/// # Errors
/// When there is no such process or it may not be looked at.
fn look<T>(
    pid: i32,
    input: &InputArgs,
    limits: &Limits,
    look: impl Fn(&Inspection) -> T,
) -> Result<Examined<T>, CliError> {
    examine(pid, options(input, limits), &input.files.search(), look).map_err(|e| refused(&e))
}

/// How a process is looked at.
#[must_use]
pub fn options(input: &InputArgs, limits: &Limits) -> LiveOptions {
    LiveOptions {
        stop: !input.no_stop,
        max_stop: Duration::from_millis(input.max_stop),
        limits: limits.clone(),
        ..LiveOptions::default()
    }
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
