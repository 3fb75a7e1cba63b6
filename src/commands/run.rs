//! Carries out a command: its text becomes arguments, its answer is data.

use super::host::{Host, HostError};
use super::{
    Args, Command, HeapAskError, breaks, bt, children, command, complete, conditions, exc, frame, functions, heap,
    info, list, locals, object, print, refcount, report, status, step, tasks, thread, threads,
};
use crate::cpython::DecodeError;
use crate::model::answers::Answer;

/// What a command gives.
#[derive(Debug)]
pub struct Reply {
    /// What to show.
    pub answer: Answer,
    /// What a function gives.
    pub value: serde_json::Value,
    /// What is selected from now on.
    pub select: Option<FrameSelection>,
    /// The thread that is selected from now on, by the operating system's id.
    pub select_thread: Option<u64>,
    /// Whether to show all that the answer has.
    pub verbose: bool,
    /// Whether the answer is to be shown as JSON.
    pub json: bool,
}

/// A Python frame that a command selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameSelection {
    /// Index in the entries of the thread's stack.
    pub entry: usize,
    /// Number of its native frame, when known.
    pub level: Option<u32>,
}

impl Reply {
    /// An answer.
    #[must_use]
    pub fn answer(answer: Answer) -> Self {
        Reply { answer, value: serde_json::Value::Null, select: None, select_thread: None, verbose: false, json: false }
    }

    /// The value of a function.
    #[must_use]
    pub fn value(value: impl Into<serde_json::Value>) -> Self {
        Reply { value: value.into(), ..Reply::answer(Answer::Nothing(())) }
    }
}

/// Why a command did not do what was asked, as a line for the user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// No process to look at.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Something could not be read.
    #[error("pyinquest: {0}")]
    Decode(#[from] DecodeError),
    /// The process has no CPython that can be found.
    #[error("{0}")]
    NoPython(String),
    /// A question about the heap has no answer.
    #[error(transparent)]
    Heap(#[from] HeapAskError),
    /// The text is not what the command takes.
    #[error(transparent)]
    Usage(#[from] super::UsageError),
    /// Anything else.
    #[error("{0}")]
    Message(String),
}

impl CommandError {
    /// The line without the name of the program, for hosts that are the program themselves.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            CommandError::Decode(error) => error.to_string(),
            other => other.to_string(),
        }
    }

    /// A line for the user.
    pub fn message(text: impl Into<String>) -> Self {
        CommandError::Message(text.into())
    }
}

/// Carries out a command of the table.
type Run = fn(&mut dyn Host, &Args<'_>) -> Result<Reply, CommandError>;

/// What a command of the table does.
fn of_table(name: &str) -> Option<Run> {
    Some(match name {
        "bt" => bt::backtrace,
        "bt-full" => bt::full,
        "up" => frame::up,
        "down" => frame::down,
        "frame" => frame::select,
        "list" => list::list,
        "locals" => locals::locals,
        "print" => print::print,
        "object" => object::object,
        "refcount" => refcount::refcount,
        "thread" => thread::thread,
        "threads" => threads::threads,
        "exc" => exc::exceptions,
        "tasks" => tasks::tasks,
        "report" => report::report,
        "break" => breaks::set,
        "tbreak" => breaks::set_temporary,
        "catch" => breaks::catch,
        "watch" => breaks::watch_variable,
        "breakpoints" => breaks::list,
        "delete" => breaks::delete,
        "continue" => breaks::go_on,
        "advance" => breaks::advance,
        "step" => step::step,
        "next" => step::next,
        "finish" => step::finish,
        "until" => step::until,
        "status" => status::status,
        "info" => info::info,
        "modules" => info::modules,
        "registers" => info::registers,
        "heap" => heap::heap,
        "objects" => heap::objects,
        "strings" => heap::strings,
        "refs" => heap::refs,
        "why" => heap::why,
        "top" => heap::top,
        "audit" => heap::audit,
        "check" => heap::check,
        "memory" => heap::memory,
        "what" => heap::what,
        _ => return None,
    })
}

/// Carries out what functions of the table or a host itself ask for.
type RunText = fn(&mut dyn Host, &str) -> Result<Reply, CommandError>;

/// What those do.
fn of_hosts(name: &str) -> Option<RunText> {
    Some(match name {
        "stack" => |host, _| bt::for_filter(host),
        "children" => children::children,
        "complete" => complete::complete,
        "repr" => functions::repr,
        "type" => functions::type_name,
        "refcnt" => functions::refcnt,
        "local" => functions::local,
        "int" => conditions::int,
        "len" => conditions::len,
        "eq" => conditions::eq,
        _ => return None,
    })
}

/// Whether [`run`] knows the name.
#[must_use]
pub fn is_known(name: &str) -> bool {
    command(name).is_some() || of_hosts(name).is_some()
}

/// Runs the command `name` with the text that follows it.
///
/// # Errors
/// [`CommandError`], a line for the user.
pub fn run(host: &mut dyn Host, name: &str, text: &str) -> Result<Reply, CommandError> {
    match (command(name), of_hosts(name)) {
        (Some(command), _) => {
            let args = Args::parse(command, text, host.style().prefix())?;
            carry_out(host, command, &args)
        }
        (None, Some(run)) => run(host, text.trim()),
        (None, None) => Err(no_command(name)),
    }
}

/// Runs a command with arguments that are read already.
///
/// # Errors
/// [`CommandError`], a line for the user.
pub fn carry_out(host: &mut dyn Host, command: &Command, args: &Args<'_>) -> Result<Reply, CommandError> {
    let run = of_table(command.name).ok_or_else(|| no_command(command.name))?;
    Ok(Reply { json: args.json, ..run(host, args)? })
}

fn no_command(name: &str) -> CommandError {
    CommandError::message(format!("pyinquest: this engine has no command py-{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{COMMANDS, FUNCTIONS};

    #[test]
    fn each_row_of_the_table_is_carried_out() {
        for command in COMMANDS {
            assert!(of_table(command.name).is_some(), "{}", command.name);
        }
        for function in FUNCTIONS {
            assert!(of_hosts(function.name).is_some(), "{}", function.name);
        }
    }
}
