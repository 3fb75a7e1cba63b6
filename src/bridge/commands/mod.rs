//! The `py-*` commands, one file a family.

mod arguments;
mod data;
mod report;
mod show;
mod source;
mod stack;
mod status;
mod threads;

use super::protocol::Action;
use super::session::{Session, SessionError};
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

/// Runs a command.
#[must_use]
pub fn run(session: &mut Session, name: &str, args: &str) -> Reply {
    let args = args.trim();
    let outcome = match name {
        "bt" => stack::backtrace(session, args),
        "bt-full" => stack::full(session, args),
        "up" => stack::step(session, args, stack::Way::Up),
        "down" => stack::step(session, args, stack::Way::Down),
        "frame" => stack::select(session, args),
        "stack" => stack::for_filter(session),
        "list" => source::list(session, args),
        "locals" => data::locals(session, args),
        "print" => data::print(session, args),
        "object" => data::object(session, args),
        "refcount" => data::refcount(session, args),
        "repr" => data::repr(session, args),
        "type" => data::type_name(session, args),
        "refcnt" => data::refcnt(session, args),
        "local" => data::local(session, args),
        "children" => data::children(session, args),
        "threads" => threads::threads(session),
        "exc" => threads::exceptions(session),
        "report" => report::report(session, args),
        "status" => status::status(session),
        _ => Err(CommandError::message(format!("pyinquest: this engine has no command py-{name}"))),
    };
    outcome.unwrap_or_else(|error| Reply { text: format!("{error}\n"), ..Reply::default() })
}
