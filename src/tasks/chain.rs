//! From a coroutine inwards: what it awaits, what that awaits, to the frame that stands still.

use super::reader::Reader;
use crate::base::Addr;
use crate::cpython::frame::{FramePlace, Suspension, suspension};
use crate::cpython::object::{Kind, TypeInfo};
use foldhash::{HashSet, HashSetExt as _};

/// Longest chain that is followed. CPython's own recursion limit is a thousand unless a program sets another.
const MAX_LINKS: usize = 100_000;
/// Chains longer than this are watched for cycles.
const SHORT: usize = 32;

/// Objects that stand between a coroutine and what it awaits; the first word after their head leads on.
/// `coroutine.__await__()` (`PyCoroWrapper`, Objects/genobject.c), `agen.asend()`, `athrow()` and `aclose()`
/// (`PyAsyncGenASend`, `PyAsyncGenAThrow`), `anext()` with a default (`anextawaitableobject`, Objects/iterobject.c),
/// `future.__await__()` (`futureiterobject`, Modules/_asynciomodule.c).
const WRAPPERS: [&str; 5] =
    ["coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable", "FutureIter"];

/// One coroutine, generator or asynchronous generator of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The object.
    pub generator: Addr,
    /// Its frame, while it has one.
    pub place: Option<FramePlace>,
}

/// Where a chain ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// Its outermost coroutine was not started.
    Created,
    /// At a bare `yield`: it gave way to others.
    Yielded,
    /// At an object that is no coroutine: a future, normally.
    Parked(Addr),
    /// It runs.
    Running,
    /// It has come to its end, or is not known.
    #[default]
    Finished,
}

/// The coroutines of a task that await each other.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// Outermost first.
    pub links: Vec<Link>,
    /// Where it ends.
    pub end: End,
    /// Why it could not be followed to its end.
    pub broken: Option<String>,
}

/// Whether objects of a kind have a frame of their own that is suspended.
#[must_use]
pub fn is_coroutine_kind(kind: Kind) -> bool {
    matches!(kind, Kind::Coroutine | Kind::Generator | Kind::AsyncGenerator)
}

fn is_coroutine(reader: &Reader<'_, '_>, at: Addr) -> bool {
    reader.kind(at).is_some_and(is_coroutine_kind)
}

/// What an object that stands between leads to.
fn unwrapped(reader: &Reader<'_, '_>, at: Addr, info: &TypeInfo) -> Option<Addr> {
    let wraps = WRAPPERS.contains(&info.short_name());
    // The name of a static type is in a file that may not be available; then its first field tells.
    reader.first_word(at).filter(|inner| wraps || (!info.named && is_coroutine(reader, *inner)))
}

/// Objects between two coroutines: an `asend()` of an `__await__()`, say.
const MAX_BETWEEN: usize = 8;

/// The coroutine that an object which is awaited is, or leads to.
#[must_use]
pub(super) fn coroutine_at(reader: &Reader<'_, '_>, mut at: Addr) -> Option<Addr> {
    for _ in 0..MAX_BETWEEN {
        let info = reader.heap.type_of(at).ok()?;
        if is_coroutine_kind(info.kind) {
            return Some(at);
        }
        at = unwrapped(reader, at, &info)?;
    }
    None
}

/// Follows a coroutine inwards.
#[must_use]
pub(super) fn follow(reader: &Reader<'_, '_>, coroutine: Addr) -> Chain {
    let mut chain = Chain::default();
    let mut seen = HashSet::new();
    let mut at = coroutine;
    for step in 0..MAX_LINKS {
        if step > SHORT && !seen.insert(at) {
            chain.broken = Some(format!("the chain of coroutines comes back to {at}"));
            return chain;
        }
        let info = match reader.heap.type_of(at) {
            Ok(info) => info,
            Err(e) => {
                chain.broken = Some(format!("the awaited object cannot be read: {e}"));
                return chain;
            }
        };
        if is_coroutine_kind(info.kind) {
            let (state, place) = match suspension(&reader.heap.ctx, at) {
                Ok(found) => found,
                Err(e) => {
                    chain.broken = Some(format!("a coroutine cannot be read: {e}"));
                    return chain;
                }
            };
            chain.links.push(Link { generator: at, place });
            chain.end = match state {
                Suspension::Awaits(next) => {
                    at = next;
                    continue;
                }
                Suspension::Created => End::Created,
                Suspension::Yielded => End::Yielded,
                Suspension::Running => End::Running,
                Suspension::Finished => End::Finished,
            };
            return chain;
        }
        match unwrapped(reader, at, &info) {
            Some(next) => at = next,
            None => {
                chain.end = End::Parked(at);
                return chain;
            }
        }
    }
    chain.broken = Some(format!("more than {MAX_LINKS} coroutines await each other"));
    chain
}
