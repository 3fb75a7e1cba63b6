//! [`select`]: one [`Layouts`] and one [`Dialect`] for a target, from all providers.

use super::{DebugOffsets, Dialect, FieldInfo, Layouts, Provider, Slot, dialect, lookup};
use crate::base::{Abi, Diagnostic, DiagnosticCode};
use crate::cpython::{BuildFlags, PyVersion, ReleaseLevel};
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
    pub fn help(&self) -> String {
        match self {
            SelectError::UnknownVersion { .. } => format!("{} are supported", super::supported_range()),
            SelectError::NoLayouts { .. } => "give the libpython of the process with its debug information".to_owned(),
        }
    }
}

/// Combines the providers: for each field `_Py_DebugOffsets` of the target over DWARF of its libpython over the
/// built-in table. Each field remembers its provider; where a stronger one contradicts a weaker one there is a
/// `layout-disagreement` diagnostic per struct. `_Py_DebugOffsets` is memory of the process, which may be damaged: a field
/// that it alone places is disputed.
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
    let mut dialect = dialect(version, flags, abi).ok_or(SelectError::UnknownVersion { version, flags })?;
    let table = lookup(version, flags, abi);
    let mut layouts = table.map_or(Layouts::NONE, |(layouts, _)| *layouts);
    let mut disagreements = Vec::new();
    if version.level != ReleaseLevel::Final {
        let message =
            format!("{version} is a pre-release; layouts and meaning of fields are those of the final release");
        disagreements.push(Diagnostic::note(DiagnosticCode::LayoutPrerelease, message));
    }
    if let Some(dwarf) = dwarf {
        overlay(&mut layouts, dwarf, Provider::Dwarf, &mut disagreements);
    }
    if let Some(offsets) = debug_offsets {
        disagreements.extend(offsets.problem.clone());
        let disputed = overlay(&mut layouts, &offsets.layouts, Provider::DebugOffsets, &mut disagreements);
        dialect.frames_disputed = disputed.iter().any(|strukt| LEADS_TO_FRAMES.contains(strukt));
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

/// Structs on the way to a frame's variables and their names.
const LEADS_TO_FRAMES: &[&str] = &[
    "runtime",
    "interpreter",
    "thread",
    "frame",
    "code",
    "object",
    "var_object",
    "tuple",
    "bytes",
    "unicode",
    "unicode_compact",
    "unicode_object",
];

/// Takes over the fields that `stronger` has; gives the structs with fields that are disputed now.
fn overlay(
    layouts: &mut Layouts,
    stronger: &Layouts,
    provider: Provider,
    out: &mut Vec<Diagnostic>,
) -> Vec<&'static str> {
    let may_err = provider == Provider::DebugOffsets;
    let mut by_struct: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for FieldInfo { strukt, field, .. } in Layouts::FIELDS {
        let Some(offset) = stronger.slot(strukt, field).and_then(Slot::offset) else { continue };
        let (Ok(offset32), Some(slot)) = (u32::try_from(offset), layouts.slot_mut(strukt, field)) else { continue };
        let new = Slot::new(offset32, provider);
        *slot = match slot.offset().filter(|old| *old != offset && !is_sizeof(strukt, field)) {
            Some(old) => {
                by_struct.entry(strukt).or_default().push(format!("{field} {offset} not {old}"));
                if may_err { new.disputed() } else { new }
            }
            None => new,
        };
    }
    let who = match provider {
        Provider::Table => "table",
        Provider::Dwarf => "DWARF",
        Provider::DebugOffsets => "_Py_DebugOffsets",
        _ => "?",
    };
    for (strukt, fields) in &by_struct {
        let message = format!("{who} moves fields of {strukt}: {}", fields.join(", "));
        out.push(match may_err {
            true => Diagnostic::warning(
                DiagnosticCode::LayoutDisagreement,
                format!("{message}; it is in the process's memory: what is read by them is not certain"),
            ),
            false => Diagnostic::note(DiagnosticCode::LayoutDisagreement, message),
        });
    }
    if may_err { by_struct.into_keys().collect() } else { Vec::new() }
}

/// These sizes grow within a minor version and with build options; nothing is read by them.
fn is_sizeof(strukt: &str, field: &str) -> bool {
    field == "size" && matches!(strukt, "runtime" | "interpreter" | "thread" | "thread_impl")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::layout::COOKIE;

    fn v(text: &str) -> PyVersion {
        text.parse().unwrap()
    }

    #[test]
    fn the_table_is_that_of_version_and_flags() {
        let linux = Abi::LINUX_X86_64;
        let name = |text, flags, abi| select(v(text), flags, abi, None, None).ok().and_then(|s| s.table_name);
        let t = BuildFlags { free_threaded: true, debug: false };
        let d = BuildFlags { free_threaded: false, debug: true };
        assert_eq!(name("3.8.18", BuildFlags::RELEASE, &linux), Some("3.8"));
        assert_eq!(name("3.11.2", d, &linux), Some("3.11"));
        assert_eq!(name("3.13.5", t, &linux), Some("3.13.5t"));
        assert_eq!(name("3.14.4", BuildFlags::RELEASE, &linux), Some("3.14.0"));
        assert_eq!(name("3.14.10", BuildFlags::RELEASE, &linux), Some("3.14.5"));
        assert_eq!(name("3.12.9", BuildFlags::RELEASE, &Abi::WINDOWS_X86_64), Some("3.12-windows"));
        assert_eq!(name("3.14.9", t, &linux), Some("3.14.9t"));
        assert_eq!(name("3.14.10", t, &linux), Some("3.14.10t"));
        assert_eq!(name("3.15.1", t, &linux), Some("3.15.1t"));
        assert_eq!(name("3.14.10", t, &Abi::WINDOWS_X86_64), Some("3.14.10t-windows"));
        assert_eq!(name("3.14.1", d, &Abi::WINDOWS_X86_64), None);
        assert_eq!(name("3.7.9", BuildFlags::RELEASE, &linux), Some("3.7"));
        // Objects are linked there.
        assert_eq!(name("3.7.9", d, &linux), None);
        assert_eq!(name("3.5.9", BuildFlags::RELEASE, &linux), None);
        assert_eq!(name("3.16.0", BuildFlags::RELEASE, &linux), None);
        assert_eq!(name("3.12.0", t, &linux), None);
    }

    #[test]
    fn between_known_versions_only_what_did_not_move_is_stated() {
        let layouts = |text| select(v(text), BuildFlags::RELEASE, &Abi::LINUX_X86_64, None, None).unwrap().layouts;
        assert!(layouts("3.13.5").thread_impl.asyncio_running_loop.is_some());
        assert!(layouts("3.13.18").thread_impl.asyncio_running_loop.is_some());
        assert!(!layouts("3.13.9").thread_impl.asyncio_running_loop.is_some());
        assert!(!layouts("3.13.2").lock.locked.is_some());
        assert!(layouts("3.13.2").frame.previous.is_some());
    }

    #[test]
    fn stronger_providers_win_and_contradictions_are_told() {
        let mut dwarf = Layouts::NONE;
        dwarf.frame.previous = Slot::new(8, Provider::Dwarf);
        dwarf.frame.owner = Slot::new(71, Provider::Dwarf);
        let mut stated = Layouts::NONE;
        stated.frame.owner = Slot::new(72, Provider::DebugOffsets);
        let offsets = DebugOffsets { version: v("3.13.5"), free_threaded: false, layouts: stated, problem: None };
        let selected =
            select(v("3.13.5"), BuildFlags::RELEASE, &Abi::LINUX_X86_64, Some(&offsets), Some(&dwarf)).unwrap();
        assert_eq!(selected.layouts.frame.previous, Slot::new(8, Provider::Dwarf));
        assert_eq!(selected.layouts.frame.owner, Slot::new(72, Provider::DebugOffsets).disputed());
        assert!(selected.dialect.frames_disputed);
        assert_eq!(selected.layouts.frame.localsplus.provider(), Some(Provider::Table));
        assert_eq!(selected.provider_counts.get(&Provider::DebugOffsets), Some(&1));
        let told: Vec<&str> = selected.disagreements.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(
            told,
            [
                "DWARF moves fields of frame: owner 71 not 70",
                "_Py_DebugOffsets moves fields of frame: owner 72 not 71; it is in the process's memory: what is read by \
                 them is not certain",
            ]
        );
    }

    #[test]
    fn a_damaged_table_of_the_target_leaves_the_built_in_one() {
        let mut bytes = COOKIE.to_vec();
        bytes.extend(0x030d_05f0u64.to_le_bytes());
        bytes.extend([0; 600]);
        let offsets = DebugOffsets::from_bytes(&bytes, &Abi::LINUX_X86_64).unwrap();
        let selected = select(v("3.13.5"), BuildFlags::RELEASE, &Abi::LINUX_X86_64, Some(&offsets), None).unwrap();
        assert_eq!(selected.disagreements.first().map(|d| &d.code), Some(&DiagnosticCode::DebugOffsetsInvalid));
        assert_eq!(selected.layouts.frame.previous, Slot::new(8, Provider::Table));
    }

    #[test]
    fn a_pre_release_is_named_as_such() {
        let selected = select(v("3.15.0rc1"), BuildFlags::RELEASE, &Abi::LINUX_X86_64, None, None).unwrap();
        assert_eq!(selected.disagreements.first().map(|d| &d.code), Some(&DiagnosticCode::LayoutPrerelease));
    }
}
