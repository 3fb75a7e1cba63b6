//! Garbage collections, a line each.

use crate::base::thousands;
use crate::model::GcCollection;

/// Collections that are shown.
const SHOWN: usize = 5;

/// The latest ones: "generation 2, number 12: 1.5 ms, freed 7 of 6,218 objects; 20.1 ms before the last one".
pub(super) fn lines(collections: &[GcCollection]) -> Vec<String> {
    let last = collections.first().map_or(0, |collection| collection.ended_ns);
    let line = |collection: &GcCollection| {
        let freed = match (collection.collected, collection.candidates) {
            (Some(freed), Some(of)) => format!(", freed {} of {} objects", thousands(freed), thousands(of)),
            _ => String::new(),
        };
        let left = match collection.uncollectable {
            Some(count) if count > 0 => format!(", {} could not be freed", thousands(count)),
            _ => String::new(),
        };
        let before = last.saturating_sub(collection.ended_ns).unsigned_abs();
        let when = if before == 0 { String::new() } else { format!("; {} before the last one", time(before)) };
        format!(
            "generation {}, number {}: {}{freed}{left}{when}",
            collection.generation,
            thousands(collection.number),
            time(collection.duration_ns)
        )
    };
    collections.iter().take(SHOWN).map(line).collect()
}

/// A time in nanoseconds with three digits.
fn time(nanoseconds: u64) -> String {
    let seconds = nanoseconds as f64 / 1e9;
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{:.1} us", seconds * 1e6),
        1_000_000..1_000_000_000 => format!("{:.1} ms", seconds * 1e3),
        _ => format!("{seconds:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_is_not_shown() {
        let whole = GcCollection {
            generation: 2,
            number: 12,
            ended_ns: 5_000_000,
            duration_ns: 1_500_000,
            collected: Some(7),
            uncollectable: Some(2),
            candidates: Some(6218),
        };
        let older = GcCollection { ended_ns: 4_999_100, duration_ns: 900, collected: None, ..whole.clone() };
        assert_eq!(
            lines(&[whole, older]),
            [
                "generation 2, number 12: 1.5 ms, freed 7 of 6,218 objects, 2 could not be freed",
                "generation 2, number 12: 900 ns, 2 could not be freed; 900 ns before the last one",
            ]
        );
    }
}
