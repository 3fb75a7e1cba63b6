//! [`Budget`]: how much work a walk over untrusted data may do.

use std::cell::Cell;

/// The budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit of {limit} {what} reached")]
pub struct Exhausted {
    /// What was counted, in the plural ("frames", "reads").
    pub what: &'static str,
    /// The limit.
    pub limit: u64,
}

/// A count that only falls. Every loop over target data spends from one.
#[derive(Debug)]
pub struct Budget {
    what: &'static str,
    limit: u64,
    left: Cell<u64>,
}

impl Budget {
    /// A budget of `limit` units of `what` (a plural noun for messages).
    #[must_use]
    pub fn new(what: &'static str, limit: u64) -> Self {
        Budget { what, limit, left: Cell::new(limit) }
    }

    /// Takes `n` units.
    ///
    /// # Errors
    /// [`Exhausted`] when fewer than `n` are left; what was left is then gone too, so that a walk that goes on
    /// after one refusal cannot dribble.
    pub fn spend(&self, n: u64) -> Result<(), Exhausted> {
        match self.left.get().checked_sub(n) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.left.set(0);
                Err(Exhausted { what: self.what, limit: self.limit })
            }
        }
    }

    /// Units left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left.get()
    }
}
