//! The operating system behind safe functions: the only module with unsafe code.
#![allow(unsafe_code)]

mod mmap;

pub use mmap::map_file;
