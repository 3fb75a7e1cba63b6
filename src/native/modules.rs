//! [`ModuleTables`]: unwind tables per module, loaded when the first stack runs through it.

use super::tables::UnwindTables;
use crate::base::Addr;
use crate::target::Target;
use crate::target::elf_modules::ElfImage;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Code regions outside of modules (the vDSO, files mapped by hand) that are looked at.
const MAX_UNLISTED: usize = 256;

/// Unwind tables per module.
#[derive(Debug)]
pub struct ModuleTables<'a> {
    target: &'a Target,
    slots: Vec<OnceLock<Option<UnwindTables>>>,
    unlisted: Mutex<HashMap<Addr, Option<Arc<UnwindTables>>>>,
}

/// Tables of a module, or of code that is in no module.
#[derive(Debug)]
pub enum Found<'t> {
    /// Of a module.
    Module(&'t UnwindTables),
    /// Of an ELF image in memory that is in no module list.
    Unlisted(Arc<UnwindTables>),
}

impl std::ops::Deref for Found<'_> {
    type Target = UnwindTables;

    fn deref(&self) -> &UnwindTables {
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
        ModuleTables { target, slots, unlisted: Mutex::default() }
    }

    /// The tables for the code at `addr`.
    #[must_use]
    pub fn at(&self, addr: Addr) -> Option<Found<'_>> {
        let Some(index) = self.target.modules.iter().position(|m| m.contains(addr)) else {
            return self.unlisted(addr).map(Found::Unlisted);
        };
        let module = self.target.modules.get(index)?;
        self.slots.get(index)?.get_or_init(|| self.load(module.base)).as_ref().map(Found::Module)
    }

    /// The vDSO is in no list of files; its image is in the dump, headers and all.
    fn unlisted(&self, addr: Addr) -> Option<Arc<UnwindTables>> {
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

    fn load(&self, base: Addr) -> Option<UnwindTables> {
        let image = ElfImage::read(&self.target.memory, base)?;
        UnwindTables::from_image(&self.target.memory, &self.target.abi, &image)
    }
}
