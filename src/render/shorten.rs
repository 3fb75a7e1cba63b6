//! Values that are too long for a line, and values that were shown before.

use super::wording::safe;
use crate::base::{Addr, thousands};
use crate::model::Value;
use std::collections::HashMap;
use unicode_width::UnicodeWidthChar as _;

/// Columns that a value has at least, however deep it is indented.
const MIN_WIDTH: usize = 40;
/// Columns from which on it is better to say where a value was shown than to show it again.
const WORTH_A_REFERENCE: usize = 60;

/// `text`, which is safe to print, cut to `columns` with the number of characters that are not shown. `cut`: it was cut before, where
/// the value was read.
#[must_use]
pub fn shorten(text: &str, columns: usize, cut: bool) -> String {
    let columns = columns.max(MIN_WIDTH);
    if text.len() <= columns {
        return text.to_owned();
    }
    // Where it fits, and where it would not any more: most of a long text need not be looked at.
    let mut width = 0usize;
    let fits = text.chars().all(|c| {
        width = width.saturating_add(c.width().unwrap_or(0));
        width <= columns
    });
    if fits {
        return text.to_owned();
    }
    let least = if cut { "at least " } else { "" };
    let tail = |left: usize| format!("... ({least}{} more characters)", thousands(left as u64));
    let all = text.chars().count();
    let room = columns.saturating_sub(tail(all).len());
    let (mut width, mut end, mut shown) = (0usize, 0usize, 0usize);
    for (at, c) in text.char_indices() {
        width = width.saturating_add(c.width().unwrap_or(0));
        if width > room {
            break;
        }
        end = at.saturating_add(c.len_utf8());
        shown = shown.saturating_add(1);
    }
    format!("{}{}", text.get(..end).unwrap_or_default(), tail(all.saturating_sub(shown)))
}

/// Long values of one stack, by their addresses, with the frame and the name they were shown with.
#[derive(Debug, Default)]
pub struct Shown<'a> {
    seen: HashMap<Addr, (usize, &'a Value, String)>,
}

impl<'a> Shown<'a> {
    /// Where the same was shown before: `the same as config in #2`; remembers it where it was not.
    pub fn before(&mut self, frame: usize, name: &str, value: &'a Value) -> Option<String> {
        if value.addr.is_null() || value.repr.len() < WORTH_A_REFERENCE {
            return None;
        }
        match self.seen.get(&value.addr) {
            Some((number, other, first)) if other.repr == value.repr && other.fidelity == value.fidelity => {
                let what = if first == name { String::new() } else { format!(" {}", safe(first)) };
                let place = if *number == frame { String::new() } else { format!(" in #{number}") };
                Some(format!("the same as{what}{place}"))
            }
            Some(_) => None,
            None => {
                self.seen.insert(value.addr, (frame, value, name.to_owned()));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Shown, shorten};
    use crate::model::Value;

    #[test]
    fn long_values_say_how_much_is_left_out() {
        let text = "x".repeat(10_000);
        let cut = shorten(&text, 80, false);
        assert!(cut.len() <= 80 && cut.ends_with("x... (9,948 more characters)"), "{cut}");
        assert_eq!(shorten("short", 80, false), "short");
        // Two columns a character.
        let cut = shorten(&"漢".repeat(100), 60, true);
        assert!(cut.starts_with(&"漢".repeat(13)) && cut.ends_with("... (at least 87 more characters)"), "{cut}");
    }

    #[test]
    fn a_value_is_shown_once() {
        let value = |addr: u64, text: &str| Value { addr: addr.into(), repr: text.repeat(30), ..Value::default() };
        let (a, b, same_place) = (value(1, "abc"), value(2, "abc"), value(1, "abd"));
        let mut shown = Shown::default();
        assert_eq!(shown.before(0, "config", &a), None);
        assert_eq!(shown.before(0, "alias", &a).as_deref(), Some("the same as config"));
        assert_eq!(shown.before(2, "config", &a).as_deref(), Some("the same as in #0"));
        assert_eq!(shown.before(2, "other", &a).as_deref(), Some("the same as config in #0"));
        assert_eq!(shown.before(2, "b", &b), None);
        assert_eq!(shown.before(3, "changed", &same_place), None);
    }
}
