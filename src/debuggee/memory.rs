//! [`Memory`]: reads of target memory, all or nothing.

use crate::base::{Abi, Addr};

/// Why a read failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// No mapping of the process holds the address.
    Unmapped,
    /// The process had this memory, the dump leaves it out.
    NotInDump,
    /// The dump file ends before this memory.
    Truncated,
    /// File-backed memory left out of the dump, and the file is not available (or is another build).
    FileMissing,
    /// The operating system or the debugger refused.
    Io,
    /// More bytes asked for than a single read may have.
    TooLarge,
    /// The reader's own budget of reads is used up.
    Limit,
    /// The time for reading the process is over.
    TimeOver,
}

impl ReadErrorKind {
    /// A phrase that ends "address X is ...".
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            ReadErrorKind::Unmapped => "not mapped",
            ReadErrorKind::NotInDump => "not in the dump",
            ReadErrorKind::Truncated => "beyond the end of the truncated dump",
            ReadErrorKind::FileMissing => "in a mapped file that is not at hand",
            ReadErrorKind::Io => "not readable (I/O error)",
            ReadErrorKind::TooLarge => "too large a read",
            ReadErrorKind::Limit => "behind the limit of reads",
            ReadErrorKind::TimeOver => "not read any more: the time was over",
        }
    }
}

/// A failed read: the first address that could not be read, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("address {addr} is {}", kind.reason())]
pub struct ReadError {
    /// First unreadable address.
    pub addr: Addr,
    /// Why.
    pub kind: ReadErrorKind,
}

/// Memory of a stopped process.
pub trait Memory: Send + Sync {
    /// Fills `buf` from `addr`, or fails without telling anything of the content of `buf`.
    ///
    /// # Errors
    /// [`ReadError`] with the first unreadable address and the reason.
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError>;

    /// What of the memory is held as bytes of this process (a mapped dump), sorted by address and without overlap: a
    /// way around [`Memory::read`] for walks over all of it. What is not in it may still be readable. Empty where
    /// there is no such thing.
    fn slices(&self) -> Vec<(Addr, &[u8])> {
        Vec::new()
    }

    /// Whether all that was read so far is of one moment.
    fn is_of_one_moment(&self) -> bool {
        false
    }

    /// The parts of a mapping (first address and bytes) in which there can be words of the process: the rest was reserved and never
    /// written to. `None` where that is not known.
    fn used(&self, _start: Addr, _size: u64) -> Option<Vec<(Addr, u64)>> {
        None
    }
}

impl<M: Memory + ?Sized> Memory for &M {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        (**self).read(addr, buf)
    }

    fn slices(&self) -> Vec<(Addr, &[u8])> {
        (**self).slices()
    }

    fn is_of_one_moment(&self) -> bool {
        (**self).is_of_one_moment()
    }

    fn used(&self, start: Addr, size: u64) -> Option<Vec<(Addr, u64)>> {
        (**self).used(start, size)
    }
}

impl<M: Memory + ?Sized> Memory for std::sync::Arc<M> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        (**self).read(addr, buf)
    }

    fn slices(&self) -> Vec<(Addr, &[u8])> {
        (**self).slices()
    }

    fn is_of_one_moment(&self) -> bool {
        (**self).is_of_one_moment()
    }

    fn used(&self, start: Addr, size: u64) -> Option<Vec<(Addr, u64)>> {
        (**self).used(start, size)
    }
}

/// Typed reads over any [`Memory`].
pub trait MemoryExt: Memory {
    /// The largest single read in bytes: a length taken from a dump cannot ask for more.
    const MAX_READ: usize = 64 << 20;

    /// `N` bytes.
    ///
    /// # Errors
    /// As [`Memory::read`].
    fn read_array<const N: usize>(&self, addr: Addr) -> Result<[u8; N], ReadError> {
        let mut buf = [0; N];
        self.read(addr, &mut buf)?;
        Ok(buf)
    }

    /// One byte.
    ///
    /// # Errors
    /// As [`Memory::read`].
    fn read_u8(&self, addr: Addr) -> Result<u8, ReadError> {
        self.read_array::<1>(addr).map(|[b]| b)
    }

    /// An unsigned integer of `width` bytes (1 to 8) in the target's byte order.
    ///
    /// # Errors
    /// As [`Memory::read`].
    fn read_uint(&self, abi: &Abi, addr: Addr, width: u8) -> Result<u64, ReadError> {
        let mut buf = [0u8; 8];
        let buf = buf.get_mut(..usize::from(width.min(8))).unwrap_or_default();
        self.read(addr, buf)?;
        Ok(abi.uint(buf))
    }

    /// A signed integer of `width` bytes, sign-extended.
    ///
    /// # Errors
    /// As [`Memory::read`].
    fn read_int(&self, abi: &Abi, addr: Addr, width: u8) -> Result<i64, ReadError> {
        let raw = self.read_uint(abi, addr, width)?;
        let shift = 64u32.saturating_sub(u32::from(width.min(8)).saturating_mul(8));
        Ok(raw.wrapping_shl(shift).cast_signed().wrapping_shr(shift))
    }

    /// A pointer.
    ///
    /// # Errors
    /// As [`Memory::read`].
    fn read_ptr(&self, abi: &Abi, addr: Addr) -> Result<Addr, ReadError> {
        self.read_uint(abi, addr, abi.pointer_size()).map(Addr)
    }

    /// `len` bytes as a vector.
    ///
    /// # Errors
    /// As [`Memory::read`]; [`ReadErrorKind::TooLarge`] above [`MemoryExt::MAX_READ`].
    fn read_vec(&self, addr: Addr, len: u64) -> Result<Vec<u8>, ReadError> {
        let len = usize::try_from(len)
            .ok()
            .filter(|len| *len <= Self::MAX_READ)
            .ok_or(ReadError { addr, kind: ReadErrorKind::TooLarge })?;
        let mut buf = vec![0; len];
        self.read(addr, &mut buf)?;
        Ok(buf)
    }

    /// The bytes before the next NUL, at most `limit` of them (then the string is cut there).
    ///
    /// # Errors
    /// As [`Memory::read`] when unreadable memory comes before the NUL.
    fn read_cstr(&self, addr: Addr, limit: usize) -> Result<Vec<u8>, ReadError> {
        let mut out = Vec::new();
        while out.len() < limit {
            let at = addr.wrapping_add(out.len() as u64);
            // Up to the next 64-byte line: never over a page border, so a string at the end of a mapping reads.
            let chunk = 64usize.saturating_sub((at.0 % 64) as usize).min(limit.saturating_sub(out.len()));
            let mut buf = [0u8; 64];
            let buf = buf.get_mut(..chunk).unwrap_or_default();
            self.read(at, buf)?;
            if let Some(end) = buf.iter().position(|b| *b == 0) {
                out.extend_from_slice(buf.get(..end).unwrap_or_default());
                return Ok(out);
            }
            out.extend_from_slice(buf);
        }
        Ok(out)
    }
}

impl<M: Memory + ?Sized> MemoryExt for M {}
