//! One object of a process, found by a path: `name.attr[1]['key']`, `@0x7f00`.

use super::thread_ids::ThreadIds;
use super::tree::{Tree, tree};
use super::{PythonState, values};
use crate::base::Addr;
use crate::cpython::frame::{self, PyFrame, SlotValue};
use crate::cpython::object::{self, Details, Heap, Path, PathError, dict_get_str};
use crate::debuggee::{Crash, Target};
use crate::engine::Options;
use crate::image::Images;
use crate::model::Value;

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

/// The object a path leads to, as a value.
///
/// # Errors
/// [`LookupError`] that says what is missing.
pub fn value(
    target: &Target,
    images: &Images,
    place: Place,
    path: &str,
    options: &Options,
) -> Result<Value, LookupError> {
    found(target, images, place, path, |heap, addr| values::value(heap, addr, options))
}

/// The object a path leads to, with what is in it.
///
/// # Errors
/// [`LookupError`] that says what is missing.
pub fn contents(
    target: &Target,
    images: &Images,
    place: Place,
    path: &str,
    options: &Options,
) -> Result<Tree, LookupError> {
    found(target, images, place, path, |heap, addr| tree(heap, addr, options))
}

/// All that is known of the object a path leads to.
///
/// # Errors
/// [`LookupError`] that says what is missing.
pub fn details(
    target: &Target,
    images: &Images,
    place: Place,
    path: &str,
    options: &Options,
) -> Result<Details, LookupError> {
    found(target, images, place, path, |heap, addr| object::inspect(heap, addr, &options.limits.repr))
}

fn found<T>(
    target: &Target,
    images: &Images,
    place: Place,
    path: &str,
    show: impl FnOnce(&Heap<'_>, Addr) -> T,
) -> Result<T, LookupError> {
    let path = Path::parse(path)?;
    let state = PythonState::find(target, images).ok_or(LookupError::NoPython)?;
    let interpreters = state.interpreters(&target.diagnostics);
    let crashed = target.crash.as_ref().map(Crash::tid);
    let mut fallback = None;
    for interpreter in &interpreters {
        let threads = super::threads::thread_states(target, &state, interpreter.addr);
        let ids = ThreadIds::new(target, threads.all());
        for thread in threads.all() {
            let tid = ids.of(thread);
            if tid.is_some() && tid == place.thread.or(crashed) {
                let heap = state.heap(interpreter);
                let addr = evaluate(&state, &heap, thread.addr, place.frame, &path)?;
                return Ok(show(&heap, addr));
            }
            // The list ends with the oldest thread: the main one.
            fallback =
                fallback.filter(|(i, _): &(Addr, _)| *i != interpreter.addr).or(Some((interpreter.addr, thread.addr)));
        }
    }
    if let Some(tid) = place.thread {
        return Err(LookupError::NoThread(tid));
    }
    let first = interpreters.first().ok_or(LookupError::NoPython)?;
    let heap = state.heap(first);
    let tstate = fallback.map_or(Addr::NULL, |(_, tstate)| tstate);
    let addr = evaluate(&state, &heap, tstate, place.frame, &path)?;
    Ok(show(&heap, addr))
}

fn evaluate(
    state: &PythonState<'_>,
    heap: &Heap<'_>,
    tstate: Addr,
    frame: usize,
    path: &Path,
) -> Result<Addr, LookupError> {
    // An address needs no frame, and may be asked for where there is none.
    if matches!(path.root, object::Root::Address(_)) {
        return Ok(path.evaluate(heap, &|_| None)?);
    }
    let stack = frame::walk(&heap.ctx, &state.codes, tstate);
    let have = stack.frames.len();
    let frame = stack.frames.get(frame).ok_or(LookupError::NoFrame { wanted: frame, have })?;
    Ok(path.evaluate(heap, &|name| name_in(heap, frame, name))?)
}

/// A name among the locals, globals and builtins of a frame.
fn name_in(heap: &Heap<'_>, frame: &PyFrame, name: &str) -> Option<Addr> {
    let locals = frame::locals(heap, frame, usize::MAX).map(|(list, _)| list).unwrap_or_default();
    let local = locals.into_iter().find_map(|var| match var.value {
        SlotValue::Object(addr) if var.name == name => Some(addr),
        _ => None,
    });
    local.or_else(|| {
        let namespaces = frame::namespaces(&heap.ctx, frame).ok()?;
        namespaces.iter().find_map(|namespace| dict_get_str(&heap.ctx, *namespace, name).ok()?)
    })
}
