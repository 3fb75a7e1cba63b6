//! A Sentry envelope with one event: what an SDK in the process would have sent, had it lived.
//!
//! Format facts: getsentry/sentry-data-schemas `relay/event.schema.json`, and Sentry's developer documentation (event payloads,
//! envelopes). Frames are outermost first, the stack of the crashed thread is in the exception, columns begin at 1.

use super::occasion::Occasion;
use super::wording::{doubt, doubts, function};
use crate::base::Os;
use crate::model::{ExceptionInfo, Frame, FrameKind, LocalKind, ModuleInfo, Report, Thread, TracebackEntry, WaitKind};
use serde_json::{Map, Value, json};
use std::time::UNIX_EPOCH;

/// Frames sent of a stack, from its innermost and from its outermost end.
const MAX_FRAMES: usize = 250;
/// Threads sent.
const MAX_THREADS: usize = 200;
/// Exceptions sent of a chain.
const MAX_CHAIN: usize = 10;

/// The envelope: a line of headers, a line about the item, and the event, with line ends.
///
/// # Errors
/// When a value cannot be written as JSON; there is none, so an error is a fault of ours.
pub fn envelope(report: &Report, occasion: &Occasion) -> serde_json::Result<String> {
    let body = serde_json::to_string(&event(report, occasion))?;
    let mut headers = json!({
        "event_id": occasion.event_id,
        "sent_at": occasion.sent,
        "sdk": {"name": "pyinquest", "version": env!("CARGO_PKG_VERSION")},
    });
    if let (Some(dsn), Some(headers)) = (&occasion.dsn, headers.as_object_mut()) {
        headers.insert("dsn".to_owned(), dsn.as_str().into());
    }
    let item = json!({"type": "event", "length": body.len(), "content_type": "application/json"});
    Ok(format!("{headers}\n{item}\n{body}\n"))
}

/// The event alone.
#[must_use]
pub fn event(report: &Report, occasion: &Occasion) -> Value {
    let python = report.python.as_ref();
    let mut out = json!({
        "event_id": occasion.event_id,
        "platform": if python.is_some() { "python" } else { "native" },
        "level": if report.crash.is_some() { "fatal" } else { "info" },
        "logger": "pyinquest",
        "sdk": {"name": "pyinquest", "version": env!("CARGO_PKG_VERSION")},
        "contexts": contexts(report),
        "exception": {"values": exceptions(report)},
        "threads": {"values": threads(report)},
        "debug_meta": {"images": images(report)},
        "tags": tags(report),
        "extra": extra(report),
    });
    if let Some(fields) = out.as_object_mut() {
        let time = occasion.time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        fields.extend(time.map(|time| ("timestamp".to_owned(), time.as_secs().into())));
        if let Some(signature) = &report.signature {
            fields.insert("fingerprint".to_owned(), json!(["pyinquest", signature.coarse]));
        }
    }
    without_nulls(out)
}

/// Absent is shorter than `null`, and some fields do not allow it.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, v)| !v.is_null());
            Value::Object(kept.map(|(k, v)| (k, without_nulls(v))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

fn contexts(report: &Report) -> Value {
    let abi = report.process.abi;
    let os = abi.map(|abi| match abi.os {
        Os::Linux => "Linux",
        Os::Windows => "Windows",
        Os::MacOs => "macOS",
    });
    let runtime = report.python.as_ref().map(|p| json!({"type": "runtime", "name": "CPython", "version": p.version}));
    json!({
        "runtime": runtime,
        "os": os.map(|name| json!({"type": "os", "name": name})),
        "device": abi.map(|abi| json!({"type": "device", "arch": crate::arch::cpu(abi.arch).host_arch})),
    })
}

/// Exceptions that were being handled or raised in the crashed thread, the oldest first, and the crash as the last.
fn exceptions(report: &Report) -> Vec<Value> {
    let crashed = report.threads.iter().find(|t| t.crashed);
    let states = crashed.into_iter().flat_map(Thread::states);
    let mut out: Vec<Value> = Vec::new();
    for first in states.flat_map(|p| p.raising.iter().chain(&p.handling)) {
        let mut next = Some(first);
        for _ in 0..MAX_CHAIN {
            let Some(info) = next else { break };
            out.push(exception(info, crashed));
            next = info.caused_by.as_ref().map(|link| &link.exception);
        }
    }
    out.reverse();
    let Some(crash) = &report.crash else { return out };
    let title = report.findings.first().map_or(crash.summary.as_str(), |f| f.title.as_str());
    let signal = crash
        .signal
        .map(|number| json!({"number": number, "code": crash.code, "name": crash.name, "code_name": crash.code_name}));
    out.push(json!({
        "type": crash.name.as_deref().unwrap_or("crash"),
        "value": title,
        "thread_id": crash.tid,
        "mechanism": {
            "type": if crash.signal.is_some() { "signalhandler" } else { "minidump" },
            "handled": false,
            // The type stands for the signal; it is not what to group by.
            "synthetic": true,
            "meta": {"signal": signal},
        },
        "stacktrace": crashed.map(|t| stack(report, t)),
    }));
    out
}

fn exception(info: &ExceptionInfo, thread: Option<&Thread>) -> Value {
    let (kind, text) = match info.summary.split_once(": ") {
        Some((kind, text)) => (kind, Some(text)),
        None => (info.summary.as_str(), None),
    };
    let frames: Vec<Value> = info.traceback.iter().map(traceback_frame).collect();
    json!({
        "type": kind,
        "value": text,
        "thread_id": thread.and_then(|t| t.tid),
        "mechanism": {"type": "chained", "handled": true},
        "stacktrace": (!frames.is_empty()).then(|| json!({"frames": frames})),
    })
}

fn traceback_frame(entry: &TracebackEntry) -> Value {
    let file = entry.file.as_ref().map(ToString::to_string);
    json!({
        "platform": "python",
        "filename": file.as_deref().map(crate::base::file_name),
        "abs_path": file,
        "function": entry.function.as_ref().map(ToString::to_string),
        "lineno": entry.line,
        "in_app": file.as_deref().map(in_app),
    })
}

fn threads(report: &Report) -> Vec<Value> {
    let threads = report.threads.iter().take(MAX_THREADS);
    threads
        .map(|thread| {
            let python = thread.python.as_ref();
            let waits = thread.waits_for.as_ref();
            json!({
                "id": thread.tid.or_else(|| python.and_then(|p| p.ident)),
                "name": thread.name.as_ref().map(ToString::to_string),
                "crashed": thread.crashed,
                "current": thread.crashed,
                "main": python.map(|_| thread.is_main()),
                "state": waits.map(|w| if w.kind == WaitKind::Gil { "BLOCKED" } else { "WAITING" }),
                // That of the crashed thread is the exception's.
                "stacktrace": (!thread.crashed && !thread.frames.is_empty()).then(|| stack(report, thread)),
            })
        })
        .collect()
}

/// Frames of a thread, outermost first.
fn stack(report: &Report, thread: &Thread) -> Value {
    let shown: Vec<&Frame> = thread.frames.iter().filter(|f| !f.native.as_ref().is_some_and(|n| n.plumbing)).collect();
    let hidden = MAX_FRAMES..shown.len().saturating_sub(MAX_FRAMES).max(MAX_FRAMES);
    let kept = shown.iter().enumerate().filter(|(at, _)| !hidden.contains(at));
    let mut frames: Vec<Value> = kept.map(|(_, f)| frame(report, f)).collect();
    frames.reverse();
    let registers: Option<Map<String, Value>> = thread.registers.as_ref().map(|registers| {
        registers.iter().map(|(name, value)| (name.clone(), format!("{:#x}", value.0).into())).collect()
    });
    json!({"frames": frames, "registers": registers})
}

fn frame(report: &Report, frame: &Frame) -> Value {
    let file = frame.file.as_ref().map(ToString::to_string);
    let native = frame.native.as_ref();
    let vars: Option<Map<String, Value>> = frame.locals.as_ref().map(|locals| {
        let shown = locals.iter().filter(|l| l.kind != LocalKind::Name || !l.name.to_string().starts_with("__"));
        shown.filter_map(|l| Some((l.name.to_string(), l.value.as_ref()?.repr.as_str().into()))).collect()
    });
    let module = native.and_then(|n| n.module_id).and_then(|id| report.modules.iter().find(|m| m.id == Some(id)));
    json!({
        "platform": if frame.kind == FrameKind::Python { "python" } else { "native" },
        "filename": file.as_deref().map(crate::base::file_name),
        "abs_path": file,
        "function": function(frame),
        "raw_function": native.and_then(|n| n.symbol.as_deref()),
        "lineno": frame.line,
        "colno": frame.column.map(|c| c.saturating_add(1)),
        "context_line": frame.source.as_ref().map(|s| s.trim_end()),
        "in_app": match (frame.kind, file.as_deref()) {
            (FrameKind::Python, Some(file)) => in_app(file),
            _ => false,
        },
        "vars": vars,
        "instruction_addr": native.map(|n| format!("{:#x}", n.ip.0)),
        "image_addr": module.map(|m| format!("{:#x}", m.base.0)),
        "package": native.and_then(|n| n.module.as_deref()),
    })
}

/// Whether a file is neither of the standard library nor an installed package's.
fn in_app(file: &str) -> bool {
    let installed = ["/site-packages/", "/dist-packages/", "/lib/python3", "/lib64/python3"];
    let file = file.replace('\\', "/");
    !file.starts_with('<') && !installed.iter().any(|part| file.contains(part))
}

/// Modules by which a server finds debug files.
fn images(report: &Report) -> Vec<Value> {
    let windows = report.process.abi.is_some_and(|abi| abi.os == Os::Windows);
    let known = report.modules.iter().filter(|m| m.build_id.is_some());
    known.filter_map(|m| image(m, windows)).collect()
}

fn image(module: &ModuleInfo, windows: bool) -> Option<Value> {
    let id = module.build_id.as_deref()?;
    Some(json!({
        "type": if windows { "pe" } else { "elf" },
        "code_file": module.path,
        "code_id": (!windows).then_some(id),
        "debug_id": debug_id(id, windows)?,
        "image_addr": format!("{:#x}", module.base.0),
        "image_size": module.end.0.saturating_sub(module.base.0),
    }))
}

/// ELF: the first 16 bytes of the build-id as a little-endian GUID. PE: the GUID of the PDB, and its age.
fn debug_id(build_id: &str, windows: bool) -> Option<String> {
    let padded = format!("{build_id:0<32}");
    let part = |range: std::ops::Range<usize>| padded.get(range);
    let swapped = |range: std::ops::Range<usize>| {
        let text = part(range)?;
        let bytes: Vec<&str> = (0..text.len()).step_by(2).filter_map(|at| text.get(at..at.saturating_add(2))).collect();
        Some(bytes.into_iter().rev().collect::<String>())
    };
    let first = |range: std::ops::Range<usize>| if windows { part(range).map(str::to_owned) } else { swapped(range) };
    let (a, b, c) = (first(0..8)?, first(8..12)?, first(12..16)?);
    let guid = format!("{a}-{b}-{c}-{}-{}", part(16..20)?, part(20..32)?);
    if !windows {
        return Some(guid);
    }
    // Without a PDB there is only a time stamp and a size.
    let age = u32::from_str_radix(build_id.get(32..40)?, 16).ok()?;
    Some(format!("{guid}-{age:x}"))
}

fn tags(report: &Report) -> Value {
    let finding = report.findings.first();
    json!({
        "finding": finding.map(|f| f.id.to_string()),
        "signal": report.crash.as_ref().and_then(|c| c.name.clone()),
        "python": report.python.as_ref().map(|p| p.version.clone()),
    })
}

fn extra(report: &Report) -> Value {
    let findings: Vec<Value> =
        report.findings.iter().map(|f| json!({"title": f.title, "evidence": f.evidence, "advice": f.advice})).collect();
    json!({
        "command": report.process.arguments,
        "findings": findings,
        "doubts": doubts(report).into_iter().map(doubt).collect::<Vec<_>>(),
        "signature": report.signature.as_ref().map(|s| s.title.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::debug_id;

    /// From symbolic's tests of `DebugId` and Breakpad's of ELF identifiers.
    #[test]
    fn debug_identifiers() {
        let elf = debug_id("f1c3bcc0279865fe3058404b2831d9e64135386c", false);
        assert_eq!(elf.as_deref(), Some("c0bcc3f1-9827-fe65-3058-404b2831d9e6"));
        let pe = debug_id("3249d99d0c4049318610f4e4fb0b693600000001", true);
        assert_eq!(pe.as_deref(), Some("3249d99d-0c40-4931-8610-f4e4fb0b6936-1"));
        assert_eq!(debug_id("abcd", false).as_deref(), Some("0000cdab-0000-0000-0000-000000000000"));
    }
}
