//! Native stacks: unwinding by call frame information, and names and lines for what was found.
//!
//! Works on a [`crate::debuggee::Target`] and its images; knows nothing of CPython.

mod aranges;
mod arena;
mod argument_tracking;
pub mod arguments;
pub mod demangle;
pub mod dwarf;
mod effects;
mod fallback;
pub mod futex;
pub mod jit;
mod modules;
pub mod pdb;
mod pe;
mod pe_epilogue;
mod perf_map;
pub mod regfile;
pub mod signal_frame;
pub mod symbolize;
#[cfg(test)]
mod synth_pe;
pub mod system_calls;
mod tables;
pub mod unwind;
mod unwind_row;
pub mod x86_64;

pub(crate) use effects::straight_to;
pub use modules::ModuleTables;
