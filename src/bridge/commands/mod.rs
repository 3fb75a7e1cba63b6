//! What the commands of `crate::commands` do in a debugger, one file a family.

mod conditions;
mod data;
mod report;
mod show;
mod source;
mod stack;
mod status;
mod threads;

use super::protocol::Action;
use super::session::{Session, SessionError};
use crate::commands::{self, Args};
use crate::cpython::DecodeError;

/// What a command gives.
#[derive(Debug, Default)]
pub struct Reply {
    /// Whether it did what was asked.
    pub ok: bool,
    /// What to print.
    pub text: String,
    /// What a function gives.
    pub value: serde_json::Value,
    /// What the debugger is to do.
    pub actions: Vec<Action>,
}

impl Reply {
    /// Text of a command that worked.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Reply { ok: true, text: text.into(), ..Reply::default() }
    }

    /// The same with a value.
    #[must_use]
    pub fn value(mut self, value: impl Into<serde_json::Value>) -> Self {
        self.value = value.into();
        self
    }
}

/// Why a command did not do what was asked, as a line for the user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// No process to look at.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Something could not be read.
    #[error("pyinquest: {0}")]
    Decode(#[from] DecodeError),
    /// Anything else.
    #[error("{0}")]
    Message(String),
}

impl CommandError {
    /// A line for the user.
    pub fn message(text: impl Into<String>) -> Self {
        CommandError::Message(text.into())
    }
}

/// Carries out a command of the table.
type Run = fn(&mut Session, &Args<'_>) -> Result<Reply, CommandError>;

/// What a command of the table does here.
fn of_table(name: &str) -> Option<Run> {
    Some(match name {
        "bt" => stack::backtrace,
        "bt-full" => stack::full,
        "up" => |session, args| stack::step(session, args, stack::Way::Up),
        "down" => |session, args| stack::step(session, args, stack::Way::Down),
        "frame" => stack::select,
        "list" => source::list,
        "locals" => data::locals,
        "print" => data::print,
        "object" => data::object,
        "refcount" => data::refcount,
        "threads" => threads::threads,
        "exc" => threads::exceptions,
        "report" => report::report,
        "status" => status::status,
        _ => return None,
    })
}

/// Carries out what functions of the table or the scripts themselves ask for.
type RunText = fn(&mut Session, &str) -> Result<Reply, CommandError>;

/// What those do.
fn of_scripts(name: &str) -> Option<RunText> {
    Some(match name {
        "stack" => |session, _| stack::for_filter(session),
        "children" => data::children,
        "complete" => data::complete,
        "repr" => data::repr,
        "type" => data::type_name,
        "refcnt" => data::refcnt,
        "local" => data::local,
        "int" => conditions::int,
        "len" => conditions::len,
        "eq" => conditions::eq,
        _ => return None,
    })
}

/// Runs a command.
#[must_use]
pub fn run(session: &mut Session, name: &str, text: &str) -> Reply {
    let outcome = match (commands::command(name), of_table(name), of_scripts(name)) {
        (Some(command), Some(run), _) => match Args::parse(command, text) {
            Ok(args) => run(session, &args),
            Err(usage) => Err(CommandError::message(usage.to_string())),
        },
        (_, _, Some(run)) => run(session, text.trim()),
        _ => Err(CommandError::message(format!("pyinquest: this engine has no command py-{name}"))),
    };
    outcome.unwrap_or_else(|error| Reply { text: format!("{error}\n"), ..Reply::default() })
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
            assert!(of_scripts(function.name).is_some(), "{}", function.name);
        }
    }
}
