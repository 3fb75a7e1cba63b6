//! Dominators of a graph by the SEMI-NCA algorithm (Georgiadis, Tarjan, Werneck: Finding Dominators in Practice),
//! without recursion: the stack of the search and of path compression are arrays.
//!
//! Graphs have many millions of nodes, so nothing is kept that can be had from what there is: the parent of a node in the search is
//! the last of those before it that lead to it, and nodes that one edge leads to and none leads on from, which are the
//! most, have no part in the algorithm.

use super::graph::Csr;
use std::borrow::Borrow;

/// No node.
pub(super) const NONE: u32 = u32::MAX;
/// Marks the place of a leaf. No graph has this many nodes.
const LEAF: u32 = 1 << 31;

/// Where a node is in the dominator tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The start does not lead to it.
    Unreached,
    /// At this position in the order of the search.
    Inner(u32),
    /// Only the node at this position leads to it, and it leads nowhere.
    LeafOf(u32),
}

/// The dominator tree of what can be reached from a node.
#[derive(Debug)]
pub struct Dominators {
    /// Nodes in the order of the search, without leaves; the first is the start.
    pub order: Vec<u32>,
    /// For each position in `order` the position of the immediate dominator; 0 for the start itself.
    pub idom: Vec<u32>,
    /// By node its position; for a leaf that of its dominator, marked.
    places: Vec<u32>,
}

/// Dominators of all that is reached from `start`. `is_leaf` may say of a node without edges that no more than one edge leads to
/// it. A graph that is given away is freed before most of the memory for the work is taken.
#[must_use]
pub fn dominators(graph: impl Borrow<Csr>, start: u32, is_leaf: impl Fn(u32) -> bool) -> Dominators {
    let (places, count) = search(graph.borrow(), start, is_leaf);
    let preds = predecessors(graph.borrow(), &places, count);
    drop(graph);
    let parents = (0..count).map(|w| parent(&preds, w)).collect();
    let mut forest =
        Forest { above: parents, semi: (0..count).collect(), label: (0..count).collect(), stack: Vec::new() };
    for w in (1..count).rev() {
        let mut semi = get(&forest.above, w);
        for v in preds.of(w) {
            // Those before it are above it in the search, and not linked yet.
            semi = semi.min(if *v <= w { *v } else { forest.evaluate(*v, w.wrapping_add(1)) });
        }
        set(&mut forest.semi, w, semi);
    }
    let Forest { above: mut idom, semi, label, .. } = forest;
    drop(label);
    for w in 1..count {
        let mut candidate = parent(&preds, w);
        let limit = get(&semi, w);
        while candidate > limit {
            candidate = get(&idom, candidate);
        }
        set(&mut idom, w, candidate);
    }
    drop((preds, semi));
    let mut order = vec![start; count as usize];
    for (node, place) in places.iter().enumerate() {
        if *place < LEAF {
            set(&mut order, *place, node as u32);
        }
    }
    Dominators { order, idom, places }
}

impl Dominators {
    /// Where a node is.
    #[inline]
    pub(super) fn place(&self, node: u32) -> Place {
        match self.places.get(node as usize) {
            Some(place) if *place < LEAF => Place::Inner(*place),
            Some(place) if *place != NONE => Place::LeafOf(*place & !LEAF),
            _ => Place::Unreached,
        }
    }

    /// For each position in `order`, the sum of the weights of all that it dominates, its own included. `weights` are those
    /// of all nodes.
    #[must_use]
    pub fn sums(&self, weights: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut sums = vec![0u64; self.order.len()];
        for (node, weight) in weights.enumerate() {
            let (Place::Inner(at) | Place::LeafOf(at)) = self.place(node as u32) else { continue };
            if let Some(sum) = sums.get_mut(at as usize) {
                *sum = sum.saturating_add(weight);
            }
        }
        // A dominator is found before what it dominates.
        for w in (1..self.order.len()).rev() {
            let (own, above) = (sums.get(w).copied().unwrap_or(0), self.idom.get(w).copied().unwrap_or(0));
            if let Some(sum) = sums.get_mut(above as usize) {
                *sum = sum.saturating_add(own);
            }
        }
        sums
    }
}

#[inline]
fn get(list: &[u32], at: u32) -> u32 {
    list.get(at as usize).copied().unwrap_or(0)
}

#[inline]
fn set(list: &mut [u32], at: u32, value: u32) {
    if let Some(place) = list.get_mut(at as usize) {
        *place = value;
    }
}

/// A search in depth: the place of each node, and how many have positions.
fn search(graph: &Csr, start: u32, is_leaf: impl Fn(u32) -> bool) -> (Vec<u32>, u32) {
    let mut places = vec![NONE; graph.len()];
    set(&mut places, start, 0);
    let mut count = 1u32;
    // Node, and the next of its edges.
    let mut stack = vec![(start, 0u32)];
    while let Some((node, next)) = stack.last_mut() {
        let position = get(&places, *node);
        let rest = graph.of(*node).get(*next as usize..).unwrap_or_default();
        let mut deeper = None;
        for to in rest {
            *next = next.wrapping_add(1);
            match places.get_mut(*to as usize) {
                Some(place) if *place != NONE => {}
                Some(place) if is_leaf(*to) => *place = position | LEAF,
                Some(place) => {
                    *place = count;
                    deeper = Some(*to);
                    break;
                }
                None => {}
            }
        }
        match deeper {
            Some(to) => {
                count = count.wrapping_add(1);
                stack.push((to, 0));
            }
            None => {
                stack.pop();
            }
        }
    }
    (places, count)
}

/// Predecessors of each position, as positions.
fn predecessors(graph: &Csr, places: &[u32], count: u32) -> Csr {
    let edges = || {
        let inner = places.iter().enumerate().filter(|(_, place)| **place < LEAF);
        let all = inner.flat_map(|(node, from)| graph.of(node as u32).iter().map(move |to| (get(places, *to), *from)));
        all.filter(|(to, _)| *to < LEAF)
    };
    Csr::from_edges(count as usize, edges)
}

/// The node that one was found from: the last one before it that leads to it, as all of those are above it.
#[inline]
fn parent(preds: &Csr, w: u32) -> u32 {
    preds.of(w).iter().copied().filter(|v| *v < w).max().unwrap_or(0)
}

/// The forest of what was looked at, with compressed paths.
struct Forest {
    above: Vec<u32>,
    semi: Vec<u32>,
    label: Vec<u32>,
    stack: Vec<u32>,
}

impl Forest {
    /// The least semidominator on the way from `v` up to those linked, which are from `linked` on.
    #[inline]
    fn evaluate(&mut self, v: u32, linked: u32) -> u32 {
        if get(&self.above, v) >= linked {
            self.compress(v, linked);
        }
        get(&self.semi, get(&self.label, v))
    }

    #[inline(never)]
    fn compress(&mut self, v: u32, linked: u32) {
        self.stack.clear();
        let mut at = v;
        while get(&self.above, at) >= linked {
            self.stack.push(at);
            at = get(&self.above, at);
        }
        let mut best = get(&self.label, at);
        let top = get(&self.above, at);
        while let Some(node) = self.stack.pop() {
            set(&mut self.above, node, top);
            let own = get(&self.label, node);
            if get(&self.semi, best) < get(&self.semi, own) {
                set(&mut self.label, node, best);
            } else {
                best = own;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u32) -> u32 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as u32 % n
        }
    }

    fn reached(graph: &[Vec<u32>], without: Option<u32>) -> Vec<bool> {
        let mut seen = vec![false; graph.len()];
        let mut todo = if without == Some(0) { vec![] } else { vec![0u32] };
        while let Some(node) = todo.pop() {
            if !std::mem::replace(&mut seen[node as usize], true) {
                todo.extend(graph[node as usize].iter().filter(|n| Some(**n) != without));
            }
        }
        seen
    }

    /// What is lost with a node is what it dominates, by removing it and searching again.
    #[test]
    fn a_thousand_random_graphs_have_the_dominators_and_sums_of_a_naive_search() {
        let (mut random, mut with_leaves) = (Random(1), 0);
        for turn in 0..1000 {
            let fold = turn % 2 == 1;
            let nodes = 1 + random.below(24);
            let edges = random.below(nodes * 3 + 1);
            let mut graph = vec![Vec::new(); nodes as usize];
            for _ in 0..edges {
                graph[random.below(nodes) as usize].push(random.below(nodes));
            }
            let list: Vec<(u32, u32)> =
                (0..nodes).flat_map(|n| graph[n as usize].iter().map(move |t| (n, *t))).collect();
            let csr = Csr::from_edges(nodes as usize, || list.iter().copied());
            let to = |node: u32| list.iter().filter(|(_, to)| *to == node).count();
            let is_leaf = |node: u32| fold && graph[node as usize].is_empty() && to(node) <= 1;
            let found = dominators(&csr, 0, is_leaf);
            let weight = |node: u32| u64::from(node) + 1;
            let sums = found.sums((0..nodes).map(weight));
            let all = reached(&graph, None);
            let leaves: Vec<u32> = (0..nodes).filter(|n| matches!(found.place(*n), Place::LeafOf(_))).collect();
            assert_eq!(found.order.len() + leaves.len(), all.iter().filter(|seen| **seen).count());
            with_leaves += usize::from(!leaves.is_empty());
            for leaf in leaves {
                let Place::LeafOf(above) = found.place(leaf) else { unreachable!() };
                let above = found.order[above as usize];
                assert!(is_leaf(leaf) && !reached(&graph, Some(above))[leaf as usize]);
                assert!(graph[above as usize].contains(&leaf), "{leaf} of {graph:?}");
            }
            for (position, node) in found.order.iter().enumerate() {
                let left = reached(&graph, Some(*node));
                let lost = |n: &u32| all[*n as usize] && !left[*n as usize];
                let expected: u64 = (0..nodes).filter(lost).map(weight).sum();
                assert_eq!(sums[position], expected, "node {node} of {graph:?}");
                let above = found.order[found.idom[position] as usize];
                if position > 0 {
                    assert!(!reached(&graph, Some(above))[*node as usize], "{above} does not dominate {node}");
                }
            }
        }
        assert!(with_leaves > 100);
    }

    #[test]
    fn a_chain_of_a_million_nodes_needs_no_stack() {
        let nodes = 1_000_000u32;
        // Each refers to the next, and the last to all: the worst for compression of paths.
        let edges = || (0..nodes - 1).map(|n| (n, n + 1)).chain((0..nodes).map(|n| (nodes - 1, n)));
        let csr = Csr::from_edges(nodes as usize, edges);
        let found = dominators(csr, 0, |_| false);
        assert_eq!(found.sums(std::iter::repeat_n(1, nodes as usize))[0], u64::from(nodes));
        assert_eq!(found.idom[nodes as usize - 1], nodes - 2);
    }
}
