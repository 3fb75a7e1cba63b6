//! Live processes: stopped, read, and let go again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "truth/compare.rs"]
mod compare;

use common::{block, one_per_column, one_per_minor, skip, sources_table};
use pyinquest::base::DiagnosticCode;
use pyinquest::debuggee::live::{LiveOptions, attach};
use pyinquest::debuggee::{self, Memory as _, MemoryExt as _, ReadErrorKind, Target};
use pyinquest::engine::{Options, examine};
use pyinquest::image::SearchOptions;
use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn states(pid: u32) -> Vec<char> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let state = |path: std::path::PathBuf| {
        let stat = std::fs::read_to_string(path.join("stat")).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.trim().chars().next())
    };
    tasks.filter_map(|t| state(t.unwrap().path())).collect()
}

fn goes_on(pid: u32) {
    let start = Instant::now();
    while states(pid).contains(&'t') {
        assert!(start.elapsed() < Duration::from_secs(5), "pid {pid} is still stopped: {:?}", states(pid));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A child that is killed when the test is over.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_live_process_tells_what_python_says() {
    let mut ran = BTreeSet::new();
    for interpreter in one_per_column() {
        let blocked = match block(interpreter, "threads.py", &[]) {
            Ok(blocked) => blocked,
            Err(reason) => skip!("{reason}"),
        };
        let (options, search) = (LiveOptions::default(), SearchOptions::default());
        let seen = examine(i32::try_from(blocked.pid).unwrap(), options, &search, |inspection| {
            inspection.report(&Options { locals: true, ..Options::default() })
        });
        let differences = compare::report(&seen.unwrap().result, &blocked.living_truth());
        assert!(differences.is_empty(), "{}:\n{}", interpreter.name, differences.join("\n"));
        ran.insert(sources_table::label(interpreter));
    }
    if !ran.is_empty() {
        sources_table::check("Live process", &ran, &ran);
    }
}

#[test]
fn a_live_process_is_what_its_core_is() {
    for interpreter in one_per_minor() {
        let blocked = match block(interpreter, "threads.py", &[]) {
            Ok(blocked) => blocked,
            Err(reason) => skip!("{reason}"),
        };
        let pid = i32::try_from(blocked.pid).unwrap();
        let mut live = attach(pid, LiveOptions::default()).unwrap();
        assert!(states(blocked.pid).iter().all(|s| *s == 't'), "{:?}", states(blocked.pid));
        let ids: Vec<u64> = live.target.threads.iter().map(|t| t.tid).collect();
        let truth: Vec<u64> =
            blocked.truth["threads"].as_array().unwrap().iter().filter_map(|t| t["native_id"].as_u64()).collect();
        assert!(truth.iter().all(|id| ids.contains(id)), "{}: {truth:?} in {ids:?}", interpreter.name);
        assert!(live.target.threads.iter().all(|t| t.registers.is_some() && t.tls_base.is_some()));
        assert_eq!(live.sysroot.is_some(), interpreter.root.is_some(), "{}", interpreter.name);
        let taken = live.resume();
        assert!(!live.is_stopped() && taken > Duration::ZERO);
        goes_on(blocked.pid);
        let core = match blocked.gcore() {
            Ok(core) => core,
            Err(reason) => skip!("{reason}"),
        };
        same_process(pid, &live.target, &debuggee::open(&core).unwrap(), &interpreter.name);
    }
}

fn same_process(pid: i32, live: &Target, core: &Target, what: &str) {
    let names = |t: &Target| -> Vec<_> {
        t.modules.iter().map(|m| (m.path.clone(), m.base, m.build_id.clone(), m.is_main)).collect()
    };
    assert_eq!(names(live), names(core), "{what}");
    assert_eq!(live.process.phdr, core.process.phdr);
    assert_eq!(live.process.entry, core.process.entry);
    assert_eq!(live.process.executable, core.process.executable);
    for thread in &live.threads {
        let other = core.thread(thread.tid).unwrap_or_else(|| panic!("{what}: thread {}", thread.tid));
        let of = |t: &debuggee::NativeThread| (t.registers.as_ref().and_then(|r| r.sp()), t.tls_base);
        assert_eq!(of(thread), of(other), "{what}: thread {}", thread.tid);
    }
    let of_the_kernel = |at: pyinquest::base::Addr| {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
        maps.lines().any(|l| l.starts_with(&format!("{:08x}-", at.0)) && l.contains("[v"))
    };
    for segment in core.memory.segments().iter().filter(|s| s.available > 4096 && s.protection.read) {
        let (a, b) = (live.memory.read_vec(segment.start, 4096), core.memory.read_vec(segment.start, 4096));
        // A guard page within a readable mapping (MADV_GUARD_INSTALL, glibc 2.42) is zeros in a core.
        let guard = a.is_err() && b.as_ref().is_ok_and(|b| b.iter().all(|b| *b == 0));
        if !guard && !of_the_kernel(segment.start) {
            assert_eq!(a.is_ok(), b.is_ok(), "{what}: {}", segment.start);
        }
    }
}

#[test]
fn the_pause_for_twenty_threads_is_short_and_the_copy_is_of_one_moment() {
    // Two counters that one thread moves in step: a torn look would see them apart by more than one.
    let program = "import ctypes, threading, time, sys\n\
        b = (ctypes.c_uint64 * 4096)()\n\
        for _ in range(20): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n\
        print(ctypes.addressof(b), flush=True)\n\
        while True:\n    b[0] += 1\n    b[4095] += 1\n";
    let mut child = Command::new("python3");
    child.args(["-c", program]).stdout(Stdio::piped()).stdin(Stdio::null());
    let Ok(mut child) = child.spawn().map(Running) else { skip!("no python3") };
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.0.stdout.take().unwrap()), &mut line).unwrap();
    let at = debuggee::live::attach(1 << 30, LiveOptions::default()).map(|_| ()).unwrap_err();
    assert!(at.to_string().contains("no such process") && at.help().is_some());
    let address = pyinquest::base::Addr(line.trim().parse().unwrap());
    let pid = i32::try_from(child.0.id()).unwrap();
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let seen = debuggee::live::examine(pid, LiveOptions::default(), |target, _| {
            let abi = target.abi;
            let a = target.memory.read_uint(&abi, address, 8).unwrap_or(0);
            // Something slow between the two looks.
            std::thread::sleep(Duration::from_millis(30));
            let b = target.memory.read_uint(&abi, address.wrapping_add(4095 * 8), 8).unwrap_or(u64::MAX);
            assert_eq!(target.threads.len(), 21);
            (a, b)
        })
        .unwrap();
        assert!(seen.result.0 - seen.result.1 <= 1, "{seen:?}");
        best = best.min(seen.longest_pause);
        goes_on(child.0.id());
    }
    eprintln!("shortest pause: {best:?}");
    assert!(best < Duration::from_millis(100), "{best:?}");
}

#[test]
fn a_process_of_a_killed_looker_goes_on() {
    let child = Running(Command::new("sleep").arg("60").spawn().unwrap());
    let pid = child.0.id();
    // A thread that ends stands for a process that dies: ptrace belongs to threads.
    std::thread::spawn(move || {
        let held = attach(i32::try_from(pid).unwrap(), LiveOptions::default()).unwrap();
        assert!(states(pid).contains(&'t'));
        std::mem::forget(held);
    })
    .join()
    .unwrap();
    goes_on(pid);
    let error = {
        let _held = attach(i32::try_from(pid).unwrap(), LiveOptions::default()).unwrap();
        std::thread::spawn(move || {
            attach(i32::try_from(pid).unwrap(), LiveOptions::default()).map(|_| ()).unwrap_err().to_string()
        })
        .join()
        .unwrap()
    };
    assert!(error.contains("traces it already"), "{error}");
    goes_on(pid);
}

#[test]
fn a_stopped_process_stays_stopped_and_signals_are_not_lost() {
    let child = Running(Command::new("sleep").arg("60").spawn().unwrap());
    let pid = child.0.id();
    let kill =
        |signal: &str| assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
    kill("-STOP");
    while !states(pid).contains(&'T') {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(attach(i32::try_from(pid).unwrap(), LiveOptions::default()).unwrap());
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(states(pid), ['T']);
    kill("-CONT");
    let held = attach(i32::try_from(pid).unwrap(), LiveOptions::default()).unwrap();
    kill("-TERM");
    drop(held);
    let mut child = child;
    let start = Instant::now();
    while child.0.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(5), "the signal was lost");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn without_stopping_it_runs_on_and_is_told_apart() {
    let child = Running(Command::new("sleep").arg("60").spawn().unwrap());
    std::thread::sleep(Duration::from_millis(50));
    let options = LiveOptions { stop: false, ..LiveOptions::default() };
    let live = attach(i32::try_from(child.0.id()).unwrap(), options).unwrap();
    assert!(!live.is_stopped() && !states(child.0.id()).contains(&'t'));
    assert!(live.target.diagnostics.to_vec().iter().any(|d| d.code == DiagnosticCode::LiveRunning));
    assert!(live.target.threads[0].registers.as_ref().unwrap().ip().is_some(), "a sleeping thread shows where");
    let error = live.target.memory.read(pyinquest::base::Addr(8), &mut [0]).unwrap_err();
    assert_eq!(error.kind, ReadErrorKind::Unmapped);
}
