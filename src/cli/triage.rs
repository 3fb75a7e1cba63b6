//! `pyinquest triage`: many dumps, few distinct crashes.

use super::args::Color;
use super::error::io_text;
use super::triage_result::{self, ResultArgs};
use super::{CliError, exit, output};
use crate::base::escape_terminal;
use crate::triage::group::{self, Collector};
use crate::triage::map::{self, MapOptions};
use crate::triage::pool::{self, Event, PoolOptions};
use crate::triage::row::Row;
use crate::triage::signature;
use crate::triage::store::{self, Status};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Arguments of `triage`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct TriageArgs {
    /// A part of the work on its own
    #[command(subcommand)]
    pub part: Option<Part>,
    /// Dumps: files, folders, patterns, tar archives; packed or not
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Where the files of the dead processes are
    #[command(flatten)]
    pub files: FilesArgs,
    /// How the work is done
    #[command(flatten)]
    pub pool: PoolArgs,
    /// What comes out
    #[command(flatten)]
    pub result: ResultArgs,
}

const EXAMPLES: &str = "\
Examples:
  pyinquest triage cores/ --out triage/                     analyse, group, report
  pyinquest triage 'cores/*.zst' more.tar --db triage.db --fail-on new
  pyinquest triage explain core.1234                        how a signature came about
  pyinquest triage map core.1234 > rows/1234.ndjson         for batch systems: one dump, one row ...
  pyinquest triage reduce rows/*.ndjson --out triage/       ... and the rows together";

/// Parts of the work.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Part {
    /// Write the row of each dump to standard output, as NDJSON
    Map(MapArgs),
    /// Group rows that `triage map` wrote
    Reduce(ReduceArgs),
    /// Show how the signature of a dump came about
    Explain(ExplainArgs),
    /// Show the issues of a triage database
    Issues(IssuesArgs),
    /// Mark an issue of a triage database as fixed, ignored or open, or add a note
    Mark(MarkArgs),
    /// Print the rules that signatures are made by
    Rules,
    /// Read dumps for another pyinquest
    #[command(hide = true)]
    Worker(WorkerArgs),
}

/// Where the files of the dead processes are, and which rules to use.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Files")]
pub struct FilesArgs {
    /// The main executable, when it is not where the processes saw it
    #[arg(long, value_name = "FILE")]
    pub executable: Option<PathBuf>,
    /// Folder that stands for / of the processes (an unpacked container image); may be repeated
    #[arg(long, value_name = "DIR")]
    pub sysroot: Vec<PathBuf>,
    /// Folder with separate debug files, like /usr/lib/debug; may be repeated
    #[arg(long, value_name = "DIR")]
    pub debug_dir: Vec<PathBuf>,
    /// Read paths that begin with OLD below NEW instead; may be repeated
    #[arg(long, value_name = "OLD=NEW", value_parser = parse_pair)]
    pub map: Vec<(String, String)>,
    /// Look at no file but the dumps
    #[arg(long)]
    pub no_files: bool,
    /// Rules that are asked before the built-in ones (see `triage rules`)
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Have locals in JSON, NDJSON and HTML; values of names that look like secrets are left out
    #[arg(long, help_heading = "Privacy")]
    pub with_locals: bool,
    /// Leave out nothing that looks like a secret: for results that stay private
    #[arg(long, help_heading = "Privacy")]
    pub no_redact: bool,
}

/// `KEY=VALUE`.
pub(super) fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("not of the form NAME=VALUE".to_owned()),
    }
}

/// How the work is done.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Work")]
pub struct PoolArgs {
    /// Dumps that are read at the same time [default: one for each processor]
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
    /// Give up on a dump after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120.0, value_parser = parse_seconds)]
    pub timeout: f64,
    /// Give up on a dump whose reader needs more memory than this many MiB
    #[arg(long, value_name = "MIB", default_value_t = 4096)]
    pub memory_limit: u64,
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 1e9 => Ok(seconds),
        _ => Err("not a number of seconds above 0".to_owned()),
    }
}

/// Arguments of `map`.
#[derive(Debug, Args)]
pub struct MapArgs {
    /// Dumps: files, folders, patterns, tar archives
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Where the files of the dead processes are
    #[command(flatten)]
    pub files: FilesArgs,
    /// How the work is done
    #[command(flatten)]
    pub pool: PoolArgs,
}

/// Arguments of `reduce`.
#[derive(Debug, Args)]
pub struct ReduceArgs {
    /// Files of rows; - for standard input
    #[arg(value_name = "ROWS", required = true)]
    pub rows: Vec<PathBuf>,
    /// Rules that are asked before the built-in ones; for similarity, the keys are in the rows
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// What comes out
    #[command(flatten)]
    pub result: ResultArgs,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Dump; - for standard input
    #[arg(value_name = "DUMP")]
    pub dump: PathBuf,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// Where the files of the dead process are
    #[command(flatten)]
    pub files: FilesArgs,
}

/// Arguments of `issues`.
#[derive(Debug, Args)]
pub struct IssuesArgs {
    /// Database: a file, or a postgresql:// URL
    #[arg(long, value_name = "FILE|URL", env = "PYINQUEST_TRIAGE_DB", hide_env_values = true)]
    pub db: String,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `mark`.
#[derive(Debug, Args)]
pub struct MarkArgs {
    /// Number of the issue
    #[arg(value_name = "ISSUE")]
    pub issue: i64,
    /// What it is now
    #[arg(value_enum, required_unless_present = "note")]
    pub status: Option<Status>,
    /// A note that results show from now on
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Database: a file, or a postgresql:// URL
    #[arg(long, value_name = "FILE|URL", env = "PYINQUEST_TRIAGE_DB", hide_env_values = true)]
    pub db: String,
}

/// Arguments of `worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Bytes of memory
    #[arg(long)]
    pub memory: u64,
    /// Threads
    #[arg(long)]
    pub threads: usize,
}

impl FilesArgs {
    fn options(&self) -> MapOptions {
        // Workers run where we run, but a name must mean the same in a saved row.
        MapOptions {
            executable: self.executable.clone(),
            sysroots: self.sysroot.clone(),
            debug_dirs: self.debug_dir.clone(),
            path_maps: self.map.clone(),
            no_files: self.no_files,
            rules: self.rules.clone(),
            locals: self.with_locals,
            unredacted: self.no_redact,
        }
    }
}

/// Runs `triage`.
///
/// # Errors
/// When the command line is wrong, rules or rows cannot be read, or results cannot be written.
pub fn run(args: &TriageArgs) -> Result<u8, CliError> {
    match &args.part {
        None => triage(&args.paths, &args.files, &args.pool, &args.result),
        Some(Part::Map(args)) => map_dumps(args),
        Some(Part::Reduce(args)) => reduce(args),
        Some(Part::Explain(args)) => explain(args),
        Some(Part::Issues(args)) => issues(args),
        Some(Part::Mark(args)) => mark(args),
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
    result: &ResultArgs,
) -> Result<u8, CliError> {
    let options = files.options();
    let rules = options.load_rules().map_err(|e| CliError::new(exit::USAGE, e.to_string()))?;
    let mut collector = Collector::default();
    read(paths, &options, pool, |row| {
        collector.add(row);
        Ok(())
    })?;
    let rows = collector.rows();
    let triage = group::triage(&rows, &rules);
    triage_result::finish(triage, &rows, result)
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

fn map_dumps(args: &MapArgs) -> Result<u8, CliError> {
    let mut stdout = io::stdout().lock();
    read(&args.paths, &args.files.options(), &args.pool, |row| {
        let line = row_line(&row)?;
        match stdout.write_all(&line).and_then(|()| stdout.flush()) {
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
                Err(CliError::new(exit::INTERNAL, format!("cannot write to standard output: {}", io_text(&e))))
            }
            _ => Ok(()),
        }
    })?;
    // The row says why; a batch system must not repeat the job for it.
    Ok(exit::OK)
}

/// A row as a line.
pub(super) fn row_line(row: &Row) -> Result<Vec<u8>, CliError> {
    let mut line = serde_json::to_vec(row)
        .map_err(|e| CliError::new(exit::INTERNAL, format!("cannot write a row as JSON: {e}")))?;
    line.push(b'\n');
    Ok(line)
}

fn reduce(args: &ReduceArgs) -> Result<u8, CliError> {
    let options = MapOptions { rules: args.rules.clone(), ..MapOptions::default() };
    let rules = options.load_rules().map_err(|e| CliError::new(exit::USAGE, e.to_string()))?;
    let mut collector = Collector::default();
    for path in &crate::triage::input::expand(&args.rows) {
        read_rows(path, &mut collector)?;
    }
    let rows = collector.rows();
    let triage = group::triage(&rows, &rules);
    triage_result::finish(triage, &rows, &args.result)
}

fn read_rows(path: &Path, collector: &mut Collector) -> Result<(), CliError> {
    let lines: Box<dyn io::BufRead> = match path == Path::new("-") {
        true => Box::new(BufReader::new(io::stdin())),
        false => Box::new(BufReader::new(File::open(path).map_err(|e| CliError::input(path, &e))?)),
    };
    for (number, line) in lines.lines().enumerate() {
        let line = line.map_err(|e| CliError::input(path, &e))?;
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |why: String| {
            let at = number.saturating_add(1);
            CliError::new(exit::INPUT, format!("{}:{at}: not a row of `triage map`: {why}", path.display()))
        };
        let row: Row = serde_json::from_str(&line).map_err(|e| wrong(e.to_string()))?;
        if row.format != crate::triage::row::FORMAT {
            return Err(wrong(format!("format {} instead of {}", row.format, crate::triage::row::FORMAT)));
        }
        collector.add(row);
    }
    Ok(())
}

fn explain(args: &ExplainArgs) -> Result<u8, CliError> {
    let options = args.files.options();
    let rules = options.load_rules().map_err(|e| CliError::new(exit::USAGE, e.to_string()))?;
    let report = map::report(&args.dump, &options).map_err(|e| {
        let help = e.help().map(str::to_owned);
        CliError { message: e.to_string(), help, code: exit::INPUT }
    })?;
    let (signature, explanation) = signature::signature(&report, &rules);
    if args.json {
        let both = serde_json::json!({"signature": signature, "explanation": explanation});
        let text = serde_json::to_string_pretty(&both)
            .map_err(|e| CliError::new(exit::INTERNAL, format!("cannot write JSON: {e}")))?;
        output::write_stdout(format!("{text}\n").as_bytes())?;
        return Ok(exit::OK);
    }
    let mut out = format!("{}\n\nClass\n  {}\n\nFrames, innermost first\n", signature.title, explanation.class);
    for (number, step) in explanation.frames.iter().enumerate() {
        let token = step.token.as_ref().map(|t| format!(" as {t}")).unwrap_or_default();
        out.push_str(&format!("  #{number} {}\n      {}{token}", step.frame, step.decision));
        if let Some(rule) = &step.rule {
            out.push_str(&format!(" ({rule})"));
        }
        out.push('\n');
    }
    out.push_str("\nKeys\n");
    for note in &explanation.notes {
        out.push_str(&format!("  {note}\n"));
    }
    out.push_str(&format!("  coarse {}: {}\n", signature.coarse, signature.coarse_text));
    out.push_str(&format!("  exact  {}: {}\n", signature.exact, signature.exact_text));
    out.push_str("\nBeside the keys\n");
    let site = &signature.site;
    out.push_str(&format!("  native module: {}\n", site.module.as_deref().unwrap_or("not known")));
    if !site.functions.is_empty() {
        out.push_str(&format!("  native functions: {}\n", site.functions.join(" <- ")));
    }
    if let Some(method) = &site.method {
        out.push_str(&format!("  called from Python as: {method}\n"));
    }
    if let Some(place) = &site.place {
        out.push_str(&format!("  build-id and offset: {place}\n"));
    }
    if let Some(owner) = &signature.owner {
        out.push_str(&format!("  suspected owner: {owner}\n"));
    }
    let safe: String = out.lines().map(|line| escape_terminal(line) + "\n").collect();
    output::write_stdout(safe.as_bytes())?;
    Ok(exit::OK)
}

fn issues(args: &IssuesArgs) -> Result<u8, CliError> {
    let failed = |e: store::StoreError| CliError::new(exit::USAGE, e.to_string());
    let issues = store::open(&args.db).and_then(|mut store| store.issues()).map_err(failed)?;
    if args.json {
        let text = serde_json::to_string_pretty(&issues)
            .map_err(|e| CliError::new(exit::INTERNAL, format!("cannot write JSON: {e}")))?;
        output::write_stdout(format!("{text}\n").as_bytes())?;
        return Ok(exit::OK);
    }
    let mut out = String::new();
    for issue in &issues {
        let seen = match (&issue.first_seen, &issue.last_seen) {
            (Some(first), Some(last)) => format!(", {first} to {last}"),
            _ => String::new(),
        };
        out.push_str(&format!(
            "{:>5}  {:<7}  {} ({} dumps{seen})\n",
            issue.id,
            issue.status.word(),
            issue.title,
            issue.count
        ));
        for (label, count) in &issue.labels {
            out.push_str(&format!("                {label}: {count}\n"));
        }
        for note in &issue.notes {
            out.push_str(&format!("                note: {note}\n"));
        }
    }
    let safe: String = out.lines().map(|line| escape_terminal(line) + "\n").collect();
    output::write_stdout(safe.as_bytes())?;
    Ok(exit::OK)
}

fn mark(args: &MarkArgs) -> Result<u8, CliError> {
    let failed = |e: store::StoreError| CliError::new(exit::USAGE, e.to_string());
    let now = map::time_text(SystemTime::now());
    let mut store = store::open(&args.db).map_err(failed)?;
    store.mark(args.issue, args.status, args.note.as_deref(), &now).map_err(failed)?;
    Ok(exit::OK)
}

fn worker(args: &WorkerArgs) -> Result<u8, CliError> {
    use nix::sys::resource::{Resource, setrlimit};
    // A limit that cannot be set is no reason not to work; a core of ours would be taken for one of theirs.
    let _ = setrlimit(Resource::RLIMIT_DATA, args.memory, args.memory);
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    // One thread is the one that is here: starting others may fail for want of memory.
    let threads = rayon::ThreadPoolBuilder::new().num_threads(args.threads.max(1)).use_current_thread();
    threads.build_global().map_err(|e| CliError::new(exit::INTERNAL, format!("worker: no threads (memory?): {e}")))?;
    pool::work(io::stdin().lock(), io::stdout().lock())
        .map_err(|e| CliError::new(exit::INTERNAL, format!("worker: {}", io_text(&e))))?;
    Ok(exit::OK)
}

/// Colours for the summary.
pub(super) fn palette(color: Color) -> crate::report::palette::Palette {
    output::palette(&super::args::OutputArgs { color, ..Default::default() })
}
