//! [`FileBytes`]: a piece of a file that keeps the file alive.

use crate::debuggee::ByteSource;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// A piece of a mapped file or of a decompressed buffer: cheap to clone, keeps what it points into alive.
#[derive(Clone)]
pub struct FileBytes {
    source: Arc<dyn ByteSource>,
    range: Range<usize>,
}

impl FileBytes {
    /// All bytes of a source.
    #[must_use]
    pub fn whole(source: Arc<dyn ByteSource>) -> FileBytes {
        let range = 0..source.bytes().len();
        FileBytes { source, range }
    }

    /// `len` bytes from `offset` of this piece; `None` when it has fewer.
    #[must_use]
    pub fn slice(&self, offset: u64, len: u64) -> Option<FileBytes> {
        let offset = usize::try_from(offset).ok()?;
        let end = offset.checked_add(usize::try_from(len).ok()?)?;
        self.get(offset..end)?;
        let start = self.range.start.checked_add(offset)?;
        Some(FileBytes { source: Arc::clone(&self.source), range: start..self.range.start.checked_add(end)? })
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.source.bytes().get(self.range.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileBytes({:?})", self.range)
    }
}

impl ByteSource for FileBytes {
    fn bytes(&self) -> &[u8] {
        self
    }
}
