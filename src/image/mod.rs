//! memory that the dump leaves out, symbols, sections, DWARF.
//!
//! [`Images::attach`] is cheap: it maps each file and looks at its first page. Everything else is read when asked for.

mod attach;
pub(crate) mod debug_file;
mod debuginfod;
pub(crate) mod decompress;
mod dynsym;
mod file_cache;
mod file_slice;
mod find;
mod host_file;
mod images;
mod modules_from_link_map;
mod own_boot;
#[cfg(feature = "pdb")]
pub(crate) mod pdb_file;
#[cfg(feature = "pdb")]
pub(crate) mod pdb_source;
pub mod pe;
mod pe_find;
mod perf_map;
mod symbols;
mod symtab;
#[cfg(test)]
mod tests;

pub use crate::model::FileStatus;
pub use debug_file::DebugOrigin;
pub use file_cache::FileCache;
pub use file_slice::FileBytes;
pub use find::{SearchOptions, Verification};
pub use images::{Image, ImageFormat, Images};
pub use perf_map::PerfMap;
pub use symbols::{SymbolAt, SymbolHit, SymbolSource};
