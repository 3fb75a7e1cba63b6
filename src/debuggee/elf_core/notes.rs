//! The notes of a core: threads, process, signal, auxiliary vector, mapped files.

use crate::arch;
use crate::base::{Abi, Addr, Cursor, Diagnostic, DiagnosticCode, Diagnostics, ShortRead};
use crate::debuggee::{NativeThread, Registers, SignalInfo};
use crate::os::linux::auxv::{Auxv, is_page_size};
use crate::os::linux::notes::PRPSINFO_ARGUMENTS_SIZE;
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

impl ThreadNotes {
    /// Whether the signal of the dump is this thread's own.
    pub fn agrees(&self) -> bool {
        let number = self.thread.signal.as_ref().map(|s| s.number);
        self.current_signal != 0 && number == Some(self.current_signal)
    }
}

/// Everything the notes tell.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Those that are kept.
    pub threads: Vec<ThreadNotes>,
    /// How many there are.
    pub thread_count: usize,
    /// How many may be kept. One that crashed is kept beyond.
    most_threads: usize,
    /// The notes that come now are of a thread that is not kept.
    left_out: bool,
    /// NT_PRSTATUS of the thread beyond the limit: its registers are read when it turns out to be the one that crashed.
    beyond: Vec<u8>,
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
    /// Notes of which only so many threads are kept.
    pub fn of_at_most(threads: usize) -> Self {
        Notes { most_threads: threads, ..Notes::default() }
    }

    /// Keeps a thread. Beyond the limit it gives its place to the next one, unless its own signal made the dump: that shows
    /// only in the notes that follow.
    fn keep(&mut self, cursor: Cursor<'_>, abi: Abi) -> Result<(), ShortRead> {
        self.thread_count = self.thread_count.saturating_add(1);
        if self.threads.len() > self.most_threads && !self.threads.last().is_some_and(ThreadNotes::agrees) {
            self.threads.pop();
        }
        // There is one place beyond the limit; of all whose own signal it was, the first one crashed.
        self.left_out = self.threads.len() > self.most_threads;
        let last = self.threads.len() == self.most_threads;
        if last {
            self.beyond.clear();
            self.beyond.extend_from_slice(cursor.remaining());
        }
        if !self.left_out {
            let read = thread(cursor, abi, !last)?;
            self.threads.push(read);
        }
        Ok(())
    }

    /// Takes a signal for the thread whose notes these are.
    fn signalled(&mut self, info: SignalInfo, abi: Abi) {
        let is_beyond = self.threads.len() > self.most_threads;
        let Some(last) = self.threads.last_mut().filter(|_| !self.left_out) else { return };
        last.thread.signal = Some(info);
        if is_beyond
            && last.agrees()
            && let Ok(read) = thread(Cursor::new(&self.beyond, abi), abi, true)
        {
            last.thread.registers = read.thread.registers;
            last.thread.tls_base = read.thread.tls_base.or(last.thread.tls_base);
        }
    }

    /// No notes follow: a thread beyond the limit that did not crash is left out like the others.
    pub fn end(&mut self) {
        if self.threads.len() > self.most_threads && !self.threads.last().is_some_and(ThreadNotes::agrees) {
            self.threads.pop();
        }
    }

    /// The thread to which the notes that come now belong.
    fn current(&mut self) -> Option<&mut ThreadNotes> {
        self.threads.last_mut().filter(|_| !self.left_out)
    }

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
            (b"CORE", elf::NT_PRSTATUS) => self.keep(cursor, abi)?,
            (b"CORE", elf::NT_PRPSINFO) => self.process = Some(process(cursor)?),
            (b"CORE", elf::NT_SIGINFO) => {
                let info = signal(cursor)?;
                // It belongs to the thread whose notes it follows.
                if info.number != 0 {
                    self.signalled(info, abi);
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
                if let Some(last) = self.current() {
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
fn thread(mut cursor: Cursor<'_>, abi: Abi, with_registers: bool) -> Result<ThreadNotes, ShortRead> {
    cursor.take(12)?;
    let current_signal = i32::try_from(cursor.uint(2)?).unwrap_or_default();
    cursor.take(2)?;
    cursor.take(16)?;
    let tid = u64::from(cursor.u32()?);
    let ppid = u64::from(cursor.u32()?);
    cursor.take(8)?;
    cursor.take(64)?;
    let registers = with_registers.then(|| Registers::from_prstatus(cursor.remaining(), &abi)).flatten();
    let tls_base = registers.as_ref().and_then(Registers::thread_pointer);
    let thread = NativeThread { tid, registers, tls_base, name: None, signal: None };
    Ok(ThreadNotes { thread, current_signal, ppid })
}

/// `struct elf_prpsinfo` (64-bit): four chars, (pad), pr_flag, pr_uid, pr_gid, pr_pid at 24, pr_ppid, pr_pgrp, pr_sid,
/// pr_fname\[16\] at 40, pr_psargs\[80\], which has a space for each zero between words.
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
    Ok(ProcessNote { pid, ppid, command: text(16)?, arguments: text(PRPSINFO_ARGUMENTS_SIZE)? })
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
