//! Whether the heap is whole, as it goes over the wire.

use super::address::{Allocator, BlockState, BufferKind};
use super::heap::{HeapCoverage, HeapObject};
use crate::base::{Addr, Diagnostic};
use serde::{Deserialize, Serialize};

/// What of the heap cannot be as it is: something was written where it does not belong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapCheck {
    /// Version of this answer: [`super::heap::HEAP_SCHEMA_VERSION`].
    pub schema_version: String,
    /// How complete the heap is.
    pub coverage: HeapCoverage,
    /// What was examined.
    pub examined: Examined,
    /// How many places are damaged.
    pub total: u64,
    /// They, by address.
    pub damages: Vec<HeapDamage>,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// What was examined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Examined {
    /// Blocks of Python's allocator in use, by the heads and free lists of their pools or pages.
    pub blocks: u64,
    /// Whether they have the marks of debug hooks (`PYTHONMALLOC=debug`), which were examined too.
    pub marks: bool,
    /// Objects on the collector's lists, by their links and types; none while a collection was under way.
    pub tracked: u64,
    /// Objects whose size was compared with their block's.
    pub sizes: u64,
    /// Objects whose references were followed.
    pub referring: u64,
    /// Chunks of glibc's malloc, by their sizes.
    pub chunks: u64,
}

/// One place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapDamage {
    /// What is wrong.
    pub kind: DamageKind,
    /// The first byte that cannot be as it is; what was overwritten with what it may be is not seen.
    pub at: Addr,
    /// The bytes there, in hexadecimal.
    pub bytes: String,
    /// The same as text, where they are one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    /// What holds the place.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<DamagePlace>,
    /// What is before it in memory, and may have been written beyond its end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<DamagePlace>,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DamageKind {
    /// The head of a pool of pymalloc.
    #[default]
    PoolHeader,
    /// The head of a page of mimalloc.
    PageHeader,
    /// The link of a free block leads to what is not a free block of its pool or page.
    FreeList,
    /// A block that debug hooks filled when it was freed has other bytes.
    WrittenAfterFree,
    /// The size or the marks that debug hooks put before a block.
    FenceBefore,
    /// The marks that debug hooks put after a block: it was written beyond its end.
    FenceAfter,
    /// An object on a list of the collector has no type.
    TypePointer,
    /// Links of the collector's list.
    GcLinks,
    /// An object says that it is larger than its block.
    Size,
    /// A reference leads to a block in use that holds no object: overwritten, or freed and in use again.
    Reference,
    /// The size of a chunk of glibc's malloc.
    MallocChunk,
}

impl DamageKind {
    /// What is wrong, for people.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            DamageKind::PoolHeader => {
                "the head of a pool of pymalloc is none: overwritten, probably from the block before it"
            }
            DamageKind::PageHeader => {
                "the head of a page of mimalloc is none: overwritten, from before it in its segment"
            }
            DamageKind::FreeList => {
                "the link of a free block leads to what is not one: written to after it was freed, or beyond the block before it"
            }
            DamageKind::WrittenAfterFree => "a block was written to after it was freed",
            DamageKind::FenceBefore => {
                "the marks before a block are overwritten: beyond the block before it, or before its start"
            }
            DamageKind::FenceAfter => "the marks after a block are overwritten: it was written beyond its end",
            DamageKind::TypePointer => {
                "an object on the collector's list has no type: overwritten, or freed without leaving the list"
            }
            DamageKind::GcLinks => "a link of the collector's list does not lead back",
            DamageKind::Size => "an object says that it is larger than its block",
            DamageKind::Reference => {
                "a reference leads to what is not an object: overwritten, or freed and in use again"
            }
            DamageKind::MallocChunk => {
                "the size of a chunk of malloc leads nowhere: overwritten, probably from the chunk before it"
            }
        }
    }
}

/// A block with what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DamagePlace {
    /// First address.
    pub start: Addr,
    /// Bytes.
    pub bytes: u64,
    /// The allocator whose block it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub allocator: Option<Allocator>,
    /// Whether the block is in use.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub state: Option<BlockState>,
    /// The object in it, or that owns it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub object: Option<HeapObject>,
    /// What of the object, where it is not the object itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub holds: Option<BufferKind>,
    /// Type of the object that a freed block held before. Likely, not certain.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub was: Option<String>,
}
