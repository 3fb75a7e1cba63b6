//! Finds CPython in a process: the runtime, its version and build, and the layouts to read it by.
//!
//! Methods in order: the symbol `_PyRuntime`; the section `.PyRuntime` (3.10+); the cookie of `_Py_DebugOffsets`
//! (3.13+) in writable memory; a bounded scan for pointers to a `PyInterpreterState`; both scans look at the data of
//! modules before all else. Every answer is checked by back pointers (`validate`) before it is used. Where a dump lacks
//! the memory for that, a symbol alone must do ([`Proof::Partial`]).

mod candidates;
mod partial;
mod scan;
mod several;
mod unsupported;
mod validate;
mod version;

use super::layout::{Selected, is_supported};
use super::version::{BuildFlags, PyVersion};
use crate::base::{Addr, Diagnostic, DiagnosticCode};
use crate::debuggee::{Segment, Target};
use crate::image::Images;
use crate::model::VersionFrom;
pub use candidates::FoundBy;
use scan::Part;
pub use unsupported::{Unsupported, unsupported};

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
    pub version_from: VersionFrom,
    /// Build flags.
    pub flags: BuildFlags,
    /// Layouts and dialect.
    pub selected: Selected,
    /// How far this was checked.
    pub proof: Proof,
}

impl Located {
    /// Whether the micro version is known, and not only the minor one.
    #[must_use]
    pub fn is_version_exact(&self) -> bool {
        self.version_from != VersionFrom::FileName
    }
}

/// A CPython that was not found, but that a process has loaded by the name or version resource of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedModule {
    /// As in "3.12.9 (python312.dll)".
    pub text: String,
    /// Whether the dump holds any of the module's writable data, where the runtime lies.
    pub has_data: bool,
}

/// The first such module.
#[must_use]
pub fn named_module(target: &Target) -> Option<NamedModule> {
    target.modules.iter().find_map(|module| {
        let (version, from) = version::of_module(module).filter(|(version, _)| is_supported(*version, &target.abi))?;
        let version = if from == VersionFrom::FileName { version.short() } else { version.to_string() };
        let data = |s: &Segment| s.protection.write && s.available > 0 && module.contains(s.start);
        Some(NamedModule {
            text: format!("{version} ({})", module.file_name()),
            has_data: target.memory.segments().iter().any(data),
        })
    })
}

/// How far the memory of the process confirms that this is CPython.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Interpreter, threads and dictionaries point to each other as they must.
    Whole,
    /// The runtime is where a symbol says, and nothing speaks against the interpreter it names, but the dump lacks
    /// memory to check that by. Each thread state needs a proof of its own, and the debug flag is not known.
    Partial,
}

/// Finds CPython; `None` when the process has none, or none that can be confirmed (diagnostics say what was tried).
#[must_use]
pub fn locate(target: &Target, images: &Images) -> Option<Located> {
    let named = candidates::named(target, images);
    if named.is_empty() {
        target.diagnostics.push(Diagnostic::note(
            DiagnosticCode::NoRuntimeSymbol,
            "no module has the symbol _PyRuntime or a .PyRuntime section; searching memory",
        ));
    }
    let confirmed = |candidate: &candidates::Candidate| version::identify(target, images, candidate);
    let best = |found: &mut dyn Iterator<Item = (u32, Located)>| several::choose(target, found.collect());
    best(&mut named.iter().filter_map(confirmed))
        .or_else(|| best(&mut scan::cookies(target, Part::Modules).iter().filter_map(confirmed)))
        .or_else(|| scan::interpreters(target, images, Part::Modules))
        .or_else(|| best(&mut scan::cookies(target, Part::Rest).iter().filter_map(confirmed)))
        .or_else(|| named.iter().find_map(|candidate| partial::identify(target, images, candidate)))
        .or_else(|| scan::interpreters(target, images, Part::Rest))
}
