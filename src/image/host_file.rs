//! An ELF file on the host: mapped, its build-id, its sections.

use super::FileBytes;
use super::decompress::unfold;
use super::file_cache::FileCache;
use crate::base::Addr;
use crate::debuggee::BuildId;
use crate::debuggee::elf_modules::{ElfImage, build_id_in_notes};
use crate::sys::files::{self, FileState};
use crate::sys::{Place, map_bytes};
use object::elf;
use object::read::elf::ElfFile64;
use object::{LittleEndian as LE, Object as _, ObjectSection as _};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// An ELF file on the host (or in memory).
#[derive(Clone, Debug)]
pub(super) struct HostFile {
    /// Where it is; `None` for one that was put together from memory or found inside another.
    pub place: Option<Place>,
    pub bytes: FileBytes,
    /// Which file it is, where that is certain.
    pub id: Option<FileState>,
}

impl HostFile {
    /// Maps a file that is 64-bit little-endian ELF.
    pub fn open(place: &Place) -> io::Result<HostFile> {
        let (open, place) = place.open_resolved(u64::MAX)?;
        let about = open.metadata()?;
        let id = files::state(&about);
        let bytes = FileBytes::whole(Arc::new(map_bytes(&open, about.len())?));
        let file = HostFile { place: Some(place), bytes, id };
        if !file.bytes.starts_with(&elf::ELFMAG) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not an ELF file"));
        }
        Ok(file)
    }

    /// Where it is, as a path of the host.
    pub fn path(&self) -> Option<PathBuf> {
        self.place.as_ref().map(Place::shown)
    }

    /// The headers, as loaded at `base`.
    pub fn headers(&self, base: Addr) -> Option<ElfImage> {
        ElfImage::from_file(&self.bytes, base)
    }

    /// The build-id, by program headers (in the first page, as a rule) or else by sections.
    pub fn build_id(&self) -> Option<BuildId> {
        let by_segment = self.headers(Addr::NULL).and_then(|image| {
            image.of_type(elf::PT_NOTE).find_map(|note| {
                let notes = self.bytes.slice(note.p_offset.get(LE), note.p_filesz.get(LE))?;
                build_id_in_notes(&notes, note.p_align.get(LE))
            })
        });
        by_segment.or_else(|| self.object()?.build_id().ok().flatten().map(|id| BuildId(id.to_vec())))
    }

    /// The file for the `object` crate. Cheap: it checks the tables and copies nothing.
    pub fn object(&self) -> Option<ElfFile64<'_, LE>> {
        ElfFile64::parse(&*self.bytes).ok()
    }

    /// Address in the file and size of a section that is loaded.
    pub fn section(&self, name: &str) -> Option<(u64, u64)> {
        let object = self.object()?;
        let section = object.section_by_name(name)?;
        let header = section.elf_section_header();
        let loaded = header.sh_flags.get(LE).0 & elf::SHF_ALLOC.0 != 0;
        loaded.then(|| (section.address(), section.size()))
    }

    /// Bytes of a section, decompressed where needed; `None` for one that is absent, has no bytes in the file
    /// (`SHT_NOBITS`, as most in a debug file), or is damaged.
    pub fn section_data(&self, name: &str, cache: &FileCache) -> Option<FileBytes> {
        let object = self.object()?;
        let section = object.section_by_name(name)?;
        let (offset, size) = section.file_range()?;
        let compressed = section.compressed_data().ok()?;
        if compressed.format == object::CompressionFormat::None {
            return self.bytes.slice(offset, size);
        }
        let unfold = || Some(FileBytes::whole(Arc::new(unfold(&compressed)?.into_owned())));
        match &self.id {
            Some(id) => cache.section(id, name, unfold),
            None => unfold(),
        }
    }

    /// Whether a section with content is there, without decompressing it.
    pub fn has_section_data(&self, name: &str) -> bool {
        self.object()
            .and_then(|o| o.section_by_name(name).and_then(|s| s.file_range()))
            .is_some_and(|(_, size)| size > 0)
    }

    /// `.gnu_debuglink`: name and CRC-32 of the debug file.
    pub fn debug_link(&self) -> Option<(Vec<u8>, u32)> {
        let object = self.object()?;
        object.gnu_debuglink().ok().flatten().map(|(name, crc)| (name.to_vec(), crc))
    }

    /// `.gnu_debugaltlink` (written by dwz): path and build-id of the file of shared DWARF.
    pub fn debug_alt_link(&self) -> Option<(Vec<u8>, BuildId)> {
        let object = self.object()?;
        object.gnu_debugaltlink().ok().flatten().map(|(name, id)| (name.to_vec(), BuildId(id.to_vec())))
    }
}

/// Whether the headers are of this machine.
pub(super) fn is_machine(image: &ElfImage, arch: crate::base::Arch) -> bool {
    image.machine.0 == crate::arch::cpu(arch).elf_machine
}
