//! Linux.

pub mod auxv;
pub mod notes;
pub mod signals;

/// The path that Linux shows for the vDSO in `/proc/PID/maps`; the dynamic linker calls it `linux-vdso.so.1`.
pub const VDSO: &str = "[vdso]";

/// Whether the path of a mapping is that of a file: `[heap]`, `[stack]` and the like are not, nor is none.
#[must_use]
pub fn is_mapped_file(path: &str) -> bool {
    !path.is_empty() && !path.starts_with('[')
}
