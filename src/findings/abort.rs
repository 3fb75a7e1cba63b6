//! Rules for SIGABRT from C code: the message glibc kept, assertions.

use super::blame::Blame;
use super::facts::Scene;
use super::finding;
use super::memory_access::signals;
use super::segv::signal_evidence;
use crate::base::Addr;
use crate::debuggee::MemoryExt as _;
use crate::model::{Confidence, Finding, FindingId};

/// Longest message read.
const MAX_MESSAGE: usize = 4096;

/// What a message of glibc stands for: part of the text, rule, headline, advice. First match counts.
/// (malloc/malloc.c `malloc_printerr`, debug/fortify_fail.c, debug/stack_chk_fail.c, assert/assert.c.)
const MESSAGES: &[(&str, FindingId, &str, &str)] = &[
    (
        "stack smashing detected",
        FindingId::StackSmashing,
        "a buffer on the stack was overrun",
        "an array in the function named here is too small for what was written to it",
    ),
    (
        "buffer overflow detected",
        FindingId::BufferOverflow,
        "a buffer was overrun, caught by _FORTIFY_SOURCE",
        "the destination of a copy is too small",
    ),
    (
        "double free",
        FindingId::DoubleFree,
        "memory was freed twice",
        "two owners free one block; or an over-decref frees it early",
    ),
    (
        "invalid pointer",
        FindingId::InvalidFree,
        "a pointer was freed that malloc never gave out",
        "it points into a block, to the stack, or comes from another allocator (PyMem_Free, PyObject_Free, free)",
    ),
    (
        "munmap_chunk()",
        FindingId::HeapCorruption,
        "the heap is corrupt",
        "something wrote outside of its block before this",
    ),
    ("free():", FindingId::HeapCorruption, "the heap is corrupt", "something wrote outside of its block before this"),
    ("malloc():", FindingId::HeapCorruption, "the heap is corrupt", "something wrote outside of its block before this"),
    (
        "malloc_consolidate",
        FindingId::HeapCorruption,
        "the heap is corrupt",
        "something wrote outside of its block before this",
    ),
    (
        "realloc():",
        FindingId::HeapCorruption,
        "the heap is corrupt",
        "something wrote outside of its block before this",
    ),
    ("corrupted", FindingId::HeapCorruption, "the heap is corrupt", "something wrote outside of its block before this"),
    ("Assertion `", FindingId::AssertionFailed, "an assertion failed", ""),
];

/// Explains an abort by the message that glibc kept.
pub(super) fn run(scene: &Scene<'_>) -> Vec<Finding> {
    find(scene).into_iter().collect()
}

fn find(scene: &Scene<'_>) -> Option<Finding> {
    if scene.signal() != signals::SIGABRT {
        return None;
    }
    let blame = scene.blame();
    let mut evidence = signal_evidence(scene);
    evidence.extend(blame.evidence());
    let place = blame.origin();
    if let Some(message) = abort_message(scene) {
        let known = MESSAGES.iter().find(|(text, ..)| message.contains(text));
        let (id, what, advice) = known
            .map_or((FindingId::AbortMessage, "the C library gave up", ""), |(_, id, what, advice)| {
                (id.clone(), *what, *advice)
            });
        evidence.push(format!("message of the C library: {message}"));
        let title = match id {
            // The message holds place and condition.
            FindingId::AssertionFailed => format!("assertion failed: {}{}", assertion(&message), called_from(blame)),
            _ => format!("{what} ({message}){place}"),
        };
        let advice = (!advice.is_empty()).then(|| advice.to_owned());
        return Some(Finding { advice, ..finding(id, title, Confidence::High, evidence, scene.tid) });
    }
    assert_arguments(scene, evidence, blame)
}

fn called_from(blame: &Blame<'_>) -> String {
    blame.python.map_or(String::new(), |p| format!(", called from {}", super::blame::python_place(p)))
}

/// "defects.c:12: check: Assertion `n > 0' failed" of "python3: /src/defects.c:12: check: ... failed.".
fn assertion(message: &str) -> &str {
    let text = message.split_once(": ").map_or(message, |(_, rest)| rest).trim_end_matches('.');
    let path = text.find(": ").unwrap_or(0);
    let name = text.get(..path).and_then(|p| p.rfind('/')).map_or(0, |at| at.saturating_add(1));
    text.get(name..).unwrap_or(text)
}

/// The text that glibc keeps for debuggers: `struct abort_msg_s { unsigned int size; char msg[]; } *__abort_msg`
/// (include/stdlib.h, exported as `GLIBC_PRIVATE`).
pub(super) fn abort_message(scene: &Scene<'_>) -> Option<String> {
    let facts = scene.facts;
    let hits = facts.images.find_symbol(facts.target, "__abort_msg");
    hits.iter().find_map(|hit| {
        let at = facts.target.memory.read_ptr(&facts.target.abi, hit.addr).ok().filter(|a| !a.is_null())?;
        let text = facts.target.memory.read_cstr(at.checked_add(4)?, MAX_MESSAGE).ok()?;
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        (!text.is_empty()).then_some(text)
    })
}

/// Libcs that keep no message (musl): the arguments of `__assert_fail(expression, file, line, function)`.
fn assert_arguments(scene: &Scene<'_>, mut evidence: Vec<String>, blame: &Blame<'_>) -> Option<Finding> {
    let frame = scene.frames(12).find(|f| f.runs("__assert_fail"))?;
    let text = |index| {
        let at = Addr(scene.argument(&frame, index)?);
        let text = String::from_utf8(scene.facts.target.memory.read_cstr(at, MAX_MESSAGE).ok()?).ok()?;
        (!text.is_empty()).then_some(text)
    };
    let expression = text(0);
    let place = text(1).map(|file| match scene.argument(&frame, 2) {
        Some(line) => format!("{file}:{}: ", line & 0xffff_ffff),
        None => format!("{file}: "),
    });
    evidence.push("abort() was called by __assert_fail".to_owned());
    let what = expression.map_or("its text is not at hand".to_owned(), |e| format!("{e:?}"));
    let title = format!("assertion failed: {}{what}{}", place.unwrap_or_default(), blame.origin());
    Some(finding(FindingId::AssertionFailed, title, Confidence::High, evidence, scene.tid))
}
