//! One line of the shell: which command it is, in the words that gdb's users are used to.

use super::export;
use super::session::Shell;
use crate::commands::{Command, CommandError, DEBUGGER_PREFIX, Reply, command_of_word, dump_commands};
use crate::render::answers;
use std::borrow::Cow;

/// Files that a file of commands may read, and those again.
const MAX_READING: usize = 10;

/// What a line gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// For standard output.
    pub text: String,
    /// For standard error: why the command did not do what was asked.
    pub error: Option<String>,
    /// Whether the shell is to end.
    pub quit: bool,
    /// Whether Enter alone gives the line again.
    pub repeats: bool,
}

/// What one line asks for.
enum Asked<'a> {
    Nothing,
    Quit,
    Help(&'a str),
    Source(&'a str),
    Export(&'a str),
    Table(&'static Command, &'a str),
    /// A command of another package.
    Others(&'a str, &'a str),
}

/// Words that are not in the table.
pub(super) const OWN: &[(&str, &str)] = &[
    ("export", "Write the report to a file; its ending says the format: .txt .json .md .html"),
    ("source", "Carry out the commands of a file"),
    ("help", "List the commands, or tell of one"),
    ("quit", "End the shell"),
];

impl Shell {
    /// Carries out a line.
    pub fn line(&mut self, line: &str) -> Said {
        let line = line.trim();
        match self.asked(line) {
            Ok(Asked::Nothing) => Said::default(),
            Ok(Asked::Quit) => Said { quit: true, ..Said::default() },
            Ok(Asked::Help(about)) => {
                let told = self.help(about);
                self.own(line, told)
            }
            Ok(Asked::Source(path)) => self.read(path),
            Ok(Asked::Export(text)) => {
                let written = export::export(self, text);
                self.own(line, written)
            }
            Ok(Asked::Table(command, text)) => {
                let text = if self.options.json { Cow::from(format!("{text} --json")) } else { Cow::from(text) };
                let reply = self.command(command.name, &text);
                Said { repeats: command.repeats, ..self.said(line, reply) }
            }
            Ok(Asked::Others(name, text)) => match self.of_others(name, text) {
                Ok(given) if self.options.json => {
                    let json = serde_json::json!({ "command": line, "answer": given.data() });
                    Said { text: format!("{json}\n"), ..Said::default() }
                }
                given => self.own(line, given.map(|given| given.text())),
            },
            Err(error) => self.said(line, Err(error)),
        }
    }

    fn asked<'a>(&self, line: &'a str) -> Result<Asked<'a>, CommandError> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(Asked::Nothing);
        }
        let (word, rest) = line.split_at(line.find(|c: char| c.is_whitespace()).unwrap_or(line.len()));
        let (word, rest) = (word.strip_prefix(DEBUGGER_PREFIX).unwrap_or(word), rest.trim());
        match word {
            "quit" | "q" | "exit" => return Ok(Asked::Quit),
            "help" | "h" | "?" => return Ok(Asked::Help(rest)),
            "source" => return Ok(Asked::Source(rest)),
            "export" => return Ok(Asked::Export(rest)),
            _ => {}
        }
        match find(word) {
            Err(_) if self.options.plugins.command(word).is_some() => Ok(Asked::Others(word, rest)),
            found => found.map(|command| Asked::Table(command, rest)),
        }
    }

    /// All commands, or the whole help of one.
    fn help(&self, about: &str) -> Result<String, CommandError> {
        let about = about.strip_prefix(DEBUGGER_PREFIX).unwrap_or(about);
        if about.is_empty() {
            return Ok(self.list());
        }
        if let Some((name, summary)) = OWN.iter().find(|(name, _)| *name == about) {
            return Ok(format!("{name}: {summary}\n"));
        }
        match (find(about), self.options.plugins.command(about)) {
            (Err(_), Some(plugin)) => Ok(format!("{}\n", plugin.help())),
            (found, _) => found.map(|command| format!("{}\n", command.help(""))),
        }
    }

    fn list(&self) -> String {
        let rows = dump_commands().map(|command| (command.name, command.summary)).chain(OWN.iter().copied());
        let mut out: String = rows.map(|(name, summary)| format!("{name:<10} {summary}\n")).collect();
        let plugins = &self.options.plugins;
        out.extend(plugins.commands().iter().map(|plugin| format!("{:<10} {}\n", plugin.name, plugin.summary())));
        out.extend(plugins.problems().iter().map(|problem| format!("not available: {problem}\n")));
        out.push_str(
            "\nhelp COMMAND tells more. --json after a command gives its answer as JSON; Enter repeats up and down.\n",
        );
        out
    }

    /// The answer of a command of the table.
    fn said(&self, line: &str, reply: Result<Reply, CommandError>) -> Said {
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => return self.own(line, Err(error)),
        };
        if self.options.json {
            let json = serde_json::json!({ "command": line, "answer": reply.answer });
            return Said { text: format!("{json}\n"), ..Said::default() };
        }
        let manner = answers::Manner { verbose: reply.verbose, ..self.options.manner };
        let text = match reply.json {
            true => serde_json::to_string_pretty(&reply.answer).unwrap_or_default() + "\n",
            false => answers::text(&reply.answer, &manner),
        };
        Said { text, ..Said::default() }
    }

    /// A text of our own, or why there is none.
    fn own(&self, line: &str, text: Result<String, CommandError>) -> Said {
        match text {
            Ok(text) if self.options.json => {
                Said { text: format!("{}\n", serde_json::json!({ "command": line, "text": text })), ..Said::default() }
            }
            Ok(text) => Said { text, ..Said::default() },
            Err(error) => {
                let error = error.plain();
                let text = match self.options.json {
                    true => format!("{}\n", serde_json::json!({ "command": line, "error": error })),
                    false => String::new(),
                };
                Said { text, error: Some(error), ..Said::default() }
            }
        }
    }

    /// Carries out the commands of a file, up to the first that fails.
    fn read(&mut self, path: &str) -> Said {
        let line = format!("source {path}");
        if path.is_empty() {
            return self.own(&line, Err(CommandError::message("usage: source FILE")));
        }
        if self.reading >= MAX_READING {
            return self.own(&line, Err(CommandError::message(format!("{path} is read by itself, over and over"))));
        }
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.own(&line, Err(CommandError::message(format!("{path}: {error}")))),
        };
        self.reading = self.reading.saturating_add(1);
        let mut all = Said::default();
        for line in text.lines() {
            let said = self.line(line);
            all.text.push_str(&said.text);
            all.quit = said.quit;
            all.error = said.error.map(|error| format!("{path}: {}: {error}", line.trim()));
            if all.quit || all.error.is_some() {
                break;
            }
        }
        self.reading = self.reading.saturating_sub(1);
        all
    }
}

/// The command of a name, another name of it, or the beginning of one that no other command has.
fn find(word: &str) -> Result<&'static Command, CommandError> {
    if let Some(command) = command_of_word(word) {
        return Ok(command);
    }
    let begun: Vec<&'static Command> = dump_commands().filter(|command| command.name.starts_with(word)).collect();
    match begun.as_slice() {
        [only] => Ok(only),
        [] => Err(CommandError::message(format!("there is no command {word:?}; help lists them"))),
        several => {
            let names: Vec<&str> = several.iter().map(|command| command.name).collect();
            Err(CommandError::message(format!("{word:?} may be {}", names.join(", "))))
        }
    }
}
