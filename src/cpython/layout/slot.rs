//! [`Slot`]: the offset of one field, and who said so.

pub use crate::model::LayoutProvider as Provider;

/// The offset of one field in bytes from the start of its struct, or its absence in this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Slot(Option<(u32, Provider)>);

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
    Slot(Some((offset, Provider::Table)))
}

impl Slot {
    /// The field does not exist (or nobody knows it).
    pub const ABSENT: Slot = Slot(None);

    /// An offset from `provider`.
    #[must_use]
    pub const fn new(offset: u32, provider: Provider) -> Slot {
        Slot(Some((offset, provider)))
    }

    /// The offset in bytes, if the field exists.
    #[must_use]
    pub fn offset(self) -> Option<u64> {
        self.0.map(|(o, _)| u64::from(o))
    }

    /// Who supplied it.
    #[must_use]
    pub fn provider(self) -> Option<Provider> {
        self.0.map(|(_, p)| p)
    }

    /// The offset as it is stored.
    pub(super) const fn raw(self) -> Option<u32> {
        match self.0 {
            Some((offset, _)) => Some(offset),
            None => None,
        }
    }

    /// `by` bytes further when it lies beyond `limit`.
    pub(super) const fn moved_after(self, limit: u32, by: u32) -> Slot {
        match self.0 {
            Some((offset, provider)) if offset > limit => Slot(Some((offset.saturating_add(by), provider))),
            other => Slot(other),
        }
    }

    /// Whether both are absent or at the same offset, whoever says so.
    #[must_use]
    pub const fn same_offset(self, other: Slot) -> bool {
        match (self.0, other.0) {
            (None, None) => true,
            (Some((a, _)), Some((b, _))) => a == b,
            _ => false,
        }
    }

    /// Whether the field exists.
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.0.is_some()
    }
}
