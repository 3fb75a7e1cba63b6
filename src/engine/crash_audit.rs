//! The heap behind a crash that it may explain: the reference audit, damaged places, and what freed memory was.

use super::heap::{Missing, Process, Reading, gather};
use super::heap_audit::{audit_of, not_comparable};
use super::heap_check::check_of;
use super::native::Outcome;
use super::{Options, PythonState};
use crate::base::{Addr, Diagnostic, DiagnosticCode, Diagnostics};
use crate::debuggee::slim_record::slim_info;
use crate::debuggee::{Deadline, Target};
use crate::findings::{heap_damage, reference_audit};
use crate::heap::{HeapError, HeapState};
use crate::image::Images;
use crate::model::address::BlockState;
use crate::model::{Finding, FindingId};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(20);
/// Damaged places that are looked at.
const DAMAGES: usize = 100;
/// Freed objects that are named.
const GHOSTS: usize = 4;

/// What the heap tells.
struct Told {
    findings: Vec<Finding>,
    ghosts: Vec<String>,
    /// Why no counts were compared.
    not_audited: Option<&'static str>,
}

/// Adds what the heap tells of a crash that it may explain, after the finding that says so. Nothing of the heap is read for
/// other crashes, nor of a process that is not a dump, nor while a slim dump is recorded.
pub(super) fn add(target: &Target, images: &Images, state: PythonState<'_>, options: &Options, outcome: &mut Outcome) {
    let Some((at, near)) = outcome.by_heap.take() else { return };
    if target.memory.dump_bytes().is_none() || target.memory.is_recording() {
        return;
    }
    let tid = outcome.findings.get(at).and_then(|finding| finding.tid).unwrap_or_default();
    let reduced = target.memory.dump_bytes().and_then(slim_info).is_some_and(|info| info.heap.is_none());
    let told = within(options.limits.audit, &target.limits.deadline, |deadline| {
        if reduced {
            return Err("this is a small dump without the heap".to_owned());
        }
        let diagnostics = Diagnostics::default();
        let reading = Reading { marked: None, deadline, diagnostics: &diagnostics };
        gather(target, images, state, &reading, |heap, missing| {
            heap.must_be_there()?;
            let process = Process { target, images, python: Some(state), diagnostics: &diagnostics, first: &near };
            look(&process, heap, missing, tid)
        })
        .map_err(|error| error.to_string())?
        .map_err(|error| match error {
            HeapError::TimeOver => "there was no time for it".to_owned(),
            other => other.to_string(),
        })
    });
    match told {
        Ok(Told { findings, ghosts, not_audited }) => {
            if let Some(finding) = outcome.findings.get_mut(at) {
                finding.evidence.extend(ghosts);
            }
            let after = at.saturating_add(1).min(outcome.findings.len());
            outcome.findings.splice(after..after, findings);
            not_audited.into_iter().for_each(|why| not_examined(target, why));
        }
        Err(why) => not_examined(target, &why),
    }
}

fn not_examined(target: &Target, why: &str) {
    let text = format!("whether a wrong reference count is behind the crash was not examined: {why}");
    let hint = "`pyinquest heap audit` on the whole dump, or on one of `pyinquest slim --heap`";
    target.diagnostics.push(Diagnostic::note(DiagnosticCode::HeapNotAudited, text).hint(hint));
}

fn look(process: &Process<'_>, heap: &HeapState<'_>, missing: Missing, tid: u64) -> Result<Told, HeapError> {
    let ghosts = ghosts(heap, process.first);
    // References to what is no object are the audit's.
    let check = check_of(process, heap, missing, (None, DAMAGES));
    let findings: Vec<Finding> = heap_damage(&check, process.first, tid).into_iter().collect();
    if let Some(why) = process.python.and_then(not_comparable) {
        return Ok(Told { findings, ghosts, not_audited: Some(why) });
    }
    let audit = audit_of(process, heap, &process.roots(heap), missing, usize::MAX);
    if heap.is_cut() {
        if findings.is_empty() {
            return Err(HeapError::TimeOver);
        }
        return Ok(Told { findings, ghosts, not_audited: Some("there was no time for it") });
    }
    let told = reference_audit(&audit, process.first, tid);
    // An object that is freed too early is used all the same, and that damages the heap; a leak does not.
    let (causes, context): (Vec<_>, Vec<_>) = told.into_iter().partition(|f| f.id == FindingId::OverReleased);
    let findings = [causes, findings, context].concat();
    Ok(Told { findings, ghosts, not_audited: None })
}

/// What freed memory was that the crashed code had at hand.
fn ghosts(heap: &HeapState<'_>, near: &[Addr]) -> Vec<String> {
    let mut found: Vec<(u64, String)> = Vec::new();
    for addr in near {
        let block = heap.block_around(addr.0, std::iter::empty(), None).filter(|b| b.state == BlockState::Free);
        let Some(block) = block.filter(|_| heap.object_around(addr.0).is_none()) else { continue };
        if found.len() < GHOSTS
            && !found.iter().any(|(start, _)| *start == block.start)
            && let Some(name) = heap.ghost(block).and_then(|id| Some(heap.shape(id)?.name.as_str()))
        {
            let text = format!(
                "{addr} is in a freed block of {} bytes, which held an object of type {name} (likely)",
                block.bytes
            );
            found.push((block.start, text));
        }
    }
    found.into_iter().map(|(_, text)| text).collect()
}

/// Does what takes no longer than `time`, and ends at `outer`: a clock sets the deadline that `work` is given.
fn within<T>(time: Duration, outer: &Deadline, work: impl FnOnce(&Deadline) -> Result<T, String>) -> Result<T, String> {
    let deadline = Deadline::default();
    if time.is_zero() {
        deadline.set();
    }
    let started = Instant::now();
    std::thread::scope(|scope| {
        let (done, wait) = channel::<()>();
        let (clock, outer) = (deadline.clone(), outer.clone());
        let spawned = std::thread::Builder::new().name("clock".to_owned()).spawn_scoped(scope, move || {
            while wait.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                if started.elapsed() >= time || outer.is_over() {
                    clock.set();
                    return;
                }
            }
        });
        // Where no thread is to be had nothing ends the work.
        let result = spawned.map_err(|error| error.to_string()).and_then(|_| work(&deadline));
        drop(done);
        result
    })
}
