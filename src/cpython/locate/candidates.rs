//! Places where `_PyRuntime` may be, by name.

use crate::base::Addr;
use crate::debuggee::Target;
use crate::image::{Images, SymbolHit, SymbolSource};

pub use crate::model::FoundBy;

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
            Some(Candidate { runtime, module: Some(module), found_by: FoundBy::PyruntimeSection })
        }));
    }
    // 3.6 has static variables instead; this one other modules may see.
    if found.is_empty() {
        found.extend(images.find_exported(target, "_PyThreadState_Current").into_iter().map(of_symbol));
    }
    // Last: it searches debug files of all modules.
    if found.is_empty() {
        found.extend(images.find_symbol(target, "_PyRuntime").into_iter().map(of_symbol));
    }
    found
}
