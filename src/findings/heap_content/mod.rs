//! What stands out in a heap: rules over all objects and what keeps them alive, one file a rule. docs/heap.md lists them.

mod accumulation;
mod dominant;
mod garbage;
mod strings;
mod tables;

use crate::heap::{AllSizes, Found, Graph, HeapState, NoGarbage, ObjectId, Retained, Strings};
use crate::model::heap::HeapFindingId;

/// Less than this many bytes no rule tells of.
const LEAST_BYTES: u64 = 1 << 20;

/// All that the rules look at.
pub struct HeapScene<'a> {
    /// The objects.
    pub state: &'a HeapState<'a>,
    /// Who refers to whom.
    pub graph: &'a Graph,
    /// Sizes of the objects.
    pub sizes: &'a AllSizes<'a, 'a>,
    /// What each object keeps alive.
    pub retained: &'a Retained<'a, 'a>,
    /// Bytes of all objects.
    pub bytes: u64,
    /// Texts by value.
    pub strings: &'a Strings,
    /// What a collection would find unreachable.
    pub garbage: &'a Result<Vec<ObjectId>, NoGarbage>,
    /// Lists that are `gc.garbage`.
    pub uncollectable: &'a [Found],
    /// Whether the collector is switched off; `None` when that is not known.
    pub collector_off: Option<bool>,
    /// Modules and their namespaces, which are told of by their entries.
    pub is_namespace: &'a dyn Fn(ObjectId) -> bool,
    /// Short names of ways to objects.
    pub path: &'a dyn Fn(ObjectId) -> Option<String>,
}

impl std::fmt::Debug for HeapScene<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeapScene").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl HeapScene<'_> {
    fn share(&self, bytes: u64) -> f64 {
        bytes as f64 / self.bytes.max(1) as f64
    }

    /// Whether so many bytes are worth telling of: a MiB, and this part of all.
    fn counts(&self, bytes: u64, part: f64) -> bool {
        bytes >= LEAST_BYTES && self.share(bytes) >= part
    }

    fn type_name(&self, object: ObjectId) -> &str {
        let shape = self.state.objects().get(object).and_then(|found| self.state.shape(found.type_id));
        shape.map_or("?", |shape| shape.name.as_str())
    }
}

/// What a rule noticed.
#[derive(Clone, Debug, PartialEq)]
pub struct Noticed {
    /// The rule.
    pub id: HeapFindingId,
    /// In one line.
    pub title: String,
    /// The object that it is about, or one of them.
    pub object: Option<ObjectId>,
    /// How many objects.
    pub objects: u64,
    /// How many bytes.
    pub bytes: u64,
    /// What it rests on.
    pub evidence: Vec<String>,
    /// The command that shows more.
    pub next: String,
}

/// What stands out, the most bytes first.
#[must_use]
pub fn run(scene: &HeapScene<'_>) -> Vec<Noticed> {
    let mut all = accumulation::run(scene);
    all.extend(dominant::run(scene));
    all.extend(strings::run(scene));
    all.extend(tables::run(scene));
    all.extend(garbage::run(scene));
    all.sort_by_key(|noticed| std::cmp::Reverse(noticed.bytes));
    all
}

/// A part as people read it.
fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
