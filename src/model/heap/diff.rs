//! Two or three dumps of one program compared.

use super::{HeapCoverage, HeapFinding};
use crate::base::{Addr, Diagnostic};
use serde::{Deserialize, Serialize};

/// One of the dumps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapDump {
    /// Name of its file.
    pub source: String,
    /// How complete its heap is.
    pub coverage: HeapCoverage,
    /// All objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// Objects of one type in each dump.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapGrowthOfType {
    /// Name with module.
    #[serde(rename = "type")]
    pub name: String,
    /// How many, in the order of the dumps.
    pub objects: Vec<u64>,
    /// Their bytes, in the order of the dumps.
    pub bytes: Vec<u64>,
}

/// A container that has more items in each dump than in the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapGrowth {
    /// The way to it in the last dump.
    pub path: String,
    /// Name of its type, with module.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its address in the last dump.
    pub addr: Addr,
    /// Number of its items, in the order of the dumps.
    pub items: Vec<u64>,
    /// What it keeps alive in bytes, in the order of the dumps.
    pub retained: Vec<u64>,
}

/// Objects of one type that are not in the first dump and in both others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapBorn {
    /// Name with module.
    #[serde(rename = "type")]
    pub name: String,
    /// How many.
    pub objects: u64,
    /// Their bytes in the last dump.
    pub bytes: u64,
    /// The largest of them.
    pub largest_at: Addr,
    /// The way to it in the last dump.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
}

/// What grew from dump to dump.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapDiff {
    /// [`HEAP_SCHEMA_VERSION`](super::HEAP_SCHEMA_VERSION).
    pub schema_version: String,
    /// The dumps, in the order that was given.
    pub dumps: Vec<HeapDump>,
    /// Whether all are of one process: the process id and the places of the runtime and the interpreter are the same. Only
    /// then an address means the same object.
    pub same_process: bool,
    /// Types whose bytes differ between the first and the last dump, those that grew most first.
    pub types: Vec<HeapGrowthOfType>,
    /// How many types differ.
    pub types_total: u64,
    /// Containers that grew, those that grew most first.
    pub containers: Vec<HeapGrowth>,
    /// Of three dumps of one process: what was born after the first and is in both others, by type. An object that was
    /// freed and replaced by another of its type at the same address counts as the same.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub born: Vec<HeapBorn>,
    /// What stands out.
    pub findings: Vec<HeapFinding>,
}
