//! The reference audit, as it goes over the wire.

use super::heap::{HeapCoverage, HeapObject};
use crate::base::{Addr, Diagnostic};
use serde::{Deserialize, Serialize};

/// Objects whose count and references do not agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeapAudit {
    /// Version of this answer: [`super::heap::HEAP_SCHEMA_VERSION`].
    pub schema_version: String,
    /// How complete the heap is.
    pub coverage: HeapCoverage,
    /// Objects whose count was compared.
    pub judged: u64,
    /// Objects that have no count: immortal ones.
    pub immortal: u64,
    /// Free-threaded builds: objects whose references are not all counted in them.
    pub deferred: u64,
    /// Interned strings, which the table of interned strings holds without a count.
    pub interned: u64,
    /// Whether references that are nowhere were looked for: not where memory is missing, and not in free-threaded builds.
    pub leaks_judged: bool,
    /// What does not agree, by verdict and type; the gravest first.
    pub groups: Vec<AuditGroup>,
    /// Leaks that are too few to be told from what CPython itself leaks: references.
    pub leaks_not_shown: u64,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// What is wrong with an object's count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AuditVerdict {
    /// It was freed, and references to it are still there.
    FreedWhileReferenced,
    /// More references own a count than there are counts: one of the next releases frees it while it is used.
    #[default]
    OverReleased,
    /// More counts than words in all memory that lead to it: references were never released.
    Leaked,
}

/// Objects of one type with one thing wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditGroup {
    /// What is wrong.
    pub verdict: AuditVerdict,
    /// Type of the objects; of freed memory the one that its type word still names.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub type_name: Option<String>,
    /// How many objects.
    pub objects: u64,
    /// References too many or too few, of all of them.
    pub references: u64,
    /// Some of them.
    pub examples: Vec<AuditExample>,
    /// Modules that may have done it, the likeliest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub modules: Vec<AuditModule>,
}

/// One object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditExample {
    /// Its address.
    pub addr: Addr,
    /// The object; absent where it was freed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub object: Option<HeapObject>,
    /// Its count; absent where it was freed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub count: Option<i64>,
    /// References that certainly own a count.
    pub owned: u64,
    /// Words of all memory that lead to it.
    pub words: u64,
    /// Who refers to it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub holders: Vec<AuditHolder>,
}

/// Who refers to an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditHolder {
    /// How: `.attr`, `['key']`, `[3]`.
    pub edge: String,
    /// The object that refers.
    pub object: HeapObject,
}

/// A module that may have done it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditModule {
    /// Its file name.
    pub module: String,
    /// Why, the strongest first.
    pub reasons: Vec<BlameReason>,
}

/// Why a module may have done it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BlameReason {
    /// It defines the type of the objects.
    DefinesType,
    /// It defines the type of an object that refers to them.
    DefinesHolder,
    /// Its variables lead to them.
    RefersToIt,
    /// Its functions are on the stack of the thread that died.
    OnStack,
    /// It is an extension module that is not of Python itself.
    Loaded,
}

impl BlameReason {
    /// The reason, for people, behind the module's name.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            BlameReason::DefinesType => "defines the type",
            BlameReason::DefinesHolder => "defines a type that refers to it",
            BlameReason::RefersToIt => "its variables lead to it",
            BlameReason::OnStack => "on the stack of the thread that died",
            BlameReason::Loaded => "an extension module that is not of Python itself",
        }
    }
}
