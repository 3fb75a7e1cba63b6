//! [`SymbolTable`]: functions and objects of one ELF symbol table, by address.

use super::FileBytes;
use super::host_file::HostFile;
use object::LittleEndian as LE;
use object::elf::{self, FileHeader64, Sym64};
use object::read::elf::SectionHeader as _;

/// Chromium has about a million; more than this are not kept.
const MAX_SYMBOLS: usize = 8 << 20;
/// How many symbols that begin before an address are examined for one that reaches over it.
const LOOK_BACK: usize = 64;

/// Functions and objects of one ELF symbol table, sorted by address. Addresses are those of the file.
#[derive(Debug)]
pub(super) struct SymbolTable {
    symbols: Vec<Symbol>,
    names: FileBytes,
}

/// One symbol, its address as in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Symbol {
    pub value: u64,
    /// Which of several at one address is the best name: global, then weak, then local.
    rank: u8,
    pub size: u64,
    name: u32,
}

impl Symbol {
    /// A defined function or object; nothing else has an address that means something.
    pub fn from_raw(raw: &Sym64<LE>) -> Option<Symbol> {
        let kind = raw.st_type();
        let right_kind = kind == elf::STT_FUNC || kind == elf::STT_OBJECT || kind == elf::STT_GNU_IFUNC;
        // Hand-written entry points (`_start` of some libcs) have no type; local ones are labels and mapping symbols.
        let untyped = kind == elf::STT_NOTYPE && raw.st_bind() != elf::STB_LOCAL;
        let section = raw.st_shndx.get(LE);
        let defined = section != elf::SHN_UNDEF && section != elf::SHN_ABS && section != elf::SHN_COMMON;
        let rank = match raw.st_bind() {
            elf::STB_GLOBAL => 2,
            elf::STB_WEAK => 1,
            _ => 0,
        };
        let symbol = Symbol { value: raw.st_value.get(LE), rank, size: raw.st_size.get(LE), name: raw.st_name.get(LE) };
        (defined && (right_kind || untyped) && symbol.name != 0).then_some(symbol)
    }
}

impl SymbolTable {
    /// From raw symbols and their string table.
    pub fn new<'a>(raw: impl IntoIterator<Item = &'a Sym64<LE>>, names: FileBytes) -> SymbolTable {
        let mut symbols: Vec<Symbol> = raw.into_iter().filter_map(Symbol::from_raw).take(MAX_SYMBOLS).collect();
        symbols.sort_unstable();
        SymbolTable { symbols, names }
    }

    /// `.symtab` (`SHT_SYMTAB`) or `.dynsym` (`SHT_DYNSYM`) of a file; `None` when it has none.
    pub fn of_file(file: &HostFile, kind: elf::SectionType) -> Option<SymbolTable> {
        let object = file.object()?;
        let table = match kind {
            elf::SHT_DYNSYM => object.elf_dynamic_symbol_table(),
            _ => object.elf_symbol_table(),
        };
        if table.is_empty() {
            return None;
        }
        let strings = object.elf_section_table().section(table.string_section()).ok()?;
        let (offset, size) = SectionHeaderOf::file_range(strings, LE)?;
        Some(SymbolTable::new(table.iter(), file.bytes.slice(offset, size)?))
    }

    /// A static variable of one source file: local symbols follow the name of theirs (`STT_FILE`). Programs that were optimised as a
    /// whole (LTO) have lost these names.
    pub fn of_source(file: &HostFile, source: &str, name: &str) -> Option<Symbol> {
        let object = file.object()?;
        let table = object.elf_symbol_table();
        let is = |raw: &Sym64<LE>, name: &str| table.symbol_name(LE, raw).is_ok_and(|found| found == name.as_bytes());
        let mut inside = false;
        table.iter().take(MAX_SYMBOLS).find_map(|raw| {
            if raw.st_type() == elf::STT_FILE {
                inside = is(raw, source);
            }
            let wanted = inside && raw.st_bind() == elf::STB_LOCAL && raw.st_type() == elf::STT_OBJECT && is(raw, name);
            Symbol::from_raw(raw).filter(|_| wanted)
        })
    }

    /// Name of a symbol.
    pub fn name(&self, symbol: &Symbol) -> Option<&[u8]> {
        let rest = self.names.get(usize::try_from(symbol.name).ok()?..)?;
        rest.get(..rest.iter().position(|b| *b == 0)?)
    }

    /// Every symbol of this name, local ones too.
    pub fn find<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = Symbol> + 'a {
        self.symbols.iter().copied().filter(move |s| {
            let Ok(start) = usize::try_from(s.name) else { return false };
            let rest = self.names.get(start..).unwrap_or_default();
            rest.starts_with(name) && rest.get(name.len()) == Some(&0)
        })
    }

    /// The symbol that reaches over an address of the file; one without size counts only at its very address.
    pub fn at(&self, value: u64) -> Option<Symbol> {
        let end = self.symbols.partition_point(|s| s.value <= value);
        let before = self.symbols.get(..end)?;
        let covers = |s: &&Symbol| value.checked_sub(s.value).is_some_and(|offset| offset < s.size.max(1));
        before.iter().rev().take(LOOK_BACK).find(covers).copied()
    }
}

type SectionHeaderOf = <FileHeader64<LE> as object::read::elf::FileHeader>::SectionHeader;
