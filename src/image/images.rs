//! [`Images`]: one [`Image`] for each module of a target.

use super::FileBytes;
use super::debug_file::{self, DebugFile, DebugOrigin};
use super::dynsym::DynamicSymbols;
use super::file_cache::FileCache;
use super::find::{SearchOptions, Verification};
use super::host_file::HostFile;
#[cfg(feature = "pdb")]
use super::pdb_file;
use super::pe::PeImage;
use super::symbols::SymbolSource;
use super::symtab::SymbolTable;
use crate::base::{Abi, Addr};
use crate::debuggee::elf_modules::ElfImage;
use crate::debuggee::{BuildId, ByteSource, Memory};
use crate::model::FileStatus;
use crate::sys::files::FileState;
use crate::sys::{Place, map_opened, mapped};
use object::elf;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

/// One image for each module of a target, in the order of [`Target::modules`](crate::debuggee::Target::modules).
#[derive(Debug, Default)]
pub struct Images {
    pub(super) images: Vec<Image>,
}

impl Images {
    /// All images.
    pub fn iter(&self) -> impl Iterator<Item = &Image> {
        self.images.iter()
    }

    /// Address and size of the static variables of all modules ([`Image::static_data`]).
    pub fn static_data(&self) -> impl Iterator<Item = (u64, u64)> {
        self.images.iter().flat_map(Image::static_data).map(|(start, bytes)| (start.0, bytes))
    }

    /// The image of a module, by its index.
    #[must_use]
    pub fn get(&self, module: usize) -> Option<&Image> {
        self.images.get(module)
    }

    /// The image that holds `addr`, its `.bss` included.
    #[must_use]
    pub fn at(&self, addr: Addr) -> Option<&Image> {
        self.images.iter().find(|i| i.contains(addr))
    }

    /// Address in the process and size of a loaded section of a module.
    #[must_use]
    pub fn section(&self, module: usize, name: &str) -> Option<(Addr, u64)> {
        self.get(module)?.section(name)
    }
}

/// Headers of an executable or library, by its format.
#[derive(Debug)]
pub enum ImageFormat {
    /// Linux: ELF and program headers, from memory or else from the file.
    Elf(ElfImage),
    /// Windows: headers of a PE image, from memory.
    Pe(PeImage),
}

/// A module's file, where there is one, and everything read from it. Whatever is not needed to open a dump is read
/// when it is first asked for.
#[derive(Debug)]
pub struct Image {
    /// Index of the module in [`Target::modules`](crate::debuggee::Target::modules).
    pub module: usize,
    /// What became of the search for its file.
    pub status: FileStatus,
    /// By what the file was recognised.
    pub verified: Option<Verification>,
    pub(super) path_in_process: String,
    pub(super) build_id: Option<BuildId>,
    pub(super) options: Arc<SearchOptions>,
    pub(super) format: Option<ImageFormat>,
    pub(super) file: Option<HostFile>,
    pub(super) lazy: Lazy,
}

/// Parts that are read when first asked for.
#[derive(Debug, Default)]
pub(super) struct Lazy {
    debug: OnceLock<Option<DebugFile>>,
    pdb: OnceLock<Option<HostFile>>,
    alternate: OnceLock<Option<HostFile>>,
    dynamic: OnceLock<Option<DynamicSymbols>>,
    dynsym: OnceLock<Option<SymbolTable>>,
    symtab: OnceLock<Option<SymbolTable>>,
    debug_symtab: OnceLock<Option<SymbolTable>>,
    sections: Mutex<HashMap<String, Option<FileBytes>>>,
}

impl Image {
    /// The host file in use; `None` when there is none, or for the vDSO.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.file.as_ref()?.path()
    }

    /// Where that file is.
    pub(super) fn place(&self) -> Option<&Place> {
        self.file.as_ref()?.place.as_ref()
    }

    /// Maps a file that its DWARF names: one of split DWARF. It may be where the process's own files may be.
    #[must_use]
    pub fn companion(&self, path: &Path) -> Option<impl ByteSource + use<>> {
        let roots = self.options.sysroots.iter().map(PathBuf::as_path).chain([Path::new("/")]);
        let moved = mapped(path.to_str()?, &self.options.path_maps);
        let mut places = moved.into_iter().chain(roots.map(|root| Place::in_root(root, path)));
        places.find_map(|place| map_opened(&place.open(u64::MAX).ok()?).ok())
    }

    /// Its headers; `None` where neither memory nor a file has them.
    #[must_use]
    pub fn format(&self) -> Option<&ImageFormat> {
        self.format.as_ref()
    }

    /// Headers of an ELF image.
    #[must_use]
    pub fn elf(&self) -> Option<&ElfImage> {
        match &self.format {
            Some(ImageFormat::Elf(elf)) => Some(elf),
            Some(ImageFormat::Pe(_)) | None => None,
        }
    }

    /// Headers of a PE image.
    #[must_use]
    pub fn pe(&self) -> Option<&PeImage> {
        match &self.format {
            Some(ImageFormat::Pe(pe)) => Some(pe),
            Some(ImageFormat::Elf(_)) | None => None,
        }
    }

    /// What is added (modulo 2^64) to an address in the file to get the address in the process.
    #[must_use]
    pub fn bias(&self) -> Option<u64> {
        self.elf().map(|h| h.bias)
    }

    /// Whether `addr` lies in one of its loaded segments, `.bss` included.
    #[must_use]
    pub fn contains(&self, addr: Addr) -> bool {
        match &self.format {
            Some(ImageFormat::Pe(pe)) => pe.contains(addr),
            Some(ImageFormat::Elf(headers)) => headers.of_type(elf::PT_LOAD).any(|s| {
                let start = headers.address(s.p_vaddr.get(object::LittleEndian));
                addr.distance_from(start).is_some_and(|n| n < s.p_memsz.get(object::LittleEndian))
            }),
            None => false,
        }
    }

    /// Address and size of its static variables: the loaded segments that can be written to, `.bss` included.
    #[must_use]
    pub fn static_data(&self) -> Vec<(Addr, u64)> {
        match &self.format {
            Some(ImageFormat::Pe(pe)) => [".data", ".bss"].iter().filter_map(|name| pe.section(name)).collect(),
            Some(ImageFormat::Elf(headers)) => headers
                .of_type(elf::PT_LOAD)
                .filter(|s| s.p_flags.get(object::LittleEndian).contains(elf::PF_W))
                .map(|s| (headers.address(s.p_vaddr.get(object::LittleEndian)), s.p_memsz.get(object::LittleEndian)))
                .collect(),
            None => Vec::new(),
        }
    }

    /// Bytes of the module's own file.
    #[must_use]
    pub fn object_data(&self) -> Option<&FileBytes> {
        self.file.as_ref().map(|f| &f.bytes)
    }

    /// Bytes of the ELF file with the module's DWARF: its own file when that has DWARF, else the separate debug file,
    /// else mini debug information (symbols only); see [`Image::debug_origin`]. Searches for it on the first call.
    #[must_use]
    pub fn debug_data(&self) -> Option<&FileBytes> {
        self.debug().map(|d| &d.file.bytes)
    }

    /// Where the debug data came from.
    #[must_use]
    pub fn debug_origin(&self) -> Option<DebugOrigin> {
        self.debug().map(|d| d.origin)
    }

    /// Path of the file with the debug data; `None` also for mini debug information.
    #[must_use]
    pub fn debug_path(&self) -> Option<PathBuf> {
        match self.format {
            Some(ImageFormat::Pe(_)) => self.lazy.pdb.get()?.as_ref()?.path(),
            Some(ImageFormat::Elf(_)) | None => self.debug()?.file.path(),
        }
    }

    /// Bytes of the PDB of a PE image. Searches for it on the first call.
    #[must_use]
    #[cfg(feature = "pdb")]
    pub fn pdb_data(&self, memory: &dyn Memory) -> Option<&FileBytes> {
        let find = || pdb_file::locate(&self.pe()?.pdb(memory)?, self.place(), &self.options);
        self.lazy.pdb.get_or_init(find).as_ref().map(|f| &f.bytes)
    }

    /// This build reads no PDB.
    #[must_use]
    #[cfg(not(feature = "pdb"))]
    pub fn pdb_data(&self, _: &dyn Memory) -> Option<&FileBytes> {
        None
    }

    /// Bytes of the file of shared DWARF that the debug data refers to (dwz, `.gnu_debugaltlink`).
    #[must_use]
    pub fn debug_alternate_data(&self) -> Option<&FileBytes> {
        let find = || self.debug().and_then(|d| debug_file::alternate(&d.file, &self.options));
        self.lazy.alternate.get_or_init(find).as_ref().map(|f| &f.bytes)
    }

    fn debug(&self) -> Option<&DebugFile> {
        let find =
            || debug_file::locate(&self.path_in_process, self.build_id.as_ref(), self.file.as_ref(), &self.options);
        self.lazy.debug.get_or_init(find).as_ref()
    }

    /// Address in the process and size of a loaded section, by the section headers of its file or of its debug file.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<(Addr, u64)> {
        let headers = match self.format.as_ref()? {
            ImageFormat::Pe(pe) => return pe.section(name),
            ImageFormat::Elf(headers) => headers,
        };
        let own = self.file.as_ref().and_then(|f| f.section(name));
        let (address, size) = own.or_else(|| self.debug()?.file.section(name))?;
        Some((headers.address(address), size))
    }

    /// Content of a section, decompressed where needed, from its file or from its debug file.
    #[must_use]
    pub fn section_data(&self, name: &str) -> Option<FileBytes> {
        if let Ok(sections) = self.lazy.sections.lock()
            && let Some(known) = sections.get(name)
        {
            return known.clone();
        }
        let own = self.file.as_ref().and_then(|f| f.section_data(name, self.cache()));
        let data = own.or_else(|| self.debug()?.file.section_data(name, self.cache()));
        if let Ok(mut sections) = self.lazy.sections.lock() {
            sections.insert(name.to_owned(), data.clone());
        }
        data
    }

    /// What was made of the debug information of files.
    pub(crate) fn cache(&self) -> &FileCache {
        &self.options.cache
    }

    /// Which file has its DWARF; `None` also where that file cannot be distinguished from others.
    pub(crate) fn dwarf_file_id(&self) -> Option<FileState> {
        let own = self.file.as_ref().filter(|f| f.has_section_data(".debug_info"));
        own.or_else(|| self.debug().map(|d| &d.file))?.id.clone()
    }

    pub(super) fn dynamic_symbols(&self, memory: &dyn Memory) -> Option<&DynamicSymbols> {
        let find = || DynamicSymbols::locate(memory, self.elf()?);
        self.lazy.dynamic.get_or_init(find).as_ref()
    }

    /// The files that have `.symtab`s: its own, and that of its debug information.
    pub(super) fn symbol_files(&self) -> impl Iterator<Item = &HostFile> {
        let debug = self.debug().filter(|d| d.origin != DebugOrigin::Own).map(|debug| &debug.file);
        self.file.iter().chain(debug)
    }

    /// The symbol table of one source.
    pub(super) fn table(&self, memory: &dyn Memory, abi: &Abi, how: SymbolSource) -> Option<&SymbolTable> {
        let (cell, read): (_, &dyn Fn() -> Option<SymbolTable>) = match how {
            SymbolSource::Dynsym => (&self.lazy.dynsym, &|| {
                let of_file = self.file.as_ref().and_then(|f| SymbolTable::of_file(f, elf::SHT_DYNSYM));
                of_file.or_else(|| self.dynamic_symbols(memory)?.table(memory, abi).ok())
            }),
            SymbolSource::Symtab => (&self.lazy.symtab, &|| SymbolTable::of_file(self.file.as_ref()?, elf::SHT_SYMTAB)),
            SymbolSource::DebugFile => (&self.lazy.debug_symtab, &|| {
                let debug = self.debug().filter(|d| d.origin != DebugOrigin::Own)?;
                SymbolTable::of_file(&debug.file, elf::SHT_SYMTAB)
            }),
        };
        cell.get_or_init(read).as_ref()
    }
}
