//! The message of a Rust panic, from the exception object that the panic made (std, `panic_unwind`).
//!
//! The frames that made it are gone once the panic has reached a function that it must not leave, and the object is on
//! the heap. Freed ones do not count: allocators write over the first word of what is freed.

use super::facts::Scene;
use crate::base::{Abi, Addr};
use crate::debuggee::{Memory, MemoryExt as _};

/// `exception_class` of Rust's panics.
const CLASS: [u8; 8] = *b"MOZ\0RUST";
/// `_Unwind_Exception.private_2`: libgcc keeps there where on the stack the search for a handler ended.
const HANDLER: u64 = 24;
/// `Exception.cause`, a `Box<dyn Any + Send>`, after the unwinder's header and `canary`.
const CAUSE: u64 = 40;
/// Memory that is searched.
const MAX_SEARCH: u64 = 64 << 20;
const CHUNK: u64 = 1 << 20;
/// Longest message.
const MAX_MESSAGE: u64 = 1 << 12;

/// The message. `barrier`: index of the frame that the panic could not leave, when that is why the process ended.
pub(super) fn message(scene: &Scene<'_>, barrier: Option<usize>) -> Option<String> {
    let (memory, abi) = (&scene.facts.target.memory, &scene.facts.target.abi);
    let (found, complete) = objects(scene);
    let of_barrier = |object: &&Addr| {
        let frame = barrier.and_then(|index| scene.stack?.unwound.frames.get(index));
        let handler = object.checked_add(HANDLER).and_then(|at| memory.read_ptr(abi, at).ok());
        frame.zip(handler).is_some_and(|(f, at)| f.sp <= at && f.cfa.is_some_and(|cfa| at <= cfa))
    };
    let object = match (barrier, found.as_slice()) {
        (Some(_), all) => *all.iter().find(of_barrier)?,
        // No search for a handler succeeded, so nothing tells it from another thread's panic but that there is none.
        (None, [only]) if complete => *only,
        _ => return None,
    };
    payload(memory, abi, object.checked_add(CAUSE)?)
}

/// All exception objects, and whether all memory was searched.
fn objects(scene: &Scene<'_>) -> (Vec<Addr>, bool) {
    let target = scene.facts.target;
    let mut left = MAX_SEARCH;
    let mut out = Vec::new();
    for segment in target.memory.segments() {
        let heap = segment.protection.write && !segment.protection.execute && target.module_at(segment.start).is_none();
        let mut at = segment.start;
        while heap && at < segment.end() {
            let size = segment.end().0.saturating_sub(at.0).min(CHUNK);
            let Some(rest) = left.checked_sub(size) else { return (out, false) };
            left = rest;
            if let Ok(bytes) = target.memory.read_vec(at, size) {
                let words = bytes.chunks_exact(8).zip(0_u64..).filter(|(word, _)| **word == CLASS);
                out.extend(words.map(|(_, index)| at.wrapping_add(index.wrapping_mul(8))));
            }
            at = at.wrapping_add(size.max(1));
        }
    }
    (out, true)
}

/// The text of a `Box<dyn Any>` with a `&str` or a `String` in it: the vtable has drop, size, alignment.
fn payload(memory: &dyn Memory, abi: &Abi, cause: Addr) -> Option<String> {
    let word = |at: Addr, index: u64| memory.read_uint(abi, at.checked_add(index.checked_mul(8)?)?, 8).ok();
    let (data, vtable) = (Addr(word(cause, 0)?), Addr(word(cause, 1)?));
    let text = |at: u64, length: u64| {
        if length == 0 || length > MAX_MESSAGE {
            return None;
        }
        let text = String::from_utf8(memory.read_vec(Addr(at), length).ok()?).ok()?;
        text.chars().all(|c| !c.is_control() || c.is_whitespace()).then_some(text)
    };
    match (word(vtable, 1)?, word(vtable, 2)?) {
        (16, 8) => text(word(data, 0)?, word(data, 1)?),
        (24, 8) => {
            // Capacity, pointer and length in an order that Rust does not promise.
            let words = [word(data, 0)?, word(data, 1)?, word(data, 2)?];
            let pointer = *words.iter().max()?;
            let mut counts = words.iter().filter(|w| **w != pointer);
            let (a, b) = (counts.next()?, counts.next()?);
            text(pointer, *a.min(b))
        }
        _ => None,
    }
}
