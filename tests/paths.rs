//! Paths into objects of real processes (`self.items[-1].value`, `len(x)`), against what Python itself finds there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod harness;
#[allow(dead_code, reason = "the tests of values use all of it")]
#[path = "values/opened.rs"]
mod opened;
#[path = "values/packages.rs"]
mod packages;

use common::{Crash, Interpreter, interpreters, one_per_minor, skip};
use opened::with_heap;
use pyinquest::base::Addr;
use pyinquest::cpython::object::{Heap, Path, ReprLimits, Value};

/// The value at a path, and its type; or why there is none.
fn look(heap: &Heap<'_>, data: Addr, path: &str) -> Result<(String, Option<String>), String> {
    let parsed = Path::parse(path).map_err(|e| e.to_string())?;
    let name = |name: &str| (name == "data").then_some(Value::Object(data));
    let found = parsed.evaluate(heap, &name).map_err(|e| e.to_string())?;
    let shown = found.show(heap, &ReprLimits::default());
    Ok((shown.text, shown.type_name))
}

fn differences(heap: &Heap<'_>, truth: &serde_json::Value) -> Vec<String> {
    let data = Addr(u64::from_str_radix(&truth["data"].as_str().unwrap()[2..], 16).unwrap());
    let mut out = Vec::new();
    for (path, want) in truth["found"].as_object().unwrap() {
        let (repr, type_name) = (want[0].as_str().unwrap(), want[1].as_str().unwrap());
        match look(heap, data, path) {
            // Python makes a frame object when asked, whose address nobody knows before.
            Ok((text, Some(kind))) if text == repr && kind == type_name => {}
            other => out.push(format!("{path}: {other:?}, not {want}")),
        }
    }
    for (path, words) in truth["refused"].as_object().unwrap() {
        match look(heap, data, path) {
            Err(why) if why.contains(words.as_str().unwrap()) => {}
            other => out.push(format!("{path}: {other:?}, not refused with {words}")),
        }
    }
    out
}

fn check(interpreter: &Interpreter, run: Crash<'_>) -> Option<Vec<String>> {
    let dead = match run.run() {
        Ok(dead) => dead,
        Err(reason) => {
            eprintln!("skipped: {}: {reason}", interpreter.name);
            return None;
        }
    };
    assert!(!dead.truth.is_null(), "{}: the program failed:\n{}", interpreter.name, dead.stderr);
    let found = with_heap(&dead.core, &harness::files_of(interpreter), |heap| differences(heap, &dead.truth));
    Some(found.expect("CPython is found").into_iter().map(|d| format!("{}: {d}", interpreter.name)).collect())
}

#[test]
fn paths_lead_where_python_says() {
    let all: Vec<_> = one_per_minor().into_iter().filter(|i| i.is_native()).collect();
    let found: Vec<_> = all.iter().filter_map(|i| check(i, Crash::new(i, "paths.py"))).collect();
    if found.is_empty() {
        skip!("no interpreter ran paths.py");
    }
    let wrong = found.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn paths_into_numpy_arrays() {
    let mut found = Vec::new();
    for interpreter in interpreters().iter().filter(|i| i.is_native()) {
        let Some(environment) = packages::environment(interpreter) else { continue };
        let run = Crash::new(interpreter, "paths.py").args(&["numpy"]);
        found.extend(check(interpreter, environment.iter().fold(run, |run, (key, value)| run.env(key, value))));
    }
    if found.is_empty() {
        skip!("no interpreter with NumPy");
    }
    let wrong = found.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
