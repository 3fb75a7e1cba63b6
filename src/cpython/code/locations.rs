//! `co_linetable` of 3.11+ (PEP 657; Objects/locations.md, 3.13+ InternalDocs/code_objects.md).
//!
//! An entry is a start byte `1cccclll` (code `cccc`, `lll + 1` code units) and what its code asks for.

use super::Position;

/// Bytes of a code unit.
const CODE_UNIT: u64 = 2;

/// Place of the instruction at byte offset `lasti`; `None` when no entry holds it.
pub(super) fn position_at(table: &[u8], first_line: i64, lasti: u64) -> Option<Position> {
    entries(table, first_line).find(|(end, _)| lasti < *end).map(|(_, place)| place)
}

/// End and place of each entry.
pub(super) fn entries(table: &[u8], first_line: i64) -> impl Iterator<Item = (u64, Position)> {
    let mut reader = Reader { rest: table };
    let mut line = first_line;
    let mut end = 0u64;
    std::iter::from_fn(move || {
        let start = reader.byte()?;
        let units = u64::from(start & 7).saturating_add(1);
        end = end.saturating_add(units.saturating_mul(CODE_UNIT));
        Some((end, reader.entry((start >> 3) & 15, &mut line)?))
    })
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// Six bits a byte, least significant first; bit 6 says that more follow.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        let mut shift = 0u32;
        loop {
            let byte = self.byte()?;
            // Past 64 bits a table is corrupt; what overflows is dropped and the walk stays bounded by the table.
            value |= u64::from(byte & 63).checked_shl(shift).unwrap_or(0);
            if byte & 64 == 0 {
                return Some(value);
            }
            shift = shift.saturating_add(6);
        }
    }

    /// Sign in the lowest bit.
    fn signed_varint(&mut self) -> Option<i64> {
        let value = self.varint()?;
        let magnitude = (value >> 1).cast_signed();
        Some(if value & 1 == 1 { magnitude.wrapping_neg() } else { magnitude })
    }

    /// Reads what follows the start byte; moves `line` by the entry's delta.
    fn entry(&mut self, code: u8, line: &mut i64) -> Option<Position> {
        let on_line = |line: i64, column: u32, end_column: u32| {
            let line = u32::try_from(line).ok();
            Position { line, end_line: line, column: Some(column), end_column: Some(end_column) }
        };
        Some(match code {
            // No location at all.
            15 => Position::default(),
            // Long form; columns are stored plus one, zero for none.
            14 => {
                *line = line.saturating_add(self.signed_varint()?);
                let end_line = line.saturating_add_unsigned(self.varint()?);
                let column = self.varint()?.checked_sub(1);
                let end_column = self.varint()?.checked_sub(1);
                Position {
                    line: u32::try_from(*line).ok(),
                    end_line: u32::try_from(end_line).ok(),
                    column: column.and_then(|c| u32::try_from(c).ok()),
                    end_column: end_column.and_then(|c| u32::try_from(c).ok()),
                }
            }
            // Line, no columns.
            13 => {
                *line = line.saturating_add(self.signed_varint()?);
                let line = u32::try_from(*line).ok();
                Position { line, end_line: line, ..Position::default() }
            }
            // One-line form: line delta 0 to 2, two column bytes.
            10..=12 => {
                *line = line.saturating_add(i64::from(code).saturating_sub(10));
                let column = self.byte()?;
                on_line(*line, u32::from(column), u32::from(self.byte()?))
            }
            // Short form: same line, column in eights by code.
            _ => {
                let second = self.byte()?;
                let column = (u32::from(code) << 3) | u32::from(second >> 4);
                on_line(*line, column, column.saturating_add(u32::from(second & 15)))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: u32, end_line: u32, column: u32, end_column: u32) -> Position {
        Position { line: Some(line), end_line: Some(end_line), column: Some(column), end_column: Some(end_column) }
    }

    #[test]
    fn every_form_is_read() {
        let table = [
            0x80 | (15 << 3), // one unit, no location
            0x80 | (2 << 3) | 1,
            0x53, // two units, same line, column 2*8+5, 3 wide
            0x80 | (11 << 3),
            4,
            9, // next line
            0x80 | (13 << 3),
            0x07, // three lines back, no columns
            0x80 | (14 << 3) | 7,
            0x44,
            0x02,
            0x03,
            0x0b,
            0x15, // +66 lines, 3 more, 10..20
        ];
        let at = |lasti| position_at(&table, 10, lasti);
        assert_eq!(at(0), Some(Position::default()));
        assert_eq!(at(2), Some(place(10, 10, 21, 24)));
        assert_eq!(at(5), Some(place(10, 10, 21, 24)));
        assert_eq!(at(6), Some(place(11, 11, 4, 9)));
        assert_eq!(at(8), Some(Position { line: Some(8), end_line: Some(8), ..Position::default() }));
        assert_eq!(at(10), Some(place(74, 77, 10, 20)));
        assert_eq!(at(26), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(table: Vec<u8>, line in -5i64..100_000, lasti in 0u64..10_000) {
            let _ = position_at(&table, line, lasti);
        }
    }
}
