//! [`PerfNames`]: names of code made at run time, as the process has written them down for `perf`.

use super::symbolize::Symbol;
use crate::base::Addr;
use crate::image::PerfMap;
use std::path::PathBuf;

/// Lines that are read.
const MAX_LINES: usize = 2_000_000;
/// Longest name that is taken.
const MAX_NAME: usize = 4096;

/// A piece of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    start: u64,
    size: u64,
    /// Where its name is in the text.
    name: (usize, usize),
    /// Later lines are of newer code.
    line: usize,
}

/// What a map says.
#[derive(Debug, Default)]
pub struct PerfNames {
    text: Vec<u8>,
    /// By start, and of one start the newest first.
    entries: Vec<Entry>,
    /// The largest size of an entry.
    longest: u64,
    /// The file.
    pub path: PathBuf,
}

impl PerfNames {
    /// Reads the lines `START SIZE NAME`, numbers in hexadecimal; what is no such line is passed over.
    #[must_use]
    pub fn new(map: PerfMap) -> PerfNames {
        let mut entries = Vec::new();
        let mut from = 0usize;
        for (line, bytes) in map.text.split(|byte| *byte == b'\n').take(MAX_LINES).enumerate() {
            entries.extend(entry(bytes, from, line));
            from = from.saturating_add(bytes.len()).saturating_add(1);
        }
        entries.sort_unstable_by_key(|entry| (entry.start, std::cmp::Reverse(entry.line)));
        let longest = entries.iter().map(|entry| entry.size).max().unwrap_or(0);
        PerfNames { text: map.text, entries, longest, path: map.path }
    }

    /// The code that `addr` lies in; where places were used again, the newest.
    #[must_use]
    pub fn at(&self, addr: Addr) -> Option<Symbol> {
        let from = self.entries.partition_point(|entry| entry.start < addr.0.saturating_sub(self.longest));
        let upto = self.entries.partition_point(|entry| entry.start <= addr.0);
        let near = self.entries.get(from..upto)?.iter();
        let found =
            near.filter(|entry| addr.0.wrapping_sub(entry.start) < entry.size).max_by_key(|entry| entry.line)?;
        let name = String::from_utf8_lossy(self.text.get(found.name.0..found.name.1)?).into_owned();
        let offset = addr.0.wrapping_sub(found.start);
        Some(Symbol { name, start: Addr(found.start), offset, size: found.size, in_memory: false })
    }
}

/// The entry of a line that begins at `from` in its file.
fn entry(bytes: &[u8], from: usize, line: usize) -> Option<Entry> {
    let text = std::str::from_utf8(bytes.get(..40).unwrap_or(bytes))
        .or_else(|e| std::str::from_utf8(bytes.get(..e.valid_up_to()).unwrap_or_default()));
    let mut words = text.ok()?.splitn(3, ' ');
    let number = |word: &str| u64::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16).ok();
    let (first, second) = (words.next()?, words.next()?);
    let (start, size) = (number(first)?, number(second)?);
    words.next()?;
    let name = first.len().checked_add(second.len())?.checked_add(2)?;
    let is_whole = size > 0 && start.checked_add(size).is_some() && bytes.len() > name;
    let short = bytes.len().saturating_sub(name) <= MAX_NAME;
    let entry = Entry { start, size, name: (from.checked_add(name)?, from.checked_add(bytes.len())?), line };
    (is_whole && short).then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(names: &PerfNames, addr: u64) -> Option<String> {
        names.at(Addr(addr)).map(|symbol| format!("{}+{}", symbol.name, symbol.offset))
    }

    #[test]
    fn the_newest_line_of_a_place_names_it() {
        let text = "1000 20 old one\n2000 10 py::f:/a b.py\n1010 10 inner\nnonsense\n1000 8 new\nffffffffffffffff 10 x\n3000 0 none\n2000\n";
        let names = PerfNames::new(PerfMap { path: PathBuf::from("map"), text: text.as_bytes().to_vec() });
        assert_eq!(name(&names, 0x1004).as_deref(), Some("new+4"));
        assert_eq!(name(&names, 0x1009).as_deref(), Some("old one+9"));
        assert_eq!(name(&names, 0x1018).as_deref(), Some("inner+8"));
        assert_eq!(name(&names, 0x200f).as_deref(), Some("py::f:/a b.py+15"));
        for nowhere in [0xfff, 0x1020, 0x2010, 0x3000, u64::MAX] {
            assert_eq!(name(&names, nowhere), None, "{nowhere:#x}");
        }
    }
}
