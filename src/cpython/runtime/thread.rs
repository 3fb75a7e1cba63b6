//! Thread states of an interpreter.

use crate::base::{Addr, Diagnostic, DiagnosticCode, Diagnostics};
use crate::cpython::{Context, DecodeError};
use crate::field;
use std::collections::HashSet;

/// Linux has no more threads (`PID_MAX_LIMIT`, linux/threads.h).
const THREAD_LIMIT: usize = 1 << 22;

/// One `PyThreadState`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadState {
    /// Address.
    pub addr: Addr,
    /// `next`: the thread state made before this one, NULL for the first; `None` when it cannot be read.
    pub next: Option<Addr>,
    /// `prev`: the one made after it, NULL for the newest; `None` when it cannot be read.
    pub prev: Option<Addr>,
    /// `thread_id`: `pthread_t`, on Windows the thread id. What `threading.get_ident()` gives.
    pub ident: u64,
    /// `native_thread_id` (3.11+), zero when it was never set.
    pub native_id: Option<u64>,
    /// Whether `PyGILState_GetThisThreadState()` gives this thread state (3.12+, `_status.bound_gilstate`).
    pub bound_gilstate: Option<bool>,
    /// `state` (3.13+): attached to the interpreter or not.
    pub attachment: Option<Attachment>,
    /// Object of the exception being raised, if any.
    pub raising: Option<Addr>,
    /// Exceptions being handled, innermost first.
    pub handling: Vec<Addr>,
}

/// `tstate->state` (3.13+).
pub use crate::model::ThreadStatus as Attachment;

/// Threads of one interpreter, in the order of its list (newest first).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadList {
    /// The threads.
    pub threads: Vec<ThreadState>,
    /// Whether these are all: the list ended as lists do.
    pub complete: bool,
    /// How many were left out.
    pub left_out: usize,
}

/// Thread states of the interpreter at `interpreter`, newest first. At most `most` of them, and those that are `needed`.
#[must_use]
pub fn threads(
    ctx: &Context<'_>,
    interpreter: Addr,
    most: usize,
    needed: impl Fn(&ThreadState) -> bool,
    diagnostics: &Diagnostics,
) -> ThreadList {
    let mut list = ThreadList::default();
    let mut seen = HashSet::new();
    let mut passed_over = false;
    let corrupt = |at: Addr, what: &str| {
        diagnostics.push(Diagnostic::warning(DiagnosticCode::ThreadListCorrupt, what.to_owned()).at(at));
    };
    let unreadable = |at: Addr, what: &str, e: &DecodeError| {
        diagnostics.push(Diagnostic::warning(DiagnosticCode::ThreadListUnreadable, format!("{what}: {e}")).at(at));
    };
    let mut at = match ctx.ptr(field!(ctx, interpreter.threads_head), interpreter) {
        Ok(head) => head,
        Err(e) => {
            unreadable(interpreter, "the list of threads cannot be read", &e);
            return list;
        }
    };
    while !at.is_null() {
        if !seen.insert(at) || seen.len() > THREAD_LIMIT {
            corrupt(at, "the list of threads loops");
            return list;
        }
        match ctx.ptr(field!(ctx, thread.interp), at) {
            Ok(owner) if owner == interpreter => {}
            Ok(owner) => {
                corrupt(at, &format!("a thread state in the list belongs to another interpreter ({owner})"));
                return list;
            }
            Err(e) => {
                unreadable(at, "the list of threads breaks off: the next thread state cannot be read", &e);
                return list;
            }
        }
        match read(ctx, at) {
            Ok(thread) if list.threads.len() < most || needed(&thread) => list.threads.push(thread),
            Ok(_) => list.left_out = list.left_out.saturating_add(1),
            Err(e) => {
                unreadable(at, "a thread state cannot be read", &e);
                passed_over = true;
            }
        }
        match ctx.ptr(field!(ctx, thread.next), at) {
            Ok(next) => at = next,
            Err(e) => {
                unreadable(at, "the list of threads breaks off", &e);
                return list;
            }
        }
    }
    list.complete = !passed_over;
    list
}

/// The thread state at an address of unknown meaning; `None` unless it is one of `interpreter` to which its neighbours
/// in the list of threads, as far as they can be read, link back.
#[must_use]
pub fn thread_state_at(ctx: &Context<'_>, at: Addr, interpreter: Addr) -> Option<ThreadState> {
    if !at.is_aligned(8) || ctx.ptr(field!(ctx, thread.interp), at).ok()? != interpreter {
        return None;
    }
    let state = read(ctx, at).ok()?;
    let (next, prev) = (state.next?, state.prev?);
    let after = || ctx.ptr(field!(ctx, thread.prev), next);
    let before = || match prev.is_null() {
        true => ctx.ptr(field!(ctx, interpreter.threads_head), interpreter),
        false => ctx.ptr(field!(ctx, thread.next), prev),
    };
    let links_back = |link: Result<Addr, DecodeError>| link.map_or(true, |to| to == at);
    ((next.is_null() || links_back(after())) && links_back(before())).then_some(state)
}

fn read(ctx: &Context<'_>, at: Addr) -> Result<ThreadState, DecodeError> {
    let long = ctx.abi.long_size();
    let fields = &ctx.layouts.thread;
    let native_id = match fields.native_thread_id.is_some() {
        true => Some(ctx.uint(field!(ctx, thread.native_thread_id), at, long)?).filter(|id| *id != 0),
        false => None,
    };
    let attachment = match fields.state.is_some() {
        true => match ctx.int(field!(ctx, thread.state), at, 4)? {
            0 => Some(Attachment::Detached),
            1 => Some(Attachment::Attached),
            2 => Some(Attachment::Suspended),
            _ => None,
        },
        false => None,
    };
    // `_status` bit fields: initialized, bound, unbound, bound_gilstate, ... (Include/cpython/pystate.h).
    let bound_gilstate = match fields.status.is_some() {
        true => Some(ctx.uint(field!(ctx, thread.status), at, 4)? & 1 << 3 != 0),
        false => None,
    };
    Ok(ThreadState {
        addr: at,
        next: ctx.ptr(field!(ctx, thread.next), at).ok(),
        prev: ctx.ptr(field!(ctx, thread.prev), at).ok(),
        ident: ctx.uint(field!(ctx, thread.thread_id), at, long)?,
        native_id,
        bound_gilstate,
        attachment,
        raising: raising(ctx, at).unwrap_or(None),
        handling: handling(ctx, at),
    })
}

/// The exception being raised: one object since 3.12, before that type, value and traceback, of which the value may
/// still be missing (an exception raised by C code is made when first looked at).
fn raising(ctx: &Context<'_>, at: Addr) -> Result<Option<Addr>, DecodeError> {
    let value = match ctx.layouts.thread.current_exception.is_some() {
        true => ctx.ptr(field!(ctx, thread.current_exception), at)?,
        false => ctx.ptr(field!(ctx, thread.curexc_value), at)?,
    };
    Ok(Some(value).filter(|v| !v.is_null()))
}

/// The traceback of an exception that a thread of the interpreter raises or handles now, in Python 2, where it is kept beside
/// the exception (Include/pystate.h).
#[must_use]
pub fn traceback_beside(ctx: &Context<'_>, interpreter: Addr, exception: Addr) -> Option<Addr> {
    let word = u64::from(ctx.abi.pointer_size());
    let next = |at: &Addr| ctx.ptr(field!(ctx, thread.next), *at).ok().filter(|next| !next.is_null());
    let first = ctx.ptr(field!(ctx, interpreter.threads_head), interpreter).ok().filter(|first| !first.is_null());
    std::iter::successors(first, next).take(THREAD_LIMIT).find_map(|at| {
        [field!(ctx, thread.curexc_type), field!(ctx, thread.exc_state)].into_iter().find_map(|kind| {
            // Type, value, traceback.
            let value = ctx.addr(kind, at).ok()?.wrapping_add(word);
            let is_it = ctx.ptr_at("exc_value", value).is_ok_and(|value| value == exception);
            is_it.then(|| ctx.ptr_at("exc_traceback", value.wrapping_add(word)).ok())?
        })
    })
}

/// The chain `tstate->exc_info`: exceptions that `except` blocks handle now, innermost first.
fn handling(ctx: &Context<'_>, at: Addr) -> Vec<Addr> {
    let mut list = Vec::new();
    let mut seen = HashSet::new();
    if !ctx.layouts.thread.exc_info.is_some() {
        // Until 3.6 one, its type, value and traceback in the thread state itself.
        let value =
            ctx.addr(field!(ctx, thread.exc_state), at).map(|at| at.wrapping_add(ctx.abi.pointer_size().into()));
        let value = value.and_then(|at| ctx.ptr_at("exc_value", at));
        return value.into_iter().filter(|value| !value.is_null()).collect();
    }
    let mut item = ctx.ptr(field!(ctx, thread.exc_info), at).unwrap_or(Addr::NULL);
    while !item.is_null() && seen.insert(item) && seen.len() < 10_000 {
        let Ok(value) = ctx.ptr(field!(ctx, exc_stack.exc_value), item) else { break };
        if !value.is_null() {
            list.push(value);
        }
        item = ctx.ptr(field!(ctx, exc_stack.previous_item), item).unwrap_or(Addr::NULL);
    }
    list
}
