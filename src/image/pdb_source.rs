//! A PDB in memory for `pdb2`, and what guards against that crate on damaged files.

use pdb_addr2line::pdb::{Source, SourceSlice, SourceView};
use std::io;
use std::thread;

/// Name of the threads on which a panic is an answer ([`guarded`]): a program's panic hook should say nothing of those.
pub const GUARDED_THREAD: &str = "pdb reader";

/// Stack of such a thread: that of a main thread.
const STACK: usize = 8 << 20;

/// What `read` gives, or what is wrong with the PDB.
///
/// The crate indexes without checks in places: on a damaged file it may panic (seen: pdb2 0.10, inlinee lines). It
/// gets a copy of everything and keeps nothing, so nothing is left half done. It runs on a thread of its own, whose name
/// distinguishes its panics from others.
///
/// # Errors
/// Those of `read`, and where it panics.
pub(crate) fn guarded<T: Send, E: ToString>(read: impl FnOnce() -> Result<T, E> + Send) -> Result<T, String> {
    let read = || read().map_err(|e| e.to_string());
    thread::scope(|scope| {
        let named = thread::Builder::new().name(GUARDED_THREAD.to_owned()).stack_size(STACK);
        let running = named.spawn_scoped(scope, read).map_err(|e| format!("no thread to read it on: {e}"))?;
        running.join().map_err(|_| "its tables contradict each other".to_owned())?
    })
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

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_answer() {
        let damaged = guarded(|| -> Result<(), String> {
            assert_eq!(thread::current().name(), Some(GUARDED_THREAD));
            panic!("as pdb2 does")
        });
        assert_eq!(damaged, Err("its tables contradict each other".to_owned()));
        assert_eq!(guarded(|| Err::<(), _>("as it was told")), Err("as it was told".to_owned()));
        assert_eq!(guarded(|| Ok::<_, String>(7)), Ok(7));
    }
}
