//! [`DebugOffsets`]: the layouts that a 3.13+ target states of itself.

use super::Layouts;
use crate::cpython::PyVersion;

/// The content of `_Py_DebugOffsets`, the first member of `_PyRuntime` in 3.13+
/// (Include/internal/pycore_debug_offsets.h).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugOffsets {
    /// `version`, which is `PY_VERSION_HEX`.
    pub version: PyVersion,
    /// `free_threaded`.
    pub free_threaded: bool,
    /// Its fields that passed validation.
    pub layouts: Layouts,
}
