//! What a triage run says: groups of crashes, and dumps that gave none.

use super::record::Outcome;
use super::severity::Severity;
use super::signature::Signature;
use crate::model::Report;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of this form: `MAJOR.MINOR`. New optional fields raise MINOR, anything else MAJOR.
pub const SCHEMA_VERSION: &str = "1.1";

/// Result of a triage run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Triage {
    /// Version of this schema.
    pub schema_version: String,
    /// `pyinquest` and its version.
    pub tool: String,
    /// Dumps that were given.
    pub dumps: usize,
    /// Distinct crashes, most frequent first.
    pub groups: Vec<Group>,
    /// Dumps without a signature.
    pub broken: Vec<Broken>,
    /// Branch, build, whatever the run was labelled with.
    pub labels: BTreeMap<String, String>,
    /// What failed beside the analysis: a store or baseline that could not be used, so that no state is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// What earlier runs know of a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Never seen before.
    New,
    /// Seen before.
    Known,
    /// Was marked as fixed and is back.
    Regressed,
    /// Known, and nobody wants to hear of it.
    Ignored,
}

impl State {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            State::New => "new",
            State::Known => "known",
            State::Regressed => "regressed",
            State::Ignored => "ignored",
        }
    }
}

/// Crashes of one defect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Group {
    /// Identifier: hash of the coarse key and of what tells it from others with the same key.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// Class of the crash.
    pub class: String,
    /// Signal or exception.
    pub signal: String,
    /// Severity with its evidence: that of the worst crash in the group.
    pub severity: Severity,
    /// Module that seems to own the defect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What earlier runs know; absent when nothing was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Number in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue: Option<i64>,
    /// Notes from the store.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Number of dumps.
    pub count: usize,
    /// Dumps by version of Python.
    pub versions: BTreeMap<String, usize>,
    /// Earliest dump, RFC 3339; with a store, the earliest ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<String>,
    /// Latest dump.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// Names of the dumps, sorted.
    pub dumps: Vec<String>,
    /// The dump that stands for the group.
    pub representative: String,
    /// Its report, fit to be shared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<Report>>,
    /// Different signatures in the group.
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub signatures: Vec<Signature>,
}

/// A dump without a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Broken {
    /// Name of the dump.
    pub dump: String,
    /// What happened.
    pub outcome: Outcome,
    /// Why.
    pub error: String,
}
