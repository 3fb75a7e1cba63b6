//! Arguments of `heap` and its commands.

use super::groups::parse_pair;
use super::{FileArgs, InputArgs};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  pyinquest heap core.1234                          objects and bytes by type
  pyinquest heap core.1234 --type app.Session       one type
  pyinquest heap core.1234 --sort count --limit 50
  pyinquest heap objects core.1234 --type Session   the largest of one type, with values
  pyinquest heap strings core.1234 --duplicates     texts that are there many times
  pyinquest heap refs core.1234 0x7f3a90c1d2e0      who refers to an object
  pyinquest heap why core.1234 0x7f3a90c1d2e0       ways to it from modules and frames
  pyinquest heap top core.1234                      what keeps most alive
  pyinquest heap audit core.1234                    counts and references that do not agree
  pyinquest heap check core.1234                    whether it is whole: overwritten blocks, links, types
  pyinquest heap report core.1234 -f html -o h.html all of it at one look, with pictures
  pyinquest heap diff core.1 core.2 core.3          what grew";

const REPORT_EXAMPLES: &str = "\
Examples:
  pyinquest heap report core.1234                      what stands out, and the largest names and types
  pyinquest heap report core.1234 -f html -o heap.html a page with a treemap and a flame graph
  pyinquest heap report --pid 1234 -f json";

const DIFF_EXAMPLES: &str = "\
Examples:
  pyinquest heap diff core.1 core.2                 types and containers that grew
  pyinquest heap diff core.1 core.2 core.3          of one process (gcore): what was born after the first and stayed";

const WHAT_EXAMPLES: &str = "\
Examples:
  pyinquest what core.1234 0x7f3a90c1d2e0           object, block, stack, symbol or mapping
  pyinquest what core.1234 0x7f3a90c1d2e0 -f json   for programs
  pyinquest what core.1234 app.cache                where the object of a path is";

const MEMORY_EXAMPLES: &str = "\
Examples:
  pyinquest memory core.1234                        who owns how much: allocators, stacks, variables
  pyinquest memory --pid 1234 -f json               a running process, for programs";

/// Arguments of `heap`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_value_name = "WHAT")]
pub struct HeapArgs {
    /// What to show; without it objects and bytes by type
    #[command(subcommand)]
    pub command: Option<HeapCommand>,
    /// Objects by type
    #[command(flatten)]
    pub census: HeapCensusArgs,
}

/// Commands of `heap`.
#[derive(Debug, Subcommand)]
pub enum HeapCommand {
    /// List objects, the largest first, with short values
    Objects(HeapObjectsArgs),
    /// List the texts and bytes that cost the most
    Strings(HeapStringsArgs),
    /// List who refers to an object, or with --out to what it refers
    Refs(HeapRefsArgs),
    /// Tell why an object is alive: the shortest ways to it from modules, frames and the interpreter
    Why(HeapWhyArgs),
    /// List the objects, types and module-level names that keep most alive: what would go with each
    Top(HeapTopArgs),
    /// Compare reference counts with references: what was released too often or never, and by which module
    Audit(HeapAuditArgs),
    /// Tell whether the heap is whole: overwritten blocks, links, types and marks, and what is before each
    Check(HeapCheckArgs),
    /// Tell what stands out: what dominates, what accumulates, what is there twice, garbage; with pictures as HTML
    #[command(after_help = REPORT_EXAMPLES)]
    Report(HeapReportArgs),
    /// Tell what grew between two or three dumps of one program
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(HeapDiffArgs),
}

/// What the heap of a process is read from, and how the answer is shown.
#[derive(Debug, Args)]
pub struct HeapInputArgs {
    /// What to read
    #[command(flatten)]
    pub input: InputArgs,
    /// Output format
    #[arg(long, short, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: HeapFormat,
    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub limit: usize,
}

/// Output formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum HeapFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Which objects.
#[derive(Debug, Args)]
pub struct HeapFilterArgs {
    /// Only objects of this type: its name, with module or without
    #[arg(long = "type", value_name = "TYPE")]
    pub type_name: Option<String>,
    /// Only objects of at least this many bytes
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub min: u64,
    /// Only objects in this generation of the collector (3: frozen)
    #[arg(long = "gen", value_name = "N")]
    pub generation: Option<u8>,
    /// Only objects with an attribute of this value
    #[arg(long = "where", value_name = "ATTR=VALUE", value_parser = parse_pair)]
    pub condition: Option<(String, String)>,
}

/// Arguments of `heap` alone.
#[derive(Debug, Args)]
pub struct HeapCensusArgs {
    /// What to read, how to show it
    #[command(flatten)]
    pub common: HeapInputArgs,
    /// Which objects
    #[command(flatten)]
    pub filter: HeapFilterArgs,
    /// What comes first
    #[arg(long, value_name = "BY", value_enum, default_value_t)]
    pub sort: HeapSort,
}

/// What a census is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum HeapSort {
    /// Bytes
    #[default]
    Bytes,
    /// Number of objects
    Count,
}

/// Arguments of `heap objects`.
#[derive(Debug, Args)]
pub struct HeapObjectsArgs {
    /// What to read, how to show it
    #[command(flatten)]
    pub common: HeapInputArgs,
    /// Which objects
    #[command(flatten)]
    pub filter: HeapFilterArgs,
}

/// Arguments of `heap strings`.
#[derive(Debug, Args)]
pub struct HeapStringsArgs {
    /// What to read, how to show it
    #[command(flatten)]
    pub common: HeapInputArgs,
    /// Only values that are there more than once, by what the repeats cost
    #[arg(long)]
    pub duplicates: bool,
}

/// Arguments of `heap refs`.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub struct HeapRefsArgs {
    /// What to read, how to show it
    #[command(flatten)]
    pub common: HeapInputArgs,
    /// Address (0x7f00), or a path as for print
    #[arg(value_name = "ADDRESS", required = true)]
    pub object: String,
    /// To what it refers, not who refers to it
    #[arg(long)]
    pub out: bool,
}

/// Arguments of `heap why`.
#[derive(Debug, Args)]
pub struct HeapWhyArgs {
    /// What to read, how to show it
    #[command(flatten)]
    pub common: HeapInputArgs,
    /// Address (0x7f00), or a path as for print
    #[arg(value_name = "ADDRESS", required_unless_present = "type_name")]
    pub object: Option<String>,
    /// All objects of a type, the largest first
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "object")]
    pub type_name: Option<String>,
}

/// Arguments of `heap audit`.
#[derive(Debug, Args)]
pub struct HeapAuditArgs {
    /// What to read, how to show it
    #[command(flatten)]
    pub common: HeapInputArgs,
}

/// Arguments of `heap check`.
#[derive(Debug, Args)]
pub struct HeapCheckArgs {
    /// What to read, how to show it
    #[command(flatten)]
    pub common: HeapInputArgs,
}

/// Arguments of `memory`.
#[derive(Debug, Args)]
#[command(after_help = MEMORY_EXAMPLES)]
pub struct MemoryArgs {
    /// What to read
    #[command(flatten)]
    pub input: InputArgs,
    /// Output format
    #[arg(long, short, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: HeapFormat,
}

/// Arguments of `what`.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true, after_help = WHAT_EXAMPLES)]
pub struct WhatArgs {
    /// What to read
    #[command(flatten)]
    pub input: InputArgs,
    /// Address (0x7f00), or a path as for print
    #[arg(value_name = "ADDRESS", required = true)]
    pub address: String,
    /// Output format
    #[arg(long, short, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: HeapFormat,
}

/// Arguments of `heap top`.
#[derive(Debug, Args)]
pub struct HeapTopArgs {
    /// What to read, how to show it
    #[command(flatten)]
    pub common: HeapInputArgs,
}

/// Arguments of `heap report`.
#[derive(Debug, Args)]
pub struct HeapReportArgs {
    /// What to read
    #[command(flatten)]
    pub input: InputArgs,
    /// Output format
    #[arg(long, short, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: HeapReportFormat,
    /// Rows of each table
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub limit: usize,
    /// Write to this file, not to standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Output formats of `heap report`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum HeapReportFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// For issues and job summaries
    Markdown,
    /// A page with pictures, without script or network access
    Html,
}

/// Arguments of `heap diff`.
#[derive(Debug, Args)]
pub struct HeapDiffArgs {
    /// Two or three dumps, the oldest first
    #[arg(value_name = "CORE", num_args = 2..=3, required = true, value_hint = clap::ValueHint::FilePath)]
    pub dumps: Vec<PathBuf>,
    /// Where the files of the process are
    #[command(flatten)]
    pub files: FileArgs,
    /// Output format
    #[arg(long, short, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: HeapFormat,
    /// Rows of each table
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub limit: usize,
}
