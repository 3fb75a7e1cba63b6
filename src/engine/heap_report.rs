//! The report of a heap: what stands out, and all of it at one look.

use super::Inspection;
use super::heap::Missing;
use super::heap_answers::{self, CensusOrder, coverage, object};
use super::heap_graph::Ways;
use super::heap_top::{namespaces, top_of};
use super::heap_trees;
use crate::base::{Diagnostic, DiagnosticCode};
use crate::cpython::object::{dict_get_str, find_attribute};
use crate::cpython::runtime::Interpreter;
use crate::findings::heap_content::{HeapScene, Noticed, run};
use crate::heap::{AllSizes, Census, Filter, Found, HeapState, NoGarbage, ObjectId, Retained, garbage, strings};
use crate::model::heap::{HEAP_SCHEMA_VERSION, HeapFinding, HeapFindingId, HeapReport};

/// Values of repeated texts that are counted one by one.
const TEXTS: usize = 1000;

/// What stands out in a heap, and all of it at one look; tables have at most `limit` rows.
#[must_use]
pub fn report(
    inspection: &Inspection,
    state: &HeapState<'_>,
    ways: &Ways,
    missing: Missing,
    limit: usize,
) -> HeapReport {
    let sizes = AllSizes::new(state);
    let retained = Retained::with_sizes(state, &sizes, &ways.graph);
    let diagnostics = &inspection.target().diagnostics;
    let garbage = garbage(state, &ways.graph);
    if let Err(why) = garbage {
        let text = match why {
            NoGarbage::FreeThreaded => "garbage in cycles is not told of free-threaded builds",
            NoGarbage::Time => "garbage in cycles is not told: there was no time to follow all references",
            NoGarbage::Lists => "garbage in cycles is not told: the collector's lists are not whole, or it was at work",
        };
        diagnostics.push(Diagnostic::note(DiagnosticCode::HeapGarbageUnknown, text));
    }
    let all = Census::new(state, &Filter::default(), &|_| true);
    let namespaces = namespaces(state);
    let scene = HeapScene {
        state,
        graph: &ways.graph,
        sizes: &sizes,
        retained: &retained,
        bytes: all.bytes,
        strings: &strings(state, true, TEXTS),
        garbage: &garbage,
        uncollectable: &uncollectable(inspection, state),
        collector_off: collector_off(inspection),
        is_namespace: &|id| namespaces.contains(&id),
        path: &|id| ways.path_to(state, id),
    };
    let findings = run(&scene).into_iter().map(|noticed| finding(state, ways, all.bytes, noticed)).collect();
    let census = heap_answers::rows(state, &all, CensusOrder::Bytes, limit);
    let top = top_of(inspection, (state, ways, &retained), missing, limit);
    HeapReport {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        coverage: coverage(state, missing),
        source: source(inspection),
        objects: all.objects,
        bytes: all.bytes,
        tracked: all.tracked,
        reached: top.reached,
        reached_bytes: top.reached_bytes,
        findings,
        types_total: all.rows.len() as u64,
        types: census,
        top: top.top,
        by_type: top.by_type,
        by_name: top.by_name,
        owned: heap_trees::owned((state, &sizes), ways, &retained, &namespaces),
        references: heap_trees::references((state, &sizes), ways, &namespaces),
        diagnostics: diagnostics.to_vec(),
    }
}

/// What was read, by name.
pub(super) fn source(inspection: &Inspection) -> String {
    let target = inspection.target();
    match (&target.path, target.process.pid) {
        (Some(path), _) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        (None, Some(pid)) => format!("process {pid}"),
        (None, None) => "a dump".to_owned(),
    }
}

fn finding(state: &HeapState<'_>, ways: &Ways, all: u64, noticed: Noticed) -> HeapFinding {
    let found = noticed.object.and_then(|id| state.objects().get(id));
    HeapFinding {
        id: noticed.id,
        title: noticed.title,
        // A word that C code left behind may still lead to garbage; nothing holds it all the same.
        path: noticed
            .object
            .filter(|_| noticed.id != HeapFindingId::CycleGarbage)
            .and_then(|id: ObjectId| ways.path_to(state, id)),
        object: found.map(|found| object(state, found, state.size(found))),
        objects: noticed.objects,
        bytes: noticed.bytes,
        share: noticed.bytes as f64 / all.max(1) as f64,
        evidence: noticed.evidence,
        next: noticed.next,
    }
}

/// The lists `gc.garbage` of all interpreters that have imported `gc`.
fn uncollectable(inspection: &Inspection, state: &HeapState<'_>) -> Vec<Found> {
    let Some(python) = inspection.python() else { return Vec::new() };
    let heap = state.heap();
    let list = |interpreter: &Interpreter| {
        let modules = interpreter.modules.as_ref().ok()?;
        let module = dict_get_str(&heap.ctx, *modules, "gc").ok()??;
        state.at(find_attribute(heap, module, "garbage").ok()??)
    };
    python.interpreters().iter().filter_map(list).collect()
}

/// Whether `gc.disable()` holds in the main interpreter.
fn collector_off(inspection: &Inspection) -> Option<bool> {
    Some(!inspection.python()?.interpreters().first()?.gc_enabled?)
}
