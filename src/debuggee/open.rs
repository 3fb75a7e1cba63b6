//! Opens whatever holds a dead process: by content, never by name.

use super::compressed::{Expanded, Limits, Packing, expand};
#[cfg(feature = "minidump")]
use super::minidump;
use super::slim_record::restore;
use super::{ByteSource, Target, TargetError, elf_core};
use crate::base::{Diagnostic, DiagnosticCode};
use crate::sys::{map_file, map_temp};
use std::fs::File;
use std::io::{self, Read};
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
    let failed = |source: io::Error| TargetError::Open { path: path.to_owned(), source };
    let mut damage = Vec::new();
    let mut bytes: Arc<dyn ByteSource> = if path == Path::new(STDIN) {
        expanded(path, io::stdin().lock(), Packing::Plain, &mut damage)?
    } else if is_stream(path) {
        expanded(path, File::open(path).map_err(failed)?, Packing::Plain, &mut damage)?
    } else {
        Arc::new(map_file(path).map_err(failed)?)
    };
    let mapped = path != Path::new(STDIN) && !is_stream(path);
    for layer in 0..MAX_LAYERS {
        let packing = Packing::detect(bytes.bytes());
        bytes = match packing {
            Packing::Plain => break,
            // Read, not mapped: pages of a map that were seen once would count as our memory.
            _ if layer == 0 && mapped => expanded(path, File::open(path).map_err(failed)?, packing, &mut damage)?,
            _ => expanded(path, bytes.bytes(), packing, &mut damage)?,
        };
    }
    let mut target = from_bytes(path, bytes)?;
    for diagnostic in damage {
        target.diagnostics.push(diagnostic);
    }
    restore(&mut target);
    target.memory.stop_recording();
    Ok(target)
}

/// A target of the unpacked bytes of a dump. `path` is for messages.
///
/// # Errors
/// As [`open`].
pub fn from_bytes(path: &Path, bytes: Arc<dyn ByteSource>) -> Result<Target, TargetError> {
    if bytes.bytes().starts_with(b"MDMP") || bytes.bytes().starts_with(b"PMDM") {
        #[cfg(feature = "minidump")]
        return minidump::from_source(path, bytes);
        #[cfg(not(feature = "minidump"))]
        return Err(TargetError::NotBuiltIn { path: path.to_owned(), feature: "minidump" });
    }
    elf_core::from_source(path, bytes)
}

/// Whether the path is a pipe or socket, whose bytes come once.
fn is_stream(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    std::fs::metadata(path).is_ok_and(|m| m.file_type().is_fifo() || m.file_type().is_socket())
}

fn expanded(
    path: &Path,
    input: impl Read,
    packing: Packing,
    damage: &mut Vec<Diagnostic>,
) -> Result<Arc<dyn ByteSource>, TargetError> {
    // What the system says has its number; what a decompressor says is about the data.
    let failed = |source: io::Error| match source.raw_os_error() {
        None => TargetError::Malformed { path: path.to_owned(), what: format!("damaged {packing} data: {source}") },
        Some(_) => TargetError::Open { path: path.to_owned(), source },
    };
    let Expanded { file, size, damage: found } = expand(input, packing, &Limits::default()).map_err(failed)?;
    if let Some(what) = found {
        let message = format!("the {packing} data is damaged or cut off: {size} bytes could be read, then: {what}");
        let hint = "was the file copied whole?";
        damage.push(Diagnostic::warning(DiagnosticCode::PackedDumpDamaged, message).hint(hint));
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
