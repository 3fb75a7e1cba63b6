//! Decompressed sections are kept for the next dump: a triage reads hundreds of dumps of few interpreters, and unfolding
//! the debug information of those takes as long as all the rest.

use super::FileBytes;
use std::collections::VecDeque;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, PoisonError};

/// Bytes that are kept. Enough for the interpreters of one system, and small beside what a worker may use.
const CAPACITY: usize = 384 << 20;

/// A file as it was when it was mapped. Another one in its place, or a change to it, has another identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<&Metadata> for FileId {
    fn from(data: &Metadata) -> Self {
        FileId {
            device: data.dev(),
            inode: data.ino(),
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        }
    }
}

struct Entry {
    file: FileId,
    name: String,
    data: FileBytes,
}

/// The sections, the one used last at the end.
#[derive(Default)]
struct Cache {
    entries: VecDeque<Entry>,
    bytes: usize,
}

static CACHE: Mutex<Cache> = Mutex::new(Cache { entries: VecDeque::new(), bytes: 0 });

/// A section of a file, unfolded by `unfold` unless it is still there from an earlier call.
pub(super) fn section(file: &FileId, name: &str, unfold: impl FnOnce() -> Option<FileBytes>) -> Option<FileBytes> {
    let cache = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = cache().find(file, name) {
        return Some(known);
    }
    let data = unfold()?;
    cache().keep(Entry { file: file.clone(), name: name.to_owned(), data: data.clone() }, CAPACITY);
    Some(data)
}

impl Cache {
    fn find(&mut self, file: &FileId, name: &str) -> Option<FileBytes> {
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
    use std::sync::Arc;

    fn file(inode: u64) -> FileId {
        FileId { device: 1, inode, size: 2, modified: (3, 4), changed: (5, 6) }
    }

    fn entry(inode: u64, size: usize) -> Entry {
        Entry { file: file(inode), name: ".debug_info".into(), data: FileBytes::whole(Arc::new(vec![7; size])) }
    }

    #[test]
    fn what_was_used_last_stays() {
        let mut cache = Cache::default();
        cache.keep(entry(1, 40), 100);
        cache.keep(entry(2, 40), 100);
        assert_eq!(cache.find(&file(1), ".debug_info").map(|d| d.len()), Some(40));
        cache.keep(entry(3, 40), 100);
        let there = [1, 2, 3].map(|inode| cache.find(&file(inode), ".debug_info").is_some());
        assert_eq!((there, cache.bytes), ([true, false, true], 80));
        assert!(cache.find(&file(1), ".debug_line").is_none());
        assert!(cache.find(&FileId { changed: (5, 7), ..file(1) }, ".debug_info").is_none());
        cache.keep(entry(4, 1000), 100);
        assert_eq!((cache.entries.len(), cache.bytes), (0, 0));
    }
}
