//! Arguments of `hang`.

use super::{Color, FileArgs, LimitArgs};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  pyinquest hang core.*                          equal stacks of all threads merged, the odd one out first
  pyinquest hang --pid 1234 --tree               a process and all that it started
  pyinquest hang --match 'train.py --rank'       all running processes whose command line matches
  pyinquest hang --reports rank-*.json           reports of many hosts (report CORE --format json)";

/// Arguments of `hang`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct HangArgs {
    /// Cores or minidumps
    #[arg(value_name = "CORE", required_unless_present_any = ["pid", "regex", "reports"])]
    pub cores: Vec<PathBuf>,
    /// Running processes; may be repeated
    #[arg(long, value_name = "PID", help_heading = "Live processes")]
    pub pid: Vec<i32>,
    /// With all processes that those started
    #[arg(long, requires = "pid", help_heading = "Live processes")]
    pub tree: bool,
    /// Running processes whose command line matches
    #[arg(long = "match", value_name = "REGEX", help_heading = "Live processes")]
    pub regex: Option<String>,
    /// Do not stop them: what is read may belong to different moments
    #[arg(long, help_heading = "Live processes")]
    pub no_stop: bool,
    /// Let each stand still for at most this long; what was not copied by then is read while it runs
    #[arg(long, value_name = "MS", default_value_t = 50, conflicts_with = "no_stop", help_heading = "Live processes")]
    pub max_stop: u64,
    /// Reports that were saved with --format json
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub reports: Vec<PathBuf>,
    /// Where the files of the processes are
    #[command(flatten)]
    pub files: FileArgs,
    /// Where reading each of them stops
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Show at most this many stacks
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Output format
    #[arg(long, short, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: HangFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Colour text output
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
}

/// Output formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum HangFormat {
    /// For people
    #[default]
    Text,
    /// Everything, for programs
    Json,
}
