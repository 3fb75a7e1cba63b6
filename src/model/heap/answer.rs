//! [`HeapAnswer`]: any answer about a heap, which JSON says itself.

use super::{HeapCensus, HeapDiff, HeapObjects, HeapReferences, HeapReport, HeapStrings, HeapTop, HeapWhy};
use crate::model::audit::HeapAudit;
use crate::model::integrity::HeapCheck;
use serde::{Deserialize, Serialize};

/// An answer about a heap. In JSON `answer` says which, beside its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum HeapAnswer {
    /// `heap`: objects by type.
    Census(HeapCensus),
    /// `heap objects`: single objects.
    Objects(HeapObjects),
    /// `heap strings`: texts and bytes.
    Strings(HeapStrings),
    /// `heap refs`: references to an object, or from it.
    References(HeapReferences),
    /// `heap why`: why objects are alive.
    Why(HeapWhy),
    /// `heap top`: what keeps most alive.
    Top(HeapTop),
    /// `heap audit`: counts and references that do not agree.
    Audit(HeapAudit),
    /// `heap check`: whether the heap is whole.
    Check(HeapCheck),
    /// `heap report`: all of it at one look, with what stands out.
    Report(Box<HeapReport>),
    /// `heap diff`: what grew.
    Diff(Box<HeapDiff>),
}

macro_rules! from {
    ($($variant:ident($type:ident)),+) => {$(
        impl From<$type> for HeapAnswer {
            fn from(answer: $type) -> Self {
                HeapAnswer::$variant(answer)
            }
        }
    )+};
}

from!(
    Census(HeapCensus),
    Objects(HeapObjects),
    Strings(HeapStrings),
    References(HeapReferences),
    Why(HeapWhy),
    Top(HeapTop),
    Audit(HeapAudit),
    Check(HeapCheck)
);

impl From<HeapReport> for HeapAnswer {
    fn from(answer: HeapReport) -> Self {
        HeapAnswer::Report(Box::new(answer))
    }
}

impl From<HeapDiff> for HeapAnswer {
    fn from(answer: HeapDiff) -> Self {
        HeapAnswer::Diff(Box::new(answer))
    }
}
