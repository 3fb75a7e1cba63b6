//! Symbols by name and by address, over all modules.

use super::images::{Image, ImageFormat, Images};
use super::pe::PeImage;
use super::symtab::{Symbol, SymbolTable};
use crate::base::{Abi, Addr};
use crate::debuggee::{Memory, Target};

/// Where a symbol was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SymbolSource {
    /// The dynamic symbols, read in memory (or in the module's file where memory is missing).
    Dynsym,
    /// `.symtab` of the module's file.
    Symtab,
    /// `.symtab` of a separate debug file, or mini debug information.
    DebugFile,
}

/// A symbol found by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolHit {
    /// Address in the process.
    pub addr: Addr,
    /// Size in bytes; 0 when the symbol does not tell.
    pub size: u64,
    /// Index of its module in [`Target::modules`].
    pub module: usize,
    /// Where it was found.
    pub how: SymbolSource,
}

/// The symbol that an address lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolAt {
    /// Name as in the symbol table (mangled).
    pub name: String,
    /// Bytes from its start to the address.
    pub offset: u64,
    /// Size in bytes; 0 when the symbol does not tell.
    pub size: u64,
    /// Index of its module in [`Target::modules`].
    pub module: usize,
    /// Where it was found.
    pub how: SymbolSource,
}

impl Images {
    /// Definitions of a symbol in all modules, in the order of the modules: exported ones; when there is none, those
    /// of `.symtab`; when there is none either, those of debug files.
    #[must_use]
    pub fn find_symbol(&self, target: &Target, name: &str) -> Vec<SymbolHit> {
        [SymbolSource::Dynsym, SymbolSource::Symtab, SymbolSource::DebugFile]
            .into_iter()
            .map(|how| self.iter().flat_map(|i| i.find_symbol(target, name, how)).collect::<Vec<_>>())
            .find(|hits| !hits.is_empty())
            .unwrap_or_default()
    }

    /// Exported definitions of a symbol: a few reads a module, no file is searched for or parsed.
    #[must_use]
    pub fn find_exported(&self, target: &Target, name: &str) -> Vec<SymbolHit> {
        self.iter().flat_map(|i| i.find_symbol(target, name, SymbolSource::Dynsym)).collect()
    }

    /// The function or object that `addr` lies in. An address after the end of the nearest symbol has no name: in a
    /// stripped module the nearest one may be anything.
    #[must_use]
    pub fn symbol_at(&self, target: &Target, addr: Addr) -> Option<SymbolAt> {
        self.at(addr)?.symbol_at(target, addr)
    }
}

impl Image {
    /// Definitions of a symbol in this module, from one source.
    #[must_use]
    pub fn find_symbol(&self, target: &Target, name: &str, how: SymbolSource) -> Vec<SymbolHit> {
        let headers = match self.format() {
            Some(ImageFormat::Pe(pe)) => {
                let exported = pe.export(&target.memory, name).filter(|_| how == SymbolSource::Dynsym);
                return exported
                    .map(|addr| SymbolHit { addr, size: 0, module: self.module, how })
                    .into_iter()
                    .collect();
            }
            Some(ImageFormat::Elf(headers)) => headers,
            None => return Vec::new(),
        };
        let hit = |s: Symbol| SymbolHit { addr: headers.address(s.value), size: s.size, module: self.module, how };
        if how == SymbolSource::Dynsym
            && let Some(found) = self.exported_in_memory(&target.memory, &target.abi, name)
        {
            return found.map(hit).into_iter().collect();
        }
        let table = self.table(&target.memory, &target.abi, how);
        table.map(|t| t.find(name.as_bytes()).map(hit).collect()).unwrap_or_default()
    }

    /// A static variable of this module by its name and that of the source file that has it; `None` also where symbols do not say of
    /// which file they are.
    #[must_use]
    pub fn static_variable(&self, source: &str, name: &str) -> Option<Addr> {
        let Some(ImageFormat::Elf(headers)) = self.format() else { return None };
        let found = self.symbol_files().find_map(|file| SymbolTable::of_source(file, source, name))?;
        Some(headers.address(found.value))
    }

    /// `None` when the tables are not readable.
    fn exported_in_memory(&self, memory: &dyn Memory, abi: &Abi, name: &str) -> Option<Option<Symbol>> {
        self.dynamic_symbols(memory)?.find(memory, abi, name.as_bytes()).ok()
    }

    /// The function or object of this module that `addr` lies in.
    #[must_use]
    pub fn symbol_at(&self, target: &Target, addr: Addr) -> Option<SymbolAt> {
        if let Some(pe) = self.pe() {
            return self.exported_function(pe, target, addr);
        }
        let value = addr.0.wrapping_sub(self.bias()?);
        [SymbolSource::Dynsym, SymbolSource::Symtab, SymbolSource::DebugFile].into_iter().find_map(|how| {
            let table: &SymbolTable = self.table(&target.memory, &target.abi, how)?;
            let symbol = table.at(value)?;
            let name = String::from_utf8_lossy(table.name(&symbol)?).into_owned();
            let offset = value.checked_sub(symbol.value)?;
            Some(SymbolAt { name, offset, size: symbol.size, module: self.module, how })
        })
    }

    /// The exported function that `addr` lies in: exports have no size, so the function table bounds it. Functions
    /// that are not exported stay without a name rather than with that of a neighbour.
    fn exported_function(&self, pe: &PeImage, target: &Target, addr: Addr) -> Option<SymbolAt> {
        let part = pe.function_at(&target.memory, addr)?;
        let start = pe.primary(&target.memory, part).start;
        let name = pe.export_at(&target.memory, start)?;
        let offset = addr.distance_from(start)?;
        Some(SymbolAt { name, offset, size: 0, module: self.module, how: SymbolSource::Dynsym })
    }
}
