//! References that native code holds: words of its stacks, registers and static variables.

use super::Inspection;
use crate::arch;
use crate::base::Addr;
use crate::debuggee::{NativeThread, Segment, Target};
use crate::heap::{HeapState, NativeMemory, ObjectId, Root, native_root, native_roots};
use crate::image::Images;
use std::collections::HashSet;

/// Bytes under the stack pointer that a leaf function may use (x86-64 psABI, red zone).
const RED_ZONE: u64 = 128;
const PAGE: u64 = 4096;

/// Memory that native code owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Stack of the thread of this id.
    Stack(u64),
    /// Static variables of this module (index in the list of modules).
    Module(usize),
}

/// Stacks in use, each once, then static variables of all modules.
#[must_use]
pub fn memory(inspection: &Inspection) -> Vec<NativeMemory<Owner>> {
    memory_of(inspection.target(), inspection.images())
}

/// The same of a process that is looked at in parts.
pub(super) fn memory_of(target: &Target, images: &Images) -> Vec<NativeMemory<Owner>> {
    let mut found = Vec::new();
    for thread in &target.threads {
        let Some(sp) = thread.registers.as_ref().and_then(|r| r.sp()) else { continue };
        let Some(segment) = target.memory.segment_at(sp).filter(|s| s.protection.write) else { continue };
        let start = Addr(sp.0.saturating_sub(RED_ZONE)).max(segment.start);
        let size = stack_end(target, thread, segment).saturating_sub(start.0);
        found.push(NativeMemory { what: Owner::Stack(thread.tid), start: start.0, size });
    }
    for image in images.iter() {
        let ranges = image.static_data().into_iter();
        found.extend(ranges.map(|(start, size)| NativeMemory {
            what: Owner::Module(image.module),
            start: start.0,
            size,
        }));
    }
    found
}

/// Where a stack ends: what follows in the same mapping is another one, which the kernel has joined with it.
fn stack_end(target: &Target, thread: &NativeThread, segment: &Segment) -> u64 {
    let end = segment.end().0;
    let sp = thread.registers.as_ref().and_then(|r| r.sp());
    let own = thread.tls_base.filter(|tls| segment.start <= *tls && tls.0 < end && sp.is_some_and(|sp| sp < *tls));
    match (own, arch::cpu(target.abi.arch).thread_pointer.descriptor) {
        (Some(tls), Some(descriptor)) => {
            let after = tls.0.saturating_add(descriptor).checked_next_multiple_of(PAGE);
            after.map_or(end, |after| end.min(after))
        }
        _ => end,
    }
}

/// Roots that native code may have, of objects that are `wanted`: one for each object.
#[must_use]
pub fn roots(inspection: &Inspection, state: &HeapState<'_>, wanted: impl Fn(ObjectId) -> bool) -> Vec<Root> {
    let target = inspection.target();
    let mut found = Vec::new();
    let mut known = HashSet::new();
    for thread in &target.threads {
        let registers = thread.registers.iter().flat_map(|registers| &registers.values);
        for (register, value) in registers {
            if let Some(object) = state.objects().at(*value)
                && wanted(object)
                && known.insert(object)
            {
                found.push(native_root(format!("thread {}: register {register}", thread.tid), object));
            }
        }
    }
    let memory = memory(inspection);
    for (index, at, object) in native_roots(state, &memory, |object| wanted(object) && !known.contains(&object)) {
        let Some(range) = memory.get(index) else { continue };
        found.push(native_root(place(inspection, range.what, Addr(range.start), Addr(at)), object));
    }
    found
}

/// A word of native memory, for people: `thread 12: C stack +0x1f8`, `C variable cache of _foo.so`.
fn place(inspection: &Inspection, owner: Owner, start: Addr, at: Addr) -> String {
    let target = inspection.target();
    match owner {
        Owner::Stack(tid) => {
            // The range begins with the red zone, offsets with the stack pointer.
            let sp = target.thread(tid).and_then(|t| t.registers.as_ref()?.sp()).unwrap_or(start);
            match at.distance_from(sp) {
                Some(offset) => format!("thread {tid}: C stack +{offset:#x}"),
                None => format!("thread {tid}: C stack, red zone"),
            }
        }
        Owner::Module(module) => static_variable(inspection, target, module, at),
    }
}

fn static_variable(inspection: &Inspection, target: &Target, module: usize, at: Addr) -> String {
    let Some(of) = target.modules.get(module) else { return format!("C variable at {at}") };
    match inspection.images().symbol_at(target, at) {
        Some(symbol) if symbol.offset == 0 => format!("C variable {} of {}", symbol.name, of.file_name()),
        Some(symbol) => format!("C variable {}+{:#x} of {}", symbol.name, symbol.offset, of.file_name()),
        None => {
            let offset = at.distance_from(of.base).unwrap_or(0);
            format!("C variable of {} at +{offset:#x}", of.file_name())
        }
    }
}
