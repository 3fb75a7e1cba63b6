//! An OpenTelemetry log record of the event `app.crash`, as OTLP in JSON (what `POST /v1/logs` takes).
//!
//! Format facts: OpenTelemetry's protocol (`opentelemetry/proto/logs/v1/logs.proto`, JSON mapping with 64-bit integers as strings)
//! and its semantic conventions: event `app.crash` (experimental; for a reporter that is not the process itself what identifies
//! the process stands in the event's own attributes), `exception.*`, `process.*`, `thread.*`.

use super::occasion::Occasion;
use super::text::{TextOptions, stacks};
use super::wording::{doubt, doubts, which_python};
use crate::base::Os;
use crate::model::Report;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// `SEVERITY_NUMBER_FATAL`.
const FATAL: u8 = 21;
/// `SEVERITY_NUMBER_INFO`.
const INFO: u8 = 9;

/// The request, indented, with a line end.
///
/// # Errors
/// When a value cannot be written as JSON; there is none, so an error is a fault of ours.
pub fn render(report: &Report, occasion: &Occasion, now: SystemTime) -> serde_json::Result<String> {
    let scope = json!({"name": "pyinquest", "version": env!("CARGO_PKG_VERSION")});
    let logs = json!({"scope": scope, "logRecords": [record(report, occasion, now)]});
    // The resource is who reports; the process that died is described by the event.
    let resource = json!({"attributes": [attribute("service.name", Some(json!({"stringValue": "pyinquest"})))]});
    let all = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [logs]}]});
    Ok(format!("{}\n", serde_json::to_string_pretty(&all)?))
}

fn record(report: &Report, occasion: &Occasion, now: SystemTime) -> Value {
    let crash = report.crash.as_ref();
    let finding = report.findings.first().map(|f| f.title.as_str());
    let title = finding.or(crash.map(|c| c.summary.as_str())).unwrap_or("the process did not crash");
    let (number, text) = if crash.is_some() { (FATAL, "FATAL") } else { (INFO, "INFO") };
    let mut out = json!({
        "observedTimeUnixNano": nanoseconds(now),
        "severityNumber": number,
        "severityText": text,
        "eventName": "app.crash",
        "body": {"stringValue": title},
        "attributes": attributes(report, occasion, title),
    });
    if let (Some(time), Some(fields)) = (occasion.time, out.as_object_mut()) {
        fields.insert("timeUnixNano".to_owned(), nanoseconds(time).into());
    }
    out
}

fn nanoseconds(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos()).to_string()
}

fn attribute(key: &str, value: Option<Value>) -> Option<Value> {
    value.map(|value| json!({"key": key, "value": value}))
}

fn attributes(report: &Report, occasion: &Occasion, title: &str) -> Vec<Value> {
    let string = |text: Option<&str>| text.map(|text| json!({"stringValue": text}));
    let strings = |texts: Vec<String>| {
        let values: Vec<Value> = texts.iter().filter_map(|text| string(Some(text))).collect();
        (!values.is_empty()).then(|| json!({"arrayValue": {"values": values}}))
    };
    let int = |n: Option<u64>| n.map(|n| json!({"intValue": n.to_string()}));
    let process = &report.process;
    let crash = report.crash.as_ref();
    let crashed = report.threads.iter().find(|t| t.crashed);
    let name = crashed.and_then(|t| t.name.as_ref()).map(ToString::to_string);
    let os = process.abi.map(|abi| match abi.os {
        Os::Linux => "linux",
        Os::Windows => "windows",
        Os::MacOs => "darwin",
    });
    let python = report.python.as_ref();
    let stack = stacks(report, &TextOptions::default());
    let signature = report.signature.as_ref();
    let all = [
        attribute("app.crash.id", string(Some(&occasion.event_id))),
        attribute("exception.type", string(crash.and_then(|c| c.name.as_deref()))),
        attribute("exception.message", string(Some(title))),
        attribute("exception.stacktrace", string(Some(&stack))),
        attribute("process.pid", int(process.pid)),
        attribute("process.executable.path", string(process.executable.as_deref())),
        attribute("process.command_line", string(process.arguments.as_deref())),
        attribute("process.runtime.name", string(python.map(|_| "cpython"))),
        attribute("process.runtime.version", string(python.map(|p| p.version.as_str()))),
        attribute("process.runtime.description", string(python.map(which_python).as_deref())),
        attribute("os.type", string(os)),
        attribute("host.arch", string(process.abi.map(|abi| crate::arch::cpu(abi.arch).host_arch))),
        attribute("thread.id", int(crash.map(|c| c.tid))),
        attribute("thread.name", string(name.as_deref())),
        attribute("pyinquest.signature", string(signature.map(|s| s.coarse.as_str()))),
        attribute("pyinquest.finding", string(report.findings.first().map(|f| f.id.to_string()).as_deref())),
        attribute("pyinquest.doubts", strings(doubts(report).into_iter().map(doubt).collect())),
    ];
    all.into_iter().flatten().collect()
}
