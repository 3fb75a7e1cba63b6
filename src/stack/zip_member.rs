//! A file inside of a zip file: programs of `zipapp`, eggs, whatever `zipimport` runs.

use crate::sys::map_opened;
use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipSliceArchive};
use std::fs::File;
use std::io::{self, Read};

/// Files listed in an archive; more are not looked at.
const MAX_ENTRIES: usize = 200_000;

/// What is stored under `name` in the zip file, unless it is larger than `limit`. Stored or deflated: `zipimport` reads no others.
///
/// # Errors
/// When it is no zip file, is damaged, or has no such file.
pub(super) fn read(archive: &File, name: &str, limit: u64) -> io::Result<Vec<u8>> {
    let archive = ZipArchive::from_slice(map_opened(archive)?).map_err(io::Error::other)?;
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    let mut entries = archive.entries();
    for _ in 0..MAX_ENTRIES {
        let entry = entries.next_entry().map_err(io::Error::other)?.ok_or_else(missing)?;
        if entry.file_path().as_ref() == name.as_bytes() {
            return unpack(&archive, entry.wayfinder(), entry.compression_method(), limit);
        }
    }
    Err(missing())
}

fn unpack<T: AsRef<[u8]>>(
    archive: &ZipSliceArchive<T>,
    at: rawzip::ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    limit: u64,
) -> io::Result<Vec<u8>> {
    let entry = archive.get_entry(at).map_err(io::Error::other)?;
    let plain: Box<dyn Read> = match method {
        CompressionMethod::STORE => Box::new(entry.data()),
        CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(entry.data())),
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    let mut bytes = Vec::new();
    // One byte too many tells that there is more; checksum and size are compared at the end alone.
    entry.verifying_reader(plain).take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::read;
    use std::io::{Seek as _, Write as _};

    /// A zip file with one file of that content in it.
    fn zip(method: rawzip::CompressionMethod, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut out);
        let (mut entry, config) = archive.new_file("pkg/mod.py").compression_method(method).start().unwrap();
        if method == rawzip::CompressionMethod::DEFLATE {
            let mut writer = config.wrap(flate2::write::DeflateEncoder::new(&mut entry, Default::default()));
            writer.write_all(content).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        } else {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(content).unwrap();
            let (_, descriptor) = writer.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap();
        out
    }

    fn read_of(bytes: &[u8], name: &str, limit: u64) -> std::io::Result<Vec<u8>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        read(&file, name, limit)
    }

    #[test]
    fn what_is_stored_is_read() {
        use rawzip::CompressionMethod as Method;
        let text = b"x = 1\n".repeat(100);
        for method in [Method::STORE, Method::DEFLATE] {
            let whole = zip(method, &text);
            assert_eq!(read_of(&whole, "pkg/mod.py", 600).unwrap(), text);
            // With a first line that names the interpreter: offsets count from the archive's begin.
            let script = [b"#!/usr/bin/python3\n", &whole[..]].concat();
            assert_eq!(read_of(&script, "pkg/mod.py", 600).unwrap(), text);
            assert_eq!(read_of(&whole, "pkg/mod.py", 599).unwrap_err().kind(), std::io::ErrorKind::FileTooLarge);
            assert_eq!(read_of(&whole, "mod.py", 600).unwrap_err().kind(), std::io::ErrorKind::NotFound);
        }
        assert!(read_of(b"no zip file at all", "x", 10).is_err() && read_of(b"", "x", 10).is_err());
        let mut damaged = zip(Method::STORE, &text);
        damaged[60] ^= 1;
        assert!(read_of(&damaged, "pkg/mod.py", 600).is_err(), "the checksum is another");
    }
}
