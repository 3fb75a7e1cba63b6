//! [`Retained`]: what objects keep alive, each by itself and by type.

use super::dominators::{Dominators, Place};
use super::graph::{Csr, SMALL};
use super::types::TypeId;
use super::{AllSizes, Graph, HeapState, ObjectId};
use std::cell::OnceCell;

/// What each object keeps alive: the bytes that only ways through it lead to, its own included.
#[derive(Debug)]
pub struct Retained<'s, 'a> {
    state: &'s HeapState<'a>,
    /// Sizes of all objects, where many questions make them worth their memory.
    sizes: Option<&'s AllSizes<'s, 'a>>,
    dominators: Dominators,
    sums: Vec<u64>,
    /// By type the objects that roots lead to, and their bytes.
    own: Vec<(u64, u64)>,
    reached: u64,
    by_type: OnceCell<Vec<u64>>,
}

impl<'s, 'a> Retained<'s, 'a> {
    /// Of all objects that roots lead to.
    #[must_use]
    pub fn new(state: &'s HeapState<'a>, graph: &Graph) -> Retained<'s, 'a> {
        Retained::of_tree(state, None, graph.dominators())
    }

    /// The same, with sizes that are known already.
    #[must_use]
    pub fn with_sizes(state: &'s HeapState<'a>, sizes: &'s AllSizes<'s, 'a>, graph: &Graph) -> Retained<'s, 'a> {
        Retained::of_tree(state, Some(sizes), graph.dominators())
    }

    /// The same. The references of the graph are gone then, which saves memory.
    #[must_use]
    pub fn last(state: &'s HeapState<'a>, graph: &mut Graph) -> Retained<'s, 'a> {
        Retained::of_tree(state, None, graph.keep_dominators())
    }

    fn of_tree(
        state: &'s HeapState<'a>,
        sizes: Option<&'s AllSizes<'s, 'a>>,
        dominators: Dominators,
    ) -> Retained<'s, 'a> {
        let mut own = vec![(0u64, 0u64); state.collected.shapes.len()];
        let mut reached = 0u64;
        let weights = (0u32..).zip(state.objects().iter()).map(|(id, found)| {
            if dominators.place(id) == Place::Unreached {
                return 0;
            }
            let size = sizes.map_or_else(|| state.size(found), |sizes| sizes.of(id));
            if let Some((objects, bytes)) = own.get_mut(found.type_id as usize) {
                (*objects, *bytes) = (objects.saturating_add(1), bytes.saturating_add(size));
            }
            reached = reached.saturating_add(1);
            size
        });
        let sums = dominators.sums(weights);
        Retained { state, sizes, dominators, sums, own, reached, by_type: OnceCell::new() }
    }

    /// Bytes of all that roots lead to.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sums.first().copied().unwrap_or(0)
    }

    /// How many objects roots lead to.
    #[must_use]
    pub fn reached(&self) -> u64 {
        self.reached
    }

    /// By type the objects that roots lead to, and their bytes.
    #[must_use]
    pub fn own(&self) -> &[(u64, u64)] {
        &self.own
    }

    /// What an object keeps alive; `None` for one that no root leads to.
    #[must_use]
    pub fn of(&self, object: ObjectId) -> Option<u64> {
        match self.dominators.place(object) {
            Place::Unreached => None,
            Place::Inner(position) => self.sums.get(position as usize).copied(),
            Place::LeafOf(_) => Some(self.size(object)),
        }
    }

    /// Whether a root leads to an object.
    #[must_use]
    pub fn reaches(&self, object: ObjectId) -> bool {
        self.dominators.place(object) != Place::Unreached
    }

    fn size(&self, object: ObjectId) -> u64 {
        match self.sizes {
            Some(sizes) => sizes.of(object),
            None => self.state.objects().get(object).map_or(0, |found| self.state.size(found)),
        }
    }

    /// The object without which this one would go: its immediate dominator. `None` where several roots or none lead to it.
    #[must_use]
    pub fn owner(&self, object: ObjectId) -> Option<ObjectId> {
        let above = match self.dominators.place(object) {
            Place::Unreached => return None,
            Place::Inner(position) => self.above(position),
            Place::LeafOf(above) => above,
        };
        self.dominators.order.get(above as usize).copied().filter(|_| above != 0)
    }

    /// All objects with what they keep alive, each after its owner.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, u64)> + '_ {
        self.inner().chain(self.leaves().map(|(id, _)| (id, self.size(id))))
    }

    /// Objects that keep at least so many bytes alive.
    pub fn at_least(&self, bytes: u64) -> impl Iterator<Item = (ObjectId, u64)> + '_ {
        let leaves = (bytes <= SMALL).then(|| self.leaves().map(|(id, _)| (id, self.size(id))));
        self.inner().chain(leaves.into_iter().flatten()).filter(move |(_, kept)| *kept >= bytes)
    }

    fn inner(&self) -> impl Iterator<Item = (ObjectId, u64)> + '_ {
        self.dominators.order.iter().copied().zip(self.sums.iter().copied()).skip(1)
    }

    /// Small objects that keep nothing but themselves, with the position of their owner.
    fn leaves(&self) -> impl Iterator<Item = (ObjectId, u32)> + '_ {
        (0..self.state.objects().len() as u32).filter_map(|id| match self.dominators.place(id) {
            Place::LeafOf(above) => Some((id, above)),
            _ => None,
        })
    }

    /// What the objects of each type keep alive together: the sums of those that no other of the type keeps alive.
    #[must_use]
    pub fn by_type(&self) -> &[u64] {
        self.by_type.get_or_init(|| self.sums_by_type())
    }

    fn sums_by_type(&self) -> Vec<u64> {
        let mut sums = vec![0u64; self.own.len()];
        let mut open = vec![0u32; sums.len()];
        let order = &self.dominators.order;
        // Nodes by the position of their owner.
        let children = {
            let inner = || (1u32..).zip(order.iter().skip(1)).map(|(w, node)| (self.above(w), *node));
            Csr::from_edges(order.len(), || inner().chain(self.leaves().map(|(id, above)| (above, id))))
        };
        let change = |open: &mut Vec<u32>, node: u32, by: i32| -> (Option<TypeId>, u32) {
            let type_id = self.state.objects().type_id(node);
            let place = type_id.and_then(|t| open.get_mut(t as usize));
            (type_id, place.map_or(0, |place| std::mem::replace(place, place.wrapping_add_signed(by))))
        };
        // Position and the next of its children.
        let mut stack = vec![(0u32, 0u32)];
        while let Some((position, next)) = stack.last_mut() {
            let Some(child) = children.of(*position).get(*next as usize).copied() else {
                let node = order.get(*position as usize).copied();
                stack.pop();
                node.map(|node| change(&mut open, node, -1));
                continue;
            };
            *next = next.wrapping_add(1);
            let place = self.dominators.place(child);
            let (type_id, above) = change(&mut open, child, 1);
            if above == 0
                && let Some(sum) = type_id.and_then(|t| sums.get_mut(t as usize))
            {
                *sum = sum.saturating_add(self.of(child).unwrap_or(0));
            }
            match place {
                Place::Inner(position) => stack.push((position, 0)),
                _ => {
                    change(&mut open, child, -1);
                }
            }
        }
        sums
    }

    fn above(&self, position: u32) -> u32 {
        self.dominators.idom.get(position as usize).copied().unwrap_or(0)
    }
}
