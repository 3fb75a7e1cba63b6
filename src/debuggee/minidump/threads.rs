//! Threads of a minidump.

use super::{Dump, stream};
use crate::base::{Abi, Addr, Diagnostic, DiagnosticCode, Diagnostics};
use crate::debuggee::{NativeThread, Registers};
use minidump::{
    MinidumpContext, MinidumpException, MinidumpMiscInfo, MinidumpRawContext, MinidumpSystemInfo, MinidumpThreadList,
    MinidumpThreadNames,
};

/// Threads in the order of the dump, but the one with the exception first.
pub(super) fn threads(
    dump: &Dump,
    system: &MinidumpSystemInfo,
    exception: Option<&MinidumpException<'_>>,
    abi: Abi,
    diagnostics: &Diagnostics,
) -> Vec<NativeThread> {
    let misc = dump.get_stream::<MinidumpMiscInfo>().ok();
    let names = dump.get_stream::<MinidumpThreadNames>().ok();
    let Some(list) = stream::<MinidumpThreadList<'_>>(dump, "ThreadList", diagnostics) else {
        let text = "the minidump has no thread list: registers and native threads are unknown";
        diagnostics.push(Diagnostic::warning(DiagnosticCode::MinidumpNoThreads, text));
        return Vec::new();
    };
    let crashed = exception.map(|e| e.thread_id);
    let mut out: Vec<NativeThread> = list
        .threads
        .iter()
        .map(|thread| {
            let id = thread.raw.thread_id;
            // The thread's own context is of the moment of dumping: inside the exception handler.
            let of_exception = exception.filter(|e| e.thread_id == id).and_then(|e| e.context(system, misc.as_ref()));
            let context = of_exception.or_else(|| thread.context(system, misc.as_ref()));
            NativeThread {
                tid: u64::from(id),
                registers: context.and_then(|c| registers(&c, abi)),
                tls_base: Some(Addr(thread.raw.teb)).filter(|teb| !teb.is_null()),
                name: names.as_ref().and_then(|n| n.get_name(id)).map(|n| n.into_owned()).filter(|n| !n.is_empty()),
                signal: None,
            }
        })
        .collect();
    out.sort_by_key(|t| crashed.map(u64::from) != Some(t.tid));
    out
}

fn registers(context: &MinidumpContext, abi: Abi) -> Option<Registers> {
    const X: [&str; 31] = [
        "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
        "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30",
    ];
    let arm = |x: &[u64; 31], sp: u64, pc: u64, state: u32| {
        let mut values: Vec<(&'static str, u64)> = X.into_iter().zip(x.iter().copied()).collect();
        values.extend([("sp", sp), ("pc", pc), ("pstate", u64::from(state))]);
        values
    };
    let values = match &context.raw {
        MinidumpRawContext::Amd64(c) => vec![
            ("rax", c.rax),
            ("rbx", c.rbx),
            ("rcx", c.rcx),
            ("rdx", c.rdx),
            ("rsi", c.rsi),
            ("rdi", c.rdi),
            ("rbp", c.rbp),
            ("rsp", c.rsp),
            ("r8", c.r8),
            ("r9", c.r9),
            ("r10", c.r10),
            ("r11", c.r11),
            ("r12", c.r12),
            ("r13", c.r13),
            ("r14", c.r14),
            ("r15", c.r15),
            ("rip", c.rip),
            ("eflags", u64::from(c.eflags)),
            ("cs", u64::from(c.cs)),
            ("ss", u64::from(c.ss)),
            ("ds", u64::from(c.ds)),
            ("es", u64::from(c.es)),
            ("fs", u64::from(c.fs)),
            ("gs", u64::from(c.gs)),
        ],
        MinidumpRawContext::Arm64(c) => arm(&c.iregs, c.sp, c.pc, c.cpsr),
        MinidumpRawContext::OldArm64(c) => arm(&c.iregs, c.sp, c.pc, c.cpsr),
        _ => return None,
    };
    Some(Registers { arch: abi.arch, values })
}
