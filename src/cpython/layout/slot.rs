//! [`Slot`]: the offset of one field, and who said so.

pub use crate::model::LayoutProvider as Provider;
use std::cell::Cell;

// How often this thread has used the offset of a disputed field: only ever compared with itself.
thread_local!(static DISPUTED_USES: Cell<u64> = const { Cell::new(0) });

/// How often this thread has used the offset of a disputed field so far: what was read between two equal answers rests on
/// none.
pub(in crate::cpython) fn disputed_uses() -> u64 {
    DISPUTED_USES.get()
}

/// Notes that something is used that rests on a disputed field, as it was remembered.
pub(in crate::cpython) fn note_disputed_use() {
    DISPUTED_USES.set(DISPUTED_USES.get().wrapping_add(1));
}

/// The offset of one field in bytes from the start of its struct, or its absence in this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Slot(Option<(u32, Provider, bool)>);

/// No layout for a field that a decoder needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the layout of {strukt}.{field} is not known for this interpreter")]
pub struct LayoutError {
    /// Struct name as in [`super::Layouts`].
    pub strukt: &'static str,
    /// Field name.
    pub field: &'static str,
}

/// A built-in table's entry.
#[must_use]
pub const fn at(offset: u32) -> Slot {
    Slot(Some((offset, Provider::Table, false)))
}

impl Slot {
    /// The field does not exist (or nobody knows it).
    pub const ABSENT: Slot = Slot(None);

    /// An offset from `provider`.
    #[must_use]
    pub const fn new(offset: u32, provider: Provider) -> Slot {
        Slot(Some((offset, provider, false)))
    }

    /// The same, where other providers say otherwise and it is not known who is right.
    #[must_use]
    pub const fn disputed(self) -> Slot {
        match self.0 {
            Some((offset, provider, _)) => Slot(Some((offset, provider, true))),
            None => Slot::ABSENT,
        }
    }

    /// The offset in bytes for reading by it: a use of a disputed one is counted.
    #[must_use]
    pub fn used(self) -> Option<u64> {
        if let Some((_, _, true)) = self.0 {
            note_disputed_use();
        }
        self.offset()
    }

    /// The offset in bytes, if the field exists.
    #[must_use]
    pub fn offset(self) -> Option<u64> {
        self.0.map(|(o, ..)| u64::from(o))
    }

    /// Who supplied it.
    #[must_use]
    pub fn provider(self) -> Option<Provider> {
        self.0.map(|(_, p, _)| p)
    }

    /// The offset as it is stored.
    pub(super) const fn raw(self) -> Option<u32> {
        match self.0 {
            Some((offset, ..)) => Some(offset),
            None => None,
        }
    }

    /// `by` bytes further when it lies beyond `limit`.
    pub(super) const fn moved_after(self, limit: u32, by: u32) -> Slot {
        match self.0 {
            Some((offset, provider, disputed)) if offset > limit => {
                Slot(Some((offset.saturating_add(by), provider, disputed)))
            }
            other => Slot(other),
        }
    }

    /// Whether both are absent or at the same offset, whoever says so.
    #[must_use]
    pub const fn same_offset(self, other: Slot) -> bool {
        match (self.0, other.0) {
            (None, None) => true,
            (Some((a, ..)), Some((b, ..))) => a == b,
            _ => false,
        }
    }

    /// Whether the field exists.
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.0.is_some()
    }
}
