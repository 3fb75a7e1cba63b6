//! Terminal safety: strings from a dump may hold escape sequences.

/// `text` with every control character (C0, DEL, C1, line and paragraph separators, bidi overrides) written as
/// `\xNN` or `\uNNNN`, so that it stays one line and cannot drive a terminal.
#[must_use]
pub fn escape_terminal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_terminal_into(&mut out, text);
    out
}

/// Appends `text` to `out`, escaped as by [`escape_terminal`].
pub fn escape_terminal_into(out: &mut String, text: &str) {
    use std::fmt::Write as _;
    // Nearly every text is of this kind.
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return out.push_str(text);
    }
    for c in text.chars() {
        let code = u32::from(c);
        let unsafe_char = c.is_control() || is_format(code) || matches!(code, 0x2028 | 0x2029);
        // Writing to a String cannot fail.
        let _ = match (unsafe_char, code) {
            (false, _) => {
                out.push(c);
                Ok(())
            }
            (true, 0..=0xff) => write!(out, "\\x{code:02x}"),
            (true, 0x100..=0xffff) => write!(out, "\\u{code:04x}"),
            (true, _) => write!(out, "\\U{code:08x}"),
        };
    }
}

/// `text` escaped as by [`escape_terminal`], and for HTML and XML: without markup, and without the two characters that no
/// XML file may hold.
#[must_use]
pub fn escape_markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in escape_terminal(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {}
            _ => out.push(c),
        }
    }
    out
}

/// Characters of general category Cf (Unicode 16.0): they show nothing and change how what is beside them is shown.
fn is_format(code: u32) -> bool {
    matches!(code,
        0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x890..=0x891 | 0x8e2 | 0x180e | 0x200b..=0x200f
        | 0x202a..=0x202e | 0x2060..=0x2064 | 0x2066..=0x206f | 0xfeff | 0xfff9..=0xfffb | 0x110bd | 0x110cd
        | 0x13430..=0x1343f | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0001 | 0xe0020..=0xe007f)
}

#[cfg(test)]
mod tests {
    use super::{escape_markup, escape_terminal};

    #[test]
    fn control_and_bidi_characters_are_written_out() {
        assert_eq!(escape_terminal("a\x1b[31mé\u{202e}\n\u{9b}"), "a\\x1b[31mé\\u202e\\x0a\\x9b");
        assert_eq!(escape_markup("<a b='\"&'>\x1b\u{ffff}"), "&lt;a b=&#39;&quot;&amp;&#39;&gt;\\x1b");
        assert_eq!(escape_terminal("\u{61c}\u{200b}\u{e0041}\u{ad}"), "\\u061c\\u200b\\U000e0041\\xad");
    }
}
