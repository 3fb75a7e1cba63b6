//! [`Arena`]: keeps values alive behind a shared reference, so that others may borrow them while more are added.

use std::cell::OnceCell;

/// A list that only grows and whose values never move.
#[derive(Debug)]
pub struct Arena<T> {
    head: OnceCell<Box<Node<T>>>,
}

#[derive(Debug)]
struct Node<T> {
    value: T,
    next: OnceCell<Box<Node<T>>>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Arena { head: OnceCell::new() }
    }
}

impl<T> Arena<T> {
    /// Adds a value and lends it for as long as the arena lives.
    pub fn add(&self, value: T) -> &T {
        let mut slot = &self.head;
        while let Some(node) = slot.get() {
            slot = &node.next;
        }
        &slot.get_or_init(|| Box::new(Node { value, next: OnceCell::new() })).value
    }
}

/// Node by node: dropping a long list recursively would need a deep stack.
impl<T> Drop for Arena<T> {
    fn drop(&mut self) {
        let mut next = self.head.take();
        while let Some(mut node) = next {
            next = node.next.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arena;

    #[test]
    fn values_stay_while_more_are_added() {
        let arena = Arena::default();
        let first: &String = arena.add("first".to_owned());
        let all: Vec<&String> = (0..100).map(|i| arena.add(i.to_string())).collect();
        assert_eq!((first.as_str(), all.len(), all[99].as_str()), ("first", 100, "99"));
    }
}
