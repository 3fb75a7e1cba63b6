//! Facts of operating systems, each in one place: what a number, a name or a layout of the kernel means, whatever file
//! it was read from. Knows nothing of files, processes or processors.

pub mod linux;
pub mod macos;
pub mod windows;

/// Addresses below this are NULL and an offset: nothing is ever mapped there (Linux `vm.mmap_min_addr`, by default 64 KiB;
/// Windows keeps the first 64 KiB free in every process).
pub const NULL_AREA: u64 = 64 << 10;
