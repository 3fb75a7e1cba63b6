//! `co_lnotab` until 3.9 (Objects/lnotab_notes.txt, `PyCode_Addr2Line` in Objects/codeobject.c).

use super::Span;

/// A delta of lines from 3.6 on; before, it had no sign.
pub(super) fn signed(delta: u8) -> i64 {
    i64::from(delta.cast_signed())
}

/// Line of the instruction at byte offset `lasti`.
///
/// The table is pairs of an unsigned address delta and a line delta, which `lines` reads. An odd last byte is ignored, as CPython's
/// division by two does.
pub(super) fn line_at(table: &[u8], first_line: i64, lasti: u64, lines: fn(u8) -> i64) -> i64 {
    let mut line = first_line;
    let mut addr = 0u64;
    for pair in table.chunks_exact(2) {
        let [addr_delta, line_delta] = *pair else { break };
        addr = addr.saturating_add(u64::from(addr_delta));
        if addr > lasti {
            break;
        }
        line = line.saturating_add(lines(line_delta));
    }
    line
}

/// Stretches of instructions, each with the line that it begins: what tracing takes for the start of a line is the start of
/// one (`_PyCode_CheckLineNumber`). A delta of zero lines begins none.
pub(super) fn spans(table: &[u8], first_line: i64, lines: fn(u8) -> i64) -> Vec<Span> {
    let mut line = first_line;
    let mut addr = 0u64;
    let mut starts = vec![(0u64, first_line)];
    for pair in table.chunks_exact(2) {
        let [addr_delta, line_delta] = *pair else { break };
        addr = addr.saturating_add(u64::from(addr_delta));
        line = line.saturating_add(lines(line_delta));
        if line_delta == 0 {
            continue;
        }
        match starts.last_mut() {
            Some(last) if last.0 == addr => last.1 = line,
            _ => starts.push((addr, line)),
        }
    }
    let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([u64::MAX]);
    let spans = starts.iter().zip(ends);
    spans.map(|((start, line), end)| Span { start: *start, end, line: u32::try_from(*line).ok() }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Span, line_at, signed, spans};

    #[test]
    fn a_stretch_begins_where_the_line_moves() {
        // 0: line 10; 6: line 12, by two pairs; 40: no other line; 50: line 9
        let table = [0, 0, 6, 1, 0, 1, 34, 0, 10, 0xfd];
        let at = |start, end, line| Span { start, end, line: Some(line) };
        assert_eq!(spans(&table, 10, signed), [at(0, 6, 10), at(6, 50, 12), at(50, u64::MAX, 9)]);
    }

    #[test]
    fn deltas_add_up_to_the_instruction_and_lines_may_go_back() {
        // 0: line 10; 6: line 12; 50: line 9
        let table = [0, 0, 6, 2, 44, 0xfd];
        let lines: Vec<i64> = [0, 5, 6, 49, 50, 1000].iter().map(|at| line_at(&table, 10, *at, signed)).collect();
        assert_eq!(lines, [10, 10, 12, 12, 9, 9]);
        // 2.7: lines only go on.
        assert_eq!(line_at(&table, 10, 1000, i64::from), 265);
    }
}
