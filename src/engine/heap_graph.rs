//! Questions about references of a heap, and their answers.

use super::heap::Missing;
use super::heap_answers::{coverage, object};
use super::{Inspection, heap_native};
use crate::base::Addr;
use crate::heap::{Filter, Found, Graph, HeapState, ObjectId, Paths, Via, roots};
use crate::model::heap::{HEAP_SCHEMA_VERSION, HeapObject, HeapPath, HeapReference, HeapReferences, HeapWhy};

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
    pub(super) graph: Graph,
    pub(super) paths: Paths,
}

impl Ways {
    /// Reads all references and follows them from the roots.
    #[must_use]
    pub fn new(inspection: &Inspection, state: &HeapState<'_>) -> Ways {
        let interpreters = inspection.python().map(super::PythonState::interpreters).unwrap_or_default();
        let mut graph = Graph::new(state, roots(state, interpreters, &inspection.target().diagnostics));
        let mut paths = graph.paths();
        // A word of native code says nothing new of what a known reference keeps alive: it may be left over.
        let native = heap_native::roots(inspection, state, |object| !paths.is_reached(object));
        graph.add(&mut paths, native);
        Ways { graph, paths }
    }

    /// The shortest way to an object, in Python's syntax; `None` when no root leads to it.
    #[must_use]
    pub fn path_to(&self, state: &HeapState<'_>, object: ObjectId) -> Option<String> {
        self.certain_path_to(state, object).map(|(path, _)| path)
    }

    /// The same, and whether its root is certain to be a reference.
    #[must_use]
    pub fn certain_path_to(&self, state: &HeapState<'_>, object: ObjectId) -> Option<(String, bool)> {
        path(state, &self.graph, &self.paths.to(object))
    }
}

/// The path to the last of `way`, with the name of the root that leads to its first, and whether that is certain to be
/// a reference.
fn path(state: &HeapState<'_>, graph: &Graph, way: &[ObjectId]) -> Option<(String, bool)> {
    let first = *way.first()?;
    let root = graph.roots.iter().filter(|root| root.object == first).min_by_key(|root| root.group)?;
    Some((state.path(&root.name, way), root.is_certain()))
}

fn path_row(path: Option<(String, bool)>, object: HeapObject) -> HeapPath {
    let root_certain = path.as_ref().is_none_or(|(_, certain)| *certain);
    HeapPath { path: path.map(|(path, _)| path), root_certain, object }
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
    let row = |path| path_row(path, object(state, asked, state.size(asked)));
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
        .map(|(size, found)| path_row(path(state, graph, &way(found)), object(state, *found, *size)));
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
