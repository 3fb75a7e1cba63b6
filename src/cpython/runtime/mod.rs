//! Interpreters and thread states: who is there, who holds the GIL, who collects garbage.

mod collections;
mod extensions;
mod gil;
mod interpreter;
mod thread;
mod thread_names;

pub use collections::{Collection, Counts, last_collections};
pub use extensions::extension_modules;
pub use gil::{Gil, gil, gil_address};
pub use interpreter::{Interpreter, gc_state, interpreters};
pub use thread::{Attachment, ThreadList, ThreadState, thread_state_at, threads, traceback_beside};
pub use thread_names::thread_names;
