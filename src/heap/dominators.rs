//! Dominators of a graph by the SEMI-NCA algorithm (Georgiadis, Tarjan, Werneck: Finding Dominators in Practice),
//! without recursion: the stack of the search and of path compression are arrays.

use super::graph::Csr;

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// The dominator tree of what can be reached from a node.
#[derive(Debug)]
pub struct Dominators {
    /// Nodes in the order of the search; the first is the start.
    pub order: Vec<u32>,
    /// For each position in `order` the position of the immediate dominator; 0 for the start itself.
    pub idom: Vec<u32>,
}

/// Dominators of all that is reached from `start`.
#[must_use]
pub fn dominators(graph: &Csr, start: u32) -> Dominators {
    let Search { order, number, parent } = search(graph, start);
    let preds = predecessors(graph, &order, &number);
    drop(number);
    let count = order.len();
    let mut idom = parent.clone();
    let mut forest =
        Forest { parent, semi: (0..count as u32).collect(), label: (0..count as u32).collect(), stack: Vec::new() };
    for w in (1..count as u32).rev() {
        let mut semi = get(&forest.parent, w);
        for v in preds.of(w) {
            let u = forest.evaluate(*v, w.wrapping_add(1));
            semi = semi.min(get(&forest.semi, u));
        }
        set(&mut forest.semi, w, semi);
    }
    let semi = forest.semi;
    for w in 1..count as u32 {
        let mut candidate = get(&idom, w);
        let limit = get(&semi, w);
        while candidate > limit {
            candidate = get(&idom, candidate);
        }
        set(&mut idom, w, candidate);
    }
    Dominators { order, idom }
}

impl Dominators {
    /// For each position in `order`, the sum of the weights of all that it dominates, its own included.
    #[must_use]
    pub fn sums(&self, weight: impl Fn(u32) -> u64) -> Vec<u64> {
        let mut sums: Vec<u64> = self.order.iter().map(|node| weight(*node)).collect();
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

/// A search in depth.
struct Search {
    order: Vec<u32>,
    /// Position in `order` by node.
    number: Vec<u32>,
    /// Position of the node that it was found from, by position.
    parent: Vec<u32>,
}

fn search(graph: &Csr, start: u32) -> Search {
    let mut number = vec![NONE; graph.len()];
    let (mut order, mut parent) = (vec![start], vec![0u32]);
    set(&mut number, start, 0);
    // Node, its position, and the next of its edges.
    let mut stack = vec![(start, 0u32, 0usize)];
    while let Some((node, position, edge)) = stack.last_mut() {
        let Some(next) = graph.of(*node).get(*edge).copied() else {
            stack.pop();
            continue;
        };
        *edge = edge.wrapping_add(1);
        if number.get(next as usize) == Some(&NONE) {
            let found = order.len() as u32;
            set(&mut number, next, found);
            order.push(next);
            parent.push(*position);
            stack.push((next, found, 0));
        }
    }
    Search { order, number, parent }
}

/// Predecessors of each position, as positions.
fn predecessors(graph: &Csr, order: &[u32], number: &[u32]) -> Csr {
    let edges =
        || order.iter().enumerate().flat_map(|(from, node)| graph.of(*node).iter().map(move |to| (from as u32, *to)));
    Csr::from_edges(order.len(), || edges().map(|(from, to)| (get(number, to), from)))
}

/// The forest of what was looked at, with compressed paths.
struct Forest {
    parent: Vec<u32>,
    semi: Vec<u32>,
    label: Vec<u32>,
    stack: Vec<u32>,
}

impl Forest {
    /// The node with the least semidominator on the way from `v` up to those linked, which are from `linked` on.
    fn evaluate(&mut self, v: u32, linked: u32) -> u32 {
        if get(&self.parent, v) < linked {
            return get(&self.label, v);
        }
        self.stack.clear();
        let mut at = v;
        while get(&self.parent, at) >= linked {
            self.stack.push(at);
            at = get(&self.parent, at);
        }
        let mut above = at;
        let mut best = get(&self.label, at);
        while let Some(node) = self.stack.pop() {
            let up = get(&self.parent, above);
            set(&mut self.parent, node, up);
            let own = get(&self.label, node);
            if get(&self.semi, best) < get(&self.semi, own) {
                set(&mut self.label, node, best);
            } else {
                best = own;
            }
            above = node;
        }
        get(&self.label, v)
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
        let mut random = Random(1);
        for _ in 0..1000 {
            let nodes = 1 + random.below(24);
            let edges = random.below(nodes * 3 + 1);
            let mut graph = vec![Vec::new(); nodes as usize];
            for _ in 0..edges {
                graph[random.below(nodes) as usize].push(random.below(nodes));
            }
            let list: Vec<(u32, u32)> =
                (0..nodes).flat_map(|n| graph[n as usize].iter().map(move |t| (n, *t))).collect();
            let csr = Csr::from_edges(nodes as usize, || list.iter().copied());
            let found = dominators(&csr, 0);
            let weight = |node: u32| u64::from(node) + 1;
            let sums = found.sums(weight);
            let all = reached(&graph, None);
            assert_eq!(found.order.len(), all.iter().filter(|seen| **seen).count());
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
    }

    #[test]
    fn a_chain_of_a_million_nodes_needs_no_stack() {
        let nodes = 1_000_000u32;
        // Each refers to the next, and the last to all: the worst for compression of paths.
        let edges = || (0..nodes - 1).map(|n| (n, n + 1)).chain((0..nodes).map(|n| (nodes - 1, n)));
        let csr = Csr::from_edges(nodes as usize, edges);
        let found = dominators(&csr, 0);
        assert_eq!(found.sums(|_| 1)[0], u64::from(nodes));
        assert_eq!(found.idom[nodes as usize - 1], nodes - 2);
    }
}
