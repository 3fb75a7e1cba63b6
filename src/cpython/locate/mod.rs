//! Finds CPython in a process: the runtime, its version and build, and the layouts to read it by.
//!
//! Methods in order: the symbol `_PyRuntime`; the section `.PyRuntime` (3.10+); the cookie of `_Py_DebugOffsets`
//! (3.13+) in writable memory; a bounded scan for pointers to a `PyInterpreterState`. Every answer is checked by
//! back pointers (`validate`) before it is used.

mod candidates;
mod scan;
mod validate;
mod version;

use super::layout::Selected;
use super::version::{BuildFlags, PyVersion};
use crate::base::{Addr, Diagnostic};
use crate::image::Images;
use crate::target::Target;
pub use candidates::FoundBy;

/// CPython, found.
#[derive(Debug)]
pub struct Located {
    /// `_PyRuntime`; `None` when only the interpreter was found.
    pub runtime: Option<Addr>,
    /// First interpreter of the list; NULL when there is none (yet, or any more).
    pub interpreters_head: Addr,
    /// How it was found.
    pub found_by: FoundBy,
    /// Index of the module that holds it.
    pub module: Option<usize>,
    /// Version.
    pub version: PyVersion,
    /// What told the version.
    pub version_from: &'static str,
    /// Build flags.
    pub flags: BuildFlags,
    /// Layouts and dialect.
    pub selected: Selected,
}

/// Finds CPython; `None` when the process has none, or none that can be confirmed (diagnostics say what was tried).
#[must_use]
pub fn locate(target: &Target, images: &Images) -> Option<Located> {
    let named = candidates::named(target, images);
    if named.is_empty() {
        target.diagnostics.push(Diagnostic::note(
            "no-runtime-symbol",
            "no module has the symbol _PyRuntime or a .PyRuntime section; searching memory",
        ));
    }
    let confirmed = |candidate: &candidates::Candidate| version::identify(target, images, candidate);
    best(named.iter().filter_map(confirmed))
        .or_else(|| best(scan::cookies(target).iter().filter_map(confirmed)))
        .or_else(|| scan::interpreters(target))
}

/// The answer with most evidence; the first of equals.
fn best(found: impl Iterator<Item = (u32, Located)>) -> Option<Located> {
    let mut best: Option<(u32, Located)> = None;
    for (score, located) in found {
        if best.as_ref().is_none_or(|(top, _)| score > *top) {
            best = Some((score, located));
        }
    }
    best.map(|(_, located)| located)
}
