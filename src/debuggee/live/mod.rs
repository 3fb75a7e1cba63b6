//! Live processes of this machine as a [`Target`] (Linux).
//!
//! The process is stopped with ptrace for as long as [`LiveTarget`] holds it; it goes on when that is resumed or
//! dropped, and also when pyinquest dies. Nothing is written to it and no code of it is run.

mod channels;
mod processes;
mod refused;
mod snapshot;
mod unix_peers;

pub use crate::debuggee::procfs::{owner, start_ticks, started, sysroot, working_directory};
pub use channels::{Channel, Channels, End, Sleeper, channels};
pub use processes::{by_command, with_descendants};
pub use snapshot::{Examined, examine};
pub use unix_peers::UnixSockets;

use super::elf_modules::{FileMapping, from_mappings, from_scan};
use super::{
    AddressSpace, Limits, Memory, MissingPart, NativeThread, ProcessInfo, ReadError, ReadErrorKind, Registers, Segment,
    SourceKind, Target, TargetError,
};
use crate::arch;
use crate::base::{Abi, Addr, Diagnostic, DiagnosticCode, Diagnostics, first_of};
use crate::debuggee::limits::cut;
use crate::debuggee::procfs::{self, MapLine};
use crate::debuggee::recorder::PAGE;
use crate::debuggee::{Recording, TargetMemory};
use crate::os::linux::VDSO;
use crate::os::linux::auxv::{AT_SYSINFO_EHDR, Auxv};
use crate::os::linux::notes::NT_PRSTATUS;
use crate::sys::{Patience, ProcessMemory, Stopped, share_memory, thread_ids};
use nix::errno::Errno;
use refused::{refused, refused_io};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How a live process is to be looked at.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Stop it meanwhile. Without, what is read may belong to different moments.
    pub stop: bool,
    /// How long [`attach`] waits for threads that do not stop at once; those in uninterruptible sleep no longer than `max_stop`.
    pub patience: Duration,
    /// How long [`examine`] may keep it still in one piece. What was not copied by then is read later, and a process whose
    /// threads do not even come to a stand in a part of that time is let go.
    pub max_stop: Duration,
    /// Where reading stops.
    pub limits: Limits,
}

impl LiveOptions {
    /// How long [`examine`] keeps a process still at most, unless told otherwise.
    pub const MAX_STOP: Duration = Duration::from_millis(50);
}

impl Default for LiveOptions {
    fn default() -> Self {
        LiveOptions {
            stop: true,
            patience: Duration::from_secs(2),
            max_stop: LiveOptions::MAX_STOP,
            limits: Limits::default(),
        }
    }
}

/// A live process, stopped unless asked otherwise.
#[derive(Debug)]
pub struct LiveTarget {
    /// The process.
    pub target: Target,
    /// Where its files are found from here, when that is not `/`: it lives in another mount namespace or root.
    pub sysroot: Option<PathBuf>,
    stopped: Option<Stopped>,
    paused: Duration,
}

impl LiveTarget {
    /// Lets the process go on; how long it stood still. More calls do nothing and give the same time.
    pub fn resume(&mut self) -> Duration {
        if let Some(stopped) = self.stopped.take() {
            let since = stopped.since();
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

    /// The process, and what keeps it stopped until it is dropped.
    #[must_use]
    pub fn into_parts(self) -> (Target, Hold) {
        (self.target, Hold { _stopped: self.stopped })
    }
}

/// Keeps a process stopped until it is dropped, by the thread that stopped it.
#[derive(Debug)]
pub struct Hold {
    _stopped: Option<Stopped>,
}

/// Looks at (and stops) process `pid`.
///
/// # Errors
/// [`TargetError::Process`] with the reason and what helps.
pub fn attach(pid: i32, options: LiveOptions) -> Result<LiveTarget, TargetError> {
    let before = Before::take(pid)?;
    let patience = Patience { all: options.patience, asleep: options.max_stop.min(options.patience) };
    let stopped = options.stop.then(|| Stopped::stop(pid, patience)).transpose().map_err(|e| refused(pid, e))?;
    let moment = Moment::take(pid, &before.abi, stopped.as_ref(), &options.limits)?;
    let all_stopped = stopped.is_some() && moment.running.is_empty();
    let scene = Scene::new(pid, before, moment, options)?;
    let reader = LiveMemory { pid, memory: ProcessMemory::new(pid), maps: scene.maps.clone(), stopped: all_stopped };
    let target = scene.target(Box::new(reader));
    Ok(LiveTarget { target, sysroot: procfs::sysroot(pid), stopped, paused: Duration::ZERO })
}

/// What is the same as long as the process runs.
struct Before {
    abi: Abi,
    auxv: Auxv,
}

/// What has to be taken while the process stands still, apart from its memory.
struct Moment {
    maps: Vec<u8>,
    threads: Vec<(i32, Option<ThreadState>)>,
    /// Threads that there are, those beyond the limit too.
    count: usize,
    /// Those that did not stop.
    running: Vec<i32>,
}

/// A process as it was at one moment, apart from its memory.
struct Scene {
    pid: i32,
    abi: Abi,
    maps: Vec<MapLine>,
    auxv: Auxv,
    threads: Vec<(i32, Option<ThreadState>)>,
    diagnostics: Vec<Diagnostic>,
    limits: Limits,
}

/// Registers of a stopped thread, as the kernel gives them: what they say is for later, when the process runs again.
struct ThreadState {
    prstatus: Vec<u8>,
    /// The set that holds the thread pointer, where it is in one of its own.
    thread_pointer: Option<Vec<u8>>,
}

impl ThreadState {
    fn take(stopped: &Stopped, id: i32, abi: &Abi) -> Option<ThreadState> {
        let prstatus = stopped.register_set(id, NT_PRSTATUS).ok()?;
        let note = arch::cpu(abi.arch).thread_pointer.note;
        Some(ThreadState { prstatus, thread_pointer: note.and_then(|note| stopped.register_set(id, note).ok()) })
    }

    /// Registers, and the base of thread-local storage.
    fn read(&self, abi: &Abi) -> Option<(Registers, Option<Addr>)> {
        let registers = Registers::from_prstatus(&self.prstatus, abi)?;
        let of_note = || {
            let base = abi.uint(self.thread_pointer.as_ref()?.get(..8)?);
            Some(Addr(base)).filter(|base| !base.is_null())
        };
        let tls_base = registers.thread_pointer().or_else(of_note);
        Some((registers, tls_base))
    }
}

impl Before {
    fn take(pid: i32) -> Result<Before, TargetError> {
        let dir = procfs::dir(pid);
        if pid <= 0 || !dir.exists() {
            return Err(refused(pid, Errno::ESRCH));
        }
        let abi = abi(pid)?;
        // Reading another's auxv takes the same permission as reading its memory.
        let auxv = procfs::read(&dir.join("auxv")).map_err(|e| refused_io(pid, &e))?;
        Ok(Before { abi, auxv: Auxv::parse(&auxv, &abi) })
    }
}

impl Moment {
    fn take(pid: i32, abi: &Abi, stopped: Option<&Stopped>, limits: &Limits) -> Result<Moment, TargetError> {
        let mut ids = match stopped {
            Some(stopped) => stopped.ids(),
            None => thread_ids(pid).map_err(|e| refused_io(pid, &e))?,
        };
        let count = ids.len();
        ids.truncate(limits.threads);
        let registers = |id: i32| ThreadState::take(stopped?, id, abi);
        let threads = ids.into_iter().map(|id| (id, registers(id))).collect();
        let maps = procfs::read(&procfs::dir(pid).join("maps")).map_err(|e| refused_io(pid, &e))?;
        let running = stopped.map(|stopped| stopped.not_stopped().to_vec()).unwrap_or_default();
        Ok(Moment { maps, threads, count, running })
    }
}

impl Scene {
    fn new(pid: i32, before: Before, moment: Moment, options: LiveOptions) -> Result<Scene, TargetError> {
        let dir = procfs::dir(pid);
        let mut diagnostics = not_stopped(&dir, &moment.running);
        if !options.stop {
            let text = "the process ran on while it was read: parts may belong to different moments";
            diagnostics.push(Diagnostic::warning(DiagnosticCode::LiveRunning, text));
        }
        let maps = procfs::parse_maps(&moment.maps);
        diagnostics.extend(child_of_vfork(pid));
        if maps.is_empty() {
            return Err(refused(pid, Errno::EPERM));
        }
        if maps.iter().any(|m| m.deleted && m.protection.execute && m.inode != 0) {
            let text = "a mapped executable or library was removed or replaced since it was loaded";
            diagnostics.push(Diagnostic::note(DiagnosticCode::LiveDeletedFile, text));
        }
        let status = procfs::read(&dir.join("status")).map_err(|e| refused_io(pid, &e))?;
        if let Some(inner) = procfs::innermost_id(&String::from_utf8_lossy(&status))
            && u64::try_from(pid).ok() != Some(inner)
        {
            let text =
                format!("pid {pid} is {inner} in its own pid namespace; all ids here are those of that namespace");
            diagnostics.push(Diagnostic::note(DiagnosticCode::LivePidNamespace, text));
        }
        diagnostics.extend(cut("threads", moment.count, options.limits.threads, "--max-threads"));
        let Before { abi, auxv } = before;
        Ok(Scene { pid, abi, maps, auxv, threads: moment.threads, diagnostics, limits: options.limits })
    }

    /// The model, with the process's memory as `reader` has it.
    fn target(&self, reader: Box<dyn Memory>) -> Target {
        let dir = procfs::dir(self.pid);
        let mut memory = Recording::new(AddressSpace::from_reader(reader, self.maps.iter().map(segment).collect()));
        memory.set_deadline(&self.limits.deadline);
        let process = process(self.pid, &dir, &self.auxv, &memory);
        let mut modules = modules(&self.maps, &self.auxv, &process, &memory);
        let threads = self
            .threads
            .iter()
            .map(|(id, registers)| thread(*id, &dir.join("task").join(id.to_string()), &self.abi, registers.as_ref()));
        let diagnostics = Diagnostics::default();
        self.diagnostics.iter().cloned().for_each(|d| diagnostics.push(d));
        self.limits.cut_modules(&mut modules, &diagnostics);
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
            mapped_files: file_mappings(&self.maps).collect(),
            code_names: Default::default(),
            thread_index: Default::default(),
            limits: self.limits.clone(),
            diagnostics: Arc::new(diagnostics),
        }
    }
}

/// What is to be said of threads that did not stop.
fn not_stopped(dir: &Path, ids: &[i32]) -> Vec<Diagnostic> {
    const NAMED: usize = 5;
    let in_vfork = |id: &&i32| procfs::waits_for_vfork(&dir.join("task").join(id.to_string()));
    let (vfork, others): (Vec<&i32>, Vec<&i32>) = ids.iter().partition(in_vfork);
    let say = |ids: Vec<&i32>, one: &str, many: &str| {
        let noun = if ids.len() == 1 { one } else { many };
        let ids: Vec<String> = ids.into_iter().map(ToString::to_string).collect();
        let text = noun.replace("{}", &first_of(&ids, NAMED));
        (!ids.is_empty()).then(|| Diagnostic::warning(DiagnosticCode::LiveNotStopped, text))
    };
    let vfork = say(
        vfork,
        "thread {} has made a child with vfork() (posix_spawn, subprocess) and cannot be stopped until that runs its program \
         or ends: no registers of it",
        "threads {} have made children with vfork() (posix_spawn, subprocess) and cannot be stopped until those run their \
         programs or end: no registers of them",
    );
    let others = say(
        others,
        "thread {} did not stop (uninterruptible sleep): no registers of it",
        "threads {} did not stop (uninterruptible sleep): no registers of them",
    );
    [vfork, others].into_iter().flatten().collect()
}

/// What is to be said of a process that is in the memory of its parent: all that is read there is the parent's.
fn child_of_vfork(pid: i32) -> Option<Diagnostic> {
    let status = procfs::read(&procfs::dir(pid).join("status")).ok()?;
    let parent: i32 = procfs::status_field(&String::from_utf8_lossy(&status), "PPid")?.parse().ok()?;
    if parent == 0 || share_memory(pid, parent) != Some(true) {
        return None;
    }
    let text = format!(
        "process {pid} is a child that vfork() made (posix_spawn, subprocess) and that runs no program of its own yet: it is in \
         the memory of process {parent}, and the Python threads there are those of that process"
    );
    Some(Diagnostic::warning(DiagnosticCode::LiveSharedMemory, text).hint("look at the parent"))
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

fn file_mappings(maps: &[MapLine]) -> impl Iterator<Item = FileMapping> + '_ {
    let files = maps.iter().filter(|m| m.inode != 0 && m.path.starts_with('/'));
    files.map(|m| FileMapping {
        start: m.start,
        end: m.end,
        file_offset: m.file_offset,
        path: m.path.clone(),
        execute: Some(m.protection.execute),
    })
}

fn modules(maps: &[MapLine], auxv: &Auxv, process: &ProcessInfo, memory: &TargetMemory) -> Vec<super::Module> {
    let mut modules = from_mappings(memory, file_mappings(maps).collect());
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

fn thread(id: i32, task: &Path, abi: &Abi, state: Option<&ThreadState>) -> NativeThread {
    let text = |name: &str| procfs::read(&task.join(name)).map(|b| String::from_utf8_lossy(&b).into_owned());
    let status = text("status").unwrap_or_default();
    // Of a thread that waits in the kernel, two registers can be known without stopping it.
    let blocked = || procfs::blocked_at(task).map(|(ip, sp)| Registers::of_ip_and_sp(ip, sp, abi.arch));
    let (registers, tls_base) = match state.and_then(|state| state.read(abi)) {
        Some((registers, tls_base)) => (Some(registers), tls_base),
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

/// First page of a range, and how many there are.
fn pages(start: Addr, size: u64) -> (u64, u64) {
    (start.0 / PAGE, size / PAGE)
}

/// Runs of pages as first addresses and bytes.
fn addresses(runs: &[(u64, u64)]) -> Vec<(Addr, u64)> {
    runs.iter().map(|(page, count)| (Addr(page.saturating_mul(PAGE)), count.saturating_mul(PAGE))).collect()
}

/// Pages of a private mapping that are in memory or swapped out, as runs: nothing was written to the others. Of what is shared a page
/// may be in the file alone.
fn used_pages(pid: i32, map: &MapLine, (first, count): (u64, u64)) -> Option<Vec<(u64, u64)>> {
    if map.shared || count > procfs::MAX_PAGE_MAP {
        return None;
    }
    let entries = procfs::page_map(pid, first, count).ok()?;
    let is_there = |entry: u64| entry & procfs::PAGE_IS_THERE != 0;
    let pages: Vec<u64> = (first..).zip(entries).filter(|(_, entry)| is_there(*entry)).map(|(page, _)| page).collect();
    Some(snapshot::runs(&pages, u64::MAX))
}

/// Memory of the process with the reasons that [`Memory`] asks for.
struct LiveMemory {
    pid: i32,
    memory: ProcessMemory,
    maps: Vec<MapLine>,
    /// Whether the process stands still as long as it is read.
    stopped: bool,
}

impl Memory for LiveMemory {
    fn is_of_one_moment(&self) -> bool {
        self.stopped
    }

    fn used(&self, start: Addr, size: u64) -> Option<Vec<(Addr, u64)>> {
        let map = procfs::map_at(&self.maps, start)?;
        Some(addresses(&used_pages(self.pid, map, pages(start, size))?))
    }

    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        match self.memory.read(addr.0, buf) {
            Ok(n) if n == buf.len() => Ok(()),
            Ok(n) => {
                let bad = addr.wrapping_add(n as u64);
                let mapped = procfs::map_at(&self.maps, bad).is_some();
                let kind = if mapped { ReadErrorKind::Io } else { ReadErrorKind::Unmapped };
                Err(ReadError { addr: bad, kind })
            }
            Err(_) => Err(ReadError { addr, kind: ReadErrorKind::Io }),
        }
    }
}
