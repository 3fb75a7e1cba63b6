//! Answers by pages: a client gets as much as it asked for, and a cursor for what is left.

use std::collections::VecDeque;

/// Bytes of a page unless the client says otherwise: some 4000 tokens.
pub const PAGE: usize = 16_000;
/// The least and the most that a client may ask for.
pub const SMALLEST: usize = 1_000;
pub const LARGEST: usize = 100_000;
/// Answers that are kept for what is left of them.
const KEPT: usize = 16;
/// Longest answer that is kept.
const LONGEST: usize = 16 << 20;

/// One page.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    pub text: String,
    /// Where the next one begins.
    pub more: Option<More>,
    /// Whether the answer was longer than what is kept.
    pub cut: bool,
}

/// What is left.
#[derive(Debug, PartialEq, Eq)]
pub struct More {
    pub cursor: String,
    pub bytes: usize,
}

struct Answer {
    number: u64,
    text: String,
    cut: bool,
}

/// Answers of which something is left, the newest last.
#[derive(Default)]
pub struct Answers {
    kept: VecDeque<Answer>,
    given: u64,
}

impl Answers {
    /// The first page of an answer; keeps it where there are more.
    pub fn first(&mut self, mut text: String, size: usize) -> Page {
        let end = boundary(&text, LONGEST);
        let cut = end < text.len();
        text.truncate(end);
        self.given = self.given.saturating_add(1);
        let answer = Answer { number: self.given, text, cut };
        let page = answer.page(0, size);
        if page.more.is_some() {
            if self.kept.len() >= KEPT {
                self.kept.pop_front();
            }
            self.kept.push_back(answer);
        }
        page
    }

    /// The page of a cursor; `None` for one of an answer that is not kept any more, or of none.
    pub fn next(&self, cursor: &str, size: usize) -> Option<Page> {
        let (number, start) = cursor.strip_prefix('c')?.split_once('-')?;
        let (number, start): (u64, usize) = (number.parse().ok()?, start.parse().ok()?);
        let answer = self.kept.iter().find(|answer| answer.number == number)?;
        (start < answer.text.len() && answer.text.is_char_boundary(start)).then(|| answer.page(start, size))
    }
}

impl Answer {
    /// Whole lines where the page has some.
    fn page(&self, start: usize, size: usize) -> Page {
        let rest = self.text.get(start..).unwrap_or_default();
        let fits = rest.get(..boundary(rest, size)).unwrap_or_default();
        let lines = match fits.len() == rest.len() {
            true => fits.len(),
            false => fits.rfind('\n').map_or(fits.len(), |end| end.saturating_add(1)),
        };
        let text = rest.get(..lines).unwrap_or_default().to_owned();
        let bytes = rest.len().saturating_sub(lines);
        let cursor = format!("c{}-{}", self.number, start.saturating_add(lines));
        Page { text, more: (bytes > 0).then_some(More { cursor, bytes }), cut: self.cut }
    }
}

/// The last place up to `at` where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_together_are_the_answer() {
        let long: String = (0..500).map(|n| format!("line {n} é\n")).chain(["x".repeat(5000)]).collect();
        let mut answers = Answers::default();
        let mut page = answers.first(long.clone(), SMALLEST);
        let mut whole = page.text.clone();
        while let Some(more) = page.more {
            assert_eq!(more.bytes, long.len() - whole.len());
            page = answers.next(&more.cursor, SMALLEST).unwrap();
            assert!(page.text.len() <= SMALLEST && !page.text.is_empty());
            whole.push_str(&page.text);
        }
        assert_eq!(whole, long);
    }

    #[test]
    fn what_is_kept_is_bounded_and_other_cursors_are_none() {
        let mut answers = Answers::default();
        let cursor = |page: Page| page.more.unwrap().cursor;
        let first = cursor(answers.first("x\n".repeat(2000), SMALLEST));
        for _ in 0..KEPT {
            answers.first("x\n".repeat(2000), SMALLEST);
        }
        assert_eq!(answers.next(&first, SMALLEST), None);
        for wrong in ["", "c", "c1", "c9999-0", "c2-99999999", "c2--1", "c-2-3"] {
            assert_eq!(answers.next(wrong, SMALLEST), None, "{wrong}");
        }
        assert!(answers.first("é".repeat(LONGEST), LARGEST).cut);
        // A place inside of a character is no cursor of ours.
        let number = answers.given;
        assert_eq!(answers.next(&format!("c{number}-1"), SMALLEST), None);
    }
}
