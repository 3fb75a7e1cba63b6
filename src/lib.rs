//! pyinquest explains dead and stuck CPython processes from the outside.
//!
//! The layers, each importing only those before it: [`base`], [`target`], `image`, [`cpython`] and `native`
//! (siblings), `stack`, `inquest`, `report`, and then `cli`, `bridge` and `triage`. See `docs/architecture.md`.
pub mod base;
pub mod cpython;
pub mod report;
mod sys;
pub mod target;
pub mod triage;
