//! The operating system behind safe functions: the only module with unsafe code.
#![allow(unsafe_code)]

#[cfg(unix)]
mod alarm;
#[cfg(all(feature = "sandbox", target_os = "linux"))]
pub mod child;
pub mod files;
pub mod limits;
mod map_temp;
mod mmap;
mod place;
#[cfg(all(feature = "live", target_os = "linux"))]
mod process_vm;
#[cfg(all(feature = "live", target_os = "linux"))]
mod ptrace;
#[cfg(feature = "sandbox")]
pub mod sandbox;
#[cfg(all(feature = "live", target_os = "linux"))]
mod sock_diag;

#[cfg(unix)]
pub use alarm::Alarm;
pub use map_temp::map_temp;
pub use mmap::{map_bytes, map_file, map_opened};
pub use place::{Place, mapped};
#[cfg(all(feature = "live", target_os = "linux"))]
pub use process_vm::{ProcessMemory, share_memory};
#[cfg(all(feature = "live", target_os = "linux"))]
pub use ptrace::{Patience, Stopped, thread_ids, while_stopped};
#[cfg(all(feature = "live", target_os = "linux"))]
pub use sock_diag::sock_diag;
