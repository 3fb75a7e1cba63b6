//! [`Place`]: where a thread is in Python code, and the words that tell when it goes on.

use super::Lines;
use crate::base::Addr;
use crate::cpython::code::CodeCache;
use crate::cpython::frame::{PyFrame, bytecode_start, interpreter_frame, object_frame};
use crate::cpython::layout::{FrameLink, InstructionPointer};
use crate::cpython::{Context, DecodeError};
use crate::field;

/// More entries of evaluation loops than lie between two Python frames.
const MAX_SHIMS: u32 = 16;

/// A word of the process that changes as Python code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Where it is.
    pub address: Addr,
    /// How many bytes it has.
    pub size: u8,
    /// What it was.
    pub value: u64,
}

/// Where a thread is in Python code.
#[derive(Debug)]
pub struct Place {
    /// The words that lead to the running frame; each call and each return changes one of them.
    pub chain: Vec<Word>,
    /// The frame; `None` where the thread runs no Python code. An evaluation loop that is being entered may have a frame
    /// that cannot be read yet.
    pub frame: Result<Option<Running>, DecodeError>,
}

/// A frame that runs, or has called what runs.
#[derive(Debug)]
pub struct Running {
    /// The frame.
    pub frame: PyFrame,
    /// The word that says which instruction it is at.
    pub instruction: Word,
    /// The word that says that it has ended or is suspended, and what it says then.
    pub end: Word,
    /// The lines of its code.
    pub lines: Lines,
    /// What the instruction's word will say before any further instruction is carried out, where a frame that this one has
    /// called ends now: 3.12 moves it behind what was skipped, which may be of another line.
    pub moved: Option<u64>,
    unit: Unit,
}

/// What the instruction's word counts.
#[derive(Clone, Copy, Debug)]
enum Unit {
    /// Bytes, or units of so many bytes.
    Offset(u64),
    /// Addresses from here on.
    Address(Addr),
}

impl Running {
    /// Offset in bytes of the instruction that the word says.
    #[must_use]
    pub fn offset(&self, value: u64) -> i64 {
        match self.unit {
            Unit::Address(start) => value.wrapping_sub(start.0).cast_signed(),
            // `f_lasti` is an int.
            Unit::Offset(unit) => {
                let units = i64::from((value & u64::from(u32::MAX)) as u32 as i32);
                units.wrapping_mul(unit.cast_signed())
            }
        }
    }

    /// What the word says at an offset in bytes.
    #[must_use]
    pub fn value(&self, offset: u64) -> u64 {
        match self.unit {
            Unit::Address(start) => start.0.wrapping_add(offset),
            Unit::Offset(unit) => (offset / unit.max(1)).min(u64::from(u32::MAX >> 1)),
        }
    }
}

/// Where the thread of the thread state at `tstate` is: `older` Python frames out from the innermost.
///
/// # Errors
/// [`DecodeError`] when the thread state cannot be read, or the build does not keep the words.
pub fn place(ctx: &Context<'_>, codes: &CodeCache, tstate: Addr, older: u64) -> Result<Place, DecodeError> {
    let word = ctx.abi.pointer_size();
    let at = |field, base| -> Result<Word, DecodeError> {
        let address = ctx.addr(field, base)?;
        Ok(Word { address, size: word, value: ctx.ptr_at(field.0, address)?.0 })
    };
    Ok(match ctx.dialect.frame_link {
        FrameLink::FrameObjects => {
            let first = at(field!(ctx, thread.frame), tstate)?;
            Place { frame: of_objects(ctx, codes, first, older), chain: vec![first] }
        }
        FrameLink::Direct => {
            let first = at(field!(ctx, thread.current_frame), tstate)?;
            let end = |_: &Walk, previous: u64| Ok(Word { value: previous, ..first });
            Place { frame: of_frames(ctx, codes, Addr(first.value), None, older, end), chain: vec![first] }
        }
        FrameLink::ViaCFrame => {
            let cframe = at(field!(ctx, thread.cframe), tstate)?;
            let current = at(field!(ctx, cframe.current_frame), Addr(cframe.value))?;
            let end = |walk: &Walk, previous: u64| {
                let of = walk.cframe.unwrap_or(Addr::NULL);
                // 3.11: the frame that a loop was entered for ends with the loop.
                match walk.is_entry {
                    true => Ok(Word { value: ctx.ptr(field!(ctx, cframe.previous), of)?.0, ..cframe }),
                    false => {
                        let own = at(field!(ctx, cframe.current_frame), of)?;
                        Ok(Word { value: previous, ..own })
                    }
                }
            };
            let first = Addr(current.value);
            let mut frame = of_frames(ctx, codes, first, Some(Addr(cframe.value)), older, end);
            // The thread state has the outermost C frame in itself; any other is that of a loop, which has a frame, though
            // it may not have been written yet.
            let size = field!(ctx, thread.size).1?;
            let outermost = Addr(cframe.value).distance_from(tstate).is_some_and(|inside| inside < size);
            if !outermost && matches!(frame, Ok(None)) {
                frame = Err(DecodeError::Null { what: "cframe.current_frame" });
            }
            Place { frame, chain: vec![cframe, current] }
        }
    })
}

/// 3.8 to 3.10.
fn of_objects(ctx: &Context<'_>, codes: &CodeCache, first: Word, older: u64) -> Result<Option<Running>, DecodeError> {
    let mut at = Addr(first.value);
    for _ in 0..older {
        if at.is_null() {
            break;
        }
        at = ctx.ptr(field!(ctx, frame_object.f_back), at)?;
    }
    if at.is_null() {
        return Ok(None);
    }
    let frame = object_frame(ctx, codes, at)?;
    let back = ctx.ptr(field!(ctx, frame_object.f_back), at)?;
    let address = ctx.addr(field!(ctx, frame_object.f_lasti), at)?;
    let instruction = Word { address, size: 4, value: ctx.uint_at("frame_object.f_lasti", address, 4)? };
    let unit = if ctx.dialect.instruction_pointer == InstructionPointer::LastiUnits { 2 } else { 1 };
    let lines = Lines::of_code(ctx, frame.code.as_ref().map_err(Clone::clone)?)?;
    let end = Word { value: back.0, ..first };
    Ok(Some(Running { frame, instruction, end, lines, moved: None, unit: Unit::Offset(unit) }))
}

/// Where a walk along the frames is.
struct Walk {
    /// The C frame that knows the frame (3.11, 3.12).
    cframe: Option<Addr>,
    /// Whether the evaluation loop was entered for it (3.11).
    is_entry: bool,
}

/// 3.11 and newer.
fn of_frames(
    ctx: &Context<'_>,
    codes: &CodeCache,
    first: Addr,
    cframe: Option<Addr>,
    older: u64,
    end: impl Fn(&Walk, u64) -> Result<Word, DecodeError>,
) -> Result<Option<Running>, DecodeError> {
    let (mut at, mut left, mut shims) = (first, older, 0);
    let mut walk = Walk { cframe, is_entry: false };
    let outwards = |walk: &mut Walk| -> Result<(), DecodeError> {
        if let Some(of) = walk.cframe {
            walk.cframe = Some(ctx.ptr(field!(ctx, cframe.previous), of)?);
        }
        Ok(())
    };
    while !at.is_null() {
        let previous = ctx.ptr(field!(ctx, frame.previous), at)?;
        match interpreter_frame(ctx, codes, at)? {
            None if shims > MAX_SHIMS => break,
            // A shim (3.12+) is the first frame of its loop.
            None => {
                shims += 1;
                outwards(&mut walk)?;
            }
            Some(frame) if left == 0 => {
                walk.is_entry = frame.entry;
                let end = end(&walk, previous.0)?;
                let address = ctx.addr(field!(ctx, frame.instr_ptr), at)?;
                let size = ctx.abi.pointer_size();
                let instruction = Word { address, size, value: ctx.ptr_at("frame.instr_ptr", address)?.0 };
                let code = frame.code.as_ref().map_err(Clone::clone)?;
                let start = bytecode_start(ctx, at, code.addr)?;
                let lines = Lines::of(ctx, code, start)?;
                let moved = match ctx.dialect.instruction_pointer {
                    // Python/bytecodes.c of 3.12, RETURN_VALUE; 3.11 has no such field.
                    InstructionPointer::PreviousInstruction if ctx.layouts.frame.return_offset.is_some() => {
                        let units = ctx.uint(field!(ctx, frame.return_offset), at, 2)?;
                        (units != 0).then(|| instruction.value.wrapping_add(units.saturating_mul(2)))
                    }
                    _ => None,
                };
                return Ok(Some(Running { frame, instruction, end, lines, moved, unit: Unit::Address(start) }));
            }
            Some(frame) => {
                left = left.saturating_sub(1);
                shims = 0;
                if frame.entry {
                    outwards(&mut walk)?;
                }
            }
        }
        at = previous;
    }
    Ok(None)
}
