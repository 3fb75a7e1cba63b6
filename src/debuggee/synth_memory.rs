//! [`SynthMemory`]: memory of a process put together byte by byte, for tests.

use super::{Memory, ReadError, ReadErrorKind};
use crate::base::Addr;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes at addresses, and nothing elsewhere. It counts what is read: a decoder that follows a hostile length shows there.
#[derive(Debug, Default)]
pub(crate) struct SynthMemory {
    /// By their first address; they do not overlap.
    blocks: BTreeMap<u64, Vec<u8>>,
    lost: Vec<(u64, u64, ReadErrorKind)>,
    read: AtomicU64,
}

impl SynthMemory {
    /// No memory at all.
    pub fn new() -> Self {
        SynthMemory::default()
    }

    /// Puts bytes at an address: inside of what was put there before, or where nothing was.
    pub fn put(&mut self, addr: impl Into<u64>, bytes: &[u8]) {
        let addr = addr.into();
        let end = addr + bytes.len() as u64;
        if let Some((start, block)) = self.blocks.range_mut(..end).next_back()
            && addr < *start + block.len() as u64
        {
            let at = usize::try_from(addr.checked_sub(*start).expect("begins before what is there")).unwrap();
            block.get_mut(at..at + bytes.len()).expect("ends after what is there").copy_from_slice(bytes);
        } else {
            self.blocks.insert(addr, bytes.to_vec());
        }
    }

    fn byte(&self, addr: u64) -> Option<u8> {
        let (start, block) = self.blocks.range(..=addr).next_back()?;
        block.get(usize::try_from(addr - start).ok()?).copied()
    }

    /// As [`SynthMemory::put`], for a chain of calls.
    pub fn with(mut self, addr: impl Into<u64>, bytes: &[u8]) -> Self {
        self.put(addr, bytes);
        self
    }

    /// Little-endian words of eight bytes.
    pub fn words(self, addr: impl Into<u64>, words: &[u64]) -> Self {
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        self.with(addr, &bytes)
    }

    /// Memory that the process had and that cannot be read, for a reason.
    pub fn lost(mut self, start: u64, end: u64, kind: ReadErrorKind) -> Self {
        self.lost.push((start, end, kind));
        self
    }

    /// Bytes that were asked for.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl Memory for SynthMemory {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        self.read.fetch_add(buf.len() as u64, Ordering::Relaxed);
        let mut at = addr.0;
        for byte in buf {
            let unreadable = |kind| ReadError { addr: Addr(at), kind };
            if let Some((.., kind)) = self.lost.iter().find(|(start, end, _)| (*start..*end).contains(&at)) {
                return Err(unreadable(*kind));
            }
            *byte = self.byte(at).ok_or(unreadable(ReadErrorKind::Unmapped))?;
            at = at.wrapping_add(1);
        }
        Ok(())
    }
}

#[test]
fn reads_are_all_or_nothing_and_name_the_first_address_that_lacks() {
    let memory = SynthMemory::new().words(0x1000_u64, &[7, 8]).lost(0x2000, 0x3000, ReadErrorKind::Truncated);
    let mut word = [0; 8];
    memory.read(Addr(0x1008), &mut word).unwrap();
    assert_eq!(word, 8u64.to_le_bytes());
    let error = |addr, len: usize| memory.read(Addr(addr), &mut vec![0; len]).unwrap_err();
    assert_eq!(error(0x1008, 9), ReadError { addr: Addr(0x1010), kind: ReadErrorKind::Unmapped });
    assert_eq!(error(0x2004, 1).kind, ReadErrorKind::Truncated);
    assert_eq!(memory.bytes_read(), 18);
}
