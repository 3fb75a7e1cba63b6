//! What would go: the objects, types and module-level names that keep most alive.

use super::Inspection;
use super::heap::Missing;
use super::heap_answers::{coverage, object};
use super::heap_graph::Ways;
use crate::heap::{HeapState, ObjectId, Retained, Via};
use crate::model::heap::{HEAP_SCHEMA_VERSION, HeapRetained, HeapRetainedType, HeapTop};
use foldhash::fast::RandomState;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// An object that keeps at least this part of what its owner keeps is the same thing as its owner.
const SAME: f64 = 0.9;

/// The objects, types and module-level names that keep most alive.
#[must_use]
pub fn top(inspection: &Inspection, state: &HeapState<'_>, ways: Ways, missing: Missing, limit: usize) -> HeapTop {
    let mut ways = ways;
    let retained = Retained::last(state, &mut ways.graph);
    top_of(inspection, (state, &ways, &retained), missing, limit)
}

/// The same with what is known already.
pub(super) fn top_of(
    inspection: &Inspection,
    (state, ways, retained): (&HeapState<'_>, &Ways, &Retained<'_, '_>),
    missing: Missing,
    limit: usize,
) -> HeapTop {
    let all = state.objects();
    let unreached = (0u32..).zip(all.iter()).filter(|(id, _)| !retained.reaches(*id));
    let unreached_bytes = unreached.map(|(_, found)| state.size(found)).fold(0, u64::saturating_add);
    let row = |id: ObjectId| row(state, ways, retained, id);
    HeapTop {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        coverage: coverage(state, missing),
        reached: retained.reached(),
        reached_bytes: retained.total(),
        references: ways.graph.references() as u64,
        unreached: (all.len() as u64).saturating_sub(retained.reached()),
        unreached_bytes,
        top: chosen(state, retained, limit).into_iter().filter_map(row).collect(),
        by_type: by_type(state, retained, limit),
        by_name: named(state, retained).into_iter().take(limit).filter_map(|(_, id)| row(id)).collect(),
        diagnostics: inspection.target().diagnostics.to_vec(),
    }
}

/// A part of all bytes that roots lead to.
pub(super) fn share(retained: &Retained<'_, '_>, bytes: u64) -> f64 {
    bytes as f64 / retained.total().max(1) as f64
}

fn row(state: &HeapState<'_>, ways: &Ways, retained: &Retained<'_, '_>, id: ObjectId) -> Option<HeapRetained> {
    let (found, bytes) = (state.objects().get(id)?, retained.of(id)?);
    let (path, root_certain) = ways.certain_path_to(state, id).unwrap_or_default();
    Some(HeapRetained {
        retained: bytes,
        share: share(retained, bytes),
        object: object(state, found, state.size(found)),
        path,
        root_certain,
    })
}

/// Objects that are asked for many times.
pub(super) type Ids = HashSet<ObjectId, RandomState>;

/// Modules and their namespaces: what they keep is told entry by entry.
pub(super) fn namespaces(state: &HeapState<'_>) -> Ids {
    let objects = state.objects();
    let modules = objects.iter().filter(|found| state.is_module(*found));
    modules.flat_map(|module| [objects.at(module.addr), state.namespace(module)]).flatten().collect()
}

/// The objects that keep most, without those that are nearly the same thing as one before them.
fn chosen(state: &HeapState<'_>, retained: &Retained<'_, '_>, limit: usize) -> Vec<ObjectId> {
    let namespaces = namespaces(state);
    // There may be many millions, and nearly always the largest suffice.
    let mut least = retained.total();
    loop {
        least /= 16;
        let mut list: Vec<_> = retained.at_least(least).filter(|(id, _)| !namespaces.contains(id)).collect();
        list.sort_by_key(|(_, bytes)| Reverse(*bytes));
        let chosen = chosen_of(list, retained, limit);
        if chosen.len() >= limit || least == 0 {
            return chosen;
        }
    }
}

/// The first of a list that begins with those that keep most.
fn chosen_of(list: Vec<(ObjectId, u64)>, retained: &Retained<'_, '_>, limit: usize) -> Vec<ObjectId> {
    let mut chosen: HashMap<ObjectId, u64> = HashMap::new();
    let mut order = Vec::new();
    for (id, bytes) in list {
        if order.len() >= limit {
            break;
        }
        let owner = retained.owner(id).and_then(|owner| chosen.get(&owner));
        if owner.is_none_or(|of_owner| (bytes as f64) < *of_owner as f64 * SAME) {
            chosen.insert(id, bytes);
            order.push(id);
        }
    }
    order
}

fn by_type(state: &HeapState<'_>, retained: &Retained<'_, '_>, limit: usize) -> Vec<HeapRetainedType> {
    let kept = retained.by_type();
    let mut rows: Vec<HeapRetainedType> = kept
        .iter()
        .zip(retained.own())
        .zip(&state.collected.shapes)
        .filter(|((kept, _), _)| **kept > 0)
        .map(|((kept, (objects, bytes)), shape)| HeapRetainedType {
            name: shape.name.clone(),
            type_addr: shape.addr,
            objects: *objects,
            bytes: *bytes,
            retained: *kept,
            share: share(retained, *kept),
        })
        .collect();
    rows.sort_by(|a, b| b.retained.cmp(&a.retained).then_with(|| a.name.cmp(&b.name)));
    rows.truncate(limit);
    rows
}

/// What names of modules lead to and how much that keeps, the most first; modules themselves are no such values.
fn named(state: &HeapState<'_>, retained: &Retained<'_, '_>) -> Vec<(u64, ObjectId)> {
    let objects = state.objects();
    let mut found: HashMap<ObjectId, u64> = HashMap::new();
    for module in objects.iter().filter(|found| state.is_module(*found)) {
        let Some(namespace) = state.namespace(module).and_then(|id| objects.get(id)) else { continue };
        for (via, value) in state.references(namespace) {
            if matches!(via, Via::Value(_))
                && !state.is_module(value)
                && let Some(id) = objects.at(value.addr)
                && let Some(bytes) = retained.of(id)
            {
                found.insert(id, bytes);
            }
        }
    }
    let mut list: Vec<(u64, ObjectId)> = found.into_iter().map(|(id, bytes)| (bytes, id)).collect();
    list.sort_by_key(|(bytes, id)| (Reverse(*bytes), *id));
    list
}
