//! Futures and tasks of asyncio: those of C (`FutureObj`, `TaskObj`, Modules/_asynciomodule.c) and those of Python
//! (`Lib/asyncio/futures.py`, `Lib/asyncio/tasks.py`).

use super::instance::find_attribute;
use super::int::Int;
use super::kind::Kind;
use super::sequence::{list_items, tuple_items};
use super::set::set_items;
use super::types::Heap;
use super::unicode::read_str;
use crate::base::{Addr, Os};
use crate::cpython::{Context, DecodeError};
use crate::field;

/// Longest word of a state, in code points.
const MAX_WORD: u64 = 16;

/// State of a future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FutureState {
    /// It has no outcome yet.
    Pending,
    /// It was cancelled.
    Cancelled,
    /// It has a result or an exception.
    Finished,
}

impl FutureState {
    /// As `repr()` writes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            FutureState::Pending => "pending",
            FutureState::Cancelled => "cancelled",
            FutureState::Finished => "finished",
        }
    }
}

/// What every future has, tasks too. An object that is `None` or was not set is `None` here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Future {
    /// State.
    pub state: FutureState,
    /// The exception that it ended with.
    pub exception: Option<Addr>,
    /// The result; may be Python's `None`.
    pub result: Option<Addr>,
    /// Its event loop.
    pub event_loop: Option<Addr>,
    /// Where it was made: a list of `FrameSummary`, in asyncio's debug mode only.
    pub created: Option<Addr>,
    /// The callback that a future of C keeps apart: its first.
    pub first_callback: Option<Addr>,
    /// The list of the others, `(callback, context)` each.
    pub callbacks: Option<Addr>,
    /// Who awaits it (3.14+): one task or future, or a set of them.
    pub awaited_by: Option<Addr>,
    /// Whether it is one of C.
    pub native: bool,
    /// Whether it ended with an exception that nobody has asked for: asyncio complains of it when it goes away.
    pub unretrieved: bool,
}

/// What a task has besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name: a `str`, or the number of `Task-N` that it is made of when it is asked for (3.13+).
    pub name: TaskName,
    /// The coroutine that it runs.
    pub coroutine: Option<Addr>,
    /// The future that it waits for.
    pub waits_for: Option<Addr>,
    /// Whether `cancel()` was called and has not done its work yet (3.11+: was not taken back).
    pub cancelling: bool,
}

/// Name of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskName {
    /// An object, normally a `str`.
    Object(Addr),
    /// `Task-N`.
    Number(Int),
    /// Tasks have no names before 3.8: the address of the task.
    None(Addr),
}

impl Future {
    /// The future at `addr`; `None` where the object is none.
    ///
    /// # Errors
    /// [`DecodeError`] when it is unreadable or corrupt.
    pub fn read(heap: &Heap<'_>, addr: Addr) -> Result<Option<Future>, DecodeError> {
        match heap.type_of(addr)?.kind {
            Kind::Future | Kind::Task => native(heap, addr).map(Some),
            // A Python class may be any.
            Kind::Object => made_by_python(heap, addr),
            _ => Ok(None),
        }
    }

    /// At most `limit` of its callbacks, in their order.
    ///
    /// # Errors
    /// [`DecodeError`] when their list is unreadable.
    pub fn callbacks(&self, heap: &Heap<'_>, limit: usize) -> Result<Vec<Addr>, DecodeError> {
        let mut out: Vec<Addr> = self.first_callback.into_iter().collect();
        if let Some(list) = self.callbacks {
            for entry in list_items(&heap.ctx, list)?.take(limit.saturating_sub(out.len())) {
                out.extend(callback(&heap.ctx, entry?)?);
            }
        }
        Ok(out)
    }

    /// At most `limit` of those that await it (3.14+), in no order.
    ///
    /// # Errors
    /// [`DecodeError`] when their set is unreadable.
    pub fn awaited_by(&self, heap: &Heap<'_>, limit: u64) -> Result<Vec<Addr>, DecodeError> {
        let Some(by) = self.awaited_by else { return Ok(Vec::new()) };
        match heap.type_of(by)?.kind {
            Kind::Set | Kind::FrozenSet => set_items(&heap.ctx, by, limit),
            _ => Ok(vec![by]),
        }
    }
}

impl Task {
    /// What the task at `addr` has besides what every future has; `None` where the object is no task.
    ///
    /// # Errors
    /// [`DecodeError`] when it is unreadable.
    pub fn read(heap: &Heap<'_>, addr: Addr) -> Result<Option<Task>, DecodeError> {
        match heap.type_of(addr)?.kind {
            Kind::Task => native_task(heap, addr).map(Some),
            // Those of Python derive from the C future in 3.6.
            Kind::Object | Kind::Future => task_of_python(heap, addr),
            _ => Ok(None),
        }
    }
}

/// The callback of an entry of a future's list.
///
/// # Errors
/// [`DecodeError`] when the entry is unreadable.
pub(in crate::cpython::object) fn callback(ctx: &Context<'_>, entry: Addr) -> Result<Option<Addr>, DecodeError> {
    match ctx.dialect.repr.callbacks_have_contexts {
        true => tuple_items(ctx, entry)?.item(0).transpose(),
        false => Ok(Some(entry)),
    }
}

/// The attribute of an instance, or else the value that its class has for it: the futures of Python begin with those.
fn attribute(heap: &Heap<'_>, addr: Addr, name: &str) -> Result<Option<Addr>, DecodeError> {
    if let Some(own) = find_attribute(heap, addr, name)? {
        return Ok(Some(own));
    }
    let info = heap.type_of(addr)?;
    let value = heap.lookup(&info, name).map(|(_, value)| value);
    // Anything else may be a descriptor.
    let plain =
        |at: &Addr| heap.type_of(*at).is_ok_and(|t| matches!(t.kind, Kind::None | Kind::Bool | Kind::Int | Kind::Str));
    Ok(value.filter(plain))
}

/// Nothing for NULL and `None`.
fn set(heap: &Heap<'_>, at: Addr) -> Option<Addr> {
    Some(at).filter(|at| !at.is_null() && !heap.type_of(*at).is_ok_and(|t| t.kind == Kind::None))
}

fn native(heap: &Heap<'_>, addr: Addr) -> Result<Future, DecodeError> {
    let ctx = &heap.ctx;
    // fut_state: STATE_PENDING, STATE_CANCELLED, STATE_FINISHED.
    let state = match ctx.int(field!(ctx, future.state), addr, 4)? {
        0 => FutureState::Pending,
        1 => FutureState::Cancelled,
        2 => FutureState::Finished,
        other => return Err(DecodeError::corrupt("FutureObj.fut_state", addr, format!("value {other}"))),
    };
    let stored = |field| Ok::<_, DecodeError>(set(heap, ctx.ptr(field, addr)?));
    Ok(Future {
        state,
        exception: stored(field!(ctx, future.exception))?,
        result: Some(ctx.ptr(field!(ctx, future.result), addr)?).filter(|at| !at.is_null()),
        // Not a part of the repr, so that dumps made for a report may lack it.
        event_loop: stored(field!(ctx, future.loop_obj)).unwrap_or(None),
        created: stored(field!(ctx, future.source_tb))?,
        first_callback: match ctx.layouts.future.callback0.is_some() {
            true => Some(ctx.ptr(field!(ctx, future.callback0), addr)?).filter(|at| !at.is_null()),
            // 3.6: in the list as the others.
            false => None,
        },
        callbacks: stored(field!(ctx, future.callbacks))?,
        awaited_by: match ctx.layouts.future.awaited_by.is_some() {
            true => stored(field!(ctx, future.awaited_by)).unwrap_or(None),
            false => None,
        },
        native: true,
        // Not a part of the repr either.
        unretrieved: state == FutureState::Finished && log_tb(ctx, addr).unwrap_or(false),
    })
}

/// `fut_log_tb`: an int after the state until 3.12, the first of the bits that come last from then on. Bits have no member of
/// their own in the tables: by DWARF of 3.6 to 3.15 their first byte follows the state, and from 3.14 on the mark after it.
/// Microsoft's compiler begins them at a multiple of four.
fn log_tb(ctx: &Context<'_>, addr: Addr) -> Result<bool, DecodeError> {
    let at = match ctx.layouts.future.awaited_by_is_set.is_some() {
        true => ctx.addr(field!(ctx, future.awaited_by_is_set), addr)?.wrapping_add(1),
        false => ctx.addr(field!(ctx, future.state), addr)?.wrapping_add(4),
    };
    let at = if ctx.abi.os == Os::Windows { Addr(at.0.wrapping_add(3) & !3) } else { at };
    Ok(ctx.uint_at("FutureObj.fut_log_tb", at, 1)? & 1 != 0)
}

fn native_task(heap: &Heap<'_>, addr: Addr) -> Result<Task, DecodeError> {
    let ctx = &heap.ctx;
    let name = match ctx.dialect.repr.tasks_have_names {
        true => Some(ctx.ptr(field!(ctx, task.name), addr)?),
        false => None,
    };
    let cancelling = match ctx.dialect.repr.cancelling_by_count {
        true => ctx.int(field!(ctx, task.num_cancels_requested), addr, 4)? > 0,
        false => ctx.int(field!(ctx, task.must_cancel), addr, 4)? != 0,
    };
    Ok(Task {
        name: match name {
            None => TaskName::None(addr),
            Some(name) if heap.type_of(name)?.kind == Kind::Int => TaskName::Number(Int::read(ctx, name)?),
            Some(name) => TaskName::Object(name),
        },
        coroutine: set(heap, ctx.ptr(field!(ctx, task.coro), addr)?),
        waits_for: set(heap, ctx.ptr(field!(ctx, task.fut_waiter), addr)?),
        cancelling,
    })
}

fn made_by_python(heap: &Heap<'_>, addr: Addr) -> Result<Option<Future>, DecodeError> {
    let attribute = |name: &str| attribute(heap, addr, name);
    let own = |name: &str| Ok::<_, DecodeError>(attribute(name)?.and_then(|at| set(heap, at)));
    // What `asyncio.isfuture` asks for; `concurrent.futures.Future` has a `_state` too.
    if attribute("_asyncio_future_blocking")?.is_none() {
        return Ok(None);
    }
    let Some(word) = own("_state")?.filter(|at| heap.type_of(*at).is_ok_and(|t| t.kind == Kind::Str)) else {
        return Ok(None);
    };
    let state = match read_str(&heap.ctx, word, MAX_WORD)?.as_str() {
        "PENDING" => FutureState::Pending,
        "CANCELLED" => FutureState::Cancelled,
        "FINISHED" => FutureState::Finished,
        _ => return Ok(None),
    };
    let callbacks = own("_callbacks")?;
    if callbacks.is_some_and(|list| !heap.type_of(list).is_ok_and(|t| t.kind == Kind::List)) {
        return Ok(None);
    }
    Ok(Some(Future {
        state,
        exception: own("_exception")?,
        result: attribute("_result")?,
        event_loop: own("_loop")?,
        created: own("_source_traceback")?,
        first_callback: None,
        callbacks,
        awaited_by: own("_Future__asyncio_awaited_by")?,
        native: false,
        unretrieved: state == FutureState::Finished
            && own("_Future__log_traceback")?.is_some_and(|at| is_true(heap, at)),
    }))
}

fn is_true(heap: &Heap<'_>, at: Addr) -> bool {
    Int::read(&heap.ctx, at).is_ok_and(|value| value.to_i64() == Some(1))
}

fn task_of_python(heap: &Heap<'_>, addr: Addr) -> Result<Option<Task>, DecodeError> {
    let attribute = |name: &str| attribute(heap, addr, name);
    let own = |name: &str| Ok::<_, DecodeError>(attribute(name)?.and_then(|at| set(heap, at)));
    let count = match heap.ctx.dialect.repr.cancelling_by_count {
        true => "_num_cancels_requested",
        false => "_must_cancel",
    };
    let Some(coroutine) = attribute("_coro")? else { return Ok(None) };
    let name = match (attribute("_name")?, heap.ctx.dialect.repr.tasks_have_names) {
        (Some(name), true) => TaskName::Object(name),
        (None, true) => return Ok(None),
        (_, false) => TaskName::None(addr),
    };
    Ok(Some(Task {
        name,
        coroutine: set(heap, coroutine),
        waits_for: own("_fut_waiter")?,
        cancelling: own(count)?.and_then(|at| Int::read(&heap.ctx, at).ok()?.to_i64()).is_some_and(|n| n > 0),
    }))
}
