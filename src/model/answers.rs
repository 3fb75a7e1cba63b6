//! Answers of the commands about threads, frames and values, as they go over the wire.
//!
//! Text of the process is raw here; `render` escapes it.

use super::address::AddressAnswer;
use super::heap::HeapAnswer;
use super::memory::MemoryAnswer;
use super::tasks::Tasks;
use super::values::Tree;
use super::{ExceptionInfo, Frame, Local, ModuleInfo, Refcount, Report, ThreadStatus, Value};
use crate::base::{Addr, Diagnostic, Text};
use serde::{Deserialize, Serialize};

/// The answer of a command. In JSON that is the answer itself, as the command decides which one it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum Answer {
    /// `bt`, `bt-full`.
    Stacks(Stacks),
    /// `up`, `down`, `frame`.
    Selected(StackEntry),
    /// `step`, `next`, `finish`, `until`, `continue`, `advance`.
    Stepped(Stepped),
    /// `break`, `tbreak`, `catch`, `breakpoints`.
    Breakpoints(Breakpoints),
    /// `list`.
    Source(SourceLines),
    /// `locals`.
    Locals(FramesLocals),
    /// `print`.
    Printed(Box<Printed>),
    /// `object`.
    Object(Box<ObjectAnswer>),
    /// `refcount`.
    References(References),
    /// `threads`.
    Threads(Threads),
    /// `exc`.
    Exceptions(Exceptions),
    /// `tasks`.
    Tasks(Box<Tasks>),
    /// `report`.
    Report(Box<Report>),
    /// `info`.
    Info(Box<Report>),
    /// `modules`.
    Modules(Modules),
    /// `registers`.
    Registers(Registers),
    /// `thread apply all`.
    ForThreads(ForThreads),
    /// `status`.
    Status(Status),
    /// `heap`, `objects`, `strings`, `refs`, `why`, `top`, `audit`.
    Heap(Box<HeapAnswer>),
    /// `memory`.
    Memory(Box<MemoryAnswer>),
    /// `what`.
    Address(AddressAnswer),
    /// A frame by itself: `$py_repr` of a frame object.
    Frame(Box<Frame>),
    /// A value by itself: `$py_repr`.
    Value(Value),
    /// The name of a type: `$py_type`.
    TypeName(String),
    /// Nothing to show: a function whose value is a number, or a list for the debugger's script.
    Nothing(()),
}

/// Stacks of threads.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Stacks {
    /// The threads, as many as were asked for.
    pub threads: Vec<ThreadStack>,
    /// Whether all threads were asked for.
    pub all: bool,
    /// Whether frames have their variables.
    pub full: bool,
}

/// The stack of one thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ThreadStack {
    /// Operating system's thread id, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u64>,
    /// `threading.get_ident()`.
    pub ident: u64,
    /// Its name in `threading`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Whether it is the selected thread.
    pub selected: bool,
    /// Entries further in that were left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub newer_left_out: u64,
    /// Entries, innermost first.
    pub entries: Vec<StackEntry>,
    /// Entries further out that were left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub older_left_out: u64,
    /// Why the stack ends before the outermost frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

/// One entry of a stack: a Python frame, or what native code does between two.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct StackEntry {
    /// Number of its native frame in the debugger, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<u32>,
    /// Whether it is the selected frame.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub selected: bool,
    /// How many more entries follow that are the same line of the same function and are left out: in text only.
    #[serde(skip_serializing_if = "is_zero")]
    pub again: u64,
    /// What it is.
    #[serde(flatten)]
    pub what: EntryKind,
}

/// Where a thread has gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Stepped {
    /// Why it has stopped there.
    pub why: StepEnd,
    /// Whether it is in another frame than before.
    pub entered: bool,
    /// The innermost Python frame; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<Box<Frame>>,
    /// What the debugger says of a stop that is none of ours.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub said: String,
    /// The breakpoint of Python code that has stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breakpoint: Option<u32>,
    /// The exception that was raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raised: Option<String>,
    /// What the watched variable was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// What it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
}

/// Breakpoints of Python code.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Breakpoints {
    /// All of them, or the one that was set.
    pub list: Vec<Breakpoint>,
    /// Whether it was set now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub set: bool,
}

/// One breakpoint of Python code.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Breakpoint {
    /// Its number.
    pub number: u32,
    /// What stops.
    pub kind: BreakKind,
    /// As it was given.
    pub place: String,
    /// File and line of each place in the code.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// Whether it is for one stop.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub temporary: bool,
    /// Its condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// How often it has stopped the process.
    pub hits: u64,
}

/// What a breakpoint of Python code stops at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BreakKind {
    /// A line that begins.
    #[default]
    BeginsLine,
    /// An exception that is raised.
    RaisesException,
    /// A variable that becomes another object.
    ChangesVariable,
}

/// Why a thread has stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StepEnd {
    /// A line begins.
    #[default]
    Line,
    /// A breakpoint of Python code.
    Breakpoint,
    /// The frame has ended or is suspended; its caller goes on.
    Finished,
    /// The thread's outermost Python frame has ended.
    Ended,
    /// The process has ended.
    Exited,
    /// The debugger has another reason: a breakpoint, a signal.
    Stopped,
    /// CPython's JIT compiler has made machine code of what comes next, which does not say where it is.
    Compiled,
}

/// What an entry of a stack is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "entry_kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EntryKind {
    /// A Python frame.
    Frame(NumberedFrame),
    /// A native frame.
    Native(Frame),
    /// Native code calls a function object.
    Call {
        /// The object; absent where it is not known which.
        #[serde(skip_serializing_if = "Option::is_none")]
        callable: Option<Value>,
    },
    /// The thread waits for the GIL.
    WaitingForGil,
    /// The thread collects garbage.
    Collecting,
}

/// A Python frame with its number in the thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct NumberedFrame {
    /// Counted from 0, the innermost Python frame.
    pub number: u64,
    /// The frame.
    #[serde(flatten)]
    pub frame: Frame,
}

/// Lines of a source file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SourceLines {
    /// `co_filename`.
    pub file: Text,
    /// Number of the first line.
    pub first: u32,
    /// The line that the selected frame is at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<u32>,
    /// The lines, without their ends.
    pub lines: Vec<String>,
    /// Why they are likely not those that ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
}

/// Variables of frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FramesLocals {
    /// The selected frame and, as CPython's script for gdb has it, those that the same evaluation loop runs.
    pub frames: Vec<FrameLocals>,
    /// Whether more of these follow.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// Variables of one frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FrameLocals {
    /// Counted from 0, the innermost Python frame.
    pub number: u64,
    /// `co_name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<Text>,
    /// The variables.
    pub locals: Vec<Local>,
    /// `__names__` of a module's namespace that are left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub hidden: u64,
    /// What could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// Where the first name of a path was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Scope {
    /// Among the locals of the frame.
    Local,
    /// Among the globals of its module.
    Global,
    /// Among the builtins.
    Builtin,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Printed {
    /// The path as it was given.
    pub path: String,
    /// Where its first name was found; absent for an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// The value with what is in it.
    #[serde(flatten)]
    pub tree: Tree,
}

/// References to an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct References {
    /// The path as it was given; absent for an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The object.
    pub addr: Addr,
    /// Its reference count.
    #[serde(flatten)]
    pub count: ReferenceCount,
}

/// A reference count as it is in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReferenceCount {
    /// What it means.
    #[serde(flatten)]
    pub refcount: Refcount,
    /// The field in memory (the shared one in free-threaded builds).
    pub raw: u64,
    /// Whether no living object has such a count.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub absurd: bool,
}

/// All that is known of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ObjectAnswer {
    /// The path as it was given; absent for an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its address; absent for what Python would make when asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr: Option<Addr>,
    /// Its type with module.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Address of the type object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub type_addr: Option<Addr>,
    /// Types from its own to `object`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mro: Vec<String>,
    /// Its value.
    pub value: Value,
    /// Bytes, without what the garbage collector puts before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its reference count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub references: Option<ReferenceCount>,
    /// Why its reference count cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub references_problem: Option<String>,
    /// State in the garbage collector; absent for types that do not take part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gc: Option<CollectorState>,
    /// Length of a container or string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Facts of the type's own: the line of a generator.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<(String, String)>,
    /// Attributes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<ObjectAttribute>,
    /// Whether there are more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_attributes: bool,
    /// Items of a container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ObjectItem>,
    /// What could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Its memory, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<MemoryWord>,
    /// Whether there is more of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_words: bool,
}

/// A word of an object's memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct MemoryWord {
    /// Bytes from the object's address; what the garbage collector puts before it is negative.
    pub offset: i64,
    /// What is there.
    pub value: Addr,
    /// Fields that begin there, as C or `__slots__` name them, as far as they are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// The object that it is the address of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Value>,
}

/// What the garbage collector knows of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CollectorState {
    /// It is tracked.
    pub tracked: bool,
    /// Its finalizer has run.
    pub finalized: bool,
    /// A collection was at it.
    pub collecting: bool,
}

/// Where an attribute is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AttributePlace {
    /// The instance's `__dict__`, in whatever form.
    Dict,
    /// A slot declared by `__slots__`.
    Slot,
    /// A field of a native type's struct.
    Field,
}

/// An attribute of an object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ObjectAttribute {
    /// Its name.
    pub name: String,
    /// Where it is kept.
    pub place: AttributePlace,
    /// Its value.
    pub value: Value,
}

/// An item of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ObjectItem {
    /// Its key, in mappings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// Its value.
    pub value: Value,
}

/// Threads as Python knows them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Threads {
    /// The threads, in CPython's order.
    pub threads: Vec<ThreadRow>,
}

/// One thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ThreadRow {
    /// Operating system's thread id, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u64>,
    /// `threading.get_ident()`; 0 for one that is being started.
    pub ident: u64,
    /// Its name in `threading`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Whether it is the selected thread.
    pub selected: bool,
    /// Whether it holds the GIL.
    pub holds_gil: bool,
    /// Whether it may run Python code, when known (3.13+).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ThreadStatus>,
    /// Id of its interpreter, where there are several; the innermost that it works in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<i64>,
    /// Ids of the others that it runs frames of, from the innermost outwards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outer_interpreters: Vec<i64>,
    /// Its innermost Python frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<Frame>,
    /// Why there is none, when that is not because it runs no Python code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

/// Answers to one command for each of several threads.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ForThreads {
    /// The threads.
    pub threads: Vec<ForThread>,
}

/// The answer for one thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ForThread {
    /// Operating system's thread id.
    pub tid: u64,
    /// Its name in `threading`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Executables and libraries of the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Modules {
    /// They, by address.
    pub modules: Vec<ModuleInfo>,
}

/// Registers of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Registers {
    /// Operating system's thread id.
    pub tid: u64,
    /// Names and values.
    pub registers: Vec<(String, Addr)>,
}

/// Exceptions of a thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Exceptions {
    /// The exception being raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raising: Option<ExceptionInfo>,
    /// Exceptions being handled, innermost first.
    pub handling: Vec<ExceptionInfo>,
}

/// State of the program and of what it looks at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Where the command was given: `protocol 3` of a debugger's script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Kind of process, for people; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// The core, where it is read from disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core: Option<String>,
    /// What is known of the process; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<StatusOfProcess>,
    /// What the command cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<StatusCost>,
}

/// What is known of the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct StatusOfProcess {
    /// How many threads it has.
    pub threads: u64,
    /// How many modules.
    pub modules: u64,
    /// The selected thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<u64>,
    /// Where that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<Addr>,
    /// The module that this is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_module: Option<String>,
    /// Version of its CPython with its ABI flags; absent where none was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// The module that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python_module: Option<String>,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}

/// What a command cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct StatusCost {
    /// Questions to the debugger.
    pub requests: u64,
    /// Bytes that were moved.
    pub bytes: u64,
    /// Of these, bytes of the process's memory.
    pub memory: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
