//! SARIF 2.1.0 (OASIS standard, errata 01): one result for each distinct crash.

use super::{frame_text, relative, shown_frames};
use crate::base::counted;
use crate::model::{Frame, FrameKind};
use crate::triage::model::{Group, State, Triage};
use serde_json::{Value, json};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const FRAMES: usize = 40;

/// The log file.
///
/// # Errors
/// Only if a value cannot be JSON.
pub fn render(triage: &Triage) -> serde_json::Result<String> {
    let mut classes: Vec<&str> = triage.groups.iter().map(|g| g.class.as_str()).collect();
    classes.sort_unstable();
    classes.dedup();
    let rules: Vec<Value> = classes.iter().map(|class| rule(class)).collect();
    let results: Vec<Value> = triage.groups.iter().map(|group| result(group, &classes)).collect();
    let notes: Vec<Value> = triage
        .broken
        .iter()
        .map(|b| json!({"level": "warning", "message": {"text": format!("{}: {}", b.dump, b.error)}}))
        .collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "pyinquest",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{"executionSuccessful": true, "toolExecutionNotifications": notes}],
            "results": results,
        }],
    });
    serde_json::to_string_pretty(&log).map(|text| text + "\n")
}

fn rule(class: &str) -> Value {
    json!({
        "id": format!("crash/{class}"),
        "name": class,
        "shortDescription": {"text": format!("Crash: {}", class.replace('-', " "))},
        "defaultConfiguration": {"level": "error"},
    })
}

fn result(group: &Group, classes: &[&str]) -> Value {
    let level = match (group.state, group.severity.class.as_str()) {
        (Some(State::Ignored), _) => "none",
        (_, "external") => "note",
        _ => "error",
    };
    let frames = shown_frames(group, FRAMES);
    let mut result = json!({
        "ruleId": format!("crash/{}", group.class),
        "ruleIndex": classes.iter().position(|c| *c == group.class).unwrap_or(0),
        "level": level,
        "message": {"text": format!(
            "{} ({} in {})", group.title, counted(group.count, "dump"), super::versions(group)
        )},
        "occurrenceCount": group.count.max(1),
        "partialFingerprints": {"pyinquest/v1": group.id},
        "properties": {
            "severity": group.severity.class,
            "evidence": group.severity.evidence,
            "owner": group.owner,
            "representative": group.representative,
        },
    });
    let Some(map) = result.as_object_mut() else { return result };
    let first = frames.iter().find(|f| f.kind == FrameKind::Python && location(f).is_some());
    if let Some(location) = first.and_then(|f| location(f)) {
        map.insert("locations".into(), json!([location]));
    }
    let stack: Vec<Value> = frames.iter().map(|f| stack_frame(f)).collect();
    if !stack.is_empty() {
        map.insert("stacks".into(), json!([{"message": {"text": "crashed thread"}, "frames": stack}]));
    }
    match group.state {
        Some(State::New) => {
            map.insert("baselineState".into(), json!("new"));
        }
        Some(State::Known | State::Regressed) => {
            map.insert("baselineState".into(), json!("unchanged"));
        }
        Some(State::Ignored) => {
            map.insert("baselineState".into(), json!("unchanged"));
            map.insert("suppressions".into(), json!([{"kind": "external", "status": "accepted"}]));
        }
        None => {}
    }
    result
}

fn location(frame: &Frame) -> Option<Value> {
    let file = frame.file.as_ref()?.to_string();
    if file.starts_with('<') {
        return None;
    }
    let mut physical = json!({"artifactLocation": {"uri": uri(&relative(&file))}});
    // Lines in SARIF count from 1; columns of ours are bytes, which it cannot say.
    if let (Some(line), Some(map)) = (frame.line.filter(|l| *l > 0), physical.as_object_mut()) {
        map.insert("region".into(), json!({"startLine": line}));
    }
    Some(json!({"physicalLocation": physical}))
}

fn stack_frame(frame: &Frame) -> Value {
    let mut place = location(frame).unwrap_or_else(|| json!({}));
    if let Some(map) = place.as_object_mut() {
        map.insert("message".into(), json!({"text": frame_text(frame)}));
    }
    let mut out = json!({"location": place});
    let module = frame.native.as_ref().and_then(|n| n.module.clone());
    if let (Some(module), Some(map)) = (module, out.as_object_mut()) {
        map.insert("module".into(), json!(module));
    }
    out
}

/// A URI reference: bytes outside of the unreserved ones and `/` as `%XX` (RFC 3986).
fn uri(path: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.replace('\\', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("/a b/é.py"), "file:///a%20b/%C3%A9.py");
        assert_eq!(uri("app/x.py"), "app/x.py");
    }
}
