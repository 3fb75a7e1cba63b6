//! When a crash is one that is known.

use crate::triage::signature::{self, Signature};

/// Whether crashes with the signatures `new` are the defect with the signatures `known`: a coarse key in common and
/// nothing that contradicts.
#[must_use]
pub fn known_as(known: &[Signature], new: &[Signature]) -> bool {
    let common = new.iter().any(|n| known.iter().any(|k| k.coarse == n.coarse));
    common && !new.iter().any(|n| known.iter().any(|k| k.contradicts(n)))
}

/// Two crashes whose exact keys and native names are equal are one defect. The names must be part of it: an exact key
/// of a stack without symbols may stand for several.
pub(super) fn exact_key(signature: &Signature) -> String {
    match signature.site.functions.is_empty() {
        true => signature::hash(&format!("{}{:?}", signature.exact, signature.site.place)),
        false => signature.exact.clone(),
    }
}
