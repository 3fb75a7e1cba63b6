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

/// Order of names as people count: numbers in them by value, so that `Task-2` comes before `Task-10`.
#[must_use]
pub fn natural_order(a: &Text, b: &Text) -> std::cmp::Ordering {
    let digit = |p: u32| char::from_u32(p).is_some_and(|c| c.is_ascii_digit());
    let (mut a, mut b) = (a.code_points(), b.code_points());
    loop {
        let (Some(first), Some(second)) = (a.first(), b.first()) else { return a.len().cmp(&b.len()) };
        if digit(*first) && digit(*second) {
            let number = |text: &[u32]| text.iter().take_while(|p| digit(**p)).count();
            let (left, right) = (a.split_at(number(a)), b.split_at(number(b)));
            fn value(digits: &[u32]) -> (usize, &[u32]) {
                let zeros = digits.iter().take_while(|p| **p == u32::from('0')).count();
                let digits = digits.get(zeros..).unwrap_or_default();
                (digits.len(), digits)
            }
            match value(left.0).cmp(&value(right.0)) {
                std::cmp::Ordering::Equal => (a, b) = (left.1, right.1),
                other => return other,
            }
        } else if first == second {
            (a, b) = (a.get(1..).unwrap_or_default(), b.get(1..).unwrap_or_default());
        } else {
            return first.cmp(second);
        }
    }
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
