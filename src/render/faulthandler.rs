//! The text faulthandler would have printed, byte for byte.
//!
//! Format facts: `Python/traceback.c` (`_Py_DumpTracebackThreads`, `_Py_DumpASCII`), `Modules/faulthandler.c` and
//! `Python/pylifecycle.c` (`fatal_error`: what is printed where Python itself ended the process) of CPython 3.8 to 3.15. What differs between versions is in `faulthandler_styles.rs`.

use super::faulthandler_styles::Style;
use crate::base::{Os, Text};
use crate::model::{
    CrashReport, FatalError, Frame, FrameKind, Interpreter, NameFrom, Python, PythonThread, Report, RuntimeState,
    Thread, ThreadStatus,
};

/// Frames printed of a stack (`MAX_FRAME_DEPTH`).
const MAX_FRAMES: usize = 100;
/// Threads printed (`MAX_NTHREADS`).
const MAX_THREADS: usize = 100;
/// Code points printed of a string (`MAX_STRING_LENGTH`).
const MAX_STRING: usize = 500;
/// Bytes of a thread's name that Linux keeps (`TASK_COMM_LEN` without the NUL).
const MAX_NAME: usize = 15;
/// Fatal signals faulthandler handles, with the names it gives them; SIGFPE's depends on the version.
const SIGNALS: &[(&str, &str)] = &[
    ("SIGBUS", "Bus error"),
    ("SIGILL", "Illegal instruction"),
    ("SIGABRT", "Aborted"),
    ("SIGSEGV", "Segmentation fault"),
];
/// Windows exceptions with the names faulthandler gives them.
const EXCEPTIONS: &[(u32, &str)] = &[
    (0xC000_0005, "access violation"),
    (0xC000_008E, "float divide by zero"),
    (0xC000_0091, "float overflow"),
    (0xC000_0094, "int divide by zero"),
    (0xC000_0095, "integer overflow"),
    (0xC000_0006, "page error"),
    (0xC000_00FD, "stack overflow"),
];

/// The text and what has to be said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// What faulthandler would have written to standard error. Bytes: thread names are not escaped.
    pub text: Vec<u8>,
    /// Where the text cannot be what faulthandler would have printed, and why. Not part of the text.
    pub notes: Vec<String>,
}

/// Renders a report. Without a CPython in it the text is empty and a note says why.
#[must_use]
pub fn render(report: &Report) -> Rendered {
    let Some(python) = &report.python else {
        let why = report.why_no_python().map_or("no CPython was found in the process", |d| d.message.as_str());
        return Rendered { text: Vec::new(), notes: vec![why.to_owned()] };
    };
    let mut out = Writer { report, style: style_of(python), text: Vec::new(), notes: Vec::new() };
    match report.crash.as_ref().and_then(|crash| crash.fatal_error.as_ref()) {
        Some(fatal) => out.fatal_error(python, fatal),
        None => out.dump(python),
    }
    Rendered { text: out.text, notes: out.notes }
}

/// The style of the version; an unknown version gets the newest known style.
fn style_of(python: &Python) -> Style {
    let from_hex = python.version_hex.map(|hex| {
        let [major, minor, micro, _] = hex.to_be_bytes();
        (major, minor, micro)
    });
    let from_text = || {
        let mut parts = python.version.split('.').map(|p| {
            let digits = p.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            digits.parse::<u8>().ok()
        });
        Some((parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)))
    };
    Style::of(from_hex.or_else(from_text).unwrap_or((u8::MAX, 0, 0)))
}

/// A thread state with its thread.
#[derive(Clone, Copy)]
struct One<'a> {
    thread: &'a Thread,
    state: &'a PythonThread,
}

struct Writer<'a> {
    report: &'a Report,
    style: Style,
    text: Vec<u8>,
    notes: Vec<String>,
}

impl<'a> Writer<'a> {
    fn puts(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn dump(&mut self, python: &Python) {
        let current = self.current();
        let interpreter = self.interpreter(current);
        let extension_line = match &self.report.crash {
            Some(crash) => self.header(crash),
            None => {
                self.note("the process did not crash: the text is that of faulthandler.dump_traceback_later()");
                false
            }
        };
        let gil_disabled = python.free_threaded == Some(true) && interpreter.and_then(|i| i.gil_enabled) != Some(true);
        if self.style.one_thread_without_gil && gil_disabled && self.report.crash.is_some() {
            if current.is_some() {
                self.puts("<Cannot show all threads while the GIL is disabled>\n");
            }
            self.single(current);
        } else {
            self.threads(interpreter, current);
        }
        let windows = self.report.process.abi.is_some_and(|abi| abi.os == Os::Windows);
        if self.style.c_stack && self.report.crash.is_some() && windows {
            // Python/traceback.c: `_Py_DumpStack` where there is no `backtrace()`.
            self.puts("\nCurrent thread's C stack trace (most recent call first):\n");
            self.puts("  <cannot get C stack on this system>\n");
        } else if self.style.c_stack && self.report.crash.is_some() {
            self.note(
                "this version also prints the C stack, which starts inside faulthandler itself and so is not in a dump; \
                 see --native",
            );
        }
        if extension_line && self.style.extension_modules {
            // faulthandler lists those of the interpreter that enabled it: the main one with `-X faulthandler`.
            let main = self.report.interpreters.iter().find(|i| i.main).or_else(|| self.report.interpreters.first());
            self.extension_modules(main);
        }
    }

    /// `Python runtime state: ...`.
    fn runtime_state(&mut self, python: &Python) {
        self.puts("Python runtime state: ");
        match (python.state, python.finalizing) {
            (_, Some(tstate)) if self.style.padded_tstate => {
                let digits =
                    self.report.process.abi.map_or(16, |abi| usize::from(abi.pointer_size()).saturating_mul(2));
                self.puts(&format!("finalizing (tstate=0x{:0digits$x})", tstate.0));
            }
            (_, Some(tstate)) => self.puts(&format!("finalizing (tstate={tstate})")),
            (Some(RuntimeState::Initialized), _) => self.puts("initialized"),
            (state, _) => {
                self.puts("???");
                self.note(match state {
                    Some(_) => "how far Python was initialized is not known",
                    None => "the runtime's state is not in the dump",
                });
            }
        }
        self.puts("\n");
    }

    /// What Python printed before it called `abort()`; faulthandler was silent then.
    fn fatal_error(&mut self, python: &Python, fatal: &FatalError) {
        self.puts("Fatal Python error: ");
        if let Some(function) = &fatal.function {
            self.raw(function);
            self.puts(": ");
        }
        match &fatal.message {
            Some(message) => self.raw(message),
            None => self.puts("???"),
        }
        self.puts("\n");
        if self.style.runtime_state {
            self.runtime_state(python);
        }
        for part in &fatal.unread {
            self.note(format!("{part} could not be read from the dump"));
        }
        let current = self.current();
        if let Some(line) = &fatal.exception {
            self.raw(line);
            self.puts("\n");
        } else if current
            .is_some_and(|one| one.state.holds_gil.unwrap_or(one.state.status != Some(ThreadStatus::Detached)))
        {
            self.note(
                "if an exception was set, Python printed it here, and where it had a traceback no threads; it is not kept",
            );
        }
        self.puts("\n");
        let interpreter = self.interpreter(current);
        // The build decides here, whether or not its GIL is on.
        if self.style.one_thread_without_gil && python.free_threaded == Some(true) {
            match current {
                Some(_) => self.single(current),
                // A thread without a state has NULL, which counts as freed (`tstate_is_freed`).
                None => {
                    self.puts("Stack (most recent call first):\n");
                    self.puts(self.style.no_thread_state);
                }
            }
        } else {
            self.threads(interpreter, current);
        }
        if self.style.extension_modules {
            let holder = self.states().filter(|_| self.style.one_current_thread);
            let holder = holder.filter(|one| one.state.holds_gil == Some(true));
            let whose = holder.chain(current).next().map(|thread| self.interpreter(Some(thread)));
            if let Some(interpreter) = whose {
                self.extension_modules(interpreter);
            }
        }
    }

    /// As C prints it.
    fn raw(&mut self, text: &Text) {
        for point in text.code_points() {
            match (char::from_u32(*point), u8::try_from(point & 0xff)) {
                (Some(c), _) => self.text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                (None, byte) => self.text.extend(byte),
            }
        }
    }

    /// All thread states, each with its thread: what faulthandler takes for threads.
    fn states(&self) -> impl Iterator<Item = One<'a>> + use<'a> {
        self.report.threads.iter().flat_map(|thread| thread.states().map(move |state| One { thread, state }))
    }

    /// The thread that would run faulthandler's signal handler.
    fn current(&self) -> Option<One<'a>> {
        self.report.crash.as_ref()?;
        self.states().find(|one| one.state.current).or_else(|| self.states().find(|one| one.thread.crashed))
    }

    /// The interpreter whose threads are printed: the current thread's, else the main one.
    fn interpreter(&self, current: Option<One<'_>>) -> Option<&'a Interpreter> {
        let id = current.map(|one| one.state.interpreter);
        let all = &self.report.interpreters;
        all.iter().find(|i| Some(i.id) == id).or_else(|| all.iter().find(|i| i.main)).or_else(|| all.first())
    }

    /// The first line. Whether the line of extension modules follows at the end.
    fn header(&mut self, crash: &CrashReport) -> bool {
        if let Some(code) = crash.exception_code {
            let known = EXCEPTIONS.iter().find(|(c, _)| *c == code).map(|(_, name)| (*name).to_owned());
            let name = known.unwrap_or_else(|| format!("code 0x{code:08x}"));
            self.puts(&format!("Windows fatal exception: {name}\n\n"));
            return false;
        }
        let name = crash.name.as_deref().unwrap_or_default();
        let known = if name == "SIGFPE" {
            Some(self.style.sigfpe)
        } else {
            SIGNALS.iter().find(|(signal, _)| *signal == name).map(|(_, text)| *text)
        };
        if let Some(text) = known {
            self.puts(&format!("Fatal Python error: {text}\n\n"));
        } else {
            let shown = if name.is_empty() { "unknown signal" } else { name };
            self.puts(&format!("Fatal Python error: {shown}\n\n"));
            self.note(format!("faulthandler does not handle this signal ({shown}); the first line is ours"));
        }
        true
    }

    fn single(&mut self, current: Option<One<'_>>) {
        let Some(thread) = current else {
            self.note("the crashed thread has no Python state: faulthandler prints no stack in this build");
            return;
        };
        self.puts("Stack (most recent call first):\n");
        self.body(thread);
    }

    fn threads(&mut self, interpreter: Option<&Interpreter>, current: Option<One<'_>>) {
        let id = interpreter.map(|i| i.id);
        let mut threads: Vec<One<'_>> =
            self.states().filter(|one| id.is_none_or(|id| one.state.interpreter == id)).collect();
        threads.sort_by_key(|one| one.state.order.unwrap_or(u32::MAX));
        let collecting = interpreter.and_then(|i| i.gc_collecting) == Some(true);
        for (index, thread) in threads.iter().enumerate() {
            if index > 0 {
                self.puts("\n");
            }
            if index >= MAX_THREADS {
                self.puts("...\n");
                self.note(format!(
                    "faulthandler prints {MAX_THREADS} threads, the newest first; {} are left out",
                    threads.len().saturating_sub(MAX_THREADS)
                ));
                break;
            }
            let is_current = current.is_some_and(|c| std::ptr::eq(c.state, thread.state));
            self.thread_line(*thread, is_current);
            if is_current && collecting && self.style.garbage_collecting {
                self.puts("  Garbage-collecting\n");
            }
            self.body(*thread);
        }
        if threads.is_empty() {
            self.note("no thread of this interpreter could be read");
        }
    }

    fn thread_line(&mut self, thread: One<'_>, is_current: bool) {
        self.puts(if is_current { "Current thread 0x" } else { "Thread 0x" });
        let digits = self.report.process.abi.map_or(16, |abi| usize::from(abi.long_size()).saturating_mul(2));
        match thread.state.ident {
            Some(ident) => self.puts(&format!("{ident:0digits$x}")),
            None => {
                self.puts(&"?".repeat(digits));
                self.note("the identifier of a thread could not be read");
            }
        }
        if self.style.thread_names {
            self.thread_name(thread);
        }
        self.puts(" (most recent call first):\n");
    }

    /// The operating system's name of the thread. A Linux core has only the main thread's; `threading` gives the
    /// others theirs (cut to 15 bytes), and threads that it does not know inherit that of their creator.
    fn thread_name(&mut self, One { thread, state }: One<'_>) {
        // The process has the name of its first thread, whatever interpreter that runs.
        let first = thread.tid.is_some() && thread.tid == self.report.process.pid;
        let main = first || state.main == Some(true);
        let linux = self.report.process.abi.is_none_or(|abi| abi.os == Os::Linux);
        let from_dump = thread.name_from == Some(NameFrom::Dump);
        let command = self.report.process.command.as_deref().unwrap_or_default();
        // `threading` makes up names for threads that it did not start and does not tell the system.
        let dummy = |name: &Text| !from_dump && name.to_string().starts_with("Dummy-");
        let name = match &thread.name {
            Some(name) if from_dump || !(main || dummy(name)) => encode(name),
            _ => {
                if !main {
                    self.note(
                        "the system's name of a thread that threading does not know is not in the dump; \
                         the process's is printed, as threads inherit it",
                    );
                }
                command.as_bytes().to_vec()
            }
        };
        let name = if linux { cut_utf8(&name, MAX_NAME) } else { &name };
        if !name.is_empty() {
            self.puts(" [");
            match linux {
                true => self.text.extend_from_slice(name),
                // Windows keeps a wide string, which is escaped (seen printed by 3.14.2).
                false => self.ascii(&Text::from(String::from_utf8_lossy(name).as_ref())),
            }
            self.puts("]");
        }
    }

    fn body(&mut self, One { thread, state }: One<'_>) {
        let own = |f: &&Frame| f.kind == FrameKind::Python && thread.interpreter_of(f) == Some(state.interpreter);
        let mut frames = thread.frames.iter().filter(own).peekable();
        if let Some(why) = &thread.frames_end {
            self.note(format!("the stack of thread {} is not whole: {why}", thread_label(thread)));
        }
        if frames.peek().is_none() {
            self.puts(self.style.no_frame);
            return;
        }
        let mut depth = 0usize;
        for frame in frames {
            if depth >= MAX_FRAMES {
                self.puts(self.style.deeper);
                return;
            }
            self.frame(frame);
            let shim = self.style.shims_count && frame.entry == Some(true);
            depth = depth.saturating_add(if shim { 2 } else { 1 });
        }
    }

    fn frame(&mut self, frame: &Frame) {
        self.puts("  File ");
        match &frame.file {
            Some(file) => {
                self.puts("\"");
                self.ascii(file);
                self.puts("\"");
            }
            None => self.puts("???"),
        }
        match frame.line {
            Some(line) => self.puts(&format!(", line {line} in ")),
            None => self.puts(", line ??? in "),
        }
        match &frame.function {
            Some(function) => self.ascii(function),
            None => self.puts("???"),
        }
        self.puts("\n");
    }

    /// `_Py_DumpASCII`.
    fn ascii(&mut self, text: &Text) {
        for point in text.code_points().iter().take(MAX_STRING) {
            match *point {
                0x20..=0x7e => self.text.extend(u8::try_from(*point)),
                0..=0x1f | 0x7f..=0xff => self.puts(&format!("\\x{point:02x}")),
                0x100..=0xffff => self.puts(&format!("\\u{point:04x}")),
                _ => self.puts(&format!("\\U{point:08x}")),
            }
        }
        if text.len() > MAX_STRING {
            self.puts("...");
        }
    }

    fn extension_modules(&mut self, interpreter: Option<&Interpreter>) {
        let Some(names) = interpreter.and_then(|i| i.extension_modules.as_ref()) else {
            self.note("the line \"Extension modules\" is left out: sys.modules could not be read");
            return;
        };
        for (index, name) in names.iter().enumerate() {
            self.puts(if index == 0 { "\nExtension modules: " } else { ", " });
            self.ascii(name);
        }
        if !names.is_empty() {
            self.puts(&format!(" (total: {})\n", names.len()));
        }
    }
}

/// How a note names a thread.
fn thread_label(thread: &Thread) -> String {
    match (thread.tid, thread.python.as_ref().and_then(|p| p.ident)) {
        (Some(tid), _) => tid.to_string(),
        (None, Some(ident)) => format!("{ident:#x}"),
        (None, None) => "(unknown)".to_owned(),
    }
}

/// UTF-8 with `?` for lone surrogates, as `_thread.set_name` encodes ("replace").
fn encode(text: &Text) -> Vec<u8> {
    let chars = text.code_points().iter().map(|p| char::from_u32(*p).unwrap_or('?'));
    chars.collect::<String>().into_bytes()
}

/// At most `max` bytes, not ending inside a character.
fn cut_utf8(bytes: &[u8], max: usize) -> &[u8] {
    let mut end = bytes.len().min(max);
    while end < bytes.len() && end > 0 && bytes.get(end).is_some_and(|b| b & 0xc0 == 0x80) {
        end = end.saturating_sub(1);
    }
    bytes.get(..end).unwrap_or(bytes)
}
