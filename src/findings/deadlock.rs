//! Threads that wait for each other, and threads that wait for what another has.

use super::blame::python_place;
use super::facts::Facts;
use super::finding;
use crate::model::{Confidence, Finding, FindingId, FrameKind, OwnerFrom, Report, Thread, Wait, WaitKind};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Threads that are named one by one.
const MAX_NAMED: usize = 16;

/// Every cycle of threads that wait for each other.
pub(super) fn cycles(facts: &Facts<'_>) -> Vec<Finding> {
    let waits = Waits::of(facts.report);
    let mut seen = HashSet::new();
    let mut out = Vec::new();
    // By thread id, so that the same cycle always begins with the same thread.
    let mut starts: Vec<u64> = waits.0.keys().copied().collect();
    starts.sort_unstable();
    for start in starts {
        let mut path = Vec::new();
        let mut at = start;
        while seen.insert(at) {
            path.push(at);
            let Some(next) = waits.owner(at) else { break };
            at = next;
        }
        // The walk came back to itself, not to an older one.
        if let Some(first) = path.iter().position(|tid| *tid == at)
            && waits.owner(*path.last().unwrap_or(&at)) == Some(at)
        {
            let cycle = path.get(first..).unwrap_or_default();
            out.extend(waits.deadlock(cycle, facts.report));
        }
    }
    out
}

/// Threads that wait for a lock whose owner does not wait for them: no deadlock, but why they stand still.
pub(super) fn held(facts: &Facts<'_>) -> Vec<Finding> {
    let mut by_owner: BTreeMap<u64, Vec<&Thread>> = BTreeMap::new();
    for thread in &facts.report.threads {
        // The GIL passes from thread to thread, and to wait for a thread's end is what a program is made to do.
        let wait = thread.waits_for.as_ref().filter(|w| !matches!(w.kind, WaitKind::Gil | WaitKind::Thread));
        if let Some(owner) = wait.and_then(|w| w.owner) {
            by_owner.entry(owner).or_default().push(thread);
        }
    }
    let mut out = Vec::new();
    for (owner, waiters) in by_owner {
        let Some(holder) = facts.report.threads.iter().find(|t| t.tid == Some(owner)) else { continue };
        let Some(wait) = waiters.first().and_then(|t| t.waits_for.as_ref()) else { continue };
        let who = match waiters.as_slice() {
            [one] => format!("{} waits", label(one)),
            many => format!("{} threads wait", many.len()),
        };
        let title = format!("{who} for {}, which {} {}{}", wait.what, label(holder), holds(wait), doing(holder));
        let evidence = waiters.iter().take(MAX_NAMED).filter_map(|t| line(t, t.waits_for.as_ref()?)).collect();
        out.push(finding(FindingId::LockHeld, title, Confidence::Low, evidence, owner));
    }
    out
}

/// Waits by thread id.
struct Waits<'a>(HashMap<u64, (&'a Thread, &'a Wait)>);

impl<'a> Waits<'a> {
    fn of(report: &'a Report) -> Self {
        let waits = report.threads.iter().filter_map(|t| Some((t.tid?, (t, t.waits_for.as_ref()?))));
        Waits(waits.collect())
    }

    fn owner(&self, tid: u64) -> Option<u64> {
        self.0.get(&tid)?.1.owner
    }

    fn deadlock(&self, cycle: &[u64], report: &Report) -> Option<Finding> {
        let members: Vec<(&Thread, &Wait)> = cycle.iter().filter_map(|tid| self.0.get(tid).copied()).collect();
        let (first, first_wait) = *members.first()?;
        let title = match members.as_slice() {
            [_] => format!(
                "deadlock: {} waits for {}, which it {} itself",
                label(first),
                first_wait.what,
                holds(first_wait)
            ),
            [_, (second, wait)] => format!(
                "deadlock: {} waits for {}, {} waits for {}",
                label(first),
                owned(first_wait, second),
                label(second),
                owned(wait, first)
            ),
            many => {
                let names: Vec<String> = many.iter().take(MAX_NAMED).map(|(t, _)| label(t)).collect();
                format!("deadlock of {} threads: {}, each waits for the next", many.len(), names.join(", "))
            }
        };
        let mut evidence: Vec<String> = members.iter().take(MAX_NAMED).filter_map(|(t, w)| line(t, w)).collect();
        let outside: Vec<String> =
            self.behind(cycle).into_iter().filter_map(|tid| Some(label(self.0.get(&tid)?.0))).collect();
        if !outside.is_empty() {
            let more = outside.len().saturating_sub(MAX_NAMED);
            let mut names: Vec<String> = outside.into_iter().take(MAX_NAMED).collect();
            if more > 0 {
                names.push(format!("{more} more"));
            }
            evidence.push(format!("stuck behind them: {}", names.join(", ")));
        }
        // A plain lock does not say who has it, and a wait with a limit ends by itself.
        let sure = members.iter().all(|(_, w)| w.owner_from == Some(OwnerFrom::Recorded) && !w.timed);
        let confidence = if sure { Confidence::High } else { Confidence::Medium };
        if members.iter().any(|(_, w)| w.timed) {
            evidence.push("one of these waits has a time limit and will end by itself".to_owned());
        }
        let crossed_gil = members.iter().any(|(_, w)| w.kind == WaitKind::Gil);
        let advice = match (members.len(), crossed_gil) {
            (_, true) => "let the GIL go (Py_BEGIN_ALLOW_THREADS) before waiting for a lock of C code",
            (1, _) => "the thread takes a lock again that it has: use an RLock, or do not call back under the lock",
            _ => "take these locks in the same order everywhere, or hold only one of them at a time",
        };
        let tid = report.threads.iter().find(|t| t.crashed && cycle.contains(&t.tid.unwrap_or(0))).and_then(|t| t.tid);
        let made = finding(FindingId::Deadlock, title, confidence, evidence, tid.or(first.tid).unwrap_or_default());
        Some(Finding { advice: Some(advice.to_owned()), ..made })
    }

    /// Threads outside of the cycle whose chain of waits leads into it.
    fn behind(&self, cycle: &[u64]) -> Vec<u64> {
        let mut found: Vec<u64> = self
            .0
            .keys()
            .copied()
            .filter(|tid| !cycle.contains(tid))
            .filter(|tid| {
                let chain = std::iter::successors(self.owner(*tid), |at| self.owner(*at));
                chain.take(self.0.len()).any(|at| cycle.contains(&at))
            })
            .collect();
        found.sort_unstable();
        found
    }
}

/// "holds", or how sure that is.
fn holds(wait: &Wait) -> &'static str {
    match (wait.kind, wait.owner_from) {
        (WaitKind::Thread, _) => "is",
        (_, Some(OwnerFrom::With)) => "seems to hold",
        _ => "holds",
    }
}

/// "the RLock at 0x.. that Thread 12 "b" holds"
fn owned(wait: &Wait, owner: &Thread) -> String {
    match (wait.kind, wait.owner_from) {
        (WaitKind::Thread, _) => wait.what.clone(),
        (_, Some(OwnerFrom::With)) => format!("{} that {} seems to hold", wait.what, label(owner)),
        _ => format!("{} that {} holds", wait.what, label(owner)),
    }
}

/// `thread 12 "worker"`
fn label(thread: &Thread) -> String {
    let id = thread.tid.map_or_else(|| "(id unknown)".to_owned(), |tid| tid.to_string());
    match &thread.name {
        Some(name) if !name.is_empty() => format!("thread {id} \"{name}\""),
        _ => format!("thread {id}"),
    }
}

/// ", at app.py:31 in load"
fn doing(thread: &Thread) -> String {
    let python = thread.frames.iter().find(|f| f.kind == FrameKind::Python);
    python.map_or(String::new(), |f| format!(", at {}", python_place(f)))
}

/// "thread 12 waits for the RLock at 0x.., held by thread 13 (recorded in the lock), at app.py:31 in load"
fn line(thread: &Thread, wait: &Wait) -> Option<String> {
    let owner = wait.owner?;
    let from = match (wait.kind, wait.owner_from, wait.owner_at.as_deref()) {
        (WaitKind::Thread, ..) => String::new(),
        (_, Some(OwnerFrom::With), Some(place)) => {
            format!(", which records no owner; thread {owner} is inside of `with` on it ({place})")
        }
        _ => format!(", held by thread {owner}"),
    };
    Some(format!("{} waits for {}{from}{}", label(thread), wait.what, place_of_wait(thread)))
}

/// Where the program itself waits: the innermost Python frame that is not of the library that waits for it.
fn place_of_wait(thread: &Thread) -> String {
    let library = |f: &&crate::model::Frame| {
        let file = f.file.as_ref().map(ToString::to_string).unwrap_or_default();
        file.starts_with("<frozen importlib") || file.ends_with("/threading.py") || file.ends_with("/queue.py")
    };
    let mut python = thread.frames.iter().filter(|f| f.kind == FrameKind::Python);
    let innermost = python.clone().next();
    let found = python.find(|f| !library(f)).or(innermost);
    found.map_or(String::new(), |f| format!(", at {}", python_place(f)))
}
