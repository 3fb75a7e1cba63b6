//! Slim cores of real processes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{crash, one_per_minor, skip};
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
