//! Arguments of `pyinquest triage` and its parts.

use super::result::ResultArgs;
use crate::cli::args::{FileArgs, SafetyArgs};
use crate::triage::read_dump::MapOptions;
use crate::triage::store::Status;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `triage`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct TriageArgs {
    /// A part of the work on its own
    #[command(subcommand)]
    pub part: Option<Part>,
    /// Dumps: files, directories, patterns, tar archives; packed or not
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
    /// Where the files of the dead processes are
    #[command(flatten)]
    pub files: FileArgs,
    /// Rules that are asked before the built-in ones (see `triage rules`)
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Have the source lines of frames in the results
    #[arg(long, help_heading = "Privacy", conflicts_with = "no_files")]
    pub with_sources: bool,
    /// Have locals in JSON, NDJSON and HTML; values of names that look like secrets are left out
    #[arg(long, help_heading = "Privacy")]
    pub with_locals: bool,
    /// Leave out nothing that looks like a secret: for results that stay private
    #[arg(long, help_heading = "Privacy")]
    pub no_redact: bool,
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
    /// Dumps: files, directories, patterns, tar archives
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
    /// Which rights are kept
    #[command(flatten)]
    pub safety: SafetyArgs,
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
    /// How dumps are read.
    pub(super) fn options(&self) -> MapOptions {
        // Workers run where we run, but a name must mean the same in a saved row.
        MapOptions {
            search: self.files.search(),
            sources: self.with_sources,
            rules: self.rules.clone(),
            locals: self.with_locals,
            unredacted: self.no_redact,
            no_sandbox: self.files.no_sandbox,
        }
    }
}
