//! Places where `_PyRuntime` may be, by name.

use crate::base::Addr;
use crate::debuggee::Target;
use crate::image::{Images, SymbolHit, SymbolSource};

/// How the runtime was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// Exported symbol.
    Dynsym,
    /// Symbol of `.symtab`, in the file or its debug file.
    Symtab,
    /// Section `.PyRuntime` (3.10+).
    Section,
    /// Cookie of `_Py_DebugOffsets` (3.13+) in writable memory.
    CookieScan,
    /// A pointer to a `PyInterpreterState` in writable memory.
    InterpreterScan,
}

impl FoundBy {
    /// Name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            FoundBy::Dynsym => "dynsym",
            FoundBy::Symtab => "symtab",
            FoundBy::Section => "pyruntime-section",
            FoundBy::CookieScan => "debug-offsets-scan",
            FoundBy::InterpreterScan => "interpreter-scan",
        }
    }
}

/// A place where `_PyRuntime` may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub runtime: Addr,
    pub module: Option<usize>,
    pub found_by: FoundBy,
}

/// Candidates by exported symbol, then by section, then by any symbol.
pub(super) fn named(target: &Target, images: &Images) -> Vec<Candidate> {
    let of_symbol = |hit: SymbolHit| Candidate {
        runtime: hit.addr,
        module: Some(hit.module),
        found_by: match hit.how {
            SymbolSource::Dynsym => FoundBy::Dynsym,
            _ => FoundBy::Symtab,
        },
    };
    let mut found: Vec<Candidate> = images.find_exported(target, "_PyRuntime").into_iter().map(of_symbol).collect();
    if found.is_empty() {
        found.extend((0..target.modules.len()).filter_map(|module| {
            let (runtime, _) = images.section(module, ".PyRuntime")?;
            Some(Candidate { runtime, module: Some(module), found_by: FoundBy::Section })
        }));
    }
    // Last: it searches debug files of all modules.
    if found.is_empty() {
        found.extend(images.find_symbol(target, "_PyRuntime").into_iter().map(of_symbol));
    }
    found
}
