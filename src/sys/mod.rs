//! The operating system behind safe functions: the only module with unsafe code.
#![allow(unsafe_code)]

#[cfg(feature = "sandbox")]
pub mod child;
mod map_temp;
mod mmap;
mod place;
#[cfg(feature = "live")]
mod process_vm;
#[cfg(feature = "live")]
mod ptrace;
#[cfg(feature = "sandbox")]
pub mod sandbox;

pub use map_temp::map_temp;
pub use mmap::{map_file, map_opened};
pub use place::{Place, mapped};
#[cfg(feature = "live")]
pub use process_vm::{ProcessMemory, share_memory};
#[cfg(feature = "live")]
pub use ptrace::{Patience, Stopped, thread_ids, while_stopped};
