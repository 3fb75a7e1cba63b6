//! From a dump to its row: the "map" of map and reduce.

use super::record::{Label, Outcome, Row};
use super::rules::{Rules, RulesError};
use crate::base::DiagnosticCode;
use crate::debuggee::TargetError;
use crate::engine::{Inspection, Options};
use crate::image::SearchOptions;
use crate::model::Report;
use crate::render::redact::Privacy;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How dumps are read. Sent to worker processes as JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MapOptions {
    /// Where files of the process are looked for.
    pub search: SearchOptions,
    /// Whether the report has source lines.
    pub sources: bool,
    /// A file with rules to be asked before the built-in ones.
    pub rules: Option<PathBuf>,
    /// Whether the report has locals.
    pub locals: bool,
    /// Whether secrets may stand in it.
    pub unredacted: bool,
    /// Whether workers keep rights that they do not need.
    pub no_sandbox: bool,
}

impl MapOptions {
    /// The rules.
    ///
    /// # Errors
    /// When the file with rules cannot be read or understood.
    pub fn load_rules(&self) -> Result<Rules, RulesError> {
        Rules::load(self.rules.as_deref())
    }

    /// What a shared report says of values.
    #[must_use]
    pub fn privacy(&self) -> Privacy {
        match (self.unredacted, self.locals) {
            (true, _) => Privacy::Full,
            (false, true) => Privacy::Redacted,
            (false, false) => Privacy::NoLocals,
        }
    }
}

/// The whole report of a dump.
///
/// # Errors
/// When the file is not a dump or cannot be read.
pub fn report(path: &Path, options: &MapOptions) -> Result<Report, TargetError> {
    let wanted = Options { locals: options.locals, native: true, source_lines: options.sources, ..Options::default() };
    Ok(Inspection::open(path, &options.search)?.report(&wanted))
}

/// The row of a dump; one that cannot be read is a row too.
#[must_use]
pub fn map(path: &Path, label: Label, options: &MapOptions, rules: &Rules) -> Row {
    match report(path, options) {
        Ok(mut report) => {
            report.source.path = Some(label.dump.clone());
            if let Some(why) = no_defect(&report) {
                return Row::without_report(label, Outcome::Unreadable, why);
            }
            Row::new(label, report, rules, options.privacy())
        }
        Err(error) => {
            let help = error.help().map(|h| format!(" ({h})")).unwrap_or_default();
            // A member of an archive lies in a file whose name says nothing and is another each time.
            let text = format!("{error}{help}").replace(&path.display().to_string(), &label.dump);
            Row::without_report(label, Outcome::Unreadable, text)
        }
    }
}

/// Why a dump says nothing of a defect: what would tell of Python is cut off, or is of a Python that cannot be read. Such
/// dumps have nothing in common.
fn no_defect(report: &Report) -> Option<String> {
    if report.python.is_some() {
        return None;
    }
    let of = |code: &DiagnosticCode| report.diagnostics.iter().find(|d| d.code == *code).map(|d| d.message.clone());
    let cut = || [DiagnosticCode::CoreTruncated, DiagnosticCode::MinidumpTruncated].iter().find_map(of);
    let nothing = || report.threads.is_empty().then(|| "it has no threads".to_owned());
    of(&DiagnosticCode::UnsupportedPython).or_else(cut).or_else(nothing)
}

/// Name, size and time of a file.
#[must_use]
pub fn label(path: &Path) -> Label {
    let data = std::fs::metadata(path).ok();
    Label {
        dump: path.display().to_string(),
        size: data.as_ref().map(std::fs::Metadata::len),
        seen: data.and_then(|d| d.modified().ok()).map(time_text),
    }
}

/// RFC 3339 in UTC, to the second.
#[must_use]
pub fn time_text(time: std::time::SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}
