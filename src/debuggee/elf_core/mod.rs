//! ELF cores (gABI `ET_CORE`) as a [`Target`]: x86-64 and aarch64 Linux, written by the kernel, by gdb's gcore or by
//! qemu-user, whole or cut.

mod header;
mod modules;
mod notes;
mod segments;
#[cfg(test)]
pub(crate) mod synth_core;
#[cfg(test)]
mod tests;
mod zeroed_stacks;

pub(super) use segments::cut_short;

use super::command_line;
use super::limits::cut;
use super::slim_record::{each_note, kept_bytes};
use super::{AddressSpace, ByteSource, Crash, Limits, ProcessInfo, SignalInfo, SourceKind, Target, TargetError};
use crate::base::{Abi, Diagnostic, DiagnosticCode, Diagnostics};
use crate::debuggee::{Recording, TargetMemory};
use crate::os::linux::signals::dumps_core;
use crate::sys::map_file;
use notes::{Notes, ThreadNotes};
use object::LittleEndian as LE;
use object::elf;
use std::path::Path;
use std::sync::Arc;

/// Opens a core file. The file is mapped: only what is examined is read.
///
/// # Errors
/// [`TargetError`] when the file cannot be opened or nothing at all can be told from it; what is only partly there
/// gives a target with diagnostics.
pub fn open(path: &Path) -> Result<Target, TargetError> {
    let map = map_file(path).map_err(|source| TargetError::Open { path: path.to_owned(), source })?;
    from_source(path, Arc::new(map))
}

/// A core whose bytes are available (decompressed, recorded). `path` is for messages.
///
/// # Errors
/// As [`open`].
pub fn from_source(path: &Path, source: Arc<dyn ByteSource>) -> Result<Target, TargetError> {
    from_source_within(path, source, &Limits::default())
}

/// The same within limits.
///
/// # Errors
/// As [`open`].
pub fn from_source_within(path: &Path, source: Arc<dyn ByteSource>, limits: &Limits) -> Result<Target, TargetError> {
    let diagnostics = Arc::new(Diagnostics::default());
    let data = source.bytes();
    let headers = header::parse(path, data, &diagnostics)?;
    let abi = headers.abi;
    let mut notes = Notes::of_at_most(limits.threads);
    for segment in headers.segments.iter().filter(|s| s.p_type.get(LE) == elf::PT_NOTE) {
        let (bytes, cut) = segments::file_bytes(segment, data);
        notes.add(bytes, segment.p_align.get(LE), abi, cut, &diagnostics);
    }
    notes.end();
    if let Some(system) = other_system(data) {
        return Err(TargetError::UnsupportedSystem { path: path.to_owned(), what: system });
    }
    let mut segments = segments::memory(headers.segments, data.len() as u64, &notes.files);
    let mut missing = segments::missing(&segments, &notes.files);
    if let Some(diagnostic) = segments::truncation(headers.segments, &segments, data.len() as u64) {
        diagnostics.push(diagnostic);
    }
    let kept = kept_bytes(data);
    // A redacted dump has zeros of its own.
    if kept.is_none()
        && let Some(diagnostic) = zeroed_stacks::take_out(&mut segments, data, abi, &notes.threads, &mut missing)
    {
        diagnostics.push(diagnostic);
    }
    let mut memory = Recording::new(AddressSpace::from_dump(Arc::clone(&source), segments));
    memory.set_kept(kept);
    memory.set_deadline(&limits.deadline);
    let process = process(&notes, &memory, &abi, &diagnostics);
    let mapped_files = modules::mapped_files(&notes, &memory);
    let mut modules = modules::find(&notes, &memory, &abi, &process, &diagnostics);
    limits.cut_modules(&mut modules, &diagnostics);
    if let Some(diagnostic) = cut("threads", notes.thread_count, notes.threads.len(), "--max-threads") {
        diagnostics.push(diagnostic);
    }
    if notes.threads.is_empty() {
        let text = "the core has no thread notes (NT_PRSTATUS): registers and native threads are unknown";
        diagnostics.push(Diagnostic::warning(DiagnosticCode::CoreNoThreads, text));
    }
    let crash = crash(&mut notes.threads);
    Ok(Target {
        source: SourceKind::ElfCore,
        path: Some(path.to_owned()),
        abi,
        process,
        memory,
        modules,
        threads: notes.threads.into_iter().map(|t| t.thread).collect(),
        crash,
        missing,
        mapped_files,
        code_names: Default::default(),
        thread_index: Default::default(),
        limits: limits.clone(),
        diagnostics,
    })
}

/// The system whose kernel wrote a core, where it is not Linux: each names its notes after itself (NetBSD core(5), OpenBSD
/// `sys/core.h`, FreeBSD `sys/elf_common.h`).
fn other_system(core: &[u8]) -> Option<&'static str> {
    let mut found = None;
    each_note(core, |_, owner, _, _| {
        let known = [("NetBSD-CORE", "NetBSD"), ("OpenBSD", "OpenBSD"), ("FreeBSD", "FreeBSD")];
        let one = known.iter().find(|(name, _)| owner.starts_with(name.as_bytes()));
        found = found.or(one.map(|(_, system)| *system));
    });
    found
}

fn process(notes: &Notes, memory: &TargetMemory, abi: &Abi, diagnostics: &Diagnostics) -> ProcessInfo {
    let note = notes.process.as_ref();
    // What is read of it is not remembered: it may hold secrets, and a slim dump has the words in a note.
    let whole = |told: &str| command_line::whole(told, &notes.auxv, &**memory, abi);
    let arguments = note.map(|p| match command_line::fills_note(&p.arguments) {
        false => p.arguments.trim_end().to_owned(),
        true => whole(&p.arguments).unwrap_or_else(|| {
            let text = "the core's note has the first 79 bytes of the command line, and the stack with all of it is not in the dump";
            diagnostics.push(Diagnostic::note(DiagnosticCode::CommandLineCut, text));
            p.arguments.trim_end().to_owned()
        }),
    });
    let filled = |s: &String| !s.is_empty();
    ProcessInfo {
        pid: note.map(|p| p.pid),
        ppid: note.map(|p| p.ppid).or_else(|| notes.threads.first().map(|t| t.ppid)),
        command: note.map(|p| p.command.clone()).filter(filled),
        arguments: arguments.filter(filled),
        page_size: notes.page_size(),
        ..ProcessInfo::from_auxv(&notes.auxv, memory)
    }
}

/// The signal that made the dump and its thread.
///
/// The kernel writes the dying thread first and gives only it an NT_SIGINFO; gcore writes one for every thread, and
/// `pr_cursig` is the same in all threads of both. So it is the first thread whose two signals agree; without any
/// NT_SIGINFO (qemu-user) the first thread with a signal. A signal that does not dump core by itself only tells where
/// a debugger stopped the process.
fn crash(threads: &mut [ThreadNotes]) -> Option<Crash> {
    let none_has_info = threads.iter().all(|t| t.thread.signal.is_none());
    let at = threads
        .iter()
        .position(ThreadNotes::agrees)
        .or_else(|| threads.iter().position(|t| none_has_info && t.current_signal != 0))?;
    let found = threads.get_mut(at)?;
    let number = found.current_signal;
    let info = found.thread.signal.get_or_insert_with(|| SignalInfo { number, ..SignalInfo::default() });
    dumps_core(number).then(|| Crash::Signal { tid: found.thread.tid, info: info.clone() })
}
