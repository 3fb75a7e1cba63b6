//! [`Tree`]: all objects in a tree that can be drawn: what belongs to one node and has one label is one node.

use super::dominators::NONE;
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// Deepest level; what is deeper belongs to its ancestor there.
const MAX_DEPTH: u32 = 40;
/// Most nodes; what would be in more belongs to the node above.
const MAX_NODES: usize = 1 << 20;

/// What objects of one node have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    /// It is this object alone.
    Object(u32),
    /// Their type.
    Type(u32),
    /// All the rest that has no way of its own.
    Other,
}

/// A node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Index of the node above, smaller than the own index; 0 for the first, which is the whole.
    pub parent: u32,
    /// What its objects have in common.
    pub label: Label,
    /// Level below the whole.
    pub depth: u32,
    /// Bytes of its objects, with those of the nodes below once the tree is finished.
    pub bytes: u64,
    /// How many objects are in it.
    pub objects: u64,
    /// The first of them; the largest number of its type for the whole, which has none.
    pub first: u32,
}

/// Objects by what is above them and what they are.
#[derive(Debug)]
pub struct Tree {
    /// The nodes, each after the one above it.
    pub nodes: Vec<Node>,
    index: HashMap<(u32, Label), u32, RandomState>,
}

impl Default for Tree {
    fn default() -> Self {
        let whole = Node { parent: 0, label: Label::Other, depth: 0, bytes: 0, objects: 0, first: NONE };
        Tree { nodes: vec![whole], index: HashMap::default() }
    }
}

impl Tree {
    /// Adds an object below a node; the node that it is in.
    pub fn add(&mut self, above: u32, label: Label, object: u32, bytes: u64) -> u32 {
        let depth = self.nodes.get(above as usize).map_or(0, |node| node.depth);
        let full = self.nodes.len() >= MAX_NODES && !self.index.contains_key(&(above, label));
        let at = match depth >= MAX_DEPTH || full {
            true => above,
            false => *self.index.entry((above, label)).or_insert_with(|| {
                let depth = depth.wrapping_add(1);
                self.nodes.push(Node { parent: above, label, depth, bytes: 0, objects: 0, first: object });
                self.nodes.len().wrapping_sub(1) as u32
            }),
        };
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.bytes = node.bytes.saturating_add(bytes);
            node.objects = node.objects.wrapping_add(1);
        }
        at
    }

    /// Adds the bytes of each node to those above it, and leaves out what has less than `least` with all that is below.
    #[must_use]
    pub fn finish(mut self, least: u64) -> Vec<Node> {
        for at in (1..self.nodes.len()).rev() {
            let Some(Node { parent, bytes, .. }) = self.nodes.get(at).copied() else { continue };
            if let Some(above) = self.nodes.get_mut(parent as usize) {
                above.bytes = above.bytes.saturating_add(bytes);
            }
        }
        let mut places = vec![NONE; self.nodes.len()];
        let mut kept: Vec<Node> = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let above = places.get(node.parent as usize).copied().unwrap_or(NONE);
            if at == 0 || (node.bytes >= least.max(1) && above != NONE) {
                if let Some(place) = places.get_mut(at) {
                    *place = kept.len() as u32;
                }
                kept.push(Node { parent: if at == 0 { 0 } else { above }, ..*node });
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_one_kind_below_one_node_are_one_node() {
        let mut tree = Tree::default();
        let cache = tree.add(0, Label::Object(7), 7, 10);
        for object in 10..20 {
            let session = tree.add(cache, Label::Type(3), object, 100);
            assert_eq!(tree.add(session, Label::Type(1), object + 100, 50), 3);
        }
        tree.add(0, Label::Type(9), 99, 1);
        let nodes = tree.finish(2);
        let shown: Vec<_> = nodes.iter().map(|n| (n.parent, n.label, n.bytes, n.objects, n.first)).collect();
        assert_eq!(
            shown,
            [
                (0, Label::Other, 1511, 0, NONE),
                (0, Label::Object(7), 1510, 1, 7),
                (1, Label::Type(3), 1500, 10, 10),
                (2, Label::Type(1), 500, 10, 110),
            ]
        );
    }

    #[test]
    fn a_long_chain_ends_at_the_deepest_level() {
        let mut tree = Tree::default();
        let mut above = 0;
        for object in 0..100_000 {
            above = tree.add(above, Label::Type(1), object, 1);
        }
        let nodes = tree.finish(0);
        assert_eq!(nodes.len(), MAX_DEPTH as usize + 1);
        assert_eq!((nodes[0].bytes, nodes.last().unwrap().bytes), (100_000, 100_000 - u64::from(MAX_DEPTH) + 1));
    }
}
