//! [`BridgeMemory`]: the memory of the debugger's process, read by the page and kept until the process may have changed.
//!
//! What the process cannot write to comes from the files of its modules.

use super::link::Link;
use super::protocol::Ask;
use crate::base::Addr;
use crate::debuggee::{Backing, Memory, ReadError, ReadErrorKind};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// Bytes of a page: the unit of reads. Smaller than the pages of some machines, never larger.
const PAGE: u64 = 4096;

/// Pages kept at most (64 MiB); then all are dropped.
const MAX_PAGES: usize = 16 << 10;

/// Pages asked for at once at most (1 MiB).
const MAX_BATCH: usize = 256;

/// Bytes that are asked for together where all of the memory will be read. A power of two.
const AHEAD: u64 = 128 << 10;

/// Pages by address; `None` for one that is not readable as a whole.
type Pages = HashMap<u64, Option<Box<[u8]>>>;

/// The memory of the debugger's process.
#[derive(Clone, Debug)]
pub struct BridgeMemory {
    link: Arc<Link>,
    pages: Arc<Mutex<Pages>>,
    files: Arc<Mutex<Vec<Backing>>>,
    /// Whether pages around those that are read will be wanted too.
    ahead: Arc<AtomicBool>,
}

impl BridgeMemory {
    /// Memory behind `link`, nothing cached.
    #[must_use]
    pub fn new(link: Arc<Link>) -> Self {
        BridgeMemory { link, pages: Arc::default(), files: Arc::default(), ahead: Arc::default() }
    }

    /// Takes these parts of files, sorted by start, for what the process has in memory; no others any more.
    pub fn set_files(&self, files: Vec<Backing>) {
        if let Ok(mut old) = self.files.lock() {
            *old = files;
        }
    }

    /// Says whether all of the memory will be read: then more of it is asked for at once.
    pub fn set_ahead(&self, ahead: bool) {
        self.ahead.store(ahead, Ordering::Relaxed);
    }

    /// Fills `buf` from a file that has all of it.
    fn read_file(&self, addr: Addr, buf: &mut [u8]) -> Option<()> {
        let files = self.files.lock().ok()?;
        let at = files.partition_point(|b| b.start <= addr).checked_sub(1)?;
        let part = files.get(at)?;
        let inside = addr.distance_from(part.start)?;
        let end = inside.checked_add(buf.len() as u64).filter(|end| *end <= part.size)?;
        let place = |offset: u64| usize::try_from(part.offset.checked_add(offset)?).ok();
        buf.copy_from_slice(part.source.bytes().get(place(inside)?..place(end)?)?);
        Some(())
    }

    /// Forgets all pages.
    pub fn forget(&self) {
        if let Some(mut pages) = self.pages() {
            pages.clear();
        }
    }

    fn pages(&self) -> Option<MutexGuard<'_, Pages>> {
        self.pages.lock().ok()
    }

    /// Makes sure that each page from `first` to `last` is known (as content or as unreadable).
    fn load(&self, first: u64, last: u64) -> Result<(), ReadErrorKind> {
        let mut missing: Vec<u64> = Vec::new();
        let (first, last) = if self.ahead.load(Ordering::Relaxed) { around(first, last) } else { (first, last) };
        {
            let mut pages = self.pages().ok_or(ReadErrorKind::Io)?;
            if pages.len() > MAX_PAGES {
                pages.clear();
            }
            let mut page = first;
            loop {
                if !pages.contains_key(&page) {
                    missing.push(page);
                }
                if page >= last {
                    break;
                }
                page = page.saturating_add(PAGE);
            }
        }
        for batch in missing.chunks(MAX_BATCH) {
            self.fetch(batch)?;
        }
        Ok(())
    }

    fn fetch(&self, batch: &[u64]) -> Result<(), ReadErrorKind> {
        let ranges = batch.iter().map(|page| (*page, PAGE)).collect();
        let (lengths, payload): (Vec<u64>, _) = self.link.ask(Ask::Read { ranges }).map_err(|_| ReadErrorKind::Io)?;
        let mut rest = payload.as_slice();
        let mut pages = self.pages().ok_or(ReadErrorKind::Io)?;
        for (page, length) in batch.iter().zip(lengths) {
            let content = if length == PAGE { rest.split_off(..PAGE as usize).map(Box::from) } else { None };
            if let Entry::Vacant(entry) = pages.entry(*page) {
                entry.insert(content);
            }
        }
        Ok(())
    }

    /// Copies what page `page` has of `addr..` into `buf`; how many bytes that were.
    fn copy(&self, page: u64, addr: Addr, buf: &mut [u8]) -> Result<usize, ReadError> {
        let inside = usize::try_from(addr.0.saturating_sub(page)).unwrap_or(usize::MAX);
        let want = buf.len().min((PAGE as usize).saturating_sub(inside));
        let to = buf.get_mut(..want).unwrap_or_default();
        let pages = self.pages().ok_or(ReadError { addr, kind: ReadErrorKind::Io })?;
        let known = pages.get(&page).and_then(Option::as_deref);
        if let Some(from) = known.and_then(|bytes| bytes.get(inside..inside.saturating_add(want))) {
            to.copy_from_slice(from);
            return Ok(want);
        }
        drop(pages);
        // Part of a page: dumps may end within one.
        let ask = Ask::Read { ranges: vec![(addr.0, want as u64)] };
        let (lengths, payload): (Vec<u64>, _) =
            self.link.ask(ask).map_err(|_| ReadError { addr, kind: ReadErrorKind::Io })?;
        if lengths.first() == Some(&(want as u64)) && payload.len() == want {
            to.copy_from_slice(&payload);
            return Ok(want);
        }
        Err(ReadError { addr, kind: ReadErrorKind::Unmapped })
    }
}

/// The pages of the whole blocks that these pages are in.
fn around(first: u64, last: u64) -> (u64, u64) {
    let start = first & !(AHEAD.wrapping_sub(1));
    (start, last | (AHEAD.wrapping_sub(PAGE)))
}

impl Memory for BridgeMemory {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        let Some(more) = (buf.len() as u64).checked_sub(1) else { return Ok(()) };
        let last = addr.checked_add(more).ok_or(ReadError { addr, kind: ReadErrorKind::Unmapped })?;
        if self.read_file(addr, buf).is_some() {
            return Ok(());
        }
        let page_of = |a: Addr| a.0 & !(PAGE.wrapping_sub(1));
        self.load(page_of(addr), page_of(last)).map_err(|kind| ReadError { addr, kind })?;
        let mut done = 0usize;
        while done < buf.len() {
            let at = addr.wrapping_add(done as u64);
            let rest = buf.get_mut(done..).unwrap_or_default();
            done = done.saturating_add(self.copy(page_of(at), at, rest)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_ahead_are_those_of_the_blocks() {
        assert_eq!(around(0x4_3000, 0x4_4000), (0x4_0000, 0x5_f000));
        assert_eq!(around(0x5_f000, 0x6_0000), (0x4_0000, 0x7_f000));
        assert_eq!(around(0, 0), (0, 0x1_f000));
        assert_eq!(around(!0xfff, !0xfff).1, !0xfff);
    }
}
