//! Threads that wait for each other, and threads that wait for what another has.

use super::blame::{Party, is_libffi, native_place, of_language, party, python_place};
use super::facts::Facts;
use super::finding;
use crate::model::{Confidence, Finding, FindingId, FrameKind, OwnerFrom, Wait, WaitKind};
use crate::native::system_calls::{futex_wait, sleeping_call};
use crate::stack::analysis::{Analysis, AnalyzedThread};
use crate::stack::hidden_frames::base_name;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Threads that are named one by one.
const MAX_NAMED: usize = 16;

/// Every cycle of threads that wait for each other.
pub(super) fn cycles(facts: &Facts<'_>) -> Vec<Finding> {
    let waits = Waits::of(facts.analysis);
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
            out.extend(waits.deadlock(cycle, facts.analysis));
        }
    }
    out
}

/// Threads that wait for a lock whose owner does not wait for them: no deadlock, but why they stand still.
pub(super) fn held(facts: &Facts<'_>) -> Vec<Finding> {
    let mut by_owner: BTreeMap<u64, Vec<&AnalyzedThread>> = BTreeMap::new();
    for thread in &facts.analysis.threads {
        // The GIL passes from thread to thread, and to wait for a thread's end or a result is what programs are made to do.
        let wait = thread
            .waits_for
            .as_ref()
            .filter(|w| !matches!(w.kind, WaitKind::Finalized | WaitKind::Gil | WaitKind::Result | WaitKind::Thread));
        if let Some(owner) = wait.and_then(|w| w.owner) {
            by_owner.entry(owner).or_default().push(thread);
        }
    }
    let mut out = Vec::new();
    for (owner, waiters) in by_owner {
        let Some(holder) = facts.analysis.threads.iter().find(|t| t.tid == Some(owner)) else { continue };
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

/// Threads that wait for what nobody in the process can give them.
pub(super) fn orphaned(facts: &Facts<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for thread in &facts.analysis.threads {
        let wait = thread.waits_for.as_ref();
        let gone = wait.filter(|w| !w.timed && w.owner.is_none()).and_then(|w| Some((w, w.owner_gone.as_ref()?)));
        let at = place_of_wait(thread);
        let (title, confidence, more) = match gone {
            Some((wait, gone)) => (
                format!(
                    "{} waits for {}, which {gone} holds; that thread is none of this process{at}",
                    label(thread),
                    wait.what
                ),
                Confidence::High,
                "the lock records its owner, and the process has no such thread: it ended without letting the lock go, or it \
                 was a thread of the parent when this process was forked",
            ),
            None => match alone(facts, thread) {
                Some(found) => found,
                None => continue,
            },
        };
        let advice = "fork before threads are started, use the start method \"spawn\" or \"forkserver\", or make the lock anew in \
                      the child (os.register_at_fork); let locks go with `with`";
        let evidence = vec![more.to_owned()];
        let made = finding(FindingId::LockOrphaned, title, confidence, evidence, thread.tid.unwrap_or_default());
        out.push(Finding { advice: Some(advice.to_owned()), ..made });
    }
    out
}

/// The only thread of a process waits for what another thread of it would have to do.
fn alone(facts: &Facts<'_>, thread: &AnalyzedThread) -> Option<(String, Confidence, &'static str)> {
    let wait = thread.waits_for.as_ref();
    if facts.target.threads.len() != 1 || wait.is_some_and(|w| w.timed || w.owner.is_some()) {
        return None;
    }
    let (at, label) = (place_of_wait(thread), label(thread));
    let by_lock = |w: &Wait| {
        (
            format!("{label}, the only one of the process, waits for {}, which nobody can let go{at}", w.what),
            Confidence::Medium,
            "the lock does not record who has it: a thread that ended or that did not survive the fork of this process, or this \
             thread itself",
        )
    };
    match wait.map(|w| w.kind) {
        Some(WaitKind::Lock) => return wait.map(by_lock),
        // A handler of a signal may notify; others are waits for other processes, or for ever.
        Some(WaitKind::Notification | WaitKind::Child | WaitKind::Finalized | WaitKind::Thread) => return None,
        _ => {}
    }
    let registers = facts.target.thread(thread.tid?)?.registers.as_ref()?;
    let futex = futex_wait(registers, &facts.target.memory, &facts.target.abi)?;
    if futex.timed || !futex.private {
        return None;
    }
    let what = match wait {
        Some(wait) => format!("waits for {}", wait.what),
        None => "sleeps until another thread wakes it".to_owned(),
    };
    let by = sleeper(facts, thread).1.map_or(String::new(), |by| format!(" in {by}"));
    Some((
        format!("{label}, the only one of the process, {what}{by}{at}, and no other thread is there to end that"),
        Confidence::Medium,
        "the memory that it sleeps on is its process's own (FUTEX_PRIVATE_FLAG) and the wait has no time limit: threads that were \
         to wake it have ended or did not survive the fork of this process",
    ))
}

/// A thread that sleeps with the GIL while others want it. `except`: threads of deadlocks that are told already.
pub(super) fn asleep_with_gil(facts: &Facts<'_>, except: &[Finding]) -> Vec<Finding> {
    let mut out = Vec::new();
    // Interpreters may share one GIL.
    let mut holders = HashSet::new();
    for interpreter in &facts.analysis.interpreters {
        let holder = interpreter.gil_holder.filter(|_| interpreter.gil_locked == Some(true));
        let owns = |t: &&AnalyzedThread| t.states().any(|p| Some(p.tstate) == holder);
        let Some(thread) = facts.analysis.threads.iter().find(owns).filter(|_| holders.insert(holder)) else {
            continue;
        };
        let waits_for_gil = |t: &&AnalyzedThread| {
            t.waits_for.as_ref().is_some_and(|w| w.kind == WaitKind::Gil && w.owner.is_some() && w.owner == thread.tid)
        };
        let wanting: Vec<&AnalyzedThread> = facts.analysis.threads.iter().filter(waits_for_gil).collect();
        let told = except.iter().any(|f| f.id == FindingId::Deadlock && f.tid.is_some() && cycle_has(f, thread));
        let Some(call) = sleeping(facts, thread).filter(|_| !wanting.is_empty() && !told) else { continue };
        let (function, by) = sleeper(facts, thread);
        let function = function.map_or_else(|| format!("the system call {call}"), |f| format!("{f}()"));
        let by = by.map_or(String::new(), |by| format!(" called by {by}"));
        let who = match wanting.as_slice() {
            [one] => format!("{} waits for the GIL", label(one)),
            many => format!("{} threads wait for the GIL", many.len()),
        };
        let title = format!(
            "{} holds the GIL while it sleeps in {function}{by}{}; {who}",
            label(thread),
            place_of_wait(thread)
        );
        let mut evidence = vec![format!("the thread is inside of the system call {call}")];
        evidence.extend(thread.waits_for.iter().map(|w| format!("it waits for {}", w.what)));
        evidence.extend(wanting.iter().take(MAX_NAMED).filter_map(|t| line(t, t.waits_for.as_ref()?)));
        evidence
            .push("how long this has lasted is not known; if one of them is to wake it, it is a deadlock".to_owned());
        let advice =
            "let the GIL go (Py_BEGIN_ALLOW_THREADS, or ctypes.CDLL in place of PyDLL) around calls that may sleep";
        let made =
            finding(FindingId::GilHeldAsleep, title, Confidence::Medium, evidence, thread.tid.unwrap_or_default());
        out.push(Finding { advice: Some(advice.to_owned()), ..made });
    }
    out
}

/// Whether a deadlock's evidence names the thread.
fn cycle_has(finding: &Finding, thread: &AnalyzedThread) -> bool {
    let start = format!("{} waits for ", label(thread));
    finding.evidence.iter().any(|line| line.starts_with(&start))
}

/// The system call that a thread sleeps in.
fn sleeping(facts: &Facts<'_>, thread: &AnalyzedThread) -> Option<&'static str> {
    let registers = facts.target.thread(thread.tid?)?.registers.as_ref()?;
    sleeping_call(registers, &facts.target.memory, &facts.target.abi)
}

/// The outermost function of the run time that a thread sleeps in, and who called it: neither run time nor CPython.
fn sleeper(facts: &Facts<'_>, thread: &AnalyzedThread) -> (Option<String>, Option<String>) {
    let native = thread.frames.iter().take_while(|f| f.kind != FrameKind::Python);
    let native: Vec<_> = native.filter_map(|f| Some((f, f.native.as_ref()?))).filter(|(_, n)| !n.inlined).collect();
    // libffi calls for somebody else.
    let run_time = native.iter().take_while(|(f, n)| party(facts, n) == Party::RunTime && !is_libffi(f)).last();
    let function = run_time.and_then(|(f, _)| f.function.as_ref()).map(|f| base_name(&f.to_string()).to_owned());
    // A language's own library sleeps for somebody else, too.
    let others = || native.iter().filter(|(_, n)| party(facts, n) == Party::Other);
    let owner = others().find(|(f, _)| !of_language(f)).or_else(|| others().next()).map(|(f, _)| native_place(f));
    (function, owner)
}

/// Waits by thread id.
struct Waits<'a>(HashMap<u64, (&'a AnalyzedThread, &'a Wait)>);

impl<'a> Waits<'a> {
    fn of(analysis: &'a Analysis) -> Self {
        let waits = analysis.threads.iter().filter_map(|t| Some((t.tid?, (t, t.waits_for.as_ref()?))));
        Waits(waits.collect())
    }

    fn owner(&self, tid: u64) -> Option<u64> {
        self.0.get(&tid)?.1.owner
    }

    fn deadlock(&self, cycle: &[u64], analysis: &Analysis) -> Option<Finding> {
        let members: Vec<(&AnalyzedThread, &Wait)> = cycle.iter().filter_map(|tid| self.0.get(tid).copied()).collect();
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
        // The function of a static variable may be on a stack for another reason.
        let told = |w: &Wait| match w.kind {
            WaitKind::Finalized | WaitKind::Once | WaitKind::Result => w.owner_from == Some(OwnerFrom::Stack),
            _ => w.owner_from == Some(OwnerFrom::Recorded),
        };
        let sure = members.iter().all(|(_, w)| told(w) && !w.timed);
        let confidence = if sure { Confidence::High } else { Confidence::Medium };
        if members.iter().any(|(_, w)| w.timed) {
            evidence.push("one of these waits has a time limit and will end by itself".to_owned());
        }
        let crossed_gil = members.iter().any(|(_, w)| w.kind == WaitKind::Gil);
        let late = members.iter().any(|(_, w)| w.kind == WaitKind::Finalized);
        let advice = match (members.len(), crossed_gil) {
            _ if late => {
                "end threads that call Python before Py_Finalize (threading._register_atexit, atexit), not in static \
                          destructors or Py_AtExit"
            }
            (_, true) if members.iter().any(|(_, w)| matches!(w.kind, WaitKind::Once | WaitKind::StaticGuard)) => {
                "let the GIL go (Py_BEGIN_ALLOW_THREADS) before what is initialised once, or initialise it at import"
            }
            (_, true) => "let the GIL go (Py_BEGIN_ALLOW_THREADS) before waiting for a lock of C code",
            (1, _) => "the thread takes a lock again that it has: use an RLock, or do not call back under the lock",
            _ => "take these locks in the same order everywhere, or hold only one of them at a time",
        };
        let tid =
            analysis.threads.iter().find(|t| t.crashed && cycle.contains(&t.tid.unwrap_or(0))).and_then(|t| t.tid);
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
        (WaitKind::Once | WaitKind::Result | WaitKind::StaticGuard, _) => "is at",
        (_, Some(OwnerFrom::With)) => "seems to hold",
        _ => "holds",
    }
}

/// "the RLock at 0x.. that Thread 12 "b" holds"
fn owned(wait: &Wait, owner: &AnalyzedThread) -> String {
    match (wait.kind, wait.owner_from) {
        (WaitKind::Finalized | WaitKind::Thread, _) => wait.what.clone(),
        (WaitKind::Once | WaitKind::Result | WaitKind::StaticGuard, _) => {
            format!("{}, which {} is at", wait.what, label(owner))
        }
        (_, Some(OwnerFrom::With)) => format!("{} that {} seems to hold", wait.what, label(owner)),
        _ => format!("{} that {} holds", wait.what, label(owner)),
    }
}

/// `thread 12 "worker"`
fn label(thread: &AnalyzedThread) -> String {
    let id = thread.tid.map_or_else(|| "(id unknown)".to_owned(), |tid| tid.to_string());
    match &thread.name {
        Some(name) if !name.is_empty() => format!("thread {id} \"{name}\""),
        _ => format!("thread {id}"),
    }
}

/// ", at app.py:31 in load"
fn doing(thread: &AnalyzedThread) -> String {
    let python = thread.frames.iter().find(|f| f.kind == FrameKind::Python);
    python.map_or(String::new(), |f| format!(", at {}", python_place(f)))
}

/// "thread 12 waits for the RLock at 0x.., held by thread 13 (recorded in the lock), at app.py:31 in load"
fn line(thread: &AnalyzedThread, wait: &Wait) -> Option<String> {
    let owner = wait.owner?;
    let from = match (wait.kind, wait.owner_from, wait.owner_at.as_deref()) {
        (WaitKind::Finalized | WaitKind::Thread, ..) => String::new(),
        (WaitKind::Once | WaitKind::Result | WaitKind::StaticGuard, ..) => {
            format!(", which thread {owner} is at (by its stack)")
        }
        (_, Some(OwnerFrom::With), Some(place)) => {
            format!(", which records no owner; thread {owner} is inside of `with` on it ({place})")
        }
        _ => format!(", held by thread {owner}"),
    };
    Some(format!("{} waits for {}{from}{}", label(thread), wait.what, place_of_wait(thread)))
}

/// Where the program itself waits: the innermost Python frame that is not of the library that waits for it.
fn place_of_wait(thread: &AnalyzedThread) -> String {
    let library = |f: &&crate::model::Frame| {
        let file = f.file.as_ref().map(ToString::to_string).unwrap_or_default();
        const FILES: [&str; 5] = [
            "/threading.py",
            "/queue.py",
            "/concurrent/futures/_base.py",
            "/concurrent/futures/thread.py",
            "/multiprocessing/pool.py",
        ];
        file.starts_with("<frozen importlib") || FILES.iter().any(|known| file.ends_with(known))
    };
    let mut python = thread.frames.iter().filter(|f| f.kind == FrameKind::Python);
    let innermost = python.clone().next();
    let found = python.find(|f| !library(f)).or(innermost);
    found.map_or(String::new(), |f| format!(", at {}", python_place(f)))
}
