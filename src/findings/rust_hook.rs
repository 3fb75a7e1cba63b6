//! The message of a Rust panic that does not unwind (`panic=abort`): no exception object is made, and the payload that
//! `rust_panic_with_hook` was given is still in its caller's frame (std, library/std/src/panicking.rs).
//!
//! Which type the payload has, the methods of its vtable tell by their symbols. The types are those of std alone, which does
//! not promise their layout: a text is taken only where the words of the payload can be read in one way.

use super::facts::{Scene, SceneFrame};
use crate::base::Addr;
use crate::debuggee::{MemoryExt as _, Segment};
use crate::native::demangle::demangle;

/// `std::panicking::rust_panic_with_hook`, called `panic_with_hook` since some release of 1.9x.
const WITH_HOOK: [&str; 2] = ["std::panicking::rust_panic_with_hook", "std::panicking::panic_with_hook"];
/// What a payload is, by a part of its methods' names, and its size in bytes.
const PAYLOADS: [(&str, Payload, u64); 2] = [
    ("::FormatStringPayload as core::panic::PanicPayload>::", Payload::Formatted, 32),
    ("::StaticStrPayload as core::panic::PanicPayload>::", Payload::Static, 16),
];
/// Methods of `PanicPayload` in a vtable: after drop, size and alignment, with those of `Display`.
const METHODS: std::ops::Range<u64> = 3..8;
/// Above the frame: as far as its caller, with what was inlined there, may have the payload.
const MAX_DISTANCE: u64 = 4096;
/// Longest message.
const MAX_MESSAGE: u64 = 1 << 12;
/// Numbers below are lengths, those above addresses.
const FIRST_ADDRESS: u64 = 1 << 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Payload {
    /// `{inner: &fmt::Arguments, string: Option<String>}`, the string made before the hook is called.
    Formatted,
    /// `{&'static str}`.
    Static,
}

/// The message.
pub(super) fn message(scene: &Scene<'_>, panicking: &[&SceneFrame<'_>]) -> Option<String> {
    let (memory, abi) = (&scene.facts.target.memory, &scene.facts.target.abi);
    let is_hook = |f: &&&SceneFrame<'_>| {
        let name = f.code.display_name();
        name.is_some_and(|n| WITH_HOOK.contains(&n.as_str()))
    };
    let frame = panicking.iter().rev().find(is_hook)?.frame;
    let cfa = frame.cfa?;
    let kept = frame.registers.as_deref()?.callee_saved();
    let own = memory.read_vec(frame.sp, cfa.distance_from(frame.sp)?.min(MAX_DISTANCE)).unwrap_or_default();
    // The payload was passed as two pointers: its data, in the caller's frame, and its vtable.
    let values: Vec<u64> = kept.chain(own.chunks_exact(8).map(|word| abi.uint(word))).collect();
    let (payload, size) = values.iter().find_map(|value| payload_of(scene, Addr(*value)))?;
    let stack = scene.facts.segment(cfa)?;
    let is_above = |at: &Addr| at.is_aligned(8) && at.distance_from(cfa).is_some_and(|d| d < MAX_DISTANCE);
    let mut texts = values.iter().copied().map(Addr).filter(is_above).filter_map(|at| {
        let words = memory.read_vec(at, size).ok()?;
        let words: Vec<u64> = words.chunks_exact(8).map(|word| abi.uint(word)).collect();
        text(scene, payload, &words, stack)
    });
    let only = texts.next()?;
    texts.all(|other| other == only).then_some(only)
}

/// The type of payload whose vtable is at `at`, and its size.
fn payload_of(scene: &Scene<'_>, at: Addr) -> Option<(Payload, u64)> {
    let (memory, abi) = (&scene.facts.target.memory, &scene.facts.target.abi);
    let word = |index: u64| memory.read_uint(abi, at.checked_add(index.checked_mul(8)?)?, 8).ok();
    if !at.is_aligned(8) || word(2)? != 8 {
        return None;
    }
    let size = word(1)?;
    let known = |name: &str| PAYLOADS.iter().find(|(part, _, wanted)| *wanted == size && name.contains(part));
    METHODS.filter_map(word).find_map(|method| {
        let symbol = scene.facts.images.symbol_at(scene.facts.target, Addr(method)).filter(|s| s.offset == 0)?;
        known(&demangle(&symbol.name)).map(|(_, payload, size)| (*payload, *size))
    })
}

/// The text of a payload with these words.
fn text(scene: &Scene<'_>, payload: Payload, words: &[u64], stack: &Segment) -> Option<String> {
    let (mut lengths, mut addresses): (Vec<u64>, Vec<u64>) = words.iter().partition(|word| **word < FIRST_ADDRESS);
    lengths.sort_unstable();
    let inside = |at: u64| (stack.start..stack.end()).contains(&Addr(at));
    if payload == Payload::Formatted {
        // The arguments are a local variable of the function that panicked; text on the heap is not.
        let arguments = addresses.iter().position(|at| inside(*at))?;
        addresses.remove(arguments);
    }
    let (length, at) = match (payload, lengths.as_slice(), addresses.as_slice()) {
        // The length of a String is at most its capacity.
        (Payload::Formatted, [length, _], [at]) | (Payload::Static, [length], [at]) => (*length, *at),
        _ => return None,
    };
    if length == 0 || length > MAX_MESSAGE || inside(at) {
        return None;
    }
    let text = String::from_utf8(scene.facts.target.memory.read_vec(Addr(at), length).ok()?).ok()?;
    text.chars().all(|c| !c.is_control() || c.is_whitespace()).then_some(text)
}
