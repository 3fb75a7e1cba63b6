//! Pythons that are recognised but cannot be read: they are named, and never read as another version.

use super::scan;
use super::version::of_module;
use crate::base::Budget;
use crate::cpython::layout::{DebugOffsets, is_supported};
use crate::cpython::version::PyVersion;
use crate::debuggee::{Memory as _, Module, Segment, Target};
use crate::image::Images;
use std::fmt;

/// Bytes of a module's data that are searched for its version.
const DATA_LIMIT: u64 = 8 << 20;
/// Longest version with what follows it: "3.7.16rc1 (".
const LONGEST: u64 = 16;

/// A Python that this program cannot read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Implementation and version, as far as known: "CPython 2.7.18", "PyPy 3.9".
    pub name: String,
    /// File name of the module that it is in.
    pub file: String,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.file)
    }
}

/// The Python of a process in which no CPython could be located, where one is known by what it says of itself: the
/// runtime's own version (3.13+), the text that `Py_GetVersion` keeps (Python/getversion.c), or the name of its file.
#[must_use]
pub fn unsupported(target: &Target, images: &Images) -> Option<Unsupported> {
    let stated = || {
        scan::cookies(target, scan::Part::Modules).iter().find_map(|found| {
            let offsets = DebugOffsets::read(&target.memory, &target.abi, found.runtime).ok().flatten()?;
            let file = target.modules.get(found.module?)?.file_name().to_owned();
            (!is_supported(offsets.version, &target.abi))
                .then(|| Unsupported { name: format!("CPython {}", offsets.version), file })
        })
    };
    let exporting =
        || images.find_exported(target, "Py_GetVersion").into_iter().filter_map(|hit| target.modules.get(hit.module));
    target
        .modules
        .iter()
        .find_map(other_implementation)
        .or_else(stated)
        .or_else(|| exporting().find_map(|module| by_text(target, module)))
        .or_else(|| target.modules.iter().find_map(|module| by_name(target, module)))
}

/// The version in the text that `Py_GetVersion` made at start: "2.7.18 (default, ...".
fn by_text(target: &Target, module: &Module) -> Option<Unsupported> {
    let version = version_text(target, module)?;
    (!is_supported(version, &target.abi)).then(|| cpython(&version.to_string(), module))
}

/// The version in a file's name, with the micro version where the memory has it.
fn by_name(target: &Target, module: &Module) -> Option<Unsupported> {
    let (named, _) = of_module(module).filter(|(version, _)| !is_supported(*version, &target.abi))?;
    let text = version_text(target, module).filter(|version| version.same_minor(&named));
    Some(cpython(&text.map_or(named.short(), |version| version.to_string()), module))
}

fn cpython(version: &str, module: &Module) -> Unsupported {
    Unsupported { name: format!("CPython {version}"), file: module.file_name().to_owned() }
}

/// PyPy's library is `libpypy3.9-c.so` (2.7: `libpypy-c.so`), GraalPy's `libpythonvm.so`.
fn other_implementation(module: &Module) -> Option<Unsupported> {
    let file = module.file_name();
    let name = match file.strip_prefix("lib").unwrap_or(file) {
        "pythonvm.so" => "GraalPy".to_owned(),
        name => {
            let rest = name.strip_prefix("pypy")?;
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            format!("PyPy {}", rest.get(..end)?.trim_matches('.')).trim_end().to_owned()
        }
    };
    Some(Unsupported { name, file: file.to_owned() })
}

/// The first text of the form "3.7.16 (" in the writable data of a module.
fn version_text(target: &Target, module: &Module) -> Option<PyVersion> {
    let budget = Budget::new("bytes of a module's data", DATA_LIMIT);
    let own =
        |s: &&Segment| s.protection.write && s.available > 0 && (module.contains(s.start) || module.end == s.start);
    scan::each_chunk(target, target.memory.segments().iter().filter(own), &budget, LONGEST, |start, bytes| {
        let (at, version) = version_in(bytes)?;
        // The dump that a report was made of keeps what the report says.
        let _ = target.memory.read(start.wrapping_add(at as u64), &mut [0; LONGEST as usize]);
        Some(version)
    })
}

/// Where a version is, and which. Texts begin after a NUL byte, or where the bytes do.
fn version_in(bytes: &[u8]) -> Option<(usize, PyVersion)> {
    memchr::memmem::find_iter(bytes, b" (").find_map(|end| {
        let before = bytes.get(end.saturating_sub(LONGEST.try_into().unwrap_or(0))..end)?;
        let text = before.rsplit(|byte| *byte == 0).next()?;
        let version: PyVersion = std::str::from_utf8(text).ok()?.parse().ok()?;
        version.is_of_python().then_some((end.saturating_sub(text.len()), version))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_text_of_its_own() {
        let found = |bytes: &[u8]| version_in(bytes).map(|(_, v)| v.to_string());
        assert_eq!(found(b"\0\x012.7.18 (default"), None);
        assert_eq!(found(b"\0x (\x002.7.18 (default, May"), Some("2.7.18".to_owned()));
        assert_eq!(version_in(b"\0x (\x002.7.18 (default").map(|(at, _)| at), Some(5));
        assert_eq!(found(b"3.7.0rc1 (heads"), Some("3.7.0rc1".to_owned()));
        assert_eq!(found(b"\x0012.7.18 (default"), None);
        assert_eq!(found(b"\x003.7.16"), None);
    }
}
