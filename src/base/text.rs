//! [`Text`]: a Python string, lone surrogates and all.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A Python `str`: a sequence of code points in which surrogates may stand alone (file names that are not UTF-8
/// carry them), which a Rust `String` cannot hold. Displays and serialises with lone surrogates as `\udcXX`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Text {
    code_points: Box<[u32]>,
}

impl Text {
    /// From code points; values above U+10FFFF become U+FFFD.
    pub fn from_code_points(points: impl IntoIterator<Item = u32>) -> Self {
        Text { code_points: points.into_iter().map(|p| if p > 0x10_ffff { 0xfffd } else { p }).collect() }
    }

    /// The code points.
    #[must_use]
    pub fn code_points(&self) -> &[u32] {
        &self.code_points
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.code_points.is_empty()
    }

    /// Number of code points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.code_points.len()
    }
}

/// What names are sorted by as people count: numbers in them by value, so that `Task-2` comes before `Task-10`.
#[must_use]
pub fn natural_key(name: &Text) -> Vec<u32> {
    const ZERO: u32 = '0' as u32;
    let is_digit = |point: &u32| (ZERO..=u32::from('9')).contains(point);
    let mut rest = name.code_points();
    let mut key = Vec::with_capacity(rest.len().saturating_add(2));
    while let Some(first) = rest.first() {
        let digits = rest.iter().take_while(|point| is_digit(point)).count();
        let (number, after) = rest.split_at(digits.max(1));
        rest = after;
        if !is_digit(first) {
            key.push(*first);
            continue;
        }
        // Beside what is no number any number is as its first digit; beside a number it counts by length, then by digits.
        let value = number.get(number.iter().take_while(|point| **point == ZERO).count()..).unwrap_or_default();
        key.extend([ZERO, u32::try_from(value.len()).unwrap_or(u32::MAX)]);
        key.extend(value);
    }
    key
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text { code_points: text.chars().map(u32::from).collect() }
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.code_points.iter().copied().eq(other.chars().map(u32::from))
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        self.code_points.iter().try_for_each(|p| match char::from_u32(*p) {
            Some(c) => f.write_char(c),
            None => write!(f, "\\u{p:04x}"),
        })
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(|s| Text::from(s.as_str()))
    }
}

#[cfg(feature = "schema")]
#[cfg(feature = "schema")]
impl schemars::JsonSchema for Text {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "description": "A Python string; lone surrogates are written \\udcXX."})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_by_value() {
        let mut names = ["Task-10", "Task-2", "Task", "Task-2b", "Task-02", "job:7", "job7", "a", "10", "9", "\u{e9}1"]
            .map(Text::from);
        names.sort_by_cached_key(natural_key);
        let sorted: Vec<String> = names.iter().map(ToString::to_string).collect();
        let expected = ["9", "10", "Task", "Task-2", "Task-02", "Task-2b", "Task-10", "a", "job7", "job:7", "\u{e9}1"];
        assert_eq!(sorted, expected);
    }
}
