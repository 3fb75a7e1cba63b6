//! [`DiagnosticCode`]: what a diagnostic is about, as an identifier for scripts.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a diagnostic is about. Stable; in JSON and text the variant's name in kebab-case (`core-truncated`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DiagnosticCode {
    // The dump as a file.
    /// The core ends before its headers say so.
    CoreTruncated,
    /// The core's program headers are cut off.
    CoreHeadersCut,
    /// Stacks of the core are zeros where they cannot be.
    CoreStacksLost,
    /// Notes of the core cannot be read.
    CoreNotesDamaged,
    /// The command line is not known beyond its first 79 bytes.
    CommandLineCut,
    /// The core has no thread notes.
    CoreNoThreads,
    /// The core has no list of mapped files.
    CoreNoFileList,
    /// The compressed dump is damaged or cut off.
    PackedDumpDamaged,
    /// The minidump ends before its streams do.
    MinidumpTruncated,
    /// The minidump's list of memory is cut off.
    MinidumpMemoryListCut,
    /// The minidump holds only parts of the memory.
    MinidumpPartialMemory,
    /// A stream of the minidump cannot be read.
    MinidumpStreamDamaged,
    /// The minidump lists no threads.
    MinidumpNoThreads,
    /// The minidump lists no modules.
    MinidumpNoModules,
    /// Names of code are those that were recorded when the dump was reduced.
    SlimCodeNames,
    /// The dump was reduced and its other bytes left out.
    SlimRedacted,
    /// Which rights were given up before the dump was read.
    Sandbox,
    /// More than a limit allows is left out.
    LimitReached,
    /// The time was over before all was read.
    TimeOver,
    // The process that is examined while it lives.
    /// A thread could not be stopped.
    LiveNotStopped,
    /// The process ran while it was read.
    LiveRunning,
    /// The process was stopped while it was read.
    LivePaused,
    /// A file of the process was deleted.
    LiveDeletedFile,
    /// The process is in another PID namespace.
    LivePidNamespace,
    /// The process is in the memory of another one.
    LiveSharedMemory,
    /// The debugger lists no modules.
    DebuggerNoModules,
    // Files of modules.
    /// Modules were found by their files, not by a list in the dump.
    ModulesByFiles,
    /// Files of modules are missing.
    ModuleFilesMissing,
    /// A module's file cannot be read.
    ModuleFileUnreadable,
    /// Nothing in the dump shows whether a module's file is the right one.
    ModuleFileUnverified,
    /// Only files of another build were found.
    BuildIdMismatch,
    /// The client for debuginfod servers cannot be run.
    DebuginfodUnavailable,
    /// Debug information (DWARF) cannot be read.
    DwarfDamaged,
    /// Debug information (PDB) cannot be read.
    PdbDamaged,
    /// Code made at run time has the names of a file that the process may have written for `perf`.
    PerfMapNames,
    // Python's state.
    /// No CPython was found, or its state is not in the dump.
    NoPython,
    /// The process runs a Python that cannot be read: another version, another implementation.
    UnsupportedPython,
    /// The dump holds only a part of Python's state.
    PythonPartial,
    /// No interpreter of the process can be read.
    NoInterpreter,
    /// The runtime was found without a symbol for it.
    NoRuntimeSymbol,
    /// The runtime was found by a search through memory.
    RuntimeByScan,
    /// The runtime's memory cannot be read.
    RuntimeUnreadable,
    /// The list of interpreters is damaged.
    InterpreterListCorrupt,
    /// An interpreter cannot be read.
    InterpreterUnreadable,
    /// The list of thread states is damaged.
    ThreadListCorrupt,
    /// The list of thread states cannot be read.
    ThreadListUnreadable,
    /// It is not known which thread a thread state belongs to.
    ThreadStateAmbiguous,
    /// The names of extension modules cannot be read.
    ExtensionModulesUnreadable,
    /// `_Py_DebugOffsets` is damaged.
    DebugOffsetsInvalid,
    /// `_Py_DebugOffsets` of this version are not known.
    DebugOffsetsUnknown,
    /// Two providers of layouts differ.
    LayoutDisagreement,
    /// The process has several CPythons, of which one is shown.
    OtherPython,
    /// The layouts are those of another pre-release.
    LayoutPrerelease,
    // The heap.
    /// A list of the garbage collector is damaged or unreadable.
    GcListBroken,
    /// The allocator's structures are not known for this build.
    HeapPoolsUnknown,
    /// Nothing leads to the lists of freed objects that CPython keeps.
    FreeListsUnknown,
    /// Not all references were followed: containers claim more memory than there is.
    HeapLimit,
    /// Writable memory was lost because the dump was cut.
    HeapCut,
    /// Writable memory is not in the dump.
    HeapLeftOut,
    /// Garbage in cycles cannot be told apart.
    HeapGarbageUnknown,
    /// Counts and references of objects were not compared, although a wrong count would explain the crash.
    HeapNotAudited,
    // Suspended work.
    /// A list of tasks, or what it lists, is unreadable.
    TasksUnreadable,
    /// There are more tasks than are read.
    TasksCut,
    // The report.
    /// The order of native and Python frames is uncertain.
    MergePartial,
    /// A source file is newer than the process.
    SourceChanged,
    /// A source file has no function of the name that ran in it.
    SourceWithoutFunction,
    /// Source lines of this host's own files are not shown: nothing proves that the process ran on this boot of it.
    SourceOfOtherHost,
    /// Which files source lines come from.
    SourceOrigin,
    /// Functions that Cython compiled do not stand at lines of their `.pyx` file, and what it takes.
    CythonLines,
    /// One that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// The same word as in JSON.
impl fmt::Display for DiagnosticCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_kebab_case_and_unknown_ones_are_kept() {
        for (code, word) in
            [(DiagnosticCode::CoreTruncated, "core-truncated"), (DiagnosticCode::Other("no-such".into()), "no-such")]
        {
            assert_eq!(code.to_string(), word);
            assert_eq!(serde_json::to_value(&code).unwrap(), word);
            assert_eq!(serde_json::from_value::<DiagnosticCode>(word.into()).unwrap(), code);
        }
    }
}
