//! Live processes on the command line: `--pid`, `--no-stop`, `--watch`.

use super::args::{HangArgs, InputArgs};
use super::{CliError, exit, output};
use crate::base::{Diagnostic, DiagnosticCode};
use crate::debuggee::live::{self, Examined, LiveOptions, by_command, start_ticks, with_descendants};
use crate::debuggee::{Limits, Target};
use crate::engine::{Inspection, examine, hang_waits, hold};
use crate::model::Report;
use crate::model::hang::Hang;
use regex::Regex;
use std::path::Path;
use std::time::Duration;

pub use crate::debuggee::live::{Channels, UnixSockets};
pub use crate::engine::hang_waits::Open;

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
    output::tell(ran_on(input, &seen));
    Ok(seen.result)
}

/// What is to be said of pages that were read when the process ran again.
fn ran_on<T>(input: &InputArgs, seen: &Examined<T>) -> Option<Diagnostic> {
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

/// The same of the process without what is made of it; `look` gets the directory that stands for its `/`, if that is another.
///
/// # Errors
/// When there is no such process or it may not be looked at.
pub fn target<T>(
    pid: i32,
    input: &InputArgs,
    limits: &Limits,
    look: impl Fn(Target, Option<&Path>) -> T,
) -> Result<T, CliError> {
    let seen = live::examine(pid, options(input, limits), look).map_err(|e| CliError::from(&e))?;
    output::tell(ran_on(input, &seen));
    Ok(seen.result)
}

/// What `look` makes of a process that stands still (unless that is not wanted) until it is done.
///
/// # Errors
/// When there is no such process or it may not be looked at.
pub fn held<T>(
    pid: i32,
    input: &InputArgs,
    limits: &Limits,
    look: impl FnOnce(Inspection) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let options = LiveOptions { stop: !input.no_stop, limits: limits.clone(), ..LiveOptions::default() };
    // What keeps it stopped stays here until the end.
    let held = hold(pid, options, &input.files.search()).map_err(|e| CliError::from(&e))?;
    look(held.inspection)
}

/// The processes that `hang` is asked for.
///
/// # Errors
/// Where the expression of `--match` is none.
pub fn processes(args: &HangArgs) -> Result<Vec<i32>, CliError> {
    let mut pids: Vec<i32> = match args.tree {
        true => args.pid.iter().flat_map(|pid| with_descendants(*pid)).collect(),
        false => args.pid.clone(),
    };
    if let Some(text) = &args.regex {
        let wanted = Regex::new(text).map_err(|e| CliError::new(exit::USAGE, format!("--match: {e}")))?;
        pids.extend(by_command(|command| wanted.is_match(command)));
    }
    let mut seen = std::collections::HashSet::new();
    pids.retain(|pid| seen.insert(*pid));
    Ok(pids)
}

/// What a process has open to others.
pub fn channels(pid: i32) -> Option<Channels> {
    Some(live::channels(pid))
}

/// What a process has open, with its number in [`Hang::processes`], and which of it the tasks of its report wait for.
pub fn open(process: usize, channels: Channels, report: &Report) -> Open {
    Open { process, channels, tasks: hang_waits::tasks_on(report) }
}

/// Adds what processes wait for of each other.
pub fn add_waits(hang: &mut Hang, open: &[Open], sockets: Option<UnixSockets>) {
    let unix = sockets.filter(|_| !open.is_empty()).map(UnixSockets::peers).unwrap_or_default();
    hang_waits::add(hang, open, &unix);
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
    examine(pid, options(input, limits), &input.files.search(), look).map_err(|e| CliError::from(&e))
}

/// How a process is looked at.
fn options(input: &InputArgs, limits: &Limits) -> LiveOptions {
    LiveOptions {
        stop: !input.no_stop,
        max_stop: Duration::from_millis(input.max_stop),
        limits: limits.clone(),
        ..LiveOptions::default()
    }
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
