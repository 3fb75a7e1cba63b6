//! Slim dumps: an ELF core (or minidump) with just the memory that an analysis has read.
//!
//! The mappings of the original stay, so "not in the dump" is still distinguished from "not mapped"; what was cut off in the
//! original stays cut off. Bytes that the original took from a module's file are stored, so that the slim core needs
//! no file. Notes are copied, or made from the model where the source has none.

mod elf;
mod minidump;
mod notes;
mod plan;

use crate::arch;
use crate::base::{Addr, DiagnosticCode, Os};
use crate::debuggee::elf_modules::ElfImage;
use crate::debuggee::recorder::{PageMask, PageSet};
use crate::debuggee::slim_record::SlimHeap;
use crate::debuggee::{Memory as _, MemoryExt as _, Target};
use plan::{Kind, Piece};
use std::io::Write;

/// What goes into a slim dump.
#[derive(Clone, Copy, Debug, Default)]
pub struct SlimOptions {
    /// Writes zeros for every byte of a stored page that the analysis did not read, and a list of those that it did.
    /// Strings, keys and buffers that the report does not show are then gone, and so is what another analysis would
    /// want to read: to it they are not in the dump.
    pub redact: bool,
    /// Writes a minidump instead of an ELF core.
    pub minidump: bool,
    /// All that answers about the heap read was recorded; what the original lacked of it.
    pub heap: Option<SlimHeap>,
}

/// What a slim dump became.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlimStats {
    /// Memory of the process in the source's mappings, in bytes.
    pub mapped_bytes: u64,
    /// Memory stored, in bytes.
    pub stored_bytes: u64,
    /// Bytes the analysis read (to 8 bytes).
    pub read_bytes: u64,
    /// Pieces of memory in the dump, present or not.
    pub pieces: usize,
    /// Size of the file in bytes.
    pub file_bytes: u64,
}

/// Why no slim dump was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlimError {
    /// The output cannot be written.
    #[error("cannot write the slim dump: {0}")]
    Write(#[from] std::io::Error),
    /// An ELF core cannot say what this process is.
    #[error("a process of {0:?} cannot be stored as an ELF core")]
    NotElf(Os),
    /// Minidumps know nothing of the processor.
    #[error("a process of {0} cannot be stored as a minidump")]
    NotMinidump(&'static str),
}

/// Writes an ELF core (gABI `ET_CORE`) or a minidump of `target` with the pages of `recorded`.
///
/// # Errors
/// [`SlimError`]; the output may then hold a part.
pub fn write(
    target: &Target,
    recorded: &PageSet,
    options: SlimOptions,
    out: &mut dyn Write,
) -> Result<SlimStats, SlimError> {
    // What a redacted dump lacks its copy lacks too, and says so.
    let redacted = target.diagnostics.to_vec().iter().any(|d| d.code == DiagnosticCode::SlimRedacted);
    let options = SlimOptions { redact: options.redact || redacted, ..options };
    let pages = recorded.pages();
    let pieces = plan::pieces(&target.memory, &pages);
    let (head, pieces) = if options.minidump {
        (vec![minidump::header(target, options, &pieces, &pages)?], pieces)
    } else {
        elf_head(target, options, pieces, &pages)?
    };
    for part in &head {
        out.write_all(part)?;
    }
    let mut stats = SlimStats {
        mapped_bytes: target.memory.segments().iter().map(|s| s.size).sum(),
        read_bytes: pages.iter().map(|(_, mask)| mask.bytes()).sum(),
        pieces: pieces.len(),
        file_bytes: head.iter().map(|part| part.len() as u64).sum(),
        ..SlimStats::default()
    };
    for piece in pieces.iter().filter(|p| p.kind == Kind::Present) {
        write_piece(target, piece, &pages, options, out)?;
        stats.stored_bytes = stats.stored_bytes.saturating_add(piece.size);
    }
    stats.file_bytes = stats.file_bytes.saturating_add(stats.stored_bytes);
    Ok(stats)
}

/// Headers and notes of an ELF core up to where its memory begins, one after the other: the notes of many threads are not
/// copied once more.
fn elf_head(
    target: &Target,
    options: SlimOptions,
    pieces: Vec<Piece>,
    pages: &[(Addr, PageMask)],
) -> Result<(Vec<Vec<u8>>, Vec<Piece>), SlimError> {
    if target.abi.os != Os::Linux {
        return Err(SlimError::NotElf(target.abi.os));
    }
    let machine = arch::cpu(target.abi.arch).elf_machine;
    let notes = notes::notes(target, options, pages)?;
    let layout = elf::Layout::new(target.abi, machine, notes.len() as u64, pieces);
    let headers = layout.headers();
    let used = headers.len().saturating_add(notes.len());
    let gap = usize::try_from(layout.data_offset()).unwrap_or(0).saturating_sub(used);
    Ok((vec![headers, notes, vec![0; gap]], layout.into_pieces()))
}

fn write_piece(
    target: &Target,
    piece: &Piece,
    pages: &[(Addr, PageMask)],
    options: SlimOptions,
    out: &mut dyn Write,
) -> Result<(), SlimError> {
    const CHUNK: u64 = 1 << 20;
    let mut done = 0u64;
    while done < piece.size {
        let at = piece.start.wrapping_add(done);
        let len = piece.size.saturating_sub(done).min(CHUNK);
        let mut bytes = vec![0u8; usize::try_from(len).unwrap_or(0)];
        target.memory.stored().read(at, &mut bytes).map_err(std::io::Error::other)?;
        if options.redact {
            plan::keep_only_read(at, &mut bytes, pages);
        }
        out.write_all(&bytes)?;
        done = done.saturating_add(len);
    }
    Ok(())
}

/// Records the memory that every tool wants that opens a core: registers' surroundings and the program's own
/// headers.
///
/// Debuggers read the auxiliary vector's program headers, the dynamic section and the link map before anything else;
/// the analysis may have known them from elsewhere. Unreadable parts are skipped.
pub fn record_essentials(target: &Target) {
    let memory = &target.memory;
    let touch = |addr: Addr, len: u64| {
        let _ = memory.read_vec(addr, len.min(1 << 16));
    };
    for module in &target.modules {
        touch(module.base, 0x400);
        // Its notes stand elsewhere where a tool has moved them (patchelf).
        if module.build_id.is_some() {
            let _ = ElfImage::read(memory, module.base).and_then(|image| image.build_id(memory));
        }
    }
    if let Some(phdr) = target.process.phdr {
        touch(phdr, 56 * 16);
    }
    let red_zone = 128;
    for registers in target.threads.iter().filter_map(|t| t.registers.as_ref()) {
        if let Some(ip) = registers.ip() {
            touch(Addr(ip.0.saturating_sub(64)), 128);
        }
        if let Some(sp) = registers.sp() {
            touch(Addr(sp.0.saturating_sub(red_zone)), red_zone.saturating_add(512));
        }
    }
}

#[cfg(test)]
mod tests;
