//! Code that was made at run time: executable memory of no file.

use super::Inspection;
use crate::base::Addr;
use crate::debuggee::{MemoryExt as _, Segment, Target};
use crate::heap::HeapState;
use crate::model::memory::MemoryCode;

/// Trampolines of 3.13 and later begin at multiples of this (Python/perf_trampoline.c, `round_up`).
const ALIGNMENT: u64 = 16;
/// Addresses from here on are the kernel's: the page for old system calls of x86-64 is one of them, and in each core
/// (`VSYSCALL_ADDR`, arch/x86/include/uapi/asm/vsyscall.h).
const KERNEL: u64 = 1 << 63;
/// No template of a trampoline is longer.
const LONGEST: u64 = 4096;
/// An arena has 64 KiB.
const MAX_ARENA: u64 = 1 << 20;
/// More than a program has functions for.
const MAX_ARENAS: usize = 1 << 16;

/// All of it; `None` where there is none.
pub(super) fn code(inspection: &Inspection, state: &HeapState<'_>) -> Option<MemoryCode> {
    let target = inspection.target();
    let is_of_file = |segment: &Segment| {
        let holds = |start: Addr, end: Addr| start < segment.end() && segment.start < end;
        target.mapped_files.iter().any(|file| holds(file.start, file.end))
            || target.modules.iter().any(|module| module.contains(segment.start))
    };
    let arenas = arenas(inspection, state);
    let mut found = MemoryCode::default();
    let is_made = |s: &&Segment| s.protection.execute && s.available > 0 && s.start.0 < KERNEL && !is_of_file(s);
    for segment in target.memory.segments().iter().filter(is_made) {
        found.mappings = found.mappings.saturating_add(1);
        found.bytes = found.bytes.saturating_add(segment.size);
        let inside = arenas.iter().filter(|arena| (segment.start..segment.end()).contains(&Addr(arena.start)));
        let (perf, mut has_any) = (&mut found.perf_trampolines, false);
        for arena in inside {
            (perf.count, has_any) = (perf.count.saturating_add(arena.used), true);
        }
        if has_any {
            perf.mappings = perf.mappings.saturating_add(1);
            perf.bytes = perf.bytes.saturating_add(segment.size);
        }
    }
    (found.mappings > 0).then_some(found)
}

/// Memory that CPython has filled with copies of a trampoline, of which functions get one after the other.
struct CodeArena {
    start: u64,
    /// How many functions have one.
    used: u64,
    previous: u64,
}

/// The arenas of trampolines: a word of the runtime leads to the last (`_PyRuntime.ceval.perf.code_arena`, 3.12+), and that to the one
/// before. Where that word is differs between builds: it is the one that leads to an arena.
fn arenas(inspection: &Inspection, state: &HeapState<'_>) -> Vec<CodeArena> {
    let Some(template) = template(inspection, inspection.target()) else { return Vec::new() };
    let Some((runtime, size)) = inspection.python().and_then(|python| {
        let size = state.heap().ctx.layouts.runtime.size.offset()?;
        Some((python.located.runtime?, size))
    }) else {
        return Vec::new();
    };
    let mut words = Vec::new();
    state.words(runtime.0, size / 8, |word| words.push(word));
    let mut next = words.into_iter().find_map(|word| CodeArena::read(state, word, &template));
    let mut arenas = Vec::new();
    while let Some(arena) = next.take().filter(|_| arenas.len() < MAX_ARENAS) {
        next = CodeArena::read(state, arena.previous, &template);
        arenas.push(arena);
    }
    arenas
}

impl CodeArena {
    /// `struct code_arena_st` (Python/perf_trampoline.c): start, end of what is used, bytes, bytes left, bytes of a trampoline, the arena
    /// before.
    fn read(state: &HeapState<'_>, at: u64, template: &[u8]) -> Option<CodeArena> {
        if at == 0 || at & 7 != 0 {
            return None;
        }
        let mut words = Vec::new();
        state.words(at, 6, |word| words.push(word));
        let [start, current, bytes, left, code_bytes, previous] = words[..] else { return None };
        let used = current.checked_sub(start)?;
        if code_bytes != template.len() as u64 || used.checked_add(left)? != bytes || bytes > MAX_ARENA {
            return None;
        }
        let is_copy = |at: u64| state.bytes(at, code_bytes).is_some_and(|bytes| *bytes == *template);
        // Each begins where the one before ends (3.12), or at the next multiple of 16 after it and what pads it.
        let aligned = code_bytes.next_multiple_of(ALIGNMENT);
        let mut steps = std::iter::once(code_bytes).chain((aligned..LONGEST).step_by(ALIGNMENT as usize));
        let step = steps.find(|step| is_copy(start.wrapping_add(*step)))?;
        (is_copy(start) && used.is_multiple_of(step)).then_some(CodeArena { start, used: used / step, previous })
    }
}

/// What each trampoline is a copy of (Python/asm_trampoline.S).
fn template(inspection: &Inspection, target: &Target) -> Option<Vec<u8>> {
    let find = |name| inspection.images().find_symbol(target, name).first().map(|hit| hit.addr);
    let (start, end) = (find("_Py_trampoline_func_start")?, find("_Py_trampoline_func_end")?);
    let bytes = end.distance_from(start).filter(|bytes| (1..LONGEST).contains(bytes))?;
    target.memory.read_vec(start, bytes).ok()
}
