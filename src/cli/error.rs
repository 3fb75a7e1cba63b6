//! [`CliError`]: what ends a command early, and how it is told.

use super::exit;
use crate::base::escape_terminal;
use crate::debuggee::TargetError;
use std::io;

/// One line, a line of help, an exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CliError {
    /// One line, lower case, no full stop.
    pub message: String,
    /// What the user can do.
    pub help: Option<String>,
    /// Exit code.
    pub code: u8,
}

impl CliError {
    /// An error with an exit code of [`exit`].
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        CliError { message: message.into(), help: None, code }
    }

    /// A file that cannot be read.
    pub fn input(path: &std::path::Path, error: &io::Error) -> Self {
        CliError::new(exit::INPUT, format!("{}: {}", input_name(path), io_text(error)))
    }

    /// The same with help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As printed on standard error.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = format!("pyinquest: error: {}\n", escape_terminal(&self.message));
        if let Some(help) = &self.help {
            out.push_str("  help: ");
            out.push_str(&escape_terminal(help));
            out.push('\n');
        }
        out
    }
}

/// How an input is named in messages.
pub fn input_name(path: &std::path::Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

/// What happened, without Rust's "(os error 2)".
pub fn io_text(error: &io::Error) -> String {
    let text = error.to_string();
    let short = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = short.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// A process or dump that cannot be opened.
impl From<&TargetError> for CliError {
    fn from(error: &TargetError) -> Self {
        CliError { message: error.to_string(), help: error.help().map(str::to_owned), code: exit::INPUT }
    }
}

impl From<clap::Error> for CliError {
    fn from(error: clap::Error) -> Self {
        let text = error.to_string();
        let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
        let first = lines.next().unwrap_or("wrong usage");
        let mut message = first.strip_prefix("error: ").unwrap_or(first).to_owned();
        let mut help = None;
        // The list of what is missing, the usage, and the pointer to --help follow on lines of their own.
        for line in lines {
            if let Some(tip) = line.strip_prefix("tip: ") {
                help = Some(tip.to_owned());
            } else if line.starts_with("Usage: ") {
                help.get_or_insert_with(|| line.replacen("Usage: ", "usage: ", 1));
                break;
            } else if line.starts_with('[') || message.ends_with(':') {
                message.push(' ');
                message.push_str(line);
            }
        }
        let help = help.unwrap_or_else(|| "pyinquest --help lists commands and options".to_owned());
        CliError::new(exit::USAGE, message).help(help)
    }
}
