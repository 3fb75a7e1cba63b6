//! The heap of a process: all that `heap` needs of other layers is gathered here.

use super::{Inspection, PythonState, heap_native};
use crate::base::{Addr, Diagnostic, DiagnosticCode, Diagnostics};
use crate::cpython::layout::ObmallocPlace;
use crate::cpython::runtime::Interpreter;
use crate::debuggee::recorder::PageSet;
use crate::debuggee::slim_record::slim_info;
use crate::debuggee::{Crash, Deadline, Segment, Target};
use crate::heap::{Graph, HeapError, HeapState, Root, Sources, Statics, View, native_roots, roots};
use crate::image::Images;
use crate::model::SourceKind;

/// Words on top of a stack in which registers of callers are saved.
const STACK_WORDS: u64 = 128;
/// Less than this of memory that was never written to is not worth a line.
const TOLD_UNWRITTEN: u64 = 1 << 20;

/// Why there is no heap to look at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeapLookError {
    /// The process has no CPython that can be found.
    #[error("no CPython was found in the process")]
    NoPython,
    /// Its heap cannot be read.
    #[error(transparent)]
    Heap(#[from] HeapError),
}

/// What of the memory that objects can be in is missing, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Missing {
    /// Writable memory that was left out of the dump.
    pub left_out: u64,
    /// Memory that the dump was to hold and lost, because its file was cut.
    pub cut: u64,
    /// Mappings of no file of which the dump holds nothing, though it holds others: never written to, but for those that
    /// the program itself keeps out of dumps.
    pub unwritten: u64,
}

/// A process whose heap is looked at, in its parts.
pub(super) struct Process<'a> {
    pub target: &'a Target,
    pub images: &'a Images,
    pub python: Option<PythonState<'a>>,
    /// What is missing or uncertain is told here.
    pub diagnostics: &'a Diagnostics,
    /// Objects that are told of first.
    pub first: &'a [Addr],
}

impl<'a> Process<'a> {
    pub(super) fn of(inspection: &'a Inspection) -> Process<'a> {
        let (target, images, python) = (inspection.target(), inspection.images(), inspection.python());
        Process { target, images, python, diagnostics: &target.diagnostics, first: &[] }
    }

    pub(super) fn interpreters(&self) -> &'a [Interpreter] {
        self.python.map(PythonState::interpreters).unwrap_or_default()
    }

    /// Roots that are certain.
    pub(super) fn roots(&self, state: &HeapState<'_>) -> Vec<Root> {
        roots(state, self.interpreters(), self.diagnostics)
    }
}

impl Inspection {
    /// Gathers every object of the process and hands them to `look`.
    ///
    /// # Errors
    /// [`HeapLookError`] when there is no CPython, or no heap in the dump, or none that can be read.
    pub fn heap<T>(&self, look: impl FnOnce(&HeapState<'_>, Missing) -> T) -> Result<T, HeapLookError> {
        self.heap_if_any(|state, missing| {
            state.must_be_there()?;
            Ok(look(state, missing))
        })?
    }

    /// The same for questions that have an answer without the heap too: `look` asks [`HeapState::must_be_there`].
    ///
    /// # Errors
    /// [`HeapLookError`] when there is no CPython, or no heap that can be read.
    pub fn heap_if_any<T>(&self, look: impl FnOnce(&HeapState<'_>, Missing) -> T) -> Result<T, HeapLookError> {
        // What is read of a whole heap is not to be remembered for a slim dump.
        let memory = &self.target().memory;
        let recording = memory.is_recording();
        memory.stop_recording();
        let result = self.gather(look);
        if recording {
            memory.start_recording();
        }
        result
    }

    fn gather<T>(&self, look: impl FnOnce(&HeapState<'_>, Missing) -> T) -> Result<T, HeapLookError> {
        let state = self.python().ok_or(HeapLookError::NoPython)?;
        gather(self.target(), self.images(), state, &Reading::of(self.target()), look)
    }
}

/// Reads all that answers about the heap read, so that a slim dump can hold it; what the process's dump lacks of it.
///
/// # Errors
/// [`HeapLookError`] when there is no CPython, or no heap that can be read.
pub(super) fn record(target: &Target, images: &Images, state: PythonState<'_>) -> Result<Missing, HeapLookError> {
    let reading = Reading { marked: Some(target.memory.recorded()), ..Reading::of(target) };
    gather(target, images, state, &reading, |heap, missing| {
        heap.must_be_there()?;
        let graph = Graph::new(heap, roots(heap, state.interpreters(), &target.diagnostics));
        heap.read_needed();
        drop(graph);
        // Words of native code are looked for among the objects: all of them are read, whatever is found.
        drop(native_roots(heap, &heap_native::memory_of(target, images), |_| false));
        Ok(missing)
    })?
}

/// How a heap is read.
pub(super) struct Reading<'a> {
    /// Where pages that are read are marked.
    pub marked: Option<&'a PageSet>,
    /// When it ends.
    pub deadline: &'a Deadline,
    /// What is missing or uncertain is told here.
    pub diagnostics: &'a Diagnostics,
}

impl<'a> Reading<'a> {
    fn of(target: &'a Target) -> Self {
        Reading { marked: None, deadline: &target.limits.deadline, diagnostics: &target.diagnostics }
    }
}

/// Gathers every object of a process that is looked at in parts, and hands them to `look`.
pub(super) fn gather<T>(
    target: &Target,
    images: &Images,
    state: PythonState<'_>,
    reading: &Reading<'_>,
    look: impl FnOnce(&HeapState<'_>, Missing) -> T,
) -> Result<T, HeapLookError> {
    let heap = state.heap(0).ok_or(HeapLookError::NoPython)?;
    // The memory hands out no slices while it records.
    let view = View::new(heap.ctx.memory, &heap.ctx.abi).ok_or(HeapError::Abi)?;
    // A debugger is asked for what is needed alone.
    let can_search = |s: &&Segment| s.protection.write && target.source != SourceKind::Debugger;
    let mapped = target.memory.segments().iter().filter(can_search).map(|s| (s.start.0, s.available.min(s.size)));
    let is_constant = |s: &&Segment| {
        s.protection.read && !s.protection.write && !s.protection.execute && target.source != SourceKind::Debugger
    };
    let constants = target.memory.segments().iter().filter(is_constant).map(|s| (s.start.0, s.available.min(s.size)));
    let view = view.over(mapped).with_constants(constants).until(reading.deadline);
    let view = match reading.marked {
        Some(pages) => {
            target.memory.start_recording();
            view.marking(pages)
        }
        None => view,
    };
    let sources = Sources {
        runtime: state.located.runtime,
        interpreters: state.interpreters(),
        debug: state.located.flags.debug,
        statics: statics(target, images, state),
        at_hand: at_hand(target, &view),
        diagnostics: reading.diagnostics,
    };
    let missing = missing(target);
    warn(reading.diagnostics, missing);
    let objects = HeapState::read(&heap, view, &sources)?;
    Ok(look(&objects, missing))
}

/// What threads have in registers and on top of their stacks, where a signal from outside stopped them in the midst of anything.
/// A thread that faulted stands at the instruction that did it.
fn at_hand(target: &Target, view: &View<'_>) -> Vec<u64> {
    let from_outside = match &target.crash {
        Some(Crash::Signal { info, .. }) => {
            info.sender_pid.is_some_and(|pid| u64::try_from(pid).ok() != target.process.pid)
        }
        Some(_) => false,
        None => true,
    };
    let mut found = Vec::new();
    for registers in target.threads.iter().filter(|_| from_outside).filter_map(|thread| thread.registers.as_ref()) {
        found.extend(registers.values.iter().map(|(_, value)| *value));
        if let Some(sp) = registers.sp() {
            view.words(sp.0 & !7, STACK_WORDS, |_, word| found.push(word));
        }
    }
    found
}

/// The allocator's static variables, which only symbol tables of files name.
fn statics(target: &Target, images: &Images, state: PythonState<'_>) -> Statics {
    if state.located.selected.dialect.obmalloc.place != ObmallocPlace::Statics {
        return Statics::default();
    }
    let find = |name| {
        let hits = images.find_symbol(target, name);
        hits.iter().find(|hit| Some(hit.module) == state.located.module).map(|hit| hit.addr)
    };
    Statics { arenas: find("arenas"), maxarenas: find("maxarenas"), interned: find("interned") }
}

fn missing(target: &Target) -> Missing {
    // A file's mapping of which the kernel dumps nothing is as in the file: no reference was ever written to it.
    let untouched = |s: &Segment| s.dumped == 0 && target.module_at(s.start).is_some();
    let of_files = |s: &&Segment| s.protection.write && !untouched(s);
    let holds_others = target.source == SourceKind::ElfCore && target.holds_a_stack();
    let reserved = |s: &&Segment| holds_others && never_written(target, s);
    let segments = || target.memory.segments().iter().filter(of_files);
    let sum = |of: &dyn Fn(&Segment) -> u64| segments().filter(|s| !reserved(s)).map(of).fold(0, u64::saturating_add);
    let Some(dump) = target.memory.dump_bytes() else { return Missing::default() };
    // A slim dump with the heap lacks what its original did.
    if let Some(heap) = slim_info(dump).and_then(|info| info.heap) {
        return Missing { left_out: heap.left_out, cut: heap.cut, unwritten: heap.unwritten };
    }
    Missing {
        left_out: sum(&|s| s.size.saturating_sub(s.dumped.max(s.available))),
        cut: sum(&|s| s.dumped.saturating_sub(s.available)),
        unwritten: segments().filter(reserved).map(|s| s.size).fold(0, u64::saturating_add),
    }
}

/// Linux gives private memory of no file an `anon_vma` when it is first written to, and dumps nothing of a mapping without
/// one (fs/coredump.c, `vma_dump_size`). Only `MADV_DONTDUMP` looks the same.
fn never_written(target: &Target, segment: &Segment) -> bool {
    // What is missing of mappings of no file.
    let after = target.missing.partition_point(|part| part.start <= segment.start);
    let part = after.checked_sub(1).and_then(|index| target.missing.get(index));
    let missing = part.is_some_and(|part| segment.end().0 <= part.start.0.saturating_add(part.size));
    segment.dumped == 0 && missing
}

fn warn(diagnostics: &Diagnostics, missing: Missing) {
    if missing.cut > 0 {
        let text = format!(
            "{} KiB of writable memory are lost because the dump was cut: objects are missing",
            missing.cut >> 10
        );
        diagnostics.push(Diagnostic::warning(DiagnosticCode::HeapCut, text));
    }
    if missing.left_out > 0 {
        let text =
            format!("{} KiB of writable memory are not in the dump: objects may be missing", missing.left_out >> 10);
        diagnostics.push(Diagnostic::warning(DiagnosticCode::HeapLeftOut, text));
    }
    if missing.unwritten >= TOLD_UNWRITTEN {
        let text = format!(
            "{} KiB of reserved memory are not in the dump: never written to, unless the program keeps it out (MADV_DONTDUMP)",
            missing.unwritten >> 10
        );
        diagnostics.push(Diagnostic::note(DiagnosticCode::HeapLeftOut, text));
    }
}
