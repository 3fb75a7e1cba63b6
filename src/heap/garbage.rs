//! [`garbage`]: objects that only refer to each other and wait for the collector, found as the collector finds them
//! (Python/gc.c, until 3.12 Modules/gcmodule.c: `update_refs`, `subtract_refs`, `move_unreachable`).

use super::audit::Count;
use super::graph::Graph;
use super::objects::{Found, ObjectId, Origin};
use super::{HeapState, Via};
use crate::cpython::layout::RefcountForm;

/// The count of an object that is alive whatever refers to it.
const ALIVE: i64 = i64::MAX;

/// Why garbage cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoGarbage {
    /// Free-threaded builds keep their counts in parts, and no lists.
    FreeThreaded,
    /// The collector's lists are not all there, or it was at work on them.
    Lists,
    /// There was no time to follow all references.
    Time,
}

/// Objects that a collection would find unreachable, sorted: what `gc.collect()` counts. Frozen objects are never among
/// them, nor what a word of C memory refers to of which it is not known whether it counts.
///
/// # Errors
/// [`NoGarbage`] where this cannot be told.
pub fn garbage(state: &HeapState<'_>, graph: &Graph) -> Result<Vec<ObjectId>, NoGarbage> {
    if matches!(state.offsets.refcount, RefcountForm::Biased { .. }) {
        return Err(NoGarbage::FreeThreaded);
    }
    if state.is_cut() {
        return Err(NoGarbage::Time);
    }
    let coverage = &state.collected.coverage;
    if coverage.gc_lists == 0 || !coverage.gc_lists_whole || coverage.collecting {
        return Err(NoGarbage::Lists);
    }
    let objects = state.objects();
    let is_candidate = |found: Found| found.origin <= Origin::Old;
    // Counts of the candidates: what is left when the references among them are taken off.
    let mut left: Vec<i64> =
        objects.iter().map(|found| if is_candidate(found) { count(state, found.addr) } else { ALIVE }).collect();
    let edges = state.owned_edges();
    let visits_dicts = state.heap.ctx.dialect.visits_dicts_beside_values;
    for found in objects.iter().filter(|found| is_candidate(*found)) {
        let Some(shape) = state.shape(found.type_id) else { continue };
        let is_dict_passed_over = !visits_dicts && edges.values_inside(found.addr, shape).is_some();
        edges.each(found.addr, shape, &mut |via, to| {
            if via != Via::Weak
                && !(is_dict_passed_over && via == Via::Dict)
                && let Some(count) = objects.at(to).and_then(|id| left.get_mut(id as usize))
                && *count != ALIVE
                && state.is_exact(found, via)
            {
                *count = count.saturating_sub(1);
            }
        });
    }
    // What is referred to from outside of them is alive, and all that it leads to. A count below zero is a reference
    // that was taken for one and is none.
    let mut queue: Vec<ObjectId> = Vec::new();
    for (id, count) in left.iter_mut().enumerate() {
        let id = id as u32;
        if *count != ALIVE && (*count != 0 || graph.is_named(id)) {
            *count = ALIVE;
            queue.push(id);
        }
    }
    while let Some(id) = queue.pop() {
        for to in graph.references_of(id) {
            if let Some(count) = left.get_mut(*to as usize)
                && *count != ALIVE
            {
                *count = ALIVE;
                queue.push(*to);
            }
        }
    }
    let dead = left.iter().enumerate().filter(|(_, count)| **count != ALIVE);
    Ok(dead.map(|(id, _)| id as u32).collect())
}

/// Reference count of an object; [`ALIVE`] for one that is not freed by its count.
fn count(state: &HeapState<'_>, at: u64) -> i64 {
    match state.count(at) {
        Some(Count::Plain(count)) => count,
        Some(Count::Immortal | Count::Deferred) | None => ALIVE,
    }
}
