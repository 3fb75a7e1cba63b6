//! The chain of frames of one thread, innermost first.

use super::FRAME_LIMIT;
use super::compiled::compiled;
use super::{Owner, PyFrame, data_stack};
use crate::base::{Addr, Budget};
use crate::cpython::code::{CodeCache, Position};
use crate::cpython::layout::{FrameLink, InstructionPointer};
use crate::cpython::{Context, DecodeError};
use crate::debuggee::MemoryExt as _;
use crate::field;
use std::collections::HashSet;

/// Why a stack ends before its outermost frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StackEnd {
    /// A frame or link could not be read.
    Unreadable(DecodeError),
    /// The same, and every frame on the thread's data stack was found without the links.
    DataStackShown(DecodeError),
    /// A frame is linked to one that was there already.
    Cycle(Addr),
    /// So many frames are read, and there are more.
    Limit(u64),
}

impl std::fmt::Display for StackEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StackEnd::Unreadable(e) => write!(f, "the next frame cannot be read: {e}"),
            StackEnd::DataStackShown(e) => {
                write!(f, "all frames on the thread's data stack are shown; whether others called them is lost: {e}")
            }
            StackEnd::Cycle(at) => write!(f, "the frame chain is corrupt: {at} comes up twice"),
            StackEnd::Limit(most) => write!(f, "more than {most} frames: the others are left out"),
        }
    }
}

/// Frames of one thread.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// Innermost first.
    pub frames: Vec<PyFrame>,
    /// Why there are no more; `None` for a whole stack.
    pub end: Option<StackEnd>,
    /// Shims of evaluation loops that run no frame any more: the frame was taken off, and what it held is being let go, which
    /// may call other code (3.12+). Not all are on the C stack.
    pub empty_loops: Vec<Addr>,
}

/// Walks the frames of the thread state at `tstate`.
#[must_use]
pub fn walk(ctx: &Context<'_>, codes: &CodeCache, tstate: Addr) -> Stack {
    walk_some(ctx, codes, tstate, FRAME_LIMIT)
}

/// Walks the innermost `limit` frames of the thread state at `tstate`.
#[must_use]
pub fn walk_some(ctx: &Context<'_>, codes: &CodeCache, tstate: Addr, limit: u64) -> Stack {
    let mut stack = Stack::default();
    let filled = fill(ctx, codes, tstate, limit, &mut stack);
    stack.end = filled.err();
    stack
}

/// Walks frames from that at `first` on, which belongs to no thread state now (a greenlet that is suspended).
#[must_use]
pub fn walk_from(ctx: &Context<'_>, codes: &CodeCache, first: Addr, limit: u64) -> Stack {
    let mut stack = Stack::default();
    let mut guard = Guard::new(limit);
    let walked = match ctx.dialect.frame_link {
        FrameLink::FrameObjects => frame_objects(ctx, codes, (first, None), guard, &mut stack.frames),
        FrameLink::ViaCFrame | FrameLink::Direct => interpreter_frames(ctx, codes, first, &mut stack, None, &mut guard),
    };
    stack.end = walked.err();
    stack
}

/// Where the frame of a frame object is.
///
/// # Errors
/// [`DecodeError`] when it cannot be read.
pub fn place_of_object(ctx: &Context<'_>, object: Addr) -> Result<Addr, DecodeError> {
    match ctx.dialect.frame_link {
        FrameLink::FrameObjects => Ok(object),
        FrameLink::ViaCFrame | FrameLink::Direct => ctx.ptr(field!(ctx, frame_object.f_frame), object),
    }
}

impl From<DecodeError> for StackEnd {
    fn from(e: DecodeError) -> Self {
        StackEnd::Unreadable(e)
    }
}

fn fill(ctx: &Context<'_>, codes: &CodeCache, tstate: Addr, limit: u64, stack: &mut Stack) -> Result<(), StackEnd> {
    let guard = Guard::new(limit);
    match ctx.dialect.frame_link {
        FrameLink::FrameObjects => {
            let first = ctx.ptr(field!(ctx, thread.frame), tstate)?;
            // 3.10 keeps a `CFrame` of each loop on the C stack, the innermost first. There is always one: NULL was left out of
            // a slim dump.
            let cframe = match ctx.layouts.thread.cframe.is_some() {
                true => ctx.ptr(field!(ctx, thread.cframe), tstate).ok().filter(|at| !at.is_null()),
                false => None,
            };
            frame_objects(ctx, codes, (first, cframe), guard, &mut stack.frames)
        }
        FrameLink::ViaCFrame | FrameLink::Direct => linked_frames(ctx, codes, tstate, guard, stack),
    }
}

/// 3.11+: the links, and where they break the data stack. The links run over memory on the C stack (3.11 and 3.12 keep
/// `_PyCFrame` there, 3.12 and later their shims), which a dump that was cut short or filtered lacks.
fn linked_frames(
    ctx: &Context<'_>,
    codes: &CodeCache,
    tstate: Addr,
    mut guard: Guard,
    stack: &mut Stack,
) -> Result<(), StackEnd> {
    let mut walked = match innermost(ctx, tstate) {
        Ok((first, cframe)) => interpreter_frames(ctx, codes, first, stack, cframe, &mut guard),
        Err(e) => Err(e.into()),
    };
    let mut pushed: Option<Vec<Addr>> = None;
    while let Err(StackEnd::Unreadable(broken)) = walked {
        let list = match pushed.take() {
            Some(list) => list,
            None => match data_stack::frames(ctx, tstate) {
                Ok(list) => list,
                Err(_) => return Err(StackEnd::Unreadable(broken)),
            },
        };
        // What is further in than a frame that was seen has been passed.
        let next = list.iter().rposition(|at| guard.seen.contains(at)).map_or(0, |seen| seen.saturating_add(1));
        let Some(at) = list.get(next).copied() else {
            return Err(match list.is_empty() {
                true => StackEnd::Unreadable(broken),
                false => StackEnd::DataStackShown(broken),
            });
        };
        pushed = Some(list);
        let known = stack.frames.len();
        walked = interpreter_frames(ctx, codes, at, stack, None, &mut guard);
        match stack.frames.get_mut(known) {
            Some(frame) => frame.gap = Some(broken),
            None => return Err(StackEnd::Unreadable(broken)),
        }
    }
    walked
}

/// The innermost frame, and the `_PyCFrame` that knows it (3.11, 3.12).
fn innermost(ctx: &Context<'_>, tstate: Addr) -> Result<(Addr, Option<Addr>), DecodeError> {
    if ctx.dialect.frame_link == FrameLink::Direct {
        return Ok((ctx.ptr(field!(ctx, thread.current_frame), tstate)?, None));
    }
    let cframe = ctx.ptr(field!(ctx, thread.cframe), tstate)?;
    Ok((ctx.ptr(field!(ctx, cframe.current_frame), cframe)?, Some(cframe)))
}

/// Bounds a walk along linked frames and notices loops.
struct Guard {
    limit: u64,
    seen: HashSet<Addr>,
    budget: Budget,
}

impl Guard {
    fn new(limit: u64) -> Self {
        Guard { limit, seen: HashSet::new(), budget: Budget::new("frames", limit) }
    }

    fn enter(&mut self, at: Addr) -> Result<(), StackEnd> {
        self.budget.spend(1).map_err(|_| StackEnd::Limit(self.limit))?;
        if self.seen.insert(at) { Ok(()) } else { Err(StackEnd::Cycle(at)) }
    }
}

/// 3.8 to 3.10: `PyFrameObject`s linked by `f_back`, one C evaluation loop each.
fn frame_objects(
    ctx: &Context<'_>,
    codes: &CodeCache,
    (first, mut cframe): (Addr, Option<Addr>),
    mut guard: Guard,
    frames: &mut Vec<PyFrame>,
) -> Result<(), StackEnd> {
    let mut at = first;
    while !at.is_null() {
        guard.enter(at)?;
        let frame = object_frame(ctx, codes, at)?;
        if frame.compiled.is_some() {
            frames.push(frame);
            at = ctx.ptr(field!(ctx, frame_object.f_back), at)?;
            continue;
        }
        frames.push(PyFrame { entry_sp: cframe, ..frame });
        cframe = cframe.and_then(|c| ctx.ptr(field!(ctx, cframe.previous), c).ok()).filter(|c| !c.is_null());
        at = ctx.ptr(field!(ctx, frame_object.f_back), at)?;
    }
    Ok(())
}

/// The frame in the `PyFrameObject` at `at` (3.8 to 3.10).
pub(in crate::cpython) fn object_frame(ctx: &Context<'_>, codes: &CodeCache, at: Addr) -> Result<PyFrame, DecodeError> {
    let code = ctx.ptr(field!(ctx, frame_object.f_code), at)?;
    let lasti = ctx.int(field!(ctx, frame_object.f_lasti), at, 4).map(|lasti| {
        let units = ctx.dialect.instruction_pointer == InstructionPointer::LastiUnits;
        if units { lasti.saturating_mul(2) } else { lasti }
    });
    Ok(located(ctx, codes, at, code, lasti, Owner::Object, true))
}

/// The frame of a frame object (`types.FrameType`).
///
/// # Errors
/// [`DecodeError`] when it cannot be read or has no frame any more.
pub fn frame_of_object(ctx: &Context<'_>, codes: &CodeCache, object: Addr) -> Result<PyFrame, DecodeError> {
    if ctx.dialect.frame_link == FrameLink::FrameObjects {
        return object_frame(ctx, codes, object);
    }
    let frame = ctx.ptr(field!(ctx, frame_object.f_frame), object)?;
    interpreter_frame(ctx, codes, frame)?.ok_or(DecodeError::Null { what: "frame_object.f_frame" })
}

/// The frame of a generator, coroutine or async generator; `None` when it has finished.
///
/// # Errors
/// [`DecodeError`] when it cannot be read.
pub fn frame_of_generator(
    ctx: &Context<'_>,
    codes: &CodeCache,
    generator: Addr,
) -> Result<Option<PyFrame>, DecodeError> {
    let Some(states) = ctx.dialect.generator_states else {
        let frame = ctx.ptr(field!(ctx, generator.frame), generator)?;
        return if frame.is_null() { Ok(None) } else { object_frame(ctx, codes, frame).map(Some) };
    };
    let state = ctx.int(field!(ctx, generator.frame_state), generator, 1)?;
    if states.finished.iter().any(|s| i64::from(*s) == state) {
        return Ok(None);
    }
    interpreter_frame(ctx, codes, ctx.addr(field!(ctx, generator.iframe), generator)?)
}

/// The code object of a generator, coroutine or async generator, also of a finished one: `gi_code` up to 3.11, then what its
/// frame was running (Objects/genobject.c `_PyGen_GetCode`).
///
/// # Errors
/// [`DecodeError`] when it is unreadable.
pub fn code_of_generator(ctx: &Context<'_>, generator: Addr) -> Result<Addr, DecodeError> {
    if ctx.layouts.generator.code.is_some() {
        return ctx.ptr(field!(ctx, generator.code), generator);
    }
    let frame = ctx.addr(field!(ctx, generator.iframe), generator)?;
    ctx.ptr(field!(ctx, frame.executable), frame).map(|code| ctx.dialect.untag(code.0))
}

/// 3.11+: `_PyInterpreterFrame`s linked by `previous`, with shims (3.12+) or `is_entry` (3.11) where a C evaluation
/// loop was entered.
fn interpreter_frames(
    ctx: &Context<'_>,
    codes: &CodeCache,
    first: Addr,
    stack: &mut Stack,
    cframe: Option<Addr>,
    guard: &mut Guard,
) -> Result<(), StackEnd> {
    let start = stack.frames.len();
    let walked = follow_links(ctx, codes, first, stack, cframe, guard);
    // 3.15 ends the chain at a shim embedded in the thread state; before that the last loop has a shim as well. Where
    // the links break they do so at what lies on the C stack, the entry of a loop.
    let whole = !matches!(walked, Err(StackEnd::Limit(_)));
    if let Some(outermost) = stack.frames.get_mut(start..).and_then(<[_]>::last_mut).filter(|_| whole) {
        outermost.entry = true;
    }
    walked
}

fn follow_links(
    ctx: &Context<'_>,
    codes: &CodeCache,
    first: Addr,
    Stack { frames, empty_loops, .. }: &mut Stack,
    cframe: Option<Addr>,
    guard: &mut Guard,
) -> Result<(), StackEnd> {
    // 3.11 keeps one `_PyCFrame` per evaluation loop on the C stack; 3.12's is there too, but its shims tell more.
    let mut cframe = cframe.filter(|_| ctx.layouts.frame.is_entry.is_some());
    let mut at = first;
    while !at.is_null() {
        guard.enter(at)?;
        match interpreter_frame(ctx, codes, at)? {
            Some(mut frame) => {
                if frame.compiled.is_some() {
                    frame.entry = true;
                } else if frame.entry {
                    frame.entry_sp = cframe;
                    cframe =
                        cframe.and_then(|c| ctx.ptr(field!(ctx, cframe.previous), c).ok()).filter(|c| !c.is_null());
                }
                frames.push(frame);
            }
            None => {
                // A shim: the frame called last before it is the one the evaluation loop was entered for.
                match frames.last_mut().filter(|newer| newer.entry_sp.is_none() && newer.compiled.is_none()) {
                    Some(newer) => (newer.entry, newer.entry_sp) = (true, Some(at)),
                    None => empty_loops.push(at),
                }
            }
        }
        at = ctx.ptr(field!(ctx, frame.previous), at)?;
    }
    Ok(())
}

/// The frame at `at`, or `None` for a shim.
pub(in crate::cpython) fn interpreter_frame(
    ctx: &Context<'_>,
    codes: &CodeCache,
    at: Addr,
) -> Result<Option<PyFrame>, DecodeError> {
    let owner = ctx.uint(field!(ctx, frame.owner), at, 1)?;
    let owners = &ctx.dialect.frame_owners;
    let is_owner = |value: u8| u64::from(value) == owner;
    if owners.shims.iter().any(|s| is_owner(*s)) {
        return Ok(None);
    }
    let owner = match owner {
        0 => Owner::Thread,
        _ if is_owner(owners.generator) => Owner::Generator,
        _ if is_owner(owners.frame_object) => Owner::FrameObject,
        other => return Err(DecodeError::corrupt("frame.owner", at, format!("value {other}"))),
    };
    let code = ctx.dialect.untag(ctx.ptr(field!(ctx, frame.executable), at)?.0);
    let entry = match ctx.layouts.frame.is_entry.is_some() {
        true => ctx.uint(field!(ctx, frame.is_entry), at, 1)? != 0,
        false => false,
    };
    let lasti = last_instruction(ctx, at, code);
    Ok(Some(located(ctx, codes, at, code, lasti, owner, entry)))
}

/// `_PyInterpreterFrame_LASTI` in bytes (pycore_frame.h, from 3.14 pycore_interpframe.h).
pub(super) fn last_instruction(ctx: &Context<'_>, frame: Addr, code: Addr) -> Result<i64, DecodeError> {
    let ip = ctx.ptr(field!(ctx, frame.instr_ptr), frame)?;
    let start = bytecode_start(ctx, frame, code)?;
    Ok(ip.0.wrapping_sub(start.0).cast_signed())
}

/// Start of the bytecode the frame runs: the code object's own, or in free-threaded 3.14+ this thread's copy
/// (`co_tlbc->entries[tlbc_index]`, Include/cpython/code.h `_PyCodeArray`: size, then entries).
pub(in crate::cpython) fn bytecode_start(ctx: &Context<'_>, frame: Addr, code: Addr) -> Result<Addr, DecodeError> {
    let own = ctx.addr(field!(ctx, code.code_adaptive), code)?;
    if !ctx.dialect.thread_local_bytecode {
        return Ok(own);
    }
    let index = ctx.int(field!(ctx, frame.tlbc_index), frame, 4)?;
    let array = ctx.ptr(field!(ctx, code.tlbc), code)?;
    if array.is_null() || index == 0 {
        return Ok(own);
    }
    let size = ctx.memory.read_int(&ctx.abi, array, ctx.abi.pointer_size());
    let size = size.map_err(|source| DecodeError::Read { what: "code.tlbc", source })?;
    if index < 0 || index >= size {
        return Err(DecodeError::corrupt("frame.tlbc_index", frame, format!("index {index} of {size}")));
    }
    let entry = array.wrapping_offset(index.wrapping_add(1).wrapping_mul(i64::from(ctx.abi.pointer_size())));
    ctx.ptr_at("code.tlbc", entry)
}

pub(super) fn located(
    ctx: &Context<'_>,
    codes: &CodeCache,
    addr: Addr,
    code: Addr,
    lasti: Result<i64, DecodeError>,
    owner: Owner,
    entry: bool,
) -> PyFrame {
    let code = if code.is_null() { Err(DecodeError::Null { what: "frame.code" }) } else { codes.get(ctx, code) };
    let compiled = compiled(ctx, addr);
    // The instruction is one that never ran.
    let lasti = compiled.map_or(lasti, |compiled| Err(compiled.not_kept("the instruction")));
    let position = match (&code, &lasti) {
        (Ok(code), Ok(lasti)) => code.position(ctx, *lasti),
        (Err(e), _) | (_, Err(e)) => Err(e.clone()),
    };
    let position: Result<Position, DecodeError> = match compiled {
        Some(compiled) => Ok(Position { line: compiled.line, ..Position::default() }),
        None => position,
    };
    PyFrame { addr, code, lasti, position, owner, entry, entry_sp: None, gap: None, compiled }
}
