//! The command line: only parses.

mod groups;
mod hang;
mod heap;
mod later;
mod tasks;

pub use groups::*;
pub use hang::*;
pub use heap::*;
pub use later::{Later, at_once};
pub use tasks::*;

use crate::cpython::PyVersion;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  pyinquest core.1234                            what happened: report core.1234 for short
  pyinquest report core.1234 --locals            with the variables of every frame
  pyinquest report core.1234 --format json       everything, for programs
  pyinquest bt core.1234 --thread all            stacks alone
  pyinquest locals core.1234 --frame 2           variables of one frame
  pyinquest info core.1234                       what is in the dump

Exit codes:
  0  the report is written
  1  internal error
  2  wrong usage, or no such thread or frame
  3  the input cannot be read or is not supported
  4  no CPython was found in the process
  5  the report is incomplete, and --strict was given
  6  layouts check: the table differs from the file
  7  triage, run: --fail-on found crashes
  8  there are results, but they could not be kept: --db, --baseline, --out, --send-to";

const REPORT_EXAMPLES: &str = "\
Examples:
  pyinquest report core.1234                     cause, crashed thread, other threads, what is missing
  pyinquest report core.1234 --locals --native   with variables, and with native frames in their place
  pyinquest report core.1234 --json              everything, for programs
  pyinquest report core.1234 -f html -o out.html a page to hand on; read it first, it may hold secrets
  pyinquest report core.1234 --sysroot image/    the files of the process are below image/
  pyinquest report --pid 1234                    a running process
  zcat core.gz | pyinquest report -              from standard input (packed ones are unpacked anyway)";

const BT_EXAMPLES: &str = "\
Examples:
  pyinquest bt core.1234                         the crashed thread
  pyinquest bt core.1234 --thread all            all threads
  pyinquest bt core.1234 --thread MainThread     one, by name or id
  pyinquest bt core.1234 --native=all            with every native frame
  pyinquest bt --pid 1234 --watch 5              a running process, every five seconds";

const LOCALS_EXAMPLES: &str = "\
Examples:
  pyinquest locals core.1234                     of the crashed thread
  pyinquest locals core.1234 --frame 2           of one frame
  pyinquest locals core.1234 --max-string 100000 --max-items 10000";

const PRINT_EXAMPLES: &str = "\
Examples:
  pyinquest print core.1234 \"request.headers['Host']\"
  pyinquest print core.1234 self.items[3] --frame 2
  pyinquest print core.1234 @0x7f3a5c0 --json";

const OBJECT_EXAMPLES: &str = "\
Examples:
  pyinquest object core.1234 0x7f3a5c0           by its address
  pyinquest object core.1234 self.queue --json   by a path, for programs";

const INFO_EXAMPLES: &str = "\
Examples:
  pyinquest info core.1234                       interpreter, threads, what is missing
  pyinquest info core.1234 --verbose             with modules, notes, registers";

#[cfg(feature = "shell")]
const SHELL_EXAMPLES: &str = "\
Examples:
  pyinquest shell core.1234                      a prompt; help lists its commands
  pyinquest shell core.1234 -e 'thread apply all bt 3' -e 'print self.queue'
  pyinquest shell core.1234 -x commands.txt --json
  pyinquest shell --pid 1234                     a running process, which stands still meanwhile";

const LAYOUTS_EXAMPLES: &str = "\
Examples:
  pyinquest layouts dump /usr/lib/libpython3.12.so.1.0
  pyinquest layouts check python3.12 --debug-file /usr/lib/debug/.build-id/ab/cdef.debug
  pyinquest layouts check python3.16 --table 3.15.2";

#[cfg(feature = "dap")]
const DAP_EXAMPLES: &str = "\
Examples:
  pyinquest dap                                  started by the editor: speaks on standard input and output
  pyinquest dap --port 4711                      waits for editors on this port of this host (0: any free one)

The editor says what to look at: attach with coreFile (or core, coreFilePath, coreDumpPath) or pid.";

#[cfg(feature = "mcp")]
const MCP_EXAMPLES: &str = "\
Examples:
  pyinquest mcp                                  dumps in and below the working directory
  pyinquest mcp --root /var/crash --root cores   dumps in and below these directories

The client starts it and speaks on its standard input and output.";

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
#[expect(clippy::large_enum_variant, reason = "there is one of them in a run")]
pub enum Command {
    /// Tell what happened to a process: cause, crashed thread, other threads, what is missing
    #[command(after_help = REPORT_EXAMPLES)]
    Report(Later<ReportArgs>),
    /// Show Python stacks: of the crashed thread, unless --thread says otherwise
    #[command(after_help = BT_EXAMPLES)]
    Bt(Later<ReportArgs>),
    /// Show local variables of frames: of the crashed thread, unless --thread says otherwise
    Locals(Later<LocalsArgs>),
    /// Show one value: a path such as `name.attr[0]['key']` in a frame, or `@0x7f00`; no code is run
    Print(Later<PrintArgs>),
    /// Show one object: type, size, references, attributes, items
    Object(Later<ObjectArgs>),
    /// Show what is in a dump: interpreter, threads, modules, what is missing
    Info(Later<InfoArgs>),
    /// Tell what an address is: object, block of an allocator, stack, symbol, mapping
    What(Later<WhatArgs>),
    /// Show who owns the memory: Python's allocators, malloc, stacks, static variables
    Memory(Later<MemoryArgs>),
    /// Show what is in the heap: objects by type, who refers to them
    Heap(Later<HeapArgs>),
    /// Look around in a dump or a running process at a prompt
    #[cfg(feature = "shell")]
    Shell(Later<ShellArgs>),
    /// Show asyncio's tasks: where each stands, what it waits for, who waits for it
    Tasks(Later<TasksArgs>),
    /// Show many processes side by side: equal stacks merged, the odd one out first
    Hang(Later<HangArgs>),
    /// Show a report that was saved with --format json in another format
    Render(Later<RenderArgs>),
    /// Write a dump with just the memory that reports read
    Slim(Later<SlimArgs>),
    /// Show or check where the fields of CPython's structs lie
    Layouts(Later<LayoutsArgs>),
    /// Set up a debugger (unpack its script and have its start-up file load it) or the collection of crashes
    Init(Later<InitArgs>),
    /// Serve the debugger that started this process
    #[command(hide = true)]
    Bridge(Later<BridgeArgs>),
    /// Serve an editor that looks at a dump (Debug Adapter Protocol)
    #[cfg(feature = "dap")]
    #[command(after_help = DAP_EXAMPLES)]
    Dap(Later<DapArgs>),
    /// Serve an agent that looks at dumps (Model Context Protocol)
    #[cfg(feature = "mcp")]
    #[command(after_help = MCP_EXAMPLES)]
    Mcp(Later<McpArgs>),
    /// Keep a slim dump and a report of each crash, as handler in core_pattern
    #[cfg(target_os = "linux")]
    Collect(Later<CollectArgs>),
    /// Group many dumps by what killed them
    Triage(Later<super::triage::TriageArgs>),
    /// Run a command and triage what dumps core, children too
    #[cfg(target_os = "linux")]
    Run(Later<super::run::RunArgs>),
    /// Write the completion script of a shell to standard output
    Completions(Later<CompletionsArgs>),
    /// Write the JSON Schema of an output format to standard output
    #[command(hide = true)]
    Schema(Later<SchemaArgs>),
    /// Write the manual pages
    #[command(hide = true)]
    Man(Later<ManArgs>),
}

/// Arguments of `report` and `bt`, which differ in what they show.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// What to read
    #[command(flatten)]
    pub input: InputArgs,
    /// Show local variables under each frame
    #[arg(long)]
    pub locals: bool,
    /// Show native frames between the Python ones
    #[arg(long, value_enum, value_name = "WHICH", num_args = 0..=1, require_equals = true,
          default_value = "none", default_missing_value = "merged")]
    pub native: Native,
    /// Which values are shown
    #[command(flatten)]
    pub values: ValueArgs,
    /// Which part of it
    #[command(flatten)]
    pub select: SelectArgs,
    /// How to show it
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `locals`.
#[derive(Debug, Args)]
#[command(after_help = LOCALS_EXAMPLES)]
pub struct LocalsArgs {
    /// What to read
    #[command(flatten)]
    pub input: InputArgs,
    /// Which values are shown
    #[command(flatten)]
    pub values: ValueArgs,
    /// Which part of it
    #[command(flatten)]
    pub select: SelectArgs,
    /// How to show it
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `info`.
#[derive(Debug, Args)]
#[command(after_help = INFO_EXAMPLES)]
pub struct InfoArgs {
    /// What to read
    #[command(flatten)]
    pub input: InputArgs,
    /// How to show it
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `print`.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true, after_help = PRINT_EXAMPLES)]
pub struct PrintArgs {
    /// What to read
    #[command(flatten)]
    pub input: InputArgs,
    /// What to show: a name, then `.attr`, `[index]` or `['key']`; `@ADDRESS`; `len(name)`
    #[arg(value_name = "EXPR", required = true)]
    pub expression: String,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
    /// Where it is cut
    #[command(flatten)]
    pub values: ValueArgs,
    /// Thread (its id) and frame to look names up in
    #[command(flatten)]
    pub select: SelectArgs,
}

/// Arguments of `object`.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true, after_help = OBJECT_EXAMPLES)]
pub struct ObjectArgs {
    /// What to read
    #[command(flatten)]
    pub input: InputArgs,
    /// Address (0x7f00), or a path as for print
    #[arg(value_name = "ADDRESS", required = true)]
    pub object: String,
    /// Its memory too, word by word, with the fields that are known
    #[arg(long)]
    pub words: bool,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
    /// Where it is cut
    #[command(flatten)]
    pub values: ValueArgs,
    /// Thread (its id) and frame to look names up in
    #[command(flatten)]
    pub select: SelectArgs,
}

/// Arguments of `shell`.
#[cfg(feature = "shell")]
#[derive(Debug, Args)]
#[command(after_help = SHELL_EXAMPLES)]
pub struct ShellArgs {
    /// What to read
    #[command(flatten)]
    pub input: InputArgs,
    /// Carry out this command in place of a prompt; may be repeated
    #[arg(long, short, value_name = "COMMAND")]
    pub eval: Vec<String>,
    /// Carry out the commands of this file in place of a prompt, up to the first that fails; may be repeated
    #[arg(long, short = 'x', value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: Vec<PathBuf>,
    /// Write each answer as JSON, one line each
    #[arg(long)]
    pub json: bool,
    /// Do not show long answers in a pager (PAGER, or less)
    #[arg(long)]
    pub no_pager: bool,
    /// Colour text output
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
    /// Where values are cut
    #[command(flatten)]
    pub values: ValueArgs,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// What to set up
    #[arg(value_enum, value_name = "WHAT")]
    pub what: SetUp,
    /// Only show the line for the start-up file, or the files; change nothing
    #[arg(long)]
    pub print: bool,
    /// Of gdb and lldb: directory for the scripts
    #[arg(long, value_name = "DIR")]
    pub scripts: Option<PathBuf>,
    /// Of collect: directory for dumps and reports [default: /var/lib/pyinquest]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Of collect: directory that the files are written to [default: /etc]
    #[arg(long, value_name = "DIR")]
    pub etc: Option<PathBuf>,
}

/// What `init` sets up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SetUp {
    /// GNU gdb, 10 or newer, built with Python
    Gdb,
    /// LLDB, 14 or newer, built with Python
    Lldb,
    /// The kernel's core_pattern for `collect`: a sysctl drop-in and a systemd unit
    #[cfg(target_os = "linux")]
    Collect,
}

/// A debugger that has a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debugger {
    /// GNU gdb.
    Gdb,
    /// LLDB.
    Lldb,
}

/// Arguments of `bridge`.
#[derive(Debug, Args)]
pub struct BridgeArgs {
    /// Talk over standard input and output (the only way there is)
    #[arg(long, required = true)]
    pub stdio: bool,
    /// Keep all rights
    #[arg(long, env = "PYINQUEST_NO_SANDBOX", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub no_sandbox: bool,
}

/// Arguments of `dap`.
#[cfg(feature = "dap")]
#[derive(Debug, Args)]
pub struct DapArgs {
    /// Wait for connections on this port of the loopback interface, and say which it is [default: standard input and output]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Which rights are kept
    #[command(flatten)]
    pub safety: SafetyArgs,
}

/// Arguments of `mcp`.
#[cfg(feature = "mcp")]
#[derive(Debug, Args)]
pub struct McpArgs {
    /// Directory in and below which dumps may be opened; may be repeated [default: the working directory]
    #[arg(long, value_name = "DIR")]
    pub root: Vec<PathBuf>,
    /// Read no more for a call after this many seconds and answer what was read; 0 for as long as it takes
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = groups::parse_timeout)]
    pub timeout: f64,
    /// Where the files of the dead processes are
    #[command(flatten)]
    pub files: FileArgs,
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
    /// Which rights are kept
    #[command(flatten)]
    pub safety: SafetyArgs,
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

/// Arguments of `slim`.
#[derive(Debug, Args)]
pub struct SlimArgs {
    /// What to read
    #[command(flatten)]
    pub input: InputArgs,
    /// File to write; compressed when its name ends in .zst
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Write a minidump instead of an ELF core
    #[arg(long)]
    pub minidump: bool,
    /// Write zeros for all bytes that a report does not need; of strings and bytes in variables only type and length stay
    #[arg(long)]
    pub redact: bool,
    /// Print what was written as JSON: source, output, bytes stored and mapped
    #[arg(long)]
    pub json: bool,
    /// Keep the heap too: what `heap` and its commands read of it
    #[arg(long, conflicts_with = "redact")]
    pub heap: bool,
}

/// Arguments of `collect`.
///
/// As root: `echo '|/usr/bin/pyinquest collect --dir /var/lib/pyinquest --pid %P --time %t --name %e' >
/// /proc/sys/kernel/core_pattern`.
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// Directory for dumps and reports; made when it is not there
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Process id of the crashed process in the initial namespace (%P)
    #[arg(long, value_name = "PID")]
    pub pid: Option<i32>,
    /// Time of the crash in seconds since 1970 (%t)
    #[arg(long, value_name = "SECONDS")]
    pub time: Option<u64>,
    /// Name of the command (%e)
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Keep at most so many crashes
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub max_count: usize,
    /// Keep at most so many mebibytes
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    pub max_size: u64,
    /// Keep crashes of programs without Python too
    #[arg(long)]
    pub all: bool,
    /// Write zeros for all bytes that a report does not need; of strings and bytes in variables only type and length stay,
    /// in the reports too
    #[arg(long)]
    pub redact: bool,
    /// Directory that stands for / of the process; may be repeated
    #[arg(long, value_name = "DIR")]
    pub sysroot: Vec<PathBuf>,
    /// Where reading it stops
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Keep all rights while the dump is read; without, writing files elsewhere, the network and other programs are given up
    #[arg(long, env = "PYINQUEST_NO_SANDBOX", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new(), help_heading = "Safety")]
    pub no_sandbox: bool,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Arguments of `layouts`.
#[derive(Debug, Args)]
#[command(after_help = LAYOUTS_EXAMPLES)]
pub struct LayoutsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: LayoutsCommand,
}

/// Commands of `layouts`.
#[derive(Debug, Subcommand)]
pub enum LayoutsCommand {
    /// Print where the fields of CPython's structs lie, from the debug information of a build
    Dump(LayoutsDumpArgs),
    /// Hold the built-in table of a build's version against its debug information
    Check(LayoutsCheckArgs),
}

/// Arguments of `layouts dump`.
#[derive(Debug, Args)]
pub struct LayoutsDumpArgs {
    /// The build
    #[command(flatten)]
    pub file: LayoutsFileArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `layouts check`.
#[derive(Debug, Args)]
pub struct LayoutsCheckArgs {
    /// The build
    #[command(flatten)]
    pub file: LayoutsFileArgs,
    /// The table of this version instead (3.15.2), for a build whose version has none yet
    #[arg(long, value_name = "VERSION")]
    pub table: Option<PyVersion>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The files of a build.
#[derive(Debug, Args)]
pub struct LayoutsFileArgs {
    /// The python executable or libpython
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Its separate debug file
    #[arg(long, value_name = "FILE")]
    pub debug_file: Option<PathBuf>,
    /// Extension module (or its debug file) that defines further structs; may be repeated
    #[arg(long, value_name = "FILE")]
    pub extension: Vec<PathBuf>,
    /// Which rights are kept
    #[command(flatten)]
    pub safety: SafetyArgs,
}

/// What a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// `report --format json`
    Report,
    /// `triage --format json`
    Triage,
    /// `heap --format json` and its commands
    Heap,
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
    /// Write one page per command into this directory instead of the main page to standard output
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
