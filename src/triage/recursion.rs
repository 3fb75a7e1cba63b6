//! Recursion folded: a stack that repeats itself counts each turn once.

/// Longest cycle that is looked for.
const PERIOD_LIMIT: usize = 16;
/// Rounds: a cycle of cycles (mutual recursion through a recursive helper) needs more than one.
const ROUNDS: usize = 4;
/// From this many turns on, a cycle is what filled the stack.
const DEEP: usize = 20;

/// A folded stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Entries, innermost first.
    pub items: Vec<String>,
    /// Start and length in `items` of the cycle with the most turns, and how many it had.
    pub cycle: Option<(usize, usize, usize)>,
}

impl Folded {
    /// The entries from the deepest cycle on: above it is whatever call happened to hit the limit.
    #[must_use]
    pub fn from_cycle(&self) -> &[String] {
        match self.cycle {
            Some((start, _, turns)) if turns >= DEEP => self.items.get(start..).unwrap_or_default(),
            _ => &self.items,
        }
    }
}

/// Folds repeated runs. A cycle is written from its smallest entry on, so that it does not matter in which of its
/// functions the stack ended.
#[must_use]
pub fn fold(items: Vec<String>) -> Folded {
    let mut folded = Folded { items, cycle: None };
    for _ in 0..ROUNDS {
        let next = once(&folded.items);
        let Some(cycle) = next.cycle else { break };
        let deeper = folded.cycle.is_none_or(|(_, _, turns)| cycle.2 > turns);
        folded = Folded { items: next.items, cycle: if deeper { Some(cycle) } else { folded.cycle } };
    }
    // A later round may have moved an earlier cycle; its place is only of use if it still lies inside.
    folded.cycle = folded.cycle.filter(|(start, length, _)| start + length <= folded.items.len());
    folded
}

fn once(items: &[String]) -> Folded {
    let mut out = Folded::default();
    let mut rest = items;
    while let Some((first, tail)) = rest.split_first() {
        let Some((period, turns)) = repeats(rest) else {
            out.items.push(first.clone());
            rest = tail;
            continue;
        };
        let cycle = rest.get(..period).unwrap_or_default();
        let partial = rest.get(period * turns..).unwrap_or_default();
        let partial = cycle.iter().zip(partial).take_while(|(a, b)| a == b).count();
        let start = (0..period).min_by_key(|at| rotated(cycle, *at)).unwrap_or(0);
        if out.cycle.is_none_or(|(_, _, most)| turns > most) {
            out.cycle = Some((out.items.len(), period, turns));
        }
        out.items.extend(rotated(cycle, start).into_iter().cloned());
        rest = rest.get(period * turns + partial..).unwrap_or_default();
    }
    out
}

/// The shortest period at the start of `items` that occurs at least twice, and how often.
fn repeats(items: &[String]) -> Option<(usize, usize)> {
    (1..=PERIOD_LIMIT).find_map(|period| {
        let cycle = items.get(..period)?;
        let turns = items.chunks_exact(period).take_while(|chunk| *chunk == cycle).count();
        (turns >= 2).then_some((period, turns))
    })
}

fn rotated(cycle: &[String], by: usize) -> Vec<&String> {
    cycle.iter().cycle().skip(by).take(cycle.len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        fold(text.split(' ').map(str::to_owned).collect()).items.join(" ")
    }

    #[test]
    fn depth_and_phase_of_a_recursion_do_not_matter() {
        assert_eq!(folded("f f f main"), "f main");
        assert_eq!(folded("a b a b a b main"), "a b main");
        assert_eq!(folded("b a b a b a b main"), "a b main");
        assert_eq!(folded("a a b a a a b a a b main"), "a b main");
        assert_eq!(folded("a b c main"), "a b c main");
    }

    #[test]
    fn what_hit_the_limit_is_dropped() {
        let deep: Vec<String> = ["repr", "x"].into_iter().chain(["f"; 50]).chain(["main"]).map(str::to_owned).collect();
        assert_eq!(fold(deep).from_cycle(), ["f", "main"]);
        let short: Vec<String> = ["x", "f", "f", "main"].map(str::to_owned).to_vec();
        assert_eq!(fold(short).from_cycle(), ["x", "f", "main"]);
    }
}
