//! The table of commands: each is declared once, with its arguments, its help and what completes it, and carried out here for
//! all hosts; its answer is data of `crate::model`. Debuggers get the table when they connect, so that a new command needs no
//! line in their scripts; the command line and the shell have the same commands without the `py-`.

mod arguments;
pub mod breaks;
mod bt;
mod bt_native;
mod checks;
mod children;
mod code_search;
mod complete;
mod conditions;
mod current;
mod entries;
mod exc;
mod frame;
mod functions;
mod heap;
pub mod host;
mod info;
mod list;
mod locals;
mod lookup;
mod native;
mod object;
mod print;
mod refcount;
mod report;
mod run;
mod status;
mod step;
mod table;
mod tasks;
mod thread;
mod threads;
pub mod values;
mod view;

pub(crate) use arguments::address;
pub use arguments::{Args, UsageError, words};
pub use checks::checks;
pub use heap::{DEFAULT_LIMIT, HeapAskError};
pub use host::{Host, OnDump};
pub use report::{Part, ReportAsk, report_of};
pub use run::{CommandError, FrameSelection, Reply, carry_out, is_known, run};
pub use table::{COMMANDS, FUNCTIONS};

use serde::Serialize;
use std::borrow::Cow;

/// A command that a person gives, as `py-NAME` in debuggers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// Other names of it in the shell: what gdb's users type.
    pub aliases: &'static [&'static str],
    /// Whether debuggers do without it, as they have a command of their own.
    pub not_in_debuggers: bool,
    /// Whether it needs a process that can run on, which only debuggers have.
    pub only_in_debuggers: bool,
    /// Where a debugger lists it.
    pub group: Group,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// What it takes, in this order.
    pub arguments: &'static [Argument],
    /// A use of it, without prefix.
    pub example: &'static str,
    /// What of the text that follows it the debugger evaluates.
    pub evaluates: Evaluates,
    /// Whether Enter gives it again.
    pub repeats: bool,
    /// What is usually given next; words in capitals stand for something of the answer.
    pub then: &'static [&'static str],
}

/// Where debuggers list a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Group {
    /// With those about frames and threads.
    Stack,
    /// With those about values.
    Data,
    /// With those about files.
    Files,
    /// With those about the debugger itself.
    Support,
}

/// What of its text the debugger evaluates as an expression of its own: the engine gets the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Evaluates {
    /// What looks like an address or an expression of the debugger (`0x..`, `$rdi`, `*v`).
    Marked,
    /// Anything that it can; the rest may be a path to a Python object.
    All,
}

/// One argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// How it is written.
    pub kind: ArgumentKind,
    /// What it says.
    pub help: &'static str,
}

/// How an argument is written, and what stands for one that is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArgumentKind {
    /// This word, or nothing.
    Flag(&'static str),
    /// A number, or nothing.
    Number,
    /// `START[,END]`, or nothing.
    Lines,
    /// A path to a Python object, or an address; the rest of the line.
    Path,
    /// The same, or nothing where a type is given.
    PathOrType,
    /// A number or a name, or nothing; what the name is of.
    NumberOrName(&'static str),
    /// A place in Python code, and a condition; the rest of the line.
    Place,
    /// A thread, or `apply all` and a command; the rest of the line.
    ThreadOrCommand,
    /// What to list, a word for a command and what follows that; or nothing.
    Subject,
    /// This word with a text after it, or nothing; what the text is.
    Text(&'static str, &'static str),
    /// This word with a number from 0 after it, or nothing; what the number is.
    Count(&'static str, &'static str),
    /// This word with one of these after it, or nothing.
    OneOf(&'static str, &'static [&'static str]),
}

/// What completes the text that follows a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Completion {
    /// Nothing.
    None,
    /// Its flags.
    Flags,
    /// Names and attributes of Python objects, which the engine knows.
    Path,
}

/// A function in expressions of a debugger, as `$py_NAME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// What it takes, for the help.
    pub usage: &'static str,
    /// What it gives, in a sentence.
    pub summary: &'static str,
    /// How many arguments it takes.
    pub arguments: u8,
    /// What it gives.
    pub gives: Gives,
}

/// What a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Gives {
    /// A text.
    Text,
    /// A number.
    Number,
    /// A pointer to a Python object.
    Object,
}

/// A command as debuggers get it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandHelp {
    /// Name without prefix.
    pub name: Cow<'static, str>,
    /// Where to list it.
    pub group: Group,
    /// The whole help: summary, usage, arguments, example.
    pub help: String,
    /// What of its text the debugger evaluates.
    pub evaluates: Evaluates,
    /// What completes its text.
    pub completion: Completion,
    /// Words that complete it.
    pub flags: Vec<&'static str>,
    /// Those of them that have a value after them.
    pub valued: Vec<&'static str>,
    /// Whether Enter gives it again.
    pub repeats: bool,
}

/// A function as debuggers get it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionHelp {
    /// Name without prefix.
    pub name: &'static str,
    /// The whole help.
    pub help: String,
    /// How many arguments it takes.
    pub arguments: u8,
    /// What it gives.
    pub gives: Gives,
}

/// What names of commands begin with in debuggers, which have commands of their own.
pub const DEBUGGER_PREFIX: &str = "py-";

/// The commands that debuggers get.
pub fn debugger_commands() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().filter(|command| !command.not_in_debuggers)
}

/// The commands that a look at a dump has.
pub fn dump_commands() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().filter(|command| !command.only_in_debuggers)
}

/// The command of a name.
#[must_use]
pub fn command(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// The command of a look at a dump that a word stands for: its name or another name of it.
#[must_use]
pub fn command_of_word(word: &str) -> Option<&'static Command> {
    dump_commands().find(|command| command.name == word || command.aliases.contains(&word))
}

impl ArgumentKind {
    /// As it is written in a usage line.
    #[must_use]
    pub fn usage(self) -> String {
        match self {
            ArgumentKind::Flag(word) => format!("[{word}]"),
            ArgumentKind::Number => "[N]".to_owned(),
            ArgumentKind::Lines => "[START[,END]]".to_owned(),
            ArgumentKind::Path => "NAME[.ATTRIBUTE|[KEY]]..., or 0xADDRESS".to_owned(),
            ArgumentKind::PathOrType => "[NAME[.ATTRIBUTE|[KEY]]..., or 0xADDRESS]".to_owned(),
            ArgumentKind::NumberOrName(what) => format!("[N|{what}]"),
            ArgumentKind::Place => "FILE:LINE|FUNCTION [if CONDITION]".to_owned(),
            ArgumentKind::ThreadOrCommand => "[ID|NAME|apply all COMMAND]".to_owned(),
            ArgumentKind::Subject => "[threads|locals|...]".to_owned(),
            ArgumentKind::Text(word, what) | ArgumentKind::Count(word, what) => format!("[{word} {what}]"),
            ArgumentKind::OneOf(word, words) => format!("[{word} {}]", words.join("|")),
        }
    }

    /// The word that it begins with, where it does.
    #[must_use]
    pub fn word(&self) -> Option<&'static str> {
        match self {
            ArgumentKind::Flag(word)
            | ArgumentKind::Text(word, _)
            | ArgumentKind::Count(word, _)
            | ArgumentKind::OneOf(word, _) => Some(word),
            _ => None,
        }
    }

    /// The same, where a value follows it.
    #[must_use]
    pub fn valued_word(&self) -> Option<&'static str> {
        self.word().filter(|_| !matches!(self, ArgumentKind::Flag(_)))
    }

    /// How it is named in the list of arguments.
    fn name(self) -> String {
        match self {
            ArgumentKind::Path | ArgumentKind::PathOrType => "NAME...".to_owned(),
            ArgumentKind::Place => "FILE:LINE".to_owned(),
            other => other.usage().trim_matches(['[', ']']).to_owned(),
        }
    }
}

impl Command {
    /// How it is used: `py-bt [full] [--all] [N]`.
    #[must_use]
    pub fn usage(&self, prefix: &str) -> String {
        let arguments = self.arguments.iter().map(|argument| format!(" {}", argument.kind.usage()));
        format!("{prefix}{}{}", self.name, arguments.collect::<String>())
    }

    /// What completes its text.
    #[must_use]
    pub fn completion(&self) -> Completion {
        let has = |is: fn(ArgumentKind) -> bool| self.arguments.iter().any(|argument| is(argument.kind));
        match () {
            () if has(|kind| matches!(kind, ArgumentKind::Path | ArgumentKind::PathOrType)) => Completion::Path,
            () if has(|kind| kind.word().is_some()) => Completion::Flags,
            () => Completion::None,
        }
    }

    /// As debuggers get it.
    #[must_use]
    pub fn for_debuggers(&self) -> CommandHelp {
        CommandHelp {
            name: self.name.into(),
            group: self.group,
            help: self.help(DEBUGGER_PREFIX),
            evaluates: self.evaluates,
            completion: self.completion(),
            flags: self.arguments.iter().filter_map(|argument| argument.kind.word()).collect(),
            valued: self.arguments.iter().filter_map(|argument| argument.kind.valued_word()).collect(),
            repeats: self.repeats,
        }
    }

    /// Summary, usage, arguments, example.
    #[must_use]
    pub fn help(&self, prefix: &str) -> String {
        let mut out = format!("{}\n\n{}", self.summary, self.usage(prefix));
        let width = self.arguments.iter().map(|argument| argument.kind.name().len()).max().unwrap_or(0).max(11);
        for argument in self.arguments {
            out.push_str(&format!("\n    {:<width$} {}", argument.kind.name(), argument.help));
        }
        out.push_str(&format!("\n\nExample: {prefix}{}", self.example));
        out
    }
}

impl CommandHelp {
    /// One that is no row of the table.
    #[must_use]
    pub fn of_others(name: String, help: String, group: Group) -> Self {
        CommandHelp {
            name: name.into(),
            group,
            help,
            evaluates: Evaluates::Marked,
            completion: Completion::None,
            flags: Vec::new(),
            valued: Vec::new(),
            repeats: false,
        }
    }
}

impl Function {
    /// As debuggers get it.
    #[must_use]
    pub fn for_debuggers(&self) -> FunctionHelp {
        FunctionHelp {
            name: self.name,
            help: format!("{}\n\n{}", self.summary, self.usage),
            arguments: self.arguments,
            gives: self.gives,
        }
    }
}

#[cfg(test)]
mod tests;
