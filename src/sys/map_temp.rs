//! Read-only maps of our own temporary files.

use memmap2::Mmap;
use std::fs::File;
use std::io;

/// Maps a file that only we have: it has no name any more and nobody else writes to it.
///
/// # Errors
/// What the system says.
pub fn map_temp(file: &File) -> io::Result<Mmap> {
    // SAFETY: read-only map of an unlinked file that is written to no more. Bytes have no invalid values.
    unsafe { Mmap::map(file) }
}
