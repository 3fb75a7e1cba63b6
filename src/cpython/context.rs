//! [`Context`]: what every decoder of CPython structures needs.

use super::DecodeError;
use super::layout::{Dialect, Layouts};
use crate::base::{Abi, Addr};
use crate::debuggee::{Memory, MemoryExt as _};

/// Memory with the ABI, layouts and dialect to read it by. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Memory of the process.
    pub memory: &'a dyn Memory,
    /// Its ABI.
    pub abi: Abi,
    /// Where fields lie.
    pub layouts: &'a Layouts,
    /// How fields are understood.
    pub dialect: &'a Dialect,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("abi", &self.abi).finish_non_exhaustive()
    }
}

/// `ctx.ptr(field!(ctx, frame.previous), frame)`: offset of a field together with its name for errors.
#[doc(hidden)]
#[macro_export]
macro_rules! field {
    ($ctx:expr, $strukt:ident . $field:ident) => {
        (concat!(stringify!($strukt), ".", stringify!($field)), $crate::need!($ctx.layouts, $strukt.$field))
    };
}

/// Name of a field for errors, and its offset (or why there is none).
pub type FieldRef = (&'static str, Result<u64, super::layout::LayoutError>);

impl Context<'_> {
    /// Address of a field.
    ///
    /// # Errors
    /// [`DecodeError::Layout`] when the field is unknown.
    pub fn addr(&self, field: FieldRef, base: Addr) -> Result<Addr, DecodeError> {
        Ok(base.wrapping_add(field.1?))
    }

    /// A pointer field.
    ///
    /// # Errors
    /// [`DecodeError::Layout`], [`DecodeError::Read`].
    pub fn ptr(&self, field: FieldRef, base: Addr) -> Result<Addr, DecodeError> {
        self.uint(field, base, self.abi.pointer_size()).map(Addr)
    }

    /// An unsigned field of `width` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Layout`], [`DecodeError::Read`].
    pub fn uint(&self, field: FieldRef, base: Addr, width: u8) -> Result<u64, DecodeError> {
        let at = self.addr(field, base)?;
        self.memory.read_uint(&self.abi, at, width).map_err(|source| DecodeError::Read { what: field.0, source })
    }

    /// A signed field of `width` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Layout`], [`DecodeError::Read`].
    pub fn int(&self, field: FieldRef, base: Addr, width: u8) -> Result<i64, DecodeError> {
        let at = self.addr(field, base)?;
        self.memory.read_int(&self.abi, at, width).map_err(|source| DecodeError::Read { what: field.0, source })
    }

    /// A `Py_ssize_t` field.
    ///
    /// # Errors
    /// [`DecodeError::Layout`], [`DecodeError::Read`].
    pub fn ssize(&self, field: FieldRef, base: Addr) -> Result<i64, DecodeError> {
        self.int(field, base, self.abi.pointer_size())
    }

    /// A pointer at an address, named for errors.
    ///
    /// # Errors
    /// [`DecodeError::Read`].
    pub fn ptr_at(&self, what: &'static str, at: Addr) -> Result<Addr, DecodeError> {
        self.memory.read_ptr(&self.abi, at).map_err(|source| DecodeError::Read { what, source })
    }

    /// An unsigned integer of `width` bytes at an address, named for errors.
    ///
    /// # Errors
    /// [`DecodeError::Read`].
    pub fn uint_at(&self, what: &'static str, at: Addr, width: u8) -> Result<u64, DecodeError> {
        self.memory.read_uint(&self.abi, at, width).map_err(|source| DecodeError::Read { what, source })
    }

    /// `len` bytes at an address, named for errors.
    ///
    /// # Errors
    /// [`DecodeError::Read`].
    pub fn bytes_at(&self, what: &'static str, at: Addr, len: u64) -> Result<Vec<u8>, DecodeError> {
        self.memory.read_vec(at, len).map_err(|source| DecodeError::Read { what, source })
    }
}
