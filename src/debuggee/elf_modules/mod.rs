//! ELF modules in the memory of a process, found by three kinds of evidence: the list of mapped files
//! ([`from_mappings`]), the dynamic linker's own list ([`from_link_map`], [`from_main_image`]), ELF headers in memory ([`from_scan`]).
//!
//! Shared by every source of Linux processes; reads only memory, never files.

mod image;
mod link_map;
mod mapped;
mod scan;

pub use image::{ElfImage, build_id_in_notes};
pub use link_map::{from_link_map, from_main_image};
pub use mapped::{FileMapping, from_mappings};
pub use scan::from_scan;
