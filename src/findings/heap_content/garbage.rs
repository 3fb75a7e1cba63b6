//! `cycle-garbage`, `finalizer-backlog`, `uncollectable`: what the collector has to do with, or has given up.

use super::{HeapScene, LEAST_BYTES, Noticed, percent};
use crate::base::{size, thousands};
use crate::heap::ObjectId;
use crate::model::heap::HeapFindingId;
use std::collections::{HashMap, HashSet};

/// Garbage of fewer objects and fewer bytes than a MiB is what any program has between two collections.
const LEAST_GARBAGE: usize = 10_000;
/// From so many objects with `__del__` on they are told of.
const LEAST_FINALIZERS: u64 = 100;
/// Types named.
const TYPES: usize = 3;

pub(super) fn run(scene: &HeapScene<'_>) -> Vec<Noticed> {
    let mut found: Vec<Noticed> = uncollectable(scene).into_iter().collect();
    if let Ok(garbage) = scene.garbage {
        let all = kept_by(scene, garbage);
        found.extend(cycles(scene, garbage, &all));
        found.extend(finalizers(scene, garbage));
    }
    found
}

/// The garbage with what only it leads to.
fn kept_by(scene: &HeapScene<'_>, garbage: &[ObjectId]) -> Vec<ObjectId> {
    let mut seen: HashSet<ObjectId, foldhash::fast::RandomState> = garbage.iter().copied().collect();
    let mut all: Vec<ObjectId> = garbage.to_vec();
    let mut next = 0;
    while let Some(id) = all.get(next).copied() {
        next = next.wrapping_add(1);
        for to in scene.graph.references_of(id) {
            // What a root leads to is no garbage, and what the collector tracks is garbage itself or alive.
            let tracked = scene.state.objects().get(*to).is_none_or(|found| found.origin.is_tracked());
            if !tracked && scene.retained.of(*to).is_none() && seen.insert(*to) {
                all.push(*to);
            }
        }
    }
    all
}

fn bytes_of(scene: &HeapScene<'_>, list: &[ObjectId]) -> u64 {
    let size = |id: &ObjectId| scene.state.objects().get(*id).map_or(0, |found| scene.state.size(found));
    list.iter().map(size).fold(0, u64::saturating_add)
}

/// How many there are of each type, the most frequent first.
fn types(scene: &HeapScene<'_>, list: &[ObjectId]) -> Vec<(u32, u64)> {
    let mut counts: HashMap<u32, u64> = HashMap::new();
    for found in list.iter().filter_map(|id| scene.state.objects().get(*id)) {
        let count = counts.entry(found.type_id).or_default();
        *count = count.wrapping_add(1);
    }
    let mut list: Vec<(u32, u64)> = counts.into_iter().collect();
    list.sort_by_key(|(type_id, count)| (std::cmp::Reverse(*count), *type_id));
    list
}

fn named(scene: &HeapScene<'_>, types: &[(u32, u64)]) -> String {
    let name = |type_id: u32| scene.state.shape(type_id).map_or("?", |shape| shape.name.as_str());
    let list = types.iter().take(TYPES).map(|(type_id, count)| format!("{} {}", thousands(*count), name(*type_id)));
    list.collect::<Vec<_>>().join(", ")
}

fn cycles(scene: &HeapScene<'_>, garbage: &[ObjectId], all: &[ObjectId]) -> Option<Noticed> {
    let bytes = bytes_of(scene, all);
    if garbage.len() < LEAST_GARBAGE && bytes < LEAST_BYTES {
        return None;
    }
    let mut evidence = vec![format!("the most frequent types: {}", named(scene, &types(scene, garbage)))];
    evidence.push("each reference to them is from among them: what gc.collect() would free".to_owned());
    if scene.collector_off == Some(true) {
        evidence.push("the collector is switched off (gc.disable())".to_owned());
    }
    let count = thousands(garbage.len() as u64);
    Some(Noticed {
        id: HeapFindingId::CycleGarbage,
        title: format!(
            "{count} objects in cycles that nothing refers to wait for the collector: {}, {}",
            size(bytes),
            percent(scene.share(bytes))
        ),
        object: garbage.first().copied(),
        objects: garbage.len() as u64,
        bytes,
        evidence,
        next: first_refs(scene, garbage),
    })
}

fn first_refs(scene: &HeapScene<'_>, list: &[ObjectId]) -> String {
    let addr = list.first().and_then(|id| scene.state.objects().get(*id)).map_or(0, |found| found.addr);
    format!("pyinquest heap refs CORE {addr:#x}")
}

fn finalizers(scene: &HeapScene<'_>, garbage: &[ObjectId]) -> Option<Noticed> {
    let types = types(scene, garbage);
    let with: HashSet<u32> =
        types.iter().map(|(type_id, _)| *type_id).filter(|type_id| scene.state.has_finalizer(*type_id)).collect();
    let waits = |id: &ObjectId| {
        let found = scene.state.objects().get(*id);
        found.is_some_and(|found| with.contains(&found.type_id) && !scene.state.is_finalized(found))
    };
    let list: Vec<ObjectId> = garbage.iter().copied().filter(waits).collect();
    if (list.len() as u64) < LEAST_FINALIZERS {
        return None;
    }
    let types = self::types(scene, &list);
    let bytes = bytes_of(scene, &list);
    Some(Noticed {
        id: HeapFindingId::FinalizerBacklog,
        title: format!(
            "{} objects whose __del__ has not run wait for the collector: {}",
            thousands(list.len() as u64),
            size(bytes)
        ),
        object: list.first().copied(),
        objects: list.len() as u64,
        bytes,
        evidence: vec![format!("the most frequent types: {}", named(scene, &types))],
        next: first_refs(scene, &list),
    })
}

fn uncollectable(scene: &HeapScene<'_>) -> Option<Noticed> {
    let state = scene.state;
    let list = |found: &crate::heap::Found| -> Vec<ObjectId> {
        let items = state.references(*found);
        items.iter().filter_map(|(_, to)| state.objects().at(to.addr)).collect()
    };
    let objects: Vec<ObjectId> = scene.uncollectable.iter().flat_map(list).collect();
    if objects.is_empty() {
        return None;
    }
    let bytes = bytes_of(scene, &objects);
    let count = objects.len() as u64;
    Some(Noticed {
        id: HeapFindingId::Uncollectable,
        title: format!("{} objects are in gc.garbage: {} of their own", thousands(count), size(bytes)),
        object: objects.first().copied(),
        objects: count,
        bytes,
        evidence: vec![
            format!("the most frequent types: {}", named(scene, &types(scene, &objects))),
            "the collector keeps there what it cannot free, and with gc.DEBUG_SAVEALL all that it finds".to_owned(),
        ],
        next: first_refs(scene, &objects),
    })
}
