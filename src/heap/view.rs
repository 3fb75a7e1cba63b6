//! [`View`]: memory of the process read as slices of the mapped dump, and through [`Memory`] where there are none.

use crate::base::{Abi, Addr, Endian};
use crate::debuggee::{Memory, MemoryExt as _};
use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of the process that are held as they are.
#[derive(Debug)]
struct Held<'a> {
    start: u64,
    bytes: &'a [u8],
}

/// Fast reads of a 64-bit little-endian process.
pub struct View<'a> {
    memory: &'a dyn Memory,
    held: Vec<Held<'a>>,
    /// Index of the slice that was asked for last: most reads are near the one before.
    recent: AtomicUsize,
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

impl<'a> View<'a> {
    /// A view of `memory`; `None` for processes of other sizes or byte order, which have no fast reads.
    #[must_use]
    pub fn new(memory: &'a dyn Memory, abi: &Abi) -> Option<View<'a>> {
        if abi.endian != Endian::Little {
            return None;
        }
        let held = memory.slices().into_iter().map(|(start, bytes)| Held { start: start.0, bytes }).collect();
        Some(View { memory, held, recent: AtomicUsize::new(0) })
    }

    /// The slice that holds `addr`, and how far into it that is.
    #[inline]
    fn held_at(&self, addr: u64) -> Option<(&'a [u8], usize)> {
        let inside = |held: &Held<'a>| {
            let at = usize::try_from(addr.checked_sub(held.start)?).ok()?;
            (at < held.bytes.len()).then_some((held.bytes, at))
        };
        if let Some(found) = self.held.get(self.recent.load(Ordering::Relaxed)).and_then(inside) {
            return Some(found);
        }
        let at = self.held.partition_point(|h| h.start <= addr).checked_sub(1)?;
        let found = self.held.get(at).and_then(inside)?;
        self.recent.store(at, Ordering::Relaxed);
        Some(found)
    }

    /// `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&self, addr: u64) -> Option<[u8; N]> {
        if let Some((bytes, at)) = self.held_at(addr)
            && let Some(found) = bytes.get(at..).and_then(|rest| rest.first_chunk::<N>())
        {
            return Some(*found);
        }
        self.memory.read_array(Addr(addr)).ok()
    }

    /// A word of 8 bytes.
    #[inline]
    pub fn word(&self, addr: u64) -> Option<u64> {
        self.array(addr).map(u64::from_le_bytes)
    }

    /// A word of 4 bytes.
    #[inline]
    pub fn u32(&self, addr: u64) -> Option<u32> {
        self.array(addr).map(u32::from_le_bytes)
    }

    /// A byte.
    #[inline]
    pub fn u8(&self, addr: u64) -> Option<u8> {
        self.array::<1>(addr).map(|[byte]| byte)
    }

    /// `len` bytes, at most 64 MiB of them where they are not held as one slice.
    #[must_use]
    pub fn bytes(&self, addr: u64, len: u64) -> Option<Cow<'a, [u8]>> {
        if let Some((bytes, at)) = self.held_at(addr)
            && let Some(found) = usize::try_from(len).ok().and_then(|len| bytes.get(at..)?.get(..len))
        {
            return Some(Cow::Borrowed(found));
        }
        self.memory.read_vec(Addr(addr), len).ok().map(Cow::Owned)
    }

    /// Calls `found` with index and value of each of `count` words from `addr` on; ends at the first that is not
    /// readable, and tells whether all were.
    pub fn words(&self, addr: u64, count: u64, mut found: impl FnMut(u64, u64)) -> bool {
        const BLOCK: u64 = 4096;
        let mut done = 0u64;
        while done < count {
            let n = count.wrapping_sub(done).min(BLOCK);
            let Some(bytes) = self.bytes(addr.wrapping_add(done.wrapping_mul(8)), n.wrapping_mul(8)) else {
                return self.words_singly(addr, done, done.wrapping_add(n), &mut found);
            };
            for (index, word) in bytes.as_chunks::<8>().0.iter().enumerate() {
                found(done.wrapping_add(index as u64), u64::from_le_bytes(*word));
            }
            done = done.wrapping_add(n);
        }
        true
    }

    fn words_singly(&self, addr: u64, from: u64, to: u64, found: &mut impl FnMut(u64, u64)) -> bool {
        for index in from..to {
            let Some(word) = self.word(addr.wrapping_add(index.wrapping_mul(8))) else { return false };
            found(index, word);
        }
        true
    }

    /// What is held as slices: first address and length in bytes.
    pub fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.held.iter().map(|h| (h.start, h.bytes.len() as u64))
    }

    /// Bytes held as slices.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.held.iter().map(|h| h.bytes.len() as u64).fold(0, u64::saturating_add)
    }
}
