//! Pictures of a heap: what would go with what, and where references from roots lead.

use super::heap_graph::Ways;
use super::heap_top::Ids;
use crate::heap::{AllSizes, HeapState, Label, Node, ObjectId, Retained, Tree};
use crate::model::heap::{HeapTree, HeapTreeNode};
use std::collections::HashSet;

/// What has less than this part of all bytes cannot be seen.
const LEAST_PART: u64 = 1000;
/// Most nodes of a picture.
const MAX_NODES: usize = 1500;
/// Most nodes that get the way to one of their objects.
const MAX_EXAMPLES: usize = 200;

/// Each object in the one node without which it would go.
pub(super) fn owned(
    (state, sizes): (&HeapState<'_>, &AllSizes<'_, '_>),
    ways: &Ways,
    retained: &Retained<'_, '_>,
    namespaces: &Ids,
) -> HeapTree {
    let objects = state.objects();
    let mut tree = Tree::default();
    let named = retained.total() / LEAST_PART;
    let mut places = vec![0u32; objects.len()];
    for (id, bytes) in retained.iter() {
        let Some(type_id) = objects.type_id(id) else { continue };
        let owner = retained.owner(id);
        let above = owner.and_then(|owner| places.get(owner as usize).copied()).unwrap_or(0);
        // What names of modules and frames lead to is named where it is large.
        let top = owner.is_none_or(|owner| namespaces.contains(&owner));
        let label = match top && bytes >= named.max(1) {
            true => Label::Object(id),
            false => Label::Type(type_id),
        };
        let own = tree.add(above, label, id, sizes.of(id));
        if let Some(place) = places.get_mut(id as usize) {
            *place = own;
        }
    }
    drop(places);
    drawn(state, ways, tree)
}

/// Each object where the shortest way from a root leads to it.
pub(super) fn references(
    (state, sizes): (&HeapState<'_>, &AllSizes<'_, '_>),
    ways: &Ways,
    namespaces: &Ids,
) -> HeapTree {
    let objects = state.objects();
    let mut tree = Tree::default();
    let of_programs = ways.graph.roots.iter().filter(|root| root.group <= 1).map(|root| root.object);
    let named: Ids = of_programs.chain(state.interned_tables()).collect();
    const UNKNOWN: u32 = u32::MAX;
    let mut places = vec![UNKNOWN; objects.len()];
    let mut way = Vec::new();
    for id in 0..objects.len() as u32 {
        // Up to where the place is known, then down again.
        way.clear();
        let (mut at, mut above) = (Some(id), 0);
        while let Some(object) = at {
            match places.get(object as usize) {
                Some(&place) if place != UNKNOWN => {
                    above = place;
                    break;
                }
                _ => way.push(object),
            }
            at = ways.paths.before(object);
        }
        if !ways.paths.is_reached(id) {
            continue;
        }
        while let Some(object) = way.pop() {
            let Some(type_id) = objects.type_id(object) else { continue };
            let before = ways.paths.before(object);
            let label = match before {
                None if named.contains(&object) => Label::Object(object),
                None => Label::Other,
                Some(before) if namespaces.contains(&before) => Label::Object(object),
                Some(_) => Label::Type(type_id),
            };
            above = tree.add(above, label, object, sizes.of(object));
            if let Some(place) = places.get_mut(object as usize) {
                *place = above;
            }
        }
    }
    drop(places);
    drawn(state, ways, tree)
}

/// The nodes that can be seen, with names.
fn drawn(state: &HeapState<'_>, ways: &Ways, tree: Tree) -> HeapTree {
    let bytes = tree.nodes.iter().map(|node| node.bytes).fold(0, u64::saturating_add);
    let mut nodes = tree.finish(bytes / LEAST_PART);
    nodes.truncate(MAX_NODES);
    // Names of the largest first.
    let mut by_size: Vec<usize> = (1..nodes.len()).collect();
    by_size.sort_by_key(|at| std::cmp::Reverse(nodes.get(*at).map(|node| node.bytes)));
    let told: HashSet<usize> = by_size.into_iter().take(MAX_EXAMPLES).collect();
    let node = |(at, node): (usize, &Node)| {
        let path = || ways.path_to(state, node.first);
        let type_name = |id: ObjectId| {
            let shape = state.objects().get(id).and_then(|found| state.shape(found.type_id));
            shape.map_or_else(|| "?".to_owned(), |shape| shape.name.clone())
        };
        let name = match node.label {
            Label::Object(id) => path().unwrap_or_else(|| type_name(id)),
            Label::Type(_) => type_name(node.first),
            Label::Other if at == 0 => "all that roots lead to".to_owned(),
            Label::Other => "state of threads and interpreters".to_owned(),
        };
        let example = matches!(node.label, Label::Type(_)) && told.contains(&at);
        HeapTreeNode {
            parent: (at > 0).then_some(node.parent),
            name,
            bytes: node.bytes,
            objects: node.objects,
            example: if example { path() } else { None },
        }
    };
    HeapTree { nodes: nodes.iter().enumerate().map(node).collect() }
}
