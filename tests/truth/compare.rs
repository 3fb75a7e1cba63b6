//! Differences between a report and the truth that `tests/programs/truth.py` wrote.

use pyinquest::model::{Fidelity, Frame, FrameKind, Local, LocalKind, Report, Thread};
use serde_json::Value;

/// All differences, one line each.
pub fn report(report: &Report, truth: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let Some(python) = &report.python else {
        return vec![format!("no Python found: {:?}", report.diagnostics)];
    };
    if python.version_hex.map(u64::from) != truth["hexversion"].as_u64() {
        found.push(format!("version {} but Python said {}", python.version, truth["version"]));
    }
    if python.debug_build != truth["debug_build"].as_bool() {
        found.push(format!("debug build: {:?}", python.debug_build));
    }
    if report.process.pid != truth["pid"].as_u64() {
        found.push(format!("pid {:?}, not {}", report.process.pid, truth["pid"]));
    }
    for wanted in truth["threads"].as_array().into_iter().flatten() {
        thread(report, wanted, truth["interpreter"].as_i64(), &mut found);
    }
    found
}

fn thread(report: &Report, wanted: &Value, interpreter: Option<i64>, found: &mut Vec<String>) {
    let ident = wanted["ident"].as_u64();
    let same = |t: &&Thread| t.states().any(|p| p.ident == ident && interpreter.is_none_or(|id| p.interpreter == id));
    let Some(thread) = report.threads.iter().find(same) else {
        found.push(format!("no thread {ident:?} ({})", wanted["name"]));
        return;
    };
    let name = wanted["name"].as_str().unwrap_or("?");
    if thread.crashed != (wanted["crashed"] == true) {
        found.push(format!("thread {name}: crashed is {}", thread.crashed));
    }
    if wanted["native_id"].is_u64() && thread.tid != wanted["native_id"].as_u64() {
        found.push(format!("thread {name}: native id {:?}, not {}", thread.tid, wanted["native_id"]));
    }
    if wanted["name"].is_string() && thread.name.as_ref().map(ToString::to_string).as_deref() != Some(name) {
        found.push(format!("thread {name}: named {:?}", thread.name));
    }
    if let Some(end) = &thread.frames_end {
        found.push(format!("thread {name}: stack ends early: {end}"));
    }
    // A truth is one interpreter's.
    let own = |f: &&Frame| interpreter.is_none_or(|id| thread.interpreter_of(f) == Some(id));
    let frames: Vec<&Frame> = thread.frames.iter().filter(|f| f.kind == FrameKind::Python).filter(own).collect();
    let truth = wanted["frames"].as_array().map(Vec::as_slice).unwrap_or_default();
    // Frames inside the truth's own machinery run on the other threads only while it writes; it leaves them out.
    if frames.len() != truth.len() {
        let names: Vec<_> = frames.iter().take(10).map(|f| f.function.clone().unwrap_or_default()).collect();
        found.push(format!("thread {name}: {} frames, not {}: {names:?}", frames.len(), truth.len()));
    }
    for (frame, wanted) in frames.iter().zip(truth) {
        let place = format!("thread {name}: {}:{}", wanted["function"].as_str().unwrap_or("?"), wanted["line"]);
        compare_frame(frame, wanted, &place, found);
    }
}

fn compare_frame(frame: &Frame, wanted: &Value, place: &str, found: &mut Vec<String>) {
    let mut text = |what: &str, got: Option<String>, key: &str| {
        if wanted[key].is_string() && got.as_deref() != wanted[key].as_str() {
            found.push(format!("{place}: {what} {got:?}, not {}", wanted[key]));
        }
    };
    text("file", frame.file.as_ref().map(ToString::to_string), "filename");
    text("function", frame.function.as_ref().map(ToString::to_string), "function");
    text("qualified name", frame.qualname.as_ref().map(ToString::to_string), "qualname");
    if frame.line.map(u64::from) != wanted["line"].as_u64() {
        found.push(format!("{place}: line {:?}, not {}", frame.line, wanted["line"]));
    }
    if let Some(positions) = wanted["positions"].as_array() {
        let got = [frame.line, frame.end_line, frame.column, frame.end_column].map(|v| v.map(u64::from));
        let wanted: Vec<Option<u64>> = positions.iter().map(Value::as_u64).collect();
        if got.as_slice() != wanted.as_slice() {
            found.push(format!("{place}: position {got:?}, not {wanted:?}"));
        }
    }
    if let Some(problem) = frame.problems.first() {
        found.push(format!("{place}: {problem}"));
    }
    let Some(locals) = &frame.locals else { return };
    for (name, value) in wanted["locals"].as_object().into_iter().flatten() {
        match locals.iter().find(|l| l.name == name.as_str()) {
            Some(local) => compare_local(local, value, place, found),
            None => found.push(format!("{place}: no local {name}")),
        }
    }
    for name in wanted["unbound"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        // Comprehension variables of inlined comprehensions are shown while they are bound only.
        if let Some(local) = locals.iter().find(|l| l.name == name)
            && local.kind != LocalKind::Name
            && !name.starts_with("bad_")
            && (local.value.is_some() || local.problem.is_some())
        {
            found.push(format!("{place}: {name} is unbound but shown as {:?}", local.value));
        }
    }
}

fn compare_local(local: &Local, wanted: &Value, place: &str, found: &mut Vec<String>) {
    let name = &local.name;
    let Some(value) = &local.value else {
        found.push(format!("{place}: {name} has no value: {:?}", local.problem));
        return;
    };
    if wanted["id"].is_string() && value.addr.to_string() != wanted["id"].as_str().unwrap_or_default() {
        // Small results are made anew for each reader (f_locals proxies of cells, frames, bound methods).
        return;
    }
    let Some(repr) = wanted["repr"].as_str().filter(|_| wanted["repr_len"].is_null()) else { return };
    if value.fidelity == Fidelity::Exact && value.repr != repr {
        found.push(format!("{place}: {name} is {repr} but shown as {}", value.repr));
    }
    if value.fidelity == Fidelity::Damaged && !name.to_string().starts_with("bad_") {
        found.push(format!("{place}: {name} is {repr} but shown as damaged: {}", value.repr));
    }
    if let (Some(got), Some(wanted)) = (&value.type_name, wanted["type"].as_str())
        && got != wanted
    {
        found.push(format!("{place}: {name} is of type {wanted}, not {got}"));
    }
}
