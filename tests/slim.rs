//! Slim cores of real processes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{crash, one_per_minor, skip};
use pyinquest::analyze::{Options, analyze, record};
use pyinquest::image::{Images, SearchOptions};
use pyinquest::target::{self, SourceKind, Target, slim};
use std::path::Path;
use std::process::Command;

fn slimmed(target: &Target, out: &Path) -> slim::SlimStats {
    slim::record_essentials(target);
    let mut file = std::fs::File::create(out).unwrap();
    slim::write(target, target.memory.recorded(), slim::SlimOptions::default(), &mut file).unwrap()
}

#[test]
fn a_slim_core_is_the_same_process_in_a_fraction_of_the_bytes() {
    for interpreter in one_per_minor() {
        let dead = match crash(interpreter, "threads.py", &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let whole = target::open(&dead.core).unwrap();
        let small = dead.dir.join("small.core");
        let stats = slimmed(&whole, &small);
        let slim = target::open(&small).unwrap();
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

#[test]
fn gdb_opens_a_slim_core() {
    let Some(interpreter) = common::interpreters().first() else { skip!("no interpreters") };
    let dead = match crash(interpreter, "threads.py", &[], &[]) {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let whole = target::open(&dead.core).unwrap();
    let small = dead.dir.join("small.core");
    slimmed(&whole, &small);
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
fn report(path: &Path, search: &SearchOptions) -> (serde_json::Value, String) {
    let mut target = target::open(path).unwrap();
    let images = Images::attach(&mut target, search);
    let options = Options { locals: true, refcounts: true, ..Options::default() };
    let report = analyze(&target, &images, &options);
    let mut json = serde_json::to_value(&report).unwrap();
    json["source"] = serde_json::Value::Null;
    for module in json["modules"].as_array_mut().unwrap() {
        module.as_object_mut().unwrap().retain(|key, _| key != "file" && key != "file_status");
    }
    let about_files = ["module-files-missing", "module-file-unverified"];
    json["diagnostics"].as_array_mut().unwrap().retain(|d| !about_files.contains(&d["code"].as_str().unwrap()));
    let text = format!("{:?}", pyinquest::report::faulthandler::render(&report));
    (json, text)
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
    for interpreter in common::interpreters().iter().filter(|i| i.is_native()) {
        for (program, args) in [("threads.py", &[][..]), ("values.py", &[]), ("generators.py", &[])] {
            let dead = match crash(interpreter, program, args, &[]) {
                Ok(dead) => dead,
                Err(reason) => skip!("{reason}"),
            };
            let search = SearchOptions { sysroots: vec![interpreter.sysroot.clone()], ..SearchOptions::default() };
            let (whole, text) = report(&dead.core, &search);
            let mut target = target::open(&dead.core).unwrap();
            record(&mut target, &search);
            let small = dead.dir.join("small.core");
            for redact in [false, true] {
                let mut file = std::fs::File::create(&small).unwrap();
                let options = slim::SlimOptions { redact, ..Default::default() };
                let stats = slim::write(&target, target.memory.recorded(), options, &mut file).unwrap();
                let name = format!("{} {program} redact={redact}", interpreter.name);
                eprintln!("{name}: {} of {} KiB", stats.stored_bytes >> 10, stats.mapped_bytes >> 10);
                let nothing = SearchOptions { no_files: true, ..SearchOptions::default() };
                for (search, how) in [(&search, "with files"), (&nothing, "without files")] {
                    let (mut slim, slim_text) = report(&small, search);
                    slim["diagnostics"].as_array_mut().unwrap().retain(|d| d["code"] != "slim-redacted");
                    let mut whole = whole.clone();
                    // Names that only the files' symbol tables and debug information know are not in a slim core.
                    if how == "without files" {
                        for report in [&mut slim, &mut whole] {
                            for finding in report["findings"].as_array_mut().unwrap() {
                                *finding = finding["id"].take();
                            }
                        }
                    }
                    if let Some(difference) = difference(&slim, &whole, "") {
                        panic!("{name} {how}: {difference}");
                    }
                    assert_eq!(slim_text, text, "{name} {how}");
                }
            }
        }
    }
}
