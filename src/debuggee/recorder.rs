//! [`PageSet`]: which bytes of the target an analysis has read.

use crate::base::Addr;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;

/// Size of a recorded page in bytes, whatever the target's page size is.
pub const PAGE: u64 = 4096;
/// Bytes that are told apart within a page.
pub const GRANULE: u64 = 8;

const WORDS: usize = (PAGE / GRANULE / 64) as usize;
const SHARDS: u64 = 16;

/// One bit for each [`GRANULE`] of a page.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct PageMask([u64; WORDS]);

impl PageMask {
    /// Marks bytes `[from, to)` of the page, rounded outwards to granules.
    fn mark(&mut self, from: u64, to: u64) {
        let (first, last) = (from / GRANULE, to.div_ceil(GRANULE).min(PAGE / GRANULE));
        // Most reads are of one word: the others of the page are not examined.
        let words = (0u64..).zip(self.0.iter_mut()).skip(usize::try_from(first / 64).unwrap_or(WORDS));
        for (index, word) in words.take_while(|(index, _)| index.saturating_mul(64) < last) {
            let base = index.saturating_mul(64);
            let low = first.max(base).saturating_sub(base);
            let high = last.min(base.saturating_add(64)).saturating_sub(base);
            if low < high {
                let width = u32::try_from(high.saturating_sub(low)).unwrap_or(64);
                let ones = u64::MAX.checked_shr(64u32.saturating_sub(width)).unwrap_or(0);
                *word |= ones.checked_shl(u32::try_from(low).unwrap_or(64)).unwrap_or(0);
            }
        }
    }

    /// Whether the granule that holds byte `offset` of the page was read.
    #[must_use]
    pub fn has(&self, offset: u64) -> bool {
        let granule = offset / GRANULE;
        let word = usize::try_from(granule / 64).ok().and_then(|w| self.0.get(w)).copied().unwrap_or(0);
        word >> (granule % 64) & 1 == 1
    }

    /// One bit for each granule, the first in the lowest bit of the first byte.
    #[must_use]
    pub fn to_bytes(self) -> [u8; WORDS * 8] {
        let mut out = [0; WORDS * 8];
        for (to, word) in out.chunks_exact_mut(8).zip(self.0) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        out
    }

    /// What [`PageMask::to_bytes`] made.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; WORDS * 8]) -> PageMask {
        let mut mask = PageMask::default();
        for (word, from) in mask.0.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*from);
        }
        mask
    }

    /// Bytes from `offset` on that are as the one there, read or not; at most up to the end of the page.
    #[must_use]
    pub fn run(&self, offset: u64) -> u64 {
        let first = self.has(offset);
        let mut end = (offset / GRANULE).saturating_add(1).saturating_mul(GRANULE);
        while end < PAGE && self.has(end) == first {
            end = end.saturating_add(GRANULE);
        }
        end.saturating_sub(offset)
    }

    /// Bytes read, in granules.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|w| u64::from(w.count_ones())).sum::<u64>().saturating_mul(GRANULE)
    }
}

impl fmt::Debug for PageMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageMask({} bytes)", self.bytes())
    }
}

/// The bytes of the target that were read, by page. Shared by threads; a mark costs one short lock.
#[derive(Debug)]
pub struct PageSet {
    shards: [Mutex<HashMap<u64, PageMask, RandomState>>; SHARDS as usize],
}

impl Default for PageSet {
    fn default() -> Self {
        PageSet { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl PageSet {
    /// Records that `len` bytes at `addr` were read.
    pub fn mark(&self, addr: Addr, len: u64) {
        let end = addr.0.saturating_add(len);
        let mut at = addr.0;
        while at < end {
            let page = at / PAGE;
            let base = page.saturating_mul(PAGE);
            let stop = end.min(base.saturating_add(PAGE));
            if stop <= at {
                break;
            }
            if let Some(Ok(mut shard)) = self.shards.get((page % SHARDS) as usize).map(Mutex::lock) {
                shard.entry(page).or_default().mark(at.wrapping_sub(base), stop.wrapping_sub(base));
            }
            at = stop;
        }
    }

    /// All pages with at least one read byte: first address and what was read of it, sorted.
    #[must_use]
    pub fn pages(&self) -> Vec<(Addr, PageMask)> {
        let mut all: Vec<(Addr, PageMask)> = Vec::new();
        for shard in self.shards.iter().filter_map(|s| s.lock().ok()) {
            all.extend(shard.iter().map(|(page, mask)| (Addr(page.saturating_mul(PAGE)), *mask)));
        }
        all.sort_unstable_by_key(|(addr, _)| *addr);
        all
    }

    /// Number of pages.
    #[must_use]
    pub fn page_count(&self) -> usize {
        self.shards.iter().filter_map(|s| s.lock().ok().map(|s| s.len())).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_exact_to_the_granule_and_span_pages() {
        let set = PageSet::default();
        set.mark(Addr(0x1ff9), 0x10);
        set.mark(Addr(0x5000), 0x1000);
        set.mark(Addr(u64::MAX - 3), 100);
        let pages = set.pages();
        assert_eq!(
            pages.iter().map(|(a, m)| (a.0, m.bytes())).collect::<Vec<_>>(),
            [(0x1000, 8), (0x2000, 16), (0x5000, 0x1000), (0xffff_ffff_ffff_f000, 8)]
        );
        assert!(pages[0].1.has(0xff8) && !pages[0].1.has(0xff7));
        assert!(pages[1].1.has(0xf) && !pages[1].1.has(0x10));
        set.mark(Addr(0x9000), 0);
        assert_eq!(set.page_count(), 4);
    }

    #[test]
    fn every_range_of_a_page_marks_just_its_granules() {
        for from in (0..PAGE).step_by(56) {
            for to in (from + 1..=PAGE).step_by(97) {
                let mut mask = PageMask::default();
                mask.mark(from, to);
                let want = (from / GRANULE..to.div_ceil(GRANULE)).count() as u64 * GRANULE;
                assert_eq!(mask.bytes(), want, "{from}..{to}");
                assert!(mask.has(from) && mask.has(to - 1));
            }
        }
    }
}
