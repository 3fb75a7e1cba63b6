//! One stack per thread: Python frames and native frames merged.

pub mod build;
pub mod merge;
pub mod methods;
mod native_stack;
pub mod plumbing;
pub mod source;

pub use native_stack::{NativeStack, native_stacks};
