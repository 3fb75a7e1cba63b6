//! Names of generators and coroutines that Cython made C functions of.
//!
//! The symbol of such a function has a number in place of the name (`__pyx_gb_5plant_5Valve_4generator1`). The object that runs
//! has the function and the name: `__pyx_CoroutineObject` (Cython/Utility/Coroutine.c) is a head, `body`, `closure`, the state of
//! exceptions, and further on `gi_name`, `gi_qualname`, `gi_modulename`. The function has it at hand, or its callers do.

use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::{Heap, Kind, read_text};
use crate::debuggee::Target;
use crate::field;
use crate::model::{Frame, FrameKind};
use crate::native::ModuleTables;
use crate::native::unwind::UnwoundFrame;
use crate::stack::{NativeStack, frame_words};
use std::collections::HashMap;

/// What symbols of such functions begin with.
const BODY: &str = "__pyx_gb_";
/// Frames of one thread that are named.
const MAX_FRAMES: usize = 256;
/// How many callers may hold the object: `__Pyx_Coroutine_SendEx`, and who called it.
const CALLERS: usize = 2;
/// Bytes of a native frame that are searched.
const MAX_FRAME: u64 = 16 << 10;
/// Words behind `body` among which the names are.
const WORDS: u64 = 16;
/// Longest name, in code points.
const NAME_LIMIT: u64 = 1024;

/// Names the frames of one thread that run such functions. `stack` gives its native stack, which is asked for where there are any.
pub(super) fn name<'s>(
    target: &Target,
    tables: &ModuleTables<'_>,
    heap: &Heap<'_>,
    stack: impl FnOnce() -> Option<&'s NativeStack>,
    frames: &mut [Frame],
) {
    let is_body = |f: &Frame| {
        let native = f.native.as_ref().filter(|native| !native.inlined && f.kind == FrameKind::Native);
        native.is_some_and(|native| native.symbol.as_ref().is_some_and(|symbol| symbol.starts_with(BODY)))
    };
    let mut bodies = frames.iter_mut().filter(|f| is_body(f)).take(MAX_FRAMES).peekable();
    if bodies.peek().is_none() {
        return;
    }
    let Some(stack) = stack() else { return };
    let unwound = &stack.unwound.frames;
    let places: HashMap<(Addr, Option<Addr>), usize> =
        unwound.iter().enumerate().map(|(at, frame)| ((frame.ip, frame.cfa), at)).collect();
    for frame in bodies {
        let Some(ip) = frame.native.as_ref().map(|native| native.ip) else { continue };
        let Some(at) = places.get(&(ip, frame.addr)).copied() else { continue };
        let near = unwound.iter().skip(at).take(CALLERS + 1);
        let Some(lookup) = unwound.get(at).map(UnwoundFrame::lookup) else { continue };
        let start = tables.at(lookup).and_then(|found| found.function(target, lookup)).map(|range| range.start);
        let Some(start) = start else { continue };
        let name = near.flat_map(|frame| words(target, frame)).find_map(|word| generator(heap, word, start).ok()?);
        if let Some(name) = name {
            frame.function = Some(name.as_str().into());
        }
    }
}

/// Module and qualified name of the generator at `addr`, if that is one whose body begins at `start`.
fn generator(heap: &Heap<'_>, addr: Addr, start: Addr) -> Result<Option<String>, DecodeError> {
    let ctx = &heap.ctx;
    let width = u64::from(ctx.abi.pointer_size());
    if addr.is_null() || !addr.0.is_multiple_of(width) {
        return Ok(None);
    }
    let body = ctx.addr(field!(ctx, object.size), addr)?;
    if ctx.ptr_at("generator.body", body)? != start {
        return Ok(None);
    }
    let mut names = Vec::new();
    for at in 1..WORDS {
        let word = ctx.ptr_at("generator.gi_name", body.wrapping_add(at.saturating_mul(width)))?;
        let is_text = !word.is_null() && heap.type_of(word).is_ok_and(|info| info.kind == Kind::Str);
        match is_text {
            true => names.push(read_text(ctx, word, NAME_LIMIT)?.text.to_string()),
            // All three stand together.
            false if names.len() >= 2 => break,
            false => names.clear(),
        }
    }
    Ok(match names.as_slice() {
        [name, qualname, module, ..] if qualname.ends_with(name.as_str()) => Some(format!("{module}.{qualname}")),
        [name, qualname] if qualname.ends_with(name.as_str()) => Some(qualname.clone()),
        _ => None,
    })
}

/// What a native frame has at hand: registers that calls preserve, and its part of the stack.
fn words(target: &Target, frame: &UnwoundFrame) -> impl Iterator<Item = Addr> {
    let saved: Vec<Addr> = frame.registers.iter().flat_map(|regs| regs.callee_saved().map(Addr)).collect();
    saved.into_iter().chain(frame_words(target, frame, MAX_FRAME))
}
