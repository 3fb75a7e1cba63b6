//! The engine: [`Inspection`] owns a process and all that is known of it.
//!
//! This is the one place that knows all layers; the command line, the triager and the debugger bridge start from here.

mod crash;
mod exceptions;
pub mod heap;
pub mod heap_answers;
pub mod heap_graph;
mod inspection;
#[cfg(feature = "live")]
mod live;
mod lock_waits;
pub mod lookup;
mod native;
mod native_waits;
mod options;
mod process;
mod python;
mod record;
mod report;
mod source_lines;
mod stray_threads;
mod thread_ids;
mod threads;
pub mod tree;
mod values;

pub use inspection::{Inspection, Source};
#[cfg(feature = "live")]
pub use live::examine;
pub use lookup::{Found, LookupError, Place};
pub use options::{Limits, Options};
pub use python::{PythonState, PythonThread};
pub use record::{record, record_without_text, without_text};
