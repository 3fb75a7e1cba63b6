//! What the rules found.

use super::Out;
use crate::model::{Confidence, Report};
use crate::render::palette::paint;
use crate::render::wording::{safe, sureness};

pub(super) fn write(out: &mut Out<'_>, report: &Report) {
    let palette = out.palette();
    for (index, finding) in report.findings.iter().enumerate() {
        if index == 0 {
            out.blank();
            out.line(0, &paint(palette.heading, if report.findings.len() == 1 { "Finding" } else { "Findings" }));
        }
        let sure = sureness(finding.confidence);
        let style = match finding.confidence {
            Confidence::High => palette.bad,
            Confidence::Medium => palette.warning,
            Confidence::Low => palette.dim,
        };
        let id = paint(palette.dim, &format!("[{}]", safe(&finding.id)));
        out.line(2, &format!("{}: {} {id}", paint(style, sure), safe(&finding.title)));
        for evidence in &finding.evidence {
            out.line(4, &format!("- {}", safe(evidence)));
        }
        if let Some(advice) = &finding.advice {
            out.line(4, &format!("help: {}", safe(advice)));
        }
    }
}
