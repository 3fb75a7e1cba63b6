//! [`Pointer`]: an address as CPython's C code prints it.

use crate::base::Addr;
use std::fmt;

/// An address as `%p` of `PyUnicode_FromFormat` prints it (Objects/unicodeobject.c): what the C library's `printf` makes
/// of it, with `0x` put in front where that has none. Microsoft's writes all digits, in capitals, without `0x`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pointer {
    pub addr: Addr,
    /// The C library is Microsoft's.
    pub windows: bool,
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.windows { write!(f, "0x{:016X}", self.addr.0) } else { write!(f, "{}", self.addr) }
    }
}
