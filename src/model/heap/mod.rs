//! Answers about the heap of a process, as they go over the wire.

mod answer;
mod diff;
mod report;

pub use answer::HeapAnswer;
pub use diff::{HeapBorn, HeapDiff, HeapDump, HeapGrowth, HeapGrowthOfType};
pub use report::{HeapFinding, HeapFindingId, HeapReport, HeapTree, HeapTreeNode};

use super::GcCollection;
use crate::base::{Addr, Diagnostic};
use serde::{Deserialize, Serialize};

/// Version of these answers.
pub const HEAP_SCHEMA_VERSION: &str = "1.1";

/// How complete the objects are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapCoverage {
    /// Whether every list of the collector was whole; absent where there are none (free-threaded builds).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gc_lists_whole: Option<bool>,
    /// Whether a collection was under way.
    pub collecting: bool,
    /// How the allocator's memory was found.
    pub allocator: AllocatorFound,
    /// Blocks of pymalloc in use, as `sys.getallocatedblocks()` counts them.
    pub blocks: u64,
    /// Of these, blocks that are objects; the others are buffers of objects or of C code.
    pub blocks_with_objects: u64,
    /// Of these, blocks that look like an `object()` and to which no object refers: they may be text of C code in the block of one
    /// that was freed, or be held by native code or by a variable of a frame.
    #[serde(default)]
    pub perhaps_text: u64,
    /// Parts of the allocator that are unreadable or damaged.
    pub unreadable_pools: u64,
    /// Bytes of writable memory that the dump leaves out.
    pub left_out: u64,
    /// Bytes of writable memory lost because the dump was cut.
    pub cut: u64,
    /// Bytes of writable mappings of no file of which the dump holds nothing, though it holds others: never written to, but
    /// for those that the program itself keeps out of dumps (`MADV_DONTDUMP`).
    #[serde(default)]
    pub unwritten: u64,
}

/// How the allocator's memory was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AllocatorFound {
    /// pymalloc by its table of arenas.
    PymallocTable,
    /// pymalloc by the form of its pools: nothing led to the table.
    PymallocStructure,
    /// mimalloc by the form of its segments.
    Mimalloc,
    /// Not: objects that the collector does not track are those that others refer to.
    #[default]
    None,
}

/// Objects and bytes by type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapCensus {
    /// [`HEAP_SCHEMA_VERSION`].
    pub schema_version: String,
    /// How complete it is.
    pub coverage: HeapCoverage,
    /// Objects that were counted.
    pub objects: u64,
    /// Their bytes, as `sys.getsizeof` gives them.
    pub bytes: u64,
    /// How many of them the collector tracks.
    pub tracked: u64,
    /// Types that have objects.
    pub types_total: u64,
    /// The types, as many as were asked for.
    pub types: Vec<HeapType>,
    /// The last garbage collections, the latest first, as far as they are kept (3.15).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub collections: Vec<GcCollection>,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// The objects of one type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapType {
    /// Name with module.
    #[serde(rename = "type")]
    pub name: String,
    /// Address of the type object.
    pub type_addr: Addr,
    /// How many.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Part of all bytes that were counted, 0 to 1.
    pub share: f64,
    /// Bytes of the largest.
    pub largest: u64,
    /// Its address.
    pub largest_at: Addr,
}

/// Single objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapObjects {
    /// [`HEAP_SCHEMA_VERSION`].
    pub schema_version: String,
    /// How complete the heap is.
    pub coverage: HeapCoverage,
    /// How many objects there are of those that were asked for.
    pub total: u64,
    /// The largest of them, as many as were asked for.
    pub objects: Vec<HeapObject>,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// One object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapObject {
    /// Its address.
    pub addr: Addr,
    /// Name of its type, with module.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its bytes.
    pub bytes: u64,
    /// The collector's generation; absent for what is in none of its lists.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub generation: Option<u8>,
    /// A short form of its value.
    pub value: String,
}

/// Texts and bytes that cost the most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapStrings {
    /// [`HEAP_SCHEMA_VERSION`].
    pub schema_version: String,
    /// How complete the heap is.
    pub coverage: HeapCoverage,
    /// How many `str` and `bytes` objects there are.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that equal values take beyond the first of each.
    pub duplicate_bytes: u64,
    /// The values, as many as were asked for.
    pub strings: Vec<HeapString>,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// One value and how often it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapString {
    /// Address of one of the objects.
    pub addr: Addr,
    /// How many objects have this value.
    pub count: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// A short form of the value.
    pub value: String,
}

/// References to an object, or from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapReferences {
    /// [`HEAP_SCHEMA_VERSION`].
    pub schema_version: String,
    /// How complete the heap is.
    pub coverage: HeapCoverage,
    /// The object that was asked for.
    pub object: HeapObject,
    /// Whether these are what the object refers to, not who refers to it.
    pub outgoing: bool,
    /// How many references there are.
    pub total: u64,
    /// They, as many as were asked for.
    pub references: Vec<HeapReference>,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// One reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapReference {
    /// How, in Python's syntax: `.attr`, `['key']`, `[3]`.
    pub edge: String,
    /// Whether it keeps the object alive; false for weak references.
    pub strong: bool,
    /// Whether it is known to be a reference; false for a word of C memory that leads to an object.
    pub exact: bool,
    /// The object at the other end.
    pub object: HeapObject,
}

/// Why objects are alive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapWhy {
    /// [`HEAP_SCHEMA_VERSION`].
    pub schema_version: String,
    /// How complete the heap is.
    pub coverage: HeapCoverage,
    /// How many objects were asked for.
    pub total: u64,
    /// Of these, objects that no root leads to: garbage, or held by C code alone.
    pub unreached: u64,
    /// Ways from roots, the shortest first.
    pub paths: Vec<HeapPath>,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// One way from a root to an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapPath {
    /// In Python's syntax, after the root: `app.cache['u17'].body`; absent when no root leads to the object.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// Whether the root is known to be a reference; false for a word of a C stack, a register or a C variable, which may
    /// be equal to an object's address by chance, or left over.
    pub root_certain: bool,
    /// The object.
    pub object: HeapObject,
}

/// What would go with single objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapTop {
    /// [`HEAP_SCHEMA_VERSION`].
    pub schema_version: String,
    /// How complete the heap is.
    pub coverage: HeapCoverage,
    /// Objects that roots lead to.
    pub reached: u64,
    /// Their bytes.
    pub reached_bytes: u64,
    /// References between objects.
    pub references: u64,
    /// Objects that no root leads to: garbage, or held by C code alone.
    pub unreached: u64,
    /// Their bytes.
    pub unreached_bytes: u64,
    /// The objects that keep most alive. Modules and their namespaces are left out: their entries are listed.
    pub top: Vec<HeapRetained>,
    /// The types whose objects keep most alive.
    #[serde(default)]
    pub by_type: Vec<HeapRetainedType>,
    /// What names of modules lead to, by what it keeps alive; modules that other modules import are left out.
    #[serde(default)]
    pub by_name: Vec<HeapRetained>,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// One object and what it keeps alive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapRetained {
    /// Bytes that nothing else keeps alive, its own included.
    pub retained: u64,
    /// Part of all bytes that roots lead to, 0 to 1.
    pub share: f64,
    /// The object.
    pub object: HeapObject,
    /// The shortest way to it.
    pub path: String,
    /// Whether the root is known to be a reference, as in [`HeapPath::root_certain`].
    pub root_certain: bool,
}

/// The objects of one type and what they keep alive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapRetainedType {
    /// Name with module.
    #[serde(rename = "type")]
    pub name: String,
    /// Address of the type object.
    pub type_addr: Addr,
    /// How many objects roots lead to.
    pub objects: u64,
    /// Their own bytes.
    pub bytes: u64,
    /// Bytes that single ones of them keep alive, what is in two of them counted once. What several share and no one of
    /// them keeps is not in it.
    pub retained: u64,
    /// Part of all bytes that roots lead to, 0 to 1.
    pub share: f64,
}
