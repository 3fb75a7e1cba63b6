//! Code made at run time that only a map for `perf` names: by a program of our own, and by CPython's own trampolines.

use crate::common::{Crash, Interpreter, block, block_contained, interpreters, one_per_minor, part_skipped, skip};
use crate::pyinquest;
use std::path::PathBuf;

const PROGRAM: &str = "perf_map.py";
const NAMES: [&str; 2] = ["kernel inner(int)", "kernel_outer"];

fn interpreter() -> Option<&'static Interpreter> {
    one_per_minor().into_iter().rfind(|i| i.root.is_none() && i.is_native() && i.arch == "x86_64")
}

/// A map in `/tmp`, which is removed with the test.
struct Map(PathBuf);

impl Map {
    fn of(pid: u32) -> Map {
        Map(PathBuf::from(format!("/tmp/perf-{pid}.map")))
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn report(arguments: &[&str]) -> String {
    let output = pyinquest().arg("report").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether the machine code stands between the Python code that it has called and the one that called it.
fn is_between(text: &str) -> bool {
    let at = |what: &str| text.lines().position(|line| line.contains(what));
    let order: Option<Vec<usize>> =
        [" in handler", "C    kernel inner(int)", "C    kernel_outer", " in main"].into_iter().map(at).collect();
    order.is_some_and(|order| order.is_sorted())
}

fn has_none(text: &str) -> bool {
    !NAMES.iter().any(|name| text.contains(name))
}

#[test]
fn a_running_process_has_the_names_of_its_own_map() {
    let Some(interpreter) = interpreter() else { skip!("no interpreter of x86-64: run tests/interpreters/fetch.py") };
    for arguments in [&[][..], &["reused"]] {
        let blocked = match block(interpreter, PROGRAM, arguments) {
            Ok(blocked) => blocked,
            Err(reason) => skip!("{reason}"),
        };
        let (map, pid) = (Map::of(blocked.pid), blocked.pid.to_string());
        let text = report(&["--native", "--pid", &pid]);
        assert!(is_between(&text) && !text.contains("forgotten"), "{text}");
        // No other user's word counts, and no link.
        if std::os::unix::fs::chown(&map.0, Some(65534), None).is_ok() {
            assert!(has_none(&report(&["--native", "--pid", &pid])));
        }
        let elsewhere = blocked.dir.join("map");
        std::fs::copy(&map.0, &elsewhere).unwrap();
        std::fs::remove_file(&map.0).unwrap();
        assert!(has_none(&report(&["--native", "--pid", &pid])));
    }
}

#[test]
fn a_process_in_a_container_has_the_map_of_its_own_root_and_number() {
    let in_root = |i: &&Interpreter| i.root.is_some() && i.is_ordinary() && i.arch == "x86_64";
    let Some(interpreter) = interpreters().iter().rfind(in_root) else {
        skip!("no interpreter with a root of its own")
    };
    let blocked = match block_contained(interpreter, PROGRAM) {
        Ok(blocked) => blocked,
        Err(reason) => skip!("{reason}"),
    };
    let text = report(&["--native", "--pid", &blocked.pid.to_string()]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", blocked.pid)).unwrap();
    let inside = status.lines().find(|line| line.starts_with("NSpid")).and_then(|line| line.split_whitespace().last());
    let _map = Map(interpreter.sysroot.join(format!("tmp/perf-{}.map", inside.unwrap())));
    assert!(is_between(&text), "{text}");
}

#[test]
fn a_dump_has_names_where_its_files_were_said_to_be() {
    let Some(interpreter) = interpreter() else { skip!("no interpreter of x86-64: run tests/interpreters/fetch.py") };
    let dead = match Crash::new(interpreter, PROGRAM).run() {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let core = dead.core.to_str().unwrap();
    let pid = dead.truth["pid"].as_u64().unwrap();
    let map = Map::of(u32::try_from(pid).unwrap());
    // The host's own file may be of another process that has had the number.
    assert!(has_none(&report(&["--native", core])));
    let named = format!("/tmp={}", map.0.parent().unwrap().display());
    let text = report(&["--native", "--verbose", "--map", &named, core]);
    assert!(is_between(&text) && text.contains("[perf-map-names]"), "{text}");
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("tmp")).unwrap();
    std::fs::copy(&map.0, root.path().join("tmp").join(map.0.file_name().unwrap())).unwrap();
    let text = report(&["--native", "--sysroot", root.path().to_str().unwrap(), core]);
    assert!(is_between(&text), "{text}");
    // What was named is in a slim dump.
    let small = dead.dir.join("small");
    let slim = pyinquest().args(["slim", "--map", &named, core, "-o"]).arg(&small).output().unwrap();
    assert!(slim.status.success(), "{}", String::from_utf8_lossy(&slim.stderr));
    let text = report(&["--native", small.to_str().unwrap()]);
    assert!(is_between(&text), "{text}");
}

/// CPython's own names are of code that the default view hides; all native frames have those of the map that it wrote.
#[test]
fn trampolines_of_cpython_have_the_names_that_it_wrote() {
    let mut ran = 0;
    for interpreter in one_per_minor().into_iter().filter(|i| i.minor >= 12 && i.root.is_none()) {
        let crash = Crash::new(interpreter, "perf_frames.py").options(&["-X", "perf"]);
        let dead = match crash.run() {
            Ok(dead) => dead,
            Err(reason) => {
                part_skipped(format_args!("{}: {reason}", interpreter.name));
                continue;
            }
        };
        let map = Map::of(u32::try_from(dead.truth["pid"].as_u64().unwrap()).unwrap());
        let core = dead.core.to_str().unwrap();
        let all = report(&["--native=all", "--map", "/tmp=/tmp", core]);
        let written = std::fs::read_to_string(&map.0).unwrap();
        let shown = |function: &str| all.lines().filter(|line| line.contains(&format!("py::{function}:"))).count();
        assert_eq!((shown("leaf"), shown("inner"), shown("<module>")), (1, 4, 1), "{}:\n{all}", interpreter.name);
        let names = all.lines().filter_map(|line| Some(line.split_once("C    py::")?.1.split(" in ").next()?.trim()));
        for name in names {
            assert!(written.contains(&format!("py::{name}")), "{name} is not in\n{written}");
        }
        let text = report(&["--native", "--map", "/tmp=/tmp", core]);
        assert!(!text.contains("py::"), "{text}");
        ran += 1;
    }
    if ran == 0 {
        skip!("no interpreter of 3.12 or later");
    }
}
