//! `co_linetable` of 3.10 (Objects/lnotab_notes.txt, `PyLineTable_NextAddressRange` in Objects/codeobject.c).

/// "No line" marker in the line delta.
const NO_LINE: i8 = -128;

/// Line of the instruction at byte offset `lasti`: `None` when no range holds it, `Some(None)` when its range has no
/// line.
pub(super) fn line_at(table: &[u8], first_line: i64, lasti: u64) -> Option<Option<i64>> {
    let mut line = first_line;
    let mut end = 0u64;
    for pair in table.chunks_exact(2) {
        let [length, delta] = *pair else { break };
        end = end.saturating_add(u64::from(length));
        let delta = delta.cast_signed();
        if delta != NO_LINE {
            line = line.saturating_add(i64::from(delta));
        }
        if lasti < end {
            return Some((delta != NO_LINE).then_some(line));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::line_at;

    #[test]
    fn a_range_without_line_does_not_move_the_line_of_the_next() {
        // [0,6) line 3; [6,8) none; [8,8) line 5; [8,10) line 4
        let table = [6, 2, 2, 0x80, 0, 2, 2, 0xff];
        let lines: Vec<_> = [0, 5, 6, 8, 10].iter().map(|at| line_at(&table, 1, *at)).collect();
        assert_eq!(lines, [Some(Some(3)), Some(Some(3)), Some(None), Some(Some(4)), None]);
    }
}
