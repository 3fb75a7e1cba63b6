//! Adds source lines to the frames of a report.

use crate::model::{FrameKind, Report};
use crate::stack::source::Sources;

/// Fills [`crate::model::Frame::source`] where the file is at hand, and adds what has to be said about the files.
pub fn add(report: &mut Report, sources: &Sources) {
    let frames = report.threads.iter_mut().flat_map(|t| &mut t.frames);
    for frame in frames.filter(|f| f.source.is_none() && f.kind == FrameKind::Python) {
        if let (Some(file), Some(line)) = (&frame.file, frame.line) {
            frame.source = sources.line(&file.to_string(), line);
        }
    }
    report.diagnostics.extend(sources.diagnostics());
}
