//! [`Retained`]: what objects keep alive, each by itself and by type.

use super::dominators::{Dominators, NONE};
use super::graph::Csr;
use super::types::TypeId;
use super::{Graph, HeapState, ObjectId};

/// What each object keeps alive: the bytes that only ways through it lead to, its own included.
#[derive(Debug)]
pub struct Retained {
    dominators: Dominators,
    sums: Vec<u64>,
    /// Position in the order of the search by object.
    positions: Vec<u32>,
}

impl Retained {
    /// Of all objects that roots lead to.
    #[must_use]
    pub fn new(state: &HeapState<'_>, graph: &Graph) -> Retained {
        let objects = state.objects();
        let dominators = graph.dominators();
        let size = |node| objects.get(node).map_or(0, |found| state.size(found));
        let sums = dominators.sums(|node| if graph.is_object(node) { size(node) } else { 0 });
        let mut positions = vec![NONE; objects.len()];
        for (position, node) in dominators.order.iter().enumerate() {
            if let Some(place) = positions.get_mut(*node as usize) {
                *place = position as u32;
            }
        }
        Retained { dominators, sums, positions }
    }

    /// Bytes of all that roots lead to.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sums.first().copied().unwrap_or(0)
    }

    /// How many objects roots lead to.
    #[must_use]
    pub fn reached(&self) -> u64 {
        self.dominators.order.len().saturating_sub(1) as u64
    }

    /// What an object keeps alive; `None` for one that no root leads to.
    #[must_use]
    pub fn of(&self, object: ObjectId) -> Option<u64> {
        self.sums.get(self.position(object)? as usize).copied()
    }

    fn position(&self, object: ObjectId) -> Option<u32> {
        self.positions.get(object as usize).copied().filter(|position| *position != NONE)
    }

    /// The object without which this one would go: its immediate dominator. `None` where several roots or none lead to it.
    #[must_use]
    pub fn owner(&self, object: ObjectId) -> Option<ObjectId> {
        let above = self.dominators.idom.get(self.position(object)? as usize).copied().filter(|above| *above != 0)?;
        self.dominators.order.get(above as usize).copied()
    }

    /// All objects with what they keep alive, each after its owner.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, u64)> + '_ {
        self.dominators.order.iter().copied().zip(self.sums.iter().copied()).skip(1)
    }

    /// What the objects of each type keep alive together: the sums of those that no other of the type keeps alive.
    #[must_use]
    pub fn by_type(&self, state: &HeapState<'_>) -> Vec<u64> {
        let mut sums = vec![0u64; state.collected.shapes.len()];
        let mut open = vec![0u32; sums.len()];
        let count = self.dominators.order.len();
        let children = {
            let parents = || (1..count as u32).map(|w| (self.above(w), w));
            Csr::from_edges(count, parents)
        };
        let type_of = |position: u32| -> Option<TypeId> {
            let node = self.dominators.order.get(position as usize)?;
            Some(state.objects().get(*node)?.type_id)
        };
        let change = |open: &mut Vec<u32>, position: u32, by: i32| -> u32 {
            let place = type_of(position).and_then(|t| open.get_mut(t as usize));
            place.map_or(0, |place| std::mem::replace(place, place.wrapping_add_signed(by)))
        };
        // Position and the next of its children.
        let mut stack = vec![(0u32, 0usize)];
        while let Some((position, next)) = stack.last_mut() {
            let Some(child) = children.of(*position).get(*next).copied() else {
                let position = *position;
                stack.pop();
                change(&mut open, position, -1);
                continue;
            };
            *next = next.wrapping_add(1);
            if change(&mut open, child, 1) == 0
                && let Some(sum) = type_of(child).and_then(|t| sums.get_mut(t as usize))
            {
                *sum = sum.saturating_add(self.sums.get(child as usize).copied().unwrap_or(0));
            }
            stack.push((child, 0));
        }
        sums
    }

    fn above(&self, position: u32) -> u32 {
        self.dominators.idom.get(position as usize).copied().unwrap_or(0)
    }
}
