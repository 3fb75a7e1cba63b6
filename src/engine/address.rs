//! What an address is: object, buffer, block, stack, state, symbol, mapping.

use super::heap::HeapLookError;
use super::heap_answers::object;
use super::{Inspection, PythonState};
use crate::base::Addr;
use crate::debuggee::{Memory as _, Target};
use crate::heap::{Found, HeapState};
use crate::model::address::{AddressAnswer, AddressFact, BlockState, NativeFrameName, UnmappedKind};
use crate::model::heap::HEAP_SCHEMA_VERSION;
use crate::native::ModuleTables;
use crate::native::demangle::demangle;
use crate::native::symbolize::{Lines, Symbolizer};
use crate::stack::native_stacks;

/// Bytes under the stack pointer that are taken for a part of a stack: left over from calls that have returned.
const UNDER_STACK: u64 = 1 << 20;
/// Bytes at address 0 that systems do not map.
const NULL_PAGES: u64 = 1 << 16;

/// All that is known of `addr`.
#[must_use]
pub fn what(inspection: &Inspection, addr: Addr) -> AddressAnswer {
    let target = inspection.target();
    let mut facts = Vec::new();
    let heap = inspection.heap_if_any(|state, _| {
        heap_facts(inspection, state, addr, &mut facts);
        state.must_be_there()
    });
    let no_heap = heap.and_then(|there| there.map_err(HeapLookError::from)).err();
    if let Some(python) = inspection.python() {
        state_facts(python, addr, &mut facts);
    }
    thread_facts(inspection, addr, &mut facts);
    if let Some(symbol) = inspection.images().symbol_at(target, addr)
        && let Some(module) = target.modules.get(symbol.module)
    {
        let (name, module) = (demangle(&symbol.name), module.file_name().to_owned());
        facts.push(AddressFact::Symbol { name, module, offset: symbol.offset });
    }
    facts.push(mapping(inspection, addr));
    AddressAnswer {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        address: addr,
        facts,
        no_heap: no_heap.map(|error| error.to_string()),
        diagnostics: target.diagnostics.to_vec(),
    }
}

fn heap_facts(inspection: &Inspection, state: &HeapState<'_>, addr: Addr, facts: &mut Vec<AddressFact>) {
    let shown = |found: Found| object(state, found, state.size(found));
    let inside = state.object_around(addr.0);
    if let Some(found) = inside {
        let offset = addr.0.wrapping_sub(found.addr).cast_signed();
        facts.push(AddressFact::Object { object: shown(found), offset });
    } else if let Some((found, buffer)) = state.buffer_around(addr.0) {
        facts.push(AddressFact::Buffer {
            holds: buffer.holds,
            start: Addr(buffer.start),
            bytes: buffer.bytes,
            offset: addr.0.wrapping_sub(buffer.start),
            object: shown(found),
        });
    }
    let data = inspection.images().static_data();
    let mapping = inspection.target().memory.segment_at(addr).map(|s| (s.start.0, s.end().0));
    if let Some(block) = state.block_around(addr.0, data, mapping) {
        let ghost = state.ghost(block).filter(|_| inside.is_none() && block.state == BlockState::Free);
        facts.push(AddressFact::Block {
            allocator: block.allocator,
            state: block.state,
            start: Addr(block.start),
            bytes: block.bytes,
            offset: addr.0.wrapping_sub(block.start),
            was: ghost.and_then(|type_id| Some(state.shape(type_id)?.name.clone())),
        });
    }
}

fn state_facts(python: PythonState<'_>, addr: Addr, facts: &mut Vec<AddressFact>) {
    let layouts = python.context().layouts;
    let within = |start: Addr, size: Option<u64>| addr.distance_from(start).filter(|n| size.is_some_and(|s| *n < s));
    for thread in python.threads() {
        let size = layouts.thread_impl.size.offset().or(layouts.thread.size.offset());
        if let Some(offset) = within(thread.state.addr, size) {
            facts.push(AddressFact::ThreadState { tid: python.tid(&thread), offset });
        }
    }
    for interpreter in python.interpreters() {
        if let Some(offset) = within(interpreter.addr, layouts.interpreter.size.offset()) {
            facts.push(AddressFact::InterpreterState { id: interpreter.id, offset });
        }
    }
    if let Some(runtime) = python.located.runtime
        && let Some(offset) = within(runtime, layouts.runtime.size.offset())
    {
        facts.push(AddressFact::Runtime { offset });
    }
}

fn thread_facts(inspection: &Inspection, addr: Addr, facts: &mut Vec<AddressFact>) {
    let target = inspection.target();
    for thread in &target.threads {
        let registers = thread.registers.iter().flat_map(|r| &r.values);
        let names: Vec<String> =
            registers.filter(|(_, value)| *value == addr.0).map(|(name, _)| (*name).to_owned()).collect();
        if !names.is_empty() && !addr.is_null() {
            facts.push(AddressFact::Registers { tid: thread.tid, names });
        }
    }
    let segment = target.memory.segment_at(addr);
    let stacks = target.threads.iter().filter_map(|thread| {
        let sp = thread.registers.as_ref()?.sp()?;
        let here = segment.is_some_and(|s| s.start <= sp && sp < s.end());
        (here && sp.0.saturating_sub(addr.0) <= UNDER_STACK).then_some((thread.tid, sp))
    });
    // Of several stacks in one mapping the one that begins last before the address.
    let of = stacks.max_by_key(|(_, sp)| (*sp <= addr, if *sp <= addr { sp.0 } else { u64::MAX.wrapping_sub(sp.0) }));
    if let Some((tid, sp)) = of {
        let offset = addr.0.wrapping_sub(sp.0).cast_signed();
        facts.push(AddressFact::Stack { tid, offset, frame: frame(inspection, tid, addr) });
    }
}

/// The native frame whose part of the stack holds `addr`.
fn frame(inspection: &Inspection, tid: u64, addr: Addr) -> Option<NativeFrameName> {
    let target = inspection.target();
    let tables = ModuleTables::new(target);
    let lines = Lines::Except((0..target.modules.len()).collect());
    let symbolizer = Symbolizer::new(target, &tables, inspection.images(), lines);
    let stacks = native_stacks(target, &tables, &symbolizer, Some(tid));
    let stack = stacks.first()?;
    let holds = |f: &crate::native::unwind::UnwoundFrame| f.sp <= addr && f.cfa.is_some_and(|cfa| addr < cfa);
    let index = stack.unwound.frames.iter().position(holds)?;
    let function = stack.symbols.get(index).and_then(|symbol| symbol.display_name());
    Some(NativeFrameName { index: index as u64, function })
}

fn mapping(inspection: &Inspection, addr: Addr) -> AddressFact {
    let target = inspection.target();
    let Some(segment) = target.memory.segment_at(addr) else {
        let segments = target.memory.segments();
        let after = segments.iter().map(|s| s.end()).filter(|end| *end <= addr).max();
        let before = segments.iter().map(|s| s.start).filter(|start| *start > addr).min();
        return AddressFact::Unmapped { why: why_unmapped(target, addr), after, before };
    };
    let image = inspection.images().at(addr).and_then(|image| target.modules.get(image.module));
    let path = target.module_at(addr).or(image).map(|module| module.path.clone());
    let rights = segment.protection;
    let letter = |set: bool, letter: char| if set { letter } else { '-' };
    AddressFact::Mapping {
        start: segment.start,
        end: segment.end(),
        rights: [letter(rights.read, 'r'), letter(rights.write, 'w'), letter(rights.execute, 'x')].iter().collect(),
        path,
        readable: target.memory.read(addr, &mut [0]).is_ok(),
    }
}

fn why_unmapped(target: &Target, addr: Addr) -> UnmappedKind {
    // `PYMEM_CLEANBYTE`, `PYMEM_DEADBYTE`, `PYMEM_FORBIDDENBYTE` (Objects/obmalloc.c).
    let debug = [0xcd, 0xdd, 0xfd].map(|byte| u64::from_le_bytes([byte; 8]));
    // A field of what such a pointer leads to.
    let near = |bytes: &u64| addr.0.wrapping_sub(*bytes) < NULL_PAGES;
    match addr.0 {
        0 => UnmappedKind::Null,
        1..NULL_PAGES => UnmappedKind::NearNull,
        _ if debug.iter().any(near) => UnmappedKind::DebugBytes,
        _ if !is_canonical(target, addr) => UnmappedKind::NotCanonical,
        _ => UnmappedKind::Nothing,
    }
}

/// Whether the processor can have such an address.
fn is_canonical(target: &Target, addr: Addr) -> bool {
    let top = addr.0.cast_signed() >> crate::arch::cpu(target.abi.arch).address_bits;
    top == 0 || top == -1
}
