//! `hang`: many processes side by side.

use super::args::{HangArgs, HangFormat, InputArgs, OutputArgs};
use super::live::{self, Channels, Open, UnixSockets};
use super::{CliError, exit, output, progress};
use crate::engine::hang::side_by_side;
use crate::engine::{Inspection, Options, Source};
use crate::model::{Report, SCHEMA_VERSION};
use crate::render::hang as render;
use rayon::prelude::*;
use std::io::Read as _;
use std::path::Path;

/// A report is text of a few megabytes at most.
const MAX_REPORT: u64 = 1 << 30;

/// Name of a process, what it does, and of a running one what it has open.
type Looked = (String, Result<Report, String>, Option<Channels>);

/// `sockets`: the table of Unix sockets, opened before that was given up.
pub fn run(args: &HangArgs, sockets: Option<UnixSockets>) -> Result<u8, CliError> {
    let looked = {
        let _progress = progress::after_a_while("reading the processes");
        look(args)?
    };
    if looked.is_empty() {
        return Err(CliError::new(exit::INPUT, "no process was found").help("see --match, --pid"));
    }
    let failed = looked.iter().all(|(_, report, _)| report.is_err());
    // Those that cannot be read are no processes of the answer.
    let read = looked.iter().filter_map(|(_, report, open)| Some((report.as_ref().ok()?, open)));
    let open = |(process, (report, open)): (usize, (&Report, &Option<Channels>))| {
        Some(live::open(process, open.clone()?, report))
    };
    let open: Vec<Open> = read.enumerate().filter_map(open).collect();
    let mut hang = side_by_side(looked.into_iter().map(|(name, report, _)| (name, report)).collect());
    live::add_waits(&mut hang, &open, sockets);
    let shown = match args.format {
        HangFormat::Text if !args.json => {
            let palette = output::palette(&OutputArgs { color: args.color, ..OutputArgs::default() });
            render::text(&hang, &palette, args.limit)
        }
        _ => {
            let json = serde_json::to_string_pretty(&hang);
            json.map_err(|e| CliError::new(exit::INTERNAL, e.to_string()))? + "\n"
        }
    };
    output::write_stdout(shown.as_bytes())?;
    Ok(if failed { exit::INPUT } else { exit::OK })
}

fn look(args: &HangArgs) -> Result<Vec<Looked>, CliError> {
    let pids = live::processes(args)?;
    let search = args.files.search();
    let options = Options::default();
    let running = args.limits.start();
    let core = |path: &std::path::PathBuf| {
        let target = Source::from(path).target_within(&running.limits).map_err(|e| e.to_string());
        let report = target.map(|target| Inspection::from_target(target, &search).report(&options));
        (path.display().to_string(), report, None)
    };
    // Before any of them is stopped: a system call that a stop interrupts may end.
    let open: Vec<Option<Channels>> = pids.iter().map(|pid| live::channels(*pid)).collect();
    // One after the other: each is to stand still for as short as can be.
    let process = |(pid, open): (&i32, Option<Channels>)| {
        let (files, no_stop) = (args.files.clone(), args.no_stop);
        let input = InputArgs { no_stop, files, max_stop: args.max_stop, ..InputArgs::default() };
        let report = live::report(*pid, &input, &running.limits, |inspection| inspection.report(&options));
        (format!("process {pid}"), report.map_err(|e| e.message), open)
    };
    let mut looked: Vec<Looked> = args.cores.par_iter().map(core).collect();
    looked.extend(pids.iter().zip(open).map(process));
    looked.par_extend(args.reports.par_iter().map(|path| (path.display().to_string(), saved(path), None)));
    Ok(looked)
}

/// A report that was saved.
fn saved(path: &Path) -> Result<Report, String> {
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    file.take(MAX_REPORT).read_to_end(&mut text).map_err(|e| e.to_string())?;
    let report: Report = serde_json::from_slice(&text).map_err(|e| format!("not a JSON report: {e}"))?;
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    match major(&report.schema_version) == major(SCHEMA_VERSION) {
        true => Ok(report),
        false => Err(format!("schema version \"{}\" is not supported", report.schema_version)),
    }
}
