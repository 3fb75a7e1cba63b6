//! The operating system behind safe functions: the only module with unsafe code.
#![allow(unsafe_code)]

mod map_temp;
mod mmap;

pub use map_temp::map_temp;
pub use mmap::map_file;
