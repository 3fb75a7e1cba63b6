//! Columns: Python counts UTF-8 bytes from 0, the protocol UTF-16 code units.

use super::protocol::Client;

/// A column as the client counts, of a place so many bytes into a line.
pub fn to_client(line: &str, byte: u32, client: &Client) -> u32 {
    let end = usize::try_from(byte).unwrap_or(usize::MAX).min(line.len());
    // A place inside of a character is none that Python gives: the character's start stands for it.
    let before = (0..=end).rev().find_map(|end| line.get(..end)).unwrap_or_default();
    let units = before.encode_utf16().count();
    u32::try_from(units).unwrap_or(u32::MAX).saturating_add(u32::from(client.columns_start_at1))
}

/// The text before a column of the client's.
pub fn before<'t>(text: &'t str, column: u64, client: &Client) -> &'t str {
    let wanted = column.saturating_sub(u64::from(client.columns_start_at1));
    let mut units = 0u64;
    for (at, c) in text.char_indices() {
        if units >= wanted {
            return text.get(..at).unwrap_or_default();
        }
        units = units.saturating_add(c.len_utf16() as u64);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf16_units() {
        let (one, zero) = (Client::default(), Client { columns_start_at1: false, ..Client::default() });
        // One byte and unit; two bytes, one unit; four bytes, two units.
        let line = "aé🐍b";
        assert_eq!([0, 1, 3, 7, 8, 99].map(|byte| to_client(line, byte, &one)), [1, 2, 3, 5, 6, 6]);
        assert_eq!(to_client(line, 7, &zero), 4);
        assert_eq!(to_client(line, 2, &zero), 1);
    }

    #[test]
    fn text_before_the_cursor() {
        let client = Client::default();
        assert_eq!(before("é🐍.b", 4, &client), "é🐍");
        assert_eq!(before("é🐍.b", 99, &client), "é🐍.b");
        assert_eq!(before("ab", 1, &client), "");
    }
}
