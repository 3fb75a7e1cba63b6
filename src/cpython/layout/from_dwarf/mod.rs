//! [`from_dwarf`]: fills [`Layouts`] from the DWARF of a libpython, of its debug file, or of extension modules.
//!
//! Only named structs at the top level of units are examined, and of these only the members that
//! [`Layouts::FIELDS`] names. The DWARF is untrusted: every walk has a limit, damage costs the fields it hits.

mod info;

use super::{FieldInfo, Layouts, Provider, Slot};
use crate::base::Exhausted;
use info::{Die, Info, Sections};
use std::collections::HashMap;

/// Why a file's DWARF gave no layouts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DwarfError {
    /// Not an object file, or a section that cannot be decompressed.
    #[error("not a readable object file: {0}")]
    Object(String),
    /// A section is absurdly large.
    #[error("section {section} claims {size} bytes")]
    TooLarge {
        /// Section name.
        section: &'static str,
        /// Claimed size in bytes.
        size: u64,
    },
    /// Absurdly many units.
    #[error("too many DWARF units")]
    TooManyUnits,
    /// No DWARF units.
    #[error("no DWARF debug information")]
    NoDwarf,
    /// A limit was reached.
    #[error(transparent)]
    Limit(#[from] Exhausted),
}

/// One file with DWARF.
#[derive(Clone, Copy, Debug)]
pub struct DwarfFile<'a> {
    /// The file that has the sections: the libpython itself or its separate debug file.
    pub data: &'a [u8],
    /// The file that `.gnu_debugaltlink` of `data` names (dwz), if there is one.
    pub supplement: Option<&'a [u8]>,
}

impl<'a> From<&'a [u8]> for DwarfFile<'a> {
    fn from(data: &'a [u8]) -> Self {
        DwarfFile { data, supplement: None }
    }
}

/// The layouts that the files' DWARF states. Files come in order of trust: for each struct, the first file that
/// defines it wins (libpython first, then extension modules such as `_datetime` for what only they define).
///
/// # Errors
/// [`DwarfError`] when a file is not an object file, or no file has DWARF.
pub fn from_dwarf(files: &[DwarfFile<'_>]) -> Result<Layouts, DwarfError> {
    let mut out = Layouts::NONE;
    let mut any = false;
    for file in files {
        let main = Sections::load(file.data)?;
        let supplement = file.supplement.map(Sections::load).transpose()?;
        let info = Info::new(&main, supplement.as_ref())?;
        any |= !info.is_empty();
        fill(&mut out, &info)?;
    }
    if any { Ok(out) } else { Err(DwarfError::NoDwarf) }
}

fn fill(out: &mut Layouts, info: &Info<'_>) -> Result<(), DwarfError> {
    let found = find_types(info)?;
    let mut known: HashMap<&str, bool> = HashMap::new();
    for field in Layouts::FIELDS {
        // A struct that an earlier file has defined is not mixed with another file's.
        let taken = *known
            .entry(field.strukt)
            .or_insert_with(|| Layouts::FIELDS.iter().any(|f| f.strukt == field.strukt && is_known(out, f)));
        let Some(strukt) = field.c_types.iter().find_map(|name| found.get(name)) else { continue };
        if !taken
            && let Some(offset) = offset_of(info, *strukt, field)
            && let Some(slot) = out.slot_mut(field.strukt, field.field)
        {
            *slot = Slot::new(offset, Provider::Dwarf);
        }
    }
    Ok(())
}

fn is_known(layouts: &Layouts, field: &FieldInfo) -> bool {
    layouts.slot(field.strukt, field.field).is_some_and(Slot::is_some)
}

/// The first complete definition of each wanted type. A typedef of a struct that its unit leaves incomplete does
/// not count: another unit may have the whole.
fn find_types(info: &Info<'_>) -> Result<HashMap<&'static str, Die>, DwarfError> {
    let wanted: HashMap<&'static [u8], &'static str> =
        Layouts::FIELDS.iter().flat_map(|f| f.c_types).map(|name| (name.as_bytes(), *name)).collect();
    let mut found = HashMap::new();
    info.for_each_named_type(|named| {
        if let Some(name) = wanted.get(named.name)
            && !found.contains_key(name)
            && let Some(die) = info.aggregate(named.die)
        {
            found.insert(*name, die);
        }
        found.len() < wanted.len()
    })?;
    Ok(found)
}

fn offset_of(info: &Info<'_>, strukt: Die, field: &FieldInfo) -> Option<u32> {
    let offset = if field.c_paths.is_empty() {
        info.size(strukt)
    } else {
        field.c_paths.iter().find_map(|path| info.path(strukt, path))
    };
    offset.and_then(|o| u32::try_from(o).ok())
}
