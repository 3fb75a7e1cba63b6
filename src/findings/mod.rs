//! The cause of death: rules over the facts, one file a rule (or a family of them).
//!
//! Rules are asked from the most to the least specific, so the first finding is the best explanation; what
//! follows it is context. `docs/findings.md` lists them all.

mod abort;
mod arrays;
mod blame;
mod callbacks;
mod cpp;
mod deadlock;
mod debug_hooks;
mod destruction;
mod exceptions;
mod facts;
mod fatal;
mod fatal_text;
mod gil;
mod heap;
pub mod heap_content;
mod heap_damage;
mod hooks;
mod machine_state;
mod memory_access;
mod objects;
mod reference_audit;
mod report_text;
mod reporters;
mod reraised;
mod rust;
mod rust_hook;
mod rust_payload;
mod segv;
mod sent_signals;
mod stack_overflow;
mod tasks;
mod windows;

pub use blame::{is_run_time, python_place};
pub use facts::{Facts, Fault, PassedOn, Scene, SceneFrame};
pub use fatal_text::fatal_error;
pub use heap_damage::heap_damage;
pub use machine_state::{MachineState, machine_state};
pub use objects::candidates;
pub use reference_audit::{explained_by_heap, reference_audit};

use crate::debuggee::Crash;
use crate::model::tasks::Tasks;
use crate::model::{Confidence, Finding, FindingId};

/// Everything the rules find of a process and of its crash ([`Facts::scene`]), most likely cause first.
#[must_use]
pub fn run(facts: &Facts<'_>, scene: Option<&Scene<'_>>) -> Vec<Finding> {
    let mut out = Vec::new();
    if let Some(scene) = scene {
        // A sent signal is not a fault: only what the threads were doing can explain it.
        // One that is freed while it runs does no harm by itself.
        let (gone, may_be_gone) = callbacks::run(scene);
        out.extend(gone);
        // Whatever function it was that wanted more stack is not at fault: not the collector either.
        let overflow = stack_overflow::run(scene);
        let certain = |out: &[Finding]| out.iter().any(|f| f.confidence == Confidence::High);
        if !certain(&overflow) {
            out.extend(destruction::collector(scene));
        }
        out.extend(debug_hooks::run(scene));
        out.extend(fatal::run(scene));
        out.extend(gil::run(scene));
        out.extend(overflow);
        out.extend(objects::run(scene));
        out.extend(destruction::finalizer(scene));
        out.extend(heap::run(scene));
        out.extend(cpp::run(scene));
        out.extend(rust::run(scene));
        out.extend(abort::run(scene));
        if out.is_empty() {
            out.extend(reporters::run(scene));
        }
        // What the signal alone tells is no news beside its cause.
        if !certain(&out) {
            out.extend(segv::run(scene));
        }
        out.extend(may_be_gone);
        if let Some(heap) = facts.heap {
            out.extend(objects::bad_count(scene, heap));
        }
        let telling = exceptions::telling(facts);
        if out.is_empty() {
            out.extend(telling);
            out.extend(sent_signals::run(scene));
        } else {
            // The process died of something else while that exception was around.
            out.extend(telling);
            if !certain(&out) {
                out.extend(sent_signals::run(scene));
            }
        }
    }
    out.extend(exceptions::in_flight(facts));
    let mut deadlocks = deadlock::cycles(facts);
    deadlocks.extend(facts.tasks.into_iter().flat_map(tasks::cycles));
    if faulted(facts, scene) {
        // Threads that wait for each other did not make another one fault.
        out.extend(deadlocks);
    } else {
        // Why a process that had to be ended or looked at from outside stands still.
        deadlocks.extend(deadlock::orphaned(facts));
        deadlocks.extend(deadlock::asleep_with_gil(facts, &deadlocks));
        deadlocks.extend(tasks::starved(facts));
        deadlocks.extend(facts.tasks.into_iter().flat_map(|found| tasks::blocked(facts, found)));
        if deadlocks.is_empty() {
            out.extend(deadlock::held(facts));
        }
        deadlocks.append(&mut out);
        out = deadlocks;
        out.extend(facts.tasks.into_iter().flat_map(tasks::left_behind));
    }
    out.extend(facts.tasks.into_iter().flat_map(tasks::not_retrieved));
    if let Some(scene) = scene {
        exceptions::printed(facts, scene, &mut out);
    }
    name_module(scene, &mut out);
    without_repeats(out)
}

/// What is wrong with tasks, by themselves alone.
#[must_use]
pub fn of_tasks(found: &Tasks) -> Vec<Finding> {
    let rules = [tasks::cycles, tasks::left_behind, tasks::not_retrieved, tasks::not_awaited];
    rules.iter().flat_map(|rule| rule(found)).collect()
}

/// Adds to the findings on the crashed thread whose code ran there.
fn name_module(scene: Option<&Scene<'_>>, findings: &mut [Finding]) {
    let Some(scene) = scene else { return };
    let module = scene.blame().owner.and_then(|f| f.native.as_ref()).and_then(|n| n.module_id);
    let of_thread = |f: &&mut Finding| f.tid == Some(scene.tid) && f.id != FindingId::Deadlock;
    findings.iter_mut().filter(of_thread).for_each(|f| f.module_id = module);
}

/// Whether the process died of something that one of its instructions did.
fn faulted(facts: &Facts<'_>, scene: Option<&Scene<'_>>) -> bool {
    match facts.target.crash.as_ref() {
        Some(Crash::Signal { info, .. }) => scene.map_or(info, |s| &s.fault.signal).sender_pid.is_none(),
        Some(_) => true,
        None => false,
    }
}

/// A cause that one rule has explained is not explained again by a rule that knows less.
fn without_repeats(findings: Vec<Finding>) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::new();
    for finding in findings {
        // One thread runs many tasks: their findings differ in what they say.
        let own = matches!(finding.id, FindingId::TaskDeadlock | FindingId::TasksLeftBehind);
        let same = |f: &Finding| f.id == finding.id && f.tid == finding.tid && (!own || f.title == finding.title);
        if !out.iter().any(same) {
            out.push(finding);
        }
    }
    out
}

fn finding(
    id: FindingId,
    title: impl Into<String>,
    confidence: Confidence,
    evidence: Vec<String>,
    tid: u64,
) -> Finding {
    let tid = (tid != 0).then_some(tid);
    Finding { id, title: title.into(), confidence, evidence, tid, module_id: None, advice: None }
}
