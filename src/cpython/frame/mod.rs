//! Python frames of a thread: the chain, each frame's place, and its locals.

mod chain;
mod compiled;
mod data_stack;
mod interleave;
mod locals;
mod proxy;
mod suspended;

pub use chain::{
    Stack, StackEnd, code_of_generator, frame_of_generator, frame_of_object, place_of_object, walk, walk_from,
    walk_some,
};
pub(in crate::cpython) use chain::{bytecode_start, interpreter_frame, object_frame};
pub use compiled::{Compiled, Heads};
pub use interleave::interleave;
pub use locals::{LocalVar, SlotKind, SlotValue, VariablePlace, locals, namespaces};
pub use proxy::{ProxyEntries, proxy_entries};
pub use suspended::{FramePlace, Suspension, suspension};

use super::DecodeError;
use super::code::{Code, Position};
use crate::base::Addr;
use std::sync::Arc;

/// More frames than any process has: 3.11+ keeps pure-Python recursion on the heap, where the recursion limit is the
/// only bound, and programs set that to millions.
const FRAME_LIMIT: u64 = 4_000_000;

pub use crate::model::FrameOwner as Owner;

/// One Python frame.
#[derive(Clone, Debug)]
pub struct PyFrame {
    /// Address of the `_PyInterpreterFrame` (3.11+) or `PyFrameObject`.
    pub addr: Addr,
    /// Code object.
    pub code: Result<Arc<Code>, DecodeError>,
    /// Offset of the instruction in bytes; negative before the first.
    pub lasti: Result<i64, DecodeError>,
    /// Place in the source.
    pub position: Result<Position, DecodeError>,
    /// Who owns its memory.
    pub owner: Owner,
    /// Whether a C evaluation loop was entered for this frame: its caller is native code.
    pub entry: bool,
    /// An address inside the C frame of that evaluation loop (3.10 `CFrame`, 3.11 `_PyCFrame`, 3.12+ shim frame), when there
    /// is one.
    pub entry_sp: Option<Addr>,
    /// Why the link to it could not be read, where it was found on the data stack instead: running generators between
    /// it and the frame further in are not known.
    pub gap: Option<DecodeError>,
    /// What is known besides where the code was compiled to C: then it runs on no evaluation loop.
    pub compiled: Option<Compiled>,
}
