//! Makes the tree of a value with what is in it.

use super::{Options, values};
use crate::base::Addr;
use crate::cpython::object::{self, AttributeSource, Heap, Repr, inspect_shown, repr};
use crate::model::values::{Attribute, Item, Tree};

/// Values in one tree; more are left out, and the tree says so.
const MAX_NODES: usize = 5000;

/// The tree of the object at `addr`, within the limits of the options.
#[must_use]
pub fn tree(heap: &Heap<'_>, addr: Addr, options: &Options) -> Tree {
    Growth { heap, options, left: MAX_NODES, above: Vec::new() }.node(addr, repr(heap, addr, &options.limits.repr))
}

/// The tree of an object, or of what Python would make one of.
#[must_use]
pub fn contents(heap: &Heap<'_>, value: &object::Value, options: &Options) -> Tree {
    match value {
        object::Value::Object(addr) => tree(heap, *addr, options),
        made => leaf(made.show(heap, &options.limits.repr)),
    }
}

/// A value that nothing more is known of.
pub(super) fn leaf(shown: Repr) -> Tree {
    Tree { value: values::made(shown), ..Tree::default() }
}

struct Growth<'h, 'a> {
    heap: &'h Heap<'a>,
    options: &'h Options,
    left: usize,
    /// The objects that this one is in, outermost first.
    above: Vec<Addr>,
}

impl Growth<'_, '_> {
    /// A part that `later` others follow: it may take its share of what is left, so that the first ones do not eat up all of it.
    fn part(&mut self, addr: Addr, shown: Repr, later: usize) -> Tree {
        let share = self.left.checked_div(later.saturating_add(1)).unwrap_or(self.left).max(1).min(self.left);
        let others = self.left.saturating_sub(share);
        self.left = share;
        let tree = self.node(addr, shown);
        self.left = self.left.saturating_add(others);
        tree
    }

    /// A number of an array: nothing is in it.
    fn leaf(&mut self, shown: Repr) -> Tree {
        self.left = self.left.saturating_sub(1);
        leaf(shown)
    }

    fn node(&mut self, addr: Addr, shown: Repr) -> Tree {
        self.left = self.left.saturating_sub(1);
        let limits = &self.options.limits.repr;
        let details = inspect_shown(self.heap, addr, shown, limits);
        let mut tree = Tree {
            value: values::shown(self.heap, addr, details.repr, self.options),
            length: details.length,
            attributes: Vec::new(),
            items: Vec::new(),
            problems: details.problems,
            cut: false,
        };
        if details.attributes.is_empty() && details.items.is_empty() {
            return tree;
        }
        let deep = u32::try_from(self.above.len()).is_ok_and(|depth| depth >= limits.depth);
        if deep || self.left == 0 || self.above.contains(&addr) {
            tree.cut = true;
            return tree;
        }
        self.above.push(addr);
        let listed = details.items.len() as u64;
        tree.cut = details.more_attributes || listed > 0 && details.length.is_some_and(|length| length > listed);
        let (mut fields, mut items) = (details.attributes.into_iter(), details.items.into_iter());
        while let Some(field) = fields.next() {
            if self.left == 0 {
                tree.cut = true;
                break;
            }
            // What native types keep in fields (the globals of a function) leads everywhere.
            if field.source == AttributeSource::Field && self.above.len() > 1 {
                continue;
            }
            let later = fields.len().saturating_add(items.len());
            tree.attributes.push(Attribute { name: field.name, value: self.part(field.addr, field.value, later) });
        }
        while let Some(item) = items.next() {
            if self.left == 0 {
                tree.cut = true;
                break;
            }
            let key = item.key.map(|(key, repr)| values::shown(self.heap, key, repr, self.options));
            let value = match item.addr {
                Some(addr) => self.part(addr, item.value, items.len()),
                None => self.leaf(item.value),
            };
            tree.items.push(Item { key, value });
        }
        self.above.pop();
        tree
    }
}
