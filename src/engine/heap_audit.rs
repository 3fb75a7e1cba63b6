//! The reference audit with names: groups of objects, who refers to them, which module may have done it.

use super::heap::{Missing, Process};
use super::heap_answers::{coverage, object};
use super::{Inspection, PythonState, heap_native};
use crate::base::{Addr, Diagnostic, DiagnosticCode};
use crate::debuggee::{Module, Target};
use crate::findings::is_run_time;
use crate::heap::{Audit, HeapState, Root, Suspect};
use crate::model::audit::{AuditExample, AuditGroup, AuditHolder, AuditModule, AuditVerdict, BlameReason, HeapAudit};
use crate::model::heap::HEAP_SCHEMA_VERSION;
use std::collections::BTreeMap;

/// Examples of a group.
const EXAMPLES: usize = 3;
/// Fewer references of one type that are nowhere are not told from what CPython and libraries lose once (NumPy 2.4 loses a tuple for
/// each of 17 promoters that it registers).
const LEAKED_REFERENCES: u64 = 20;
/// Descriptors that a type gets when it is made.
const MADE_WITH_A_TYPE: [&str; 4] =
    ["getset_descriptor", "member_descriptor", "method_descriptor", "wrapper_descriptor"];
/// A single object that nothing refers to and that keeps this many bytes alive is one.
const LEAKED_BYTES: u64 = 1 << 16;
/// Bytes that glibc keeps out of dumps (state of `vgetrandom`, some pages), in which there are no references.
const LEFT_OUT: u64 = 64 << 10;
/// Bytes of the stack of the thread that died in which return addresses are looked for.
const STACK: u64 = 64 << 10;
/// Words of a type object in which functions of its module are looked for.
const TYPE_WORDS: u64 = 64;

/// Compares counts and references of all objects.
#[must_use]
pub fn audit(inspection: &Inspection, state: &HeapState<'_>, missing: Missing, limit: usize) -> HeapAudit {
    let process = Process::of(inspection);
    audit_of(&process, state, &process.roots(state), missing, limit)
}

/// Why no count of a process can be compared with the references.
pub(super) fn not_comparable(python: PythonState<'_>) -> Option<&'static str> {
    // `gc_refs` of such an object is in the word that says which thread it belongs to (Python/gc_free_threading.c).
    let collecting = || python.interpreters().iter().any(|i| i.gc_collecting == Some(true));
    (python.located.flags.free_threaded && collecting()).then_some(
        "the garbage collector of a free-threaded build was running, and keeps numbers of its own in objects",
    )
}

/// The same of a process that is looked at in parts.
pub(super) fn audit_of(
    process: &Process<'_>,
    state: &HeapState<'_>,
    roots: &[Root],
    missing: Missing,
    limit: usize,
) -> HeapAudit {
    let Process { target, python, diagnostics, .. } = *process;
    let registers: Vec<u64> = target
        .threads
        .iter()
        .flat_map(|thread| thread.registers.iter().flat_map(|r| r.values.iter().map(|(_, value)| *value)))
        .collect();
    let incomplete = missing.left_out > LEFT_OUT || missing.cut > 0 || !state.can_search_all();
    let Audit { suspects, judged } = match python.and_then(not_comparable) {
        Some(why) => {
            let message = format!("counts are not compared: {why}");
            diagnostics.push(Diagnostic::warning(DiagnosticCode::HeapNotAudited, message));
            Audit::default()
        }
        None => state.audit(roots, process.interpreters(), &registers, incomplete, diagnostics),
    };
    let mut groups: BTreeMap<(AuditVerdict, Option<u32>), Vec<Suspect>> = BTreeMap::new();
    for suspect in suspects {
        groups.entry((suspect.verdict, suspect.type_id)).or_default().push(suspect);
    }
    let sum = |list: &[Suspect]| list.iter().map(Suspect::difference).fold(0, u64::saturating_add);
    let bytes = |list: &[Suspect]| {
        let sizes = list.iter().filter_map(|s| state.at(Addr(s.addr))).map(|found| state.size(found));
        sizes.fold(0, u64::saturating_add)
    };
    // Made with a type, so that one lost reference to each is lost once: by what Cython does at import.
    let is_once = |list: &[Suspect]| {
        let shape = list.first().and_then(|suspect| state.shape(suspect.type_id?));
        sum(list) == list.len() as u64 && shape.is_some_and(|shape| MADE_WITH_A_TYPE.contains(&shape.name.as_str()))
    };
    let is_few = |verdict: AuditVerdict, list: &[Suspect]| {
        let few = sum(list) < LEAKED_REFERENCES && bytes(list) < LEAKED_BYTES;
        verdict == AuditVerdict::Leaked && (few || is_once(list))
    };
    let (few, told): (Vec<_>, Vec<_>) = groups.into_iter().partition(|((verdict, _), list)| is_few(*verdict, list));
    let is_first = |suspect: &Suspect| {
        let holders = suspect.holders.iter().map(|(holder, _)| Addr(holder.addr));
        holders.chain([Addr(suspect.addr)]).any(|addr| process.first.contains(&addr))
    };
    let blame = Blame::new(process, state);
    let mut groups: Vec<AuditGroup> = told
        .into_iter()
        .map(|((verdict, type_id), mut list)| {
            list.sort_by_key(|suspect| !is_first(suspect));
            ((verdict, type_id), list)
        })
        .map(|((verdict, type_id), list)| AuditGroup {
            verdict,
            type_name: type_id.and_then(|id| Some(state.shape(id)?.name.clone())),
            objects: list.len() as u64,
            references: sum(&list),
            examples: list.iter().take(EXAMPLES).map(|suspect| example(state, suspect)).collect(),
            modules: blame.modules(state, &list),
        })
        .collect();
    groups.sort_by_key(|group| (group.verdict, std::cmp::Reverse(group.references)));
    groups.truncate(limit);
    HeapAudit {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        coverage: coverage(state, missing),
        judged: judged.objects,
        immortal: judged.immortal,
        deferred: judged.deferred,
        interned: judged.interned,
        leaks_judged: !incomplete && state.is_of_one_moment(),
        groups,
        leaks_not_shown: few.iter().map(|(_, list)| sum(list)).fold(0, u64::saturating_add),
        diagnostics: diagnostics.to_vec(),
    }
}

fn example(state: &HeapState<'_>, suspect: &Suspect) -> AuditExample {
    let shown = |found| object(state, found, state.size(found));
    let holders = suspect
        .holders
        .iter()
        .map(|(from, via)| AuditHolder { edge: state.edge(*from, *via, false), object: shown(*from) });
    AuditExample {
        addr: Addr(suspect.addr),
        object: state.at(Addr(suspect.addr)).map(shown),
        count: suspect.count,
        owned: u64::from(suspect.owned),
        words: u64::from(suspect.words),
        holders: holders.collect(),
    }
}

/// Extension modules that are not of Python itself, and what leads to them.
struct Blame<'i> {
    target: &'i Target,
    /// Indexes of the modules, with the ranges of their variables.
    modules: Vec<(usize, Vec<(Addr, u64)>)>,
    on_stack: Vec<usize>,
}

impl<'i> Blame<'i> {
    fn new(process: &Process<'i>, state: &HeapState<'_>) -> Blame<'i> {
        let Process { target, images, python, .. } = *process;
        let runtime = python.and_then(|python| python.located.module);
        let is_suspect = |(index, module): &(usize, &Module)| {
            let name = module.file_name();
            let is_extension = name.contains(".so") || name.ends_with(".pyd");
            is_extension && Some(*index) != runtime && !module.is_main && !is_run_time(name) && !is_of_python(module)
        };
        let modules: Vec<(usize, Vec<(Addr, u64)>)> = target
            .modules
            .iter()
            .enumerate()
            .filter(is_suspect)
            .map(|(index, _)| (index, images.get(index).map(|i| i.static_data()).unwrap_or_default()))
            .collect();
        let died = target.crash.as_ref().map(crate::debuggee::Crash::tid);
        let stack = heap_native::memory_of(target, images)
            .into_iter()
            .find(|m| died.is_some_and(|tid| m.what == heap_native::Owner::Stack(tid)));
        let mut on_stack = Vec::new();
        if let Some(stack) = stack {
            state.words(stack.start & !7, stack.size.min(STACK) / 8, |word| {
                let executes = || target.memory.segment_at(Addr(word)).is_some_and(|s| s.protection.execute);
                let of = modules.iter().find(|(index, _)| holds(target, *index, word));
                if let Some((index, _)) = of
                    && !on_stack.contains(index)
                    && executes()
                {
                    on_stack.push(*index);
                }
            });
        }
        Blame { target, modules, on_stack }
    }

    fn modules(&self, state: &HeapState<'_>, suspects: &[Suspect]) -> Vec<AuditModule> {
        let mut found: Vec<AuditModule> = Vec::new();
        for (index, data) in &self.modules {
            let mut reasons = Vec::new();
            let defines = |type_id: u32| self.defines(state, *index, type_id);
            if suspects.iter().take(1).filter_map(|s| s.type_id).any(defines) {
                reasons.push(BlameReason::DefinesType);
            }
            if suspects.iter().take(EXAMPLES).flat_map(|s| &s.holders).any(|(holder, _)| defines(holder.type_id)) {
                reasons.push(BlameReason::DefinesHolder);
            }
            if suspects.iter().take(EXAMPLES).any(|s| refers(state, data, s.addr)) {
                reasons.push(BlameReason::RefersToIt);
            }
            if self.on_stack.contains(index) {
                reasons.push(BlameReason::OnStack);
            }
            reasons.push(BlameReason::Loaded);
            if let Some(module) = self.target.modules.get(*index) {
                found.push(AuditModule { module: module.file_name().to_owned(), reasons });
            }
        }
        found.sort_by(|a, b| a.reasons.cmp(&b.reasons));
        found
    }

    /// Whether a type is defined by the module: it is one of its variables, or its functions are the module's.
    fn defines(&self, state: &HeapState<'_>, index: usize, type_id: u32) -> bool {
        let Some(shape) = state.shape(type_id) else { return false };
        let mut found = holds(self.target, index, shape.addr.0);
        state.words(shape.addr.0, TYPE_WORDS, |word| found |= holds(self.target, index, word));
        found
    }
}

fn holds(target: &Target, module: usize, addr: u64) -> bool {
    target.modules.get(module).is_some_and(|m| m.base.0 <= addr && addr < m.end.0 && m.contains(Addr(addr)))
}

/// Whether static variables lead to the object.
fn refers(state: &HeapState<'_>, data: &[(Addr, u64)], addr: u64) -> bool {
    let mut found = false;
    for (start, bytes) in data {
        state.words(start.0.wrapping_add(7) & !7, bytes / 8, |word| found |= word == addr);
    }
    found
}

/// Extension modules of the standard library, and libraries of the system.
fn is_of_python(module: &Module) -> bool {
    let path = &module.path;
    path.contains("/lib-dynload/") || path.starts_with("/lib/") || path.starts_with("/usr/lib/x86_64-linux-gnu/")
}
