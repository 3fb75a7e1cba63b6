//! What bounds a `repr()`, and how well it came out.

use crate::base::Addr;
use crate::debuggee::{Memory, ReadError, ReadErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Bounds of one `repr()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReprLimits {
    /// Containers inside containers. At most [`ReprLimits::MAX_DEPTH`].
    pub depth: u32,
    /// Items of one container.
    pub items: u64,
    /// Characters of one string, bytes of one bytes object.
    pub characters: u64,
    /// Length of the whole text in bytes, about.
    pub total: usize,
    /// Reads of memory (a read of more than 4 KiB counts as several).
    pub reads: u64,
    /// Whether objects whose repr is only type and address show their attributes too (the text is then no longer what
    /// Python prints).
    pub attributes: bool,
    /// Whose form to use for what has no literal.
    pub style: ReprStyle,
}

/// Whose form to use for objects that have no literal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReprStyle {
    /// Python's own.
    #[default]
    Python,
    /// That of CPython's script for gdb.
    GdbScript,
}

impl ReprLimits {
    /// Deeper nesting is cut whatever is asked for: it costs native stack.
    pub const MAX_DEPTH: u32 = 200;
}

impl Default for ReprLimits {
    fn default() -> Self {
        ReprLimits {
            depth: 10,
            items: 100,
            characters: 1000,
            total: 10_000,
            reads: 20_000,
            attributes: false,
            style: ReprStyle::Python,
        }
    }
}

pub use crate::model::Fidelity;

/// A `repr()` from memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repr {
    /// The text.
    pub text: String,
    /// How good it is, by its worst part.
    pub fidelity: Fidelity,
    /// `type(x).__name__`, when the type is readable.
    pub type_name: Option<String>,
}

/// Memory that refuses after a number of reads. Once it has refused it always does.
pub(in crate::cpython::object) struct Meter<'a> {
    inner: &'a dyn Memory,
    left: AtomicU64,
    refused: AtomicBool,
}

impl<'a> Meter<'a> {
    pub(super) fn new(inner: &'a dyn Memory, reads: u64) -> Self {
        Meter { inner, left: AtomicU64::new(reads), refused: AtomicBool::new(false) }
    }

    /// Whether a read was refused: what was made of memory since is no fact.
    pub(in crate::cpython::object) fn has_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Memory for Meter<'_> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        let cost = (buf.len() as u64 / 4096).saturating_add(1);
        // One thread makes one repr: that another reads between the two is not to be feared.
        let left = self.left.load(Ordering::Relaxed).checked_sub(cost);
        self.left.store(left.unwrap_or(0), Ordering::Relaxed);
        if left.is_none() {
            self.refused.store(true, Ordering::Relaxed);
            return Err(ReadError { addr, kind: ReadErrorKind::Limit });
        }
        self.inner.read(addr, buf)
    }
}
