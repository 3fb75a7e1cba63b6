//! [`AddressSpace`]: the memory of a dump as sorted segments, with file-backed memory under the holes.

use super::memory::{Memory, ReadError, ReadErrorKind};
use super::recorder::{PAGE, PageMask};
use crate::base::Addr;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where bytes of the host come from: a mapped file, a decompressed buffer.
pub trait ByteSource: Send + Sync {
    /// All bytes.
    fn bytes(&self) -> &[u8];
}

impl ByteSource for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl ByteSource for memmap2::Mmap {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// Access rights of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Protection {
    /// Readable.
    pub read: bool,
    /// Writable.
    pub write: bool,
    /// Executable.
    pub execute: bool,
}

/// One mapping of the process as the dump has it: `[start, start + size)`, of which the first `available` bytes are
/// in the dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First address.
    pub start: Addr,
    /// Size in the process, in bytes.
    pub size: u64,
    /// Offset of its bytes in the source.
    pub offset: u64,
    /// Bytes present in the source.
    pub available: u64,
    /// Bytes the dump meant to hold; more than `available` when the file was cut.
    pub dumped: u64,
    /// Access rights, when known.
    pub protection: Protection,
}

impl Segment {
    /// First address after the segment.
    #[must_use]
    pub fn end(&self) -> Addr {
        Addr(self.start.0.saturating_add(self.size))
    }

    /// `len` bytes of `source` from `inside` bytes after the segment's first on.
    fn bytes_in<'s>(&self, source: &'s dyn ByteSource, inside: u64, len: usize) -> Option<&'s [u8]> {
        let from = usize::try_from(self.offset.checked_add(inside)?).ok()?;
        source.bytes().get(from..)?.get(..len)
    }
}

/// Bytes of a module's file that stand for memory which the dump leaves out.
#[derive(Clone)]
pub struct Backing {
    /// First address.
    pub start: Addr,
    /// Length in bytes.
    pub size: u64,
    /// The file.
    pub source: Arc<dyn ByteSource>,
    /// Offset of the bytes in the file.
    pub offset: u64,
}

impl fmt::Debug for Backing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backing")
            .field("start", &self.start)
            .field("size", &self.size)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// The memory of one process: segments of a dump (or any primary [`Memory`]) over file backings.
pub struct AddressSpace {
    primary: Primary,
    segments: Vec<Segment>,
    backings: Vec<Backing>,
    /// `[start, end)` of file mappings whose file is not available, sorted.
    files_missing: Vec<(Addr, Addr)>,
    /// Which bytes of its pages a redacted dump holds, sorted by page; `None` where all that is stored holds.
    kept: Option<Vec<(Addr, PageMask)>>,
    /// Index of the segment that was found last, by a part of the address: most reads are near one before.
    recent: Recent,
}

/// Places in which a segment is remembered.
const RECENT: usize = 64;

type Recent = [AtomicU32; RECENT];

fn nothing_recent() -> Recent {
    std::array::from_fn(|_| AtomicU32::new(0))
}

/// Which of the places is that of an address: one for each MiB of those close by.
#[inline]
fn place(addr: Addr) -> usize {
    ((addr.0 >> 20) ^ (addr.0 >> 30)) as usize % RECENT
}

enum Primary {
    /// `segments` index into these bytes.
    Dump(Arc<dyn ByteSource>),
    /// A live process or debugger; `segments` only describe the mappings.
    Other(Box<dyn Memory>),
}

impl fmt::Debug for AddressSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressSpace")
            .field("segments", &self.segments.len())
            .field("backings", &self.backings)
            .finish_non_exhaustive()
    }
}

impl AddressSpace {
    /// Memory of a dump file. Segments may come in any order; where they overlap the one that starts later wins.
    #[must_use]
    pub fn from_dump(source: Arc<dyn ByteSource>, segments: Vec<Segment>) -> Self {
        AddressSpace {
            primary: Primary::Dump(source),
            segments: sorted(segments),
            backings: Vec::new(),
            files_missing: Vec::new(),
            kept: None,
            recent: nothing_recent(),
        }
    }

    /// Memory that something else reads (a live process, a debugger). `segments` describe the mappings and may be
    /// empty.
    #[must_use]
    pub fn from_reader(reader: Box<dyn Memory>, segments: Vec<Segment>) -> Self {
        AddressSpace {
            primary: Primary::Other(reader),
            segments: sorted(segments),
            backings: Vec::new(),
            files_missing: Vec::new(),
            kept: None,
            recent: nothing_recent(),
        }
    }

    /// Says that of its pages the dump holds these bytes only, and zeros in place of the others: reading those fails
    /// with [`ReadErrorKind::NotInDump`].
    pub fn set_kept(&mut self, kept: Option<Vec<(Addr, PageMask)>>) {
        self.kept = kept;
    }

    /// From `addr` on, whether the dump holds the bytes that it stores, and for how many the same is true.
    fn kept(&self, addr: Addr) -> (bool, u64) {
        let Some(kept) = &self.kept else { return (true, u64::MAX) };
        let inside = addr.0 % PAGE;
        let page = Addr(addr.0.wrapping_sub(inside));
        let at = kept.binary_search_by_key(&page, |(start, _)| *start).ok();
        match at.and_then(|at| kept.get(at)) {
            Some((_, mask)) => (mask.has(inside), mask.run(inside)),
            None => (false, PAGE.saturating_sub(inside)),
        }
    }

    /// Lets a module's file stand for memory that the dump leaves out. The caller has checked the build-id.
    pub fn add_backing(&mut self, backing: Backing) {
        let at = self.backings.partition_point(|b| b.start <= backing.start);
        self.backings.insert(at, backing);
    }

    /// Says that `[start, end)` is memory of a mapped file that is not available: what the dump leaves out of it fails
    /// with [`ReadErrorKind::FileMissing`].
    pub fn mark_file_missing(&mut self, start: Addr, end: Addr) {
        let at = self.files_missing.partition_point(|(s, _)| *s <= start);
        self.files_missing.insert(at, (start, end));
    }

    fn is_file_missing(&self, addr: Addr) -> bool {
        let at = self.files_missing.partition_point(|(start, _)| *start <= addr);
        at.checked_sub(1).and_then(|at| self.files_missing.get(at)).is_some_and(|(_, end)| addr < *end)
    }

    /// The mappings, sorted by start.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The file backings, sorted by start.
    #[must_use]
    pub fn backings(&self) -> &[Backing] {
        &self.backings
    }

    /// The bytes of the dump, when there is one (not for live processes and debuggers).
    #[must_use]
    pub fn dump_bytes(&self) -> Option<&[u8]> {
        match &self.primary {
            Primary::Dump(source) => Some(source.bytes()),
            Primary::Other(_) => None,
        }
    }

    /// How long the dump's file must be for what it is to store: bytes of the file, bytes of memory that are not there.
    /// `lost_before`: what its own writer had lost already is said to begin where the file ends.
    #[must_use]
    pub fn wanted_of_file(&self, lost_before: bool) -> (u64, u64) {
        let stored = || self.segments.iter().filter(|s| s.dumped > 0);
        let wanted = match lost_before {
            true => stored().map(|s| s.offset).max(),
            false => stored().map(|s| s.offset.saturating_add(s.dumped)).max(),
        };
        let wanted = wanted.unwrap_or(0);
        let lost = stored().filter(|s| !lost_before || s.offset < wanted);
        (wanted, lost.fold(0, |sum, s| sum.saturating_add(s.dumped.saturating_sub(s.available))))
    }

    /// The mapping that holds `addr`.
    #[must_use]
    pub fn segment_at(&self, addr: Addr) -> Option<&Segment> {
        let holds = |s: &&Segment| s.start <= addr && addr < s.end();
        // Segments do not overlap, so the one that holds the address is the one.
        let recent = self.recent.get(place(addr))?;
        if let Some(segment) = self.segments.get(recent.load(Ordering::Relaxed) as usize).filter(holds) {
            return Some(segment);
        }
        let at = self.segments.partition_point(|s| s.start <= addr).checked_sub(1)?;
        let segment = self.segments.get(at).filter(holds)?;
        recent.store(u32::try_from(at).unwrap_or(0), Ordering::Relaxed);
        Some(segment)
    }

    /// `len` bytes at `addr` as the dump has them, if it has them in one piece: nearly every read is of this kind.
    fn held(&self, addr: Addr, len: usize) -> Option<&[u8]> {
        let (Primary::Dump(source), None) = (&self.primary, &self.kept) else { return None };
        let segment = self.segment_at(addr)?;
        let inside = addr.distance_from(segment.start)?;
        if segment.available.checked_sub(inside)? < len as u64 {
            return None;
        }
        segment.bytes_in(&**source, inside, len)
    }

    /// Copies from `addr` what one source has in one piece; the count of bytes copied, at least one.
    /// `stored`: what a redacted dump stores in place of what it does not hold is good enough.
    fn read_some(&self, addr: Addr, buf: &mut [u8], stored: bool) -> Result<usize, ReadError> {
        let segment = self.segment_at(addr);
        let mut failure = ReadError { addr, kind: ReadErrorKind::Unmapped };
        match (&self.primary, segment) {
            (Primary::Other(reader), _) => match reader.read(addr, buf) {
                Ok(()) => return Ok(buf.len()),
                Err(e) => {
                    // A prefix may be readable: hand that out, the next round names the first bad byte.
                    if let Some(good) = e.addr.distance_from(addr).filter(|n| *n > 0 && *n < buf.len() as u64) {
                        let good = usize::try_from(good).unwrap_or(0);
                        if let Some(part) = buf.get_mut(..good)
                            && reader.read(addr, part).is_ok()
                        {
                            return Ok(good);
                        }
                    }
                    failure = e;
                }
            },
            (Primary::Dump(source), Some(seg)) => {
                let inside = addr.distance_from(seg.start).unwrap_or(0);
                if inside < seg.available {
                    let (kept, run) = if stored { (true, u64::MAX) } else { self.kept(addr) };
                    if !kept {
                        // Not from the module's file either: the process may have changed it.
                        return Err(ReadError { addr, kind: ReadErrorKind::NotInDump });
                    }
                    let len = clamp_len(buf, seg.available.saturating_sub(inside).min(run));
                    if let (Some(src), Some(dst)) = (seg.bytes_in(&**source, inside, len), buf.get_mut(..len)) {
                        dst.copy_from_slice(src);
                        return Ok(len);
                    }
                    failure.kind = ReadErrorKind::Truncated;
                } else if inside < seg.dumped {
                    failure.kind = ReadErrorKind::Truncated;
                } else {
                    failure.kind = ReadErrorKind::NotInDump;
                }
            }
            (Primary::Dump(_), None) => {}
        }
        // Bytes the dump was to hold but lost may have been written to since: the file must not stand in for them.
        if failure.kind != ReadErrorKind::Truncated
            && let Some(len) = self.read_backing(addr, buf)
        {
            return Ok(len);
        }
        if matches!(failure.kind, ReadErrorKind::NotInDump | ReadErrorKind::Unmapped) && self.is_file_missing(addr) {
            failure.kind = ReadErrorKind::FileMissing;
        }
        Err(failure)
    }

    fn read_backing(&self, addr: Addr, buf: &mut [u8]) -> Option<usize> {
        let at = self.backings.partition_point(|b| b.start <= addr).checked_sub(1)?;
        let backing = self.backings.get(at)?;
        let inside = addr.distance_from(backing.start)?;
        let left = backing.size.checked_sub(inside).filter(|n| *n > 0)?;
        let next_dumped = self.next_dumped_after(addr).map_or(u64::MAX, |a| a.0.saturating_sub(addr.0));
        let from = usize::try_from(backing.offset.checked_add(inside)?).ok()?;
        let file = backing.source.bytes().get(from..)?;
        let len = clamp_len(buf, left.min(next_dumped)).min(file.len());
        if len == 0 {
            return None;
        }
        buf.get_mut(..len)?.copy_from_slice(file.get(..len)?);
        Some(len)
    }

    /// This memory as it is stored, also where a redacted dump does not say that the bytes are right: for writing dumps and
    /// for searching them.
    #[must_use]
    pub fn stored(&self) -> Stored<'_> {
        Stored(self)
    }

    /// Fills `buf`.
    fn fill(&self, addr: Addr, buf: &mut [u8], stored: bool) -> Result<(), ReadError> {
        let mut done = 0usize;
        while done < buf.len() {
            let rest = buf.get_mut(done..).unwrap_or_default();
            let some = match addr.checked_add(done as u64) {
                Some(at) => self.read_some(at, rest, stored),
                None => Err(ReadError { addr, kind: ReadErrorKind::Unmapped }),
            };
            done = done.saturating_add(some?);
        }
        Ok(())
    }

    /// Start of the first dumped segment after `addr`: a backing must not be read over dumped bytes.
    fn next_dumped_after(&self, addr: Addr) -> Option<Addr> {
        let at = self.segments.partition_point(|s| s.start <= addr);
        self.segments.get(at..)?.iter().find(|s| s.dumped > 0).map(|s| s.start)
    }
}

impl Memory for AddressSpace {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        match self.held(addr, buf.len()) {
            Some(bytes) => {
                buf.copy_from_slice(bytes);
                Ok(())
            }
            None => self.fill(addr, buf, false),
        }
    }

    /// Nothing of a redacted dump.
    fn slices(&self) -> Vec<(Addr, &[u8])> {
        let (Primary::Dump(source), None) = (&self.primary, &self.kept) else {
            return Vec::new();
        };
        let held = |s: &Segment| {
            let bytes = s.bytes_in(&**source, 0, usize::try_from(s.available).ok()?)?;
            (!bytes.is_empty()).then_some((s.start, bytes))
        };
        self.segments.iter().filter_map(held).collect()
    }

    /// Not what a redacted dump has in place of values.
    fn is_of_one_moment(&self) -> bool {
        match &self.primary {
            Primary::Dump(_) => self.kept.is_none(),
            Primary::Other(reader) => reader.is_of_one_moment(),
        }
    }

    fn used(&self, start: Addr, size: u64) -> Option<Vec<(Addr, u64)>> {
        match &self.primary {
            Primary::Dump(_) => None,
            Primary::Other(reader) => reader.used(start, size),
        }
    }
}

/// Memory as a dump stores it: [`AddressSpace::stored`].
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a>(&'a AddressSpace);

impl Memory for Stored<'_> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        self.0.fill(addr, buf, true)
    }
}

fn clamp_len(buf: &[u8], available: u64) -> usize {
    usize::try_from(available).unwrap_or(usize::MAX).min(buf.len())
}

/// Sorted by start, and cut where the next one begins.
fn sorted(mut segments: Vec<Segment>) -> Vec<Segment> {
    segments.retain(|s| s.size > 0);
    segments.sort_by_key(|s| s.start);
    let starts: Vec<Addr> = segments.iter().skip(1).map(|s| s.start).collect();
    for (segment, next) in segments.iter_mut().zip(starts) {
        let room = next.distance_from(segment.start).unwrap_or(0);
        segment.size = segment.size.min(room);
        segment.available = segment.available.min(room);
        segment.dumped = segment.dumped.min(room);
    }
    segments.retain(|s| s.size > 0);
    segments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debuggee::MemoryExt as _;

    fn seg(start: u64, size: u64, offset: u64, available: u64, dumped: u64) -> Segment {
        Segment { start: Addr(start), size, offset, available, dumped, protection: Protection::default() }
    }

    #[test]
    fn a_read_over_two_adjacent_segments_is_whole_and_a_hole_names_its_first_byte() {
        let bytes: Arc<dyn ByteSource> = Arc::new((0u8..32).collect::<Vec<_>>());
        let space = AddressSpace::from_dump(bytes, vec![seg(0x2000, 8, 8, 8, 8), seg(0x1ff8, 8, 0, 8, 8)]);
        assert_eq!(space.read_array::<16>(Addr(0x1ff8)), Ok(std::array::from_fn(|i| i as u8)));
        let err = space.read_array::<4>(Addr(0x2006)).unwrap_err();
        assert_eq!(err, ReadError { addr: Addr(0x2008), kind: ReadErrorKind::Unmapped });
    }

    #[test]
    fn slices_are_what_the_dump_holds() {
        let bytes: Arc<dyn ByteSource> = Arc::new((0u8..32).collect::<Vec<_>>());
        let space = AddressSpace::from_dump(bytes, vec![seg(0x2000, 16, 8, 4, 16), seg(0x1000, 8, 0, 8, 8)]);
        let expected: Vec<(Addr, &[u8])> =
            vec![(Addr(0x1000), &[0, 1, 2, 3, 4, 5, 6, 7]), (Addr(0x2000), &[8, 9, 10, 11])];
        assert_eq!(space.slices(), expected);
    }

    #[test]
    fn a_file_stands_for_memory_left_out_but_not_for_memory_lost_by_truncation() {
        let bytes: Arc<dyn ByteSource> = Arc::new(vec![1u8; 16]);
        let mut space = AddressSpace::from_dump(bytes, vec![seg(0x1000, 16, 0, 4, 4), seg(0x2000, 16, 0, 4, 16)]);
        assert_eq!(space.read_u8(Addr(0x1008)).unwrap_err().kind, ReadErrorKind::NotInDump);
        let file: Arc<dyn ByteSource> = Arc::new(vec![7u8; 64]);
        for start in [0x1000, 0x2000] {
            space.add_backing(Backing { start: Addr(start), size: 16, source: Arc::clone(&file), offset: 0 });
        }
        assert_eq!(space.read_array::<6>(Addr(0x1000)), Ok([1, 1, 1, 1, 7, 7]));
        assert_eq!(space.read_u8(Addr(0x2008)).unwrap_err().kind, ReadErrorKind::Truncated);
    }
}
