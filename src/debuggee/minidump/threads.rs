//! Threads of a minidump.

use super::{Dump, stream};
use crate::arch;
use crate::base::{Abi, Addr, Diagnostic, DiagnosticCode, Diagnostics};
use crate::debuggee::limits::cut;
use crate::debuggee::{NativeThread, Registers};
use minidump::format::MINIDUMP_LOCATION_DESCRIPTOR;
use minidump::{MinidumpException, MinidumpThreadList, MinidumpThreadNames};

/// Threads in the order of the dump, but the one with the exception first.
pub(super) fn threads(
    dump: &Dump,
    data: &[u8],
    exception: Option<&MinidumpException<'_>>,
    abi: Abi,
    most: usize,
    diagnostics: &Diagnostics,
) -> Vec<NativeThread> {
    let names = dump.get_stream::<MinidumpThreadNames>().ok();
    let Some(list) = stream::<MinidumpThreadList<'_>>(dump, "ThreadList", diagnostics) else {
        let text = "the minidump has no thread list: registers and native threads are unknown";
        diagnostics.push(Diagnostic::warning(DiagnosticCode::MinidumpNoThreads, text));
        return Vec::new();
    };
    let crashed = exception.map(|e| e.thread_id);
    let is_crashed = |id: u32| crashed == Some(id);
    if let Some(diagnostic) = cut("threads", list.threads.len(), most, "--max-threads") {
        diagnostics.push(diagnostic);
    }
    let kept = list.threads.iter().enumerate().filter(|(at, t)| *at < most || is_crashed(t.raw.thread_id));
    let mut out: Vec<NativeThread> = kept
        .map(|(_, thread)| thread)
        .map(|thread| {
            let id = thread.raw.thread_id;
            // The thread's own context is of the moment of dumping: inside the exception handler.
            let of_exception = exception.filter(|e| e.thread_id == id);
            let of_exception = of_exception.and_then(|e| registers(data, &e.raw.thread_context, abi));
            let registers = of_exception.or_else(|| registers(data, &thread.raw.thread_context, abi));
            NativeThread {
                tid: u64::from(id),
                registers,
                tls_base: Some(Addr(thread.raw.teb)).filter(|teb| !teb.is_null()),
                name: names.as_ref().and_then(|n| n.get_name(id)).map(|n| n.into_owned()).filter(|n| !n.is_empty()),
                signal: None,
            }
        })
        .collect();
    out.sort_by_key(|t| crashed.map(u64::from) != Some(t.tid));
    out
}

/// The registers in the `CONTEXT` at a place of the dump.
fn registers(data: &[u8], place: &MINIDUMP_LOCATION_DESCRIPTOR, abi: Abi) -> Option<Registers> {
    let start = usize::try_from(place.rva).ok()?;
    let context = data.get(start..start.checked_add(usize::try_from(place.data_size).ok()?)?)?;
    let values = arch::cpu(abi.arch).minidump.as_ref()?.read(context, &abi)?;
    Some(Registers::sorted(values, abi.arch))
}
