//! What threads of a process wait for, as far as Python knows it, and who has what they wait for.
//!
//! A sleeping thread shows one thing to the outside: the address of the word it sleeps on. Everything here starts from
//! that address and is believed only where an object that the thread has at hand holds it.

mod blocker;
mod with_blocks;

pub use blocker::{Asleep, Blocker, blocker, ends_with, makes_result};
pub(crate) use with_blocks::depth_at;
pub use with_blocks::{Block, entered, is_outside, managers};
