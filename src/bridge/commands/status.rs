//! `py-status`: what the engine sees of the debugger's process.

use super::{CommandError, Reply};
use crate::bridge::protocol::{PROTOCOL_VERSION, ProcessKind, RegistersOf};
use crate::bridge::session::Session;
use crate::commands::Args;
use std::fmt::Write as _;

pub(super) fn status(session: &mut Session, _: &Args<'_>) -> Result<Reply, CommandError> {
    let mut out = format!("pyinquest {} (protocol {PROTOCOL_VERSION})\n", env!("CARGO_PKG_VERSION"));
    let scene = session.scene().clone();
    let kind = match scene.process {
        ProcessKind::None => "none",
        ProcessKind::Core => "core",
        ProcessKind::Live => "live process",
        ProcessKind::Remote => "remote process",
    };
    // Writing to a String cannot fail.
    let _ = writeln!(out, "process: {kind}{}", scene.pid.map(|pid| format!(" {pid}")).unwrap_or_default());
    if scene.process == ProcessKind::None {
        return Ok(Reply::text(out));
    }
    let process = session.process(RegistersOf::Selected)?;
    let target = process.inspection.target();
    if let Some(path) = &target.path {
        let _ = writeln!(out, "core read from disk: {}", path.display());
    }
    let _ = writeln!(out, "threads: {}", target.threads.len());
    let _ = writeln!(out, "modules: {}", target.modules.len());
    let selected = scene.thread.and_then(|tid| target.thread(tid));
    if let Some(thread) = selected {
        let registers = thread.registers.as_ref();
        let ip = registers.and_then(|r| r.ip()).map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
        let module = registers.and_then(|r| r.ip()).and_then(|ip| target.module_at(ip)).map(|m| m.path.as_str());
        let _ = writeln!(out, "selected thread: {} at {ip} in {}", thread.tid, module.unwrap_or("no module"));
    }
    match process.inspection.python() {
        Some(python) => {
            let located = python.located;
            let module = located.module.and_then(|m| target.modules.get(m)).map_or("no module", |m| m.path.as_str());
            let _ = writeln!(out, "CPython {}{} in {module}", located.version, located.flags.abiflags());
        }
        None => out.push_str("CPython: not found\n"),
    }
    for diagnostic in target.diagnostics.to_vec() {
        let _ = writeln!(out, "{:?}: {}", diagnostic.severity, diagnostic.message);
    }
    let cost = session.link().cost();
    let _ = writeln!(
        out,
        "this command: {} questions to the debugger, {} bytes moved, {} of them memory",
        cost.requests, cost.bytes, cost.memory
    );
    Ok(Reply::text(out))
}
