//! [`View`]: memory of the process read as slices of the mapped dump, and through [`Memory`] where there are none.

use crate::base::{Abi, Addr, Endian};
use crate::debuggee::recorder::{PAGE, PageSet};
use crate::debuggee::{Deadline, Memory, MemoryExt as _};
use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Most bytes of the memory that a living process has written to that are looked at as a whole.
const MAX_LIVE: u64 = 1 << 30;
/// Places in which the slice that was found last is remembered.
const RECENT: usize = 256;

/// Which of the places is that of an address: one for each MiB of those close by.
#[inline]
fn place(addr: u64) -> usize {
    ((addr >> 20) ^ (addr >> 30)) as usize & RECENT.wrapping_sub(1)
}

/// A range of which many words are read: where it is held is looked up once.
pub(super) struct Near<'v, 'a> {
    view: &'v View<'a>,
    start: u64,
    bytes: &'a [u8],
}

impl Near<'_, '_> {
    /// A word of 8 bytes, in the range or elsewhere.
    #[inline]
    pub(super) fn word(&self, addr: u64) -> Option<u64> {
        let inside =
            usize::try_from(addr.wrapping_sub(self.start)).ok().and_then(|at| self.bytes.get(at..)?.first_chunk());
        inside.map_or_else(|| self.view.word(addr), |bytes| Some(u64::from_le_bytes(*bytes)))
    }
}

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
    /// First address and length of what can be read, where nothing is held: a live process, a dump that is redacted.
    mapped: Vec<(u64, u64)>,
    /// The same of memory that is only read: constants, in which there may be references too.
    constants: Vec<(u64, u64)>,
    /// What of `mapped` was ever written to.
    used: OnceLock<Vec<(u64, u64)>>,
    /// Index of the slice that was found last, by a part of the address: most reads are near one before.
    recent: [AtomicU32; RECENT],
    touched: Option<Touched<'a>>,
    deadline: Deadline,
}

/// Which pages were read, for a slim dump to hold them.
struct Touched<'a> {
    pages: &'a PageSet,
    /// The page that was marked last.
    recent: AtomicU64,
    /// What is read now is not to be remembered.
    paused: AtomicBool,
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
        let recent = std::array::from_fn(|_| AtomicU32::new(0));
        Some(View {
            memory,
            held,
            mapped: Vec::new(),
            constants: Vec::new(),
            used: OnceLock::new(),
            recent,
            touched: None,
            deadline: Deadline::default(),
        })
    }

    /// The same, with what can be read (first address, length) where nothing is held.
    #[must_use]
    pub fn over(self, mapped: impl Iterator<Item = (u64, u64)>) -> View<'a> {
        let mapped = if self.held.is_empty() { mapped.collect() } else { Vec::new() };
        View { mapped, ..self }
    }

    /// The same, with memory that is only read where nothing is held.
    #[must_use]
    pub fn with_constants(self, constants: impl Iterator<Item = (u64, u64)>) -> View<'a> {
        let constants = if self.held.is_empty() { constants.collect() } else { Vec::new() };
        View { constants, ..self }
    }

    /// The same for as long as there is time: walks over the heap end when it is over.
    #[must_use]
    pub fn until(self, deadline: &Deadline) -> View<'a> {
        View { deadline: deadline.clone(), ..self }
    }

    /// Whether the time is over.
    #[inline]
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.deadline.is_over()
    }

    /// The same, and every page that is read through it is marked in `pages`.
    #[must_use]
    pub fn marking(self, pages: &'a PageSet) -> View<'a> {
        let touched = Touched { pages, recent: AtomicU64::new(u64::MAX), paused: AtomicBool::new(false) };
        View { touched: Some(touched), ..self }
    }

    /// Whether pages that are read are not marked for now: what is only looked at to see that it is nothing.
    pub(super) fn pause_marking(&self, paused: bool) {
        if let Some(touched) = &self.touched {
            touched.paused.store(paused, Ordering::Relaxed);
        }
    }

    /// Marks pages as if they had been read.
    #[inline]
    pub(super) fn touch(&self, addr: u64, len: u64) {
        if let Some(touched) = &self.touched {
            touched.mark(addr, len);
        }
    }

    /// Whether pages are marked.
    pub(super) fn is_marking(&self) -> bool {
        self.touched.is_some()
    }

    /// The slice that holds `addr`, and how far into it that is.
    #[inline]
    fn held_at(&self, addr: u64) -> Option<(&'a [u8], usize)> {
        let inside = |held: &Held<'a>| {
            let at = usize::try_from(addr.checked_sub(held.start)?).ok()?;
            (at < held.bytes.len()).then_some((held.bytes, at))
        };
        let recent = self.recent.get(place(addr))?;
        if let Some(found) = self.held.get(recent.load(Ordering::Relaxed) as usize).and_then(inside) {
            return Some(found);
        }
        self.search(addr)
    }

    #[inline(never)]
    fn search(&self, addr: u64) -> Option<(&'a [u8], usize)> {
        let index = self.held.partition_point(|h| h.start <= addr).checked_sub(1)?;
        let held = self.held.get(index)?;
        let at = usize::try_from(addr.checked_sub(held.start)?).ok().filter(|at| *at < held.bytes.len())?;
        self.recent.get(place(addr))?.store(u32::try_from(index).ok()?, Ordering::Relaxed);
        Some((held.bytes, at))
    }

    /// `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&self, addr: u64) -> Option<[u8; N]> {
        if let Some((bytes, at)) = self.held_at(addr)
            && let Some(found) = bytes.get(at..).and_then(|rest| rest.first_chunk::<N>())
        {
            self.touch(addr, N as u64);
            return Some(*found);
        }
        self.memory.read_array(Addr(addr)).ok()
    }

    /// A word of 8 bytes.
    #[inline]
    pub fn word(&self, addr: u64) -> Option<u64> {
        self.array(addr).map(u64::from_le_bytes)
    }

    /// Two words of 8 bytes, one after the other.
    #[inline]
    pub fn pair(&self, addr: u64) -> Option<[u64; 2]> {
        let bytes: [u8; 16] = self.array(addr)?;
        let words = u128::from_le_bytes(bytes);
        Some([words as u64, (words >> 64) as u64])
    }

    /// A range of which many words will be read.
    pub(super) fn near(&self, start: u64, len: u64) -> Near<'_, 'a> {
        // Where pages are marked each read must say what it is of.
        let held = if self.is_marking() { None } else { self.held_at(start) };
        let bytes = held.and_then(|(bytes, at)| {
            let end = usize::try_from(len).map_or(bytes.len(), |len| at.saturating_add(len).min(bytes.len()));
            bytes.get(at..end)
        });
        Near { view: self, start, bytes: bytes.unwrap_or_default() }
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
            self.touch(addr, len);
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

    /// What can be searched: first address and length in bytes.
    pub fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.held.iter().map(|h| (h.start, h.bytes.len() as u64)).chain(self.mapped.iter().copied())
    }

    /// All in which references can be, as [`View::ranges`]: what is only read too.
    pub fn all_ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let held = self.held.iter().map(|h| (h.start, h.bytes.len() as u64));
        held.chain(self.used().iter().copied()).chain(self.constants.iter().copied())
    }

    /// What was ever written to, where nothing is held: as [`View::ranges`] where that is not known.
    fn used(&self) -> &[(u64, u64)] {
        self.used.get_or_init(|| {
            let of = |(start, bytes): &(u64, u64)| {
                let used = self.memory.used(Addr(*start), *bytes);
                used.map_or_else(|| vec![(*start, *bytes)], |used| used.into_iter().map(|(at, n)| (at.0, n)).collect())
            };
            self.mapped.iter().flat_map(of).collect()
        })
    }

    /// Whether all of memory can be looked at: it is held, or is no more than a living process may be asked for.
    #[must_use]
    pub fn can_search_all(&self) -> bool {
        let used = || self.used().iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add);
        !self.held.is_empty() || (!self.mapped.is_empty() && used() <= MAX_LIVE)
    }

    /// Whether all that was read so far is of one moment.
    #[must_use]
    pub fn is_of_one_moment(&self) -> bool {
        self.memory.is_of_one_moment()
    }

    /// Bytes held as slices.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.held.iter().map(|h| h.bytes.len() as u64).fold(0, u64::saturating_add)
    }
}

impl Touched<'_> {
    #[inline(never)]
    fn mark(&self, addr: u64, len: u64) {
        if len == 0 || self.paused.load(Ordering::Relaxed) {
            return;
        }
        let (first, last) = (addr / PAGE, addr.saturating_add(len).saturating_sub(1) / PAGE);
        if first == last && self.recent.load(Ordering::Relaxed) == first {
            return;
        }
        let start = first.wrapping_mul(PAGE);
        self.pages.mark(Addr(start), last.wrapping_add(1).wrapping_mul(PAGE).wrapping_sub(start));
        self.recent.store(last, Ordering::Relaxed);
    }
}
