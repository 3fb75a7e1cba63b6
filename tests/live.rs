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
        // How long a stop may be does not cut the copy: a busy host may take its time from ours.
        let options = LiveOptions { max_stop: Duration::from_secs(20), ..LiveOptions::default() };
        let search = SearchOptions::default();
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

/// A stop interrupts a wait with a time limit; it goes on as `restart_syscall(2)`, by which every later look finds it.
#[test]
fn a_wait_with_a_time_limit_is_known_however_often_it_is_stopped() {
    let mut ran = 0;
    for interpreter in one_per_minor().into_iter().filter(|i| i.is_native() && i.root.is_none() && i.minor >= 8) {
        let wait = "import threading; threading.Event().wait(1000)";
        let mut running = Running(Command::new(&interpreter.exe).args(["-c", wait]).spawn().unwrap());
        let pid = running.0.id();
        let start = Instant::now();
        let syscall = || std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
        while !syscall().starts_with("202 ") {
            assert!(start.elapsed() < Duration::from_secs(60) && running.0.try_wait().unwrap().is_none(), "no wait");
            std::thread::sleep(Duration::from_millis(10));
        }
        for look in 0..3 {
            let (options, search) = (LiveOptions::default(), SearchOptions::default());
            let seen = examine(i32::try_from(pid).unwrap(), options, &search, |i| i.report(&Options::default()));
            let report = seen.unwrap().result;
            let wait = report.threads[0].waits_for.as_ref();
            assert!(
                wait.is_some_and(|w| w.timed && w.what == "a notification, in Event.wait"),
                "{} {look}: {wait:?}",
                interpreter.name
            );
        }
        assert!(syscall().starts_with("219 "), "no stop was made: {}", syscall());
        ran += 1;
    }
    if ran == 0 {
        skip!("no interpreter of this host's own");
    }
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

/// A copy of a process that reads much is cut at the time that it may take, and the result says that it is not of one moment;
/// with more time it is.
#[test]
fn a_stop_is_no_longer_than_it_may_be() {
    let program = "import ctypes, time\n\
        b = ctypes.create_string_buffer(b'x' * (100 << 20))\n\
        print(ctypes.addressof(b), flush=True)\n\
        while True: time.sleep(0.01)\n";
    let mut child = Command::new("python3");
    child.args(["-c", program]).stdout(Stdio::piped()).stdin(Stdio::null());
    let Ok(mut child) = child.spawn().map(Running) else { skip!("no python3") };
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.0.stdout.take().unwrap()), &mut line).unwrap();
    let address = pyinquest::base::Addr(line.trim().parse().unwrap());
    let pid = i32::try_from(child.0.id()).unwrap();
    let look = |max_stop: u64| {
        let options = LiveOptions { max_stop: Duration::from_millis(max_stop), ..LiveOptions::default() };
        debuggee::live::examine(pid, options, |target, _| {
            let piece = |n: u64| target.memory.read_vec(address.wrapping_add(n << 20), 1 << 20).unwrap();
            (0..100).all(|n| piece(n).chunks(4096).all(|page| page[0] == b'x'))
        })
        .unwrap()
    };
    let short = look(5);
    assert!(short.result && short.later_pages > 0, "{short:?}");
    // A watchdog: other work of this host may take its time from ours.
    assert!(short.longest_pause < Duration::from_millis(500), "{short:?}");
    let long = look(20_000);
    assert!(long.result && long.later_pages == 0, "{long:?}");
    eprintln!("{:?} and {:?}", short.longest_pause, long.longest_pause);
}

/// What is wanted of a process that does not change is known after one copy.
#[test]
fn two_copies_of_a_waiting_process_are_enough() {
    for interpreter in one_per_minor() {
        let blocked = match block(interpreter, "threads.py", &[]) {
            Ok(blocked) => blocked,
            Err(reason) => skip!("{reason}"),
        };
        // How long a stop may be does not cut the copy: a busy host may take its time from ours.
        let options = LiveOptions { max_stop: Duration::from_secs(20), ..LiveOptions::default() };
        let search = SearchOptions::default();
        let seen = examine(i32::try_from(blocked.pid).unwrap(), options, &search, |inspection| {
            inspection.report(&Options { locals: true, native: true, ..Options::default() }).threads.len()
        });
        let seen = seen.unwrap();
        assert!(seen.stops <= 2 && seen.later_pages == 0, "{}: {seen:?}", interpreter.name);
    }
}

/// A process of busy threads, two of which look at the clock all the time: the longest time that one of them stood still is in
/// a file (tests/programs/busy).
struct Busy {
    process: Running,
    file: std::path::PathBuf,
    _dir: tempfile::TempDir,
}

impl Busy {
    fn start(threads: usize) -> Result<Busy, String> {
        let programs = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/busy");
        let interpreter = common::interpreters().iter().rfind(|i| i.is_ordinary() && i.root.is_none());
        let interpreter = interpreter.ok_or("no interpreters: run tests/interpreters/fetch.py")?;
        let dir = tempfile::tempdir().unwrap();
        let (observer, file) = (dir.path().join("observer.so"), dir.path().join("longest"));
        let built = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-pthread", "-o"])
            .arg(&observer)
            .arg(format!("{programs}/observer.c"))
            .status();
        if !built.is_ok_and(|status| status.success()) {
            return Err("no C compiler".to_owned());
        }
        let mut command = Command::new(&interpreter.exe);
        command.arg(format!("{programs}/threads.py")).arg(threads.to_string()).arg(observer).arg(&file);
        let mut process = Running(command.stdout(Stdio::piped()).spawn().map_err(|e| e.to_string())?);
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(process.0.stdout.take().unwrap()), &mut line).unwrap();
        assert_eq!(line, "ready\n");
        Ok(Busy { process, file, _dir: dir })
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.process.0.id()).unwrap()
    }

    /// The longest time since this was called before.
    fn longest(&self) -> Duration {
        use std::os::unix::fs::FileExt as _;
        let file = std::fs::File::options().read(true).write(true).open(&self.file).unwrap();
        let mut words = [0; 16];
        file.read_exact_at(&mut words, 0).unwrap();
        file.write_all_at(&[0; 16], 0).unwrap();
        let nanoseconds = words.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word)).max();
        Duration::from_nanos(nanoseconds.unwrap())
    }
}

/// What a stop costs grows with the threads, and it is given up where it would be too long.
#[test]
fn many_busy_threads_stand_still_no_longer_than_they_may() {
    for threads in [10, 200, 2000] {
        let busy = match Busy::start(threads) {
            Ok(busy) => busy,
            Err(reason) => skip!("{reason}"),
        };
        let look = |max_stop: u64| {
            let options = LiveOptions { max_stop: Duration::from_millis(max_stop), ..LiveOptions::default() };
            busy.longest();
            let seen = debuggee::live::examine(busy.pid(), options, |target, _| {
                (target.threads.len(), target.threads.iter().filter(|t| t.tls_base.is_some()).count())
            })
            .unwrap();
            goes_on(busy.process.0.id());
            (seen, busy.longest())
        };
        busy.longest();
        std::thread::sleep(Duration::from_secs(1));
        let alone = busy.longest();
        // All of them: the main thread, the busy ones, and the two that observe.
        let all = threads + 3;
        let mut seen: Vec<_> = (0..3).map(|_| look(50)).collect();
        seen.sort_by_key(|(_, stood)| *stood);
        for (seen, stood) in &seen {
            eprintln!("{threads} threads: {stood:?} ({alone:?} with nobody looking): {seen:?}");
            assert_eq!(seen.result.0, all);
            // What is told is at least what a thread saw, but for what other work of this host did.
            assert!(*stood <= seen.longest_pause + alone + Duration::from_millis(5), "{stood:?}, {alone:?}: {seen:?}");
            assert!(seen.ran_on || seen.result.1 == all, "{seen:?}");
        }
        // A watchdog: other work of this host may take its time from ours.
        assert!(seen[0].1 < Duration::from_millis(100) && seen[2].1 < Duration::from_millis(500), "{seen:?}");
        let (long, _) = look(10_000);
        assert!(!long.ran_on && long.result == (all, all), "{long:?}");
        // In no time at all nothing can be stopped.
        let (none, stood) = look(0);
        assert!(none.ran_on && none.result.0 == all, "{none:?}");
        assert!(none.longest_pause < Duration::from_millis(100), "{none:?}, {stood:?}");
    }
}
