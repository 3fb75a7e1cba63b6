//! A process that a debugger has stopped, as a [`Target`]: the debugger tells threads and mappings and reads memory.
//!
//! How the debugger is asked is the business of `bridge`; here its answers become the model.

use super::elf_modules::{FileMapping, from_link_map, from_mappings, from_scan};
use super::{
    AddressSpace, Crash, Memory, Module, NativeThread, ProcessInfo, Protection, ReadError, ReadErrorKind, Registers,
    Segment, SignalInfo, SourceKind, Target,
};
use crate::arch;
use crate::base::{Abi, Addr, Arch, Diagnostic, DiagnosticCode, Diagnostics};
use crate::debuggee::{Recording, TargetMemory};
use crate::os::linux::auxv::{AT_SYSINFO_EHDR, Auxv};
use crate::os::linux::signals::{dumps_core, has_fault_address, has_sender, signal_name};
use crate::os::linux::{VDSO, is_mapped_file};
use std::sync::Arc;

/// What a debugger tells of its process. Any part may be empty.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Process id.
    pub pid: Option<u64>,
    /// Main executable as the debugger knows it.
    pub executable: Option<String>,
    /// Threads in the debugger's order.
    pub threads: Vec<SessionThread>,
    /// Auxiliary vector.
    pub auxv: Auxv,
    /// Mappings of the process, sorted or not.
    pub mappings: Vec<SessionMapping>,
    /// Modules the debugger has loaded: path, address of the ELF header.
    pub modules: Vec<(String, Addr)>,
}

/// One thread.
#[derive(Clone, Debug, Default)]
pub struct SessionThread {
    /// Linux LWP id.
    pub tid: u64,
    /// Name.
    pub name: Option<String>,
    /// Registers by the debugger's names; empty when they were not asked for.
    pub registers: Vec<(String, u64)>,
    /// `si_signo`, `si_code` and `si_addr` of the signal that stopped it.
    pub signal: Option<(i32, Option<i32>, Option<Addr>)>,
}

/// One mapping.
#[derive(Clone, Debug, Default)]
pub struct SessionMapping {
    /// First address.
    pub start: Addr,
    /// First address after it.
    pub end: Addr,
    /// Offset in the file, in bytes.
    pub file_offset: u64,
    /// Access rights, when known.
    pub protection: Option<Protection>,
    /// Path; empty for memory without a file.
    pub path: String,
}

/// The ABI of an architecture by the name that gdb (`i386:x86-64`) or LLVM (`x86_64-pc-linux-gnu`) has for it.
/// `None` for one that is not supported.
#[must_use]
pub fn abi_of(name: &str) -> Option<Abi> {
    arch::by_tool_name(name).map(|cpu| Abi::linux(cpu.arch))
}

/// A target of what the debugger tells. `memory` reads through the debugger.
#[must_use]
pub fn from_session(session: Session, abi: Abi, memory: Box<dyn Memory>) -> Target {
    let diagnostics = Arc::new(Diagnostics::default());
    let memory = Recording::new(AddressSpace::from_reader(memory, segments(&session.mappings)));
    let process = process(&session, &memory);
    let modules = modules(&session, &abi, &memory, &process, &diagnostics);
    let (threads, crash) = threads(session.threads, abi.arch);
    Target {
        source: SourceKind::Debugger,
        path: None,
        abi,
        process,
        memory,
        modules,
        threads,
        crash,
        missing: Vec::new(),
        mapped_files: Vec::new(),
        code_names: Default::default(),
        thread_index: Default::default(),
        limits: Default::default(),
        diagnostics,
    }
}

/// Threads of a session, and what would have ended the process.
#[must_use]
pub fn threads(threads: Vec<SessionThread>, arch: Arch) -> (Vec<NativeThread>, Option<Crash>) {
    let threads: Vec<NativeThread> = threads.into_iter().map(|t| thread(t, arch)).collect();
    let crash = threads.iter().find_map(crash);
    (threads, crash)
}

/// A core that the debugger has open too: memory that the file lacks is asked of the debugger, which may know the
/// executables that it was mapped from.
#[must_use]
pub fn over_core(mut core: Target, debugger: Box<dyn Memory>) -> Target {
    let nothing: Arc<dyn super::ByteSource> = Arc::new(Vec::new());
    let file = std::mem::replace(&mut core.memory, Recording::new(AddressSpace::from_dump(nothing, Vec::new())));
    let segments = file.segments().to_vec();
    core.memory = Recording::new(AddressSpace::from_reader(Box::new(CoreFirst { file, debugger }), segments));
    core
}

/// The core file, and the debugger where the file leaves memory out.
struct CoreFirst {
    file: TargetMemory,
    debugger: Box<dyn Memory>,
}

impl Memory for CoreFirst {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        self.file.read(addr, buf).or_else(|error| match error.kind {
            ReadErrorKind::NotInDump | ReadErrorKind::FileMissing => {
                self.debugger.read(addr, buf).map_err(|theirs| ReadError { kind: error.kind, ..theirs })
            }
            // What truncation lost may have been written to since it was mapped: no file may stand in for it. What
            // was never mapped the debugger does not have either.
            _ => Err(error),
        })
    }
}

fn segments(mappings: &[SessionMapping]) -> Vec<Segment> {
    let segment = |m: &SessionMapping| {
        let size = m.end.distance_from(m.start).unwrap_or(0);
        let protection = m.protection.unwrap_or_default();
        Segment { start: m.start, size, offset: 0, available: size, dumped: size, protection }
    };
    mappings.iter().map(segment).collect()
}

fn process(session: &Session, memory: &TargetMemory) -> ProcessInfo {
    let told = ProcessInfo::from_auxv(&session.auxv, memory);
    let executable = told.executable.clone().or_else(|| session.executable.clone());
    let name = executable.as_deref().and_then(|path| path.rsplit('/').next());
    ProcessInfo { pid: session.pid, command: name.map(str::to_owned), executable, ..told }
}

/// Modules from the mappings, else from the dynamic linker's list, else those the debugger has loaded.
fn modules(
    session: &Session,
    abi: &Abi,
    memory: &TargetMemory,
    process: &ProcessInfo,
    diagnostics: &Diagnostics,
) -> Vec<Module> {
    let file = |m: &SessionMapping| FileMapping {
        start: m.start,
        end: m.end,
        file_offset: m.file_offset,
        path: m.path.clone(),
        execute: m.protection.map(|p| p.execute),
    };
    let is_file = |m: &&SessionMapping| is_mapped_file(&m.path);
    let mut modules = from_mappings(memory, session.mappings.iter().filter(is_file).map(file).collect());
    if modules.is_empty()
        && let Some(phdr) = process.phdr
    {
        modules = from_link_map(memory, abi, phdr, process.executable.as_deref().unwrap_or_default());
    }
    for (path, base) in &session.modules {
        if !modules.iter().any(|m| m.base == *base)
            && let Some(mut module) = from_scan(memory, [*base]).pop()
        {
            module.path.clone_from(path);
            modules.push(module);
        }
    }
    if let Some(base) = session.auxv.get(AT_SYSINFO_EHDR).map(Addr)
        && !modules.iter().any(|m| m.base == base)
        && let Some(mut module) = from_scan(memory, [base]).pop()
    {
        VDSO.clone_into(&mut module.path);
        modules.push(module);
    }
    if let Some(at) = process.phdr.or(process.entry) {
        modules.iter_mut().for_each(|m| m.is_main = m.contains(at));
    }
    if modules.is_empty() {
        let text = "the debugger tells neither mappings nor libraries of the process";
        let hint = "give it the executable (file) and, for a remote process, its files (set sysroot)";
        diagnostics.push(Diagnostic::warning(DiagnosticCode::DebuggerNoModules, text).hint(hint));
    }
    modules.sort_by_key(|m| m.base);
    modules
}

fn thread(thread: SessionThread, arch: Arch) -> NativeThread {
    let cpu = arch::cpu(arch);
    let value = |name: &str| thread.registers.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
    let tls_base = value(cpu.thread_pointer.debugger).filter(|v| *v != 0).map(Addr);
    let known = |name: &&'static str| Some((*name, value(name).or_else(|| value(cpu.alias(name)))?));
    let values: Vec<(&'static str, u64)> = cpu.debugger.iter().filter_map(known).collect();
    let signal = thread.signal.map(|(number, code, addr)| SignalInfo {
        number,
        code,
        fault_addr: addr.filter(|_| code.is_some_and(|code| has_fault_address(number, code))),
        sender_pid: None,
        sender_uid: None,
    });
    NativeThread {
        tid: thread.tid,
        registers: (!values.is_empty()).then_some(Registers { arch, values }),
        tls_base,
        name: thread.name,
        signal,
    }
}

/// A signal that would have ended the process. Breakpoints (SIGTRAP) and a debugger's own stops would not, nor does
/// a signal that someone sends to a process under a debugger tell of a fault.
fn crash(thread: &NativeThread) -> Option<Crash> {
    let info = thread.signal.as_ref()?;
    let sent = info.code.is_some_and(has_sender) && signal_name(info.number) != Some("SIGABRT");
    let ends = dumps_core(info.number) && signal_name(info.number) != Some("SIGTRAP") && !sent;
    ends.then(|| Crash::Signal { tid: thread.tid, info: info.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debuggee::synth_memory::SynthMemory;

    fn stopped_by(number: i32, code: i32) -> Target {
        let registers = vec![("rip".to_owned(), 0x10), ("rflags".to_owned(), 2), ("fs_base".to_owned(), 0x7000)];
        let signal = Some((number, Some(code), Some(Addr(8))));
        let session =
            Session { threads: vec![SessionThread { tid: 7, registers, signal, name: None }], ..Session::default() };
        from_session(session, Abi::LINUX_X86_64, Box::new(SynthMemory::new()))
    }

    #[test]
    fn a_breakpoint_is_no_crash_and_a_fault_is() {
        assert_eq!(stopped_by(5, 0x80).crash, None);
        assert_eq!(stopped_by(11, 0).crash, None, "SIGSEGV sent by kill to a process under a debugger");
        let Some(Crash::Signal { tid: 7, info }) = stopped_by(11, 1).crash else { panic!("no crash") };
        assert_eq!((info.number, info.fault_addr), (11, Some(Addr(8))));
    }

    #[test]
    fn registers_have_one_name_whatever_the_debugger_calls_them() {
        let target = stopped_by(5, 0x80);
        let thread = target.thread(7).unwrap();
        let registers = thread.registers.as_ref().unwrap();
        assert_eq!((registers.ip(), registers.get("eflags")), (Some(Addr(0x10)), Some(2)));
        assert_eq!(thread.tls_base, Some(Addr(0x7000)));
        assert!(target.diagnostics.to_vec().iter().any(|d| d.code == DiagnosticCode::DebuggerNoModules));
    }

    #[test]
    fn architectures_have_gdbs_and_llvms_names() {
        assert_eq!(abi_of("i386:x86-64"), Some(Abi::LINUX_X86_64));
        assert_eq!(abi_of("x86_64-pc-linux-gnu"), Some(Abi::LINUX_X86_64));
        assert_eq!(abi_of("aarch64"), Some(Abi::LINUX_AARCH64));
        assert_eq!(abi_of("i386"), None);
    }
}
