//! A PDB in memory for `pdb2`, and what guards against that crate on damaged files.

use pdb_addr2line::pdb::{Source, SourceSlice, SourceView};
use std::io;
use std::panic::{UnwindSafe, catch_unwind};

/// What `read` gives, or what is wrong with the PDB.
///
/// The crate indexes without checks in places: on a damaged file it may panic (seen: pdb2 0.10, inlinee lines). It
/// gets a copy of everything and keeps nothing, so nothing is left half done.
///
/// # Errors
/// Those of `read`, and where it panics.
pub(crate) fn guarded<T, E: ToString>(read: impl FnOnce() -> Result<T, E> + UnwindSafe) -> Result<T, String> {
    catch_unwind(read).map_err(|_| "its tables contradict each other".to_owned())?.map_err(|e| e.to_string())
}

/// A PDB in memory, for the crate to copy pieces of.
#[derive(Debug)]
pub(crate) struct PdbBytes<'a>(pub(crate) &'a [u8]);

#[derive(Debug)]
struct Copied(Vec<u8>);

impl SourceView<'_> for Copied {
    fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl<'a> Source<'a> for PdbBytes<'a> {
    fn view(&mut self, slices: &[SourceSlice]) -> Result<Box<dyn SourceView<'a> + Send + Sync>, io::Error> {
        let damaged = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let mut out = Vec::new();
        for slice in slices {
            let start = usize::try_from(slice.offset).map_err(|_| damaged())?;
            let end = start.checked_add(slice.size).ok_or_else(damaged)?;
            let piece = self.0.get(start..end).ok_or_else(damaged)?;
            // No stream is larger than the file, whatever its page list says.
            if out.len().saturating_add(piece.len()) > self.0.len() {
                return Err(damaged());
            }
            out.extend_from_slice(piece);
        }
        Ok(Box::new(Copied(out)))
    }
}
