//! The table of commands: each is declared once, with its arguments, its help and what completes it. Debuggers get the
//! table when they connect, so that a new command needs no line in their scripts.

mod arguments;
mod table;

pub(crate) use arguments::address;
pub use arguments::{Args, UsageError};
pub use table::{COMMANDS, FUNCTIONS};

use serde::Serialize;

/// A command that a person gives, as `py-NAME` in debuggers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// Where a debugger lists it.
    pub group: Group,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// What it takes, in this order.
    pub arguments: &'static [Argument],
    /// A use of it, and what that does.
    pub example: &'static str,
    /// What of the text that follows it the debugger evaluates.
    pub evaluates: Evaluates,
    /// Whether Enter gives it again.
    pub repeats: bool,
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
    pub name: &'static str,
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

/// The command of a name.
#[must_use]
pub fn command(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
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
        }
    }
}

impl Command {
    /// How it is used: `py-bt [--all] [N]`.
    #[must_use]
    pub fn usage(&self) -> String {
        let arguments = self.arguments.iter().map(|argument| format!(" {}", argument.kind.usage()));
        format!("py-{}{}", self.name, arguments.collect::<String>())
    }

    /// What completes its text.
    #[must_use]
    pub fn completion(&self) -> Completion {
        let has = |is: fn(ArgumentKind) -> bool| self.arguments.iter().any(|argument| is(argument.kind));
        match () {
            () if has(|kind| kind == ArgumentKind::Path) => Completion::Path,
            () if has(|kind| matches!(kind, ArgumentKind::Flag(_))) => Completion::Flags,
            () => Completion::None,
        }
    }

    /// As debuggers get it.
    #[must_use]
    pub fn for_debuggers(&self) -> CommandHelp {
        let flag = |argument: &Argument| match argument.kind {
            ArgumentKind::Flag(word) => Some(word),
            _ => None,
        };
        CommandHelp {
            name: self.name,
            group: self.group,
            help: self.help(),
            evaluates: self.evaluates,
            completion: self.completion(),
            flags: self.arguments.iter().filter_map(flag).collect(),
            repeats: self.repeats,
        }
    }

    fn help(&self) -> String {
        let mut out = format!("{}\n\n{}", self.summary, self.usage());
        for argument in self.arguments {
            let name = argument.kind.usage().trim_matches(['[', ']']).to_owned();
            let name = if argument.kind == ArgumentKind::Path { "NAME...".to_owned() } else { name };
            out.push_str(&format!("\n    {name:<11} {}", argument.help));
        }
        out.push_str(&format!("\n\nExample: {}", self.example));
        out
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
