//! Live processes of this machine as a [`Target`] (Linux).
//!
//! The process is stopped with ptrace for as long as [`LiveTarget`] holds it; it goes on when that is resumed or
//! dropped, and also when pyinquest dies. Nothing is written to it and no code of it is run.

mod refused;
mod snapshot;

pub use crate::debuggee::procfs::{start_ticks, started, sysroot, working_directory};
pub use snapshot::{Examined, examine};

use super::elf_modules::{FileMapping, from_mappings, from_scan};
use super::{
    AddressSpace, Memory, MissingPart, NativeThread, ProcessInfo, ReadError, ReadErrorKind, Registers, Segment,
    SourceKind, Target, TargetError,
};
use crate::arch;
use crate::base::{Abi, Addr, Arch, Diagnostic, DiagnosticCode, Diagnostics};
use crate::debuggee::procfs::{self, MapLine};
use crate::debuggee::{Recording, TargetMemory};
use crate::os::linux::VDSO;
use crate::os::linux::auxv::{AT_SYSINFO_EHDR, Auxv};
use crate::os::linux::notes::NT_PRSTATUS;
use crate::sys::{ProcessMemory, Stopped, thread_ids};
use nix::errno::Errno;
use refused::refused;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a live process is to be looked at.
#[derive(Clone, Copy, Debug)]
pub struct LiveOptions {
    /// Stop it meanwhile. Without, what is read may belong to different moments.
    pub stop: bool,
    /// How long threads in uninterruptible sleep are waited for.
    pub patience: Duration,
}

impl Default for LiveOptions {
    fn default() -> Self {
        LiveOptions { stop: true, patience: Duration::from_secs(2) }
    }
}

/// A live process, stopped unless asked otherwise.
#[derive(Debug)]
pub struct LiveTarget {
    /// The process.
    pub target: Target,
    /// Where its files are found from here, when that is not `/`: it lives in another mount namespace or root.
    pub sysroot: Option<PathBuf>,
    stopped: Option<(Stopped, Instant)>,
    paused: Duration,
}

impl LiveTarget {
    /// Lets the process go on; how long it stood still. More calls do nothing and give the same time.
    pub fn resume(&mut self) -> Duration {
        if let Some((stopped, since)) = self.stopped.take() {
            drop(stopped);
            self.paused = since.elapsed();
        }
        self.paused
    }

    /// Whether it stands still now.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }
}

/// Looks at (and stops) process `pid`.
///
/// # Errors
/// [`TargetError::Process`] with the reason and what helps.
pub fn attach(pid: i32, options: LiveOptions) -> Result<LiveTarget, TargetError> {
    let scene = Scene::take(pid, options)?;
    let reader = LiveMemory { memory: ProcessMemory::new(pid), maps: scene.ranges() };
    let target = scene.target(Box::new(reader));
    Ok(LiveTarget { target, sysroot: procfs::sysroot(pid), stopped: scene.stopped, paused: Duration::ZERO })
}

/// What has to be taken while the process stands still, apart from its memory.
struct Scene {
    pid: i32,
    abi: Abi,
    stopped: Option<(Stopped, Instant)>,
    maps: Vec<MapLine>,
    auxv: Auxv,
    threads: Vec<(i32, Option<ThreadState>)>,
    diagnostics: Vec<Diagnostic>,
}

/// Registers of a stopped thread.
struct ThreadState {
    registers: Registers,
    tls_base: Option<Addr>,
}

impl ThreadState {
    fn take(stopped: &Stopped, id: i32, abi: &Abi) -> Option<ThreadState> {
        let registers = Registers::from_prstatus(&stopped.register_set(id, NT_PRSTATUS).ok()?, abi)?;
        let of_note = |note| {
            let set = stopped.register_set(id, note).ok()?;
            Some(Addr(abi.uint(set.get(..8)?))).filter(|base| !base.is_null())
        };
        let note = registers.cpu().thread_pointer.note;
        let tls_base = registers.thread_pointer().or_else(|| note.and_then(of_note));
        Some(ThreadState { registers, tls_base })
    }
}

impl Scene {
    fn take(pid: i32, options: LiveOptions) -> Result<Scene, TargetError> {
        let dir = procfs::dir(pid);
        let errno = |e: std::io::Error| Errno::from_raw(e.raw_os_error().unwrap_or(0));
        if pid <= 0 || !dir.exists() {
            return Err(refused(pid, Errno::ESRCH));
        }
        let abi = abi(pid)?;
        let mut diagnostics = Vec::new();
        let stopped = if options.stop {
            let since = Instant::now();
            let stopped = Stopped::stop(pid, options.patience).map_err(|e| refused(pid, e))?;
            if !stopped.not_stopped().is_empty() {
                let ids: Vec<String> = stopped.not_stopped().iter().map(ToString::to_string).collect();
                let ids = ids.join(", ");
                let text = format!("threads {ids} did not stop (uninterruptible sleep): no registers of them");
                diagnostics.push(Diagnostic::warning(DiagnosticCode::LiveNotStopped, text));
            }
            Some((stopped, since))
        } else {
            let text = "the process ran on while it was read: parts may belong to different moments";
            diagnostics.push(Diagnostic::warning(DiagnosticCode::LiveRunning, text));
            None
        };
        let maps = procfs::read(&dir.join("maps")).map_err(|e| refused(pid, errno(e)))?;
        let maps = procfs::parse_maps(&maps);
        if maps.is_empty() {
            return Err(refused(pid, Errno::EPERM));
        }
        // Reading another's auxv takes the same permission as reading its memory.
        let auxv = procfs::read(&dir.join("auxv")).map_err(|e| refused(pid, errno(e)))?;
        let auxv = Auxv::parse(&auxv, &abi);
        if maps.iter().any(|m| m.deleted && m.protection.execute && m.inode != 0) {
            let text = "a mapped executable or library was removed or replaced since it was loaded";
            diagnostics.push(Diagnostic::note(DiagnosticCode::LiveDeletedFile, text));
        }
        let status = procfs::read(&dir.join("status")).map_err(|e| refused(pid, errno(e)))?;
        if let Some(inner) = procfs::innermost_id(&String::from_utf8_lossy(&status))
            && u64::try_from(pid).ok() != Some(inner)
        {
            let text =
                format!("pid {pid} is {inner} in its own pid namespace; all ids here are those of that namespace");
            diagnostics.push(Diagnostic::note(DiagnosticCode::LivePidNamespace, text));
        }
        let ids = thread_ids(pid).map_err(|e| refused(pid, errno(e)))?;
        let registers = |id: i32| stopped.as_ref().and_then(|(stopped, _)| ThreadState::take(stopped, id, &abi));
        let threads = ids.into_iter().map(|id| (id, registers(id))).collect();
        Ok(Scene { pid, abi, stopped, maps, auxv, threads, diagnostics })
    }

    fn ranges(&self) -> Vec<(Addr, Addr)> {
        self.maps.iter().map(|m| (m.start, m.end)).collect()
    }

    /// The model, with the process's memory as `reader` has it.
    fn target(&self, reader: Box<dyn Memory>) -> Target {
        let dir = procfs::dir(self.pid);
        let memory = Recording::new(AddressSpace::from_reader(reader, self.maps.iter().map(segment).collect()));
        let process = process(self.pid, &dir, &self.auxv, &memory);
        let modules = modules(&self.maps, &self.auxv, &process, &memory);
        let threads = self.threads.iter().map(|(id, registers)| {
            thread(*id, &dir.join("task").join(id.to_string()), self.abi.arch, registers.as_ref())
        });
        let diagnostics = Diagnostics::default();
        self.diagnostics.iter().cloned().for_each(|d| diagnostics.push(d));
        let threads = threads.collect();
        memory.stop_recording();
        Target {
            source: SourceKind::Live,
            path: None,
            abi: self.abi,
            process,
            memory,
            modules,
            threads,
            crash: None,
            missing: Vec::<MissingPart>::new(),
            code_names: Default::default(),
            thread_index: Default::default(),
            diagnostics: Arc::new(diagnostics),
        }
    }
}

/// The ABI of the process: that of its executable, which must be that of this machine.
fn abi(pid: i32) -> Result<Abi, TargetError> {
    use std::io::Read as _;
    let host = std::env::consts::ARCH;
    let Some(cpu) = arch::by_tool_name(host) else {
        let what = format!("live processes of {host} machines are not supported");
        return Err(TargetError::Process { pid, what, help: None });
    };
    let mut head = [0u8; 5];
    let exe = std::fs::File::open(procfs::dir(pid).join("exe")).and_then(|mut f| f.read_exact(&mut head));
    // ELFCLASS32; an executable that cannot be opened shows later.
    if exe.is_ok() && head == *b"\x7fELF\x01" {
        let what = "it is a 32-bit process, which is not supported".to_owned();
        return Err(TargetError::Process { pid, what, help: None });
    }
    Ok(Abi::linux(cpu.arch))
}

fn segment(line: &MapLine) -> Segment {
    let size = line.end.distance_from(line.start).unwrap_or(0);
    Segment { start: line.start, size, offset: 0, available: size, dumped: size, protection: line.protection }
}

fn process(pid: i32, dir: &Path, auxv: &Auxv, memory: &TargetMemory) -> ProcessInfo {
    let text = |name: &str| {
        let bytes = procfs::read(&dir.join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let status = text("status").unwrap_or_default();
    let filled = |s: &String| !s.is_empty();
    ProcessInfo {
        // As the process itself sees them, and as a core of it says.
        pid: procfs::innermost_id(&status).or(u64::try_from(pid).ok()),
        ppid: parent(&status),
        command: text("comm").map(|s| s.trim_end_matches('\n').to_owned()).filter(filled),
        arguments: text("cmdline").map(|s| s.trim_end_matches('\0').replace('\0', " ")).filter(filled),
        ..ProcessInfo::from_auxv(auxv, memory)
    }
}

/// The parent's id in the pid namespace of the process; 0 for a parent outside, as in a core.
fn parent(status: &str) -> Option<u64> {
    let outer: i32 = procfs::status_field(status, "PPid")?.parse().ok()?;
    let depth = procfs::depth(status);
    if depth <= 1 {
        return u64::try_from(outer).ok();
    }
    let parent = procfs::read(&procfs::dir(outer).join("status")).ok()?;
    let parent = String::from_utf8_lossy(&parent);
    if procfs::depth(&parent) < depth { Some(0) } else { procfs::innermost_id(&parent) }
}

fn modules(maps: &[MapLine], auxv: &Auxv, process: &ProcessInfo, memory: &TargetMemory) -> Vec<super::Module> {
    let files = maps.iter().filter(|m| m.inode != 0 && m.path.starts_with('/'));
    let files = files.map(|m| FileMapping {
        start: m.start,
        end: m.end,
        file_offset: m.file_offset,
        path: m.path.clone(),
        execute: Some(m.protection.execute),
    });
    let mut modules = from_mappings(memory, files.collect());
    if let Some(base) = auxv.get(AT_SYSINFO_EHDR)
        && let Some(mut module) = from_scan(memory, [Addr(base)]).pop()
    {
        VDSO.clone_into(&mut module.path);
        modules.push(module);
    }
    if let Some(at) = process.phdr.or(process.entry) {
        modules.iter_mut().for_each(|m| m.is_main = m.contains(at));
    }
    modules.sort_by_key(|m| m.base);
    modules
}

fn thread(id: i32, task: &Path, arch: Arch, state: Option<&ThreadState>) -> NativeThread {
    let text = |name: &str| procfs::read(&task.join(name)).map(|b| String::from_utf8_lossy(&b).into_owned());
    let status = text("status").unwrap_or_default();
    // Of a thread that waits in the kernel, two registers can be known without stopping it.
    let blocked = || procfs::blocked_at(task).map(|(ip, sp)| Registers::of_ip_and_sp(ip, sp, arch));
    let (registers, tls_base) = match state {
        Some(state) => (Some(state.registers.clone()), state.tls_base),
        None => (blocked(), None),
    };
    NativeThread {
        tid: procfs::innermost_id(&status).or(u64::try_from(id).ok()).unwrap_or(0),
        registers,
        tls_base,
        name: text("comm").ok().map(|s| s.trim_end_matches('\n').to_owned()).filter(|s| !s.is_empty()),
        signal: None,
    }
}

/// Memory of the process with the reasons that [`Memory`] asks for.
struct LiveMemory {
    memory: ProcessMemory,
    /// Mapped ranges, sorted.
    maps: Vec<(Addr, Addr)>,
}

impl Memory for LiveMemory {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        match self.memory.read(addr.0, buf) {
            Ok(n) if n == buf.len() => Ok(()),
            Ok(n) => {
                let bad = addr.wrapping_add(n as u64);
                let before = self.maps.partition_point(|(start, _)| *start <= bad);
                let mapped = before.checked_sub(1).and_then(|at| self.maps.get(at)).is_some_and(|(_, end)| bad < *end);
                let kind = if mapped { ReadErrorKind::Io } else { ReadErrorKind::Unmapped };
                Err(ReadError { addr: bad, kind })
            }
            Err(_) => Err(ReadError { addr, kind: ReadErrorKind::Io }),
        }
    }
}
