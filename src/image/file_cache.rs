//! [`FileCache`]: what was made of the debug information of files, kept for the next dump.
//!
//! A triage reads hundreds of dumps of few interpreters. To decompress their debug information and to set it up for one
//! address takes longer than all the rest of a report, and their crashes go through the same places.

use super::FileBytes;
use crate::debuggee::recorded_symbols::SourceFrame;
use crate::sys::files::FileState;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of decompressed sections that are kept. Enough for the interpreters of one system, and small beside what a
/// worker may use.
const SECTION_BYTES: usize = 384 << 20;
/// Addresses that are kept; past that all are forgotten.
const ADDRESSES: usize = 200_000;

struct Entry {
    file: FileState,
    name: String,
    data: FileBytes,
}

/// The sections, the one used last at the end.
#[derive(Default)]
struct Sections {
    entries: VecDeque<Entry>,
    bytes: usize,
}

/// Source lines and inlined functions by address in the file, by file.
#[derive(Default)]
struct Lines {
    files: HashMap<FileState, HashMap<u64, Vec<SourceFrame>>>,
    count: usize,
}

/// What was made of the debug information of files. A handle: its clones are one cache. A new one is empty.
#[derive(Clone, Default)]
pub struct FileCache {
    sections: Arc<Mutex<Sections>>,
    lines: Arc<Mutex<Lines>>,
}

impl fmt::Debug for FileCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileCache").finish_non_exhaustive()
    }
}

impl FileCache {
    /// A section of a file, decompressed by `unfold` unless it is still there from an earlier call.
    pub(super) fn section(
        &self,
        file: &FileState,
        name: &str,
        unfold: impl FnOnce() -> Option<FileBytes>,
    ) -> Option<FileBytes> {
        if let Some(known) = locked(&self.sections).find(file, name) {
            return Some(known);
        }
        let data = unfold()?;
        let entry = Entry { file: file.clone(), name: name.to_owned(), data: data.clone() };
        locked(&self.sections).keep(entry, SECTION_BYTES);
        Some(data)
    }

    /// What DWARF said earlier of each of the addresses.
    pub(crate) fn lines(&self, file: &FileState, addrs: &[u64]) -> Vec<Option<Vec<SourceFrame>>> {
        let lines = locked(&self.lines);
        let answers = lines.files.get(file);
        addrs.iter().map(|addr| answers.and_then(|a| a.get(addr)).cloned()).collect()
    }

    /// Keeps what DWARF says of addresses.
    pub(crate) fn keep_lines<'a>(&self, file: &FileState, found: impl Iterator<Item = (u64, &'a Vec<SourceFrame>)>) {
        let mut lines = locked(&self.lines);
        if lines.count > ADDRESSES {
            *lines = Lines::default();
        }
        let answers = lines.files.entry(file.clone()).or_default();
        let before = answers.len();
        answers.extend(found.map(|(addr, frames)| (addr, frames.clone())));
        let new = answers.len().saturating_sub(before);
        lines.count = lines.count.saturating_add(new);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sections {
    fn find(&mut self, file: &FileState, name: &str) -> Option<FileBytes> {
        let at = self.entries.iter().position(|e| e.name == name && e.file == *file)?;
        let entry = self.entries.remove(at)?;
        let data = entry.data.clone();
        self.entries.push_back(entry);
        Some(data)
    }

    fn keep(&mut self, entry: Entry, capacity: usize) {
        self.bytes = self.bytes.saturating_add(entry.data.len());
        self.entries.push_back(entry);
        while self.bytes > capacity
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(oldest.data.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(inode: u64) -> FileState {
        FileState { identity: (1, inode), size: 2, modified: (3, 4), changed: (5, 6) }
    }

    fn entry(inode: u64, size: usize) -> Entry {
        Entry { file: file(inode), name: ".debug_info".into(), data: FileBytes::whole(Arc::new(vec![7; size])) }
    }

    #[test]
    fn what_was_used_last_stays() {
        let mut cache = Sections::default();
        cache.keep(entry(1, 40), 100);
        cache.keep(entry(2, 40), 100);
        assert_eq!(cache.find(&file(1), ".debug_info").map(|d| d.len()), Some(40));
        cache.keep(entry(3, 40), 100);
        let there = [1, 2, 3].map(|inode| cache.find(&file(inode), ".debug_info").is_some());
        assert_eq!((there, cache.bytes), ([true, false, true], 80));
        assert!(cache.find(&file(1), ".debug_line").is_none());
        assert!(cache.find(&FileState { changed: (5, 7), ..file(1) }, ".debug_info").is_none());
        cache.keep(entry(4, 1000), 100);
        assert_eq!((cache.entries.len(), cache.bytes), (0, 0));
    }
}
