//! The text that follows a command, read by what its row says that it takes.

use super::{ArgumentKind, Command};
use crate::base::Addr;

/// Lines that are shown after the first when no last one is given.
const MORE_LINES: u32 = 10;

/// What was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args<'a> {
    flags: Vec<&'static str>,
    /// The number, when one was given.
    pub number: Option<i64>,
    /// First and last line, when given.
    pub lines: Option<(u32, u32)>,
    /// The path; all of the text.
    pub path: &'a str,
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
    pub fn parse(command: &Command, text: &'a str) -> Result<Self, UsageError> {
        let wrong = || UsageError(command.usage());
        let takes = |kind: ArgumentKind| command.arguments.iter().any(|argument| argument.kind == kind);
        let mut args = Args::default();
        if takes(ArgumentKind::Path) {
            args.path = Some(text.trim()).filter(|path| !path.is_empty()).ok_or_else(wrong)?;
            return Ok(args);
        }
        if takes(ArgumentKind::Lines) {
            args.lines = lines(text.trim()).ok_or_else(wrong)?;
            return Ok(args);
        }
        for word in text.split_whitespace() {
            let flag = command.arguments.iter().find_map(|argument| match argument.kind {
                ArgumentKind::Flag(flag) if flag == word => Some(flag),
                _ => None,
            });
            match (flag, word.parse()) {
                (Some(flag), _) => args.flags.push(flag),
                (None, Ok(number)) if takes(ArgumentKind::Number) && args.number.is_none() => {
                    args.number = Some(number)
                }
                _ => return Err(wrong()),
            }
        }
        Ok(args)
    }

    /// Whether a flag was given.
    #[must_use]
    pub fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// The path as an address alone: `0x` and hex digits, or a decimal number.
    #[must_use]
    pub fn address(&self) -> Option<Addr> {
        address(self.path)
    }
}

/// An address: `0x` and hex digits, or a decimal number.
pub(crate) fn address(text: &str) -> Option<Addr> {
    let number = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => text.parse().ok()?,
    };
    Some(Addr(number))
}

/// `None` for what is not a range; `Some(None)` for none given.
fn lines(text: &str) -> Option<Option<(u32, u32)>> {
    if text.is_empty() {
        return Some(None);
    }
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let range = match text.split_once(',') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?.saturating_add(MORE_LINES)),
    };
    (range.0 <= range.1).then_some(Some(range))
}
