//! The operating system behind safe functions: the only module with unsafe code.
#![allow(unsafe_code)]

mod map_temp;
mod mmap;
#[cfg(feature = "live")]
mod process_vm;
#[cfg(feature = "live")]
mod ptrace;

pub use map_temp::map_temp;
pub use mmap::map_file;
#[cfg(feature = "live")]
pub use process_vm::ProcessMemory;
#[cfg(feature = "live")]
pub use ptrace::{RawRegisters, Stopped, thread_ids};
