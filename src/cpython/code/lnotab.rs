//! `co_lnotab` of 3.8 and 3.9 (Objects/lnotab_notes.txt, `PyCode_Addr2Line` in Objects/codeobject.c).

/// Line of the instruction at byte offset `lasti`.
///
/// The table is pairs of (unsigned address delta, signed line delta). An odd last byte is ignored, as CPython's
/// division by two does.
pub(super) fn line_at(table: &[u8], first_line: i64, lasti: u64) -> i64 {
    let mut line = first_line;
    let mut addr = 0u64;
    for pair in table.chunks_exact(2) {
        let [addr_delta, line_delta] = *pair else { break };
        addr = addr.saturating_add(u64::from(addr_delta));
        if addr > lasti {
            break;
        }
        line = line.saturating_add(i64::from(line_delta.cast_signed()));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::line_at;

    #[test]
    fn deltas_add_up_to_the_instruction_and_lines_may_go_back() {
        // 0: line 10; 6: line 12; 50: line 9
        let table = [0, 0, 6, 2, 44, 0xfd];
        let lines: Vec<i64> = [0, 5, 6, 49, 50, 1000].iter().map(|at| line_at(&table, 10, *at)).collect();
        assert_eq!(lines, [10, 10, 12, 12, 9, 9]);
    }
}
