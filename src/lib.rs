//! pyinquest explains dead and stuck CPython processes from the outside.
//!
//! The layers, and what each of them may import, are in `docs/architecture.md`.
pub mod base;
pub mod bridge;
pub mod cli;
pub mod cpython;
pub mod debuggee;
pub mod engine;
pub mod findings;
#[doc(hidden)]
pub mod fuzzing;
pub mod image;
pub mod model;
pub mod native;
pub mod render;
pub mod slim;
pub mod stack;
mod sys;
pub mod triage;
