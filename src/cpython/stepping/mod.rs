//! Stepping through Python code from outside: which words of the process change as a thread runs it ([`Place`]), and which of
//! these changes begin a line ([`Lines`]).
//!
//! CPython stores the instruction that a frame is at before it carries it out, and in the thread state which frame runs. Who
//! watches both sees each instruction, call and return, without a breakpoint in any code.

mod lines;
mod place;

pub use lines::{Lines, Reached};
pub use place::{Place, Running, Word, place};
