//! [`Cursor`]: reads fields from a byte slice, and cannot panic.

use super::Abi;

/// The slice ended before the field did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{need} byte(s) wanted at offset {at}, {have} left")]
pub struct ShortRead {
    /// Offset at which the field starts.
    pub at: usize,
    /// Bytes the field needs.
    pub need: usize,
    /// Bytes that were left.
    pub have: usize,
}

/// A position in a byte slice of a known ABI.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
    abi: Abi,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `data`.
    #[must_use]
    pub fn new(data: &'a [u8], abi: Abi) -> Self {
        Cursor { data, at: 0, abi }
    }

    /// Current offset from the start of the slice.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// Bytes not yet read.
    #[must_use]
    pub fn remaining(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`ShortRead`] when fewer are left; the position stays.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], ShortRead> {
        let have = self.remaining().len();
        let short = ShortRead { at: self.at, need: len, have };
        let end = self.at.checked_add(len).ok_or(short)?;
        let out = self.data.get(self.at..end).ok_or(short)?;
        self.at = end;
        Ok(out)
    }

    /// The next unsigned integer of `width` bytes (1 to 8).
    ///
    /// # Errors
    /// [`ShortRead`] at the end of the slice.
    pub fn uint(&mut self, width: usize) -> Result<u64, ShortRead> {
        self.take(width).map(|b| self.abi.uint(b))
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`ShortRead`] at the end of the slice.
    pub fn u8(&mut self) -> Result<u8, ShortRead> {
        self.take(1).map(|b| b.first().copied().unwrap_or_default())
    }

    /// The next 32-bit unsigned integer.
    ///
    /// # Errors
    /// [`ShortRead`] at the end of the slice.
    pub fn u32(&mut self) -> Result<u32, ShortRead> {
        self.uint(4).map(|v| u32::try_from(v).unwrap_or(u32::MAX))
    }

    /// The next 64-bit unsigned integer.
    ///
    /// # Errors
    /// [`ShortRead`] at the end of the slice.
    pub fn u64(&mut self) -> Result<u64, ShortRead> {
        self.uint(8)
    }

    /// The bytes up to the next NUL (or the end), without it; the position moves after it.
    pub fn cstr(&mut self) -> &'a [u8] {
        let rest = self.remaining();
        let len = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
        self.at = self.at.saturating_add(len).saturating_add(1).min(self.data.len());
        rest.get(..len).unwrap_or_default()
    }
}
