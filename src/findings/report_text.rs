//! Texts that a function which ended the process had made: found in its own frames, in what these point to and in the
//! variables of its module, and believed only where they have the form that the function gives them.

use super::facts::{Scene, SceneFrame};
use crate::base::Addr;
use crate::debuggee::MemoryExt as _;
use regex::Regex;
use std::collections::BTreeSet;
use std::ops::Range;

/// Bytes of the stack that are searched.
const MAX_STACK: u64 = 256 << 10;
/// Blocks that the stack points to.
const MAX_BLOCKS: usize = 512;
/// Bytes of each.
const MAX_BLOCK: u64 = 32 << 10;
/// How far from the start of a block its text may begin: after a header (`QArrayData`).
const MAX_HEADER: usize = 64;
/// Bytes of a module's variables.
const MAX_VARIABLES: u64 = 4 << 20;
/// Longest text.
const MAX_TEXT: usize = 2000;
/// The least of a format that must be text, for a match to be none by chance.
const MIN_LITERAL: usize = 5;

/// Memory of a reporter.
pub(super) struct Searched {
    /// Its stack, from the innermost frame to its own.
    stack: Vec<u8>,
    /// What words on that stack point to.
    blocks: Vec<Vec<u8>>,
    /// Variables of its module.
    variables: Vec<Vec<u8>>,
}

impl Searched {
    /// Reads what belongs to the reporter that has `frame`.
    pub fn of(scene: &Scene<'_>, frame: &SceneFrame<'_>) -> Searched {
        let memory = &scene.facts.target.memory;
        let start = scene.frames(1).next().map(|f| f.frame.sp).unwrap_or_default();
        let end = frame.frame.cfa.unwrap_or(frame.frame.sp);
        let size = end.distance_from(start).unwrap_or(0).min(MAX_STACK);
        let stack = memory.read_vec(start, size).unwrap_or_default();
        let own = start..start.wrapping_add(size);
        let module = frame.code.module.and_then(|m| scene.facts.target.modules.get(m));
        let segments = memory.segments().iter().filter(|s| s.protection.write && s.available > 0);
        let variables = segments.filter(|s| module.is_some_and(|m| m.contains(s.start)));
        let variables = variables.filter_map(|s| memory.read_vec(s.start, s.available.min(MAX_VARIABLES)).ok());
        let mut words: Vec<u64> = stack.chunks_exact(8).map(|word| scene.facts.target.abi.uint(word)).collect();
        // What the reporter keeps in a register may be in none of the inner frames.
        words.extend((0..16).filter_map(|n| frame.frame.registers.as_deref()?.get(n)));
        Searched { blocks: blocks(scene, &words, &own), variables: variables.collect(), stack }
    }

    /// The text that was made of a format of printf; `None` where there is none, or several that differ.
    pub fn formatted(&self, format: &str) -> Option<String> {
        let pieces = pieces(format)?;
        let anchor = pieces.iter().max_by_key(|piece| piece.len()).filter(|piece| piece.len() >= MIN_LITERAL)?;
        let mut found = BTreeSet::new();
        let mut add = |bytes: &[u8], header: usize| {
            for at in memchr::memmem::find_iter(bytes, anchor.as_bytes()) {
                let line = around(bytes, at, |b| is_text(u16::from(b)));
                // What happens to be in front of a text on the stack may be no text at all.
                let text = bytes.get(line.clone()).map(String::from_utf8_lossy);
                found.extend(text.filter(|_| line.start <= header).and_then(|text| matched(&text, &pieces)));
            }
            let wide: Vec<u8> = anchor.encode_utf16().flat_map(u16::to_le_bytes).collect();
            for at in memchr::memmem::find_iter(bytes, &wide).filter(|at| at % 2 == 0) {
                let units: Vec<u16> =
                    bytes.chunks_exact(2).filter_map(|b| Some(u16::from_le_bytes(b.try_into().ok()?))).collect();
                let line = around(&units, at / 2, is_text);
                let text = units.get(line.clone()).map(String::from_utf16_lossy);
                found.extend(text.filter(|_| line.start <= header).and_then(|text| matched(&text, &pieces)));
            }
        };
        add(&self.stack, usize::MAX);
        self.blocks.iter().for_each(|block| add(block, MAX_HEADER));
        // The format itself is no text that was made of it.
        found.retain(|text| text != format && !text.contains(char::REPLACEMENT_CHARACTER));
        if found.len() == 1 { found.pop_first() } else { None }
    }

    /// The fatal line of a log (glog, Abseil): `F20260131 12:00:00.000000 123 file.cc:5] text`, as "text (file.cc:5)".
    pub fn logged(&self) -> Option<String> {
        let pattern = r"F[0-9]{4,8} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]+ +[0-9]+ ([^\]\s]+:[0-9]+)\] (.+)";
        let pattern = Regex::new(pattern).ok()?;
        let all = self.variables.iter().chain(&self.blocks).chain(std::iter::once(&self.stack));
        let lines = all.flat_map(|bytes| {
            memchr::memmem::find_iter(bytes, b"] ").filter_map(|at| {
                let line = around(bytes, at, |b| is_text(u16::from(b)));
                let text = String::from_utf8_lossy(bytes.get(line)?);
                let parts = pattern.captures(&text)?;
                Some(format!("{} ({})", parts.get(2)?.as_str().trim(), parts.get(1)?.as_str()))
            })
        });
        // A copy of it may be cut off.
        lines.max_by_key(String::len)
    }
}

/// What words of the reporter's frames point to, except the stack itself.
fn blocks(scene: &Scene<'_>, words: &[u64], own: &Range<Addr>) -> Vec<Vec<u8>> {
    let target = scene.facts.target;
    let mut seen = BTreeSet::new();
    words
        .iter()
        .map(|word| Addr(*word))
        .filter(|at| at.0 >= crate::os::NULL_AREA && !own.contains(at) && seen.insert(*at))
        .filter_map(|at| {
            let segment = target.memory.segment_at(at).filter(|s| s.protection.write && !s.protection.execute)?;
            let size = segment.end().distance_from(at)?.min(MAX_BLOCK);
            target.memory.read_vec(at, size).ok()
        })
        .take(MAX_BLOCKS)
        .collect()
}

/// Texts between the conversions of a format; `None` where it has a conversion that is not known.
fn pieces(format: &str) -> Option<Vec<String>> {
    let mut out = vec![String::new()];
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let (text, conversion) = rest.split_at(at);
        out.last_mut()?.push_str(text);
        let conversion = conversion.strip_prefix('%')?;
        let conversion = conversion
            .trim_start_matches(|c: char| matches!(c, '-' | '+' | ' ' | '#' | '*' | '.') || c.is_ascii_digit());
        let conversion = conversion.trim_start_matches(['h', 'l', 'L', 'q', 'j', 'z', 't']);
        let kind = conversion.chars().next()?;
        match kind {
            '%' => out.last_mut()?.push('%'),
            kind if kind.is_ascii_alphabetic() => out.push(String::new()),
            _ => return None,
        }
        rest = conversion.get(kind.len_utf8()..)?;
    }
    out.last_mut()?.push_str(rest);
    if let Some(last) = out.last_mut() {
        *last = last.trim_end().to_owned();
    }
    Some(out)
}

/// The part of a text that has these pieces in this order, from the first to the end of the text.
fn matched(text: &str, pieces: &[String]) -> Option<String> {
    let text = text.trim_end();
    let (first, rest) = pieces.split_first()?;
    let (last, middle) = match rest.split_last() {
        Some(parts) => parts,
        None => return text.find(first.as_str()).map(|_| first.clone()),
    };
    let start = text.find(first.as_str())?;
    let mut at = start.checked_add(first.len())?;
    for piece in middle {
        at = at.checked_add(text.get(at..)?.find(piece.as_str())?)?.checked_add(piece.len())?;
    }
    text.get(at..)?.ends_with(last.as_str()).then(|| text.get(start..).map(str::to_owned))?
}

/// The run of units that are text around `at`.
fn around<T: Copy>(units: &[T], at: usize, is_text: impl Fn(T) -> bool) -> Range<usize> {
    let before = units.get(..at).unwrap_or_default().iter().rev().take(MAX_TEXT).take_while(|u| is_text(**u)).count();
    let after = units.get(at..).unwrap_or_default().iter().take(MAX_TEXT).take_while(|u| is_text(**u)).count();
    at.saturating_sub(before)..at.saturating_add(after)
}

fn is_text(unit: u16) -> bool {
    unit >= 0x20 && unit != 0x7f || unit == 0x09 || unit == 0x0a
}

#[cfg(test)]
mod tests {
    use super::{Searched, matched, pieces};

    fn in_blocks(blocks: &[&[u8]]) -> Searched {
        Searched { stack: Vec::new(), blocks: blocks.iter().map(|b| b.to_vec()).collect(), variables: Vec::new() }
    }

    #[test]
    fn a_format_has_texts_between_its_conversions() {
        assert_eq!(pieces("the store %-5.*ls is gone: %ld\n").unwrap(), ["the store ", " is gone: ", ""]);
        assert_eq!(pieces("100%% of %s").unwrap(), ["100% of ", ""]);
        assert_eq!(pieces("plain").unwrap(), ["plain"]);
        assert_eq!(pieces("cut %"), None);
    }

    #[test]
    fn a_text_is_that_of_a_format_if_it_has_all_of_its_texts() {
        let of = |text: &str, format: &str| matched(text, &pieces(format).unwrap());
        assert_eq!(of("[a.c] the store x is gone: 7\n", "the store %s is gone: %d").unwrap(), "the store x is gone: 7");
        assert_eq!(of("the store x is here", "the store %s is gone: %d"), None);
        assert_eq!(of("the end", "the end").unwrap(), "the end");
        assert_eq!(of("size 7 of 8", "size %d of %d bytes"), None);
    }

    #[test]
    fn several_texts_of_one_format_are_none() {
        let format = "the store %s is gone";
        let one = in_blocks(&[b"the store a is gone\0xyz", b"the store %s is gone\0"]);
        assert_eq!(one.formatted(format).unwrap(), "the store a is gone");
        let two = in_blocks(&[b"the store a is gone\0", b"the store b is gone\0"]);
        assert_eq!(two.formatted(format), None);
        let wide: Vec<u8> = "the store \u{e9} is gone\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(in_blocks(&[&wide]).formatted(format).unwrap(), "the store \u{e9} is gone");
    }

    #[test]
    fn a_fatal_line_of_a_log_is_known_by_its_head() {
        let line = b"\0F20261130 15:18:24.416340  4884 shop.cc:5] Check failed: n < 3 (7 vs. 3)\n\0";
        assert_eq!(in_blocks(&[line]).logged().unwrap(), "Check failed: n < 3 (7 vs. 3) (shop.cc:5)");
        assert_eq!(in_blocks(&[b"E1130 15:18:24.416340 4884 shop.cc:5] no\0"]).logged(), None);
    }
}
