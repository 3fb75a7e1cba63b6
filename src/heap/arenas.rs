//! [`Arenas`]: whether an address is in memory in which pools were walked.

/// Unit of [`Arenas`]: the smallest pool of pymalloc.
const UNIT_SHIFT: u32 = 12;
/// Arenas farther apart than this are searched for one by one.
const MAX_SPAN: u64 = 64 << 30;

/// Where pools were walked: what they do not show as an object is freed, or was never one.
#[derive(Debug, Default)]
pub(super) struct Arenas {
    ranges: Vec<(u64, u64)>,
    first: u64,
    end: u64,
    bits: Vec<u64>,
}

impl Arenas {
    /// Of sorted ranges; where `open` ones are in them, nothing is certain.
    pub(super) fn new(ranges: Vec<(u64, u64)>, open: &[(u64, u64)]) -> Arenas {
        let first = ranges.first().map_or(0, |(start, _)| start >> UNIT_SHIFT);
        let end = ranges.iter().map(|(_, end)| *end).max().unwrap_or(0);
        let span = end.saturating_sub(first << UNIT_SHIFT);
        let units = if span > MAX_SPAN { 0 } else { span >> UNIT_SHIFT };
        let mut bits = vec![0u64; (units / 64).saturating_add(1) as usize];
        if units > 0 {
            for (start, end) in &ranges {
                // Whole units alone.
                for unit in (start.saturating_add((1 << UNIT_SHIFT) - 1) >> UNIT_SHIFT)..(end >> UNIT_SHIFT) {
                    let at = unit.saturating_sub(first);
                    if let Some(word) = bits.get_mut((at / 64) as usize) {
                        *word |= 1 << (at % 64);
                    }
                }
            }
        }
        for (start, end) in open {
            for unit in (start >> UNIT_SHIFT)..(end >> UNIT_SHIFT) {
                let at = unit.wrapping_sub(first);
                if let Some(word) = bits.get_mut((at / 64) as usize) {
                    *word &= !(1 << (at % 64));
                }
            }
        }
        Arenas { ranges, first, end, bits }
    }

    /// Whether an address is in one for certain; `false` may be wrong.
    #[inline]
    pub(super) fn certainly_holds(&self, addr: u64) -> bool {
        let at = (addr >> UNIT_SHIFT).wrapping_sub(self.first);
        self.bits.get((at / 64) as usize).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// Whether an address is in one.
    pub(super) fn holds(&self, addr: u64) -> bool {
        if addr >= self.end || self.certainly_holds(addr) {
            return addr < self.end;
        }
        let at = self.ranges.partition_point(|(start, _)| *start <= addr);
        at.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|(_, end)| addr < *end)
    }
}
