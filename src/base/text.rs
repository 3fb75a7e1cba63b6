//! [`Text`]: a Python string, lone surrogates and all.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// A Python `str`: a sequence of code points in which surrogates may stand alone (file names that are not UTF-8
/// carry them), which a Rust `String` cannot hold. Displays and serialises with lone surrogates as `\udcXX`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Text {
    /// Shared: the frames of a function have its names in common.
    code_points: Arc<[u32]>,
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
        // Piece by piece: a call for each character would take most of the time of what shows many names.
        let mut piece = [0; 128];
        let mut rest = &*self.code_points;
        while !rest.is_empty() {
            let (written, taken) = utf8(rest, &mut piece);
            f.write_str(str::from_utf8(piece.get(..written).unwrap_or_default()).unwrap_or_default())?;
            rest = rest.get(taken..).unwrap_or_default();
            if let Some((alone, after)) = rest.split_first().filter(|(point, _)| char::from_u32(**point).is_none()) {
                write!(f, "\\u{alone:04x}")?;
                rest = after;
            }
        }
        Ok(())
    }
}

/// Writes code points as UTF-8, up to a surrogate or as many as there is room for: how many bytes, of how many code points.
fn utf8(points: &[u32], out: &mut [u8]) -> (usize, usize) {
    let (mut written, mut taken) = (0usize, 0usize);
    for point in points {
        let Some(room) = out.get_mut(written..) else { break };
        match char::from_u32(*point) {
            Some(c) if c.len_utf8() <= room.len() => written = written.saturating_add(c.encode_utf8(room).len()),
            _ => break,
        }
        taken = taken.saturating_add(1);
    }
    (written, taken)
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
    fn texts_are_shown_whole_however_long() {
        let long: String = "a\u{e9}\u{20ac}\u{1f600}".repeat(100);
        for begin in 0..4 {
            let text: String = long.chars().skip(begin).collect();
            assert_eq!(Text::from(text.as_str()).to_string(), text);
        }
        let alone = [0xd800, 0x61, 0xdfff, 0xdc80, 0x62].into_iter();
        let text = Text::from_code_points(std::iter::repeat_n(0x20ac, 50).chain(alone));
        assert_eq!(text.to_string(), "\u{20ac}".repeat(50) + "\\ud800a\\udfff\\udc80b");
    }

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
