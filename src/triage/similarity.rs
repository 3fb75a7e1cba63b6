//! How alike two stacks are: the position-dependent model of ReBucket.
//!
//! Y. Dang, R. Wu, H. Zhang, D. Zhang, P. Nobel: "ReBucket: a method for clustering duplicate crash reports based on
//! call stack similarity", ICSE 2012, section IV-B. Equal frames count the more the nearer they are to the top of the
//! stack (weight `c`) and the less they are shifted against each other (weight `o`):
//!
//! ```text
//! sim(A, B) = max over common subsequences L of  sum over (i, j) in L of  e^(-c min(i, j)) e^(-o |i - j|)
//!             ---------------------------------------------------------------------------------------------
//!                                  sum over j < l of e^(-c j)        with l = min(|A|, |B|)
//! ```

use super::rules::Similarity;

/// Similarity between 0 and 1; 0 when one of the stacks is empty.
#[must_use]
pub fn similarity(a: &[String], b: &[String], numbers: &Similarity) -> f64 {
    let shorter = a.len().min(b.len());
    if shorter == 0 {
        return 0.0;
    }
    let mut above = vec![0.0_f64; b.len() + 1];
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(above.len());
        row.push(0.0);
        let mut left = 0.0_f64;
        for ((j, y), (diagonal, up)) in b.iter().enumerate().zip(above.iter().zip(above.iter().skip(1))) {
            let match_weight = if x == y { weight(i, j, numbers) } else { 0.0 };
            left = left.max(*up).max(diagonal + match_weight);
            row.push(left);
        }
        above = row;
    }
    let best = above.last().copied().unwrap_or(0.0);
    let whole: f64 = (0..shorter).map(|j| (-numbers.c * small(j)).exp()).sum();
    (best / whole).min(1.0)
}

fn weight(i: usize, j: usize, numbers: &Similarity) -> f64 {
    (-numbers.c * small(i.min(j)) - numbers.o * small(i.abs_diff(j))).exp()
}

/// Positions are below the limit of frames in a signature.
fn small(position: usize) -> f64 {
    f64::from(u32::try_from(position).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: Similarity = Similarity { c: 0.4, o: 0.3, threshold: 0.75 };

    fn of(a: &str, b: &str) -> f64 {
        let split = |t: &str| t.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (a, b) = (split(a), split(b));
        let there = similarity(&a, &b, &NUMBERS);
        assert!((there - similarity(&b, &a, &NUMBERS)).abs() < 1e-12, "not symmetric");
        there
    }

    #[test]
    fn nearer_the_top_counts_more() {
        assert!((of("a b c", "a b c") - 1.0).abs() < 1e-12);
        assert!(of("a b c", "x y z").abs() < 1e-12);
        assert!(of("a b x", "a b y") > of("x b c", "y b c"));
        assert!(of("a b c d", "a c d e") < of("a b c d", "a b c e"));
        assert!(of("", "a").abs() < 1e-12);
    }

    #[test]
    fn the_formula_of_the_paper_by_hand() {
        // a-a at (0, 0), c-c at (2, 1): (1 + e^-0.4 e^-0.3) / (1 + e^-0.4).
        let expected = (1.0 + (-0.7_f64).exp()) / (1.0 + (-0.4_f64).exp());
        assert!((of("a b c", "a c") - expected).abs() < 1e-12);
    }
}
