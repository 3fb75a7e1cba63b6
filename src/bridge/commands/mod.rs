//! The `py-*` commands, one file a family.

mod status;

use super::protocol::Action;
use super::session::{Session, SessionError};

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
}

/// Why a command did not do what was asked, as a line for the user.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No process to look at.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Anything else.
    #[error("{0}")]
    Message(String),
}

/// Runs a command.
#[must_use]
pub fn run(session: &mut Session, name: &str, _args: &str) -> Reply {
    let outcome = match name {
        "status" => status::status(session),
        _ => Err(CommandError::Message(format!("pyinquest: this engine has no command py-{name}"))),
    };
    outcome.unwrap_or_else(|error| Reply { ok: false, text: format!("{error}\n"), ..Reply::default() })
}
