//! Slim cores of real processes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod harness;

use common::{CrashedProcess, crash, one_per_minor, skip, sources_table};
use harness::{alone, files_of, inspect};
use pyinquest::debuggee::{self, SourceKind, Target};
use pyinquest::engine::{Options, examine, record};
use pyinquest::image::SearchOptions;
use pyinquest::model::Report;
use pyinquest::render::{faulthandler, text};
use pyinquest::slim;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

fn slimmed(target: &Target, out: &Path) -> slim::SlimStats {
    slim::record_essentials(target);
    written(target, out, false)
}

/// Writes what was recorded of `target`.
fn written(target: &Target, out: &Path, redact: bool) -> slim::SlimStats {
    let mut file = std::fs::File::create(out).unwrap();
    let options = slim::SlimOptions { redact, ..Default::default() };
    slim::write(target, target.memory.recorded(), options, &mut file).unwrap()
}

#[test]
fn a_slim_core_is_the_same_process_in_a_fraction_of_the_bytes() {
    for interpreter in one_per_minor() {
        let dead = match crash(interpreter, "threads.py", &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let whole = debuggee::open(&dead.core).unwrap();
        let small = dead.dir.join("small.core");
        let stats = slimmed(&whole, &small);
        let slim = debuggee::open(&small).unwrap();
        assert_eq!(slim.source, SourceKind::ElfCore);
        assert_eq!(slim.abi, whole.abi);
        assert_eq!(slim.process, whole.process, "{}", interpreter.name);
        assert_eq!(slim.modules, whole.modules, "{}", interpreter.name);
        assert_eq!(slim.threads, whole.threads);
        assert_eq!(slim.crash, whole.crash);
        assert_eq!(slim.missing, whole.missing);
        assert_eq!(slim.diagnostics.to_vec(), whole.diagnostics.to_vec());
        let mapped = |t: &Target| t.memory.segments().iter().map(|s| s.size).sum::<u64>();
        assert_eq!(mapped(&slim), mapped(&whole));
        let was = std::fs::metadata(&dead.core).unwrap().len();
        assert!(stats.file_bytes * 20 < was, "{}: {} of {was}", interpreter.name, stats.file_bytes);
        // A slim dump of a slim dump is the same dump.
        let again = dead.dir.join("again.core");
        slimmed(&slim, &again);
        assert!(std::fs::read(&small).unwrap() == std::fs::read(&again).unwrap(), "{}", interpreter.name);
    }
}

/// Slimmed while it stands still: what the slim core tells is what the process tells.
#[test]
fn a_slim_core_of_a_live_process() {
    let mut ran = BTreeSet::new();
    for interpreter in common::one_per_column() {
        let process = match common::block(interpreter, "threads.py", &[]) {
            Ok(process) => process,
            Err(reason) => skip!("{reason}"),
        };
        let small = process.dir.join("small.core");
        let mut slim = Command::new(assert_cmd::cargo::cargo_bin!("pyinquest"));
        let said = slim.args(["slim", "--pid", &process.pid.to_string(), "-o"]).arg(&small).output().unwrap();
        assert!(said.status.success(), "{}: {said:?}", interpreter.name);
        let search = files_of(interpreter);
        let pid = i32::try_from(process.pid).unwrap();
        let live = examine(pid, debuggee::live::LiveOptions::default(), &search, |i| i.report(&everything(true)));
        let (live, text) = of_report(&live.unwrap().result);
        let (slim, slim_text) = report(&small, &alone(), true);
        if let Some(difference) = difference(&slim, &live, "") {
            panic!("{}: {difference}", interpreter.name);
        }
        assert_eq!(slim_text, text, "{}", interpreter.name);
        ran.insert(sources_table::label(interpreter));
    }
    if !ran.is_empty() {
        sources_table::check("Slim core of a live process", &ran, &ran);
    }
}

const SMALL: &str = "small.core";

/// A dead process of the first interpreter with its slim core (`SMALL`) beside it, and what is in the whole one.
fn slim_of_the_first() -> Result<(CrashedProcess, Target), String> {
    let interpreter = common::interpreters().first().ok_or("no interpreters")?;
    let dead = crash(interpreter, "threads.py", &[], &[]).map_err(|reason| reason.to_string())?;
    let whole = debuggee::open(&dead.core).unwrap();
    slimmed(&whole, &dead.dir.join(SMALL));
    Ok((dead, whole))
}

#[test]
fn lldb_opens_a_slim_core() {
    let (dead, whole) = match slim_of_the_first() {
        Ok(made) => made,
        Err(reason) => skip!("{reason}"),
    };
    let small = dead.dir.join(SMALL);
    let names = std::iter::once("lldb".to_owned()).chain((14..=30).map(|n| format!("lldb-{n}")));
    let asked = ["-b", "--no-lldbinit", "-o", "thread list", "-o", "register read pc", "--core"];
    let run = names.filter_map(|name| Command::new(name).args(asked).arg(&small).output().ok()).next();
    let Some(run) = run else { skip!("no lldb") };
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    for thread in &whole.threads {
        assert!(text.contains(&format!("tid = {}", thread.tid)), "{text}");
    }
    let pc = whole.threads[0].registers.as_ref().unwrap().ip().unwrap();
    assert!(text.contains(&format!("{:#018x}", pc.0)), "{pc}: {text}\n{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn gdb_opens_a_slim_core() {
    let (dead, whole) = match slim_of_the_first() {
        Ok(made) => made,
        Err(reason) => skip!("{reason}"),
    };
    let small = dead.dir.join(SMALL);
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch", "-ex", "info threads", "-ex", "p/x $pc", "-ex", "info proc"]);
    gdb.arg("--core").arg(&small);
    let Ok(run) = gdb.output() else { skip!("no gdb") };
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    for thread in &whole.threads {
        assert!(text.contains(&format!("LWP {}", thread.tid)), "{text}");
    }
    let pc = whole.threads[0].registers.as_ref().unwrap().ip().unwrap();
    assert!(text.contains(&format!("$1 = {pc}")), "{pc}: {text}\n{}", String::from_utf8_lossy(&run.stderr));
}

/// The report of a dump as JSON, without what speaks of files: those of the dump and those of the modules.
fn report(path: &Path, search: &SearchOptions, native: bool) -> (serde_json::Value, String) {
    let inspection = inspect(path, search);
    of_report(&inspection.report(&everything(native)))
}

fn everything(native: bool) -> Options {
    Options { locals: true, native, machine: true, refcounts: true, ..Options::default() }
}

/// As [`report`].
fn of_report(report: &Report) -> (serde_json::Value, String) {
    let mut json = serde_json::to_value(report).unwrap();
    json.as_object_mut().unwrap().remove("source");
    for module in json["modules"].as_array_mut().unwrap() {
        module.as_object_mut().unwrap().retain(|key, _| key != "file" && key != "file_status");
    }
    // What a slim dump says of itself, too.
    let about_files = ["module-files-missing", "module-file-unverified", "slim-redacted", "slim-code-names"];
    json["diagnostics"].as_array_mut().unwrap().retain(|d| !about_files.contains(&d["code"].as_str().unwrap()));
    // Renderers see the report alone; so without what speaks of files.
    let report: Report = serde_json::from_value(json.clone()).unwrap();
    let text = text::render(&report, &text::TextOptions { verbose: true, ..Default::default() });
    (json, format!("{text}\n{:?}", faulthandler::render(&report)))
}

/// Where two JSON values first differ.
fn difference(a: &serde_json::Value, b: &serde_json::Value, at: &str) -> Option<String> {
    use serde_json::Value;
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let keys: std::collections::BTreeSet<_> = x.keys().chain(y.keys()).collect();
            keys.into_iter().find_map(|k| {
                difference(x.get(k).unwrap_or(&Value::Null), y.get(k).unwrap_or(&Value::Null), &format!("{at}.{k}"))
            })
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            x.iter().zip(y).enumerate().find_map(|(i, (a, b))| difference(a, b, &format!("{at}[{i}]")))
        }
        _ => (a != b).then(|| format!("{at}: {a} instead of {b}")),
    }
}

#[test]
fn a_slim_core_gives_the_same_report_without_any_other_file() {
    // Slim cores of emulated processors are the fixtures; they tell more than qemu's own, which have no ELF headers.
    let mut ran = BTreeSet::new();
    for interpreter in common::interpreters().iter().filter(|i| i.is_native()) {
        ran.insert(sources_table::label(interpreter));
        for (program, args) in [("threads.py", &[][..]), ("values.py", &[]), ("generators.py", &[])] {
            // Native stacks cost the most: of builds that are like others they tell nothing more.
            let native = interpreter.is_ordinary() && program == "threads.py";
            let dead = match crash(interpreter, program, args, &[]) {
                Ok(dead) => dead,
                Err(reason) => skip!("{reason}"),
            };
            let search = files_of(interpreter);
            let (whole, text) = report(&dead.core, &search, native);
            let mut target = debuggee::open(&dead.core).unwrap();
            record(&mut target, &search);
            let small = dead.dir.join("small.core");
            for redact in [false, true] {
                let stats = written(&target, &small, redact);
                let name = format!("{} {program} redact={redact}", interpreter.name);
                eprintln!("{name}: {} of {} KiB", stats.stored_bytes >> 10, stats.mapped_bytes >> 10);
                let nothing = alone();
                for (search, how) in [(&search, "with files"), (&nothing, "without files")] {
                    let (slim, slim_text) = report(&small, search, native);
                    if let Some(difference) = difference(&slim, &whole, "") {
                        panic!("{name} {how}: {difference}");
                    }
                    assert_eq!(slim_text, text, "{name} {how}");
                }
            }
        }
    }
    if !ran.is_empty() {
        sources_table::check("Slim core of a core", &ran, &ran);
    }
}

/// As on a machine that collects cores of containers without their images.
#[test]
fn a_slim_core_made_without_any_file_is_the_same_and_small() {
    let nothing = alone();
    for interpreter in one_per_minor() {
        let dead = match crash(interpreter, "values.py", &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let (whole, text) = report(&dead.core, &nothing, true);
        let mut target = debuggee::open(&dead.core).unwrap();
        record(&mut target, &nothing);
        let small = dead.dir.join(SMALL);
        for redact in [false, true] {
            let stats = written(&target, &small, redact);
            assert!(stats.stored_bytes < 5 << 20, "{}: {}", interpreter.name, stats.stored_bytes);
            let (slim, slim_text) = report(&small, &nothing, true);
            if let Some(difference) = difference(&slim, &whole, "") {
                panic!("{} redact={redact}: {difference}", interpreter.name);
            }
            assert_eq!(slim_text, text, "{} redact={redact}", interpreter.name);
        }
    }
}
