//! How debuggers' commands show values: in the lengths that their users are used to.

use super::view::MAX_LOCALS;
use crate::cpython::object::{ReprLimits, ReprStyle};
use crate::engine::{Limits, Options};

/// Most characters of a value; CPython's script has the same limit.
pub const MAX_VALUE: usize = 1024;

/// Limits under which no value comes out shorter than [`MAX_VALUE`] that would have been longer.
const LIMITS: ReprLimits = ReprLimits {
    depth: 30,
    items: MAX_VALUE as u64,
    characters: 2 * MAX_VALUE as u64,
    total: 8 * MAX_VALUE,
    reads: 50_000,
    attributes: true,
    style: ReprStyle::Python,
};

/// Options for a debugger whose users expect this form of objects.
#[must_use]
pub fn of_debuggers(style: ReprStyle) -> Options {
    let limits = Limits { names: MAX_LOCALS, repr: ReprLimits { style, ..LIMITS }, ..Limits::default() };
    Options { source_lines: true, limits, ..Options::default() }
}

/// At most [`MAX_VALUE`] characters, and a mark where there were more.
#[must_use]
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}...(truncated)", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
