//! Commands of the table on the command line: the same entries that debuggers and the shell have.

use super::args::InputArgs;
use super::{CliError, exit, output, report};
use crate::commands::host::OnDump;
use crate::commands::{self, Args, CommandError, HeapAskError, Reply};
use crate::engine::Options;
use crate::engine::heap::HeapLookError;
use crate::heap::HeapError;
use crate::render::answers::{self, Manner};

/// Where names are looked up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// The system's thread id; the crashed (or main) thread when absent.
    pub thread: Option<u64>,
    /// Frame, 0 for the innermost.
    pub frame: usize,
}

/// Carries out a command of the table on a dump or a running process, and writes its answer.
pub fn give(input: &InputArgs, place: Place, options: &Options, name: &str, args: &Args<'_>) -> Result<u8, CliError> {
    let command =
        commands::command(name).ok_or_else(|| CliError::new(exit::INTERNAL, format!("there is no command {name}")))?;
    let reply = report::look(input, |inspection| {
        let mut host = OnDump::new(inspection, place.thread, place.frame, options.clone());
        commands::carry_out(&mut host, command, args)
    })?;
    show(&reply.map_err(|error| failed(&error))?)
}

fn show(reply: &Reply) -> Result<u8, CliError> {
    let text = match reply.json {
        true => {
            let json = serde_json::to_string_pretty(&reply.answer);
            json.map_err(|e| CliError::new(exit::INTERNAL, e.to_string()))? + "\n"
        }
        false => answers::text(&reply.answer, &Manner { verbose: reply.verbose, ..Manner::default() }),
    };
    output::write_stdout(text.as_bytes())?;
    Ok(exit::OK)
}

fn failed(error: &CommandError) -> CliError {
    let code = match error {
        CommandError::Heap(HeapAskError::Look(error)) => return heap_failed(error),
        CommandError::NoPython(_) => exit::NO_PYTHON,
        _ => exit::USAGE,
    };
    CliError::new(code, error.plain())
}

/// A heap that cannot be looked at, as an error of the command line.
pub fn heap_failed(error: &HeapLookError) -> CliError {
    let code = match error {
        HeapLookError::NoPython => exit::NO_PYTHON,
        HeapLookError::Heap(HeapError::NoObjects) => exit::INCOMPLETE,
        HeapLookError::Heap(_) => exit::INPUT,
    };
    CliError::new(code, error.to_string())
}
