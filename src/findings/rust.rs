//! Rust panics that could not unwind, or were set to abort.

use super::facts::{Scene, SceneFrame};
use super::finding;
use super::memory_access::signals;
use super::segv::signal_evidence;
use super::{rust_hook, rust_payload};
use crate::base::Addr;
use crate::debuggee::MemoryExt as _;
use crate::model::{Confidence, Finding, FindingId};

/// Functions of `core` and `std` that carry a panic (demangled, without hash).
const PANIC: &[&str] = &[
    "core::panicking::panic",
    "std::panicking::",
    "rust_panic",
    "rust_begin_unwind",
    "__rust_start_panic",
    "panic_abort::",
];
/// Longest source path believed.
const MAX_PATH: u64 = 4096;

/// Explains the abort of a Rust panic.
pub(super) fn run(scene: &Scene<'_>) -> Vec<Finding> {
    find(scene).or_else(|| out_of_memory(scene)).into_iter().collect()
}

/// Functions of `alloc` and `std` that end the process because memory could not be had, each called with the layout that was wanted:
/// alignment and size.
const NO_MEMORY: &[&str] = &[
    "alloc::alloc::handle_alloc_error",
    "std::alloc::rust_oom",
    "__rust_alloc_error_handler",
    "__rdl_alloc_error_handler",
];
/// The largest alignment believed.
const MAX_ALIGNMENT: u64 = 1 << 12;

/// Explains the abort of Rust code that got no memory (`memory allocation of N bytes failed` on standard error).
fn out_of_memory(scene: &Scene<'_>) -> Option<Finding> {
    if !matches!(scene.signal(), signals::SIGABRT | signals::SIGILL) {
        return None;
    }
    let frames: Vec<SceneFrame<'_>> = scene.frames(24).filter(|f| NO_MEMORY.iter().any(|name| runs(f, name))).collect();
    let outermost = frames.last()?;
    let size = frames.iter().rev().find_map(|frame| {
        // Which of the two comes first is the compiler's choice; only one of them is an alignment, where both are not small.
        let (one, other) = (scene.argument(frame, 0)?, scene.argument(frame, 1)?);
        let (align, size) = if one <= other { (one, other) } else { (other, one) };
        (align.is_power_of_two() && align <= MAX_ALIGNMENT && size > MAX_ALIGNMENT).then_some(size)
    });
    let blame = scene.blame();
    let mut evidence = signal_evidence(scene);
    let called = outermost.code.display_name().unwrap_or_else(|| "handle_alloc_error".to_owned());
    evidence.push(format!("{called} was called"));
    evidence.extend(blame.evidence());
    let what = size.map_or_else(|| "memory".to_owned(), |size| format!("{size} bytes of memory"));
    let title = format!("Rust code could not get {what}{}", blame.origin());
    let advice = "a limit of memory (ulimit -v, a container) or a size that is wrong: Rust ends the process where memory cannot be had";
    Some(Finding {
        advice: Some(advice.to_owned()),
        ..finding(FindingId::OutOfMemory, title, Confidence::High, evidence, scene.tid)
    })
}

fn find(scene: &Scene<'_>) -> Option<Finding> {
    // abort() of std is an abort or, without libc, an illegal instruction.
    if !matches!(scene.signal(), signals::SIGABRT | signals::SIGILL) {
        return None;
    }
    let is_panic = |f: &SceneFrame<'_>| PANIC.iter().any(|name| runs(f, name));
    let frames: Vec<SceneFrame<'_>> = scene.frames(48).collect();
    let panicking: Vec<&SceneFrame<'_>> = frames.iter().filter(|f| is_panic(f)).collect();
    panicking.first()?;
    // The first panic is the outermost: a second one, in the library itself, says only that the first could not unwind.
    let location =
        panicking.iter().rev().find_map(|f| location(scene, f)).filter(|l| !l.contains("/library/core/src/"));
    let barrier = panicking.iter().rev().find(|f| runs(f, "core::panicking::panic_cannot_unwind"));
    let aborts = panicking.iter().any(|f| runs(f, "panic_abort::"));
    let thrown = match aborts {
        true => None,
        false => rust_payload::message(scene, barrier.map(|f| f.index.saturating_add(1))),
    };
    let of_object = thrown.is_some();
    let message = thrown.or_else(|| rust_hook::message(scene, &panicking));
    let mut evidence = signal_evidence(scene);
    let blame = scene.blame();
    evidence.extend(location.as_ref().map(|l| format!("panic location: {l}")));
    if barrier.is_some() {
        evidence.push("the panic had left its own frames and reached a function that it must not leave".to_owned());
    }
    if of_object {
        evidence.push("the message is that of the exception object that the panic made".to_owned());
    } else if message.is_some() {
        evidence.push("the message is that of the payload that the panic hook was called for".to_owned());
    }
    evidence.extend(blame.evidence());
    let text = message.as_ref().map_or(String::new(), |m| format!(" ({m:?})"));
    let at = location.map_or(String::new(), |l| format!(" at {l}"));
    let title = format!("Rust panic{text}{at} ended the process{}", blame.origin());
    let advice = match (aborts, &message) {
        (true, _) => "the crate was built with panic=abort: nothing can catch its panics",
        (false, Some(_)) => "a panic must not cross an extern \"C\" boundary: catch_unwind before it",
        (false, None) => "its message was written to standard error; a panic must not cross an extern \"C\" boundary",
    };
    Some(Finding {
        advice: Some(advice.to_owned()),
        ..finding(FindingId::RustPanic, title, Confidence::High, evidence, scene.tid)
    })
}

/// Whether the function that has the frame, or one inlined into it, has this name; paths may go on.
fn runs(frame: &SceneFrame<'_>, name: &str) -> bool {
    let by_symbol = frame.code.display_name();
    let inlined = frame.code.functions.iter().filter_map(|i| i.function.as_deref());
    inlined.chain(by_symbol.as_deref()).any(|n| {
        let n = n.strip_prefix("__rustc::").unwrap_or(n);
        n == name || name.contains("::") && n.starts_with(name)
    })
}

/// A `core::panic::Location { file: &str, line: u32, col: u32 }` that one of the frame's registers points to.
fn location(scene: &Scene<'_>, frame: &SceneFrame<'_>) -> Option<String> {
    let (memory, abi) = (&scene.facts.target.memory, &scene.facts.target.abi);
    let regs = frame.frame.registers.as_deref()?;
    let passed = (0..3).filter_map(|i| scene.argument(frame, i));
    regs.callee_saved().chain(passed).find_map(|value| {
        let at = Addr(value);
        let word = |offset, width| memory.read_uint(abi, at.checked_add(offset)?, width).ok();
        let (file, len, line, column) = (word(0, 8)?, word(8, 8)?, word(16, 4)?, word(20, 4)?);
        if !(4..=MAX_PATH).contains(&len) || line == 0 || line > 1 << 24 || column > 1 << 16 {
            return None;
        }
        let file = String::from_utf8(memory.read_vec(Addr(file), len).ok()?).ok()?;
        file.ends_with(".rs").then(|| format!("{file}:{line}:{column}"))
    })
}
