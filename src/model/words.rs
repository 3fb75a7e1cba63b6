//! The words of the report: each an enum that serialises itself, so that the schema and the code cannot differ.
//!
//! On the wire a word is its variant's name in kebab-case; `alias` is what schema 1.x wrote. Of a report of a newer
//! version a word may be unknown: that reads as `Unknown`, which nothing writes.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Declares enums of words, each with what all of them have in common.
macro_rules! words {
    ($($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident,)* })*) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
            /// A word that this version does not know.
            #[serde(other)]
            #[cfg_attr(feature = "schema", schemars(skip))]
            Unknown,
        }

        /// The same word as in JSON.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.serialize(f)
            }
        }
    )* };
}

words! {
    /// What a process was read from.
    SourceKind {
        /// ELF core file.
        #[serde(alias = "elf_core")]
        ElfCore,
        /// Minidump.
        Minidump,
        /// A running process.
        Live,
        /// A process inside gdb or lldb.
        Debugger,
    }

    /// What became of the search for a module's file.
    FileStatus {
        /// Found, and it is the file that was mapped.
        Ok,
        /// No file.
        Missing,
        /// Only files of another build were found; none is used.
        #[serde(alias = "build_id_mismatch")]
        BuildIdMismatch,
        /// A file was found, but nothing in the dump tells whether it is the one: it gives symbols, not memory.
        Unverified,
        /// A file was found that cannot be read or is not an executable.
        Unreadable,
    }

    /// How the version of a CPython was learnt.
    VersionFrom {
        /// `_Py_DebugOffsets` (3.13+).
        DebugOffsets,
        /// The exported `Py_Version` (3.11+).
        #[serde(alias = "Py_Version")]
        PyVersion,
        /// `sys.hexversion` in the process.
        #[serde(rename = "sys-hexversion", alias = "sys.hexversion")]
        SysHexVersion,
        /// The version resource of the module's file (Windows).
        FileVersion,
        /// The name of the module's file, which has no micro version.
        FileName,
        /// Nothing but the shape of the data.
        Structure,
    }

    /// How the runtime (or, without it, the interpreter) was found.
    FoundBy {
        /// Exported symbol.
        Dynsym,
        /// Symbol of `.symtab`, in the file or its debug file.
        Symtab,
        /// Section `.PyRuntime` (3.10+).
        PyruntimeSection,
        /// Cookie of `_Py_DebugOffsets` (3.13+) in writable memory.
        DebugOffsetsScan,
        /// A pointer to a `PyInterpreterState` in writable memory.
        InterpreterScan,
    }

    /// Who supplied the offset of a field, weakest first.
    LayoutProvider {
        /// Built-in table of this minor version.
        Table,
        /// DWARF of the process's own libpython.
        Dwarf,
        /// `_Py_DebugOffsets` in the process.
        #[serde(alias = "debug_offsets")]
        DebugOffsets,
    }

    /// State of the runtime.
    RuntimeState {
        /// Between `Py_Initialize` and `Py_Finalize`.
        Initialized,
        /// `Py_Finalize` runs.
        Finalizing,
        /// Before the end of `Py_Initialize`, or after that of `Py_Finalize`.
        NotInitialized,
    }

    /// Who knows a thread's name.
    NameFrom {
        /// Python's `threading` module.
        Threading,
        /// The dump or the kernel.
        Dump,
    }

    /// `tstate->state` (3.13+, `_Py_THREAD_*` of pycore_pystate.h).
    ThreadStatus {
        /// May run Python code (in builds with a GIL: holds it).
        Attached,
        /// Runs native code without touching Python, or waits.
        Detached,
        /// Stopped by a stop-the-world pause.
        Suspended,
    }

    /// What a thread sleeps on.
    WaitKind {
        /// The GIL.
        Gil,
        /// A `threading.Lock`.
        Lock,
        /// A `threading.RLock`.
        #[serde(rename = "rlock")]
        RLock,
        /// The lock of an import.
        #[serde(alias = "module_lock")]
        ModuleLock,
        /// The end of another thread.
        Thread,
        /// Something that nobody owes: a condition, an event.
        Notification,
        /// The result of a Future.
        Result,
        /// A mutex of C code.
        Mutex,
        /// A read-write lock of C code.
        #[serde(rename = "rwlock")]
        RwLock,
        /// The end of what `pthread_once` runs.
        Once,
        /// The start of a static variable of a C++ function.
        StaticGuard,
        /// A condition variable of C code.
        Condition,
        /// A semaphore of C code.
        Semaphore,
        /// Nothing any more: the interpreter has come to its end.
        Finalized,
        /// The end of a child process.
        Child,
    }

    /// State of a task.
    TaskState {
        /// It was made and has not begun.
        NotStarted,
        /// It runs now, or called what runs.
        Running,
        /// It waits for something.
        Waiting,
        /// What it waited for is there: its loop will run it.
        Runnable,
        /// It ended with a result.
        Finished,
        /// It ended with an exception.
        Failed,
        /// It was cancelled.
        Cancelled,
    }

    /// What listed a task.
    TaskFrom {
        /// The list of the thread that made it (3.14+).
        ThreadTasks,
        /// The list of its interpreter, of threads that have ended (3.14+).
        InterpreterTasks,
        /// asyncio's set of scheduled tasks.
        ScheduledTasks,
        /// asyncio's set of tasks that have not suspended yet (3.12+).
        EagerTasks,
        /// Another task waits for it, or its loop runs it.
        OtherTasks,
        /// Nothing of asyncio: it was found among all objects.
        HeapTasks,
    }

    /// What a task waits for.
    TaskWaitKind {
        /// Another task.
        OneTask,
        /// All of several (`asyncio.gather`).
        Gather,
        /// Some of several (`asyncio.wait`).
        WaitMany,
        /// The next of several (`asyncio.as_completed`).
        AsCompleted,
        /// One that is shielded from being cancelled (`asyncio.shield`).
        Shield,
        /// The tasks of a group (`asyncio.TaskGroup`).
        TaskGroup,
        /// The tasks of a nursery (trio).
        Nursery,
        /// A time (`asyncio.sleep`).
        Sleep,
        /// An `asyncio.Lock`.
        AsyncLock,
        /// An `asyncio.Event`.
        AsyncEvent,
        /// An `asyncio.Condition`.
        AsyncCondition,
        /// An `asyncio.Semaphore`.
        AsyncSemaphore,
        /// An `asyncio.Barrier`.
        AsyncBarrier,
        /// Something in an `asyncio.Queue`.
        QueueGet,
        /// Room in an `asyncio.Queue`.
        QueuePut,
        /// That all of an `asyncio.Queue` is done.
        QueueJoin,
        /// A job in a thread or process of an executor.
        ExecutorJob,
        /// The end of a subprocess.
        ChildProcess,
        /// A socket to be read from.
        SocketRead,
        /// A socket to be written to.
        SocketWrite,
        /// A connection that comes in.
        SocketAccept,
        /// A connection that goes out.
        SocketConnect,
        /// Bytes of a stream.
        StreamRead,
        /// Room in the buffer of a stream.
        StreamWrite,
        /// The end of a stream or server.
        Closing,
        /// A future of the program itself.
        PlainFuture,
        /// An object that is none of asyncio.
        OtherAwaitable,
    }

    /// What a suspended object is.
    SuspendedKind {
        /// A generator.
        Generator,
        /// A coroutine.
        Coroutine,
        /// An asynchronous generator.
        AsyncGenerator,
    }

    /// State of a generator that does not run.
    SuspendedState {
        /// It was made and has not begun.
        NotStarted,
        /// At a `yield` of its own.
        Suspended,
        /// In `await` or `yield from`.
        Waiting,
    }

    /// State of a greenlet.
    GreenletState {
        /// It was made and has not begun.
        NotStarted,
        /// It was switched away from.
        Suspended,
        /// Its thread runs it.
        Running,
        /// It has come to its end.
        Finished,
    }

    /// What the workers of a pool are.
    PoolKind {
        /// Threads of the process.
        Threads,
        /// Processes that it started.
        Processes,
    }

    /// What processes are connected by.
    ChannelKind {
        /// A pipe.
        Pipe,
        /// A socket of TCP.
        Socket,
        /// A Unix socket.
        UnixSocket,
        /// No channel: one is a child process of the other, which waits for its end.
        Child,
    }

    /// How the owner of a lock is known.
    OwnerFrom {
        /// The lock itself records it.
        Recorded,
        /// A frame of the thread is inside of what is waited for.
        Stack,
        /// No more than that a frame of the thread is inside of a `with` block on the lock.
        With,
    }

    /// How an exception led to another.
    ExceptionRelation {
        /// `__cause__`: raised from it.
        Cause,
        /// `__context__`: raised while it was handled.
        Context,
    }

    /// Python or native.
    #[derive(Default)]
    FrameKind {
        /// A frame of Python code.
        #[default]
        Python,
        /// A frame of native code.
        Native,
    }

    /// Who owns a Python frame's memory (`_PyInterpreterFrame.owner`).
    FrameOwner {
        /// A frame object of its own (3.8 to 3.10).
        Object,
        /// The thread's data stack.
        Thread,
        /// A generator, coroutine or async generator.
        Generator,
        /// A frame object that outlived its call.
        #[serde(alias = "frame_object")]
        FrameObject,
    }

    /// How a native frame was found.
    Trust {
        /// The thread's own registers.
        Context,
        /// Call frame information.
        Cfi,
        /// Registers that the kernel saved when it delivered a signal.
        Signal,
        /// The frame pointer chain; frames without frame pointer may be missing.
        #[serde(alias = "frame_pointer")]
        FramePointer,
        /// A word on the stack that looks like a return address; the frame may be stale.
        Scan,
        /// Debug information: the function was inlined into the frame outside of it.
        Inline,
    }

    /// Kind of a local variable.
    #[derive(Default)]
    LocalKind {
        /// Parameter.
        Argument,
        /// Local variable.
        #[default]
        Local,
        /// Local variable or parameter that inner functions use.
        Cell,
        /// Variable of an outer function.
        Free,
        /// Entry of the namespace of a module or class body.
        Name,
    }

    /// How far a shown value is what Python would have printed.
    #[derive(Default)]
    Fidelity {
        /// Text for text what `repr()` prints.
        #[default]
        Exact,
        /// The type's `repr` is user code: type, address and attributes instead.
        Structural,
        /// Cut by a limit.
        Cut,
        /// Something was unreadable or corrupt, or is read by a layout that its sources dispute.
        Damaged,
    }
}

/// How sure a rule is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Confidence {
    /// A hint; a word that this version does not know counts as one.
    #[default]
    Low,
    /// Likely.
    Medium,
    /// The evidence leaves no other reading.
    High,
}

impl<'de> Deserialize<'de> for Confidence {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let word = String::deserialize(d)?;
        let known = [Confidence::Low, Confidence::Medium, Confidence::High];
        Ok(known.into_iter().find(|c| c.to_string() == word).unwrap_or_default())
    }
}

/// The same word as in JSON.
impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A report that does not say is not taken to say anything.
impl Default for WaitKind {
    fn default() -> Self {
        WaitKind::Unknown
    }
}

/// As for [`WaitKind`].
impl Default for TaskState {
    fn default() -> Self {
        TaskState::Unknown
    }
}

/// As for [`WaitKind`].
impl Default for TaskFrom {
    fn default() -> Self {
        TaskFrom::Unknown
    }
}

/// As for [`WaitKind`].
impl Default for GreenletState {
    fn default() -> Self {
        GreenletState::Unknown
    }
}

/// As for [`WaitKind`].
impl Default for PoolKind {
    fn default() -> Self {
        PoolKind::Unknown
    }
}

/// As for [`WaitKind`].
impl Default for ChannelKind {
    fn default() -> Self {
        ChannelKind::Unknown
    }
}

/// As for [`WaitKind`].
impl Default for SuspendedKind {
    fn default() -> Self {
        SuspendedKind::Unknown
    }
}

/// As for [`WaitKind`].
impl Default for SuspendedState {
    fn default() -> Self {
        SuspendedState::Unknown
    }
}

/// As for [`WaitKind`].
impl Default for TaskWaitKind {
    fn default() -> Self {
        TaskWaitKind::Unknown
    }
}

/// As for [`WaitKind`].
impl Default for ExceptionRelation {
    fn default() -> Self {
        ExceptionRelation::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(word: &str) -> T {
        serde_json::from_value(word.into()).unwrap()
    }

    #[test]
    fn words_of_schema_1_are_read_and_unknown_ones_are_no_error() {
        assert_eq!(read::<FileStatus>("build_id_mismatch"), FileStatus::BuildIdMismatch);
        assert_eq!(read::<SourceKind>("elf_core"), SourceKind::ElfCore);
        assert_eq!(read::<VersionFrom>("sys.hexversion"), VersionFrom::SysHexVersion);
        assert_eq!(read::<VersionFrom>("Py_Version"), VersionFrom::PyVersion);
        assert_eq!(read::<LayoutProvider>("debug_offsets"), LayoutProvider::DebugOffsets);
        assert_eq!(read::<WaitKind>("module_lock"), WaitKind::ModuleLock);
        assert_eq!(read::<FrameOwner>("frame_object"), FrameOwner::FrameObject);
        assert_eq!(read::<Trust>("frame_pointer"), Trust::FramePointer);
        assert_eq!(read::<Trust>("by-oracle"), Trust::Unknown);
        assert_eq!(read::<Confidence>("absolute"), Confidence::Low);
    }

    #[test]
    fn words_are_shown_as_they_are_written() {
        for (word, shown) in [
            ("build-id-mismatch", FileStatus::BuildIdMismatch.to_string()),
            ("pyruntime-section", FoundBy::PyruntimeSection.to_string()),
            ("rlock", WaitKind::RLock.to_string()),
            ("sys-hexversion", VersionFrom::SysHexVersion.to_string()),
        ] {
            assert_eq!(shown, word);
        }
        assert_eq!(serde_json::to_value(WaitKind::RLock).unwrap(), "rlock");
    }
}
