//! [`ModuleTables`]: unwind tables per module, loaded when the first stack runs through it.

use super::jit::JitCode;
use super::tables::UnwindTables;
use super::unwind_row::Row;
use super::{pe, pe_epilogue};
use crate::base::Addr;
use crate::debuggee::Target;
use crate::debuggee::elf_modules::ElfImage;
use crate::image::Images;
use crate::image::pe::PeImage;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Code regions outside of modules (the vDSO, files mapped by hand) that are examined.
const MAX_UNLISTED: usize = 256;

/// Unwind tables per module.
#[derive(Debug)]
pub struct ModuleTables<'a> {
    target: &'a Target,
    slots: Vec<OnceLock<Option<Tables>>>,
    unlisted: Mutex<HashMap<Addr, Option<Arc<Tables>>>>,
    /// The modules' images, where code that was made at run time is to be found.
    images: Option<&'a Images>,
    jit: OnceLock<JitCode>,
    /// Tables of such code, by its file.
    of_jit: Mutex<HashMap<usize, Option<Arc<Tables>>>>,
}

/// Unwind tables of one image.
#[derive(Debug)]
pub enum Tables {
    /// Call frame information of an ELF image.
    Elf(UnwindTables),
    /// The function table of a PE image.
    Pe(PeImage),
}

impl Tables {
    /// The row for `addr`; `None` when nothing covers it or the entry is damaged.
    #[must_use]
    pub fn row(&self, target: &Target, addr: Addr) -> Option<Row> {
        match self {
            Tables::Elf(tables) => tables.row(&target.memory, addr, &target.abi),
            Tables::Pe(image) => pe::row(&target.memory, image, addr),
        }
    }

    /// The row for a thread that stopped at `ip` in an epilogue, where the tables only tell of prologs.
    #[must_use]
    pub fn epilogue(&self, target: &Target, ip: Addr) -> Option<Row> {
        match self {
            Tables::Elf(_) => None,
            Tables::Pe(image) => pe_epilogue::row(&target.memory, image, ip),
        }
    }

    /// The function that `addr` lies in, told without any symbol. Of one that a compiler split it may be a part.
    #[must_use]
    pub fn function(&self, target: &Target, addr: Addr) -> Option<Range<Addr>> {
        match self {
            Tables::Elf(tables) => tables.function(&target.memory, addr, &target.abi),
            Tables::Pe(image) => {
                let part = image.function_at(&target.memory, addr)?;
                let primary = image.primary(&target.memory, part);
                Some(primary.start..primary.end)
            }
        }
    }

    /// The same, but only where a call enters it at its start: there nothing but the return address is on the stack.
    #[must_use]
    pub fn called_function(&self, target: &Target, addr: Addr) -> Option<Range<Addr>> {
        let function = self.function(target, addr)?;
        self.row(target, function.start)?.is_entry(target.abi.arch).then_some(function)
    }
}

/// Tables of a module, or of code that is in no module.
#[derive(Debug)]
pub enum Found<'t> {
    /// Of a module.
    Module(&'t Tables),
    /// Of an image in memory that is in no module list.
    Unlisted(Arc<Tables>),
}

impl std::ops::Deref for Found<'_> {
    type Target = Tables;

    fn deref(&self) -> &Tables {
        match self {
            Found::Module(tables) => tables,
            Found::Unlisted(tables) => tables,
        }
    }
}

impl<'a> ModuleTables<'a> {
    /// No tables loaded yet.
    #[must_use]
    pub fn new(target: &'a Target) -> Self {
        let slots = target.modules.iter().map(|_| OnceLock::new()).collect();
        let (unlisted, jit, of_jit) = Default::default();
        ModuleTables { target, slots, unlisted, images: None, jit, of_jit }
    }

    /// The same with the tables of code made at run time that debuggers are told of.
    #[must_use]
    pub fn with_jit(self, images: &'a Images) -> Self {
        ModuleTables { images: Some(images), ..self }
    }

    /// The code made at run time that debuggers are told of, where it is wanted.
    pub(super) fn jit(&self) -> Option<&JitCode> {
        self.images.map(|images| self.jit.get_or_init(|| JitCode::read(self.target, images)))
    }

    /// The tables for the code at `addr`.
    #[must_use]
    pub fn at(&self, addr: Addr) -> Option<Found<'_>> {
        let Some(index) = self.target.modules.iter().position(|m| m.contains(addr)) else {
            return self.unlisted(addr).or_else(|| self.made_at_run_time(addr)).map(Found::Unlisted);
        };
        let module = self.target.modules.get(index)?;
        self.slots.get(index)?.get_or_init(|| self.load(module.base)).as_ref().map(Found::Module)
    }

    /// The vDSO is in no list of files; its image is in the dump, headers and all.
    fn unlisted(&self, addr: Addr) -> Option<Arc<Tables>> {
        let segment = self.target.memory.segment_at(addr).filter(|s| s.protection.execute)?;
        let mut unlisted = self.unlisted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = unlisted.get(&segment.start) {
            return known.clone();
        }
        if unlisted.len() >= MAX_UNLISTED {
            return None;
        }
        let tables = self.load(segment.start).map(Arc::new);
        unlisted.insert(segment.start, tables.clone());
        tables
    }

    fn made_at_run_time(&self, addr: Addr) -> Option<Arc<Tables>> {
        let (file, place) = self.jit()?.eh_frame(addr)?;
        let mut known = self.of_jit.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || UnwindTables::of_section(&self.target.memory, &place).map(|tables| Arc::new(Tables::Elf(tables)));
        known.entry(file).or_insert_with(read).clone()
    }

    fn load(&self, base: Addr) -> Option<Tables> {
        let memory = &self.target.memory;
        match ElfImage::read(memory, base) {
            Some(image) => UnwindTables::from_image(memory, &self.target.abi, &image).map(Tables::Elf),
            None => PeImage::read(memory, base).map(Tables::Pe),
        }
    }
}
