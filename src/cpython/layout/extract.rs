//! [`Extract`]: the layouts of one build as a small JSON file. The table files are made from these
//! (`fixtures/layouts/`), so that tables can be checked without the interpreters at hand.

use super::{Layouts, Provider, Slot};
use crate::cpython::{BuildFlags, PyVersion};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the JSON form.
pub const EXTRACT_FORMAT: u32 = 1;

/// Offsets of one build, and where they were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extract {
    /// [`EXTRACT_FORMAT`].
    pub format: u32,
    /// Version of the build.
    pub version: PyVersion,
    /// Its flags.
    #[serde(flatten)]
    pub flags: BuildFlags,
    /// What the offsets were read from ("DWARF of pyenv-3.8", "headers of libpython3.14-dev 3.14.10-1").
    pub origin: String,
    /// Offset in bytes (or `sizeof`, for fields named `size`) by struct and field; absent fields are left out.
    pub offsets: BTreeMap<String, BTreeMap<String, u32>>,
}

impl Extract {
    /// An extract of `layouts`.
    #[must_use]
    pub fn new(version: PyVersion, flags: BuildFlags, origin: &str, layouts: &Layouts) -> Self {
        let mut offsets: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
        for field in Layouts::FIELDS {
            let offset = layouts.slot(field.strukt, field.field).and_then(Slot::offset);
            if let Some(offset) = offset.and_then(|o| u32::try_from(o).ok()) {
                offsets.entry(field.strukt.to_owned()).or_default().insert(field.field.to_owned(), offset);
            }
        }
        Extract { format: EXTRACT_FORMAT, version, flags, origin: origin.to_owned(), offsets }
    }

    /// The offsets as layouts from `provider`. Names that [`Layouts`] does not have are skipped.
    #[must_use]
    pub fn layouts(&self, provider: Provider) -> Layouts {
        let mut out = Layouts::NONE;
        for (strukt, fields) in &self.offsets {
            for (field, offset) in fields {
                if let Some(slot) = out.slot_mut(strukt, field) {
                    *slot = Slot::new(*offset, provider);
                }
            }
        }
        out
    }
}
