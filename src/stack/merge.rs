//! [`merge`]: one stack of Python and native frames, the Python ones in place of the evaluation loops that ran them.
//!
//! A pure function over what merging needs to know. Python frames come in *runs*: the frames that one call of the C
//! evaluation loop executed (3.8 to 3.10 one each, 3.11+ any number). A run is tied to its native frame by address
//! where the interpreter keeps a structure on the C stack (3.11's `_PyCFrame`, the entry frame of 3.12+), by order
//! between such ties where both sides have as many, and not at all where they differ: then a diagnostic says so.

use crate::base::Addr;

/// What a native frame is to the merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NativeRole {
    /// The evaluation loop itself (`_PyEval_EvalFrameDefault`).
    Eval,
    /// Code that runs on behalf of the evaluation loop next outside (a tail-calling opcode handler, JIT code).
    EvalPart,
    /// A function of the interpreter that has no name here: it may be the evaluation loop.
    Unnamed,
    /// Anything else.
    Other,
}

/// A native frame, as far as merging is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeFrame {
    /// Lowest address of its part of the stack.
    pub sp: Addr,
    /// First address after it, when known.
    pub cfa: Option<Addr>,
    /// What it is.
    pub role: NativeRole,
    /// Whether the step that found it can have passed over frames (frame pointer, scan).
    pub doubtful: bool,
}

impl NativeFrame {
    /// The same as a frame that runs no Python frame, where it is the loop of one of these shims.
    #[must_use]
    pub fn without_loops(self, empty: &[Addr]) -> Self {
        let role = if empty.iter().any(|at| self.holds(*at)) { NativeRole::Other } else { self.role };
        NativeFrame { role, ..self }
    }

    fn holds(&self, addr: Addr) -> bool {
        self.sp <= addr && self.cfa.is_some_and(|cfa| addr < cfa)
    }
}

/// A Python frame, as far as merging is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PythonFrame {
    /// Whether a C evaluation loop was entered for it, that is whether it is the oldest of its run; `None` when that
    /// is not known.
    pub entry: Option<bool>,
    /// For the oldest frame of a run: an address inside the C frame of its evaluation loop.
    pub entry_sp: Option<Addr>,
}

/// An entry of the merged stack: an index into the frames given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Merged {
    /// A Python frame.
    Python(usize),
    /// A native frame.
    Native(usize),
}

/// Why a merge is partial.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeProblem {
    /// It is not known which Python frames called each other without C between them.
    #[error("it is not known where C code lies between the Python frames: they are shown in one piece")]
    EntriesUnknown,
    /// Between two places that are tied, the sides differ.
    #[error(
        "{runs} run(s) of Python frames face {loops} evaluation loop(s) on the native stack: the order of native and \
         Python frames is not known from Python frame {from} to {to}"
    )]
    CountsDiffer {
        /// Runs of Python frames.
        runs: usize,
        /// Evaluation loops.
        loops: usize,
        /// First (innermost) Python frame concerned.
        from: usize,
        /// Last Python frame concerned.
        to: usize,
    },
    /// Native frames inside the interpreter that ran no Python frame the runtime knows of.
    #[error("{0} evaluation loop(s) on the native stack without a Python frame")]
    LoopsWithoutFrames(usize),
    /// The native stack ends first; the outer Python frames follow it.
    #[error("the native stack ends early: {0} outer Python frame(s) are shown without the C code between them")]
    NativeEndsEarly(usize),
    /// A run's entry does not lie in the native frame that order ties it to.
    #[error("entry {0} of a run of Python frames lies in no evaluation loop: the run is placed by order")]
    EntryElsewhere(Addr),
    /// The addresses found on the C stack are not in the order of the frames.
    #[error("Python frames and the C stack contradict each other: they are matched by order instead")]
    OutOfOrder,
}

/// A merged stack.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MergedStack {
    /// Entries, innermost first.
    pub entries: Vec<Merged>,
    /// Why it is partial; empty for a whole merge.
    pub problems: Vec<MergeProblem>,
}

/// Python frames `first..=last` that one evaluation loop ran.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: usize,
    last: usize,
    anchor: Option<Addr>,
}

/// Native frames `first..=last` of one evaluation loop: its parts, and the loop itself as the last.
#[derive(Clone, Copy, Debug)]
struct Loop {
    first: usize,
    last: usize,
}

/// Merges Python and native frames of one thread, both innermost first. `native_complete`: the native stack reaches
/// the thread's first function.
#[must_use]
pub fn merge(python: &[PythonFrame], native: &[NativeFrame], native_complete: bool) -> MergedStack {
    let mut out = MergedStack::default();
    if python.is_empty() {
        out.entries.extend((0..native.len()).map(Merged::Native));
        return out;
    }
    // Frames of unknown kind in between: any split would be a guess.
    let unknown = python.iter().any(|f| f.entry.is_none());
    let runs = if unknown {
        out.problems.push(MergeProblem::EntriesUnknown);
        vec![Run { first: 0, last: python.len().saturating_sub(1), anchor: None }]
    } else {
        runs_of(python)
    };
    let loops = loops_of(native, &runs);
    let ties = if unknown { vec![None; runs.len()] } else { tie(&runs, &loops, native, &mut out.problems) };
    Placement { runs: &runs, loops: &loops, native, native_complete }.place(&ties, &mut out);
    out
}

fn runs_of(python: &[PythonFrame]) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut first = 0;
    for (at, frame) in python.iter().enumerate() {
        if frame.entry == Some(true) {
            runs.push(Run { first, last: at, anchor: frame.entry_sp });
            first = at.saturating_add(1);
        }
    }
    // The chain was cut before the entry of its last run.
    if first < python.len() {
        runs.push(Run { first, last: python.len().saturating_sub(1), anchor: None });
    }
    runs
}

/// The evaluation loops: by name, or because a run's anchor lies in the frame of an unnamed function.
fn loops_of(native: &[NativeFrame], runs: &[Run]) -> Vec<Loop> {
    let mut anchors: Vec<Addr> = runs.iter().filter_map(|r| r.anchor).collect();
    anchors.sort_unstable();
    let anchored = |frame: &NativeFrame| {
        let at = anchors.partition_point(|a| *a < frame.sp);
        anchors.get(at).is_some_and(|a| frame.holds(*a))
    };
    let mut loops = Vec::new();
    let mut part_from = None;
    for (at, frame) in native.iter().enumerate() {
        match frame.role {
            NativeRole::EvalPart => {
                part_from.get_or_insert(at);
            }
            NativeRole::Eval => loops.push(Loop { first: part_from.take().unwrap_or(at), last: at }),
            NativeRole::Unnamed if anchored(frame) => {
                loops.push(Loop { first: part_from.take().unwrap_or(at), last: at });
            }
            NativeRole::Unnamed | NativeRole::Other => part_from = None,
        }
    }
    loops
}

/// For each run the loop that holds its anchor.
fn tie(runs: &[Run], loops: &[Loop], native: &[NativeFrame], problems: &mut Vec<MergeProblem>) -> Vec<Option<usize>> {
    let holder = |anchor: Addr| loops.iter().position(|l| native.get(l.last).is_some_and(|f| f.holds(anchor)));
    // Loops lie on the stack in order, except across an alternate signal stack: a plain search would be quadratic
    // for deep stacks, so look near the last hit first.
    let mut near = 0usize;
    let ties: Vec<Option<usize>> = runs
        .iter()
        .map(|run| {
            let anchor = run.anchor?;
            let next = near.saturating_add(1);
            let hit = [near, next]
                .into_iter()
                .find(|at| loops.get(*at).and_then(|l| native.get(l.last)).is_some_and(|f| f.holds(anchor)))
                .or_else(|| holder(anchor))?;
            near = hit;
            Some(hit)
        })
        .collect();
    let hits: Vec<usize> = ties.iter().flatten().copied().collect();
    if hits.windows(2).all(|w| w.first() < w.last()) {
        return ties;
    }
    problems.push(MergeProblem::OutOfOrder);
    vec![None; runs.len()]
}

struct Placement<'a> {
    runs: &'a [Run],
    loops: &'a [Loop],
    native: &'a [NativeFrame],
    native_complete: bool,
}

impl Placement<'_> {
    /// Walks from tie to tie; between two ties (or a tie and an end) runs and loops are matched by order if there are
    /// as many of both.
    fn place(&self, ties: &[Option<usize>], out: &mut MergedStack) {
        let (mut run, mut lp, mut native) = (0usize, 0usize, 0usize);
        loop {
            let tied = ties.iter().enumerate().skip(run).find_map(|(r, t)| t.map(|l| (r, l)));
            let (run_end, loop_end) = tied.unwrap_or((self.runs.len(), self.loops.len()));
            self.segment(run..run_end, lp..loop_end, tied.is_none(), &mut native, out);
            let Some((r, l)) = tied else { break };
            self.matched(r, l, &mut native, out);
            (run, lp) = (r.saturating_add(1), l.saturating_add(1));
        }
        self.natives_until(self.native.len(), &mut native, out);
    }

    fn segment(
        &self,
        runs: std::ops::Range<usize>,
        loops: std::ops::Range<usize>,
        outermost: bool,
        native: &mut usize,
        out: &mut MergedStack,
    ) {
        if runs.len() == loops.len() {
            runs.zip(loops).for_each(|(r, l)| self.by_order(r, l, native, out));
            return;
        }
        if runs.is_empty() {
            // Loops that are being entered or left; they stay as the native frames they are.
            out.problems.push(MergeProblem::LoopsWithoutFrames(loops.len()));
            return;
        }
        // A native stack that was cut has lost its outer end only, as long as no step can have passed over frames.
        let last = loops.clone().next_back().and_then(|l| self.loops.get(l));
        let upto = last.map_or(self.native.len(), |l| l.last.saturating_add(1));
        let certain = self.native.iter().take(upto).all(|f| !f.doubtful);
        if outermost && !self.native_complete && certain && loops.len() < runs.len() {
            let (inner, outer) = (runs.start..runs.start.saturating_add(loops.len()), runs.end);
            let rest = inner.end..outer;
            inner.zip(loops).for_each(|(r, l)| self.by_order(r, l, native, out));
            self.natives_until(self.native.len(), native, out);
            let before = out.entries.len();
            rest.for_each(|r| self.python(r, out));
            out.problems.push(MergeProblem::NativeEndsEarly(out.entries.len().saturating_sub(before)));
            return;
        }
        let bounds = |r: Option<usize>| r.and_then(|r| self.runs.get(r));
        out.problems.push(MergeProblem::CountsDiffer {
            runs: runs.len(),
            loops: loops.len(),
            from: bounds(Some(runs.start)).map_or(0, |r| r.first),
            to: bounds(runs.end.checked_sub(1)).map_or(0, |r| r.last),
        });
        // All that is known: these Python frames, in this order, are inside of everything that follows the segment.
        // Where the segment has no loop of its own, the next one after it bounds what may be passed.
        let next_loop = self.loops.get(loops.start).map(|l| l.first);
        // Before any loop, frames that follow each other without doubt are inside of the innermost Python frame.
        let doubtful = || self.native.iter().position(|f| f.doubtful).unwrap_or(self.native.len());
        let at = match next_loop {
            Some(first) if loops.is_empty() => doubtful().min(first),
            Some(first) => first,
            None => doubtful(),
        };
        let at = at.max(*native);
        self.natives_until(at, native, out);
        runs.for_each(|r| self.python(r, out));
    }

    /// A match that no address confirms; one that an address contradicts is told.
    fn by_order(&self, run: usize, lp: usize, native: &mut usize, out: &mut MergedStack) {
        let frame = self.loops.get(lp).and_then(|l| self.native.get(l.last)).filter(|f| f.cfa.is_some());
        let anchor = self.runs.get(run).and_then(|r| r.anchor);
        if let (Some(frame), Some(anchor)) = (frame, anchor)
            && !frame.holds(anchor)
        {
            let problem = MergeProblem::EntryElsewhere(anchor);
            if out.problems.last() != Some(&MergeProblem::OutOfOrder) && !out.problems.contains(&problem) {
                out.problems.push(problem);
            }
        }
        self.matched(run, lp, native, out);
    }

    fn matched(&self, run: usize, lp: usize, native: &mut usize, out: &mut MergedStack) {
        let Some(l) = self.loops.get(lp) else { return };
        self.natives_until(l.first, native, out);
        self.python(run, out);
        *native = l.last.saturating_add(1);
    }

    fn python(&self, run: usize, out: &mut MergedStack) {
        if let Some(run) = self.runs.get(run) {
            out.entries.extend((run.first..=run.last).map(Merged::Python));
        }
    }

    fn natives_until(&self, end: usize, native: &mut usize, out: &mut MergedStack) {
        out.entries.extend((*native..end).map(Merged::Native));
        *native = (*native).max(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Merged::{Native as N, Python as P};

    /// One native frame per letter: `e` evaluation loop, `t` part of one, `u` unnamed, `c` C function; frame `i` has
    /// the stack range `0x1000 + 0x100 * i`. A capital is doubtful.
    fn native(roles: &str) -> Vec<NativeFrame> {
        let frame = |(i, c): (usize, char)| NativeFrame {
            sp: Addr(0x1000 + 0x100 * i as u64),
            cfa: Some(Addr(0x1100 + 0x100 * i as u64)),
            role: match c.to_ascii_lowercase() {
                'e' => NativeRole::Eval,
                't' => NativeRole::EvalPart,
                'u' => NativeRole::Unnamed,
                _ => NativeRole::Other,
            },
            doubtful: c.is_uppercase(),
        };
        roles.chars().enumerate().map(frame).collect()
    }

    fn py(entry: bool) -> PythonFrame {
        PythonFrame { entry: Some(entry), entry_sp: None }
    }

    fn at(native: u64) -> PythonFrame {
        PythonFrame { entry: Some(true), entry_sp: Some(Addr(0x1050 + 0x100 * native)) }
    }

    #[test]
    fn one_loop_each_as_before_3_11() {
        let got = merge(&[py(true), py(true)], &native("cecec"), true);
        assert_eq!(got, MergedStack { entries: vec![N(0), P(0), N(2), P(1), N(4)], problems: vec![] });
    }

    #[test]
    fn many_frames_in_one_loop_and_a_loop_in_parts() {
        let frames = [py(false), py(false), py(true), py(true)];
        let got = merge(&frames, &native("ctteccec"), true);
        assert_eq!(got.entries, [N(0), P(0), P(1), P(2), N(4), N(5), P(3), N(7)]);
        assert_eq!(got.problems, []);
    }

    #[test]
    fn addresses_beat_counts_and_an_idle_loop_stays_native() {
        // The innermost loop has pushed no frame yet.
        let got = merge(&[at(3), at(5)], &native("ceceec"), true);
        assert_eq!(got.entries, [N(0), N(1), N(2), P(0), P(1), N(5)]);
        assert_eq!(got.problems, [MergeProblem::LoopsWithoutFrames(1), MergeProblem::EntryElsewhere(Addr(0x1550))]);
        let got = merge(&[at(3), at(4)], &native("ceceec"), true);
        assert_eq!(got.entries, [N(0), N(1), N(2), P(0), P(1), N(5)]);
        assert_eq!(got.problems, [MergeProblem::LoopsWithoutFrames(1)]);
    }

    #[test]
    fn an_unnamed_function_that_holds_an_entry_frame_is_the_loop() {
        let got = merge(&[py(false), at(2), at(4)], &native("cuuuuc"), true);
        assert_eq!(got.entries, [N(0), N(1), P(0), P(1), N(3), P(2), N(5)]);
        assert_eq!(got.problems, []);
    }

    #[test]
    fn a_cut_native_stack_leaves_the_outer_python_frames_behind_it() {
        let got = merge(&[py(true), py(true), py(true)], &native("cec"), false);
        assert_eq!(got.entries, [N(0), P(0), N(2), P(1), P(2)]);
        assert_eq!(got.problems, [MergeProblem::NativeEndsEarly(2)]);
        // A scan may have passed over loops: nothing can be said then.
        let got = merge(&[py(true), py(true), py(true)], &native("cEc"), false);
        assert_eq!(got.entries, [N(0), P(0), P(1), P(2), N(1), N(2)]);
        assert_eq!(got.problems, [MergeProblem::CountsDiffer { runs: 3, loops: 1, from: 0, to: 2 }]);
    }

    #[test]
    fn counts_that_differ_on_a_whole_stack_are_told_and_every_frame_is_kept() {
        let got = merge(&[py(true), py(true)], &native("cec"), true);
        assert_eq!(got.problems, [MergeProblem::CountsDiffer { runs: 2, loops: 1, from: 0, to: 1 }]);
        assert_eq!(got.entries, [N(0), P(0), P(1), N(1), N(2)]);
    }

    #[test]
    fn contradicting_addresses_fall_back_to_order() {
        let got = merge(&[at(3), at(1)], &native("cecec"), true);
        assert_eq!(got.entries, [N(0), P(0), N(2), P(1), N(4)]);
        assert_eq!(got.problems, [MergeProblem::OutOfOrder]);
    }

    #[test]
    fn threads_with_one_side_only() {
        assert_eq!(merge(&[], &native("cc"), true).entries, [N(0), N(1)]);
        let got = merge(&[py(true)], &[], false);
        assert_eq!(got.entries, [P(0)]);
        assert_eq!(got.problems, [MergeProblem::NativeEndsEarly(1)]);
        let unknown = PythonFrame::default();
        assert_eq!(
            merge(&[unknown, unknown], &native("cec"), true).problems.first(),
            Some(&MergeProblem::EntriesUnknown)
        );
    }

    #[test]
    fn no_frame_is_ever_lost_or_doubled() {
        let roles = ["", "c", "e", "ce", "ecec", "tete", "uEcte", "eeeee", "cccc"];
        for (n, roles) in roles.iter().enumerate() {
            for bits in 0..64u32 {
                let frames: Vec<_> = (0..bits.count_ones() as usize + n % 3)
                    .map(|i| PythonFrame {
                        entry: if bits & (1 << i) == 0 { Some(i % 2 == 0) } else { Some(true) },
                        entry_sp: (bits & (2 << i) != 0).then(|| Addr(0x1000 + u64::from(bits) * 0x20)),
                    })
                    .collect();
                let native = native(roles);
                let got = merge(&frames, &native, bits % 2 == 0);
                let python: Vec<_> =
                    got.entries.iter().filter_map(|e| if let P(i) = e { Some(*i) } else { None }).collect();
                assert_eq!(python, (0..frames.len()).collect::<Vec<_>>());
                let kept: Vec<_> =
                    got.entries.iter().filter_map(|e| if let N(i) = e { Some(*i) } else { None }).collect();
                assert!(kept.windows(2).all(|w| w[0] < w[1]));
                assert!((0..native.len()).all(|i| kept.contains(&i) || native[i].role != NativeRole::Other));
            }
        }
    }
}
