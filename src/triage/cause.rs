//! The class of a crash: from what the rules of the report found, else from the signal and the fault address.

use super::normalize;
use super::rules::{CauseRule, Rules};
use crate::model::{Confidence, CrashReport, Finding, Report};
use crate::render::redact::redact_text;

/// What kind of address was accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The first 64 KiB: NULL, or a field of what should have been an object.
    Null,
    /// No address of this machine has this form, or the kernel did not tell it.
    NonCanonical,
    /// Mapped, but not for this.
    Protected,
    /// Nothing is there.
    Unmapped,
    /// Not known.
    Unknown,
}

impl FaultKind {
    /// The kind of a crash's fault address.
    #[must_use]
    pub fn of(crash: &CrashReport) -> Self {
        let code = crash.code_name.as_deref();
        match (crash.fault_addr, code) {
            // Linux gives no address for a general protection fault and 0 in its place.
            (_, Some("SI_KERNEL")) => FaultKind::NonCanonical,
            (Some(addr), _) if addr.0 < crate::os::NULL_AREA => FaultKind::Null,
            (Some(addr), _) if (0x0000_8000_0000_0000..0xffff_8000_0000_0000).contains(&addr.0) => {
                FaultKind::NonCanonical
            }
            (Some(_), Some("SEGV_ACCERR")) => FaultKind::Protected,
            (Some(_), Some("SEGV_MAPERR")) => FaultKind::Unmapped,
            _ => FaultKind::Unknown,
        }
    }

    /// The word of the rules and the exact key.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            FaultKind::Null => "null",
            FaultKind::NonCanonical => "non-canonical",
            FaultKind::Protected => "protected",
            FaultKind::Unmapped => "unmapped",
            FaultKind::Unknown => "unknown",
        }
    }
}

/// The class of a crash, with what led to it.
#[derive(Clone, Debug)]
pub struct Cause<'a> {
    /// The rule that matched.
    pub rule: &'a CauseRule,
    /// Signal or exception; `none` without a crash.
    pub signal: String,
    /// Kind of the fault address.
    pub fault: FaultKind,
    /// The finding that decided, if one did.
    pub finding: Option<&'a Finding>,
}

impl Cause<'_> {
    /// Name in the coarse key.
    #[must_use]
    pub fn coarse(&self) -> &str {
        self.rule.coarse.as_deref().unwrap_or(&self.rule.class)
    }

    /// What the rule looks for in the finding's text, without secrets: the object, the assertion.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        let pattern = regex::Regex::new(self.rule.subject.as_ref()?).ok()?;
        let title = redact_text(&self.finding?.title);
        let found = pattern.captures(&title)?;
        found.iter().skip(1).flatten().next().map(|group| group.as_str().to_owned())
    }

    /// That or else the finding's text, without what differs from run to run and without secrets.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        let text = self.subject().or_else(|| Some(redact_text(&self.finding?.title)))?;
        Some(normalize::message(&text))
    }
}

/// Finds the class of a report's crash; `None` only when the rules have no last resort.
#[must_use]
pub fn cause<'a>(report: &'a Report, rules: &'a Rules) -> Option<Cause<'a>> {
    let signal = match &report.crash {
        None => "none".to_owned(),
        Some(crash) => crash.name.clone().unwrap_or_else(|| match (crash.signal, crash.exception_code) {
            (Some(number), _) => format!("signal {number}"),
            (None, Some(code)) => format!("exception {code:#010x}"),
            (None, None) => "crash".to_owned(),
        }),
    };
    let fault = report.crash.as_ref().map_or(FaultKind::Unknown, FaultKind::of);
    let make = |rule, finding| Cause { rule, signal: signal.clone(), fault, finding };
    // A hint is not a ground for a class; the others are in the order of the report, most likely cause first.
    for finding in report.findings.iter().filter(|f| f.confidence > Confidence::Low) {
        let named = |rule: &&CauseRule| !rule.findings.is_empty() && rule.findings.matches(&finding.id.to_string());
        if let Some(rule) = rules.causes.iter().find(named) {
            return Some(make(rule, Some(finding)));
        }
    }
    let fits = |rule: &&CauseRule| {
        rule.findings.is_empty()
            && (rule.signals.is_empty() || rule.signals.matches(&signal))
            && (rule.faults.is_empty() || rule.faults.matches(fault.word()))
    };
    rules.causes.iter().find(fits).map(|rule| make(rule, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Addr;
    use crate::model::FindingId;

    fn crashed(name: &str, code: &str, addr: Option<u64>) -> Report {
        let crash = CrashReport {
            name: Some(name.into()),
            code_name: Some(code.into()),
            fault_addr: addr.map(Addr),
            ..CrashReport::default()
        };
        Report { crash: Some(crash), ..Report::default() }
    }

    fn class(report: &Report) -> (String, String) {
        let rules = Rules::built_in().unwrap();
        let cause = cause(report, &rules).unwrap();
        (cause.rule.class.clone(), cause.coarse().to_owned())
    }

    #[test]
    fn signals_and_fault_addresses_give_the_class() {
        let of = |name, code, addr| class(&crashed(name, code, addr)).0;
        assert_eq!(of("SIGSEGV", "SEGV_MAPERR", Some(8)), "null-access");
        assert_eq!(of("SIGSEGV", "SEGV_MAPERR", Some(0x7f00_0000_1234)), "wild-access");
        assert_eq!(of("SIGSEGV", "SI_KERNEL", Some(0)), "wild-access");
        assert_eq!(of("SIGABRT", "SI_TKILL", None), "abort");
        assert_eq!(of("SIGRTMIN", "", None), "other");
        assert_eq!(class(&Report::default()).0, "no-crash");
        assert_eq!(class(&crashed("SIGSEGV", "SEGV_MAPERR", Some(8))).1, "memory-access");
    }

    #[test]
    fn findings_come_before_signals_unless_they_are_hints() {
        let mut report = crashed("SIGABRT", "SI_TKILL", None);
        report.findings = vec![
            Finding { id: FindingId::DoubleFree, confidence: Confidence::Low, ..Finding::default() },
            Finding { id: FindingId::AssertionFailed, confidence: Confidence::High, ..Finding::default() },
        ];
        assert_eq!(class(&report).0, "assertion");
    }
}
