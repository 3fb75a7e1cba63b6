//! Threads with the same stack, which are shown once.

use super::recursion::same_place;
use super::wording::thread_label;
use crate::model::{Frame, Thread};
use std::collections::HashMap;
use std::hash::{Hash as _, Hasher as _};

/// Threads named of a group.
pub const MAX_LABELS: usize = 8;

/// Threads in their order, each with all that have the same stack and do the same.
pub fn same_stacks<'a>(threads: &[&'a Thread]) -> Vec<Vec<&'a Thread>> {
    let mut groups: Vec<Vec<&Thread>> = Vec::new();
    // A dump may have very many threads: each is compared only with those that look like it.
    let mut looks: HashMap<u64, Vec<usize>> = HashMap::new();
    for thread in threads {
        let candidates = looks.entry(look(thread)).or_default();
        let same = candidates
            .iter()
            .copied()
            .find(|at| groups.get(*at).and_then(|group| group.first()).is_some_and(|first| alike(first, thread)));
        match same.and_then(|at| groups.get_mut(at)) {
            Some(group) => group.push(thread),
            None => {
                candidates.push(groups.len());
                groups.push(vec![thread]);
            }
        }
    }
    groups
}

/// The same for threads that are alike.
fn look(thread: &Thread) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    thread.frames_end.hash(&mut hasher);
    for frame in &thread.frames {
        (frame.line, frame.column).hash(&mut hasher);
        frame.native.as_ref().map(|native| native.ip.0).hash(&mut hasher);
        frame.function.hash(&mut hasher);
    }
    hasher.finish()
}

/// Whether two threads may share one stack.
fn alike(a: &Thread, b: &Thread) -> bool {
    let state = |t: &Thread| {
        let exceptions: Vec<_> = t.states().map(|p| (p.interpreter, p.raising.is_some(), p.handling.len())).collect();
        (t.crashed, exceptions, t.python.as_ref().map(|p| (p.holds_gil, p.collecting, p.status)))
    };
    let quiet = |t: &Thread| t.states().all(|p| p.raising.is_none() && p.handling.is_empty());
    let waits = |t: &Thread| t.waits_for.as_ref().map(|w| (w.what.clone(), w.owner));
    quiet(a)
        && state(a) == state(b)
        && waits(a) == waits(b)
        && a.frames_end == b.frames_end
        && a.frames.len() == b.frames.len()
        && a.frames.iter().zip(&b.frames).all(|(x, y)| same_place(x, y))
}

/// `1234 "worker-1", 1235 "worker-2", and 3 more`, with at most `limit` of them.
pub fn labels(threads: &[&Thread], limit: usize) -> String {
    let mut names: Vec<String> =
        threads.iter().take(limit).map(|t| thread_label(t).trim_start_matches("Thread ").to_owned()).collect();
    if threads.len() > limit {
        names.push(format!("and {} more", threads.len().saturating_sub(limit)));
    }
    names.join(", ")
}

/// The frames that are shown, numbered without gaps: those of the interpreter's plumbing are not, unless all are `wanted`.
pub fn visible(frames: &[Frame], first: usize, wanted: bool) -> Vec<(usize, &Frame)> {
    let shown = frames.iter().filter(|f| wanted || !f.native.as_ref().is_some_and(|n| n.plumbing));
    (first..).zip(shown).collect()
}
