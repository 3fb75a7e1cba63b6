//! [`Recording`]: memory that remembers what is read of it, for a slim dump to hold.

use super::limits::Deadline;
use super::memory::{Memory, ReadError, ReadErrorKind};
use super::recorder::PageSet;
use super::segments::AddressSpace;
use crate::base::Addr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The memory of a [`Target`](super::Target): what is read through it can be remembered.
pub type TargetMemory = Recording<AddressSpace>;

/// Memory that remembers what is read of it. What lies under it can be asked for everything but the bytes; reading those
/// from there is not remembered.
#[derive(Debug)]
pub struct Recording<M> {
    memory: M,
    pages: Arc<PageSet>,
    on: AtomicBool,
    deadline: Deadline,
}

impl<M> Recording<M> {
    /// Remembers from now on, until [`Recording::stop_recording`]: what opening a dump reads is part of what a slim dump
    /// needs.
    #[must_use]
    pub fn new(memory: M) -> Self {
        Recording { memory, pages: Arc::default(), on: AtomicBool::new(true), deadline: Deadline::default() }
    }

    /// Once this is over, every read fails ([`ReadErrorKind::TimeOver`]).
    pub fn set_deadline(&mut self, deadline: &Deadline) {
        self.deadline = deadline.clone();
    }

    /// From now on every byte that is read is remembered.
    pub fn start_recording(&self) {
        self.on.store(true, Ordering::Relaxed);
    }

    /// From now on reads are not remembered; what was stays.
    pub fn stop_recording(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    /// Whether what is read is remembered.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// What was read while recording.
    #[must_use]
    pub fn recorded(&self) -> &Arc<PageSet> {
        &self.pages
    }
}

impl<M> Deref for Recording<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.memory
    }
}

impl<M> DerefMut for Recording<M> {
    fn deref_mut(&mut self) -> &mut M {
        &mut self.memory
    }
}

impl<M: Memory> Memory for Recording<M> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        if self.deadline.is_over() {
            return Err(ReadError { addr, kind: ReadErrorKind::TimeOver });
        }
        let result = self.memory.read(addr, buf);
        if self.is_recording() {
            // The good bytes before a bad one count too: without them the error would name another address.
            let good = match &result {
                Ok(()) => buf.len() as u64,
                Err(error) => error.addr.distance_from(addr).unwrap_or(0).min(buf.len() as u64),
            };
            self.pages.mark(addr, good);
        }
        result
    }

    /// Nothing while reads are remembered: what is read through a slice is not.
    fn slices(&self) -> Vec<(Addr, &[u8])> {
        if self.is_recording() { Vec::new() } else { self.memory.slices() }
    }

    fn is_of_one_moment(&self) -> bool {
        self.memory.is_of_one_moment()
    }

    fn used(&self, start: Addr, size: u64) -> Option<Vec<(Addr, u64)>> {
        self.memory.used(start, size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debuggee::ReadErrorKind;

    /// 16 bytes at 0x1000.
    struct Short;

    impl Memory for Short {
        fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
            let inside = addr.0 + buf.len() as u64 <= 0x1010;
            inside.then_some(()).ok_or(ReadError { addr: Addr(0x1010), kind: ReadErrorKind::Unmapped })
        }

        fn slices(&self) -> Vec<(Addr, &[u8])> {
            vec![(Addr(0x1000), b"x")]
        }
    }

    #[test]
    fn reads_are_remembered_until_they_are_not() {
        let memory = Recording::new(Short);
        let bytes = || memory.recorded().pages().iter().map(|(_, mask)| mask.bytes()).sum::<u64>();
        memory.read(Addr(0x1000), &mut [0; 8]).unwrap();
        assert!(memory.slices().is_empty());
        assert_eq!(bytes(), 8);
        memory.read(Addr(0x1008), &mut [0; 16]).unwrap_err();
        assert_eq!(bytes(), 16, "the good bytes before the bad one");
        memory.stop_recording();
        memory.read(Addr(0x1000), &mut [0; 16]).unwrap();
        assert_eq!((bytes(), memory.slices().len()), (16, 1));
    }
}
