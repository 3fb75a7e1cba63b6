//! [`FindingId`]: which rule found something.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The rule that found something. Stable; in JSON, text and triage rules the variant's name in kebab-case
/// (`null-pointer`). `docs/findings.md` says what each looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FindingId {
    // Accesses to memory.
    /// An access close to address zero.
    NullPointer,
    /// A small number was used as a pointer.
    SmallIntegerAsPointer,
    /// The result of a failed call (-1, `MAP_FAILED`) was used as a pointer.
    ErrorValueAsPointer,
    /// A pointer was read out of memory that had been freed.
    UseOfFreedMemory,
    /// A pointer was read out of memory that nothing had written.
    UseOfUninitialisedMemory,
    /// A pointer was read out of the guard bytes around a block.
    BufferOverrun,
    /// Nothing is mapped at the address.
    UnmappedAddress,
    /// No address of this architecture has this form.
    NonCanonicalAddress,
    /// A write to memory that may only be read.
    WriteToReadOnly,
    /// An access to a page that stops overruns.
    GuardPage,
    /// The mapping seems to allow what was refused.
    AccessRefused,
    /// A jump or call to what is not code.
    BadJump,
    /// An access to a mapping beyond the end of its file.
    BeyondEndOfFile,
    /// An access whose address is not a multiple of what its instruction asks for.
    Misaligned,
    /// Hardware failed an access.
    BusError,
    // Stacks.
    /// The stack is used up.
    StackOverflow,
    /// A buffer on the stack was overrun.
    StackSmashing,
    /// A buffer was overrun, caught by `_FORTIFY_SOURCE`.
    BufferOverflow,
    // The heap.
    /// Memory was freed twice.
    DoubleFree,
    /// A pointer was freed that the allocator never gave out.
    InvalidFree,
    /// The allocator's own data is damaged.
    HeapCorruption,
    /// Places of the heap where something was written that does not belong there.
    HeapDamage,
    // Python objects.
    /// An object whose type or content cannot be.
    CorruptObject,
    /// A reference count that cannot be.
    BadRefcount,
    /// Objects with fewer counts than references: they were freed, or will be, while they are used.
    OverReleased,
    /// Counts of objects that no reference in all memory stands for.
    LeakedReferences,
    /// A crash while the garbage collector visited or cleared an object.
    CrashInGc,
    /// A crash while an object was destroyed.
    CrashInFinalizer,
    // Python's rules.
    /// The Python API was called without the GIL or a thread state.
    ApiWithoutGil,
    /// C code called a callback of ctypes that had been freed.
    FreedCallback,
    /// The Python API was called after `Py_Finalize`.
    UseAfterFinalize,
    /// A function returned a result although an exception was set.
    ExceptionLeftSet,
    /// A function returned NULL without an exception.
    NullWithoutException,
    /// Python code recursed too deep.
    PythonRecursion,
    /// Python was out of memory.
    OutOfMemory,
    /// An exception that was being handled.
    ExceptionHandled,
    /// An exception that was being raised.
    ExceptionSet,
    /// `Py_FatalError`.
    FatalError,
    // Programs that end themselves.
    /// An assertion failed.
    AssertionFailed,
    /// A library's function for that ended the process.
    FatalReport,
    /// A sanitizer found something.
    SanitizerReport,
    /// The C library gave up with a message.
    AbortMessage,
    /// `abort` was called.
    AbortCalled,
    /// An uncaught C++ exception or its like.
    CppTerminate,
    /// A Rust panic.
    RustPanic,
    /// A signal that the process sent to itself.
    SignalRaised,
    /// A signal that another process sent.
    KilledByProcess,
    /// A limit that the system keeps for the process was reached.
    ResourceLimit,
    /// A system call that a filter refuses.
    RefusedSystemCall,
    // Instructions.
    /// A division by zero, or one whose quotient overflows.
    IntegerDivision,
    /// Another arithmetic fault.
    ArithmeticFault,
    /// A deliberate trap.
    TrapInstruction,
    /// An instruction that the processor does not have.
    IllegalInstruction,
    // Threads.
    /// Threads wait for each other.
    Deadlock,
    /// A thread waits for what nobody in the process can give it.
    LockOrphaned,
    /// The holder of the GIL sleeps while others want it.
    GilHeldAsleep,
    /// Threads wait for a lock whose owner does not wait for them.
    LockHeld,
    /// All workers of a pool wait for jobs that no worker has begun.
    StarvedExecutor,
    // Tasks.
    /// Tasks wait for each other.
    TaskDeadlock,
    /// An event loop stands still in a function that does not give way.
    EventLoopBlocked,
    /// Tasks are pending at an event loop that does not run.
    TasksLeftBehind,
    /// Tasks or futures ended with exceptions that nobody has asked for.
    ExceptionsNotRetrieved,
    /// Coroutines were made and are awaited by nothing.
    CoroutinesNotAwaited,
    /// One that this version does not know.
    #[serde(untagged)]
    Other(String),
}

impl Default for FindingId {
    fn default() -> Self {
        FindingId::Other(String::new())
    }
}

/// The same word as in JSON.
impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// Compares the word, for callers that get it as text.
impl PartialEq<&str> for FindingId {
    fn eq(&self, word: &&str) -> bool {
        let own = self.to_string();
        own == *word
    }
}
