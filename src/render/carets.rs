//! A source line for the terminal, with the columns of an expression marked below it.

use unicode_width::UnicodeWidthChar as _;

/// Columns shown of a source line; longer ones are cut around the marked part.
const MAX_WIDTH: usize = 160;
/// Columns kept before the marked part when the start of a line is cut.
const LEAD: usize = 20;
/// Distance of tab stops.
const TAB: usize = 4;

/// A line and its marks, both without indentation and line end, both safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// The line; tabs are spaces, control characters are written out.
    pub line: String,
    /// Spaces and `^`; absent when the columns are unknown or cover the whole line.
    pub marks: Option<String>,
}

/// One character as shown.
struct Piece {
    text: String,
    width: usize,
    marked: bool,
}

/// Marks the bytes `start..end` of `source` (`co_positions` counts UTF-8 bytes from 0; `end` is absent when the
/// expression ends on a later line: then the rest of the line is marked).
#[must_use]
pub fn mark(source: &str, columns: Option<(u32, Option<u32>)>) -> Marked {
    let source = source.trim_end();
    let text = source.trim_start();
    let indent = source.len().saturating_sub(text.len());
    let (start, end) = match columns {
        Some((start, end)) => (to_usize(start), end.map_or(source.len(), to_usize)),
        None => (0, 0),
    };
    let whole = start <= indent && end >= source.len();
    let mut pieces = pieces(text, |at| {
        let at = at.saturating_add(indent);
        (start..end).contains(&at)
    });
    // Positions that lie outside the line belong to another version of the file.
    let fits = end <= source.len() && source.is_char_boundary(start) && source.is_char_boundary(end);
    cut(&mut pieces);
    let line: String = pieces.iter().map(|p| p.text.as_str()).collect();
    let marks = (!whole && fits && pieces.iter().any(|p| p.marked)).then(|| {
        let all: String = pieces.iter().map(|p| (if p.marked { "^" } else { " " }).repeat(p.width)).collect();
        all.trim_end().to_owned()
    });
    Marked { line, marks }
}

fn to_usize(column: u32) -> usize {
    usize::try_from(column).unwrap_or(usize::MAX)
}

fn pieces(text: &str, marked: impl Fn(usize) -> bool) -> Vec<Piece> {
    let mut column = 0usize;
    let mut out = Vec::new();
    for (at, c) in text.char_indices() {
        let (shown, width) = if c == '\t' {
            let width = TAB.saturating_sub(column % TAB);
            (" ".repeat(width), width)
        } else {
            let shown = crate::base::escape_terminal(c.encode_utf8(&mut [0; 4]));
            let width = match shown.strip_prefix('\\') {
                Some(_) if c != '\\' => shown.len(),
                _ => c.width().unwrap_or(0),
            };
            (shown, width)
        };
        column = column.saturating_add(width);
        out.push(Piece { text: shown, width, marked: marked(at) });
        // Nobody reads further, and minified files have lines of megabytes.
        if column > MAX_WIDTH.saturating_mul(64) {
            break;
        }
    }
    out
}

/// Cuts a line that is too wide, keeping the start of the marked part.
fn cut(pieces: &mut Vec<Piece>) {
    let total: usize = pieces.iter().map(|p| p.width).sum();
    if total <= MAX_WIDTH {
        return;
    }
    let ellipsis = || Piece { text: "...".to_owned(), width: 3, marked: false };
    let mark_at: usize = pieces.iter().take_while(|p| !p.marked).map(|p| p.width).sum();
    let skip = if mark_at < total { mark_at.saturating_sub(LEAD) } else { 0 };
    let skip = skip.min(total.saturating_sub(MAX_WIDTH));
    let mut at = 0usize;
    let mut kept = Vec::new();
    let mut dropped_tail = false;
    for piece in pieces.drain(..) {
        let from = at;
        at = at.saturating_add(piece.width);
        if from < skip {
            continue;
        }
        if at > skip.saturating_add(MAX_WIDTH) {
            dropped_tail = true;
            break;
        }
        kept.push(piece);
    }
    if skip > 0 {
        pieces.push(ellipsis());
    }
    pieces.append(&mut kept);
    if dropped_tail {
        pieces.push(ellipsis());
    }
}

#[cfg(test)]
mod tests {
    use super::{Marked, mark};

    fn marked(line: &str, marks: Option<&str>) -> Marked {
        Marked { line: line.to_owned(), marks: marks.map(str::to_owned) }
    }

    #[test]
    fn columns_become_carets_below_the_stripped_line() {
        assert_eq!(mark("    x = f(1)\n", Some((8, Some(12)))), marked("x = f(1)", Some("    ^^^^")));
        assert_eq!(mark("    f(1)\n", Some((4, Some(8)))), marked("f(1)", None));
        assert_eq!(mark("    f(\n", Some((4, None))), marked("f(", None));
        assert_eq!(mark("x = f(\n", Some((4, None))), marked("x = f(", Some("    ^^")));
        assert_eq!(mark("x = 1", None), marked("x = 1", None));
    }

    #[test]
    fn columns_are_utf8_bytes_and_carets_are_terminal_columns() {
        // Each CJK character is 3 bytes and 2 columns, the accent 2 bytes and 1 column.
        assert_eq!(mark("s = '漢字' + é", Some((15, Some(17)))), marked("s = '漢字' + é", Some("             ^")));
        assert_eq!(mark("漢 = 字()", Some((6, Some(11)))), marked("漢 = 字()", Some("     ^^^^")));
    }

    #[test]
    fn tabs_and_control_characters_keep_the_marks_in_place() {
        assert_eq!(mark("\ta\tb", Some((3, Some(4)))), marked("a   b", Some("    ^")));
        assert_eq!(mark("a\u{1b}b", Some((2, Some(3)))), marked("a\\x1bb", Some("     ^")));
        assert_eq!(mark("\\ b", Some((2, Some(3)))), marked("\\ b", Some("  ^")));
    }

    #[test]
    fn positions_that_do_not_fit_the_line_give_no_marks() {
        assert_eq!(mark("x = f(1)", Some((4, Some(80)))), marked("x = f(1)", None));
        assert_eq!(mark("é = 1", Some((1, Some(2)))), marked("é = 1", None));
        assert_eq!(mark("abc", Some((2, Some(1)))), marked("abc", None));
    }

    #[test]
    fn long_lines_are_cut_around_the_mark() {
        let source = format!("{}needle{}", "a".repeat(5000), "b".repeat(5000));
        let shown = mark(&source, Some((5000, Some(5006))));
        let marks = shown.marks.unwrap();
        assert!(shown.line.starts_with("...aaaa") && shown.line.ends_with("bbb..."));
        assert_eq!(shown.line.find("needle"), marks.find('^'));
        assert!(shown.line.len() <= 166);
    }
}
