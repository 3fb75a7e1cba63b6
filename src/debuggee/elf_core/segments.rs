//! PT_LOAD as memory, and what of it is missing.

use super::notes::MappedFile;
use crate::base::{Addr, Diagnostic, DiagnosticCode};
use crate::debuggee::{MissingPart, Protection, Segment};
use object::LittleEndian as LE;
use object::elf::{self, ProgramHeader64};

/// The bytes of a segment that are in the file, and whether some are cut off.
pub(super) fn file_bytes<'a>(segment: &ProgramHeader64<LE>, data: &'a [u8]) -> (&'a [u8], bool) {
    let size = segment.p_filesz.get(LE);
    let rest = usize::try_from(segment.p_offset.get(LE)).ok().and_then(|at| data.get(at..)).unwrap_or_default();
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    match rest.get(..size) {
        Some(bytes) => (bytes, false),
        None => (rest, true),
    }
}

/// The mappings of the process: every PT_LOAD, and the file mappings that gcore leaves out altogether. In a core
/// `p_filesz < p_memsz` means that the rest is not dumped; it is not zero as in an executable.
pub(super) fn memory(headers: &[ProgramHeader64<LE>], file_size: u64, files: &[MappedFile]) -> Vec<Segment> {
    let mut segments: Vec<Segment> =
        headers.iter().filter(|h| h.p_type.get(LE) == elf::PT_LOAD).map(|h| segment(h, file_size)).collect();
    segments.sort_by_key(|s| s.start);
    let extra: Vec<Segment> = files.iter().flat_map(|file| gaps(&segments, file)).collect();
    segments.extend(extra);
    segments.sort_by_key(|s| s.start);
    segments
}

fn segment(header: &ProgramHeader64<LE>, file_size: u64) -> Segment {
    let flags = header.p_flags.get(LE).0;
    let start = header.p_vaddr.get(LE);
    let offset = header.p_offset.get(LE);
    let size = header.p_memsz.get(LE).min(u64::MAX.saturating_sub(start));
    let dumped = header.p_filesz.get(LE).min(size);
    Segment {
        start: Addr(start),
        size,
        offset,
        available: dumped.min(file_size.saturating_sub(offset)),
        dumped,
        protection: Protection {
            read: flags & elf::PF_R.0 != 0,
            write: flags & elf::PF_W.0 != 0,
            execute: flags & elf::PF_X.0 != 0,
        },
    }
}

/// The parts of a file mapping that no segment covers, as segments without bytes and of unknown protection.
fn gaps(sorted: &[Segment], file: &MappedFile) -> Vec<Segment> {
    let mut out = Vec::new();
    let mut at = file.start;
    let first = sorted.partition_point(|s| s.end() <= file.start);
    let overlapping = sorted.get(first..).unwrap_or_default().iter().take_while(|s| s.start < file.end);
    for (start, end) in overlapping.map(|s| (s.start, s.end())).chain([(file.end, file.end)]) {
        if let Some(size) = start.distance_from(at).filter(|size| *size > 0) {
            let protection = Protection::default();
            out.push(Segment { start: at, size, offset: 0, available: 0, dumped: 0, protection });
        }
        at = at.max(end);
    }
    out
}

/// Memory that is gone: cut off with the end of the file, or left out though no file holds it (writable and not
/// mapped from a file).
pub(super) fn missing(segments: &[Segment], files: &[MappedFile]) -> Vec<MissingPart> {
    let mut out: Vec<MissingPart> = Vec::new();
    let mut add = |start: Addr, size: u64, why: &str| match out.last_mut() {
        Some(last) if last.why == why && last.start.checked_add(last.size) == Some(start) => {
            last.size = last.size.saturating_add(size);
        }
        _ => out.push(MissingPart { start, size, why: why.to_owned() }),
    };
    for segment in segments {
        let cut = segment.dumped.saturating_sub(segment.available);
        let left_out = segment.size.saturating_sub(segment.dumped);
        if cut > 0 {
            add(segment.start.wrapping_add(segment.available), cut, "cut off with the end of the core file");
        }
        let in_file = || files.iter().any(|f| f.start <= segment.start && segment.start < f.end);
        if left_out > 0 && segment.protection.write && !in_file() {
            let why = "left out of the dump (coredump_filter or MADV_DONTDUMP)";
            add(segment.start.wrapping_add(segment.dumped), left_out, why);
        }
    }
    out
}

/// Says once by how much the file is too short.
pub(super) fn truncation(headers: &[ProgramHeader64<LE>], segments: &[Segment], file_size: u64) -> Option<Diagnostic> {
    let end = |h: &ProgramHeader64<LE>| h.p_offset.get(LE).saturating_add(h.p_filesz.get(LE));
    let wanted = headers.iter().filter(|h| h.p_filesz.get(LE) > 0).map(end).max()?;
    let memory = segments.iter().fold(0u64, |sum, s| sum.saturating_add(s.dumped.saturating_sub(s.available)));
    cut_short(file_size, wanted, memory)
}

/// Says that a file of so many bytes is too short, if it is; `memory`: bytes of memory that are lost.
pub fn cut_short(file_size: u64, wanted: u64, memory: u64) -> Option<Diagnostic> {
    let lost = wanted.checked_sub(file_size).filter(|lost| *lost > 0)?;
    let text = format!(
        "the core file is cut short: {file_size} of {wanted} bytes are there, {lost} are missing ({memory} bytes of memory)"
    );
    let hint = "a full disk, a size limit (ulimit -c, systemd-coredump's ProcessSizeMax) or an unfinished copy";
    Some(Diagnostic::warning(DiagnosticCode::CoreTruncated, text).hint(hint))
}
