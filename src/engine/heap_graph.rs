//! Questions about references of a heap, and their answers.

use super::Inspection;
use super::heap::Missing;
use super::heap_answers::{coverage, object};
use crate::base::Addr;
use crate::heap::{Filter, Found, Graph, HeapState, ObjectId, Paths, Via, roots};
use crate::model::heap::{
    HEAP_SCHEMA_VERSION, HeapPath, HeapReference, HeapReferences, HeapRetained, HeapTop, HeapWhy,
};

/// An object that keeps at least this part of what its owner keeps is the same thing as its owner.
const SAME: f64 = 0.9;

/// Who refers to the object at `addr`, or with `outgoing` to what it refers; `None` when there is no object.
#[must_use]
pub fn references(
    inspection: &Inspection,
    state: &HeapState<'_>,
    missing: Missing,
    addr: Addr,
    (outgoing, limit): (bool, usize),
) -> Option<HeapReferences> {
    let asked = state.at(addr)?;
    let row = |from: Found, via: Via, other: Found| HeapReference {
        edge: state.edge(from, via, false),
        strong: via != Via::Weak,
        exact: state.is_exact(from, via),
        object: object(state, other, state.size(other)),
    };
    let (total, list): (usize, Vec<HeapReference>) = if outgoing {
        let all = state.references(asked);
        (all.len(), all.into_iter().take(limit).map(|(via, to)| row(asked, via, to)).collect())
    } else {
        let all = state.referrers(addr);
        (all.len(), all.into_iter().take(limit).map(|r| row(r.from, r.via, r.from)).collect())
    };
    Some(HeapReferences {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        coverage: coverage(state, missing),
        object: object(state, asked, state.size(asked)),
        outgoing,
        total: total as u64,
        references: list,
        diagnostics: inspection.target().diagnostics.to_vec(),
    })
}

/// All references of a heap, and the shortest ways from roots.
#[derive(Debug)]
pub struct Ways {
    graph: Graph,
    paths: Paths,
}

impl Ways {
    /// Reads all references and follows them from the roots.
    #[must_use]
    pub fn new(inspection: &Inspection, state: &HeapState<'_>) -> Ways {
        let interpreters = inspection.python().map(super::PythonState::interpreters).unwrap_or_default();
        let graph = Graph::new(state, roots(state, interpreters, &inspection.target().diagnostics));
        let paths = graph.paths();
        Ways { graph, paths }
    }
}

/// The path to the last of `way`, with the name of the root that leads to its first.
fn path(state: &HeapState<'_>, graph: &Graph, way: &[ObjectId]) -> Option<String> {
    let first = *way.first()?;
    let root = graph.roots.iter().filter(|root| root.object == first).min_by_key(|root| root.group)?;
    Some(state.path(&root.name, way))
}

/// Ways from roots to the object at `addr`: the shortest, then one through each other object that refers to it. `None`
/// when there is no object.
#[must_use]
pub fn why(
    inspection: &Inspection,
    (state, Ways { graph, paths }): (&HeapState<'_>, &Ways),
    missing: Missing,
    addr: Addr,
    limit: usize,
) -> Option<HeapWhy> {
    let asked = state.at(addr)?;
    let id = state.objects().at(addr.0)?;
    let mut ways: Vec<Vec<ObjectId>> = vec![paths.to(id)];
    for reference in state.referrers(addr) {
        if reference.via == Via::Weak {
            continue;
        }
        let Some(from) = state.objects().at(reference.from.addr) else { continue };
        let mut way = paths.to(from);
        // What is reached through the object itself is no reason for it.
        if !way.is_empty() && !way.contains(&id) {
            way.push(id);
            ways.push(way);
        }
    }
    ways.retain(|way| !way.is_empty());
    ways.sort_by_key(Vec::len);
    ways.dedup();
    let row = |path: Option<String>| HeapPath { path, object: object(state, asked, state.size(asked)) };
    let mut rows: Vec<HeapPath> = Vec::new();
    for way in ways.iter().take(limit) {
        let shown = row(path(state, graph, way));
        if !rows.contains(&shown) {
            rows.push(shown);
        }
    }
    let unreached = u64::from(rows.is_empty());
    if rows.is_empty() {
        rows.push(row(None));
    }
    Some(answer(inspection, state, missing, (1, unreached), rows))
}

/// The shortest way to each of the largest objects that a filter takes.
#[must_use]
pub fn why_type(
    inspection: &Inspection,
    (state, Ways { graph, paths }): (&HeapState<'_>, &Ways),
    missing: Missing,
    filter: &Filter,
    limit: usize,
) -> HeapWhy {
    let mut list: Vec<(u64, Found)> = state
        .objects()
        .iter()
        .filter(|found| state.shape(found.type_id).is_some_and(|shape| filter.takes_type(shape)))
        .map(|found| (state.size(found), found))
        .collect();
    list.sort_by_key(|(size, found)| (std::cmp::Reverse(*size), found.addr));
    let way = |found: &Found| state.objects().at(found.addr).map(|id| paths.to(id)).unwrap_or_default();
    let unreached = list.iter().filter(|(_, found)| !is_reached(state, paths, *found)).count();
    let rows = list
        .iter()
        .take(limit)
        .map(|(size, found)| HeapPath { path: path(state, graph, &way(found)), object: object(state, *found, *size) });
    let rows = rows.collect();
    answer(inspection, state, missing, (list.len() as u64, unreached as u64), rows)
}

fn is_reached(state: &HeapState<'_>, paths: &Paths, found: Found) -> bool {
    state.objects().at(found.addr).is_some_and(|id| paths.is_reached(id))
}

fn answer(
    inspection: &Inspection,
    state: &HeapState<'_>,
    missing: Missing,
    (total, unreached): (u64, u64),
    paths: Vec<HeapPath>,
) -> HeapWhy {
    HeapWhy {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        coverage: coverage(state, missing),
        total,
        unreached,
        paths,
        diagnostics: inspection.target().diagnostics.to_vec(),
    }
}

/// The objects that keep most alive.
#[must_use]
pub fn top(
    inspection: &Inspection,
    (state, Ways { graph, paths }): (&HeapState<'_>, &Ways),
    missing: Missing,
    limit: usize,
) -> HeapTop {
    let objects = state.objects();
    let size = |node: u32| objects.get(node).map_or(0, |found| state.size(found));
    let dominators = graph.dominators();
    let retained = dominators.sums(|node| if graph.is_object(node) { size(node) } else { 0 });
    let reached_bytes = retained.first().copied().unwrap_or(0);
    let all_bytes = (0..objects.len() as u32).map(size).fold(0, u64::saturating_add);
    let reached = dominators.order.len().saturating_sub(1) as u64;
    let mut positions: Vec<u32> = (1..dominators.order.len() as u32).collect();
    let of = |position: u32| retained.get(position as usize).copied().unwrap_or(0);
    positions.sort_by_key(|position| std::cmp::Reverse(of(*position)));
    let node = |position: u32| dominators.order.get(position as usize).copied();
    let namespaces: std::collections::HashSet<u32> = objects
        .iter()
        .filter(|found| state.is_module(*found))
        .flat_map(|module| [objects.at(module.addr), state.namespace(module)])
        .flatten()
        .collect();
    let is_scenery = |position: u32| node(position).is_none_or(|n| !graph.is_object(n) || namespaces.contains(&n));
    let mut chosen: Vec<u32> = Vec::new();
    let mut is_chosen = std::collections::HashSet::new();
    for position in positions {
        if chosen.len() >= limit {
            break;
        }
        let above = dominators.idom.get(position as usize).copied().unwrap_or(0);
        let same = is_chosen.contains(&above) && of(position) as f64 >= of(above) as f64 * SAME;
        if !is_scenery(position) && !same {
            chosen.push(position);
            is_chosen.insert(position);
        }
    }
    let row = |position: &u32| {
        let id = node(*position)?;
        let found = objects.get(id)?;
        Some(HeapRetained {
            retained: of(*position),
            share: of(*position) as f64 / reached_bytes.max(1) as f64,
            object: object(state, found, state.size(found)),
            path: path(state, graph, &paths.to(id)).unwrap_or_default(),
        })
    };
    HeapTop {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        coverage: coverage(state, missing),
        reached,
        reached_bytes,
        references: graph.references() as u64,
        unreached: (objects.len() as u64).saturating_sub(reached),
        unreached_bytes: all_bytes.saturating_sub(reached_bytes),
        top: chosen.iter().filter_map(row).collect(),
        diagnostics: inspection.target().diagnostics.to_vec(),
    }
}
