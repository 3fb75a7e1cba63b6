//! The notes of a core: threads, process, signal, auxiliary vector, mapped files.

use crate::arch;
use crate::base::{Abi, Addr, Cursor, Diagnostic, DiagnosticCode, Diagnostics, ShortRead};
use crate::debuggee::{NativeThread, Registers, SignalInfo};
use crate::os::linux::auxv::{Auxv, is_page_size};
use crate::os::linux::signals::{has_fault_address, has_sender};
use object::LittleEndian as LE;
use object::elf::{self, FileHeader64};
use object::read::elf::{Note, NoteIterator};

/// A file mapping of NT_FILE.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MappedFile {
    pub start: Addr,
    pub end: Addr,
    /// In bytes.
    pub file_offset: u64,
    pub path: String,
}

/// A thread as the notes have it.
#[derive(Debug)]
pub(super) struct ThreadNotes {
    pub thread: NativeThread,
    /// `pr_cursig`: Linux and gcore write the signal of the dump into every thread's.
    pub current_signal: i32,
    pub ppid: u64,
}

/// Everything the notes tell.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub threads: Vec<ThreadNotes>,
    pub process: Option<ProcessNote>,
    pub auxv: Auxv,
    pub files: Vec<MappedFile>,
    /// Whether there is an NT_FILE note at all.
    pub has_files: bool,
    page_size: Option<u64>,
}

/// NT_PRPSINFO.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProcessNote {
    pub pid: u64,
    pub ppid: u64,
    pub command: String,
    pub arguments: String,
}

type CoreNote<'a> = Note<'a, FileHeader64<LE>>;

impl Notes {
    /// Adds the notes of one PT_NOTE segment. `cut`: the file ends inside it.
    pub fn add(&mut self, data: &[u8], align: u64, abi: Abi, cut: bool, diagnostics: &Diagnostics) {
        // Alignments other than 8 mean 4 (binutils reads gcore's 1 so).
        let align = if align == 8 { 8 } else { 4 };
        let Ok(notes) = NoteIterator::<FileHeader64<LE>>::new(LE, object::U64::new(LE, align).get(LE), data) else {
            return;
        };
        for note in notes {
            match note.map_err(|e| e.to_string()).and_then(|n| self.note(&n, abi).map_err(|e| damaged(&n, &e))) {
                Ok(()) => {}
                // That the file is cut has its own diagnostic.
                Err(_) if cut => break,
                Err(text) => {
                    let text = format!("the core's notes are damaged: {text}");
                    diagnostics.push(Diagnostic::warning(DiagnosticCode::CoreNotesDamaged, text));
                }
            }
        }
    }

    fn note(&mut self, note: &CoreNote<'_>, abi: Abi) -> Result<(), ShortRead> {
        let cursor = Cursor::new(note.desc(), abi);
        match (note.name(), note.n_type(LE)) {
            (b"CORE", elf::NT_PRSTATUS) => self.threads.push(thread(cursor, abi)?),
            (b"CORE", elf::NT_PRPSINFO) => self.process = Some(process(cursor)?),
            (b"CORE", elf::NT_SIGINFO) => {
                let info = signal(cursor)?;
                // It belongs to the thread whose notes it follows.
                if let Some(last) = self.threads.last_mut().filter(|_| info.number != 0) {
                    last.thread.signal = Some(info);
                }
            }
            (b"CORE", elf::NT_AUXV) => self.auxv = Auxv::parse(note.desc(), &abi),
            (b"CORE", elf::NT_FILE) => {
                self.has_files = true;
                self.mapped_files(cursor)?;
            }
            (b"LINUX", kind) if arch::cpu(abi.arch).thread_pointer.note == Some(kind.0) => {
                let mut cursor = cursor;
                let base = cursor.u64()?;
                if let Some(last) = self.threads.last_mut() {
                    last.thread.tls_base = tls(base);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The page size: `AT_PAGESZ`, else the unit of NT_FILE where that is not a byte.
    pub fn page_size(&self) -> Option<u64> {
        self.auxv.page_size().or(self.page_size.filter(|size| is_page_size(*size)))
    }

    /// NT_FILE (Linux `fs/binfmt_elf.c` `fill_files_note`): count, page size, `count` times start, end and offset in
    /// pages, then `count` NUL-terminated names. gcore writes page size 1.
    fn mapped_files(&mut self, mut cursor: Cursor<'_>) -> Result<(), ShortRead> {
        let count = cursor.u64()?;
        let unit = cursor.u64()?;
        self.page_size = Some(unit);
        let rows = cursor.remaining().len() / 24;
        let rows = usize::try_from(count).unwrap_or(usize::MAX).min(rows);
        let mut found = Vec::with_capacity(rows);
        for _ in 0..rows {
            found.push((Addr(cursor.u64()?), Addr(cursor.u64()?), cursor.u64()?.wrapping_mul(unit)));
        }
        for (start, end, file_offset) in found {
            let path = cursor.cstr();
            if start < end && !path.is_empty() {
                let path = String::from_utf8_lossy(path).into_owned();
                self.files.push(MappedFile { start, end, file_offset, path });
            }
        }
        Ok(())
    }
}

fn damaged(note: &CoreNote<'_>, error: &ShortRead) -> String {
    format!("note of type {:#x}: {error}", note.n_type(LE).0)
}

fn tls(base: u64) -> Option<Addr> {
    Some(Addr(base)).filter(|base| !base.is_null())
}

/// `struct elf_prstatus` (Linux `include/linux/elfcore.h`, 64-bit): si_signo, si_code, si_errno, pr_cursig (16 bits),
/// pr_sigpend, pr_sighold, pr_pid at 32, pr_ppid, pr_pgrp, pr_sid, four `timeval`s, pr_reg at 112.
fn thread(mut cursor: Cursor<'_>, abi: Abi) -> Result<ThreadNotes, ShortRead> {
    cursor.take(12)?;
    let current_signal = i32::try_from(cursor.uint(2)?).unwrap_or_default();
    cursor.take(2)?;
    cursor.take(16)?;
    let tid = u64::from(cursor.u32()?);
    let ppid = u64::from(cursor.u32()?);
    cursor.take(8)?;
    cursor.take(64)?;
    let registers = Registers::from_prstatus(cursor.remaining(), &abi);
    let tls_base = registers.as_ref().and_then(Registers::thread_pointer);
    let thread = NativeThread { tid, registers, tls_base, name: None, signal: None };
    Ok(ThreadNotes { thread, current_signal, ppid })
}

/// `struct elf_prpsinfo` (64-bit): four chars, (pad), pr_flag, pr_uid, pr_gid, pr_pid at 24, pr_ppid, pr_pgrp, pr_sid,
/// pr_fname\[16\] at 40, pr_psargs\[80\].
fn process(mut cursor: Cursor<'_>) -> Result<ProcessNote, ShortRead> {
    cursor.take(24)?;
    let pid = u64::from(cursor.u32()?);
    let ppid = u64::from(cursor.u32()?);
    cursor.take(8)?;
    let mut text = |len: usize| -> Result<String, ShortRead> {
        let field = cursor.take(len)?;
        let end = field.iter().position(|b| *b == 0).unwrap_or(len);
        Ok(String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned())
    };
    Ok(ProcessNote { pid, ppid, command: text(16)?, arguments: text(80)?.trim_end().to_owned() })
}

/// `siginfo_t` (`asm-generic/siginfo.h`, 64-bit): si_signo, si_errno, si_code, (pad), then a union at 16: si_pid and
/// si_uid, or si_addr.
fn signal(mut cursor: Cursor<'_>) -> Result<SignalInfo, ShortRead> {
    let number = cursor.u32()?.cast_signed();
    cursor.take(4)?;
    let code = cursor.u32()?.cast_signed();
    cursor.take(4)?;
    let union = cursor.u64()?;
    let (low, high) =
        (u32::try_from(union & 0xffff_ffff).unwrap_or_default(), u32::try_from(union >> 32).unwrap_or_default());
    let sender = has_sender(code).then_some((low.cast_signed(), high));
    Ok(SignalInfo {
        number,
        code: Some(code),
        fault_addr: has_fault_address(number, code).then_some(Addr(union)),
        sender_pid: sender.map(|(pid, _)| pid),
        sender_uid: sender.map(|(_, uid)| uid),
    })
}
