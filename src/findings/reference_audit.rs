//! What counts and references of all objects ([`crate::model::audit`]) tell of a crash that a wrong count explains.

use super::finding;
use crate::base::{Addr, counted};
use crate::model::audit::{AuditExample, AuditGroup, AuditVerdict, BlameReason, HeapAudit};
use crate::model::{Confidence, Finding, FindingId};

/// Types that are told of at most, for each thing that can be wrong.
const MOST: usize = 3;
/// Holders of one object that are named.
const HOLDERS: usize = 3;

/// Which of the findings the heap may explain: a count that does not agree with the references, or what was written where it
/// does not belong. `in_interpreter`: the instruction that crashed is one of CPython itself, which trusts the objects that it is
/// given.
#[must_use]
pub fn explained_by_heap(findings: &[Finding], in_interpreter: bool) -> Option<usize> {
    let certain = |finding: &Finding| {
        matches!(
            finding.id,
            FindingId::CrashInGc
                | FindingId::CrashInFinalizer
                | FindingId::CorruptObject
                | FindingId::BadRefcount
                | FindingId::UseOfFreedMemory
                | FindingId::BufferOverrun
                | FindingId::DoubleFree
                | FindingId::InvalidFree
                | FindingId::HeapCorruption
        )
    };
    let by_what_was_left = |finding: &Finding| {
        matches!(
            finding.id,
            FindingId::UnmappedAddress
                | FindingId::NullPointer
                | FindingId::NonCanonicalAddress
                | FindingId::SmallIntegerAsPointer
                | FindingId::BadJump
                | FindingId::WriteToReadOnly
        )
    };
    findings.iter().position(|finding| certain(finding) || in_interpreter && by_what_was_left(finding))
}

/// What an audit tells of the crash of thread `tid`. `near` are addresses that the crashed code had at hand.
#[must_use]
pub fn reference_audit(audit: &HeapAudit, near: &[Addr], tid: u64) -> Vec<Finding> {
    let told = |leaked: bool| {
        let of = move |group: &&AuditGroup| (group.verdict == AuditVerdict::Leaked) == leaked;
        audit.groups.iter().filter(of).take(MOST)
    };
    let too_often = told(false).map(|group| released_too_often(group, near, tid));
    too_often.chain(told(true).map(|group| leaked(group, tid))).collect()
}

fn released_too_often(group: &AuditGroup, near: &[Addr], tid: u64) -> Finding {
    let (objects, references) = (group.objects, group.references);
    let what = things(group);
    let title = match (group.verdict, objects) {
        (AuditVerdict::FreedWhileReferenced, 1) => {
            format!("{what} was freed while {} led to it", counted(references, "reference"))
        }
        (AuditVerdict::FreedWhileReferenced, _) => {
            format!("{what} were freed while {} led to them", counted(references, "reference"))
        }
        (_, 1) => format!("{what} was released too often: {} more than its count", counted(references, "reference")),
        _ => format!("{what} were released too often: {} more than their counts", counted(references, "reference")),
    };
    let mut evidence: Vec<String> = group.examples.iter().map(counts).collect();
    evidence.extend(suspects(group));
    // What the crashed code had in hand is what it died of; another one may have nothing to do with it.
    let at_hand = |example: &AuditExample| {
        near.contains(&example.addr) || example.holders.iter().any(|holder| near.contains(&holder.object.addr))
    };
    if let Some(example) = group.examples.iter().find(|example| at_hand(example)) {
        evidence.push(format!(
            "the code that crashed had {}, or who refers to it, in a register or argument",
            example.addr
        ));
    }
    let advice = "a Py_DECREF too many, or a borrowed reference that was given away (Py_INCREF is missing); `pyinquest heap \
                  audit` lists all, `pyinquest heap refs ADDRESS` who refers to one";
    let title = format!("{title}{}", blamed(group));
    Finding {
        advice: Some(advice.to_owned()),
        ..finding(FindingId::OverReleased, title, Confidence::Medium, evidence, tid)
    }
}

fn leaked(group: &AuditGroup, tid: u64) -> Finding {
    let references = counted(group.references, "reference");
    let were = if group.references == 1 { "was" } else { "were" };
    let title = format!("{references} to {} {were} never released{}", things(group), blamed(group));
    let mut evidence: Vec<String> = group.examples.iter().map(counts).collect();
    evidence.extend(suspects(group));
    let advice = "a missing Py_DECREF: code that is wrong about one reference may be wrong about others; `pyinquest heap audit` \
                  lists all";
    Finding {
        advice: Some(advice.to_owned()),
        ..finding(FindingId::LeakedReferences, title, Confidence::Low, evidence, tid)
    }
}

/// "an app.Session object", "12 app.Session objects".
fn things(group: &AuditGroup) -> String {
    let likely = if group.verdict == AuditVerdict::FreedWhileReferenced { " (likely)" } else { "" };
    match (&group.type_name, group.objects) {
        (Some(name), 1) => format!("a {} object{likely}", name),
        (Some(name), objects) => format!("{objects} {} objects{likely}", name),
        (None, 1) => "an object of unknown type".to_owned(),
        (None, objects) => format!("{objects} objects of unknown type"),
    }
}

/// Count, references and holders of one object; no value of it.
fn counts(example: &AuditExample) -> String {
    let count = example.count.map_or("freed".to_owned(), |count| format!("count {count}"));
    let owned = counted(example.owned, "owning reference");
    let words =
        if example.words > 0 { format!(", {} in all memory", counted(example.words, "word")) } else { String::new() };
    let mut text = format!("{}: {count}, {owned}{words}", example.addr);
    for holder in example.holders.iter().take(HOLDERS) {
        // A key is a value of the program.
        let edge = if holder.edge.contains(['\'', '"']) { "an entry" } else { holder.edge.as_str() };
        text += &format!("; held by the {} at {} ({edge})", holder.object.type_name, holder.object.addr);
    }
    text
}

/// The module that more than its being loaded leads to.
fn blamed(group: &AuditGroup) -> String {
    let suspect = group.modules.first().filter(|module| is_telling(&module.reasons));
    suspect.map_or(String::new(), |module| format!(", by {} (likely)", module.module))
}

fn is_telling(reasons: &[BlameReason]) -> bool {
    reasons.iter().any(|reason| *reason != BlameReason::Loaded)
}

fn suspects(group: &AuditGroup) -> Vec<String> {
    let line = |module: &crate::model::audit::AuditModule| {
        let reasons: Vec<&str> = module.reasons.iter().map(|reason| reason.phrase()).collect();
        format!("suspect: {} ({})", module.module, reasons.join(", "))
    };
    group.modules.iter().take(MOST).map(line).collect()
}
