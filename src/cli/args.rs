//! The command line: only parses.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  pyinquest render crash.json                    a saved JSON report as text
  pyinquest render crash.json --format html --output crash.html

Exit codes:
  0  the report is written
  1  internal error
  2  wrong usage, or no such thread or frame
  3  the input cannot be read or is not supported
  4  no CPython was found in the process
  5  the report is incomplete, and --strict was given";

/// Explains dead and stuck CPython processes from the outside.
#[derive(Debug, Parser)]
#[command(name = "pyinquest", version, after_help = EXAMPLES, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Show a report that was saved with --format json in another format
    Render(RenderArgs),
    /// Write a dump with just the memory that reports read
    Slim(SlimArgs),
    /// Write the completion script of a shell to standard output
    Completions(CompletionsArgs),
    /// Write the JSON Schema of an output format to standard output
    #[command(hide = true)]
    Schema(SchemaArgs),
    /// Write the manual pages
    #[command(hide = true)]
    Man(ManArgs),
}

/// Arguments of `render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Report to show (- for standard input)
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,
    /// Part of the report to show as text
    #[arg(long, value_enum, default_value_t)]
    pub view: View,
    /// Which part of it
    #[command(flatten)]
    pub select: SelectArgs,
    /// How to show it
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Which part of a report the text format shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum View {
    /// Everything
    #[default]
    Report,
    /// Stacks alone, with locals where the report has them
    Stacks,
    /// What is in the dump
    Info,
}

/// Choice of threads and frames.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct SelectArgs {
    /// Show only this thread: an id (the system's, or Python's as 0x...), a name, "crashed" or "all"
    #[arg(long, value_name = "ID|NAME|all")]
    pub thread: Option<String>,
    /// Show only this frame (0 is the innermost)
    #[arg(long, value_name = "N")]
    pub frame: Option<usize>,
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
    /// Colour text output
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
    /// Write to FILE instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Show everything: hidden frames, registers, notes
    #[arg(long, short)]
    pub verbose: bool,
    /// Exit with code 5 when the report is incomplete
    #[arg(long)]
    pub strict: bool,
}

/// Arguments of `slim`.
#[derive(Debug, Args)]
pub struct SlimArgs {
    /// Core or minidump (- for standard input); may be compressed
    #[arg(value_name = "DUMP", required_unless_present = "pid", conflicts_with = "pid")]
    pub dump: Option<PathBuf>,
    /// Slim dump of a running process
    #[arg(long, value_name = "PID")]
    pub pid: Option<i32>,
    /// File to write; compressed when its name ends in .zst
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Write a minidump instead of an ELF core
    #[arg(long)]
    pub minidump: bool,
    /// Write zeros for all bytes that a report does not need
    #[arg(long)]
    pub redact: bool,
    /// File of the main executable
    #[arg(long, value_name = "FILE")]
    pub executable: Option<PathBuf>,
    /// Folder that stands for / of the dead process
    #[arg(long, value_name = "DIR")]
    pub sysroot: Vec<PathBuf>,
    /// Folder with debug files
    #[arg(long, value_name = "DIR")]
    pub debug_dir: Vec<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// What a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// `report --format json`
    Report,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Format
    #[arg(value_enum)]
    pub kind: SchemaKind,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write one page per command into this folder instead of the main page to standard output
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
