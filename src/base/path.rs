//! Paths of the target, which may be those of another system than this program's.

/// The last part of a path of either kind of system, directories taken off.
#[must_use]
pub fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
