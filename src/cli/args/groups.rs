//! Groups of arguments that several commands have.

use crate::debuggee::Limits;
use crate::image::SearchOptions;
use clap::builder::TypedValueParser as _;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Which rights are kept.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct SafetyArgs {
    /// Keep all rights while files of others are read; without, writing files, the network and other programs are given up before
    #[arg(long, env = "PYINQUEST_NO_SANDBOX", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new(), help_heading = "Safety")]
    pub no_sandbox: bool,
}

/// What to read, and where its files are.
#[derive(Clone, Debug, Default, Args)]
pub struct InputArgs {
    /// Core or minidump, as it is or packed (zstd, gzip, xz, lz4, apport); - for standard input
    // clap's own parser of paths refuses the empty one, which stands for none here.
    #[arg(value_name = "CORE", default_value = "", hide_default_value = true, value_hint = clap::ValueHint::FilePath,
          value_parser = clap::builder::OsStringValueParser::new().map(PathBuf::from))]
    pub core: PathBuf,
    /// Look at a running process, which stands still for some milliseconds
    #[arg(long, value_name = "PID", conflicts_with = "core", help_heading = "Live processes")]
    pub pid: Option<i32>,
    /// Do not stop it: what is read may belong to different moments
    #[arg(long, requires = "pid", help_heading = "Live processes")]
    pub no_stop: bool,
    /// Let it stand still for at most this long; what was not copied by then is read while it runs, and the report says so
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 50,
        requires = "pid",
        conflicts_with = "no_stop",
        help_heading = "Live processes"
    )]
    pub max_stop: u64,
    /// Look again every so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", requires = "pid",
          help_heading = "Live processes")]
    pub watch: Option<f64>,
    /// Take the newest core that systemd-coredump keeps, of this process id, command or executable
    #[arg(long, value_name = "PID|EXE", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["core", "pid"])]
    pub coredumpctl: Option<String>,
    /// Where the files of the process are
    #[command(flatten)]
    pub files: FileArgs,
    /// Where reading it stops
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Where reading a process stops: its time and memory are not the dump's to choose.
#[derive(Clone, Debug, Args)]
pub struct LimitArgs {
    /// Read at most this many threads (the crashed one is always read)
    #[arg(long, value_name = "N", default_value_t = Limits::default().threads, help_heading = "Limits")]
    pub max_threads: usize,
    /// Read at most this many Python frames of a thread, the innermost, and four times as many of all threads
    #[arg(long, value_name = "N", default_value_t = Limits::default().frames, help_heading = "Limits")]
    pub max_frames: u64,
    /// Read at most this many modules
    #[arg(long, value_name = "N", default_value_t = Limits::default().modules, help_heading = "Limits")]
    pub max_modules: usize,
    /// Expand a compressed dump to at most this many MiB on disk [default: half of what is free, and a hundred times its
    /// size or 4096]
    #[arg(long, value_name = "MIB", help_heading = "Limits")]
    pub max_expanded: Option<u64>,
    /// Read no more after this many seconds and show what was read; 0 for as long as it takes (at a prompt there is no limit)
    #[arg(long, value_name = "SECONDS", default_value_t = 300.0, value_parser = parse_timeout, help_heading = "Limits")]
    pub timeout: f64,
}

impl Default for LimitArgs {
    fn default() -> Self {
        let Limits { threads, frames, modules, .. } = Limits::default();
        LimitArgs { max_threads: threads, max_frames: frames, max_modules: modules, max_expanded: None, timeout: 300.0 }
    }
}

pub(super) fn parse_timeout(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=1e9).contains(&seconds) => Ok(seconds),
        _ => Err("not a number of seconds, nor 0".to_owned()),
    }
}

/// Where the files of dead processes are.
#[derive(Clone, Debug, Default, Args)]
pub struct FileArgs {
    /// The main executable, when it is not where the process saw it
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub executable: Option<PathBuf>,
    /// Directory that stands for / of the process (an unpacked container image); may be repeated
    #[arg(long, value_name = "DIR", help_heading = "Files")]
    pub sysroot: Vec<PathBuf>,
    /// Directory with separate debug files, like /usr/lib/debug, or PDBs; may be repeated
    #[arg(long, value_name = "DIR", help_heading = "Files")]
    pub debug_dir: Vec<PathBuf>,
    /// Read paths that begin with OLD below NEW instead; may be repeated
    #[arg(long, value_name = "OLD=NEW", value_parser = parse_pair, help_heading = "Files")]
    pub map: Vec<(String, String)>,
    /// Ask the servers of DEBUGINFOD_URLS for files and debug information that are not here
    #[arg(long, help_heading = "Files", conflicts_with = "no_files")]
    pub debuginfod: bool,
    /// Show source lines of this host's own files although the dump is not known to be of this boot of this host
    #[arg(long, help_heading = "Files", conflicts_with = "no_files")]
    pub host_sources: bool,
    /// Look at no file but the dump
    #[arg(long, help_heading = "Files")]
    pub no_files: bool,
    /// Keep all rights while the dump is read; without, writing files, the network and other programs are given up before
    #[arg(long, env = "PYINQUEST_NO_SANDBOX", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new(), help_heading = "Safety")]
    pub no_sandbox: bool,
}

impl FileArgs {
    /// The same for the engine.
    #[must_use]
    pub fn search(&self) -> SearchOptions {
        SearchOptions {
            executable: self.executable.clone(),
            sysroots: self.sysroot.clone(),
            debug_dirs: self.debug_dir.clone(),
            path_maps: self.map.clone(),
            debuginfod: self.debuginfod,
            no_files: self.no_files,
            host_sources: self.host_sources,
            ..SearchOptions::default()
        }
    }
}

/// `OLD=NEW`, `NAME=VALUE`.
pub(in crate::cli) fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("not two parts with = between them".to_owned()),
    }
}

/// Which values are shown, and where they are cut.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Values")]
pub struct ValueArgs {
    /// Show reference counts
    #[arg(long)]
    pub refcounts: bool,
    /// Cut containers inside containers at this depth [default: 10]
    #[arg(long, value_name = "N")]
    pub max_depth: Option<u32>,
    /// Cut containers at this many items [default: 100]
    #[arg(long, value_name = "N")]
    pub max_items: Option<u64>,
    /// Cut strings at this many characters [default: 1000]
    #[arg(long, value_name = "N")]
    pub max_string: Option<u64>,
    /// Give up on a value after this many reads of memory [default: 20000]
    #[arg(long, value_name = "N")]
    pub max_reads: Option<u64>,
}

/// Choice of threads and frames.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct SelectArgs {
    /// Show only this thread: an id (the system's, or Python's as 0x...), a name, "crashed" or "all" [default: all; bt, locals: crashed]
    #[arg(long, value_name = "ID|NAME|all")]
    pub thread: Option<String>,
    /// Show only this frame (0 is the innermost) [default: all]
    #[arg(long, value_name = "N")]
    pub frame: Option<usize>,
}

/// Native frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Native {
    /// Python frames only
    #[default]
    None,
    /// Native frames in their place between the Python ones, without interpreter plumbing
    Merged,
    /// All native frames
    All,
}

/// Output formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// What Python's faulthandler would have printed, byte for byte
    Faulthandler,
    /// Everything, for programs (docs/report-schema.md)
    Json,
    /// For pull requests and job summaries
    Markdown,
    /// A self-contained page
    Html,
    /// An event for Sentry, as an envelope; redacted
    Sentry,
    /// An event app.crash for OpenTelemetry, as OTLP logs in JSON; redacted
    Otel,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Options of the output.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Output format
    #[arg(long, short, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Colour text output
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
    /// Write to FILE instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Show everything: registers, machine code, notes, repeated stacks in full
    #[arg(long, short)]
    pub verbose: bool,
    /// Show long values whole; else text output cuts them at the width of the terminal, or 160 columns where there is none
    #[arg(long)]
    pub full: bool,
    /// Leave out what others must not see: text and bytes of variables, texts of exceptions, literals in source lines,
    /// registers, and whatever looks like a secret
    #[arg(long)]
    pub redact: bool,
    /// Of --format sentry and otel: leave out nothing
    #[arg(long, conflicts_with = "redact")]
    pub no_redact: bool,
    /// Of --format sentry and otel: send it (by curl) to this DSN, or to this address of a collector (http://HOST:4318/v1/logs),
    /// instead of writing it
    #[arg(long, value_name = "DSN|URL", conflicts_with = "output")]
    pub send_to: Option<String>,
    /// Exit with code 5 when the report is incomplete
    #[arg(long)]
    pub strict: bool,
}

impl OutputArgs {
    /// The format asked for in either way.
    #[must_use]
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}
