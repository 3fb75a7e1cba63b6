//! [`Head`]: the head of an object in one read.

use crate::base::Addr;
use crate::cpython::Context;
use crate::debuggee::{Memory, ReadError};
use crate::field;

/// Room for the longest head: that of free-threaded builds has 32 bytes (Include/object.h, 3.13+).
const MAX_SIZE: usize = 64;

/// Memory of which the head of one object is available. Where it cannot be read as a whole, each field is read by itself.
pub(super) struct Head<'a> {
    memory: &'a dyn Memory,
    start: Addr,
    bytes: [u8; MAX_SIZE],
    size: usize,
}

impl<'a> Head<'a> {
    pub(super) fn read(ctx: &Context<'a>, addr: Addr) -> Head<'a> {
        let mut head = Head { memory: ctx.memory, start: addr, bytes: [0; MAX_SIZE], size: 0 };
        let size = field!(ctx, object.size).1.ok().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        if let Some(bytes) = head.bytes.get_mut(..size)
            && ctx.memory.read(addr, bytes).is_ok()
        {
            head.size = size;
        }
        head
    }
}

impl Memory for Head<'_> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        let inside = addr.distance_from(self.start).and_then(|at| usize::try_from(at).ok());
        let known = inside.and_then(|at| self.bytes.get(..self.size)?.get(at..)?.get(..buf.len()));
        match known {
            Some(known) => buf.copy_from_slice(known),
            None => self.memory.read(addr, buf)?,
        }
        Ok(())
    }
}
