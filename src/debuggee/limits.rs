//! [`Limits`]: where reading a process stops, so that time and memory are not the dump's to choose.

use super::Module;
use crate::base::{Diagnostic, DiagnosticCode, Diagnostics};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where reading a process stops. What is cut is said.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Threads of the operating system, and thread states of each interpreter. The crashed thread is always among them.
    pub threads: usize,
    /// Python frames of one thread, from the innermost on.
    pub frames: u64,
    /// Python frames of all threads together.
    pub all_frames: u64,
    /// Modules.
    pub modules: usize,
    /// Bytes that an expanded dump may take on disk; `None`: half of what is free, and no more than a hundred times what
    /// came in (or 4 GiB, whichever is more).
    pub expanded: Option<u64>,
    /// Nothing more is read once this is set.
    pub deadline: Deadline,
}

impl Limits {
    /// Frames of all threads together for so many of one.
    #[must_use]
    pub fn all_frames_for(one: u64) -> u64 {
        one.saturating_mul(4)
    }
}

impl Default for Limits {
    fn default() -> Self {
        const FRAMES: u64 = 100_000;
        Limits {
            threads: 20_000,
            frames: FRAMES,
            all_frames: Limits::all_frames_for(FRAMES),
            modules: 20_000,
            expanded: None,
            deadline: Deadline::default(),
        }
    }
}

impl Limits {
    /// Leaves out modules beyond the limit, and says so. The main executable stays.
    pub(crate) fn cut_modules(&self, modules: &mut Vec<Module>, diagnostics: &Diagnostics) {
        if let Some(diagnostic) = cut("modules", modules.len(), self.modules, "--max-modules") {
            diagnostics.push(diagnostic);
            let mut at = 0usize;
            modules.retain(|module| {
                at = at.saturating_add(1);
                at <= self.modules || module.is_main
            });
        }
    }
}

/// What is to be said where only `most` of `count` things are read; `switch` reads more.
pub(crate) fn cut(what: &str, count: usize, most: usize, switch: &str) -> Option<Diagnostic> {
    (count > most).then(|| {
        let text = format!("{most} of {count} {what} are read, the others are left out");
        Diagnostic::warning(DiagnosticCode::LimitReached, text).hint(format!("{switch} {count} reads all of them"))
    })
}

/// Whether the time is over. Whoever watches the clock sets it; clones are one.
#[derive(Clone, Debug, Default)]
pub struct Deadline(Arc<AtomicBool>);

impl Deadline {
    /// The time is over.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// There is time again, for another question to the same process.
    pub fn renew(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// What is set when the time is over, for a clock that can do no more than that.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }

    /// Whether it is.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
