//! `pyinquest triage`: many dumps, few distinct crashes.

mod args;
mod explain;
mod issues;
mod result;

pub use args::*;
pub use result::{FailOn, ResultArgs, TriageFormat};

use super::args::Color;
use super::error::io_text;
use super::{CliError, exit, output, sandbox};
use crate::debuggee::compressed;
use crate::triage::group::{self, Collector};
use crate::triage::pool::{self, Event, PoolOptions};
use crate::triage::read_dump::{self, MapOptions};
use crate::triage::record::{FORMAT, Label, Outcome, Row};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs `triage`.
///
/// # Errors
/// When the command line is wrong, rules or rows cannot be read, or results cannot be written.
pub fn run(args: &TriageArgs) -> Result<u8, CliError> {
    match &args.part {
        None => triage(&args.paths, &args.files, &args.pool, &args.result),
        Some(Part::Map(args)) => map_dumps(args),
        Some(Part::Reduce(args)) => reduce(args),
        Some(Part::Explain(args)) => explain::run(args),
        Some(Part::Issues(args)) => issues::list(args),
        Some(Part::Mark(args)) => issues::mark(args),
        Some(Part::Rules) => {
            output::write_stdout(crate::triage::rules::BUILT_IN.as_bytes())?;
            Ok(exit::OK)
        }
        Some(Part::Worker(args)) => worker(args),
    }
}

/// Reads, groups, reports.
pub(super) fn triage(
    paths: &[PathBuf],
    files: &FilesArgs,
    pool: &PoolArgs,
    wanted: &ResultArgs,
) -> Result<u8, CliError> {
    let options = files.options();
    give_up(&options, Some(wanted));
    let rules = options.load_rules().map_err(|e| CliError::new(exit::USAGE, e.to_string()))?;
    let mut collector = Collector::default();
    read(paths, &options, pool, |row| {
        collector.add(row);
        Ok(())
    })?;
    let rows = collector.rows();
    let triage = group::triage(&rows, &rules);
    result::finish(triage, &rows, paths, wanted)
}

/// Reads all dumps with a progress bar on a terminal; the first error of `each` ends it.
fn read(
    paths: &[PathBuf],
    options: &MapOptions,
    args: &PoolArgs,
    mut each: impl FnMut(Row) -> Result<(), CliError>,
) -> Result<(), CliError> {
    options.load_rules().map_err(|e| CliError::new(exit::USAGE, e.to_string()))?;
    let program = std::env::current_exe()
        .map_err(|e| CliError::new(exit::INTERNAL, format!("cannot find this program: {}", io_text(&e))))?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.unwrap_or(processors).max(1);
    let pool = PoolOptions {
        jobs,
        // Processors that are busy with other dumps are of no use.
        threads: processors.checked_div(jobs).unwrap_or(1).max(1),
        timeout: Duration::from_secs_f64(args.timeout),
        memory: args.memory_limit.saturating_mul(1 << 20),
        worker: vec![program.into_os_string(), "triage".into(), "worker".into()],
    };
    let bar = progress();
    let mut result = Ok(());
    let mut other = 0_usize;
    pool::run(paths, options, &pool, |event| match event {
        Event::Found => bar.inc_length(1),
        Event::Other => other = other.saturating_add(1),
        Event::Row(row) => {
            bar.inc(1);
            if result.is_ok() {
                result = each(*row);
            }
        }
    });
    bar.finish_and_clear();
    if other > 0 {
        let files = if other == 1 { "1 file that is".to_owned() } else { format!("{other} files that are") };
        output::write_stderr(&format!("pyinquest: note: passed over {files} no dump\n"));
    }
    result
}

fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} dumps, {elapsed}, about {eta} left");
    let bar = ProgressBar::new(0);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Of the process that unpacks archives, starts the workers and groups what they say: files are written where results are wanted and
/// where archives are unpacked, and only a store on a server is talked to. It starts this program again.
fn give_up(options: &MapOptions, wanted: Option<&ResultArgs>) {
    let mut needs = sandbox::of_search(&options.search);
    needs.programs = true;
    needs.write.extend([std::env::temp_dir(), compressed::directory(), PathBuf::from("/dev/null")]);
    if let Some(wanted) = wanted {
        // What cannot be made is told when it is to be written.
        let made = wanted.out.iter().filter(|directory| std::fs::create_dir_all(directory).is_ok());
        needs.write.extend(made.cloned());
        needs.write.extend(wanted.baseline.as_deref().map(sandbox::directory_of));
        let summary = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from);
        needs.write.extend(summary.as_deref().map(sandbox::directory_of));
        match &wanted.db {
            Some(place) if place.contains("://") => needs.network = true,
            Some(file) => needs.write.push(sandbox::directory_of(Path::new(file))),
            None => {}
        }
    }
    if !options.no_sandbox {
        let _ = sandbox::enter_with(needs);
        #[cfg(all(debug_assertions, target_os = "linux"))]
        sandbox::attempts_of_triage();
    }
}

fn map_dumps(args: &MapArgs) -> Result<u8, CliError> {
    give_up(&args.files.options(), None);
    let mut stdout = io::stdout().lock();
    let mut absent = false;
    read(&args.paths, &args.files.options(), &args.pool, |row| {
        absent |= row.outcome == Outcome::Unreadable && !Path::new(&row.dump).exists() && !row.dump.contains("::");
        let line = row_line(&row)?;
        match stdout.write_all(&line).and_then(|()| stdout.flush()) {
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
                Err(CliError::new(exit::INTERNAL, format!("cannot write to standard output: {}", io_text(&e))))
            }
            _ => Ok(()),
        }
    })?;
    // The row of a damaged dump says why, and a batch system must not repeat the job for it; a wrong path is its own fault.
    Ok(if absent { exit::INPUT } else { exit::OK })
}

/// A row as a line.
pub(super) fn row_line(row: &Row) -> Result<Vec<u8>, CliError> {
    let mut line = serde_json::to_vec(row)
        .map_err(|e| CliError::new(exit::INTERNAL, format!("cannot write a row as JSON: {e}")))?;
    line.push(b'\n');
    Ok(line)
}

fn reduce(args: &ReduceArgs) -> Result<u8, CliError> {
    let options = MapOptions { rules: args.rules.clone(), no_sandbox: args.safety.no_sandbox, ..MapOptions::default() };
    give_up(&options, Some(&args.result));
    let rules = options.load_rules().map_err(|e| CliError::new(exit::USAGE, e.to_string()))?;
    let mut collector = Collector::default();
    for path in &crate::triage::input::expand(&args.rows) {
        if let Err(error) = read_rows(path, &mut collector) {
            collector.add(Row::without_report(read_dump::label(path), Outcome::Unreadable, io_text(&error)));
        }
    }
    let rows = collector.rows();
    let triage = group::triage(&rows, &rules);
    result::finish(triage, &rows, &args.rows, &args.result)
}

/// The rows of a file. A line that is not a row is a row that says so.
fn read_rows(path: &Path, collector: &mut Collector) -> io::Result<()> {
    let mut lines: Box<dyn io::BufRead> = match path == Path::new("-") {
        true => Box::new(BufReader::new(io::stdin())),
        false => Box::new(BufReader::new(File::open(path)?)),
    };
    for number in 1_usize.. {
        let mut line = Vec::new();
        if lines.by_ref().take(pool::ROW_LIMIT).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if !line.trim_ascii().is_empty() {
            collector.add(row_of(&line).unwrap_or_else(|why| {
                let dump = format!("{}:{number}", path.display());
                let why = format!("not a row of `triage map`: {why}");
                Row::without_report(Label { dump, ..Label::default() }, Outcome::Unreadable, why)
            }));
        }
    }
    Ok(())
}

fn row_of(line: &[u8]) -> Result<Row, String> {
    let row: Row = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    match row.format == FORMAT {
        true => Ok(row),
        false => Err(format!("format {} instead of {FORMAT}", row.format)),
    }
}

fn worker(args: &WorkerArgs) -> Result<u8, CliError> {
    crate::sys::limits::limit_memory(args.memory);
    let begin = |options: &MapOptions| {
        // Threads that start later have given up as much.
        let _ = sandbox::give_up((!options.no_sandbox).then(|| sandbox::of_search(&options.search)));
        // One thread is the one that is here: starting others may fail for want of memory.
        let threads = rayon::ThreadPoolBuilder::new().num_threads(args.threads.max(1)).use_current_thread();
        threads.build_global().map_err(|e| io::Error::other(format!("no threads (memory?): {e}")))
    };
    pool::work(io::stdin().lock(), io::stdout().lock(), begin)
        .map_err(|e| CliError::new(exit::INTERNAL, format!("worker: {}", io_text(&e))))?;
    Ok(exit::OK)
}

/// Colours for the summary.
pub(super) fn palette(color: Color) -> crate::render::palette::Palette {
    output::palette(&super::args::OutputArgs { color, ..Default::default() })
}
