//! Many processes side by side: running ones, dumps, saved reports.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod harness;

use common::{interpreters, skip};
use pyinquest::engine::Options;
use pyinquest::model::hang::Hang;
use pyinquest::model::{ChannelKind, TaskWaitKind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn pyinquest(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_pyinquest")).args(arguments).output().unwrap()
}

fn hang(arguments: &[&str]) -> Hang {
    let output = pyinquest(&[&["hang", "--json"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A process with its children, all of which are ended with it.
struct Family {
    parent: Child,
    children: Vec<u64>,
}

impl Family {
    fn start(exe: &str, workers: usize, odd: usize, directory: &Path) -> Family {
        let file = directory.join("pids");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/hang.py");
        let parent = Command::new(exe)
            .arg(program)
            .args([workers.to_string(), odd.to_string()])
            .arg(&file)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while !file.exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "the workers do not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        let children: Vec<u64> =
            std::fs::read_to_string(&file).unwrap().split(' ').map(|pid| pid.parse().unwrap()).collect();
        // All of them sleep.
        let asleep = |pid: &u64| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
            !text.starts_with("running")
        };
        while !children.iter().all(asleep) {
            assert!(start.elapsed() < Duration::from_secs(60), "the workers do not come to rest");
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(200));
        Family { parent, children }
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        for pid in &self.children {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        let _ = self.parent.kill();
        let _ = self.parent.wait();
    }
}

#[test]
fn a_straggler_in_a_tree_of_processes_is_named() {
    let Some(interpreter) = interpreters().iter().rfind(|i| i.root.is_none() && i.is_ordinary()) else {
        skip!("no interpreter of this host's own");
    };
    let directory = tempfile::tempdir().unwrap();
    let family = Family::start(&interpreter.exe, 5, 3, directory.path());
    let parent = family.parent.id().to_string();
    let found = hang(&["--pid", &parent, "--tree"]);
    assert_eq!(found.processes.len(), 6, "{:?}", found.processes);
    let pids: Vec<u64> = found.processes.iter().filter_map(|p| p.pid).collect();
    assert_eq!(pids[0], u64::from(family.parent.id()));
    let function = |n: u32| found.stacks[n as usize].frames[0].function.as_ref().unwrap().to_string();
    // The parent waits for its children: it stands elsewhere too.
    let [odd] = found.odd.as_slice() else { panic!("{:?}", found.odd) };
    let named: Vec<u64> = odd.processes.iter().map(|n| pids[*n as usize]).collect();
    assert_eq!(named, [pids[0], family.children[3]]);
    assert_eq!(function(odd.others_stack.unwrap()), "barrier");
    // Without the parent the straggler alone is odd.
    let all: Vec<String> = family.children.iter().map(u64::to_string).collect();
    let arguments: Vec<&str> = all.iter().flat_map(|pid| ["--pid", pid]).collect();
    let found = hang(&arguments);
    assert_eq!(found.odd[0].processes, [3]);
    assert_eq!(found.stacks[0].frames[0].function.as_ref().unwrap().to_string(), "stuck");
    let text = pyinquest(&[&["hang"], arguments.as_slice()].concat());
    let text = String::from_utf8(text.stdout).unwrap();
    let odd = format!("Odd: process {} (MainThread)", family.children[3]);
    assert!(text.contains(&odd) && text.contains("in stuck") && text.contains("4 threads of"), "{text}");
    // By its command line.
    let pattern = format!("hang.py 5 3 {}", directory.path().display());
    let found = hang(&["--match", &pattern]);
    assert_eq!(found.processes.len(), 6, "{:?}", found.processes);
}

#[test]
fn sixty_four_processes_are_seen_at_once() {
    let Some(interpreter) = interpreters().iter().rfind(|i| i.root.is_none() && i.is_ordinary()) else {
        skip!("no interpreter of this host's own");
    };
    let directory = tempfile::tempdir().unwrap();
    let family = Family::start(&interpreter.exe, 64, 17, directory.path());
    let parent = family.parent.id().to_string();
    let found = hang(&["--pid", &parent, "--tree"]);
    assert!(found.unreadable.is_empty(), "{:?}", found.unreadable);
    let pids: Vec<u64> = found.processes.iter().filter_map(|p| p.pid).collect();
    let mut named = pids.clone();
    named.sort_unstable();
    let mut expected: Vec<u64> = family.children.iter().copied().chain([u64::from(family.parent.id())]).collect();
    expected.sort_unstable();
    assert_eq!(named, expected);
    let odd: Vec<u64> = found.odd[0].processes.iter().map(|n| pids[*n as usize]).collect();
    assert_eq!((odd, found.odd[0].others), (vec![u64::from(family.parent.id()), family.children[17]], 63));
}

#[test]
fn a_straggler_among_saved_reports_is_named_every_time() {
    let report = |name: &str| {
        let report = harness::report_alone(&harness::fixture(name).path, &Options::default());
        serde_json::to_string(&report).unwrap()
    };
    let (usual, other) = (report("3.12-basic"), report("3.12-threads"));
    let directory = tempfile::tempdir().unwrap();
    let path = |n: usize| directory.path().join(format!("rank-{n:03}.json"));
    (0..512).for_each(|n| std::fs::write(path(n), &usual).unwrap());
    let names: Vec<String> = (0..512).map(|n| path(n).display().to_string()).collect();
    let arguments: Vec<&str> = std::iter::once("--reports").chain(names.iter().map(String::as_str)).collect();
    for straggler in [0, 255, 511] {
        std::fs::write(path(straggler), &other).unwrap();
        let found = hang(&arguments);
        let main: Vec<_> = found.odd.iter().filter(|odd| odd.role == "MainThread").collect();
        assert_eq!(main[0].processes, [straggler as u32]);
        assert_eq!(main[0].others, 511);
        std::fs::write(path(straggler), &usual).unwrap();
    }
    // Nothing that is no report stops the others.
    std::fs::write(path(7), "{").unwrap();
    let found = hang(&arguments);
    assert_eq!((found.processes.len(), found.unreadable.len()), (511, 1));
    assert!(found.odd.is_empty());
}

#[test]
fn processes_that_wait_for_each_other_by_pipes_are_named() {
    let Some(interpreter) = interpreters().iter().rfind(|i| i.root.is_none() && i.is_ordinary()) else {
        skip!("no interpreter of this host's own");
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pids");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/pipes.py");
    let mut parent = Command::new(&interpreter.exe).arg(program).arg(&file).spawn().unwrap();
    let start = Instant::now();
    while !file.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "the processes do not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    // What the program says of itself: for each process who it waits for, by which file descriptor, in which call.
    let told: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let told: Vec<(u64, Vec<u64>, u64, bool)> = serde_json::from_value(told).unwrap();
    let asleep = |pid: u64| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
        !text.starts_with("running")
    };
    while !told.iter().all(|(pid, ..)| asleep(*pid)) {
        assert!(start.elapsed() < Duration::from_secs(60), "the processes do not come to rest");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(200));
    let tree = parent.id().to_string();
    let found = hang(&["--pid", &tree, "--tree"]);
    let text = String::from_utf8(pyinquest(&["hang", "--pid", &tree, "--tree"]).stdout).unwrap();
    let kill = |pid: u64| Command::new("kill").args(["-9", &pid.to_string()]).status();
    told.iter().for_each(|(pid, ..)| drop(kill(*pid)));
    let _ = parent.kill();
    let _ = parent.wait();
    let pid = |n: &u32| found.processes[*n as usize].pid.unwrap();
    for (process, peers, fd, writes) in &told {
        let own = found.processes.iter().find(|p| p.pid == Some(*process)).unwrap();
        let [wait] = own.waits.as_slice() else { panic!("{process} of {told:?}: {:?}", own.waits) };
        let on: Vec<u64> = wait.peers.iter().map(pid).filter(|pid| pid != process).collect();
        assert_eq!((&on, u64::from(wait.fd), wait.writes), (peers, *fd, *writes), "{told:?}");
    }
    let wait_of = |n: usize| &found.processes.iter().find(|p| p.pid == Some(told[n].0)).unwrap().waits[0];
    let kinds = [2, 4, 5].map(|n| (wait_of(n).kind, wait_of(n).task.as_ref().map(ToString::to_string)));
    let task = Some("reader".to_owned());
    assert_eq!(kinds, [(ChannelKind::Socket, None), (ChannelKind::UnixSocket, None), (ChannelKind::UnixSocket, task)]);
    // What the loop of that process waits for is in the picture.
    let reads = found.tasks.iter().find(|one| one.name == "reader").unwrap_or_else(|| panic!("{:#?}", found.tasks));
    assert_eq!((reads.wait, reads.count), (Some(TaskWaitKind::StreamRead), 1));
    assert!(text.contains("task 'reader' waits to read from Unix socket"), "{text}");
    assert!(text.contains("Task 'reader' of process"), "{text}");
    let cycle: Vec<u64> = found.cycles[0].iter().map(pid).collect();
    let mut expected = vec![told[0].0, told[1].0];
    expected.sort_unstable();
    assert_eq!((cycle, found.cycles.len()), (expected, 1), "{found:?}");
    assert!(text.contains("Deadlock of processes: ") && text.contains("each waits for the next"), "{text}");
    assert!(text.contains("whose other end none of these processes has"), "{text}");
}

/// Kills a process with all that it has started.
struct Tree(Child);

impl Drop for Tree {
    fn drop(&mut self) {
        let list = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.0.id())).unwrap_or_default();
        for pid in list.split_ascii_whitespace() {
            let _ = Command::new("kill").args(["-9", pid]).status();
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_process_waits_for_the_end_of_a_child_that_waits_for_it() {
    let mut ran = 0;
    for interpreter in interpreters().iter().filter(|i| i.root.is_none() && i.is_ordinary() && i.is_native()) {
        for (how, children, deadlock) in [("popen", 1, true), ("queue", 1, true), ("any", 2, false)] {
            let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/children.py");
            let parent = Command::new(&interpreter.exe).arg(program).arg(how).stderr(Stdio::null()).spawn().unwrap();
            let parent = Tree(parent);
            let pid = parent.0.id().to_string();
            let start = Instant::now();
            // The children write before they sleep: asked until the picture stands still.
            let (found, text) = loop {
                let output = pyinquest(&["hang", "--json", "--pid", &pid, "--tree"]);
                let found: Hang = serde_json::from_slice(&output.stdout).unwrap_or_default();
                let waits = found.processes.iter().filter(|p| !p.waits.is_empty()).count();
                if found.processes.len() > children && waits == 2 && found.processes[0].waits.len() == 1 {
                    break (found, String::from_utf8(pyinquest(&["hang", "--pid", &pid, "--tree"]).stdout).unwrap());
                }
                assert!(start.elapsed() < Duration::from_secs(60), "{how} does not come to rest: {found:#?}");
                std::thread::sleep(Duration::from_millis(50));
            };
            let own = found.processes[0].waits.iter().find(|wait| wait.kind == ChannelKind::Child).unwrap();
            assert_eq!((own.children.len(), own.peers.len()), (children, children), "{how}: {own:?}");
            assert_eq!(found.cycles.len(), usize::from(deadlock), "{} {how}: {text}", interpreter.name);
            assert_eq!(text.contains("Deadlock of processes: "), deadlock, "{how}: {text}");
            let of = if children == 1 { "its child process" } else { "one of its 2 child processes" };
            assert!(text.contains(&format!("waits for the end of {of}")), "{how}: {text}");
            ran += 1;
        }
    }
    if ran == 0 {
        skip!("no interpreter of this host's own");
    }
}

#[test]
fn wrong_usage_is_told() {
    let code = |arguments: &[&str]| pyinquest(&[&["hang"], arguments].concat()).status.code();
    assert_eq!(code(&[]), Some(2), "nothing to look at");
    assert_eq!(code(&["--match", "("]), Some(2), "no regular expression");
    assert_eq!(code(&["--match", "no process has this^"]), Some(3), "no process");
    assert_eq!(code(&["/no/such/core"]), Some(3));
}
