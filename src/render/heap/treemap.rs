//! Where the nodes of a picture are drawn: a squarified treemap (Bruls, Huizing, van Wijk), and rows of a flame graph.

use crate::model::heap::HeapTree;
use std::cmp::Reverse;

/// A rectangle in parts of the whole picture, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub h: f64,
}

/// A node and where it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placed {
    /// Index of the node.
    pub node: usize,
    pub rect: Rect,
    /// Level below the whole.
    pub depth: u32,
}

/// The whole picture.
const WHOLE: Rect = Rect { x: 0.0, y: 0.0, w: 1.0, h: 1.0 };
/// Deepest level that a treemap shows.
const LEVELS: u32 = 4;
/// Narrower or lower than this a box is not divided.
const LEAST: f64 = 0.03;

/// Children of each node, the largest first.
fn children(tree: &HeapTree) -> Vec<Vec<usize>> {
    let mut lists = vec![Vec::new(); tree.nodes.len()];
    for (at, node) in tree.nodes.iter().enumerate() {
        if let Some(list) = node.parent.and_then(|parent| lists.get_mut(parent as usize)) {
            list.push(at);
        }
    }
    for list in &mut lists {
        list.sort_by_key(|at| (Reverse(bytes(tree, *at)), *at));
    }
    lists
}

fn bytes(tree: &HeapTree, at: usize) -> u64 {
    tree.nodes.get(at).map_or(0, |node| node.bytes)
}

/// Boxes in boxes: areas are as the bytes. `label` is the height of a box's label, as a part of the whole picture.
pub(super) fn treemap(tree: &HeapTree, label: f64) -> Vec<Placed> {
    let lists = children(tree);
    let mut placed = Vec::new();
    let mut todo = vec![Placed { node: 0, rect: WHOLE, depth: 0 }];
    while let Some(from) = todo.pop() {
        let Some(list) = lists.get(from.node).filter(|list| !list.is_empty()) else { continue };
        let Rect { x, y, w, h } = from.rect;
        let inside = match from.depth {
            0 => from.rect,
            _ if w < LEAST || h < label + LEAST => continue,
            _ => Rect { x, y: y + label, w, h: h - label },
        };
        let values: Vec<f64> = list.iter().map(|at| bytes(tree, *at) as f64).collect();
        let whole = (bytes(tree, from.node) as f64).max(values.iter().sum());
        for (node, rect) in list.iter().zip(squarify(&values, whole, inside)) {
            let next = Placed { node: *node, rect, depth: from.depth.saturating_add(1) };
            placed.push(next);
            if next.depth < LEVELS {
                todo.push(next);
            }
        }
    }
    // What is inside is drawn over what it is in.
    placed.sort_by_key(|placed| placed.depth);
    placed
}

/// Rectangles for falling `values`, which are parts of `whole`, in rows along the shorter side.
fn squarify(values: &[f64], whole: f64, mut free: Rect) -> Vec<Rect> {
    let mut out = Vec::with_capacity(values.len());
    if whole <= 0.0 {
        return out;
    }
    let scale = free.w * free.h / whole;
    let mut at = 0;
    while at < values.len() {
        let side = free.w.min(free.h);
        // As many as make the row's boxes better, not worse.
        let (mut count, mut sum, mut worst) = (0usize, 0.0, f64::INFINITY);
        for value in values.iter().skip(at) {
            let with = sum + value * scale;
            let first = values.get(at).copied().unwrap_or(0.0) * scale;
            let ratio = ratio(first, with, side).max(ratio(value * scale, with, side));
            if count > 0 && ratio > worst {
                break;
            }
            (count, sum, worst) = (count.saturating_add(1), with, ratio);
        }
        let depth = if side > 0.0 { sum / side } else { 0.0 };
        let (mut x, mut y) = (free.x, free.y);
        for value in values.iter().skip(at).take(count) {
            let length = if depth > 0.0 { value * scale / depth } else { 0.0 };
            if free.w <= free.h {
                out.push(Rect { x, y, w: length, h: depth });
                x += length;
            } else {
                out.push(Rect { x, y, w: depth, h: length });
                y += length;
            }
        }
        free = match free.w <= free.h {
            true => Rect { y: free.y + depth, h: (free.h - depth).max(0.0), ..free },
            false => Rect { x: free.x + depth, w: (free.w - depth).max(0.0), ..free },
        };
        at = at.saturating_add(count.max(1));
    }
    out
}

/// How far a box of an area is from a square, in a row of areas of this sum along a side.
fn ratio(area: f64, sum: f64, side: f64) -> f64 {
    if area <= 0.0 || sum <= 0.0 || side <= 0.0 {
        return f64::INFINITY;
    }
    let (depth, length) = (sum / side, area * side / sum);
    (depth / length).max(length / depth)
}

/// Rows below rows: widths are as the bytes, `y` and `h` count rows.
pub(super) fn flame(tree: &HeapTree) -> Vec<Placed> {
    let lists = children(tree);
    let whole = bytes(tree, 0).max(1) as f64;
    let mut placed = Vec::new();
    let mut todo = vec![Placed { node: 0, rect: WHOLE, depth: 0 }];
    while let Some(from) = todo.pop() {
        placed.push(from);
        let mut x = from.rect.x;
        for node in lists.get(from.node).into_iter().flatten() {
            let depth = from.depth.saturating_add(1);
            let w = bytes(tree, *node) as f64 / whole;
            todo.push(Placed { node: *node, rect: Rect { x, y: f64::from(depth), w, h: 1.0 }, depth });
            x += w;
        }
    }
    placed.sort_by(|a, b| a.depth.cmp(&b.depth).then_with(|| a.rect.x.total_cmp(&b.rect.x)));
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::heap::HeapTreeNode;

    fn tree(nodes: &[(Option<u32>, u64)]) -> HeapTree {
        let node = |(parent, bytes): &(Option<u32>, u64)| HeapTreeNode {
            parent: *parent,
            bytes: *bytes,
            ..HeapTreeNode::default()
        };
        HeapTree { nodes: nodes.iter().map(node).collect() }
    }

    #[test]
    fn areas_of_boxes_are_as_the_bytes_and_none_is_over_another() {
        let sizes = [6000, 6000, 4000, 3000, 2000, 2000, 1000];
        let mut nodes = vec![(None, 24000)];
        nodes.extend(sizes.iter().map(|bytes| (Some(0), *bytes)));
        let placed = treemap(&tree(&nodes), 0.03);
        assert_eq!(placed.len(), 7);
        for (index, a) in placed.iter().enumerate() {
            let area = a.rect.w * a.rect.h;
            assert!((area - nodes[a.node].1 as f64 / 24000.0).abs() < 1e-9, "{a:?}");
            assert!(a.rect.x >= -1e-9 && a.rect.x + a.rect.w <= 1.0 + 1e-9);
            assert!(a.rect.y >= -1e-9 && a.rect.y + a.rect.h <= 1.0 + 1e-9);
            assert!((a.rect.w / a.rect.h).max(a.rect.h / a.rect.w) < 5.0, "far from a square: {a:?}");
            for b in &placed[index + 1..] {
                let apart = a.rect.x + a.rect.w <= b.rect.x + 1e-9
                    || b.rect.x + b.rect.w <= a.rect.x + 1e-9
                    || a.rect.y + a.rect.h <= b.rect.y + 1e-9
                    || b.rect.y + b.rect.h <= a.rect.y + 1e-9;
                assert!(apart, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn rows_of_a_flame_graph_are_inside_the_row_above() {
        let tree = tree(&[(None, 100), (Some(0), 60), (Some(0), 30), (Some(1), 50), (Some(3), 50), (Some(1), 5)]);
        let placed = flame(&tree);
        assert_eq!(placed.iter().map(|p| p.node).collect::<Vec<_>>(), [0, 1, 2, 3, 5, 4]);
        for at in &placed {
            let Some(parent) = tree.nodes[at.node].parent else { continue };
            let above = placed.iter().find(|p| p.node == parent as usize).unwrap();
            assert!(at.rect.x >= above.rect.x - 1e-9);
            assert!(at.rect.x + at.rect.w <= above.rect.x + above.rect.w + 1e-9);
            assert_eq!(at.depth, above.depth + 1);
        }
    }

    #[test]
    fn an_empty_picture_is_empty() {
        assert!(treemap(&HeapTree::default(), 0.03).is_empty());
        assert!(treemap(&tree(&[(None, 0), (Some(0), 0)]), 0.03).is_empty());
        assert_eq!(flame(&HeapTree::default()).len(), 1);
    }
}
