//! Native stacks: unwinding by call frame information, and names and lines for what was found.
//!
//! Works on a [`crate::debuggee::Target`] and its images; knows nothing of CPython.

mod arena;
pub mod arguments;
pub mod code;
mod copies;
pub mod dwarf;
mod fallback;
mod line_cache;
mod modules;
pub mod names;
pub mod pdb;
mod pe;
mod pe_epilogue;
pub mod regfile;
mod row;
pub mod signal_frame;
pub mod straight;
pub mod symbolize;
mod tables;
mod units;
pub mod unwind;
pub mod wait;

pub use modules::ModuleTables;
