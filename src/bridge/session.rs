//! [`Session`]: what the engine knows of the debugger's process, kept for as long as the debugger says it holds.

use super::link::{AskError, Link};
use super::memory::BridgeMemory;
use super::protocol::{Ask, MappingAnswer, ModulesAnswer, ProcessKind, RegistersOf, Scene, ThreadAnswer};
use crate::base::Addr;
use crate::target::debugger::{self, SessionMapping, SessionThread};
use crate::target::{Protection, Target, elf_core};
use std::path::Path;
use std::sync::Arc;

/// Why there is no process to look at; each message is a line for the user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Nothing runs and no core is open.
    #[error("Unable to locate python frame: there is no process; start one (run, attach) or open a core")]
    NoProcess,
    /// An architecture that is not read here.
    #[error("pyinquest reads x86-64 and aarch64 processes, and this one is {0:?}")]
    Architecture(String),
    /// A request failed.
    #[error("pyinquest: {0}")]
    Ask(#[from] AskError),
}

/// What the engine knows of the debugger's process.
#[derive(Debug)]
pub struct Session {
    link: Arc<Link>,
    memory: BridgeMemory,
    scene: Scene,
    modules: Option<ModulesAnswer>,
    target: Option<(Arc<Target>, RegistersOf)>,
}

impl Session {
    /// Nothing known yet.
    #[must_use]
    pub fn new(link: Arc<Link>) -> Self {
        let memory = BridgeMemory::new(Arc::clone(&link));
        Session { link, memory, scene: Scene::default(), modules: None, target: None }
    }

    /// Takes note of the debugger's state: what no longer holds is forgotten.
    pub fn enter(&mut self, scene: Scene) {
        if scene.epoch != self.scene.epoch {
            self.memory.forget();
            self.target = None;
        }
        if scene.modules != self.scene.modules {
            self.modules = None;
            self.target = None;
        }
        // The registers at hand may be those of the thread that was selected before.
        if scene.thread != self.scene.thread && matches!(self.target, Some((_, RegistersOf::Selected))) {
            self.target = None;
        }
        self.scene = scene;
    }

    /// The debugger's state.
    #[must_use]
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// The link to the debugger.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// The process, with at least these registers.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn target(&mut self, registers: RegistersOf) -> Result<Arc<Target>, SessionError> {
        if let Some((target, has)) = &self.target
            && *has >= registers
        {
            return Ok(Arc::clone(target));
        }
        let (target, has) = match self.core() {
            Some(target) => (target, RegistersOf::All),
            None => (self.ask_target(registers)?, registers),
        };
        let target = Arc::new(target);
        // A target made while the user interrupted has holes.
        if !self.link.is_cancelled() {
            self.target = Some((Arc::clone(&target), has));
        }
        Ok(target)
    }

    /// The core that the debugger has open, read from disk.
    fn core(&self) -> Option<Target> {
        let path = self.scene.core.as_ref().filter(|_| self.scene.process == ProcessKind::Core)?;
        // A core that cannot be opened here is still readable through the debugger.
        let core = elf_core::open(Path::new(path)).ok()?;
        Some(debugger::over_core(core, Box::new(self.memory.clone())))
    }

    fn ask_target(&mut self, registers: RegistersOf) -> Result<Target, SessionError> {
        if self.scene.process == ProcessKind::None {
            return Err(SessionError::NoProcess);
        }
        let abi =
            debugger::abi_of(&self.scene.arch).ok_or_else(|| SessionError::Architecture(self.scene.arch.clone()))?;
        let (threads, _): (Vec<ThreadAnswer>, _) = self.link.ask(Ask::Threads { registers })?;
        let modules = match &self.modules {
            Some(known) => known,
            None => self.modules.insert(self.link.ask(Ask::Modules)?.0),
        };
        let session = debugger::Session {
            pid: self.scene.pid,
            executable: self.scene.executable.clone(),
            threads: threads.into_iter().map(thread).collect(),
            auxv: modules.auxv.clone(),
            mappings: modules.mappings.iter().map(mapping).collect(),
            modules: modules.modules.iter().map(|(path, base)| (path.clone(), Addr(*base))).collect(),
        };
        Ok(debugger::from_session(session, abi, Box::new(self.memory.clone())))
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
