//! Whether a heap is whole, with names: where damage begins, in what, and what is before it.

use super::Inspection;
use super::heap::{Missing, Process};
use super::heap_answers::{coverage, object};
use crate::base::Addr;
use crate::debuggee::MemoryExt as _;
use crate::heap::{Block, Damage, HeapState, Integrity, Root};
use crate::model::address::BlockState;
use crate::model::heap::HEAP_SCHEMA_VERSION;
use crate::model::integrity::{DamagePlace, HeapCheck, HeapDamage};

/// Bytes of a damage that are shown.
const SHOWN: u64 = 16;

/// Examines the heap; at most `limit` damages are named.
#[must_use]
pub fn check(inspection: &Inspection, state: &HeapState<'_>, missing: Missing, limit: usize) -> HeapCheck {
    let process = Process::of(inspection);
    let roots = process.roots(state);
    check_of(&process, state, missing, (Some(&roots[..]), limit))
}

/// The same of a process that is looked at in parts; references are followed only where there are `roots`.
pub(super) fn check_of(
    process: &Process<'_>,
    state: &HeapState<'_>,
    missing: Missing,
    (roots, limit): (Option<&[Root]>, usize),
) -> HeapCheck {
    let Process { images, python, diagnostics, .. } = *process;
    let runtime = python.and_then(|python| python.located.runtime);
    let data = images.static_data();
    let Integrity { examined, damages } = state.check(roots, (runtime, process.interpreters()), data, diagnostics);
    HeapCheck {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        coverage: coverage(state, missing),
        examined,
        total: damages.len() as u64,
        damages: damages.iter().take(limit).map(|damage| named(process, state, damage)).collect(),
        diagnostics: diagnostics.to_vec(),
    }
}

fn named(process: &Process<'_>, state: &HeapState<'_>, damage: &Damage) -> HeapDamage {
    let memory = &process.target.memory;
    // The whole word, as it would be read.
    let at = damage.at & !7;
    let bytes = memory.read_vec(Addr(at), SHOWN).unwrap_or_default();
    let is_text = bytes.len() >= 8 && bytes.iter().take(8).all(|byte| matches!(byte, 0x20..=0x7e));
    HeapDamage {
        kind: damage.kind,
        at: Addr(damage.at),
        bytes: bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
        text: is_text.then(|| {
            bytes.iter().take_while(|byte| matches!(byte, 0x20..=0x7e)).map(|byte| char::from(*byte)).collect()
        }),
        place: place(process, state, damage.from, Some(damage.bytes)),
        before: damage.from.checked_sub(1).and_then(|at| place(process, state, at, None)),
    }
}

/// The block that holds `addr`, with what it holds. `bytes`: those of a place that no allocator tells of.
fn place(process: &Process<'_>, state: &HeapState<'_>, addr: u64, bytes: Option<u64>) -> Option<DamagePlace> {
    let data = process.images.static_data();
    let mapping = process.target.memory.segment_at(Addr(addr)).map(|s| (s.start.0, s.end().0));
    let block = state.block_around(addr, data, mapping);
    // Of a block the object may be anywhere: debug hooks put marks around it.
    let in_block = |block: &Block| {
        let next = state.objects().get(state.objects().first_after(block.start))?;
        (next.addr.wrapping_sub(block.start) < block.bytes).then_some(next)
    };
    let at_start = |block: &Block| state.at(Addr(block.start));
    let used = block.filter(|block| block.state == BlockState::InUse);
    let of_block = || used.as_ref().and_then(|block| at_start(block).or_else(|| in_block(block)));
    let inside = state.object_around(addr).or_else(of_block);
    let buffer = if inside.is_none() { buffer(state, addr, block) } else { None };
    let holder = inside.or(buffer.map(|(found, _)| found));
    let own = inside.map(|found| state.own_range(found)).or(buffer.map(|(_, buffer)| (buffer.start, buffer.bytes)));
    let (start, size) = block.map(|block| (block.start, block.bytes)).or(own).or(bytes.map(|bytes| (addr, bytes)))?;
    let ghost = block.filter(|block| block.state == BlockState::Free && holder.is_none()).and_then(|b| state.ghost(b));
    Some(DamagePlace {
        start: Addr(start),
        bytes: size,
        allocator: block.map(|block| block.allocator),
        state: block.map(|block| block.state),
        object: holder.map(|found| object(state, found, state.size(found))),
        holds: buffer.map(|(_, buffer)| buffer.holds),
        was: ghost.and_then(|type_id| Some(state.shape(type_id)?.name.clone())),
    })
}

/// The buffer around an address, or the one that the block around it holds: the last bytes of a block belong to nobody.
fn buffer(state: &HeapState<'_>, addr: u64, block: Option<Block>) -> Option<(crate::heap::Found, crate::heap::Buffer)> {
    let in_use = block.filter(|block| block.state == BlockState::InUse);
    state.buffer_around(addr).or_else(|| state.buffer_in(in_use?.start, in_use?.bytes))
}
