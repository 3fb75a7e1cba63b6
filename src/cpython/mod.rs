//! CPython's state, read from memory: locate the runtime, choose layouts, walk interpreters, threads, frames, objects.
//!
//! Assumes a [`crate::debuggee::Target`] and nothing of native unwinding. Everything read is untrusted: each decoder
//! returns a [`DecodeError`] that names the address and the field.

pub mod code;
mod context;
mod error;
pub mod frame;
pub mod layout;
pub mod locate;
pub mod object;
pub mod runtime;
pub mod stepping;
pub mod sync;
#[cfg(test)]
mod synth;
pub mod version;

pub use context::{Context, FieldRef};
pub use error::DecodeError;
pub use version::{BuildFlags, PyVersion, ReleaseLevel};
