//! Where the memory of a process is: each range of writable memory with its owner.

use super::heap::Missing;
use super::heap_answers::{CensusOrder, coverage, rows};
use super::memory_account::{Account, read};
use super::native_waits::has_musl;
use super::{Inspection, heap_native, runtime_code};
use crate::base::{Addr, Diagnostic, DiagnosticCode};
use crate::cpython::object::Kind;
use crate::cpython::runtime::threads;
use crate::debuggee::{Segment, Target};
use crate::heap::{Census, Filter, FreeList, HeapState, OwnedRange, PythonMemory};
use crate::model::address::BufferKind;
use crate::model::heap::HEAP_SCHEMA_VERSION;
use crate::model::memory::{
    MallocMapped, MemoryAnswer, MemoryBuffers, MemoryFile, MemoryFiles, MemoryFreeList, MemoryOwner, MemoryPin,
};
use std::collections::{BTreeMap, HashSet};

/// Types that are told of.
const TYPES: usize = 10;
/// Mapped files that are.
const FILES: usize = 5;
/// A part of the written bytes that may stay unexplained without a look at all buffers of objects.
const SMALL_PART: u64 = 64;
/// Allocators that are not read, and are in the names of their files.
const OTHER_MALLOCS: [&str; 3] = ["jemalloc", "tcmalloc", "mimalloc"];

/// Bytes by owner.
#[must_use]
pub fn memory(inspection: &Inspection, state: &HeapState<'_>, missing: Missing) -> MemoryAnswer {
    let target = inspection.target();
    let PythonMemory { mut ranges, pymalloc, mimalloc, sparse } = state.python_memory();
    let pinned_by = pins(state, sparse);
    let free_lists = free_lists(inspection, state);
    let data = || inspection.images().static_data();
    let (arenas, malloc) = state.malloc_memory(data());
    ranges.extend(arenas);
    for (start, bytes) in data() {
        ranges.push(OwnedRange::whole(start, start.saturating_add(bytes), MemoryOwner::StaticData));
    }
    let segments: Vec<&Segment> =
        target.memory.segments().iter().filter(|s| s.protection.write && read(s) > 0).collect();
    let stacks = stacks(inspection, &segments);
    // What is known first counts: stacks end where an allocator's range begins in the same mapping.
    let mut account = Account::new(state, &segments);
    let all = account.all();
    for range in &ranges {
        account.own(range);
    }
    let mut mapped = MallocMapped::default();
    if !malloc.is_empty() {
        for gap in account.gaps() {
            for (start, end) in state.malloc_mapped(gap.0, gap.1) {
                account.own_whole((start, end), MemoryOwner::MallocMapped);
                mapped.blocks = mapped.blocks.saturating_add(1);
                mapped.bytes = mapped.bytes.saturating_add(end.saturating_sub(start));
            }
        }
    }
    // Stacks come last: their mappings may hold large blocks of malloc too.
    for range in &stacks {
        account.own(range);
    }
    let mut other_malloc = None;
    if account.unexplained() > all.1 / SMALL_PART {
        other_malloc = elsewhere(&mut account, state, target);
    }
    for file in &target.mapped_files {
        account.own_inside((file.start.0, file.end.0), MemoryOwner::MappedFiles);
    }
    for segment in segments.iter().filter(|segment| segment.protection.execute) {
        account.own_inside((segment.start.0, segment.end().0), MemoryOwner::Code);
    }
    account.own_untouched();
    for list in &free_lists {
        let of = if mimalloc.is_some() { MemoryOwner::MimallocUsed } else { MemoryOwner::PymallocUsed };
        account.give(of, MemoryOwner::FreeLists, list.bytes, list.objects);
    }
    let owners = account.owners(all);
    let unknown = owners.iter().find(|row| row.owner == MemoryOwner::Unknown);
    let (bytes, written) = unknown.map_or((0, 0), |row| (row.bytes, row.written));
    let census = Census::new(state, &Filter::default(), &|_| true);
    MemoryAnswer {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        coverage: coverage(state, missing),
        bytes: all.0,
        explained: all.0.saturating_sub(bytes),
        written: all.1,
        explained_written: all.1.saturating_sub(written),
        owners,
        other_malloc,
        buffers: array_data(state),
        types: rows(state, &census, CensusOrder::Bytes, TYPES),
        pymalloc,
        mimalloc,
        free_lists,
        files: files(target),
        code: runtime_code::code(inspection, state),
        pinned_by,
        malloc_mapped: (!malloc.is_empty()).then_some(mapped),
        malloc,
        diagnostics: target.diagnostics.to_vec(),
    }
}

/// What CPython's free lists hold.
fn free_lists(inspection: &Inspection, state: &HeapState<'_>) -> Vec<MemoryFreeList> {
    let interpreters: Vec<Addr> =
        inspection.python().map(|p| p.interpreters().iter().map(|i| i.addr).collect()).unwrap_or_default();
    let ctx = &state.heap().ctx;
    let of_threads = |at: &Addr| threads(ctx, *at, usize::MAX, |_| true, &inspection.target().diagnostics).threads;
    let states: Vec<Addr> = interpreters.iter().flat_map(of_threads).map(|thread| thread.addr).collect();
    let row = |list: FreeList| MemoryFreeList { kind: list.kind.to_owned(), objects: list.objects, bytes: list.bytes };
    let python = inspection.python().and_then(|python| inspection.images().get(python.located.module?));
    let lists = state.free_lists(&interpreters, &states, |source, name| python?.static_variable(source, name));
    if lists.is_none() {
        let text = "freed objects that CPython keeps count as blocks in use: their lists are static variables of this version, which \
                    only symbols that name their source files lead to";
        inspection.target().diagnostics.push(Diagnostic::note(DiagnosticCode::FreeListsUnknown, text));
    }
    lists.unwrap_or_default().into_iter().map(row).collect()
}

/// What arrays and tensors own beside themselves.
fn array_data(state: &HeapState<'_>) -> Vec<MemoryBuffers> {
    let (mut found, mut seen) = (BTreeMap::<u32, (u64, u64)>::new(), HashSet::new());
    let holds = |kind: Kind| matches!(kind, Kind::NumpyArray | Kind::Tensor);
    for object in state.objects().iter() {
        if !state.shape(object.type_id).is_some_and(|shape| holds(shape.kind)) {
            continue;
        }
        for buffer in state.buffers(object).into_iter().filter(|buffer| buffer.holds == BufferKind::Items) {
            if seen.insert(buffer.start) {
                let (buffers, bytes) = found.entry(object.type_id).or_default();
                (*buffers, *bytes) = (buffers.saturating_add(1), bytes.saturating_add(buffer.bytes));
            }
        }
    }
    let row = |(type_id, (buffers, bytes)): (u32, (u64, u64))| {
        let name = state.shape(type_id).map_or_else(String::new, |shape| shape.name.clone());
        MemoryBuffers { name, buffers, bytes }
    };
    let mut rows: Vec<MemoryBuffers> = found.into_iter().map(row).collect();
    rows.sort_by(|a, b| (b.bytes, &a.name).cmp(&(a.bytes, &b.name)));
    rows
}

/// What is mapped from files.
fn files(target: &Target) -> Option<MemoryFiles> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for file in &target.mapped_files {
        let sum = sums.entry(file.path.as_str()).or_default();
        *sum = sum.saturating_add(file.end.0.saturating_sub(file.start.0));
    }
    let bytes = sums.values().copied().fold(0, u64::saturating_add);
    let files = sums.len() as u64;
    let mut largest: Vec<MemoryFile> =
        sums.into_iter().map(|(path, bytes)| MemoryFile { path: path.to_owned(), bytes }).collect();
    largest.sort_by_key(|file| std::cmp::Reverse(file.bytes));
    largest.truncate(FILES);
    (files > 0).then_some(MemoryFiles { files, bytes, largest })
}

/// Stacks, and what of their mappings is not in use now.
fn stacks(inspection: &Inspection, segments: &[&Segment]) -> Vec<OwnedRange> {
    let mut stacks = Vec::new();
    for stack in heap_native::memory(inspection) {
        let heap_native::Owner::Stack(_) = stack.what else { continue };
        let end = stack.start.saturating_add(stack.size);
        stacks.push(OwnedRange::whole(stack.start, end, MemoryOwner::Stacks));
        if let Some(segment) = segments.iter().find(|s| s.start.0 < stack.start && stack.start < s.end().0) {
            stacks.push(OwnedRange::whole(segment.start.0, stack.start, MemoryOwner::StacksUnused));
        }
    }
    stacks
}

/// Gives what has no owner yet to the objects of Python that own it; where that is in mappings of an allocator that is not
/// read, gives it the rest of these, and tells which it is.
fn elsewhere(account: &mut Account<'_>, state: &HeapState<'_>, target: &Target) -> Option<String> {
    let gaps = account.gaps();
    let is_free = |start: u64| {
        let after = gaps.partition_point(|gap| gap.0 <= start);
        after.checked_sub(1).and_then(|index| gaps.get(index)).is_some_and(|gap| start < gap.1)
    };
    let mappings = account.mappings().to_vec();
    let mut holds = vec![false; mappings.len()];
    for found in state.objects().iter() {
        let own = state.own_range(found);
        let buffers = state.buffers(found).into_iter().map(|buffer| (buffer.start, buffer.bytes));
        for (start, bytes) in buffers.chain([own]).filter(|(start, _)| is_free(*start)) {
            let at = mappings.partition_point(|mapping| mapping.0 <= start).saturating_sub(1);
            let Some(mapping) = mappings.get(at) else { continue };
            let end = start.saturating_add(bytes).min(mapping.1);
            if account.own_whole((start, end), MemoryOwner::ObjectsElsewhere) > 0
                && let Some(holds) = holds.get_mut(at)
            {
                *holds = true;
            }
        }
    }
    let is_loaded = |name: &&&str| target.modules.iter().any(|module| module.file_name().contains(**name));
    let name = OTHER_MALLOCS.iter().find(is_loaded).copied();
    let name = name.or_else(|| has_musl(target).then_some("musl"))?.to_owned();
    for (mapping, _) in mappings.iter().zip(&holds).filter(|(_, holds)| **holds) {
        account.own_whole(*mapping, MemoryOwner::OtherMalloc);
    }
    Some(name)
}

/// The types of the objects in arenas of pymalloc or pages of mimalloc that are less than a quarter full.
fn pins(state: &HeapState<'_>, mut sparse: Vec<(u64, u64)>) -> Vec<MemoryPin> {
    sparse.sort_unstable();
    // Objects come by address: those of one arena after another.
    let mut found: BTreeMap<u32, (u64, u64, usize)> = BTreeMap::new();
    for object in state.objects().iter().take_while(|_| !sparse.is_empty()) {
        let after = sparse.partition_point(|arena| arena.0 <= object.addr);
        if after.checked_sub(1).and_then(|at| sparse.get(at)).is_some_and(|arena| object.addr < arena.1) {
            let (objects, arenas, last) = found.entry(object.type_id).or_default();
            *objects = objects.saturating_add(1);
            if *last != after {
                *arenas = arenas.saturating_add(1);
            }
            *last = after;
        }
    }
    let name = |type_id: u32| state.shape(type_id).map_or_else(String::new, |shape| shape.name.clone());
    let mut pins: Vec<MemoryPin> = found
        .into_iter()
        .map(|(type_id, (objects, arenas, _))| MemoryPin { name: name(type_id), objects, arenas })
        .collect();
    pins.sort_by(|a, b| (b.arenas, b.objects, &a.name).cmp(&(a.arenas, a.objects, &b.name)));
    pins.truncate(TYPES);
    pins
}
