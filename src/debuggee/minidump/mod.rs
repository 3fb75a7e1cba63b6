//! Minidumps (Windows `MINIDUMP_HEADER` and its Breakpad, Crashpad and minidump-writer relatives) as a [`Target`].
//!
//! The crate `minidump` decodes the streams; the memory lists are read here, because a cut file must not cost the
//! memory that is there.

mod memory;
mod modules;
mod sections;
mod streams;
mod threads;

use super::{AddressSpace, ByteSource, Crash, Limits, SignalInfo, SourceKind, Target, TargetError};
use crate::arch;
use crate::base::{Abi, Addr, DataModel, Diagnostic, DiagnosticCode, Diagnostics, Endian, Os};
use crate::debuggee::Recording;
use crate::debuggee::slim_record::{kept_bytes, vendor_stream};
use crate::os::linux::signals::{SI_USER, has_fault_address, is_fault};
use minidump::system_info::Os as DumpOs;
use minidump::{Minidump, MinidumpException, MinidumpSystemInfo};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

/// The bytes of a source, as the crate wants them.
struct Bytes(Arc<dyn ByteSource>);

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.0.bytes()
    }
}

type Dump = Minidump<'static, Bytes>;

/// A minidump whose bytes are available. `path` is for messages.
///
/// # Errors
/// [`TargetError`] when nothing at all can be told from it; what is only partly there gives a target with
/// diagnostics.
pub fn from_source(path: &Path, source: Arc<dyn ByteSource>) -> Result<Target, TargetError> {
    from_source_within(path, source, &Limits::default())
}

/// The same within limits.
///
/// # Errors
/// As [`from_source`].
pub fn from_source_within(path: &Path, source: Arc<dyn ByteSource>, limits: &Limits) -> Result<Target, TargetError> {
    let malformed = |what: String| TargetError::Malformed { path: path.to_owned(), what };
    let data: &[u8] = source.bytes();
    if data.is_empty() {
        return Err(TargetError::Empty { path: path.to_owned() });
    }
    let dump: Dump = Minidump::read(Bytes(Arc::clone(&source))).map_err(|e| malformed(format!("minidump: {e}")))?;
    let system: MinidumpSystemInfo =
        dump.get_stream().map_err(|e| malformed(format!("minidump without a usable SystemInfo stream: {e}")))?;
    let abi = abi(&system, dump.endian).map_err(|what| TargetError::UnsupportedArch { path: path.to_owned(), what })?;
    let diagnostics = Diagnostics::default();
    let maps = streams::linux_maps(&dump);
    let found = memory::find(&dump, data, &maps, &abi, &diagnostics);
    let mut memory = Recording::new(AddressSpace::from_dump(Arc::clone(&source), found.segments));
    memory.set_deadline(&limits.deadline);
    memory.set_kept(kept_bytes(data));
    let exception = stream::<MinidumpException<'_>>(&dump, "Exception", &diagnostics);
    let threads = threads::threads(&dump, data, exception.as_ref(), abi, limits.threads, &diagnostics);
    let mut modules = modules::modules(&dump, &maps, &abi, &diagnostics);
    limits.cut_modules(&mut modules, &diagnostics);
    let process = streams::process(&dump, &abi, &memory);
    let crash = exception.and_then(|e| crash(&e, abi.os, vendor_stream(data).is_some()));
    Ok(Target {
        source: SourceKind::Minidump,
        path: Some(path.to_owned()),
        abi,
        process,
        memory,
        modules,
        threads,
        crash,
        missing: found.missing,
        mapped_files: Vec::new(),
        code_names: Default::default(),
        thread_index: Default::default(),
        limits: limits.clone(),
        diagnostics: Arc::new(diagnostics),
    })
}

/// A stream, with a diagnostic when it is there but damaged.
fn stream<'a, S: minidump::MinidumpStream<'a>>(dump: &'a Dump, name: &str, diagnostics: &Diagnostics) -> Option<S> {
    match dump.get_stream::<S>() {
        Ok(stream) => Some(stream),
        Err(minidump::Error::StreamNotFound) => None,
        Err(e) => {
            let text = format!("the minidump's {name} stream cannot be read: {e}");
            diagnostics.push(Diagnostic::warning(DiagnosticCode::MinidumpStreamDamaged, text));
            None
        }
    }
}

fn abi(system: &MinidumpSystemInfo, endian: minidump::Endian) -> Result<Abi, String> {
    let cpu = arch::by_minidump_id(system.raw.processor_architecture);
    let arch = cpu.ok_or_else(|| format!("{} ({})", system.cpu, system.os))?.arch;
    let (os, data_model) = match system.os {
        DumpOs::Windows => (Os::Windows, DataModel::Llp64),
        DumpOs::Linux | DumpOs::Android => (Os::Linux, DataModel::Lp64),
        DumpOs::MacOs | DumpOs::Ios => (Os::MacOs, DataModel::Lp64),
        other => return Err(format!("{} of {other}", system.cpu)),
    };
    let endian = match endian {
        minidump::Endian::Little => Endian::Little,
        minidump::Endian::Big => Endian::Big,
    };
    Ok(Abi { arch, endian, data_model, os })
}

/// The exception stream as a crash. Writers that were merely asked for a dump (`minidump-writer`, Crashpad) put a
/// marker there.
fn crash(exception: &MinidumpException<'_>, os: Os, slim: bool) -> Option<Crash> {
    /// `MD_EXCEPTION_CODE_LIN_DUMP_REQUESTED` of Breakpad. On Windows a program may raise it.
    const LINUX_REQUESTED: u32 = 0xffff_ffff;
    /// Crashpad's `kSimulatedExceptionCode`.
    const SIMULATED: u32 = 0x0517_a7ed;
    let record = &exception.raw.exception_record;
    let code = record.exception_code;
    if code == SIMULATED || (os == Os::Linux && code == LINUX_REQUESTED) {
        return None;
    }
    let tid = u64::from(exception.thread_id);
    let address = Addr(record.exception_address);
    if os == Os::Linux {
        // Breakpad and its relatives: si_signo, si_code, si_addr.
        let number = i32::try_from(record.exception_code).ok()?;
        let flags = record.exception_flags.cast_signed();
        // Our own slim minidumps say who sent a signal, and that the original had no code (slim/minidump.rs). Of others
        // zero is no `SI_USER`: older Breakpads, and writers that have no `siginfo_t`, leave the field empty.
        let code = match slim {
            true => (record.number_parameters != 1).then_some(flags),
            false => Some(flags).filter(|code| *code != SI_USER),
        };
        let located = code.map_or(is_fault(number) && !address.is_null(), |code| has_fault_address(number, code));
        let fault_addr = located.then_some(address);
        let (sender_pid, sender_uid) = match (slim, record.number_parameters, record.exception_information) {
            (true, 2, [pid, uid, ..]) => {
                (u32::try_from(pid).ok().map(u32::cast_signed), u32::try_from(uid).ok().filter(|uid| *uid != u32::MAX))
            }
            _ => (None, None),
        };
        let info = SignalInfo { number, code, fault_addr, sender_pid, sender_uid };
        return Some(Crash::Signal { tid, info });
    }
    let count = usize::try_from(record.number_parameters).unwrap_or(0).min(record.exception_information.len());
    let parameters = record.exception_information.iter().take(count).copied().collect();
    Some(Crash::Exception { tid, code: record.exception_code, address, parameters })
}
