//! [`Graph`]: who refers to whom, as arrays, with shortest paths from roots and what each object keeps alive.

use super::collect::time_over;
use super::dominators::{Dominators, NONE, dominators};
use super::objects::ObjectId;
use super::roots::Root;
use super::{HeapState, Via};
use std::collections::VecDeque;

/// Edges of all nodes in one array (compressed sparse rows).
#[derive(Debug, Default)]
pub struct Csr {
    offsets: Vec<u32>,
    targets: Vec<u32>,
}

impl Csr {
    /// Of edges that `edges` gives, twice the same.
    pub fn from_edges<I: Iterator<Item = (u32, u32)>>(nodes: usize, edges: impl Fn() -> I) -> Csr {
        let mut offsets = vec![0u32; nodes.saturating_add(1)];
        edges().for_each(|(from, _)| {
            if let Some(count) = offsets.get_mut(from as usize) {
                *count = count.wrapping_add(1);
            }
        });
        let mut sum = 0u32;
        for offset in &mut offsets {
            sum = sum.saturating_add(*offset);
            *offset = sum;
        }
        // Each row is filled from its end, so that its offset is its start when it is full.
        let mut targets = vec![0u32; sum as usize];
        edges().for_each(|(from, to)| {
            if let Some(place) = offsets.get_mut(from as usize) {
                *place = place.wrapping_sub(1);
                if let Some(target) = targets.get_mut(*place as usize) {
                    *target = to;
                }
            }
        });
        Csr { offsets, targets }
    }

    /// Number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of edges.
    #[must_use]
    pub fn edges(&self) -> usize {
        self.targets.len()
    }

    /// Where the edges of a node lead.
    #[inline]
    #[must_use]
    pub fn of(&self, node: u32) -> &[u32] {
        let at = node as usize;
        let range = self.offsets.get(at).zip(self.offsets.get(at.wrapping_add(1)));
        range.and_then(|(start, end)| self.targets.get(*start as usize..*end as usize)).unwrap_or_default()
    }
}

/// All references of a heap, and its roots. Weak references are no edges.
#[derive(Debug)]
pub struct Graph {
    edges: Csr,
    references: usize,
    /// Objects that refer to others or are large, and those that several references lead to.
    inner: Bits,
    /// Objects that a reference leads to.
    seen: Bits,
    /// Objects that modules and frames name, sorted.
    named: Vec<ObjectId>,
    /// The roots, those that say most first.
    pub roots: Vec<Root>,
}

/// A larger object than this has a part of its own in what is kept alive.
pub(super) const SMALL: u64 = 512;

/// A set of nodes.
#[derive(Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn new(nodes: usize) -> Bits {
        Bits(vec![0; (nodes / 64).saturating_add(1)])
    }

    #[inline]
    pub(super) fn has(&self, node: u32) -> bool {
        self.0.get(node as usize / 64).is_some_and(|word| word >> (node % 64) & 1 == 1)
    }

    /// Whether it was there already.
    #[inline]
    pub(super) fn insert(&mut self, node: u32) -> bool {
        let Some(word) = self.0.get_mut(node as usize / 64) else { return true };
        let had = *word >> (node % 64) & 1 == 1;
        *word |= 1 << (node % 64);
        had
    }
}

/// More edges than this are not kept: positions have 32 bits.
const MAX_EDGES: usize = u32::MAX as usize;

impl Graph {
    /// Reads the references of all objects. The last node is one that refers to all roots.
    #[must_use]
    pub fn new(state: &HeapState<'_>, roots: Vec<Root>) -> Graph {
        let objects = state.objects();
        let nodes = objects.len().saturating_add(1);
        let mut offsets = Vec::with_capacity(nodes.saturating_add(1));
        let mut targets: Vec<u32> = Vec::new();
        let (mut inner, mut seen) = (Bits::new(nodes), Bits::new(nodes));
        offsets.push(0u32);
        let edges = state.edges();
        for (id, found) in objects.iter().enumerate() {
            let before = targets.len();
            if let Some(shape) = state.shape(found.type_id)
                && !state.view.is_over()
                && before < MAX_EDGES.saturating_sub(1 << 24)
            {
                edges.each(found.addr, shape, &mut |via, to| {
                    if via != Via::Weak
                        && let Some(id) = objects.at(to)
                    {
                        targets.push(id);
                    }
                });
            }
            for to in targets.get(before..).unwrap_or_default() {
                if seen.insert(*to) {
                    inner.insert(*to);
                }
            }
            if targets.len() > before || state.size(found) > SMALL {
                inner.insert(id as u32);
            }
            offsets.push(targets.len() as u32);
        }
        if !state.collected.coverage.time_over && state.view.is_over() {
            let text = "the time was over while references were followed: some are missing, and with them what they keep alive";
            state.diagnostics.push(time_over(text));
        }
        offsets.push(targets.len() as u32);
        let mut named: Vec<ObjectId> = roots.iter().filter(|root| root.group <= 1).map(|root| root.object).collect();
        named.sort_unstable();
        named.dedup();
        let mut graph = Graph { edges: Csr { offsets, targets }, references: 0, inner, seen, named, roots: Vec::new() };
        graph.add_roots(roots);
        graph
    }

    /// Edges from the node that refers to all roots.
    fn add_roots(&mut self, roots: Vec<Root>) {
        for root in &roots {
            if self.seen.insert(root.object) {
                self.inner.insert(root.object);
            }
        }
        self.edges.targets.extend(roots.iter().map(|root| root.object));
        if let Some(last) = self.edges.offsets.last_mut() {
            *last = self.edges.targets.len() as u32;
        }
        self.references = self.edges.edges();
        self.roots.extend(roots);
    }

    /// Number of references.
    #[must_use]
    pub fn references(&self) -> usize {
        self.references
    }

    /// To what an object refers.
    #[must_use]
    pub fn references_of(&self, object: ObjectId) -> &[ObjectId] {
        self.edges.of(object)
    }

    /// Whether a module or a variable of a frame is this very object.
    pub(super) fn is_named(&self, object: ObjectId) -> bool {
        self.named.binary_search(&object).is_ok()
    }

    /// The node that refers to all roots.
    fn start(&self) -> u32 {
        self.edges.len().saturating_sub(1) as u32
    }

    /// Shortest ways from roots to all objects; the roots of the first group before all others.
    #[must_use]
    pub fn paths(&self) -> Paths {
        let mut paths = Paths { from: vec![NONE; self.edges.len()], start: self.start() };
        let mut groups: Vec<u8> = self.roots.iter().map(|root| root.group).collect();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            self.follow(&mut paths, self.roots.iter().filter(|root| root.group == group));
        }
        paths
    }

    /// Follows references from roots to what no way leads to yet.
    fn follow<'r>(&self, paths: &mut Paths, roots: impl Iterator<Item = &'r Root>) {
        let mut queue = VecDeque::new();
        let start = self.start();
        let from = &mut paths.from;
        for root in roots {
            if let Some(place) = from.get_mut(root.object as usize).filter(|place| **place == NONE) {
                *place = start;
                queue.push_back(root.object);
            }
        }
        while let Some(node) = queue.pop_front() {
            for next in self.edges.of(node) {
                if let Some(place) = from.get_mut(*next as usize).filter(|place| **place == NONE) {
                    *place = node;
                    queue.push_back(*next);
                }
            }
        }
    }

    /// Adds roots, and ways from them to what `paths` does not reach.
    pub fn add(&mut self, paths: &mut Paths, roots: Vec<Root>) {
        self.follow(paths, roots.iter());
        self.add_roots(roots);
    }

    /// What each object keeps alive.
    #[must_use]
    pub(super) fn dominators(&self) -> Dominators {
        dominators(&self.edges, self.start(), |node| !self.inner.has(node))
    }

    /// The same, and the references are gone then: they take half of the memory that there is need for.
    pub(super) fn keep_dominators(&mut self) -> Dominators {
        let (start, edges) = (self.start(), std::mem::take(&mut self.edges));
        dominators(edges, start, |node| !self.inner.has(node))
    }
}

/// Shortest ways from roots.
#[derive(Debug)]
pub struct Paths {
    from: Vec<u32>,
    start: u32,
}

impl Paths {
    /// The objects from a root to `object`, both included; empty when no root leads to it.
    #[must_use]
    pub fn to(&self, object: ObjectId) -> Vec<ObjectId> {
        let mut path = vec![object];
        loop {
            let last = path.last().copied().unwrap_or(NONE);
            match self.from.get(last as usize).copied() {
                Some(NONE) | None => return Vec::new(),
                Some(start) if start == self.start => break,
                Some(before) => path.push(before),
            }
        }
        path.reverse();
        path
    }

    /// The object before this one on the shortest way to it; `None` for what a root leads to, or none.
    #[must_use]
    pub fn before(&self, object: ObjectId) -> Option<ObjectId> {
        self.from.get(object as usize).copied().filter(|from| *from != NONE && *from != self.start)
    }

    /// Whether a root leads to it.
    #[must_use]
    pub fn is_reached(&self, object: ObjectId) -> bool {
        self.from.get(object as usize).is_some_and(|from| *from != NONE)
    }
}
