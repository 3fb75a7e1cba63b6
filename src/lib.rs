//! pyinquest explains dead and stuck CPython processes from the outside.
//!
//! The rooms, each of which imports only those before it (`docs/architecture.md`; a test holds it):
//!
//! - [`base`]: addresses, the target's ABI, budgets, diagnostics
//! - `sys`: the only unsafe code
//! - [`debuggee`]: one model of a stopped process, whatever it was read from
//! - [`slim`]: writes dumps that hold just the memory that a report reads
//! - [`image`]: files, sections and symbols of the modules
//! - [`model`]: the report as data
//! - [`cpython`]: Python's own state
//! - [`native`]: unwinding and symbols of native code
//! - [`heap`]: every object of a process, by type, size and reference
//! - [`stack`]: one merged stack for each thread
//! - [`findings`]: rules that name the cause
//! - [`engine`]: makes a report of a target
//! - [`render`]: the report as text, JSON, HTML, ...
//! - [`triage`]: many dumps, grouped by cause
//! - [`bridge`]: what gdb and lldb talk to
//! - [`cli`]: the program
//!
#![cfg_attr(
    not(all(feature = "cli", feature = "minidump", feature = "live", feature = "pdb")),
    allow(dead_code, unused_imports, reason = "helpers of the parts that are left out")
)]
pub mod base;
#[cfg(feature = "cli")]
pub mod bridge;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod cpython;
pub mod debuggee;
pub mod engine;
pub mod findings;
#[cfg(all(feature = "cli", feature = "minidump", feature = "pdb"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod heap;
pub mod image;
pub mod model;
pub mod native;
pub mod os;
pub mod render;
pub mod slim;
pub mod stack;
mod sys;
#[cfg(feature = "triage")]
pub mod triage;
