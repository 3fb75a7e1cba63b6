//! Keys and slices of paths: literals of Python that are compared with objects in memory.

use crate::base::{Addr, Text};
use crate::cpython::object::children::bytes;
use crate::cpython::object::int::Int;
use crate::cpython::object::kind::{Holds, Kind};
use crate::cpython::object::types::Heap;
use crate::cpython::object::unicode::read_text;
use crate::cpython::object::value::Value;
use std::fmt;

/// Longest text or bytes that a key is compared with, in code points or bytes.
const MAX_KEY: u64 = 10_000;

/// A literal between the brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// `'text'`
    Text(Text),
    /// `b'bytes'`
    Bytes(Vec<u8>),
    /// `1`, `-1`
    Int(i64),
    /// `True`, `False`
    Bool(bool),
    /// `None`
    None,
    /// `1, 'a'` and `(1, 'a')`
    Tuple(Vec<Key>),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Text(text) => write!(f, "{:?}", text.to_string()),
            Key::Bytes(bytes) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            Key::Int(number) => write!(f, "{number}"),
            Key::Bool(value) => f.write_str(if *value { "True" } else { "False" }),
            Key::None => f.write_str("None"),
            Key::Tuple(keys) => {
                f.write_str("(")?;
                for (index, key) in keys.iter().enumerate() {
                    write!(f, "{}{key}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str(if keys.len() == 1 { ",)" } else { ")" })
            }
        }
    }
}

impl Key {
    /// Whether Python would find this key where the object is one; what cannot be read is no match.
    pub(super) fn is(&self, heap: &Heap<'_>, key: Addr) -> bool {
        let Ok(info) = heap.type_of(key) else { return false };
        let number = match self {
            Key::Int(number) => Some(*number),
            // True is 1.
            Key::Bool(value) => Some(i64::from(*value)),
            _ => None,
        };
        match (info.kind, self) {
            (Kind::Str, Key::Text(text)) => {
                read_text(&heap.ctx, key, MAX_KEY).is_ok_and(|part| !part.is_cut() && part.text == *text)
            }
            (Kind::Bytes, Key::Bytes(wanted)) => {
                let Ok(items) = bytes(heap, key, &info, MAX_KEY) else { return false };
                let same = |(item, byte): (_, &u8)| matches!(item, Ok(Value::Int(found)) if found == i64::from(*byte));
                items.total() == wanted.len() as u64 && items.map(|item| item.map(|i| i.value)).zip(wanted).all(same)
            }
            (Kind::Int | Kind::Bool, _) => {
                number.is_some() && Int::read(&heap.ctx, key).is_ok_and(|value| value.to_i64() == number)
            }
            (Kind::None, Key::None) => true,
            (Kind::Tuple, Key::Tuple(keys)) => {
                let Holds::Sequence(items) = info.kind.row().holds else { return false };
                let Ok(items) = items(heap, key, &info, u64::MAX) else { return false };
                items.total() == keys.len() as u64
                    && items.zip(keys).all(|(item, key)| {
                        item.ok().and_then(|item| item.value.object()).is_some_and(|item| key.is(heap, item))
                    })
            }
            _ => false,
        }
    }
}

/// `[start:stop:step]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// First index.
    pub start: Option<i64>,
    /// The index before which it ends.
    pub stop: Option<i64>,
    /// From one index to the next; not 0.
    pub step: Option<i64>,
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |part: Option<i64>| part.map(|part| part.to_string()).unwrap_or_default();
        write!(f, "{}:{}", shown(self.start), shown(self.stop))?;
        self.step.map_or(Ok(()), |step| write!(f, ":{step}"))
    }
}

impl Slice {
    /// The indices of a sequence of this length (Objects/sliceobject.c, `PySlice_AdjustIndices`).
    pub(super) fn indices(self, length: u64) -> impl Iterator<Item = u64> {
        let length = i128::from(length);
        let step = i128::from(self.step.unwrap_or(1));
        let (lowest, highest) = if step < 0 { (-1, length.saturating_sub(1)) } else { (0, length) };
        let bound = |part: Option<i64>, missing: i128| {
            let Some(part) = part.map(i128::from) else { return missing };
            let part = if part < 0 { part.saturating_add(length) } else { part };
            part.clamp(lowest, highest)
        };
        let (first, last) = if step < 0 { (highest, lowest) } else { (lowest, highest) };
        let (start, stop) = (bound(self.start, first), bound(self.stop, last));
        let next = move |at: &i128| Some(at.saturating_add(step));
        let inside = move |at: &i128| if step < 0 { *at > stop } else { *at < stop };
        std::iter::successors(Some(start), next).take_while(inside).filter_map(|at| u64::try_from(at).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_python_s() {
        // From Python itself: list(range(*slice(start, stop, step).indices(5))).
        let cases: [([Option<i64>; 3], &[u64]); 9] = [
            ([None, None, None], &[0, 1, 2, 3, 4]),
            ([Some(1), Some(3), None], &[1, 2]),
            ([Some(-2), None, None], &[3, 4]),
            ([None, Some(-2), None], &[0, 1, 2]),
            ([Some(3), Some(1), None], &[]),
            ([Some(-100), Some(100), Some(2)], &[0, 2, 4]),
            ([None, None, Some(-1)], &[4, 3, 2, 1, 0]),
            ([Some(3), Some(0), Some(-2)], &[3, 1]),
            ([Some(100), Some(-100), Some(-4)], &[4, 0]),
        ];
        for ([start, stop, step], want) in cases {
            let found: Vec<u64> = Slice { start, stop, step }.indices(5).collect();
            assert_eq!(found, want, "{start:?}:{stop:?}:{step:?}");
        }
        let far = Slice { start: None, stop: None, step: Some(i64::MAX) };
        assert_eq!(far.indices(u64::MAX).count(), 3);
    }
}
