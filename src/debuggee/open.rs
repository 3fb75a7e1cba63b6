//! Opens whatever holds a dead process: by content, never by name.

use super::compressed::{self, Expanded, Packing, expand};
#[cfg(feature = "minidump")]
use super::minidump;
use super::slim_record::restore;
use super::{ByteSource, Limits, Target, TargetError, elf_core};
use crate::base::{Diagnostic, DiagnosticCode};
use crate::sys::{Place, files, map_opened, map_temp};
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::Path;
use std::sync::Arc;

/// Standard input, as a path.
pub const STDIN: &str = "-";

/// More layers than this (an apport report, the gzip stream in it, ...) nobody packs.
const MAX_LAYERS: usize = 4;

/// Opens a core or minidump, as it is or packed (zstd, gzip, xz, lz4, apport); `-` is standard input. Pipes are read
/// to their end into a temporary file; regular files are mapped.
///
/// # Errors
/// [`TargetError`] when the file cannot be opened or is not a dump. A packed dump that is damaged or cut off further on
/// is opened as far as it goes, with a diagnostic.
pub fn open(path: &Path) -> Result<Target, TargetError> {
    open_within(path, &Limits::default())
}

/// The same within limits.
///
/// # Errors
/// As [`open`].
pub fn open_within(path: &Path, limits: &Limits) -> Result<Target, TargetError> {
    let failed = |source: io::Error| TargetError::Open { path: path.to_owned(), source };
    if path == Path::new(STDIN) || is_stream(path) {
        let mut damage = Vec::new();
        let bytes = match path == Path::new(STDIN) {
            true => expanded(path, io::stdin().lock(), Packing::Plain, limits, &mut damage)?,
            false => expanded(path, File::open(path).map_err(failed)?, Packing::Plain, limits, &mut damage)?,
        };
        return unpacked(path, None, bytes, limits, damage);
    }
    open_file_within(path, &Place::named(path).open(u64::MAX).map_err(failed)?, limits)
}

/// The same of a regular file that is open, whose path is for messages.
///
/// # Errors
/// As [`open`].
pub fn open_file_within(path: &Path, file: &File, limits: &Limits) -> Result<Target, TargetError> {
    let failed = |source: io::Error| TargetError::Open { path: path.to_owned(), source };
    unpacked(path, Some(file), Arc::new(map_opened(file).map_err(failed)?), limits, Vec::new())
}

/// Takes off what the dump is packed in.
fn unpacked(
    path: &Path,
    mut file: Option<&File>,
    mut bytes: Arc<dyn ByteSource>,
    limits: &Limits,
    mut damage: Vec<Diagnostic>,
) -> Result<Target, TargetError> {
    for _ in 0..MAX_LAYERS {
        let packing = Packing::detect(bytes.bytes());
        bytes = match (packing, file.take()) {
            (Packing::Plain, _) => break,
            // Read, not mapped: pages of a map that were seen once would count as our memory.
            (_, Some(mut file)) => {
                file.rewind().map_err(|source| TargetError::Open { path: path.to_owned(), source })?;
                expanded(path, file, packing, limits, &mut damage)?
            }
            (_, None) => expanded(path, bytes.bytes(), packing, limits, &mut damage)?,
        };
    }
    let mut target = from_bytes_within(path, bytes, limits)?;
    restore(&mut target);
    // After what the original of a slim dump had: this file's own damage is not that one's.
    for diagnostic in damage {
        target.diagnostics.push(diagnostic);
    }
    target.memory.stop_recording();
    Ok(target)
}

/// A target of the unpacked bytes of a dump. `path` is for messages.
///
/// # Errors
/// As [`open`].
pub fn from_bytes(path: &Path, bytes: Arc<dyn ByteSource>) -> Result<Target, TargetError> {
    from_bytes_within(path, bytes, &Limits::default())
}

/// The same within limits.
///
/// # Errors
/// As [`open`].
pub fn from_bytes_within(path: &Path, bytes: Arc<dyn ByteSource>, limits: &Limits) -> Result<Target, TargetError> {
    if bytes.bytes().starts_with(b"MDMP") || bytes.bytes().starts_with(b"PMDM") {
        #[cfg(feature = "minidump")]
        return minidump::from_source_within(path, bytes, limits);
        #[cfg(not(feature = "minidump"))]
        return Err(TargetError::NotBuiltIn { path: path.to_owned(), feature: "minidump" });
    }
    elf_core::from_source_within(path, bytes, limits)
}

/// Whether the path is a pipe or socket, whose bytes come once.
fn is_stream(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|data| files::is_stream(&data))
}

fn expanded(
    path: &Path,
    input: impl Read,
    packing: Packing,
    limits: &Limits,
    damage: &mut Vec<Diagnostic>,
) -> Result<Arc<dyn ByteSource>, TargetError> {
    // What the system says has its number; what a decompressor says is about the data.
    let failed = |source: io::Error| match source.raw_os_error() {
        None => TargetError::Malformed { path: path.to_owned(), what: format!("damaged {packing} data: {source}") },
        Some(_) => TargetError::Open { path: path.to_owned(), source },
    };
    let within = compressed::Limits {
        on_disk: limits.expanded,
        deadline: limits.deadline.clone(),
        ..compressed::Limits::default()
    };
    let Expanded { file, size, damage: found, limit } = expand(input, packing, &within).map_err(failed)?;
    if let Some(what) = found {
        let message = format!("the {packing} data is damaged or cut off: {size} bytes could be read, then: {what}");
        let hint = "was the file copied whole?";
        damage.push(Diagnostic::warning(DiagnosticCode::PackedDumpDamaged, message).hint(hint));
    }
    if let Some(what) = limit {
        let message = format!("the {packing} data was expanded to {size} bytes and not further: {what}");
        let hint = "--max-expanded MIB allows more, --timeout SECONDS more time";
        damage.push(Diagnostic::warning(DiagnosticCode::LimitReached, message).hint(hint));
    }
    Ok(Arc::new(map_temp(&file).map_err(failed)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(content: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, content).unwrap();
        open(&path).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_dump_is_named() {
        assert!(message(b"").ends_with("is empty"));
        assert!(message(b"hello\n").ends_with("a text file"));
        assert!(message(&zstd::encode_all(&b"hello\n"[..], 1).unwrap()).ends_with("a text file"));
        assert!(message(b"\x28\xb5\x2f\xfd nonsense").contains("damaged zstd data"));
        assert!(message(b"\x1f\x8b\x08").contains("damaged gzip data"));
        assert!(open(Path::new("/absent/core")).unwrap_err().to_string().starts_with("cannot open /absent/core"));
    }

    #[test]
    fn layers_of_packing_end() {
        let mut data = b"hello".to_vec();
        for _ in 0..10 {
            data = zstd::encode_all(&*data, 1).unwrap();
        }
        assert!(message(&data).contains("zstd-compressed"));
    }
}
