//! The heap of a process: all that `heap` needs of other layers is gathered here.

use super::{Inspection, PythonState};
use crate::base::{Diagnostic, DiagnosticCode, Diagnostics};
use crate::cpython::layout::ObmallocPlace;
use crate::debuggee::{Segment, Target};
use crate::heap::{HeapError, HeapState, Sources, Statics};
use crate::image::Images;

/// Why there is no heap to look at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeapLookError {
    /// The process has no CPython that can be found.
    #[error("no CPython was found in the process")]
    NoPython,
    /// Its heap cannot be read.
    #[error(transparent)]
    Heap(#[from] HeapError),
}

/// What of the memory that objects can be in is missing, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Missing {
    /// Writable memory that was left out of the dump.
    pub left_out: u64,
    /// Memory that the dump was to hold and lost, because its file was cut.
    pub cut: u64,
}

impl Inspection {
    /// Gathers every object of the process and hands them to `look`.
    ///
    /// # Errors
    /// [`HeapLookError`] when there is no CPython, or no heap that can be read.
    pub fn heap<T>(&self, look: impl FnOnce(&HeapState<'_>, Missing) -> T) -> Result<T, HeapLookError> {
        // What is read of a whole heap is not to be remembered for a slim dump.
        let memory = &self.target().memory;
        let recording = memory.is_recording();
        memory.stop_recording();
        let result = self.gather(look);
        if recording {
            memory.start_recording();
        }
        result
    }

    fn gather<T>(&self, look: impl FnOnce(&HeapState<'_>, Missing) -> T) -> Result<T, HeapLookError> {
        let target = self.target();
        let state = self.python().ok_or(HeapLookError::NoPython)?;
        let heap = state.heap(0).ok_or(HeapLookError::NoPython)?;
        let sources = Sources {
            runtime: state.located.runtime,
            interpreters: state.interpreters(),
            statics: statics(target, self.images(), state),
            diagnostics: &target.diagnostics,
        };
        let missing = missing(target);
        warn(&target.diagnostics, missing);
        let objects = HeapState::read(&heap, &sources)?;
        Ok(look(&objects, missing))
    }
}

/// The allocator's static variables, which only symbol tables of files name.
fn statics(target: &Target, images: &Images, state: PythonState<'_>) -> Statics {
    if state.located.selected.dialect.obmalloc.place != ObmallocPlace::Statics {
        return Statics::default();
    }
    let find = |name| {
        let hits = images.find_symbol(target, name);
        hits.iter().find(|hit| Some(hit.module) == state.located.module).map(|hit| hit.addr)
    };
    Statics { arenas: find("arenas"), maxarenas: find("maxarenas") }
}

fn missing(target: &Target) -> Missing {
    let writable = || target.memory.segments().iter().filter(|s| s.protection.write);
    let sum = |of: &dyn Fn(&Segment) -> u64| writable().map(of).fold(0, u64::saturating_add);
    if target.memory.dump_bytes().is_none() {
        return Missing::default();
    }
    Missing {
        left_out: sum(&|s| s.size.saturating_sub(s.dumped.max(s.available))),
        cut: sum(&|s| s.dumped.saturating_sub(s.available)),
    }
}

fn warn(diagnostics: &Diagnostics, missing: Missing) {
    if missing.cut > 0 {
        let text = format!(
            "{} KiB of writable memory are lost because the dump was cut: objects are missing",
            missing.cut >> 10
        );
        diagnostics.push(Diagnostic::warning(DiagnosticCode::HeapCut, text));
    }
    if missing.left_out > 0 {
        let text =
            format!("{} KiB of writable memory are not in the dump: objects may be missing", missing.left_out >> 10);
        diagnostics.push(Diagnostic::warning(DiagnosticCode::HeapLeftOut, text));
    }
}
