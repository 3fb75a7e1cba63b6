//! [`Session`]: what the engine knows of the debugger's process, kept for as long as the debugger says it holds.

use super::link::{AskError, Link};
use super::memory::BridgeMemory;
use super::protocol::{Ask, DebuggerName, MappingAnswer, ModulesAnswer, ProcessKind, RegistersOf, Scene, ThreadAnswer};
use crate::base::Addr;
use crate::commands::host::Steps;
use crate::debuggee::debugger::{self, SessionMapping, SessionThread};
use crate::debuggee::{self, Protection, SourceKind, Target};
use crate::engine::Inspection;
use crate::image::{FileCache, SearchOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why there is no process to look at; each message is a line for the user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Nothing runs and no core is open.
    #[error("there is no process; start one (run, attach) or open a core")]
    NoProcess,
    /// An architecture that is not read here.
    #[error("pyinquest reads x86-64 and aarch64 processes, and this one is {0:?}")]
    Architecture(String),
    /// A request failed.
    #[error("pyinquest: {0}")]
    Ask(#[from] AskError),
}

/// The entry of the stack that the user has selected with a `py-*` command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Thread.
    pub thread: Option<u64>,
    /// [`Scene::stop`] of that time.
    pub stop: String,
    /// Level of the native frame that is selected with it.
    pub frame: Option<u32>,
    /// Index in the entries of the thread's stack.
    pub entry: usize,
}

/// What the engine knows of the debugger's process.
#[derive(Debug)]
pub struct Session {
    /// Who asks.
    pub debugger: DebuggerName,
    /// What the user has selected.
    pub selection: Option<Selection>,
    /// The thread that is taken for the selected one for a moment.
    pub focus: Option<u64>,
    /// What is kept of stepping.
    pub steps: Steps,
    link: Arc<Link>,
    memory: BridgeMemory,
    scene: Scene,
    process: Option<Inspection>,
    /// The core without the debugger, once all of its memory was asked for.
    core: Option<Inspection>,
    /// Whose registers the process has; `None` when its threads are those of an earlier time.
    threads: Option<RegistersOf>,
    /// What was made of the debug information of files, whatever process they are of.
    cache: FileCache,
    /// Whether the last command was interrupted: what it has read has holes.
    torn: bool,
}

impl Session {
    /// Nothing known yet.
    #[must_use]
    pub fn new(link: Arc<Link>, debugger: DebuggerName) -> Self {
        let memory = BridgeMemory::new(Arc::clone(&link));
        let scene = Scene::default();
        Session {
            debugger,
            selection: None,
            focus: None,
            steps: Steps::default(),
            link,
            memory,
            scene,
            process: None,
            core: None,
            threads: None,
            cache: FileCache::default(),
            torn: false,
        }
    }

    /// Takes note of the debugger's state: what no longer holds is forgotten.
    pub fn enter(&mut self, scene: Scene) {
        let is_core = self.process.as_ref().is_some_and(|p| p.target().path.is_some());
        if scene.modules != self.scene.modules {
            self.memory.forget();
            // The next process may have other files at the same addresses.
            self.memory.set_files(Vec::new());
            self.process = None;
            self.core = None;
            self.threads = None;
        } else if scene.epoch != self.scene.epoch {
            self.memory.forget();
            // A core stays what it is.
            self.threads = self.threads.filter(|_| is_core);
        }
        // The registers at hand may be those of the thread that was selected before.
        if scene.thread != self.scene.thread && self.threads == Some(RegistersOf::Selected) {
            self.threads = None;
        }
        if std::mem::take(&mut self.torn)
            && let Some(process) = &mut self.process
        {
            process.forget();
        }
        if scene.stop != self.scene.stop {
            (self.steps.inside, self.steps.told) = (None, None);
        }
        self.scene = scene;
    }

    /// Takes note of the end of a command.
    pub fn leave(&mut self) {
        self.torn = self.link.is_cancelled();
        self.memory.set_ahead(false);
    }

    /// The debugger's state.
    #[must_use]
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// The link to the debugger.
    #[must_use]
    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// The process, with at least these registers.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn process(&mut self, registers: RegistersOf) -> Result<&Inspection, SessionError> {
        if self.scene.process == ProcessKind::None {
            return Err(SessionError::NoProcess);
        }
        let fresh = match self.process.take() {
            Some(process) if self.threads.is_some_and(|has| has >= registers) => process,
            Some(mut process) => {
                let threads = self.ask_threads(registers)?;
                let (threads, crash) = debugger::threads(threads, process.target().abi.arch);
                process.renew(threads, crash);
                self.threads = Some(registers);
                process
            }
            None => {
                let (target, has) = match self.core() {
                    Some(target) => (target, RegistersOf::All),
                    None => (self.ask_target(registers)?, registers),
                };
                self.threads = Some(has);
                self.inspection_of(target)
            }
        };
        let _ = fresh.python();
        // What was made while the user interrupted has holes.
        if self.link.is_cancelled() {
            return Err(SessionError::Ask(AskError::Cancelled));
        }
        Ok(self.process.insert(fresh))
    }

    /// The process, for a look at all of its memory: a core as the engine alone reads it.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn whole(&mut self) -> Result<&Inspection, SessionError> {
        if self.core.is_none() {
            let path = self.scene.core.as_ref().filter(|_| self.scene.process == ProcessKind::Core);
            let target = path.and_then(|path| debuggee::open(Path::new(path)).ok());
            self.core = target.map(|target| Inspection::from_target(target, &self.search_options()));
        }
        if self.core.is_none() {
            self.memory.set_ahead(true);
            return self.process(RegistersOf::All);
        }
        self.core.as_ref().ok_or(SessionError::NoProcess)
    }

    /// What the process cannot write to is read from the files of its modules.
    fn inspection_of(&self, target: Target) -> Inspection {
        self.memory.set_files(Vec::new());
        let inspection = Inspection::from_target(target, &self.search_options());
        self.memory.set_files(inspection.images().read_only(inspection.target()));
        inspection
    }

    fn search_options(&self) -> SearchOptions {
        let path = |text: &Option<String>| text.as_ref().map(PathBuf::from);
        let sysroots = path(&self.scene.sysroot).into_iter();
        // One in another root directory, as in a container.
        #[cfg(target_os = "linux")]
        let sysroots = sysroots.chain(self.live_pid().and_then(debuggee::live::sysroot));
        SearchOptions {
            executable: path(&self.scene.executable),
            sysroots: sysroots.collect(),
            mapped_by: self.live_pid(),
            // A debugger's user sits at the host that he debugs on.
            host_sources: true,
            cache: self.cache.clone(),
            ..SearchOptions::default()
        }
    }

    fn live_pid(&self) -> Option<i32> {
        let pid = self.scene.pid.filter(|_| self.scene.process == ProcessKind::Live)?;
        i32::try_from(pid).ok()
    }

    /// The core that the debugger has open, read from disk.
    fn core(&self) -> Option<Target> {
        let path = self.scene.core.as_ref().filter(|_| self.scene.process == ProcessKind::Core)?;
        // A core that cannot be opened here is still readable through the debugger.
        let core = debuggee::open(Path::new(path)).ok()?;
        Some(debugger::over_core(core, Box::new(self.memory.clone())))
    }

    fn ask_threads(&self, registers: RegistersOf) -> Result<Vec<SessionThread>, SessionError> {
        let (threads, _): (Vec<ThreadAnswer>, _) = self.link.ask(Ask::Threads { registers })?;
        Ok(threads.into_iter().map(thread).collect())
    }

    fn ask_target(&self, registers: RegistersOf) -> Result<Target, SessionError> {
        let abi =
            debugger::abi_of(&self.scene.arch).ok_or_else(|| SessionError::Architecture(self.scene.arch.clone()))?;
        let threads = self.ask_threads(registers)?;
        let (modules, _): (ModulesAnswer, _) = self.link.ask(Ask::Modules)?;
        let session = debugger::Session {
            pid: self.scene.pid,
            executable: self.scene.executable.clone(),
            threads,
            auxv: crate::os::linux::auxv::Auxv::from_pairs(modules.auxv),
            mappings: modules.mappings.iter().map(mapping).collect(),
            modules: modules.modules.into_iter().map(|(path, base)| (path, Addr(base))).collect(),
        };
        let mut target = debugger::from_session(session, abi, Box::new(self.memory.clone()));
        if self.scene.process == ProcessKind::Core {
            // Memory that the core leaves out is to be had from the files of the modules, as for a core read from disk.
            target.source = SourceKind::ElfCore;
        }
        Ok(target)
    }
}

fn thread(answer: ThreadAnswer) -> SessionThread {
    SessionThread {
        tid: answer.tid,
        name: answer.name,
        registers: answer.registers,
        signal: answer.signal.map(|s| (s.number, s.code, s.address.map(Addr))),
    }
}

fn mapping(answer: &MappingAnswer) -> SessionMapping {
    let has = |flag: char| answer.flags.contains(flag);
    SessionMapping {
        start: Addr(answer.start),
        end: Addr(answer.end),
        file_offset: answer.offset,
        protection: (!answer.flags.is_empty()).then(|| Protection {
            read: has('r'),
            write: has('w'),
            execute: has('x'),
        }),
        path: answer.path.clone(),
    }
}
