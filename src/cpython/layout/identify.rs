//! [`identify`]: which CPython an ELF file is, from the file alone.

use super::debug_offsets::{COOKIE, PREFIX_SIZE, parse_prefix};
use crate::base::{Abi, Endian};
use crate::cpython::{BuildFlags, PyVersion};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use std::collections::BTreeMap;

/// Version and build flags of an executable or libpython, and how they were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Version.
    pub version: PyVersion,
    /// Flags.
    pub flags: BuildFlags,
    /// What told the version ("symbol Py_Version").
    pub evidence: &'static str,
}

/// Sections larger than this are not searched for a version string.
const MAX_STRINGS: u64 = 256 << 20;

/// Identifies an ELF file of CPython that still has its data (not a separate debug file); `None` when nothing in it
/// tells a version.
#[must_use]
pub fn identify(file: &[u8]) -> Option<Identity> {
    let object = object::File::parse(file).ok()?;
    let debug = symbol(&object, "_Py_NegativeRefcount").is_some();
    if let Some((version, free_threaded)) = from_cookie(&object) {
        let flags = BuildFlags { debug, free_threaded };
        return Some(Identity { version, flags, evidence: "_Py_DebugOffsets in section .PyRuntime" });
    }
    // Only free-threaded builds have it (Objects/object.c, 3.13+).
    let flags = BuildFlags { debug, free_threaded: symbol(&object, "_Py_MergeZeroLocalRefcount").is_some() };
    if let Some(version) = from_symbol(&object) {
        return Some(Identity { version, flags, evidence: "symbol Py_Version" });
    }
    from_strings(&object).map(|version| Identity { version, flags, evidence: "version string in .rodata" })
}

/// Address of a defined symbol. `.dynsym` comes first: it is there in stripped files too.
fn symbol(object: &object::File<'_>, name: &str) -> Option<u64> {
    object
        .dynamic_symbols()
        .chain(object.symbols())
        .find(|s| s.is_definition() && s.name_bytes() == Ok(name.as_bytes()))
        .map(|s| s.address())
}

fn u32_at(object: &object::File<'_>, address: u64) -> Option<u32> {
    let bytes = object.sections().find_map(|s| s.data_range(address, 4).ok().flatten())?;
    let bytes = <[u8; 4]>::try_from(bytes).ok()?;
    Some(if object.is_little_endian() { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
}

/// The start of `_Py_DebugOffsets`, in 3.13+. 3.10 to 3.12 have the section without it.
fn from_cookie(object: &object::File<'_>) -> Option<(PyVersion, bool)> {
    let data = object.section_by_name(".PyRuntime")?.data().ok()?;
    let endian = if object.is_little_endian() { Endian::Little } else { Endian::Big };
    let abi = Abi { endian, ..Abi::LINUX_X86_64 };
    memchr::memmem::find_iter(data, &COOKIE)
        .find_map(|at| parse_prefix(data.get(at..)?.get(..usize::try_from(PREFIX_SIZE).ok()?)?, &abi))
}

/// `const unsigned long Py_Version` (3.11+, Python/getversion.c).
fn from_symbol(object: &object::File<'_>) -> Option<PyVersion> {
    let hex = u32_at(object, symbol(object, "Py_Version")?)?;
    PyVersion::from_hex(hex).filter(|v| v.is_plausible())
}

/// `PY_VERSION` among the strings of `.rodata` (3.8 to 3.10). Linkers merge a string into the tail of another one
/// ("/opt/3.8.18"), so tails count where no string is the version alone; the version named most often wins, and a
/// tie is not an answer.
fn from_strings(object: &object::File<'_>) -> Option<PyVersion> {
    symbol(object, "_PyRuntime")?;
    let section = object.section_by_name(".rodata").filter(|s| s.size() <= MAX_STRINGS)?;
    let data = section.data().ok()?;
    let (mut whole, mut tails) = (BTreeMap::new(), BTreeMap::new());
    for text in data.split(|b| *b == 0) {
        if let Some((version, is_whole)) = version_at_end(text) {
            let votes: &mut BTreeMap<PyVersion, usize> = if is_whole { &mut whole } else { &mut tails };
            let count = votes.entry(version).or_default();
            *count = count.saturating_add(1);
        }
    }
    // The standard library's directory ("lib/python3.8") is always named too.
    let named = |v: &PyVersion| {
        let directory = format!("python{}", v.short());
        memchr::memmem::find(data, directory.as_bytes()).is_some()
    };
    let votes = if whole.is_empty() { tails } else { whole };
    let most = *votes.values().max()?;
    let mut winners = votes.into_iter().filter(|(_, n)| *n == most).map(|(v, _)| v);
    winners.next().filter(|v| winners.next().is_none() && named(v))
}

/// The version that `text` ends with, and whether it is all of it.
fn version_at_end(text: &[u8]) -> Option<(PyVersion, bool)> {
    let in_version = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b'a' | b'b' | b'r' | b'c' | b'+');
    let start = text.iter().rposition(|b| !in_version(b)).map_or(0, |at| at.saturating_add(1));
    let tail = std::str::from_utf8(text.get(start..)?).ok().filter(|t| (5..=16).contains(&t.len()))?;
    let version = tail.parse::<PyVersion>().ok().filter(|v| v.is_plausible())?;
    Some((version, start == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_at_the_end_of_strings() {
        let v = |text: &str| version_at_end(text.as_bytes()).map(|(v, whole)| (v.to_string(), whole));
        assert_eq!(v("3.8.18"), Some(("3.8.18".to_owned(), true)));
        assert_eq!(v("/opt/versions/3.8.18"), Some(("3.8.18".to_owned(), false)));
        assert_eq!(v("Python-3.10.0rc2+"), Some(("3.10.0rc2".to_owned(), false)));
        assert_eq!(v("1.3.8.18"), None);
        assert_eq!(v("2.7.18"), None);
        assert_eq!(v("3.8"), None);
    }
}
