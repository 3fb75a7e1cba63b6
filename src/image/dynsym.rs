//! [`DynamicSymbols`]: the symbols a module exports, read from its memory image as the dynamic linker does.
//!
//! Works without any file as long as the dump has the pages, and costs a few reads a name.

use super::FileBytes;
use super::symtab::{Symbol, SymbolTable};
use crate::base::{Abi, Addr};
use crate::debuggee::elf_modules::ElfImage;
use crate::debuggee::{Memory, MemoryExt as _, ReadError};
use object::LittleEndian as LE;
use object::elf::Sym64;
use std::sync::Arc;

const DT_HASH: u64 = 4;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_STRSZ: u64 = 10;
const DT_GNU_HASH: u64 = 0x6fff_fef5;

const SYMBOL_SIZE: u64 = size_of::<Sym64<LE>>() as u64;
/// A hash chain of a real table has a handful of entries.
const MAX_CHAIN: u64 = 1 << 16;
/// Symbols read for a whole table (24 MB).
const MAX_SYMBOLS: u64 = 1 << 20;
const MAX_STRINGS: u64 = 64 << 20;
/// Buckets of a GNU hash table that are read to count the symbols.
const MAX_BUCKETS: u64 = 1 << 20;

/// Where the tables of a module's dynamic symbols lie.
#[derive(Clone, Debug)]
pub(super) struct DynamicSymbols {
    symbols: Addr,
    strings: Addr,
    strings_size: u64,
    gnu_hash: Option<Addr>,
    hash: Option<Addr>,
}

impl DynamicSymbols {
    /// Reads `PT_DYNAMIC` in memory.
    pub fn locate(memory: &dyn Memory, headers: &ElfImage) -> Option<DynamicSymbols> {
        let entries = headers.dynamic(memory);
        let value = |tag: u64| entries.iter().find(|(t, _)| *t == tag).map(|(_, v)| *v);
        // glibc relocates these in place, musl and the vDSO leave the file's addresses.
        let (base, end) = (headers.base, headers.end());
        let address = |tag: u64| {
            let raw = value(tag)?;
            let places = [Addr(raw), headers.address(raw)];
            places.into_iter().find(|at| base <= *at && *at < end)
        };
        Some(DynamicSymbols {
            symbols: address(DT_SYMTAB)?,
            strings: address(DT_STRTAB)?,
            strings_size: value(DT_STRSZ)?,
            gnu_hash: address(DT_GNU_HASH),
            hash: address(DT_HASH),
        })
    }

    /// The definition of a name; of versioned ones the first.
    ///
    /// # Errors
    /// [`ReadError`] when a table is not readable.
    pub fn find(&self, memory: &dyn Memory, abi: &Abi, name: &[u8]) -> Result<Option<Symbol>, ReadError> {
        match (self.gnu_hash, self.hash) {
            (Some(table), _) => self.find_gnu(memory, abi, table, name),
            (None, Some(table)) => self.find_sysv(memory, abi, table, name),
            (None, None) => {
                for index in 0..self.count_by_layout() {
                    if let Some(found) = self.matches(memory, index, name)? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
        }
    }

    /// GNU hash: nbuckets, first hashed symbol, Bloom words, Bloom shift; Bloom filter; buckets; chain of hashes whose
    /// lowest bit ends it.
    fn find_gnu(&self, memory: &dyn Memory, abi: &Abi, table: Addr, name: &[u8]) -> Result<Option<Symbol>, ReadError> {
        let Some(GnuHash { bloom, bloom_words, bloom_shift, buckets, bucket_count, first, chains }) =
            GnuHash::read(memory, abi, table)?
        else {
            return Ok(None);
        };
        let hash = gnu_hash(name);
        let word_index = (hash / 64) & bloom_words.saturating_sub(1);
        let word = memory.read_uint(abi, bloom.wrapping_add(word_index.saturating_mul(8)), 8)?;
        let bit = |h: u64| word >> (h % 64) & 1 == 1;
        if !bit(hash) || !bit(hash.checked_shr(bloom_shift).unwrap_or(0)) {
            return Ok(None);
        }
        let bucket = hash.checked_rem(bucket_count).unwrap_or(0).saturating_mul(4);
        let start = memory.read_uint(abi, buckets.wrapping_add(bucket), 4)?;
        let Some(skipped) = start.checked_sub(first) else { return Ok(None) };
        for step in 0..MAX_CHAIN {
            let at = skipped.saturating_add(step);
            let entry = memory.read_uint(abi, chains.wrapping_add(at.saturating_mul(4)), 4)?;
            if entry | 1 == hash | 1
                && let Some(found) = self.matches(memory, start.saturating_add(step), name)?
            {
                return Ok(Some(found));
            }
            if entry & 1 == 1 {
                break;
            }
        }
        Ok(None)
    }

    /// System V hash: nbucket, nchain, buckets, chains of symbol indexes.
    fn find_sysv(&self, memory: &dyn Memory, abi: &Abi, table: Addr, name: &[u8]) -> Result<Option<Symbol>, ReadError> {
        let word = |index: u64| memory.read_uint(abi, table.wrapping_add(index.saturating_mul(4)), 4);
        let (buckets, chains) = (word(0)?, word(1)?);
        let Some(bucket) = sysv_hash(name).checked_rem(buckets) else { return Ok(None) };
        let mut index = word(bucket.saturating_add(2))?;
        for _ in 0..chains.min(MAX_CHAIN) {
            if index == 0 || index >= chains {
                break;
            }
            if let Some(found) = self.matches(memory, index, name)? {
                return Ok(Some(found));
            }
            index = word(index.saturating_add(buckets).saturating_add(2))?;
        }
        Ok(None)
    }

    fn matches(&self, memory: &dyn Memory, index: u64, name: &[u8]) -> Result<Option<Symbol>, ReadError> {
        let raw: [u8; SYMBOL_SIZE as usize] =
            memory.read_array(self.symbols.wrapping_add(index.saturating_mul(SYMBOL_SIZE)))?;
        let Ok((raw, _)) = object::pod::from_bytes::<Sym64<LE>>(&raw) else { return Ok(None) };
        let Some(symbol) = Symbol::from_raw(raw) else { return Ok(None) };
        let start = u64::from(raw.st_name.get(LE));
        if start >= self.strings_size {
            return Ok(None);
        }
        let found = memory.read_cstr(self.strings.wrapping_add(start), name.len().saturating_add(1))?;
        Ok((found == name).then_some(symbol))
    }

    /// The whole table by address.
    pub fn table(&self, memory: &dyn Memory, abi: &Abi) -> Result<SymbolTable, ReadError> {
        let count = match (self.gnu_hash, self.hash) {
            (Some(table), _) => self.count_gnu(memory, abi, table)?,
            (None, Some(table)) => memory.read_uint(abi, table.wrapping_add(4), 4)?,
            (None, None) => self.count_by_layout(),
        };
        let raw = memory.read_vec(self.symbols, count.min(MAX_SYMBOLS).saturating_mul(SYMBOL_SIZE))?;
        let names = memory.read_vec(self.strings, self.strings_size.min(MAX_STRINGS))?;
        let (symbols, _) =
            object::pod::slice_from_bytes::<Sym64<LE>>(&raw, raw.len() / size_of::<Sym64<LE>>()).unwrap_or_default();
        Ok(SymbolTable::new(symbols, FileBytes::whole(Arc::new(names))))
    }

    /// One after the last symbol of the chain that begins last.
    fn count_gnu(&self, memory: &dyn Memory, abi: &Abi, table: Addr) -> Result<u64, ReadError> {
        let Some(hash) = GnuHash::read(memory, abi, table)? else { return Ok(0) };
        let buckets = memory.read_vec(hash.buckets, hash.bucket_count.min(MAX_BUCKETS).saturating_mul(4))?;
        let last = buckets.chunks_exact(4).map(|b| abi.uint(b)).max().unwrap_or(0);
        let Some(mut chain) = last.checked_sub(hash.first) else { return Ok(hash.first) };
        let mut count = last;
        for _ in 0..MAX_CHAIN {
            count = count.saturating_add(1);
            let entry = memory.read_uint(abi, hash.chains.wrapping_add(chain.saturating_mul(4)), 4)?;
            chain = chain.saturating_add(1);
            if entry & 1 == 1 {
                break;
            }
        }
        Ok(count)
    }

    /// Without hash table: every linker puts the strings after the symbols.
    fn count_by_layout(&self) -> u64 {
        self.strings.distance_from(self.symbols).map_or(0, |bytes| (bytes / SYMBOL_SIZE).min(MAX_SYMBOLS))
    }
}

struct GnuHash {
    bloom: Addr,
    bloom_words: u64,
    bloom_shift: u32,
    buckets: Addr,
    bucket_count: u64,
    first: u64,
    chains: Addr,
}

impl GnuHash {
    /// The header; `None` for one that no linker writes.
    fn read(memory: &dyn Memory, abi: &Abi, table: Addr) -> Result<Option<GnuHash>, ReadError> {
        let word = |index: u64| memory.read_uint(abi, table.wrapping_add(index.saturating_mul(4)), 4);
        let (bucket_count, first, bloom_words) = (word(0)?, word(1)?, word(2)?);
        let bloom_shift = u32::try_from(word(3)?).unwrap_or(u32::MAX);
        if bucket_count == 0 || !bloom_words.is_power_of_two() {
            return Ok(None);
        }
        let bloom = table.wrapping_add(16);
        let buckets = bloom.wrapping_add(bloom_words.saturating_mul(8));
        let chains = buckets.wrapping_add(bucket_count.saturating_mul(4));
        Ok(Some(GnuHash { bloom, bloom_words, bloom_shift, buckets, bucket_count, first, chains }))
    }
}

/// `h * 33 + c` in 32 bits, from 5381.
fn gnu_hash(name: &[u8]) -> u64 {
    u64::from(name.iter().fold(5381u32, |h, c| h.wrapping_mul(33).wrapping_add(u32::from(*c))))
}

/// The gABI's hash function.
fn sysv_hash(name: &[u8]) -> u64 {
    let hash = name.iter().fold(0u32, |h, c| {
        let h = h.wrapping_shl(4).wrapping_add(u32::from(*c));
        let high = h & 0xf000_0000;
        (h ^ high.wrapping_shr(24)) & !high
    });
    u64::from(hash)
}
