//! `--format sentry` and `--format otel`, and what is sent where it is asked for.

use crate::common::not_asked_for;
use crate::pyinquest;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cores").join(name)
}

fn output(arguments: &[&str], core: &Path) -> String {
    let output = pyinquest().args(arguments).arg(core).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Headers of the envelope, headers of its item, the event.
fn envelope(text: &str) -> [Value; 3] {
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    let parts = [lines[0], lines[1], lines[2]].map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(parts[1]["length"], lines[2].len());
    parts
}

fn report(core: &Path) -> Value {
    serde_json::from_str(&output(&["report", "--json", "--native"], core)).unwrap()
}

#[test]
fn an_envelope_says_what_the_report_says() {
    let core = fixture("3.12-threads.core.zst");
    let [head, item, event] = envelope(&output(&["report", "--native", "--format", "sentry"], &core));
    let report = report(&core);
    assert_eq!((head["event_id"].as_str().unwrap().len(), item["type"].as_str()), (32, Some("event")));
    assert_eq!(head["event_id"], event["event_id"]);
    assert_eq!(event["platform"], "python");

    let last = event["exception"]["values"].as_array().unwrap().last().unwrap();
    assert_eq!(last["type"], report["crash"]["name"]);
    assert_eq!(last["mechanism"]["meta"]["signal"]["number"], report["crash"]["signal"]);
    assert_eq!((&last["mechanism"]["handled"], &last["mechanism"]["synthetic"]), (&false.into(), &true.into()));
    // Outermost first.
    let crashed = report["threads"].as_array().unwrap().iter().find(|t| t["crashed"] == true).unwrap();
    let shown = |f: &&Value| f["native"]["plumbing"] != true;
    let frames: Vec<&Value> = crashed["frames"].as_array().unwrap().iter().filter(shown).collect();
    let sent = last["stacktrace"]["frames"].as_array().unwrap();
    assert_eq!(sent.len(), frames.len());
    for (sent, frame) in sent.iter().rev().zip(frames) {
        assert_eq!(sent["lineno"], frame["line"]);
        assert_eq!(sent["instruction_addr"].is_string(), frame["kind"] == "native", "{sent}");
        if frame["kind"] == "python" {
            assert_eq!(sent["abs_path"], frame["file"]);
        }
    }
    // The other threads with their stacks, the crashed one without.
    let threads = event["threads"]["values"].as_array().unwrap();
    assert_eq!(threads.len(), report["threads"].as_array().unwrap().len());
    let crashed = threads.iter().find(|t| t["crashed"] == true).unwrap();
    assert!(crashed["stacktrace"].is_null() && crashed["id"] == last["thread_id"]);
    assert!(threads.iter().filter(|t| t["crashed"] == false).any(|t| t["stacktrace"]["frames"].is_array()));
    // Debug files are found by the build-id, of which the identifier is the beginning in another order.
    let images = event["debug_meta"]["images"].as_array().unwrap();
    let with_id = report["modules"].as_array().unwrap().iter().filter(|m| m["build_id"].is_string()).count();
    assert!(images.len() == with_id && with_id > 3, "{images:#?}");
    let (code, debug) = (images[0]["code_id"].as_str().unwrap(), images[0]["debug_id"].as_str().unwrap());
    assert_eq!((&debug[..8], &debug[24..]), (&*[6, 4, 2, 0].map(|at| &code[at..at + 2]).concat(), &code[20..32]));
    assert_eq!(event["fingerprint"].as_array().unwrap().len(), 2);

    // The schema is Sentry's (sentry-data-schemas, relay/event.schema.json) and not ours to ship.
    match std::env::var_os("PYINQUEST_SENTRY_SCHEMA") {
        None => not_asked_for("PYINQUEST_SENTRY_SCHEMA: events against Sentry's own schema"),
        Some(file) => {
            let schema: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            let validator = jsonschema::validator_for(&schema).unwrap();
            let errors = |v: &Value| -> Vec<String> {
                validator.iter_errors(v).map(|e| format!("{}: {e}", e.instance_path())).collect()
            };
            assert_eq!(errors(&event), [""; 0]);
            let mut wrong = event.clone();
            wrong["level"] = "terrible".into();
            assert!(!errors(&wrong).is_empty(), "the schema says yes to everything");
        }
    }
}

#[test]
fn what_leaves_the_host_is_redacted_unless_told_otherwise() {
    let core = fixture("3.12-basic.core.zst");
    let whole = output(&["report", "--locals", "--format", "sentry", "--no-redact"], &core);
    assert!(whole.contains("héllo") && whole.contains("\"vars\""), "{whole}");
    for format in ["sentry", "otel"] {
        let text = output(&["report", "--locals", "--format", format], &core);
        assert!(!text.contains("héllo") && text.contains("deepest"), "{text}");
    }
    let refused = pyinquest().args(["report", "--send-to", "http://k@localhost/1"]).arg(&core).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn the_same_crash_is_the_same_event() {
    let dir = tempfile::tempdir().unwrap();
    let core = fixture("3.12-basic.core.zst");
    let copy = dir.path().join("another name");
    std::fs::write(&copy, zstd::decode_all(std::fs::File::open(&core).unwrap()).unwrap()).unwrap();
    let of = |core: &Path| envelope(&output(&["report", "--format", "sentry"], core))[2].clone();
    let (one, other) = (of(&core), of(&copy));
    assert_eq!((&one["event_id"], &one["fingerprint"]), (&other["event_id"], &other["fingerprint"]));
    assert_ne!(one["event_id"], of(&fixture("3.12-threads.core.zst"))["event_id"]);
}

#[test]
fn a_log_record_has_the_stack() {
    let core = fixture("3.12-basic.core.zst");
    let request: Value = serde_json::from_str(&output(&["report", "--format", "otel"], &core)).unwrap();
    let record = &request["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!((record["eventName"].as_str(), record["severityNumber"].as_u64()), (Some("app.crash"), Some(21)));
    let attributes = record["attributes"].as_array().unwrap();
    let of = |key: &str| attributes.iter().find(|a| a["key"] == key).map(|a| &a["value"]);
    let stack = of("exception.stacktrace").unwrap()["stringValue"].as_str().unwrap();
    assert!(stack.contains("in deepest") && !stack.contains('\u{1b}'), "{stack}");
    assert_eq!(of("exception.type").unwrap()["stringValue"], "SIGSEGV");
    // 64-bit numbers are strings in OTLP's JSON.
    assert!(of("process.pid").unwrap()["intValue"].as_str().unwrap().parse::<u64>().is_ok());
    assert!(record["observedTimeUnixNano"].as_str().unwrap().len() > 18);
}

/// One request of a client: its first line, its headers, its body; it gets `status`.
fn serve(listener: TcpListener, status: &'static str) -> std::thread::JoinHandle<(String, String)> {
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        let mut buffer = [0; 65_536];
        loop {
            let count = stream.read(&mut buffer).unwrap();
            bytes.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            if head.to_lowercase().contains("expect: 100-continue") && body.is_empty() {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
            }
            let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if length.is_none_or(|length: usize| body.len() >= length) || count == 0 {
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
                return (head.to_owned(), body.to_owned());
            }
        }
    })
}

fn sent_to(core: &Path, format: &str, to: &str) -> std::process::Output {
    pyinquest().args(["report", "--format", format, "--send-to", to]).arg(core).output().unwrap()
}

#[test]
fn a_report_is_sent_where_it_is_told_to() {
    let core = fixture("3.12-basic.core.zst");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    let server = serve(listener, "200 OK");
    let sent = sent_to(&core, "sentry", &format!("http://key@{place}/7"));
    assert_eq!((sent.status.code(), sent.stdout.len()), (Some(0), 0), "{}", String::from_utf8_lossy(&sent.stderr));
    let (head, body) = server.join().unwrap();
    assert!(head.starts_with("POST /api/7/envelope/ ") && head.contains("application/x-sentry-envelope"), "{head}");
    assert_eq!(envelope(&body)[0]["dsn"], format!("http://key@{place}/7"));

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    let server = serve(listener, "500 No");
    let sent = sent_to(&core, "otel", &format!("http://{place}/v1/logs"));
    let said = String::from_utf8_lossy(&sent.stderr).into_owned();
    assert!(sent.status.code() == Some(8) && said.contains("500") && said.lines().count() <= 2, "{said}");
    assert!(server.join().unwrap().0.starts_with("POST /v1/logs "));
}
