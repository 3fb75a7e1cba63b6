//! What users type behind a command.

use super::CommandError;
use crate::base::Addr;

/// A count, 1 when none is given.
pub(super) fn count(args: &str, usage: &str) -> Result<usize, CommandError> {
    if args.is_empty() {
        return Ok(1);
    }
    args.parse().map_err(|_| CommandError::message(format!("usage: {usage}")))
}

/// No arguments but these flags; which of them are there.
pub(super) fn flags<const N: usize>(args: &str, known: [&str; N], usage: &str) -> Result<[bool; N], CommandError> {
    let mut found = [false; N];
    for word in args.split_whitespace() {
        let at = known.iter().position(|k| *k == word);
        match at.and_then(|at| found.get_mut(at)) {
            Some(flag) => *flag = true,
            None => return Err(CommandError::message(format!("usage: {usage}"))),
        }
    }
    Ok(found)
}

/// An address: `0x` and hex digits, or a decimal number.
pub(super) fn address(text: &str) -> Option<Addr> {
    let number = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => text.parse().ok()?,
    };
    Some(Addr(number))
}
