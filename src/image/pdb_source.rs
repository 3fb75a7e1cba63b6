//! A PDB in memory for `pdb2`, and what guards against that crate on damaged files.

use pdb_addr2line::pdb::{Source, SourceSlice, SourceView};
use std::cell::Cell;
use std::io;
use std::panic::{self, UnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Whether this thread is inside of [`guarded`].
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What `read` gives, or what is wrong with the PDB.
///
/// The crate indexes without checks in places: on a damaged file it may panic (seen: pdb2 0.10, inlinee lines). It
/// gets a copy of everything and keeps nothing, so nothing is left half done.
///
/// # Errors
/// Those of `read`, and where it panics.
pub(crate) fn guarded<T, E: ToString>(read: impl FnOnce() -> Result<T, E> + UnwindSafe) -> Result<T, String> {
    hush();
    let outer = GUARDED.replace(true);
    let caught = catch_unwind(read);
    GUARDED.set(outer);
    caught.map_err(|_| "its tables contradict each other".to_owned())?.map_err(|e| e.to_string())
}

type Hook = Box<dyn Fn(&panic::PanicHookInfo<'_>) + Send + Sync>;

/// Panics inside of [`guarded`] are no news: nothing is printed of them (and a fuzzer, whose hook ends the process,
/// goes on). All others go to the hook that was there.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| panic::set_hook(but_guarded(panic::take_hook())));
}

fn but_guarded(hook: Hook) -> Hook {
    Box::new(move |info| {
        if !GUARDED.get() {
            hook(info);
        }
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Other tests of this process may panic meanwhile, on threads of their own.
    #[test]
    fn only_panics_outside_reach_the_hook() {
        let this = std::thread::current().id();
        let seen = Arc::new(AtomicUsize::new(0));
        let (count, hook) = (Arc::clone(&seen), panic::take_hook());
        panic::set_hook(but_guarded(Box::new(move |info| match std::thread::current().id() == this {
            true => drop(count.fetch_add(1, Ordering::Relaxed)),
            false => hook(info),
        })));
        let damaged = guarded(|| -> Result<(), String> { panic!("as pdb2 does") });
        assert_eq!(damaged, Err("its tables contradict each other".to_owned()));
        assert_eq!(seen.load(Ordering::Relaxed), 0);
        assert_eq!(guarded(|| Err::<(), _>("as it was told")), Err("as it was told".to_owned()));
        let _ = catch_unwind(|| panic!("one of ours"));
        assert_eq!(seen.load(Ordering::Relaxed), 1);
    }
}
