//! The engine: [`Inspection`] owns a process and all that is known of it.
//!
//! This is the one place that knows all layers; the command line, the triager and the debugger bridge start from here.

mod crash;
mod exceptions;
pub mod heap;
pub mod heap_answers;
mod inspection;
mod live;
mod lock_waits;
pub mod lookup;
mod native;
mod options;
mod process;
mod python;
mod record;
mod report;
mod stray_threads;
mod thread_ids;
mod threads;
pub mod tree;
mod values;

pub use inspection::{Inspection, Source};
pub use live::examine;
pub use lookup::{Found, LookupError, Place};
pub use options::{Limits, Options};
pub use python::{PythonState, PythonThread};
pub use record::record;

use crate::debuggee::Target;
use crate::image::Images;
use crate::model::Report;
use python::PythonParts;

/// [`Inspection::report`] for a target whose images are attached.
#[must_use]
pub fn analyze(target: &Target, images: &Images, options: &Options) -> Report {
    let parts = PythonParts::find(target, images);
    let python = parts.as_ref().map(|parts| PythonState::new(target, images, parts));
    report::make(target, images, python, options)
}
