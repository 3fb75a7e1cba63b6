//! The text that follows a command, read by what its row says that it takes.

use super::{ArgumentKind, Command};
use crate::base::Addr;
use std::borrow::Cow;

/// Lines that are shown after the first when no last one is given.
const MORE_LINES: u32 = 10;

/// Options that several commands take.
pub mod words {
    /// Which type.
    pub const TYPE: &str = "--type";
    /// How large at least.
    pub const MIN: &str = "--min";
    /// Which generation of the garbage collector.
    pub const GENERATION: &str = "--gen";
    /// With which attribute.
    pub const WHERE: &str = "--where";
    /// In which order.
    pub const SORT: &str = "--sort";
    /// How many rows.
    pub const LIMIT: &str = "--limit";
    /// With the words in memory.
    pub const WORDS: &str = "--words";
}

/// What was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args<'a> {
    flags: Vec<&'static str>,
    values: Vec<(&'static str, Cow<'a, str>)>,
    /// The number, when one was given.
    pub number: Option<i64>,
    /// First and last line, when given.
    pub lines: Option<(u32, u32)>,
    /// A name in place of a number, when given.
    pub name: Option<&'a str>,
    /// The path, or the command for other threads: all of the text after the options.
    pub path: &'a str,
    /// Whether the answer is wanted as JSON, and with all that there is.
    pub json: bool,
}

/// A text that is not what the command takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("usage: {0}")]
pub struct UsageError(pub String);

impl<'a> Args<'a> {
    /// Reads what follows `command`.
    ///
    /// # Errors
    /// [`UsageError`] where that is something else than it takes.
    pub fn parse(command: &Command, text: &'a str, prefix: &str) -> Result<Self, UsageError> {
        Args::read(command, text.trim()).ok_or_else(|| UsageError(command.usage(prefix)))
    }

    /// A path, or all the text of a command for other threads.
    #[must_use]
    pub fn of_path(path: &'a str) -> Self {
        Args { path, ..Args::default() }
    }

    /// The same, with the answer as JSON where that is `wanted`.
    #[must_use]
    pub fn with_json(mut self, wanted: bool) -> Self {
        self.json = wanted;
        self
    }

    /// The same with a flag, where it is `given`.
    #[must_use]
    pub fn flag(mut self, flag: &'static str, given: bool) -> Self {
        self.flags.extend(given.then_some(flag));
        self
    }

    /// The same with the value of an option, where there is one.
    #[must_use]
    pub fn option(mut self, name: &'static str, value: Option<impl Into<Cow<'a, str>>>) -> Self {
        self.values.extend(value.map(|value| (name, value.into())));
        self
    }

    fn read(command: &Command, text: &'a str) -> Option<Self> {
        let takes = |wanted: ArgumentKind| command.arguments.iter().any(|argument| argument.kind == wanted);
        let takes_name = command.arguments.iter().any(|a| matches!(a.kind, ArgumentKind::NumberOrName(_)));
        let mut args = Args::default();
        let (mut rest, json) = without_json(text);
        args.json = json;
        let is_path = [
            ArgumentKind::Path,
            ArgumentKind::PathOrType,
            ArgumentKind::ThreadOrCommand,
            ArgumentKind::Subject,
            ArgumentKind::Place,
        ]
        .into_iter()
        .any(takes);
        loop {
            rest = rest.trim_start();
            let (word, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
            if word.is_empty() {
                break;
            }
            if let Some(after) = args.take_option(command, rest, word, after) {
                rest = after?;
            } else if is_path {
                break;
            } else if takes(ArgumentKind::Lines) {
                args.lines = Some(lines(rest)?);
                rest = "";
            } else if args.number.is_none() && args.name.is_none() {
                match word.parse() {
                    Ok(number) if takes(ArgumentKind::Number) || takes_name => {
                        args.number = Some(number);
                    }
                    _ if takes_name => args.name = Some(word),
                    _ => return None,
                }
                rest = after;
            } else {
                return None;
            }
        }
        args.path = rest.trim();
        let complete = match () {
            () if takes(ArgumentKind::Path) || takes(ArgumentKind::Place) => !args.path.is_empty(),
            () if takes(ArgumentKind::PathOrType) => args.path.is_empty() == args.value(words::TYPE).is_some(),
            () if takes(ArgumentKind::ThreadOrCommand) || takes(ArgumentKind::Subject) => true,
            () => args.path.is_empty(),
        };
        complete.then_some(args)
    }

    /// Takes an option off the text; what is left of that. `None` for a word that is none, `Some(None)` for one that is
    /// not as it should be.
    fn take_option(
        &mut self,
        command: &Command,
        rest: &'a str,
        word: &'a str,
        after: &'a str,
    ) -> Option<Option<&'a str>> {
        for argument in command.arguments {
            match argument.kind {
                ArgumentKind::Flag(flag) if flag == word => {
                    self.flags.push(flag);
                    return Some(Some(after));
                }
                ArgumentKind::Text(name, _) | ArgumentKind::Count(name, _) | ArgumentKind::OneOf(name, _) => {
                    // `--type app.Session`, `--type=app.Session`.
                    let Some(text) = rest.strip_prefix(name) else { continue };
                    let text = match text.strip_prefix('=') {
                        Some(value) => value,
                        None if text.is_empty() || text.starts_with(char::is_whitespace) => text.trim_start(),
                        None => continue,
                    };
                    let (value, after) = match value(text) {
                        Some(found) => found,
                        None => return Some(None),
                    };
                    let fits = match argument.kind {
                        ArgumentKind::Count(..) => value.parse::<u64>().is_ok(),
                        ArgumentKind::OneOf(_, words) => words.contains(&value),
                        _ => !value.is_empty(),
                    };
                    self.values.push((name, Cow::Borrowed(value)));
                    return Some(fits.then_some(after));
                }
                _ => {}
            }
        }
        None
    }

    /// Whether a flag was given.
    #[must_use]
    pub fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// The value of an option, the last one where it was given several times.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().rev().find(|(given, _)| *given == name).map(|(_, value)| value.as_ref())
    }

    /// The same as a number.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<u64> {
        self.value(name).and_then(|value| value.parse().ok())
    }

    /// The path as an address alone: `0x` and hex digits, or a decimal number.
    #[must_use]
    pub fn address(&self) -> Option<Addr> {
        address(self.path)
    }
}

/// The value that a text begins with, which may be in quotes, and what follows it.
fn value(text: &str) -> Option<(&str, &str)> {
    if let Some(quote) = text.chars().next().filter(|c| ['"', '\''].contains(c)) {
        return text.get(1..)?.split_once(quote);
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(value, _)| !value.is_empty())
}

/// An address: `0x` and hex digits, or a decimal number.
pub(crate) fn address(text: &str) -> Option<Addr> {
    let number = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => text.parse().ok()?,
    };
    Some(Addr(number))
}

/// The text without `--json` before or after it, which every command takes. A shell that gives all answers so adds one
/// more to the user's own.
fn without_json(text: &str) -> (&str, bool) {
    const JSON: &str = "--json";
    let is_word = |rest: &str| rest.is_empty() || rest.starts_with(char::is_whitespace);
    let (mut text, mut json) = (text, false);
    loop {
        let first = text.strip_prefix(JSON).filter(|rest| is_word(rest)).map(str::trim_start);
        let last = || text.strip_suffix(JSON).filter(|rest| rest.ends_with(char::is_whitespace)).map(str::trim_end);
        match first.or_else(last) {
            Some(rest) => (text, json) = (rest, true),
            None => return (text, json),
        }
    }
}

/// `START[,END]`.
fn lines(text: &str) -> Option<(u32, u32)> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let range = match text.split_once(',') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?.saturating_add(MORE_LINES)),
    };
    (range.0 <= range.1).then_some(range)
}
