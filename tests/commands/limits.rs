//! What a report leaves out, it says.

use crate::common::{Crash, interpreters, skip};
use crate::pyinquest;
use serde_json::Value;

/// Of a deep stack the locals of the middle frames are not read; text and JSON say so at each.
#[test]
fn locals_that_are_left_out_are_told() {
    let found = interpreters().iter().rfind(|i| i.is_ordinary() && i.root.is_none());
    let Some(interpreter) = found else { skip!("no interpreters: run tests/interpreters/fetch.py") };
    let dead = match Crash::new(interpreter, "recursion.py").args(&["300"]).run() {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let output = pyinquest().args(["report", "--locals", "--format", "json"]).arg(&dead.core).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let threads = report["threads"].as_array().unwrap().iter();
    let frames = threads.map(|t| t["frames"].as_array().unwrap()).max_by_key(|frames| frames.len()).unwrap();
    let left_out = frames.iter().filter(|f| f["locals_left_out"] == true).count();
    let with = frames.iter().filter(|f| f["locals"].is_array()).count();
    assert!(frames.len() > 300 && with == 200, "{} frames, {with} with locals", frames.len());
    assert_eq!(left_out, frames.len() - with);
    let text = pyinquest().args(["report", "--locals", "--verbose"]).arg(&dead.core).output().unwrap();
    assert!(
        String::from_utf8_lossy(&text.stdout).contains("(its locals were not read: the thread has too many frames)")
    );
}
