//! [`Target`]: one stopped process.

use super::elf_modules::FileMapping;
use super::recorded_symbols::CodeNames;
use super::{Crash, Limits, MemoryExt as _, Module, NativeThread, TargetMemory};
use crate::base::{Abi, Addr, Diagnostic, Diagnostics};
use crate::model::SourceKind;
use crate::os::linux::auxv::{self, Auxv};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// A part that the source does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingPart {
    /// First address.
    pub start: Addr,
    /// Length in bytes.
    pub size: u64,
    /// Why, as a phrase ("cut off", "left out by coredump_filter").
    pub why: String,
}

/// What is known of the process as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Process id.
    pub pid: Option<u64>,
    /// Parent's process id.
    pub ppid: Option<u64>,
    /// Short command name (`pr_fname`).
    pub command: Option<String>,
    /// Command line, space-separated (`pr_psargs`, which has 79 bytes of it; the rest is on the stack).
    pub arguments: Option<String>,
    /// Path the process was started with (`AT_EXECFN`).
    pub executable: Option<String>,
    /// Address of the program headers of the main executable (`AT_PHDR`).
    pub phdr: Option<Addr>,
    /// Entry point (`AT_ENTRY`).
    pub entry: Option<Addr>,
    /// Base of the program interpreter (`AT_BASE`).
    pub interp_base: Option<Addr>,
    /// Page size in bytes.
    pub page_size: Option<u64>,
    /// Names and values that the program stored for its crash reporter (Crashpad annotations).
    pub annotations: Vec<(String, String)>,
}

impl ProcessInfo {
    /// What the auxiliary vector says, and the path that it points to.
    #[must_use]
    pub fn from_auxv(auxv: &Auxv, memory: &TargetMemory) -> ProcessInfo {
        let text = |at: Addr| memory.read_cstr(at, 4096).ok().map(|s| String::from_utf8_lossy(&s).into_owned());
        ProcessInfo {
            executable: auxv.address(auxv::AT_EXECFN).and_then(text).filter(|path| !path.is_empty()),
            phdr: auxv.address(auxv::AT_PHDR),
            entry: auxv.address(auxv::AT_ENTRY),
            interp_base: auxv.address(auxv::AT_BASE),
            page_size: auxv.page_size(),
            ..ProcessInfo::default()
        }
    }
}

/// Where in a list of threads each id and each TLS base is: a dump may have very many of them.
#[derive(Debug, Default)]
pub struct ThreadIndex(OnceLock<Places>);

#[derive(Debug)]
struct Places {
    by_id: HashMap<u64, usize>,
    by_tls: HashMap<u64, usize>,
    /// Threads that there were.
    count: usize,
}

impl ThreadIndex {
    fn places(&self, threads: &[NativeThread]) -> &Places {
        self.0.get_or_init(|| {
            // The first of several with one id, as a search finds it.
            let all = || threads.iter().enumerate().rev();
            Places {
                by_id: all().map(|(at, thread)| (thread.tid, at)).collect(),
                by_tls: all().filter_map(|(at, thread)| Some((thread.tls_base?.0, at))).collect(),
                count: threads.len(),
            }
        })
    }

    fn find<'t>(&self, threads: &'t [NativeThread], tid: u64) -> Option<&'t NativeThread> {
        let places = self.places(threads);
        found(places, threads, places.by_id.get(&tid), |t| t.tid == tid)
    }

    fn find_by_tls<'t>(&self, threads: &'t [NativeThread], base: Addr) -> Option<&'t NativeThread> {
        let places = self.places(threads);
        found(places, threads, places.by_tls.get(&base.0), |t| t.tls_base == Some(base))
    }
}

/// The thread at a place, if it is the right one still: a debugger's threads change under way.
fn found<'t>(
    places: &Places,
    threads: &'t [NativeThread],
    place: Option<&usize>,
    right: impl Fn(&NativeThread) -> bool,
) -> Option<&'t NativeThread> {
    let there = place.and_then(|at| threads.get(*at));
    match there.filter(|thread| right(thread)) {
        None if there.is_some() || places.count != threads.len() => threads.iter().find(|thread| right(thread)),
        found => found,
    }
}

/// One stopped process.
#[derive(Debug)]
pub struct Target {
    /// What it was read from.
    pub source: SourceKind,
    /// The file, for dumps.
    pub path: Option<PathBuf>,
    /// How memory is to be read.
    pub abi: Abi,
    /// The process as a whole.
    pub process: ProcessInfo,
    /// Memory.
    pub memory: TargetMemory,
    /// Modules, sorted by base.
    pub modules: Vec<Module>,
    /// Threads, in the order of the dump (Linux cores: the crashing one first).
    pub threads: Vec<NativeThread>,
    /// What ended the process; `None` for a process that was only stopped.
    pub crash: Option<Crash>,
    /// Parts that are missing.
    pub missing: Vec<MissingPart>,
    /// Ranges of memory that are mapped from files, modules and data alike; empty where the source does not tell.
    pub mapped_files: Vec<FileMapping>,
    /// What files told about its code when the dump was made slim.
    pub code_names: CodeNames,
    /// Finds a thread by its id; made when first asked.
    pub thread_index: ThreadIndex,
    /// Where reading stops.
    pub limits: Limits,
    /// Soft errors of all layers that work on this target.
    pub diagnostics: Arc<Diagnostics>,
}

impl Target {
    /// The module that holds `addr`.
    #[must_use]
    pub fn module_at(&self, addr: Addr) -> Option<&Module> {
        self.modules.iter().find(|m| m.contains(addr))
    }

    /// Whether the dump holds the stack of a thread: memory of no file was then not left out as a kind.
    #[must_use]
    pub fn holds_a_stack(&self) -> bool {
        let stacks = self.threads.iter().filter_map(|t| t.registers.as_ref()?.sp());
        stacks.filter_map(|sp| self.memory.segment_at(sp)).any(|s| s.dumped > 0)
    }

    /// The thread with this id.
    #[must_use]
    pub fn thread(&self, tid: u64) -> Option<&NativeThread> {
        self.thread_index.find(&self.threads, tid)
    }

    /// What is to be said where the file of an ELF core is shorter than its headers say; see
    /// [`AddressSpace::wanted_of_file`](super::AddressSpace::wanted_of_file).
    pub(super) fn dump_bytes_lost(&self, lost_before: bool) -> Option<Diagnostic> {
        let size = self.memory.dump_bytes().filter(|_| self.source == SourceKind::ElfCore)?.len() as u64;
        let (wanted, memory) = self.memory.wanted_of_file(lost_before);
        super::elf_core::cut_short(size, wanted, memory)
    }

    /// The thread whose TLS base this is.
    #[must_use]
    pub fn thread_by_tls(&self, base: Addr) -> Option<&NativeThread> {
        self.thread_index.find_by_tls(&self.threads, base)
    }
}

/// Why no target could be made of the input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The file cannot be read.
    #[error("cannot open {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is empty.
    #[error("{path} is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Not a format that is read here.
    #[error("{path} is not a core or minidump: {what}")]
    NotADump {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        what: String,
    },
    /// A core of another operating system.
    #[error("{path}: a core of {what}, which is not supported")]
    UnsupportedSystem {
        /// The file.
        path: PathBuf,
        /// The system.
        what: &'static str,
    },
    /// A dump whose machine is not supported.
    #[error("{path}: unsupported architecture: {what}")]
    UnsupportedArch {
        /// The file.
        path: PathBuf,
        /// The machine in the header.
        what: String,
    },
    /// A kind of dump that this build leaves out.
    #[error("{path}: this build of pyinquest does not read it (cargo feature `{feature}`)")]
    NotBuiltIn {
        /// The file.
        path: PathBuf,
        /// The cargo feature that reads it.
        feature: &'static str,
    },
    /// A live process cannot be looked at.
    #[error("process {pid}: {what}")]
    Process {
        /// The process.
        pid: i32,
        /// Why.
        what: String,
        /// What the user can do.
        help: Option<&'static str>,
    },
    /// A dump so damaged that nothing can be told.
    #[error("{path}: {what}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl TargetError {
    /// What the user can do.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            TargetError::Open { .. } | TargetError::NotBuiltIn { .. } => None,
            TargetError::Process { help, .. } => *help,
            TargetError::Empty { .. } => {
                Some("an empty core usually means `ulimit -c 0`, a full disk, or a crash handler that was cut off")
            }
            TargetError::NotADump { .. } => {
                Some("give the core or minidump itself; an executable goes to --executable")
            }
            TargetError::UnsupportedSystem { .. } => {
                Some("cores of Linux and minidumps of Linux and Windows are supported")
            }
            TargetError::UnsupportedArch { .. } => Some("x86-64 and aarch64 dumps are supported"),
            TargetError::Malformed { .. } => Some("was the file copied whole?"),
        }
    }
}
