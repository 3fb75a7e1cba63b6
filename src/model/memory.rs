//! Where the memory of a process is, as it goes over the wire.

use super::heap::{HeapCoverage, HeapType};
use crate::base::{Addr, Diagnostic};
use serde::{Deserialize, Serialize};

/// All writable memory of a process by who owns it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryAnswer {
    /// Version of this answer: [`super::heap::HEAP_SCHEMA_VERSION`].
    pub schema_version: String,
    /// How complete the heap is.
    pub coverage: HeapCoverage,
    /// Bytes of writable memory that were read.
    pub bytes: u64,
    /// Of these, bytes whose owner is known.
    pub explained: u64,
    /// Bytes in pages that are not all zero: the others were never written to, and take no memory.
    #[serde(default)]
    pub written: u64,
    /// Of these, bytes whose owner is known.
    #[serde(default)]
    pub explained_written: u64,
    /// Bytes by owner, those with most written bytes first. Together they are `bytes`.
    pub owners: Vec<MemoryOwned>,
    /// An allocator that is not read, in whose memory objects and buffers of Python are: jemalloc, tcmalloc, mimalloc, musl.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub other_malloc: Option<String>,
    /// The types whose objects take most, with all that they own, wherever it is.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub types: Vec<HeapType>,
    /// Data of arrays of NumPy and tensors of PyTorch, by the type of the objects that own it: a part of the memory of the owners
    /// above, wherever it is.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub buffers: Vec<MemoryBuffers>,
    /// pymalloc in numbers, as `sys._debugmallocstats()` has them; absent where it is not used or not found.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pymalloc: Option<PymallocMemory>,
    /// mimalloc in numbers; absent where Python does not use it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mimalloc: Option<MimallocMemory>,
    /// Free lists of CPython: what they keep is a part of the allocators' blocks in use. Absent where they are not read.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub free_lists: Vec<MemoryFreeList>,
    /// Memory that is mapped from files.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub files: Option<MemoryFiles>,
    /// Executable memory of no file: code that was made at run time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<MemoryCode>,
    /// Objects that keep arenas of pymalloc or pages of mimalloc from the system which are less than a quarter full: the most
    /// frequent types.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub pinned_by: Vec<MemoryPin>,
    /// glibc's `malloc` by arena, the main one first; empty where it was not found.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub malloc: Vec<MallocArena>,
    /// Blocks of glibc's `malloc` with mappings of their own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub malloc_mapped: Option<MallocMapped>,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// Bytes of one owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryOwned {
    /// The owner.
    pub owner: MemoryOwner,
    /// Bytes.
    pub bytes: u64,
    /// Of these, bytes in pages that are not all zero.
    #[serde(default)]
    pub written: u64,
    /// How many: blocks, stacks, modules, ranges.
    pub count: u64,
}

/// Data that objects of one type own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryBuffers {
    /// Name with module.
    #[serde(rename = "type")]
    pub name: String,
    /// How many buffers; one that several tensors share counts once.
    pub buffers: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Objects of one type in arenas that are nearly empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryPin {
    /// Name with module.
    #[serde(rename = "type")]
    pub name: String,
    /// How many.
    pub objects: u64,
    /// In how many of the arenas or pages.
    pub arenas: u64,
}

/// Freed objects of one kind that are kept to be used again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryFreeList {
    /// Their type, or what else they are.
    pub kind: String,
    /// How many.
    pub objects: u64,
    /// Bytes of their blocks.
    pub bytes: u64,
}

/// Memory that is mapped from files, in bytes of addresses: how much of it is in memory a dump does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryFiles {
    /// How many files.
    pub files: u64,
    /// Bytes of all.
    pub bytes: u64,
    /// The largest ones.
    pub largest: Vec<MemoryFile>,
}

/// One mapped file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryFile {
    /// Path as the process saw it.
    pub path: String,
    /// Bytes of its mappings.
    pub bytes: u64,
}

/// Code that was made at run time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryCode {
    /// Mappings.
    pub mappings: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of these, mappings of trampolines for `perf` (3.12+).
    pub perf_trampolines: MemoryTrampolines,
}

/// Trampolines that CPython makes for `perf`, one for each function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemoryTrampolines {
    /// Mappings that hold them.
    pub mappings: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// How many functions have one.
    pub count: u64,
}

/// Who owns memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MemoryOwner {
    /// Blocks of pymalloc in use.
    PymallocUsed,
    /// Free blocks in pools of pymalloc that are in use.
    PymallocFree,
    /// Pools of pymalloc without a block in use.
    PymallocEmptyPools,
    /// Heads of pools, and what is too short for a block.
    PymallocOverhead,
    /// Blocks of mimalloc in use.
    MimallocUsed,
    /// Free blocks of mimalloc's pages.
    MimallocFree,
    /// Heads of segments, and slices without a page.
    MimallocOverhead,
    /// Freed objects on CPython's free lists; for their allocator they are in use.
    FreeLists,
    /// Blocks of glibc's `malloc` in use, with their heads.
    MallocUsed,
    /// Blocks that were freed, and what an arena has not handed out yet.
    MallocFree,
    /// Blocks with a mapping of their own.
    MallocMapped,
    /// Stacks of threads, the part in use.
    Stacks,
    /// Stacks of threads, the part that is not in use now.
    StacksUnused,
    /// Static variables of the program and of libraries.
    StaticData,
    /// Writable memory that is mapped from files and is none of their static variables.
    MappedFiles,
    /// Memory in which code can be written and run.
    Code,
    /// Objects of Python and their buffers, in memory of no allocator that is read.
    ObjectsElsewhere,
    /// What else is in the mappings of these, where an allocator is known to be there that is not read: `other_malloc`.
    OtherMalloc,
    /// Pages that are all zero and of no owner that is known: reserved, and not written to.
    Untouched,
    /// Not known.
    Unknown,
}

/// pymalloc, in bytes unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PymallocMemory {
    /// Arenas: their number.
    pub arenas: u64,
    /// Bytes of one arena.
    pub arena_bytes: u64,
    /// Blocks in use.
    pub used: u64,
    /// Free blocks of pools in use.
    pub free: u64,
    /// Pools that hold no block: their number.
    pub empty_pools: u64,
    /// Their bytes.
    pub empty_pool_bytes: u64,
    /// Heads of pools in use.
    pub pool_heads: u64,
    /// What is too short for a block at the end of pools in use.
    pub quantization: u64,
    /// What arenas lose before their first pool.
    pub alignment: u64,
    /// Arenas of which less than a quarter is in use: their number.
    pub sparse_arenas: u64,
    /// Bytes of these that are in use, and hold the rest.
    pub sparse_used: u64,
}

/// mimalloc, in bytes unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MimallocMemory {
    /// Segments of 32 MiB: their number.
    pub segments: u64,
    /// Pages: their number.
    pub pages: u64,
    /// Bytes of all pages.
    pub page_bytes: u64,
    /// Blocks in use: their number (`sys.getallocatedblocks()`).
    pub blocks: u64,
    /// Their bytes.
    pub used: u64,
    /// What else is in pages.
    pub free: u64,
    /// Pages without a block in use: their number.
    pub empty_pages: u64,
    /// Their bytes.
    pub empty_page_bytes: u64,
    /// Pages of which less than a quarter is in use: their number.
    pub sparse_pages: u64,
    /// Bytes of these.
    pub sparse_page_bytes: u64,
    /// Bytes of these that are in use, and hold the rest.
    pub sparse_used: u64,
}

/// One arena of glibc's `malloc`, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MallocArena {
    /// Address of its `malloc_state`.
    pub addr: Addr,
    /// Whether it is `main_arena`.
    pub main: bool,
    /// What it has from the system (`arena` of `mallinfo2`).
    pub system: u64,
    /// In use; freed blocks that one thread keeps for itself count as used (`uordblks`).
    pub used: u64,
    /// Free, with the end that was not handed out yet (`fordblks`).
    pub free: u64,
    /// Of these, the end that was not handed out yet (`keepcost` of the main arena).
    pub top: u64,
}

/// Blocks with mappings of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MallocMapped {
    /// How many (`hblks`).
    pub blocks: u64,
    /// Their bytes (`hblkhd`).
    pub bytes: u64,
}
