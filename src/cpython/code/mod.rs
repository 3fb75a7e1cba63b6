//! Code objects: names, flags, and the place in the source that an instruction belongs to.

mod lnotab;
mod locations;
mod object;
mod ranges;

pub use object::{Code, CodeCache};

use super::layout::LineTable;

/// A place in a source file. Lines count from 1, columns are UTF-8 bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Position {
    /// Line; `None` for an instruction that belongs to no line.
    pub line: Option<u32>,
    /// Last line of the expression (3.11+).
    pub end_line: Option<u32>,
    /// First column (3.11+).
    pub column: Option<u32>,
    /// Column after the last (3.11+).
    pub end_column: Option<u32>,
}

impl Position {
    fn at_line(line: i64) -> Position {
        Position { line: u32::try_from(line).ok(), ..Position::default() }
    }
}

/// The place of the instruction at `lasti` (bytes from the start of the bytecode), as `PyCode_Addr2Line` and
/// `PyCode_Addr2Location` find it; `None` when the table has no entry for it. An instruction before the first
/// (`lasti < 0`) belongs to the first line.
#[must_use]
pub fn position(format: LineTable, table: &[u8], first_line: i64, lasti: i64) -> Option<Position> {
    let Ok(lasti) = u64::try_from(lasti) else { return Some(Position::at_line(first_line)) };
    match format {
        LineTable::Lnotab => Some(Position::at_line(lnotab::line_at(table, first_line, lasti))),
        LineTable::Ranges => {
            ranges::line_at(table, first_line, lasti).map(|line| line.map_or_else(Position::default, Position::at_line))
        }
        LineTable::Locations => locations::position_at(table, first_line, lasti),
    }
}
