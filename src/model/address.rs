//! What an address of the process is, as it goes over the wire.

use super::heap::HeapObject;
use crate::base::{Addr, Diagnostic};
use serde::{Deserialize, Serialize};

/// All that is known of one address, the most specific first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddressAnswer {
    /// Version of this answer: [`super::heap::HEAP_SCHEMA_VERSION`].
    pub schema_version: String,
    /// The address.
    pub address: Addr,
    /// What it is.
    pub facts: Vec<AddressFact>,
    /// Why Python's heap says nothing, where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub no_heap: Option<String>,
    /// What is missing or uncertain.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// One thing that an address is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AddressFact {
    /// An object, or a byte of its own memory.
    Object {
        /// The object.
        object: HeapObject,
        /// Bytes from the object's address; negative in what is before it (the collector's head, words for `__dict__` and
        /// weak references).
        offset: i64,
    },
    /// Memory outside of an object that it owns.
    Buffer {
        /// What it holds.
        holds: BufferKind,
        /// Its first address.
        start: Addr,
        /// Its size in bytes.
        bytes: u64,
        /// Bytes from its start.
        offset: u64,
        /// The owner.
        object: HeapObject,
    },
    /// A block of an allocator.
    Block {
        /// Which one.
        allocator: Allocator,
        /// Whether it is used.
        state: BlockState,
        /// Its first address.
        start: Addr,
        /// Its size in bytes.
        bytes: u64,
        /// Bytes from its start.
        offset: u64,
        /// Type of the object that a freed block held before: its type word is still there. Likely, not certain.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        was: Option<String>,
    },
    /// Registers that hold exactly this address.
    Registers {
        /// The thread.
        tid: u64,
        /// Their names.
        names: Vec<String>,
    },
    /// Stack of a thread.
    Stack {
        /// The thread.
        tid: u64,
        /// Bytes from the stack pointer; negative for what is not in use.
        offset: i64,
        /// The native frame that the word belongs to, by the number that `report --native` gives it, and its function.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        frame: Option<NativeFrameName>,
    },
    /// State of a Python thread (`PyThreadState`).
    ThreadState {
        /// Id of the native thread.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        tid: Option<u64>,
        /// Bytes from its start.
        offset: u64,
    },
    /// State of an interpreter (`PyInterpreterState`).
    InterpreterState {
        /// Number of the interpreter.
        id: i64,
        /// Bytes from its start.
        offset: u64,
    },
    /// State of the runtime (`_PyRuntime`).
    Runtime {
        /// Bytes from its start.
        offset: u64,
    },
    /// A function or variable of a module.
    Symbol {
        /// Its name, demangled.
        name: String,
        /// File name of the module.
        module: String,
        /// Bytes from its start.
        offset: u64,
    },
    /// A mapping of the process.
    Mapping {
        /// First address.
        start: Addr,
        /// First address after it.
        end: Addr,
        /// Rights, as `rw-`.
        rights: String,
        /// Path of the module whose file is mapped here.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        path: Option<String>,
        /// Whether the bytes at the address can be read.
        readable: bool,
    },
    /// No mapping of the process.
    Unmapped {
        /// Why such an address is met.
        why: UnmappedKind,
        /// End of the mapping before it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        after: Option<Addr>,
        /// Start of the mapping after it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        before: Option<Addr>,
    },
}

/// A native frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NativeFrameName {
    /// Its number, 0 for the innermost.
    pub index: u64,
    /// Its function; absent where it has no name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub function: Option<String>,
}

/// What memory outside of an object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BufferKind {
    /// Items of a list, a deque or an array.
    Items,
    /// Keys of a dict, and values that stand beside them.
    Keys,
    /// Values of attributes.
    Values,
    /// The hash table of a set.
    Table,
    /// Characters or bytes.
    Text,
    /// Keys that instances of a class share.
    SharedKeys,
}

impl BufferKind {
    /// What it is, for people.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            BufferKind::Items => "items",
            BufferKind::Keys => "keys",
            BufferKind::Values => "attributes",
            BufferKind::Table => "hash table",
            BufferKind::Text => "text",
            BufferKind::SharedKeys => "shared keys",
        }
    }
}

/// An allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Allocator {
    /// CPython's own, for blocks up to 512 bytes.
    Pymalloc,
    /// mimalloc of free-threaded builds.
    Mimalloc,
    /// `malloc` of glibc.
    GlibcMalloc,
}

impl Allocator {
    /// Its name, for people.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Allocator::Pymalloc => "pymalloc",
            Allocator::Mimalloc => "mimalloc",
            Allocator::GlibcMalloc => "glibc malloc",
        }
    }
}

/// Whether a block is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BlockState {
    /// Handed out.
    InUse,
    /// Given back.
    Free,
    /// Not handed out yet.
    NeverUsed,
    /// The allocator's own data.
    Header,
}

/// Why an address without a mapping is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UnmappedKind {
    /// NULL.
    Null,
    /// A field of what NULL points to.
    NearNull,
    /// No address that the processor can have: a damaged pointer, or data taken for one.
    NotCanonical,
    /// Bytes that the debug hooks of Python's allocators write into memory.
    DebugBytes,
    /// Memory was never mapped here, or is not any more.
    Nothing,
}
