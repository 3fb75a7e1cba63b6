//! The report model: what every renderer, the triager and the debugger bridge see.
//!
//! Every part may be absent; a consumer must accept unknown enum values and fields. Addresses are hex strings,
//! lines and columns count from 1 and 0 as Python's do (`co_positions`): lines from 1, columns in UTF-8 bytes from 0.

pub mod address;
pub mod answers;
pub mod audit;
pub mod hang;
pub mod heap;
pub mod integrity;
pub mod memory;
pub mod tasks;
pub mod values;

use crate::base::{Abi, Addr, Diagnostic, DiagnosticCode, Text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod finding_ids;
mod words;

pub use finding_ids::FindingId;
pub use words::{
    ChannelKind, Confidence, ExceptionRelation, Fidelity, FileStatus, FoundBy, FrameKind, FrameOwner, GreenletState,
    LayoutProvider, LocalKind, NameFrom, OwnerFrom, PoolKind, RuntimeState, SourceKind, SuspendedKind, SuspendedState,
    TaskFrom, TaskState, TaskWaitKind, ThreadStatus, Trust, VersionFrom, WaitKind,
};

/// Version of the JSON schema: `MAJOR.MINOR`. New optional fields raise MINOR, anything else MAJOR.
pub const SCHEMA_VERSION: &str = "2.1";

/// The version of a report that was read: one of schema 1.x is one of this version, since the words that changed are
/// read as those of this version.
fn read_schema_version<'de, D: serde::Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let version = String::deserialize(d)?;
    Ok(if version.split('.').next() == Some("1") { SCHEMA_VERSION.to_owned() } else { version })
}

/// A crash report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Report {
    /// Version of this schema.
    #[serde(deserialize_with = "read_schema_version")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub schema_version: String,
    /// `pyinquest` and its version.
    pub tool: String,
    /// What was read.
    pub source: Source,
    /// The process as a whole.
    pub process: Process,
    /// What ended the process; absent for one that was only stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash: Option<CrashReport>,
    /// The CPython found in it; absent when there is none (a diagnostic says why).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<Python>,
    /// Interpreters, main one first.
    pub interpreters: Vec<Interpreter>,
    /// Threads: the crashing one first, then in the order of CPython's list (newest first), then native ones.
    pub threads: Vec<Thread>,
    /// Tasks of asyncio and their event loops, where there are some. At most some thousands are read for a report: a
    /// diagnostic says where there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<tasks::Tasks>,
    /// Executables and libraries in the process.
    pub modules: Vec<ModuleInfo>,
    /// What the rules found, most likely cause first.
    pub findings: Vec<Finding>,
    /// Crash signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Parts that are missing in the source.
    pub missing: Vec<Missing>,
    /// What is missing or doubtful in this report.
    pub diagnostics: Vec<Diagnostic>,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Source {
    /// Kind of source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<SourceKind>,
    /// File, for dumps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Size of the file in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// The process as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Process {
    /// Process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// Parent's process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ppid: Option<u64>,
    /// Short command name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Command line, as the system shows it: a program may show a title instead. Where the stack of the process is not in the
    /// dump, a core has 79 bytes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// Command line that Python was started with (`sys.orig_argv`, 3.10 and later), where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_as: Option<String>,
    /// Main executable as the process saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// Instruction set, byte order, data model, operating system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abi: Option<Abi>,
    /// What the program and its modules stored for their crash reporter (Crashpad).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Annotation>,
}

/// A name and a value that a program stored for its crash reporter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Annotation {
    /// Name; that of a module's annotation begins with the module.
    pub name: String,
    /// Value.
    pub value: String,
}

/// What ended the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct CrashReport {
    /// Thread it happened in (Linux LWP id, Windows thread id).
    pub tid: u64,
    /// Signal number, on Unix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Windows exception code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception_code: Option<u32>,
    /// `SIGSEGV`, `EXCEPTION_ACCESS_VIOLATION`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `si_code` and its name (`SEGV_MAPERR`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// Name of `code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_name: Option<String>,
    /// Address that was accessed (SIGSEGV, SIGBUS, access violation) or executed (SIGILL, SIGFPE).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_addr: Option<Addr>,
    /// Instruction pointer of the crashed thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction: Option<Addr>,
    /// Pid that sent the signal, for one that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_pid: Option<i32>,
    /// One line for people: "SIGSEGV: address 0x0 not mapped".
    pub summary: String,
    /// What CPython said when it ended the process itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fatal_error: Option<FatalError>,
}

/// What `Py_FatalError` and its like print before they abort (`fatal_error` of Python/pylifecycle.c). What the dump does not
/// tell is absent, and `unread` says so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct FatalError {
    /// Function named in front of the message; none is where `Py_FatalError` was called as a function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<Text>,
    /// The message, with what was put into its format; bytes that are no UTF-8 as lone surrogates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Text>,
    /// Last line of the exception that was set and had no traceback: `SystemError: f returned NULL without setting an exception`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Text>,
    /// What of it the dump does not tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// The CPython found in the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Python {
    /// `3.13.5`, `3.15.0rc1`; `3.10` where the micro version is not known.
    pub version: String,
    /// `PY_VERSION_HEX`, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_hex: Option<u32>,
    /// How the version was learnt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_from: Option<VersionFrom>,
    /// `--with-pydebug`; absent when not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug_build: Option<bool>,
    /// `--disable-gil`; absent when not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_threaded: Option<bool>,
    /// Address of `_PyRuntime`, when found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Addr>,
    /// How the runtime (or, without it, the interpreter) was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_by: Option<FoundBy>,
    /// Path of the module that holds the runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The same module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_id: Option<ModuleId>,
    /// How many field offsets came from which provider.
    pub layout_providers: BTreeMap<LayoutProvider, u32>,
    /// Name of the built-in table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout_table: Option<String>,
    /// Runtime state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<RuntimeState>,
    /// Thread state that runs or ran `Py_Finalize`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finalizing: Option<Addr>,
    /// Whether a thread that is shown without a Python state may have one: a list of thread states breaks off, or it is not
    /// known which thread one belongs to.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub threads_missing: bool,
}

impl Report {
    /// The module of a native frame: by its id, in reports of schema 1.x by its path.
    #[must_use]
    pub fn module_of(&self, frame: &NativeFrame) -> Option<&ModuleInfo> {
        match frame.module_id {
            Some(id) => self.modules.iter().find(|m| m.id == Some(id)),
            None => self.modules.iter().find(|m| Some(&m.path) == frame.module.as_ref()),
        }
    }

    /// Why no CPython is shown, where none is: it was not found, or is one that cannot be read.
    #[must_use]
    pub fn why_no_python(&self) -> Option<&Diagnostic> {
        self.diagnostics
            .iter()
            .find(|d| d.code == DiagnosticCode::NoPython || d.code == DiagnosticCode::UnsupportedPython)
    }

    /// Whether a thread that is shown without a Python state has none: all thread states of the process are known.
    #[must_use]
    pub fn knows_all_thread_states(&self) -> bool {
        self.python.as_ref().is_some_and(|python| !python.threads_missing)
    }
}

/// One interpreter of the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Interpreter {
    /// `PyInterpreterState.id`.
    pub id: i64,
    /// Address of the `PyInterpreterState`.
    pub addr: Addr,
    /// Whether it is the main interpreter.
    pub main: bool,
    /// The function that evaluates frames instead of CPython's own loop (PEP 523), where one is set and can be told: its name
    /// and its module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_evaluator: Option<String>,
    /// Whether the garbage collector runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gc_collecting: Option<bool>,
    /// Whether it holds its own GIL (or, before 3.12, the process has one); absent when not known or no GIL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gil_locked: Option<bool>,
    /// Whether there is a GIL to take: always in an ordinary build, decided at run time in a free-threaded one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gil_enabled: Option<bool>,
    /// Thread that holds the GIL (its `tstate`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gil_holder: Option<Addr>,
    /// Names of extension modules as faulthandler would list them, in `sys.modules` order (3.10+).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension_modules: Option<Vec<Text>>,
    /// The last garbage collections, the latest first, as far as the interpreter keeps them (3.15).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<GcCollection>,
}

/// A garbage collection that has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct GcCollection {
    /// Its generation, 0 is the youngest.
    pub generation: u8,
    /// How many collections of this generation there were, with this one.
    pub number: u64,
    /// When it ended, in nanoseconds of the system's monotonic clock.
    pub ended_ns: i64,
    /// How long it took, in nanoseconds.
    pub duration_ns: u64,
    /// Objects that it freed; absent where that is not kept any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collected: Option<u64>,
    /// Objects that were garbage and could not be freed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncollectable: Option<u64>,
    /// Objects that it looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<u64>,
}

/// A thread with everything known of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Thread {
    /// Operating system's thread id; absent when it could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u64>,
    /// Name, and in `name_from` who knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Where the name comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_from: Option<NameFrom>,
    /// Whether the crash happened in it.
    pub crashed: bool,
    /// Its Python side; absent for a thread without a thread state. Where it has thread states in several interpreters, that
    /// of the innermost one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonThread>,
    /// Its thread states in other interpreters, from the innermost outwards; those that run nothing last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outer_states: Vec<PythonThread>,
    /// Frames, innermost first. Python frames alone, or merged with native frames when those were asked for.
    pub frames: Vec<Frame>,
    /// Why the frames end before the outermost one, or why there are none. Absent for a whole stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_end: Option<String>,
    /// What it sleeps on, where that is a lock, the GIL, or another thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Wait>,
    /// Registers by name, for the crashed thread or on request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registers: Option<Vec<(String, Addr)>>,
    /// Machine code around the instruction pointer, for the crashed thread or on request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Vec<Instruction>>,
}

impl Thread {
    /// Its thread states, that of the innermost interpreter first.
    pub fn states(&self) -> impl Iterator<Item = &PythonThread> {
        self.python.iter().chain(&self.outer_states)
    }

    /// Whether it is the main thread.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.states().any(|state| state.main == Some(true))
    }

    /// The interpreter that runs a Python frame of it.
    #[must_use]
    pub fn interpreter_of(&self, frame: &Frame) -> Option<i64> {
        frame.interpreter.or(self.python.as_ref().map(|python| python.interpreter))
    }
}

/// What a thread sleeps on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Wait {
    /// What kind of thing it is.
    pub kind: WaitKind,
    /// The same for people: `the RLock at 0x7f...`.
    pub what: String,
    /// Address of the lock object or mutex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr: Option<Addr>,
    /// Whether the wait ends by itself after a time.
    pub timed: bool,
    /// Thread id of the one that has it, or whose end is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<u64>,
    /// The owner that is recorded, where the process has no such thread: `thread 42`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_gone: Option<String>,
    /// How the owner is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_from: Option<OwnerFrom>,
    /// For `with`: the place of that frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_at: Option<String>,
}

/// One machine instruction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Instruction {
    /// Its address.
    pub addr: Addr,
    /// Its bytes as hex.
    pub bytes: String,
    /// Disassembly, in AT&T syntax for x86-64.
    pub text: String,
    /// Whether it is the one at the instruction pointer.
    pub current: bool,
}

/// The Python side of a thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct PythonThread {
    /// Address of the `PyThreadState`.
    pub tstate: Addr,
    /// Interpreter it belongs to.
    pub interpreter: i64,
    /// Place in CPython's list of the interpreter's threads, 0 for its head (the newest thread).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
    /// Whether `PyGILState_GetThisThreadState()` gives this thread state in the crashed thread: faulthandler's
    /// "Current thread".
    pub current: bool,
    /// `threading.get_ident()`: `pthread_t`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ident: Option<u64>,
    /// Whether it is the main thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main: Option<bool>,
    /// Whether it holds the GIL; absent when not known or in a build without GIL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds_gil: Option<bool>,
    /// Whether it may run Python code, when known (3.13+).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ThreadStatus>,
    /// Whether it runs the garbage collector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collecting: Option<bool>,
    /// The exception being raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raising: Option<ExceptionInfo>,
    /// Exceptions being handled, innermost first.
    pub handling: Vec<ExceptionInfo>,
}

/// An exception with its traceback.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct ExceptionInfo {
    /// The exception object.
    pub value: Value,
    /// Last line of the traceback as Python prints it: `ValueError: bad`.
    pub summary: String,
    /// Traceback, outermost first.
    pub traceback: Vec<TracebackEntry>,
    /// `__cause__` or `__context__`, with which of both it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<Box<ExceptionLink>>,
}

/// Why an exception was raised during another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct ExceptionLink {
    /// Which of both it is.
    pub relation: ExceptionRelation,
    /// The other exception.
    pub exception: ExceptionInfo,
}

/// One entry of a traceback.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct TracebackEntry {
    /// `co_filename`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Text>,
    /// Line number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<Text>,
}

/// One frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Frame {
    /// Python or native.
    pub kind: FrameKind,
    /// `co_filename`, or the source file of native code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Text>,
    /// Line being executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Last line of the expression being executed (3.11+).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// First column of it, in UTF-8 bytes from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// Column after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_column: Option<u32>,
    /// `co_name`, or the (demangled) native function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<Text>,
    /// `co_qualname` (3.11+).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qualname: Option<Text>,
    /// Source line, when the file is available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Python: address of the frame. Native: stack pointer (CFA) when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr: Option<Addr>,
    /// Python: address of the code object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Addr>,
    /// Python: offset of the instruction in bytes (`f_lasti`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasti: Option<i64>,
    /// Python: who owns the frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<FrameOwner>,
    /// Python: id of the interpreter that runs it; absent where all frames of the thread are those of its `python`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<i64>,
    /// Python: whether a C evaluation loop was entered for this frame (its caller is native code).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<bool>,
    /// Python: for such a frame an address inside the C frame of that loop, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_sp: Option<Addr>,
    /// Locals, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locals: Option<Vec<Local>>,
    /// Its locals were asked for and not read: of a thread with very many frames those in the middle are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub locals_left_out: bool,
    /// What could not be read of this frame.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Native part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<NativeFrame>,
}

/// The native part of a frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct NativeFrame {
    /// Instruction pointer (innermost frame) or return address.
    pub ip: Addr,
    /// Module's path, for people: a file may be mapped twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_id: Option<ModuleId>,
    /// Offset from the module's base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_offset: Option<Addr>,
    /// Nearest symbol, as it stands in the symbol table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Offset from that symbol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol_offset: Option<u64>,
    /// Name under which Python calls this function, from a method table of its module (`PyMethodDef.ml_name`) or the object
    /// that binds it; for
    /// functions of the crashed thread that were called since the innermost Python frame, of the interpreter's those
    /// without another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// How the frame was found; absent where it stands for frames that are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
    /// Whether the function was inlined into the next (outer) native frame.
    pub inlined: bool,
    /// Whether it is interpreter plumbing, hidden by default. Where a thread stands, and what a signal interrupted, is none.
    pub plumbing: bool,
}

/// One local variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Local {
    /// Name.
    pub name: Text,
    /// Kind.
    pub kind: LocalKind,
    /// Value; absent when unbound (or see `problem`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Why there is no value, when that is not simply because the variable is unbound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A Python object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Value {
    /// What `repr()` would print, or a truthful structural form.
    pub repr: String,
    /// `type(x).__name__`, when readable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Address.
    pub addr: Addr,
    /// Whether `repr` is what Python would have printed.
    pub fidelity: Fidelity,
    /// Reference count, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refcount: Option<Refcount>,
}

/// A reference count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Refcount {
    /// What `sys.getrefcount` would give (without its own reference); absent for immortal objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    /// Immortal (3.12+; 3.11: in static storage, with a count that starts near a billion).
    pub immortal: bool,
    /// Free-threaded: references of the owning thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<u32>,
    /// Free-threaded: references of other threads (bias removed).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<i64>,
    /// Free-threaded: deferred counting is in use, so `count` is a lower bound.
    pub deferred: bool,
}

/// Which module of the process: its place in the process's list, by which the parts of one report refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ModuleId(u32);

impl ModuleId {
    /// The module at a place of the process's list; none beyond 2^32.
    #[must_use]
    pub fn new(index: usize) -> Option<ModuleId> {
        u32::try_from(index).ok().map(ModuleId)
    }

    /// The place in the process's list. (In a report that was shortened not that in the report's.)
    #[must_use]
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A module of the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct ModuleInfo {
    /// By which frames refer to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ModuleId>,
    /// Path as the process saw it.
    pub path: String,
    /// First address.
    pub base: Addr,
    /// First address after it.
    pub end: Addr,
    /// Build-id as hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// File used for it on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What became of the search for that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_status: Option<FileStatus>,
}

/// A part that is missing in the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Missing {
    /// First address.
    pub start: Addr,
    /// Length in bytes.
    pub size: u64,
    /// Why.
    pub why: String,
}

/// What a rule found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Finding {
    /// The rule.
    pub id: FindingId,
    /// One line for people.
    pub title: String,
    /// How sure.
    pub confidence: Confidence,
    /// Facts it rests on, a line each.
    pub evidence: Vec<String>,
    /// Thread it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u64>,
    /// Module of the crashed thread's innermost frame that is neither the interpreter's nor the C run time's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_id: Option<ModuleId>,
    /// What usually causes this or what to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// Crash signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Signature {
    /// Frames and cause, normalised.
    pub exact: String,
    /// Coarser key.
    pub coarse: String,
    /// Title a person would write.
    pub title: String,
}
