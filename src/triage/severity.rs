//! How bad a crash looks from outside, with the evidence. It is evidence, not a verdict: a NULL dereference can be the
//! visible end of a corrupted heap, and a wild read may be harmless.

use super::cause::FaultKind;
use super::signature::Signature;
use crate::model::{Confidence, FindingId, Report};
use serde::{Deserialize, Serialize};

/// Classes, worst first.
pub const CLASSES: &[&str] =
    &["memory-corruption", "invalid-access", "null-access", "controlled-abort", "resource", "unknown", "external"];

/// Severity of a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Severity {
    /// One of [`CLASSES`].
    pub class: String,
    /// Facts it rests on.
    pub evidence: Vec<String>,
}

impl Severity {
    /// Place in [`CLASSES`]; smaller is worse.
    #[must_use]
    pub fn rank(&self) -> usize {
        CLASSES.iter().position(|c| *c == self.class).unwrap_or(CLASSES.len())
    }
}

/// Most lines of evidence.
const EVIDENCE_LIMIT: usize = 8;

/// The severity of a report's crash.
#[must_use]
pub fn severity(report: &Report, signature: &Signature) -> Severity {
    let mut class = signature.severity.clone();
    let mut evidence = Vec::new();
    if let Some(crash) = &report.crash {
        evidence.push(crash.summary.clone());
        let fault = FaultKind::of(crash);
        let access = matches!(crash.name.as_deref(), Some("SIGSEGV" | "SIGBUS" | "EXCEPTION_ACCESS_VIOLATION"));
        if access && crash.fault_addr.is_some() && crash.fault_addr == crash.instruction && fault != FaultKind::Null {
            evidence.push("the address that could not be accessed is the instruction pointer itself".to_owned());
            if class == "invalid-access" {
                class = "memory-corruption".to_owned();
            }
        }
    }
    let findings = report.findings.iter().filter(|f| f.confidence > Confidence::Low);
    for finding in findings {
        evidence.push(finding.title.clone());
        // Not every sanitizer looks at memory: an integer overflow corrupts nothing.
        if finding.id == FindingId::SanitizerReport && finding.title.contains(": runtime error: ") {
            class = "controlled-abort".to_owned();
        }
        let wrote = finding.evidence.iter().find(|line| line.to_lowercase().contains("write"));
        if let Some(line) = wrote.filter(|_| class == "invalid-access") {
            evidence.push(line.clone());
            class = "memory-corruption".to_owned();
        }
    }
    evidence.dedup();
    evidence.truncate(EVIDENCE_LIMIT);
    Severity { class, evidence }
}
