//! Code that was made at run time: executable memory of no file.

use super::Inspection;
use crate::base::Addr;
use crate::debuggee::{MemoryExt as _, Segment, Target};
use crate::heap::HeapState;
use crate::model::memory::{MemoryCode, MemoryTrampolines};

/// Trampolines begin at multiples of this (Python/perf_trampoline.c, `round_up(code_size, 16)`).
const ALIGNMENT: u64 = 16;
/// No template of a trampoline is longer.
const LONGEST: u64 = 4096;

/// All of it; `None` where there is none.
pub(super) fn code(inspection: &Inspection, state: &HeapState<'_>) -> Option<MemoryCode> {
    let target = inspection.target();
    let is_of_file = |segment: &Segment| {
        let holds = |start: Addr, end: Addr| start < segment.end() && segment.start < end;
        target.mapped_files.iter().any(|file| holds(file.start, file.end))
            || target.modules.iter().any(|module| module.contains(segment.start))
    };
    let template = template(inspection, target);
    let mut found = MemoryCode::default();
    for segment in target.memory.segments().iter().filter(|s| s.protection.execute && s.available > 0 && !is_of_file(s))
    {
        found.mappings = found.mappings.saturating_add(1);
        found.bytes = found.bytes.saturating_add(segment.size);
        let count = template.as_deref().map_or(0, |template| trampolines(state, segment, template));
        if count > 0 {
            let MemoryTrampolines { mappings, bytes, count: all } = found.perf_trampolines;
            found.perf_trampolines = MemoryTrampolines {
                mappings: mappings.saturating_add(1),
                bytes: bytes.saturating_add(segment.size),
                count: all.saturating_add(count),
            };
        }
    }
    (found.mappings > 0).then_some(found)
}

/// What each trampoline is a copy of (Python/asm_trampoline.S).
fn template(inspection: &Inspection, target: &Target) -> Option<Vec<u8>> {
    let find = |name| inspection.images().find_symbol(target, name).first().map(|hit| hit.addr);
    let (start, end) = (find("_Py_trampoline_func_start")?, find("_Py_trampoline_func_end")?);
    let bytes = end.distance_from(start).filter(|bytes| (1..LONGEST).contains(bytes))?;
    target.memory.read_vec(start, bytes).ok()
}

/// How many copies of a template a mapping begins with.
fn trampolines(state: &HeapState<'_>, segment: &Segment, template: &[u8]) -> u64 {
    let step = (template.len() as u64).next_multiple_of(ALIGNMENT);
    let most = segment.size / step.max(1);
    let is_one = |index: &u64| {
        let at = segment.start.0.saturating_add(index.saturating_mul(step));
        state.bytes(at, template.len() as u64).is_some_and(|bytes| *bytes == *template)
    };
    (0..most).take_while(is_one).count() as u64
}
