//! Where a generator, coroutine or async generator stands and what it waits for: `gi_yieldfrom`, `cr_await`, `ag_await`
//! (`_PyGen_yf`, Objects/genobject.c).

use super::chain::{last_instruction, located};
use super::{Owner, PyFrame};
use crate::base::Addr;
use crate::cpython::code::CodeCache;
use crate::cpython::layout::{DelegationMark, FrameLink, InstructionPointer};
use crate::cpython::{Context, DecodeError};
use crate::field;

/// `FRAME_EXECUTING` of 3.10 (Include/internal/pycore_frame.h).
const EXECUTING_3_10: i64 = 0;
/// Arguments of `RESUME` from this one on: after `yield from`, after `await` (Lib/opcode.py, Doc/library/dis.rst).
const RESUME_AFTER_YIELD_FROM: u64 = 2;
/// Bytes of a code unit.
const UNIT: u64 = 2;

/// Where a generator stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspension {
    /// It was not started.
    Created,
    /// At a `yield` of its own.
    Yielded,
    /// In `await` or `yield from` on this object.
    Awaits(Addr),
    /// It runs, or something that it called does.
    Running,
    /// It has come to its end.
    Finished,
}

/// The frame of a generator, with no part of its code object read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FramePlace {
    /// Address of the `_PyInterpreterFrame` (3.11+) or `PyFrameObject`.
    pub addr: Addr,
    /// Address of the code object.
    pub code: Addr,
    /// Offset of the instruction in bytes; negative before the first.
    pub lasti: i64,
}

impl FramePlace {
    /// The frame with all that is known of it.
    #[must_use]
    pub fn frame(&self, ctx: &Context<'_>, codes: &CodeCache) -> PyFrame {
        let owner = if ctx.dialect.frame_link == FrameLink::FrameObjects { Owner::Object } else { Owner::Generator };
        located(ctx, codes, self.addr, self.code, Ok(self.lasti), owner, false)
    }
}

/// Where a generator, coroutine or async generator stands, with its frame while it has one.
///
/// # Errors
/// [`DecodeError`] when it cannot be read, or is none.
pub fn suspension(ctx: &Context<'_>, generator: Addr) -> Result<(Suspension, Option<FramePlace>), DecodeError> {
    match ctx.dialect.generator_states {
        None => of_frame_object(ctx, generator),
        Some(states) => {
            let state = ctx.int(field!(ctx, generator.frame_state), generator, 1)?;
            let is = |list: &[i8]| list.iter().any(|s| i64::from(*s) == state);
            if is(states.finished) {
                return Ok((Suspension::Finished, None));
            }
            let frame = ctx.addr(field!(ctx, generator.iframe), generator)?;
            let code = ctx.dialect.untag(ctx.ptr(field!(ctx, frame.executable), frame)?.0);
            let place = FramePlace { addr: frame, code, lasti: last_instruction(ctx, frame, code)? };
            let suspension = if is(states.created) {
                Suspension::Created
            } else if is(states.executing) {
                Suspension::Running
            } else if is(states.suspended_yield_from) || (is(states.suspended) && delegates_by_resume(ctx, frame)?) {
                Suspension::Awaits(top_of_stack(ctx, frame)?)
            } else if is(states.suspended) {
                Suspension::Yielded
            } else {
                return Err(DecodeError::corrupt("generator.frame_state", generator, format!("value {state}")));
            };
            Ok((suspension, Some(place)))
        }
    }
}

/// 3.11 and 3.12: whether the instruction that follows is the `RESUME` after an `await` or `yield from`. A suspended
/// generator always has a `RESUME` there.
fn delegates_by_resume(ctx: &Context<'_>, frame: Addr) -> Result<bool, DecodeError> {
    if ctx.dialect.delegation != DelegationMark::ResumeArgument {
        return Ok(false);
    }
    let last = ctx.ptr(field!(ctx, frame.instr_ptr), frame)?;
    // The argument is the second byte of a unit.
    let argument = ctx.uint_at("argument of RESUME", last.wrapping_add(UNIT.saturating_add(1)), 1)?;
    Ok(argument >= RESUME_AFTER_YIELD_FROM)
}

/// The awaited object on the evaluation stack of a suspended frame (3.11+).
fn top_of_stack(ctx: &Context<'_>, frame: Addr) -> Result<Addr, DecodeError> {
    let width = u64::from(ctx.abi.pointer_size());
    let top = match ctx.layouts.frame.stackpointer.is_some() {
        true => ctx.ptr(field!(ctx, frame.stackpointer), frame)?,
        false => {
            let depth = ctx.int(field!(ctx, frame.stacktop), frame, 4)?;
            let depth = u64::try_from(depth).map_err(|_| DecodeError::corrupt("frame.stacktop", frame, "negative"))?;
            ctx.addr(field!(ctx, frame.localsplus), frame)?.wrapping_add(depth.saturating_mul(width))
        }
    };
    let distance = u64::from(ctx.dialect.await_depth).saturating_mul(width);
    let bits = ctx.ptr_at("awaited object", Addr(top.0.wrapping_sub(distance)))?;
    Ok(ctx.dialect.untag(bits.0))
}

/// 3.8 to 3.10: `gi_frame` is NULL at the end; `YIELD_FROM` is the next instruction while something is awaited.
fn of_frame_object(ctx: &Context<'_>, generator: Addr) -> Result<(Suspension, Option<FramePlace>), DecodeError> {
    let frame = ctx.ptr(field!(ctx, generator.frame), generator)?;
    if frame.is_null() {
        return Ok((Suspension::Finished, None));
    }
    let code = ctx.ptr(field!(ctx, frame_object.f_code), frame)?;
    let lasti = ctx.int(field!(ctx, frame_object.f_lasti), frame, 4)?;
    let units = ctx.dialect.instruction_pointer == InstructionPointer::LastiUnits;
    let lasti = if units { lasti.saturating_mul(2) } else { lasti };
    let place = FramePlace { addr: frame, code, lasti };
    let running = match ctx.layouts.generator.running.is_some() {
        true => ctx.uint(field!(ctx, generator.running), generator, 1)? != 0,
        false => ctx.int(field!(ctx, frame_object.f_state), frame, 1)? == EXECUTING_3_10,
    };
    let suspension = match u64::try_from(lasti) {
        _ if running => Suspension::Running,
        Err(_) => Suspension::Created,
        Ok(lasti) => match delegates_by_opcode(ctx, code, lasti)? {
            true => Suspension::Awaits(top_of_old_stack(ctx, frame)?),
            false => Suspension::Yielded,
        },
    };
    Ok((suspension, Some(place)))
}

fn delegates_by_opcode(ctx: &Context<'_>, code: Addr, lasti: u64) -> Result<bool, DecodeError> {
    let DelegationMark::Opcode(opcode) = ctx.dialect.delegation else { return Ok(false) };
    let bytes = ctx.ptr(field!(ctx, code.code), code)?;
    let start = ctx.addr(field!(ctx, bytes.sval), bytes)?;
    let next = ctx.uint_at("code.co_code", start.wrapping_add(lasti).wrapping_add(UNIT), 1)?;
    Ok(next == u64::from(opcode))
}

fn top_of_old_stack(ctx: &Context<'_>, frame: Addr) -> Result<Addr, DecodeError> {
    let width = u64::from(ctx.abi.pointer_size());
    let top = match ctx.layouts.frame_object.f_stacktop.is_some() {
        true => ctx.ptr(field!(ctx, frame_object.f_stacktop), frame)?,
        false => {
            let depth = ctx.int(field!(ctx, frame_object.f_stackdepth), frame, 4)?;
            let depth = u64::try_from(depth);
            let depth = depth.map_err(|_| DecodeError::corrupt("frame_object.f_stackdepth", frame, "negative"))?;
            ctx.ptr(field!(ctx, frame_object.f_valuestack), frame)?.wrapping_add(depth.saturating_mul(width))
        }
    };
    ctx.ptr_at("awaited object", Addr(top.0.wrapping_sub(width)))
}
