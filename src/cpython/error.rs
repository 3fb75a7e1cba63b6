//! [`DecodeError`]: why a CPython structure could not be read.

use super::layout::LayoutError;
use crate::base::{Addr, Exhausted};
use crate::debuggee::{ReadError, ReadErrorKind};

/// Why a CPython structure could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Memory is not readable.
    #[error("{what}: {source}")]
    Read {
        /// Struct and field ("code.linetable").
        what: &'static str,
        /// Why.
        source: ReadError,
    },
    /// The layout of a field is not known.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The object at the address is of another type than it must be.
    #[error("{what} at {addr} is not a {expected} but a {found}")]
    WrongType {
        /// Struct and field that led there.
        what: &'static str,
        /// Address of the object.
        addr: Addr,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A value that no intact process has.
    #[error("{what} at {addr} is corrupt: {why}")]
    Corrupt {
        /// Struct and field.
        what: &'static str,
        /// Where.
        addr: Addr,
        /// What is wrong with it.
        why: String,
    },
    /// A pointer that must not be NULL is.
    #[error("{what} is NULL")]
    Null {
        /// Struct and field.
        what: &'static str,
    },
    /// A slot of a frame holds a mark of the interpreter's own (3.15: an error that is being passed on), no object.
    #[error("{what} holds no object but the interpreter's mark {bits:#x}")]
    NoValue {
        /// Struct and field.
        what: &'static str,
        /// What the slot holds.
        bits: u64,
    },
    /// What CPython would keep, and compiled code does not.
    #[error("{what} of code that was compiled by {by} is not kept where CPython keeps it")]
    NotKept {
        /// What it is.
        what: &'static str,
        /// Who compiled it.
        by: &'static str,
    },
    /// A limit was reached.
    #[error(transparent)]
    Limit(#[from] Exhausted),
}

impl DecodeError {
    /// Whether a limit of our own stopped the decoder, and nothing is wrong with the data.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        match self {
            DecodeError::Limit(_) => true,
            DecodeError::Read { source, .. } => source.kind == ReadErrorKind::Limit,
            _ => false,
        }
    }

    /// Shorthand for [`DecodeError::Corrupt`].
    pub fn corrupt(what: &'static str, addr: Addr, why: impl Into<String>) -> Self {
        DecodeError::Corrupt { what, addr, why: why.into() }
    }
}
