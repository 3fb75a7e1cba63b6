//! [`select`]: one [`Layouts`] and one [`Dialect`] for a target, from all providers.

use super::{DebugOffsets, Dialect, FieldInfo, Layouts, Provider, Slot, dialect, lookup};
use crate::base::{Abi, Diagnostic};
use crate::cpython::{BuildFlags, PyVersion};
use std::collections::BTreeMap;

/// What a target is read by.
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    /// Where fields lie.
    pub layouts: Layouts,
    /// How they are understood.
    pub dialect: Dialect,
    /// Name of the built-in table that was used ("3.13t"), if there is one for the target.
    pub table_name: Option<&'static str>,
    /// How many fields each provider supplied.
    pub provider_counts: BTreeMap<Provider, usize>,
    /// Where providers disagree, and what else is doubtful.
    pub disagreements: Vec<Diagnostic>,
}

/// Why a target cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// Neither this version nor one like it is known.
    #[error("CPython {version}{} is not supported", flags.abiflags())]
    UnknownVersion {
        /// Version of the target.
        version: PyVersion,
        /// Its flags.
        flags: BuildFlags,
    },
    /// No provider has layouts for this ABI.
    #[error("no layouts for CPython {version}{} on this platform", flags.abiflags())]
    NoLayouts {
        /// Version of the target.
        version: PyVersion,
        /// Its flags.
        flags: BuildFlags,
    },
}

impl SelectError {
    /// What the user can do.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            SelectError::UnknownVersion { .. } => "CPython 3.8 to 3.15 are supported",
            SelectError::NoLayouts { .. } => "give the libpython of the process with its debug information",
        }
    }
}

/// Combines the providers: for each field `_Py_DebugOffsets` of the target over DWARF of its libpython over the
/// built-in table. Each field remembers its provider; where a stronger one contradicts a weaker one there is a
/// `layout-disagreement` diagnostic per struct.
///
/// # Errors
/// [`SelectError`] when nothing is known of the version, or no provider has anything for the ABI.
pub fn select(
    version: PyVersion,
    flags: BuildFlags,
    abi: &Abi,
    debug_offsets: Option<&DebugOffsets>,
    dwarf: Option<&Layouts>,
) -> Result<Selected, SelectError> {
    let dialect = dialect(version, flags).ok_or(SelectError::UnknownVersion { version, flags })?;
    let table = lookup(version, flags, abi);
    let mut layouts = table.map_or(Layouts::NONE, |(layouts, _)| *layouts);
    let mut disagreements = Vec::new();
    if let Some(dwarf) = dwarf {
        overlay(&mut layouts, dwarf, Provider::Dwarf, &mut disagreements);
    }
    if let Some(offsets) = debug_offsets {
        disagreements.extend(offsets.problem.clone());
        overlay(&mut layouts, &offsets.layouts, Provider::DebugOffsets, &mut disagreements);
    }
    let mut provider_counts = BTreeMap::new();
    for field in Layouts::FIELDS {
        if let Some(provider) = layouts.slot(field.strukt, field.field).and_then(Slot::provider) {
            let count: &mut usize = provider_counts.entry(provider).or_default();
            *count = count.saturating_add(1);
        }
    }
    if provider_counts.is_empty() {
        return Err(SelectError::NoLayouts { version, flags });
    }
    let table_name = table.map(|(_, name)| name);
    Ok(Selected { layouts, dialect, table_name, provider_counts, disagreements })
}

/// Takes over the fields that `stronger` has.
fn overlay(layouts: &mut Layouts, stronger: &Layouts, provider: Provider, out: &mut Vec<Diagnostic>) {
    let mut by_struct: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for FieldInfo { strukt, field, .. } in Layouts::FIELDS {
        let Some(offset) = stronger.slot(strukt, field).and_then(Slot::offset) else { continue };
        let (Ok(offset32), Some(slot)) = (u32::try_from(offset), layouts.slot_mut(strukt, field)) else { continue };
        if let Some(old) = slot.offset()
            && old != offset
            && !is_sizeof(strukt, field)
        {
            by_struct.entry(strukt).or_default().push(format!("{field} {offset} not {old}"));
        }
        *slot = Slot::new(offset32, provider);
    }
    let who = match provider {
        Provider::Table => "table",
        Provider::Dwarf => "DWARF",
        Provider::DebugOffsets => "_Py_DebugOffsets",
    };
    for (strukt, fields) in by_struct {
        let message = format!("{who} moves fields of {strukt}: {}", fields.join(", "));
        out.push(Diagnostic::note("layout-disagreement", message));
    }
}

/// These sizes grow within a minor version and with build options; nothing is read by them.
fn is_sizeof(strukt: &str, field: &str) -> bool {
    field == "size" && matches!(strukt, "runtime" | "interpreter" | "thread" | "thread_impl")
}
