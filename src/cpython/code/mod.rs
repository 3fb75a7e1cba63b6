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
        LineTable::LnotabUnsigned => Some(Position::at_line(lnotab::line_at(table, first_line, lasti, i64::from))),
        LineTable::Lnotab => Some(Position::at_line(lnotab::line_at(table, first_line, lasti, lnotab::signed))),
        LineTable::Ranges => {
            ranges::line_at(table, first_line, lasti).map(|line| line.map_or_else(Position::default, Position::at_line))
        }
        LineTable::Locations => locations::position_at(table, first_line, lasti),
    }
}

/// A stretch of instructions of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of its first instruction in bytes.
    pub start: u64,
    /// Offset after its last.
    pub end: u64,
    /// Its line; `None` where it belongs to none.
    pub line: Option<u32>,
}

/// The stretches of a code object, in the order of its instructions.
#[must_use]
pub fn spans(format: LineTable, table: &[u8], first_line: i64) -> Vec<Span> {
    let line = |line: Option<i64>| line.and_then(|line| u32::try_from(line).ok());
    match format {
        LineTable::LnotabUnsigned => lnotab::spans(table, first_line, i64::from),
        LineTable::Lnotab => lnotab::spans(table, first_line, lnotab::signed),
        LineTable::Ranges => joined(ranges::entries(table, first_line).map(|(end, of)| (end, line(of)))),
        LineTable::Locations => joined(locations::entries(table, first_line).map(|(end, place)| (end, place.line))),
    }
}

/// Neighbours of one line are one stretch.
fn joined(entries: impl Iterator<Item = (u64, Option<u32>)>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut start = 0u64;
    for (end, line) in entries {
        match spans.last_mut() {
            _ if end == start => {}
            Some(last) if last.line == line => last.end = end,
            _ => spans.push(Span { start, end, line }),
        }
        start = end;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_line_are_joined_and_empty_ranges_are_none() {
        // [0,6) line 3; [6,8) none; [8,8) line 5; [8,10) line 4; [10,14) line 4
        let table = [6, 2, 2, 0x80, 0, 2, 2, 0xff, 4, 0];
        let at = |start, end, line| Span { start, end, line };
        assert_eq!(spans(LineTable::Ranges, &table, 1), [at(0, 6, Some(3)), at(6, 8, None), at(8, 14, Some(4))]);
    }
}
