//! `co_linetable` of 3.10 (Objects/lnotab_notes.txt, `PyLineTable_NextAddressRange` in Objects/codeobject.c).

/// "No line" marker in the line delta.
const NO_LINE: i8 = -128;

/// Line of the instruction at byte offset `lasti`: `None` when no range holds it, `Some(None)` when its range has no
/// line.
pub(super) fn line_at(table: &[u8], first_line: i64, lasti: u64) -> Option<Option<i64>> {
    entries(table, first_line).find(|(end, _)| lasti < *end).map(|(_, line)| line)
}

/// End and line of each range.
pub(super) fn entries(table: &[u8], first_line: i64) -> impl Iterator<Item = (u64, Option<i64>)> {
    let mut line = first_line;
    let mut end = 0u64;
    table.chunks_exact(2).map_while(move |pair| {
        let [length, delta] = *pair else { return None };
        end = end.saturating_add(u64::from(length));
        let delta = delta.cast_signed();
        if delta != NO_LINE {
            line = line.saturating_add(i64::from(delta));
        }
        Some((end, (delta != NO_LINE).then_some(line)))
    })
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
