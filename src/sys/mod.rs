//! The operating system behind safe functions: the only module with unsafe code.
#![allow(unsafe_code)]

mod map_temp;
mod mmap;
mod process_vm;
mod ptrace;

pub use map_temp::map_temp;
pub use mmap::map_file;
pub use process_vm::ProcessMemory;
pub use ptrace::{RawRegisters, Stopped, thread_ids};
