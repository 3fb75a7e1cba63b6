//! CPython's state, read from memory: locate the runtime, choose layouts, walk interpreters, threads, frames, objects.
//!
//! Assumes a [`crate::target::Target`] and nothing of native unwinding. Everything read is untrusted: each decoder
//! returns a [`DecodeError`] that names the address and the field.

mod context;
mod error;
pub mod layout;
pub mod version;

pub use context::Context;
pub use error::DecodeError;
pub use version::{BuildFlags, PyVersion, ReleaseLevel};
