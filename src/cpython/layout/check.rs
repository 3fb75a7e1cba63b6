//! What `pyinquest layouts dump FILE` and `layouts check FILE` do: layouts of a file on disk, and the built-in
//! table held against them.

use super::identify::{Identity, identify};
use super::{DwarfError, DwarfFile, Extract, FieldInfo, Layouts, Provider, Slot, from_dwarf, lookup};
use crate::base::Abi;
use crate::cpython::{BuildFlags, PyVersion};
use std::path::{Path, PathBuf};

/// Why a file's layouts cannot be shown or checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Its DWARF is missing or unusable.
    #[error("{path}: {source}")]
    Dwarf {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DwarfError,
    },
    /// Not a CPython, or one that does not say which.
    #[error("{path}: no CPython version found in it")]
    Unidentified {
        /// The file.
        path: PathBuf,
    },
    /// There is no built-in table to check.
    #[error("no built-in table for CPython {version}{}", flags.abiflags())]
    NoTable {
        /// Version of the file.
        version: PyVersion,
        /// Its flags.
        flags: BuildFlags,
    },
}

impl ToolError {
    /// What the user can do.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            ToolError::Dwarf { source: DwarfError::NoDwarf, .. } => {
                Some("give a libpython or python with debug information, or its separate debug file with --debug-file")
            }
            ToolError::Unidentified { .. } => Some("give the python executable or libpython itself"),
            ToolError::NoTable { .. } => Some("--table VERSION compares it with the table of another version"),
            ToolError::Read { .. } | ToolError::Dwarf { .. } => None,
        }
    }
}

/// The files to look into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The python executable or libpython.
    pub file: PathBuf,
    /// Its separate debug file, when the DWARF is not in `file`.
    pub debug_file: Option<PathBuf>,
    /// Extension modules (or their debug files) that define further structs.
    pub extensions: Vec<PathBuf>,
}

/// Layouts of a build, from its DWARF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// Which build it is.
    pub identity: Identity,
    /// Its layouts.
    pub layouts: Layouts,
}

impl Dump {
    /// As an extract (`layouts dump --json`), with a text that says where it is from.
    #[must_use]
    pub fn extract(&self, origin: &str) -> Extract {
        Extract::new(self.identity.version, self.identity.flags, origin, &self.layouts)
    }
}

/// One field where table and DWARF disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Struct name in [`Layouts`].
    pub strukt: &'static str,
    /// Field name.
    pub field: &'static str,
    /// Offset in the table in bytes; `None`: absent there.
    pub table: Option<u64>,
    /// Offset in the DWARF; `None`: the DWARF has the struct but no such member.
    pub dwarf: Option<u64>,
}

/// Outcome of [`check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOutcome {
    /// Which build the file is.
    pub identity: Identity,
    /// Name of the table that was checked.
    pub table: &'static str,
    /// Number of fields compared.
    pub compared: usize,
    /// Structs of the table that the DWARF does not define.
    pub not_in_dwarf: Vec<&'static str>,
    /// Fields that differ.
    pub differences: Vec<Difference>,
}

/// The layouts that a file's DWARF states.
///
/// # Errors
/// [`ToolError`] when a file cannot be read, has no DWARF, or is not a CPython.
pub fn dump(inputs: &Inputs) -> Result<Dump, ToolError> {
    let main = read(&inputs.file)?;
    let identity = identify(&main).ok_or_else(|| ToolError::Unidentified { path: inputs.file.clone() })?;
    let debug = inputs.debug_file.as_deref().map(read).transpose()?;
    let extensions = inputs.extensions.iter().map(|p| read(p)).collect::<Result<Vec<_>, _>>()?;
    let files: Vec<DwarfFile<'_>> = std::iter::once(debug.as_deref().unwrap_or(&main))
        .chain(extensions.iter().map(Vec::as_slice))
        .map(DwarfFile::from)
        .collect();
    let path = || inputs.debug_file.clone().unwrap_or_else(|| inputs.file.clone());
    let layouts = from_dwarf(&files).map_err(|source| ToolError::Dwarf { path: path(), source })?;
    Ok(Dump { identity, layouts })
}

/// Holds the built-in table of the file's version and flags, or of another version, against its DWARF.
///
/// # Errors
/// As [`dump`]; [`ToolError::NoTable`] when there is no table for the file's version.
pub fn check(inputs: &Inputs, abi: &Abi, of: Option<PyVersion>) -> Result<CheckOutcome, ToolError> {
    let Dump { identity, layouts } = dump(inputs)?;
    let (version, flags) = (of.unwrap_or(identity.version), identity.flags);
    let (table, name) = lookup(version, flags, abi).ok_or(ToolError::NoTable { version, flags })?;
    let (compared, not_in_dwarf, differences) = compare(table, &layouts);
    Ok(CheckOutcome { identity, table: name, compared, not_in_dwarf, differences })
}

/// Compares a table with the layouts of DWARF: number of fields compared, structs the DWARF lacks, differences.
#[must_use]
pub fn compare(table: &Layouts, dwarf: &Layouts) -> (usize, Vec<&'static str>, Vec<Difference>) {
    let (mut compared, mut missing, mut differences) = (0usize, Vec::new(), Vec::new());
    for field in Layouts::FIELDS {
        let (in_table, in_dwarf) = (offset(table, field), offset(dwarf, field));
        let defined = Layouts::FIELDS.iter().any(|f| f.strukt == field.strukt && offset(dwarf, f).is_some());
        if !defined {
            if in_table.is_some() && !missing.contains(&field.strukt) {
                missing.push(field.strukt);
            }
            continue;
        }
        compared = compared.saturating_add(1);
        if in_table != in_dwarf {
            differences.push(Difference { strukt: field.strukt, field: field.field, table: in_table, dwarf: in_dwarf });
        }
    }
    (compared, missing, differences)
}

/// The layouts of a build that is described by an extract.
#[must_use]
pub fn layouts_of(extract: &Extract) -> Layouts {
    extract.layouts(Provider::Dwarf)
}

fn offset(layouts: &Layouts, field: &FieldInfo) -> Option<u64> {
    layouts.slot(field.strukt, field.field).and_then(Slot::offset)
}

fn read(path: &Path) -> Result<Vec<u8>, ToolError> {
    std::fs::read(path).map_err(|source| ToolError::Read { path: path.to_owned(), source })
}
