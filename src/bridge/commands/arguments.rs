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

/// A step of a path behind the first name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `.name`
    Attribute(String),
    /// `["key"]`
    Key(String),
    /// `[3]`, `[-1]`
    Index(i64),
}

/// `name.attribute["key"][0]`.
pub(super) fn path(text: &str) -> Option<(String, Vec<Step>)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let name = name.trim();
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (attribute, next) = after.split_at(end);
            if !is_name(attribute.trim()) {
                return None;
            }
            steps.push(Step::Attribute(attribute.trim().to_owned()));
            rest = next;
        } else {
            let after = rest.strip_prefix('[')?.trim_start();
            let (step, next) = match after.chars().next()? {
                quote @ ('"' | '\'') => {
                    let body = after.get(1..)?;
                    let end = body.find(quote)?;
                    (Step::Key(body.get(..end)?.to_owned()), body.get(end.checked_add(1)?..)?)
                }
                _ => {
                    let end = after.find(']')?;
                    let (number, next) = after.split_at(end);
                    (Step::Index(number.trim().parse().ok()?), next)
                }
            };
            steps.push(step);
            rest = next.trim_start().strip_prefix(']')?;
        }
    }
    is_name(name).then(|| (name.to_owned(), steps))
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    // CPython calls the iterables of comprehensions `.0`, which no path can start with.
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic()) && chars.all(|c| c == '_' || c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let step = |s: &str| Step::Attribute(s.to_owned());
        assert_eq!(path("x"), Some(("x".to_owned(), vec![])));
        assert_eq!(
            path("self.jobs['a.b][']  [ -1 ].id"),
            None,
            "no space between steps: `self.jobs[..] [..]` is not what Python's users write by accident"
        );
        assert_eq!(
            path("self.jobs['a.b]['][ -1 ].ïd"),
            Some(("self".to_owned(), vec![step("jobs"), Step::Key("a.b][".to_owned()), Step::Index(-1), step("ïd")]))
        );
        for bad in ["", "1x", "a.", "a[", "a[]", "a['b]", "a b", "a..b", "a[1", "a]"] {
            assert_eq!(path(bad), None, "{bad}");
        }
    }
}
