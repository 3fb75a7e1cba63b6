//! Commands that other packages add to the shell, the debuggers and editors: entry points `pyinquest.commands` of the Python
//! environment that the program is installed in. They run in a Python of that environment, a process of its own that keeps its
//! rights; what they ask is answered by the commands of the table, as data.

mod find;
mod process;

use crate::base::escape_terminal;
use crate::commands::{self, Command, CommandError, CommandHelp, DEBUGGER_PREFIX, Group};
use process::Process;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::sync::{Arc, Mutex, PoisonError};

/// Questions that one call may ask.
const MAX_QUESTIONS: usize = 100_000;

/// A command of another package.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// The module that it is in.
    pub package: String,
    /// First line of its documentation; may be empty.
    pub summary: String,
    /// The whole of it.
    pub help: String,
}

/// What a command of another package gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    printed: String,
    data: Json,
}

/// All of them, and the process that runs them. Copies are the same one.
#[derive(Clone, Debug, Default)]
pub struct Plugins(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    process: Option<Process>,
    listed: Option<Listed>,
}

/// What the process found.
#[derive(Clone, Debug, Default, Deserialize)]
struct Listed {
    commands: Vec<Plugin>,
    /// Why others are not there, a line each.
    problems: Vec<String>,
}

/// What the process says while it carries out a command.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Says {
    Ask { ask: String },
    Done { done: Json, printed: String },
    Failed { failed: String },
}

impl Plugins {
    /// Those of the environment of this program. To be called before rights are given up: the process keeps its own.
    #[must_use]
    pub fn start() -> Self {
        let Some(python) = find::python() else { return Plugins::default() };
        let (process, listed) = match Process::start(&python) {
            Ok(process) => (Some(process), None),
            Err(error) => {
                let problem = format!("{} cannot be started: {error}", python.display());
                (None, Some(Listed { problems: vec![problem], ..Listed::default() }))
            }
        };
        Plugins(Arc::new(Mutex::new(State { process, listed })))
    }

    /// The commands.
    #[must_use]
    pub fn commands(&self) -> Vec<Plugin> {
        self.listed().commands
    }

    /// Why others are not there, a line each.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.listed().problems
    }

    /// The command of a name.
    #[must_use]
    pub fn command(&self, name: &str) -> Option<Plugin> {
        self.commands().into_iter().find(|plugin| plugin.name == name)
    }

    fn listed(&self) -> Listed {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        let ask = || state.process.as_mut().map(receive_list).unwrap_or_default();
        state.listed.get_or_insert_with(ask).clone()
    }

    /// Carries out a command; what it asks meanwhile, lines as a user would type them, `answer` answers.
    ///
    /// # Errors
    /// What the command says, or that there is none of this name.
    pub fn run(
        &self,
        name: &str,
        text: &str,
        mut answer: impl FnMut(&str, &str) -> Result<Json, CommandError>,
    ) -> Result<Given, CommandError> {
        if self.command(name).is_none() {
            return Err(CommandError::message(format!("there is no command {name:?}")));
        }
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ended =
            || CommandError::message(format!("{name}: the process that runs commands of other packages has ended"));
        let process = state.process.as_mut().ok_or_else(ended)?;
        process.send(&json!({ "do": "run", "name": name, "text": text })).map_err(|_| ended())?;
        for _ in 0..MAX_QUESTIONS {
            match process.receive().map_err(|_| ended())? {
                Says::Ask { ask } => {
                    let reply = match table_command(&ask).and_then(|(command, rest)| answer(command.name, rest)) {
                        Ok(answer) => json!({ "answer": answer }),
                        Err(error) => json!({ "error": error.plain() }),
                    };
                    process.send(&reply).map_err(|_| ended())?;
                }
                Says::Done { done, printed } => return Ok(Given { printed, data: done }),
                Says::Failed { failed } => return Err(CommandError::message(escape_terminal(&failed))),
            }
        }
        // It is in the midst of something: not asked again.
        state.process = None;
        Err(CommandError::message(format!("{name}: asked {MAX_QUESTIONS} questions without an end")))
    }
}

/// The list that was asked for at the start, without names that mean something already.
fn receive_list(process: &mut Process) -> Listed {
    let received = process.receive();
    let mut listed: Listed = received.unwrap_or_else(|error| Listed {
        problems: vec![format!("Python did not tell of commands of other packages: {error}")],
        ..Listed::default()
    });
    let (usable, others): (Vec<_>, Vec<_>) =
        listed.commands.into_iter().partition(|plugin| refused(&plugin.name).is_none());
    listed.commands = usable;
    let problem = |plugin: &Plugin| Some(format!("{} ({}): {}", plugin.name, plugin.package, refused(&plugin.name)?));
    listed.problems.extend(others.iter().filter_map(problem));
    listed.problems = listed.problems.iter().map(|problem| escape_terminal(problem)).collect();
    listed
}

/// Why a command cannot have this name.
fn refused(name: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let own = |command: &Command| command.name == name || command.aliases.contains(&name);
    let is_word = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain);
    match () {
        () if !is_word => Some("a name is of lower-case letters, digits and -"),
        () if name.starts_with(DEBUGGER_PREFIX) => Some("debuggers put py- before a name themselves"),
        () if RESERVED.contains(&name) || commands::COMMANDS.iter().any(own) => {
            Some("pyinquest has such a command itself")
        }
        () => None,
    }
}

/// Words that hosts themselves have.
const RESERVED: &[&str] = &["help", "h", "quit", "q", "exit", "source", "export", "bt-full", "frames", "i"];

/// A line as a command of the table and the text that follows it.
fn table_command(line: &str) -> Result<(&'static Command, &str), CommandError> {
    let line = line.trim();
    let (word, rest) = line.split_at(line.find(char::is_whitespace).unwrap_or(line.len()));
    let word = word.strip_prefix(DEBUGGER_PREFIX).unwrap_or(word);
    let found = commands::command(word).or_else(|| commands::command_of_word(word));
    found
        .map(|command| (command, rest.trim()))
        .ok_or_else(|| CommandError::message(format!("there is no command {word:?}")))
}

impl Plugin {
    /// What it does, in a line of a list.
    #[must_use]
    pub fn summary(&self) -> String {
        let summary = if self.summary.is_empty() { "(not documented)" } else { &self.summary };
        format!("{} [{}]", escape_terminal(summary), escape_terminal(&self.package))
    }

    /// All that is known of it.
    #[must_use]
    pub fn help(&self) -> String {
        let help = if self.help.is_empty() { "(not documented)\n".to_owned() } else { lines(&self.help) };
        format!("{help}\nA command of the Python package {}.", escape_terminal(&self.package))
    }

    /// As debuggers get it.
    #[must_use]
    pub fn for_debuggers(&self) -> CommandHelp {
        CommandHelp::of_others(self.name.clone(), self.help(), Group::Support)
    }
}

impl Given {
    /// As text: what it printed, and its result where that is a text; other results as JSON.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = self.printed.clone();
        match &self.data {
            Json::Null => {}
            Json::String(text) => out.push_str(text),
            data => out.push_str(&serde_json::to_string_pretty(data).unwrap_or_default()),
        }
        lines(&out)
    }

    /// As data: its result, or what it printed where it has none.
    #[must_use]
    pub fn data(&self) -> Json {
        match &self.data {
            Json::Null => Json::String(self.printed.clone()),
            data => data.clone(),
        }
    }
}

/// Lines that cannot drive a terminal, each ended.
fn lines(text: &str) -> String {
    text.lines().map(|line| line.split('\t').map(escape_terminal).collect::<Vec<_>>().join("\t") + "\n").collect()
}
