//! Soft errors: what is missing or doubtful in a report, as data.

use super::{Addr, DiagnosticCode};
use serde::{Deserialize, Serialize};
use std::sync::Mutex;

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; nothing is missing.
    Note,
    /// Something may be wrong or is missing.
    Warning,
    /// A whole part of the report is missing.
    Error,
}

/// One statement about what is missing or doubtful.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about, for scripts.
    pub code: DiagnosticCode,
    /// One line, lower case, no full stop.
    pub message: String,
    /// Where in the target, when it is about a place.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub addr: Option<Addr>,
    /// What the user can do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A diagnostic without address and hint.
    pub fn new(severity: Severity, code: DiagnosticCode, message: impl Into<String>) -> Self {
        Diagnostic { severity, code, message: message.into(), addr: None, hint: None }
    }

    /// Something may be wrong or is missing.
    pub fn warning(code: DiagnosticCode, message: impl Into<String>) -> Self {
        Diagnostic::new(Severity::Warning, code, message)
    }

    /// Good to know; nothing is missing.
    pub fn note(code: DiagnosticCode, message: impl Into<String>) -> Self {
        Diagnostic::new(Severity::Note, code, message)
    }

    /// The same with an address.
    #[must_use]
    pub fn at(mut self, addr: Addr) -> Self {
        self.addr = Some(addr);
        self
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Collects diagnostics from all layers; shared by reference, bounded, without repeats.
#[derive(Debug, Default)]
pub struct Diagnostics {
    list: Mutex<Vec<Diagnostic>>,
}

impl Diagnostics {
    /// More than this many are dropped: a hostile dump must not fill memory with complaints.
    pub const LIMIT: usize = 1000;

    /// Adds one, unless it is there already or the list is full.
    pub fn push(&self, diagnostic: Diagnostic) {
        if let Ok(mut list) = self.list.lock()
            && list.len() < Self::LIMIT
            && !list.contains(&diagnostic)
        {
            list.push(diagnostic);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.list.lock().map(|list| list.len()).unwrap_or_default()
    }

    /// Takes back those that came after the first `count`, but for those that are to stay.
    pub fn take_back(&self, count: usize, stays: impl Fn(&Diagnostic) -> bool) {
        if let Ok(mut list) = self.list.lock() {
            let mut number = 0_usize;
            list.retain(|diagnostic| {
                number = number.saturating_add(1);
                number <= count || stays(diagnostic)
            });
        }
    }

    /// A copy of all, in the order they came.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Diagnostic> {
        self.list.lock().map(|l| l.clone()).unwrap_or_default()
    }
}
