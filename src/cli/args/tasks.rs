//! Arguments of `tasks`.

use super::{InputArgs, OutputArgs, ValueArgs};
use clap::{Args, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  pyinquest tasks core.1234                      asyncio's tasks as a tree: who waits for whom, and for what
  pyinquest tasks core.1234 --flat --locals      one after the other, with variables
  pyinquest tasks --pid 1234 --watch 5           of a running process, every five seconds
  pyinquest tasks core.1234 --json               everything, for programs
  pyinquest tasks core.1234 -f html -o tasks.html";

/// Arguments of `tasks`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TasksArgs {
    /// What to read
    #[command(flatten)]
    pub input: InputArgs,
    /// A tree of who waits for whom, equal branches folded (the default)
    #[arg(long, conflicts_with = "flat")]
    pub tree: bool,
    /// One task after the other, none folded
    #[arg(long)]
    pub flat: bool,
    /// Look through all objects: tasks that have ended or that asyncio forgot, and generators and coroutines of no task
    #[arg(long)]
    pub all: bool,
    /// Show the variables of each frame
    #[arg(long)]
    pub locals: bool,
    /// Show at most this many branches or tasks
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub limit: usize,
    /// Output format
    #[arg(long, short, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: TasksFormat,
    /// Which values are shown
    #[command(flatten)]
    pub values: ValueArgs,
    /// How to show it
    #[command(flatten)]
    pub output: TasksOutputArgs,
}

/// Output formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TasksFormat {
    /// For people
    #[default]
    Text,
    /// Everything, for programs
    Json,
    /// A self-contained page
    Html,
}

/// Options of the output.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct TasksOutputArgs {
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Colour text output
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: super::Color,
    /// Write to FILE instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<std::path::PathBuf>,
    /// Show addresses and whole paths
    #[arg(long, short)]
    pub verbose: bool,
}

impl TasksArgs {
    /// The format asked for in either way.
    #[must_use]
    pub fn format(&self) -> TasksFormat {
        if self.output.json { TasksFormat::Json } else { self.format }
    }

    /// The same for what writes output.
    #[must_use]
    pub fn where_to(&self) -> OutputArgs {
        let TasksOutputArgs { color, output, verbose, .. } = &self.output;
        OutputArgs { color: *color, output: output.clone(), verbose: *verbose, ..OutputArgs::default() }
    }
}
