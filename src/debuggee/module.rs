//! [`Module`]: an executable or library mapped into the process.

use crate::base::Addr;
use std::fmt;

/// A build identifier: GNU build-id bytes, or a PE/PDB debug id.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BuildId(pub Vec<u8>);

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One mapped piece of a file (NT_FILE entry, /proc/PID/maps line).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First address.
    pub start: Addr,
    /// First address after it.
    pub end: Addr,
    /// Offset in the file, in bytes.
    pub file_offset: u64,
}

/// An executable or library mapped into the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Path as the process saw it. Bytes that are not UTF-8 are replaced.
    pub path: String,
    /// Address of the first byte of the file image (ELF header, PE header).
    pub base: Addr,
    /// First address after the last mapping.
    pub end: Addr,
    /// Build identifier, read from the memory image or the dump's module list.
    pub build_id: Option<BuildId>,
    /// Its mappings, sorted by start.
    pub mappings: Vec<Mapping>,
    /// Version resource text, in dumps that carry one (minidump).
    pub version: Option<String>,
    /// Whether this is the main executable.
    pub is_main: bool,
}

impl Module {
    /// Last part of the path, after `/` or `\`.
    #[must_use]
    pub fn file_name(&self) -> &str {
        crate::base::file_name(&self.path)
    }

    /// Whether `addr` lies in one of its mappings.
    #[must_use]
    pub fn contains(&self, addr: Addr) -> bool {
        self.mappings.iter().any(|m| m.start <= addr && addr < m.end)
    }
}
