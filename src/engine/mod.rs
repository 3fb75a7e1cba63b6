//! The engine: [`Inspection`] owns a process and all that is known of it.
//!
//! This is the one place that knows all layers; the command line, the triager and the debugger bridge start from here.

pub mod address;
mod bound_functions;
pub mod collections;
mod crash;
mod crash_audit;
mod cython_generators;
mod exceptions;
mod frames;
mod greenlets;
pub mod hang;
#[cfg(all(feature = "live", target_os = "linux"))]
pub mod hang_waits;
pub mod heap;
pub mod heap_answers;
pub mod heap_audit;
pub mod heap_check;
pub mod heap_diff;
pub mod heap_graph;
pub mod heap_native;
pub mod heap_report;
pub mod heap_top;
mod heap_trees;
mod inspection;
mod linecache;
#[cfg(all(feature = "live", target_os = "linux"))]
mod live;
mod lock_waits;
pub mod lookup;
pub mod memory;
mod memory_account;
mod native;
mod native_waits;
mod options;
mod process;
mod python;
mod record;
mod report;
mod runtime_code;
mod source_lines;
mod stray_threads;
mod suspended;
mod system_threads;
mod tasks;
mod thread_ids;
mod threads;
pub mod tree;
mod values;

pub use frames::frame;
pub use inspection::{Inspection, Source};
#[cfg(all(feature = "live", target_os = "linux"))]
pub use live::{Held, examine, hold};
pub use lookup::{Found, LookupError, Place};
pub use native::compiled_runs;
pub use options::{Limits, Options};
pub use python::{PythonState, PythonThread};
pub use record::{record, record_heap, record_without_text, without_text};
pub use system_threads::{SystemStack, SystemThread};
pub use tasks::TaskOptions;
pub use values::{local, made, value};
