//! Frames of several thread states that one thread of the system works in, in one order.
//!
//! A thread that enters another interpreter goes on with a thread state of that one, on the same C stack. The frames that
//! one call of the evaluation loop runs stay together; these runs follow each other by their places on the C stack.

use super::PyFrame;
use std::collections::VecDeque;

/// Frames that one call of the evaluation loop runs, and where on the C stack that is.
struct Run {
    frames: Vec<PyFrame>,
    place: Option<u64>,
}

/// All frames, innermost first, each with the index of its stack. `stacks` come innermost first as far as that is known:
/// it decides where no place does. `place` grows from the innermost call outwards.
#[must_use]
pub fn interleave(stacks: Vec<Vec<PyFrame>>, place: impl Fn(&PyFrame) -> Option<u64>) -> Vec<(usize, PyFrame)> {
    let mut left: Vec<VecDeque<Run>> = stacks.into_iter().map(|frames| runs(frames, &place)).collect();
    left.iter_mut().enumerate().for_each(|(at, runs)| fill(runs, if at == 0 { 0 } else { u64::MAX }));
    let mut out = Vec::new();
    let mut last = None;
    loop {
        let heads = left.iter().enumerate().filter_map(|(at, runs)| Some((runs.front()?.place, Some(at) != last, at)));
        let Some((.., at)) = heads.min() else { return out };
        let Some(run) = left.get_mut(at).and_then(VecDeque::pop_front) else { return out };
        out.extend(run.frames.into_iter().map(|frame| (at, frame)));
        last = Some(at);
    }
}

fn runs(frames: Vec<PyFrame>, place: impl Fn(&PyFrame) -> Option<u64>) -> VecDeque<Run> {
    let mut out = VecDeque::new();
    let mut open = Vec::new();
    for frame in frames {
        let end = frame.entry.then(|| place(&frame));
        open.push(frame);
        if let Some(place) = end {
            out.push_back(Run { frames: std::mem::take(&mut open), place });
        }
    }
    // The chain was cut before the entry of its last run.
    if !open.is_empty() {
        out.push_back(Run { frames: open, place: None });
    }
    out
}

/// A run whose place is not known stays with the next one further in, else with the next further out.
fn fill(runs: &mut VecDeque<Run>, unknown: u64) {
    let mut known = runs.iter().find_map(|run| run.place).unwrap_or(unknown);
    for run in runs {
        known = *run.place.get_or_insert(known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Addr;
    use crate::cpython::DecodeError;
    use crate::cpython::frame::Owner;

    /// A letter is a frame, a number the place of the run that ends there, `?` one that is not known.
    fn stack(text: &str) -> Vec<PyFrame> {
        let mut out: Vec<PyFrame> = Vec::new();
        for word in text.split_whitespace() {
            match (word.parse().ok(), out.last_mut()) {
                (place, Some(frame)) if place.is_some() || word == "?" => {
                    (frame.entry, frame.entry_sp) = (true, place.map(Addr));
                }
                _ => out.push(PyFrame {
                    addr: Addr(u64::from(word.as_bytes()[0])),
                    code: Err(DecodeError::Null { what: "code" }),
                    lasti: Ok(0),
                    position: Err(DecodeError::Null { what: "code" }),
                    owner: Owner::Thread,
                    entry: false,
                    entry_sp: None,
                    gap: None,
                    compiled: None,
                }),
            }
        }
        out
    }

    fn order(stacks: &[&str]) -> String {
        let all = interleave(stacks.iter().map(|s| stack(s)).collect(), |frame| frame.entry_sp.map(|a| a.0));
        all.iter().map(|(at, f)| format!("{}{at}", char::from(u8::try_from(f.addr.0).unwrap()))).collect()
    }

    #[test]
    fn runs_follow_each_other_by_their_places() {
        assert_eq!(order(&["a b 10 c 20"]), "a0b0c0");
        assert_eq!(order(&["a 30 b 40", "c d 10 e 20"]), "c1d1e1a0b0");
        // Back in the first interpreter, which was left for the second.
        assert_eq!(order(&["a 10 b 30", "c d 20"]), "a0c1d1b0");
        assert_eq!(order(&["a 10", "", "b 5", "c 20"]), "b2a0c3");
    }

    #[test]
    fn what_has_no_place_stays_with_its_neighbours() {
        assert_eq!(order(&["a ? b 30", "c 10 d ? e 40"]), "c1d1a0b0e1");
        // Without any place the first is the innermost; the end of a chain that was cut stays with it.
        assert_eq!(order(&["a ? b ?", "c ?"]), "a0b0c1");
        assert_eq!(order(&["a 20 b", "c 10 d"]), "c1d1a0b0");
    }
}
