//! The report of a heap: what stands out, and pictures of all of it.

use super::{HeapCoverage, HeapObject, HeapRetained, HeapRetainedType, HeapType};
use crate::base::Diagnostic;
use serde::{Deserialize, Serialize};

/// What stands out in a heap. In JSON and text the variant's name in kebab-case; docs/heap.md says from when on each is
/// told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HeapFindingId {
    /// One container (or object) keeps much alive, in many small parts.
    AccumulationPoint,
    /// Objects of one type take or keep a large part of all bytes.
    DominantType,
    /// A container has grown from dump to dump.
    GrowingContainer,
    /// Equal texts take much memory beyond the first of each.
    DuplicateStrings,
    /// Dicts and sets whose tables are nearly empty.
    SparseDict,
    /// Objects that only refer to each other and wait for the collector.
    CycleGarbage,
    /// Objects in `gc.garbage`.
    Uncollectable,
    /// Garbage whose `__del__` has not run.
    FinalizerBacklog,
}

/// One thing that stands out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapFinding {
    /// Which rule found it.
    pub id: HeapFindingId,
    /// In one line.
    pub title: String,
    /// The way to the object that it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// The object that it is about, or one of them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub object: Option<HeapObject>,
    /// How many objects it is about.
    pub objects: u64,
    /// How many bytes: kept alive, taken, or wasted, as the title says.
    pub bytes: u64,
    /// Part of the bytes of all objects, 0 to 1.
    pub share: f64,
    /// What it rests on.
    pub evidence: Vec<String>,
    /// The command that shows more; CORE stands for the dump.
    pub next: String,
}

/// A part of a picture of the heap: what it holds is in it and in its children.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapTreeNode {
    /// Index of the node that this one is a part of; absent for the first, which is the whole. Smaller than the own index.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<u32>,
    /// A path where it is one object with a name, else the type of its objects.
    pub name: String,
    /// Bytes of its objects and of its children's.
    pub bytes: u64,
    /// How many objects are in it, without those of its children.
    pub objects: u64,
    /// The way to one of its objects.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub example: Option<String>,
}

/// A picture of the heap: nodes after the node that they are a part of. What is too small to be seen is left out, and so
/// part of its parent alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapTree {
    /// The nodes.
    pub nodes: Vec<HeapTreeNode>,
}

/// A heap at one look.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapReport {
    /// [`HEAP_SCHEMA_VERSION`](super::HEAP_SCHEMA_VERSION).
    pub schema_version: String,
    /// How complete the heap is.
    pub coverage: HeapCoverage,
    /// What was read: the dump's name, or the process.
    pub source: String,
    /// All objects.
    pub objects: u64,
    /// Their bytes, as `sys.getsizeof` gives them.
    pub bytes: u64,
    /// How many of them the collector tracks.
    pub tracked: u64,
    /// Objects that roots lead to.
    pub reached: u64,
    /// Their bytes.
    pub reached_bytes: u64,
    /// What stands out, what weighs most first.
    pub findings: Vec<HeapFinding>,
    /// How many types have objects.
    pub types_total: u64,
    /// The types with most bytes.
    pub types: Vec<HeapType>,
    /// The objects that keep most alive.
    pub top: Vec<HeapRetained>,
    /// The types whose objects keep most alive.
    pub by_type: Vec<HeapRetainedType>,
    /// The module-level names that keep most alive.
    pub by_name: Vec<HeapRetained>,
    /// What would go with what (dominators): each object is in the one node without which it would go.
    pub owned: HeapTree,
    /// References from roots: each object is where the shortest way leads to it.
    pub references: HeapTree,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub diagnostics: Vec<Diagnostic>,
}
