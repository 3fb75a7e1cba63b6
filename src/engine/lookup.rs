//! One object of a process, found by a path: `name.attr[1]['key']`, `@0x7f00`.

use super::tree::contents;
use super::{Inspection, Options, SystemThread, values};
use crate::cpython::frame::{self, PyFrame};
use crate::cpython::object::{self, Details, Heap, Path, PathError, dict_get_str};
use crate::debuggee::Crash;
use crate::model::Value;
use crate::model::values::Tree;

/// Where a path begins to be looked up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// The system's thread id; the crashed (or main) thread when absent.
    pub thread: Option<u64>,
    /// Frame, 0 for the innermost.
    pub frame: usize,
}

/// Why there is no such object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// No CPython in the process.
    #[error("no CPython was found in this process")]
    NoPython,
    /// No such thread.
    #[error("no Python thread {0}")]
    NoThread(u64),
    /// No such frame.
    #[error("the thread has {have} frame(s), so no frame {wanted}")]
    NoFrame {
        /// Frame asked for.
        wanted: usize,
        /// Frames there are.
        have: usize,
    },
    /// The path leads nowhere.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// An object, with what reads it.
#[derive(Debug)]
pub struct Found<'a> {
    /// The objects of its interpreter.
    pub heap: Heap<'a>,
    /// The object, or what Python would make one of.
    pub value: object::Value,
}

impl Found<'_> {
    /// As a value.
    #[must_use]
    pub fn value(&self, options: &Options) -> Value {
        match &self.value {
            object::Value::Object(addr) => values::value(&self.heap, *addr, options),
            made => values::made(made.show(&self.heap, &options.limits.repr)),
        }
    }

    /// With what is in it.
    #[must_use]
    pub fn contents(&self, options: &Options) -> Tree {
        contents(&self.heap, &self.value, options)
    }

    /// With all that is known of it.
    #[must_use]
    pub fn details(&self, options: &Options) -> Details {
        let limits = &options.limits.repr;
        match &self.value {
            object::Value::Object(addr) => object::inspect(&self.heap, *addr, limits),
            made => Details::made(made.show(&self.heap, limits)),
        }
    }
}

/// The object a path leads to.
pub(super) fn evaluate<'a>(inspection: &'a Inspection, path: &str, place: Place) -> Result<Found<'a>, LookupError> {
    let path = Path::parse(path)?;
    let state = inspection.python().ok_or(LookupError::NoPython)?;
    let wanted = place.thread.or(inspection.target().crash.as_ref().map(Crash::tid));
    let thread = match (wanted.and_then(|tid| state.system_thread(tid)), place.thread) {
        (Some(thread), _) => Some(thread),
        (None, Some(tid)) => return Err(LookupError::NoThread(tid)),
        (None, None) => state.main_thread(),
    };
    let innermost = thread.as_ref().and_then(SystemThread::innermost);
    let heap = state.heap(innermost.map_or(0, |t| t.interpreter)).ok_or(LookupError::NoPython)?;
    // An address needs no frame, and may be asked for where there is none.
    if matches!(path.root, object::Root::Address(_)) {
        let value = path.evaluate(&heap, &|_| None)?;
        return Ok(Found { heap, value });
    }
    let limit = inspection.target().limits.frames;
    let frames = thread.as_ref().map(|t| state.system_stack(t, limit).frames).unwrap_or_default();
    let (wanted, have) = (place.frame, frames.len());
    let (at, frame) = frames.get(wanted).ok_or(LookupError::NoFrame { wanted, have })?;
    let of_frame = thread.as_ref().and_then(|t| t.states.get(*at)).and_then(|t| state.heap(t.interpreter));
    let heap = of_frame.unwrap_or(heap);
    let value = path.evaluate(&heap, &|name| name_in(&heap, frame, name))?;
    Ok(Found { heap, value })
}

/// A name among the locals, globals and builtins of a frame.
fn name_in(heap: &Heap<'_>, frame: &PyFrame, name: &str) -> Option<object::Value> {
    let locals = frame::locals(heap, frame, usize::MAX).map(|(list, _)| list).unwrap_or_default();
    let named = locals.iter().filter(|var| var.name == name);
    let local = named.filter_map(|var| object::Value::of_slot(&var.value)).next();
    local.or_else(|| {
        let namespaces = frame::namespaces(&heap.ctx, frame).ok()?;
        let found = namespaces.iter().find_map(|namespace| dict_get_str(&heap.ctx, *namespace, name).ok()?);
        found.map(object::Value::Object)
    })
}
