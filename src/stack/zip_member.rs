//! A file inside of a zip file: programs of `zipapp`, eggs, whatever `zipimport` runs.

use crate::sys::map_opened;
use flate2::bufread::DeflateDecoder;
use memmap2::Mmap;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};

/// Files listed in an archive; more are not looked at.
const MAX_ENTRIES: usize = 200_000;

/// A zip file whose list of entries was read.
#[derive(Debug)]
pub(super) struct Archive {
    content: ZipSliceArchive<Mmap>,
    /// By name; of two with the same name the first.
    entries: HashMap<Vec<u8>, (ZipArchiveEntryWayfinder, CompressionMethod)>,
}

impl Archive {
    /// Reads the list of entries, as far as it can be read.
    ///
    /// # Errors
    /// When it is no zip file.
    pub(super) fn open(file: &File) -> io::Result<Self> {
        let content = ZipArchive::from_slice(map_opened(file)?).map_err(io::Error::other)?;
        let mut entries = HashMap::new();
        let mut list = content.entries();
        for _ in 0..MAX_ENTRIES {
            let Ok(Some(entry)) = list.next_entry() else { break };
            let name = entry.file_path().as_ref().to_vec();
            entries.entry(name).or_insert((entry.wayfinder(), entry.compression_method()));
        }
        Ok(Archive { content, entries })
    }

    /// What is stored under `name`, unless it is larger than `limit`. Stored or deflated: `zipimport` reads no others.
    ///
    /// # Errors
    /// When there is no such file, or it is damaged.
    pub(super) fn read(&self, name: &str, limit: u64) -> io::Result<Vec<u8>> {
        let (at, method) = self.entries.get(name.as_bytes()).ok_or(io::ErrorKind::NotFound)?;
        unpack(&self.content, *at, *method, limit)
    }
}

fn unpack<T: AsRef<[u8]>>(
    archive: &ZipSliceArchive<T>,
    at: ZipArchiveEntryWayfinder,
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
    use super::Archive;
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
        Archive::open(&file)?.read(name, limit)
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
