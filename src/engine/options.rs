//! What a report is to hold.

use crate::cpython::object::ReprLimits;
use std::time::Duration;

/// Enough for some ten million objects; a report is not to be waited for.
const AUDIT: Duration = Duration::from_secs(10);

/// What a report is to hold.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Locals of each frame.
    pub locals: bool,
    /// Native frames between the Python ones.
    pub native: bool,
    /// No findings: native stacks, which they rest on, are then read only where `native` shows them.
    pub without_findings: bool,
    /// What CPython said when it ended the process itself, even without findings.
    pub fatal_error: bool,
    /// Registers and machine code of the crashed thread.
    pub machine: bool,
    /// Lines of Python source files on the host.
    pub source_lines: bool,
    /// Reference counts of shown objects.
    pub refcounts: bool,
    /// Limits.
    pub limits: Limits,
}

/// Where a report stops.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Names of a module's or class body's namespace that are shown.
    pub names: usize,
    /// Frames of one thread whose locals are read, from the innermost and as many from the outermost.
    pub frames_with_locals: usize,
    /// Tasks of asyncio that are read for a report.
    pub tasks: usize,
    /// How long the heap is looked at where wrong reference counts explain a crash.
    pub audit: Duration,
    /// Values.
    pub repr: ReprLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { names: 200, frames_with_locals: 100, tasks: 2000, audit: AUDIT, repr: ReprLimits::default() }
    }
}
