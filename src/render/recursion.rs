//! Folding what repeats in a stack: recursion.

use super::wording::count;
use crate::model::Frame;

/// Longest cycle of functions that is folded.
const MAX_PERIOD: usize = 8;
/// A part of a stack is folded when it is there more often than this.
const MIN_REPEATS: usize = 3;

/// A stretch of a stack: `start..start + len` once, `times` times in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Place of the first frame in the list.
    pub start: usize,
    /// Frames.
    pub len: usize,
    /// How often they are there.
    pub times: usize,
}

impl Stretch {
    /// The line that stands for the repetitions.
    pub fn more(&self) -> String {
        let times = count(self.times.saturating_sub(1), "time");
        if self.len == 1 {
            format!("... the frame above, {times} more")
        } else {
            format!("... the {} frames above, {times} more", self.len)
        }
    }
}

/// Folds what repeats (recursion) into stretches.
pub fn stretches(frames: &[(usize, &Frame)], unfolded: bool) -> Vec<Stretch> {
    let mut out = Vec::new();
    let mut start = 0usize;
    while start < frames.len() {
        let mut best = Stretch { start, len: 1, times: 1 };
        if !unfolded {
            for len in 1..=MAX_PERIOD {
                let times = repeats(frames, start, len);
                if times > MIN_REPEATS && times.saturating_mul(len) > best.times.saturating_mul(best.len) {
                    best = Stretch { start, len, times };
                }
            }
        }
        start = start.saturating_add(best.len.saturating_mul(best.times));
        out.push(best);
    }
    out
}

/// How often the `len` frames at `start` are there in a row.
fn repeats(frames: &[(usize, &Frame)], start: usize, len: usize) -> usize {
    let Some(rest) = frames.get(start..) else { return 0 };
    let Some(pattern) = rest.get(..len) else { return 0 };
    let same = |chunk: &&[(usize, &Frame)]| {
        chunk.len() == len && chunk.iter().zip(pattern).all(|((_, a), (_, b))| same_place(a, b))
    };
    // The first of them is the pattern itself.
    rest.get(len..).unwrap_or_default().chunks(len).take_while(same).count().saturating_add(1)
}

/// Whether two frames look the same to a reader.
pub fn same_place(a: &Frame, b: &Frame) -> bool {
    let native = |f: &Frame| f.native.as_ref().map(|n| (n.ip, n.inlined));
    a.kind == b.kind
        && a.line == b.line
        // Where the line is not known, it may be any.
        && (a.line.is_some() || (a.code, a.lasti) == (b.code, b.lasti))
        && a.column == b.column
        && a.function == b.function
        && a.file == b.file
        && a.interpreter == b.interpreter
        && native(a) == native(b)
        && a.locals == b.locals
        && a.problems == b.problems
}

#[cfg(test)]
mod tests {
    use super::{Frame, Stretch, stretches};

    fn fold(lines: &[u32]) -> Vec<Stretch> {
        let frames: Vec<Frame> = lines.iter().map(|l| Frame { line: Some(*l), ..Frame::default() }).collect();
        let numbered: Vec<(usize, &Frame)> = frames.iter().enumerate().collect();
        stretches(&numbered, false)
    }

    #[test]
    fn cycles_are_folded_and_short_repeats_are_not() {
        assert_eq!(fold(&[1, 1, 1]).len(), 3);
        assert_eq!(
            fold(&[7, 1, 1, 1, 1, 8]),
            [
                Stretch { start: 0, len: 1, times: 1 },
                Stretch { start: 1, len: 1, times: 4 },
                Stretch { start: 5, len: 1, times: 1 }
            ]
        );
        assert_eq!(
            fold(&[1, 2, 1, 2, 1, 2, 1, 2, 1]),
            [Stretch { start: 0, len: 2, times: 4 }, Stretch { start: 8, len: 1, times: 1 }]
        );
        assert_eq!(fold(&[]), []);
    }
}
