//! Arguments of `heap` and its commands.

use super::InputArgs;
use super::groups::parse_pair;
use clap::{Args, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  pyinquest heap core.1234                          objects and bytes by type
  pyinquest heap core.1234 --type app.Session       one type
  pyinquest heap core.1234 --sort count --limit 50
  pyinquest heap objects core.1234 --type Session   the largest of one type, with values
  pyinquest heap strings core.1234 --duplicates     texts that are there many times
  pyinquest heap refs core.1234 0x7f3a90c1d2e0      who refers to an object
  pyinquest heap why core.1234 0x7f3a90c1d2e0       ways to it from modules and frames
  pyinquest heap top core.1234                      what keeps most alive";

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
    /// List the objects that keep most alive: what would go with each
    Top(HeapTopArgs),
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

/// Arguments of `heap top`.
#[derive(Debug, Args)]
pub struct HeapTopArgs {
    /// What to read, how to show it
    #[command(flatten)]
    pub common: HeapInputArgs,
}
