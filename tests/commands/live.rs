//! `--pid` where something is in the way: pyinquest is killed, the process is another user's or in a container.

use crate::common::{Interpreter, block, block_contained, interpreters, skip};
use crate::{compare, pyinquest};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use pyinquest::model::{FileStatus, Report};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A child that is killed when the test is over.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Option<Running> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok().map(Running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Letter and number of system calls that gave up the processor, of each thread: those of a busy thread grow.
fn tasks(pid: u32) -> Vec<(char, u64)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let task = |path: std::path::PathBuf| {
        let status = std::fs::read_to_string(path.join("status")).ok()?;
        let field = |name: &str| Some(status.lines().find_map(|l| l.strip_prefix(name))?.trim().to_owned());
        Some((field("State:")?.chars().next()?, field("voluntary_ctxt_switches:")?.parse().ok()?))
    };
    tasks.filter_map(|t| task(t.ok()?.path())).collect()
}

fn is_traced(pid: u32) -> bool {
    tasks(pid).iter().any(|(state, _)| *state == 't')
}

/// Every thread runs, and none is held by anybody.
fn goes_on(pid: u32, threads: usize, after: &str) {
    let start = Instant::now();
    let before = tasks(pid);
    loop {
        let now = tasks(pid);
        let moved = now.len() == threads && now.iter().zip(&before).all(|(now, before)| now.1 > before.1);
        if moved && now.iter().all(|(state, _)| !matches!(state, 't' | 'T')) {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "after {after}: {before:?}, {now:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_process_goes_on_when_pyinquest_is_killed_while_it_holds_it() {
    let program = "import threading, time\n\
        def work():\n    while True: time.sleep(0.001)\n\
        for _ in range(20): threading.Thread(target=work, daemon=True).start()\n\
        work()\n";
    let Some(child) = Running::start(Command::new("python3").args(["-c", program])) else { skip!("no python3") };
    let pid = child.0.id();
    while tasks(pid).len() < 21 {
        std::thread::sleep(Duration::from_millis(5));
    }
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL] {
        // Where tests run in the background of a shell, SIGINT is ignored, by what they start too.
        let mut command = Command::new("env");
        command.arg("--default-signal=INT").arg(pyinquest().get_program());
        let mut looker =
            Running::start(command.args(["report", "--watch", "0.05", "--pid", &pid.to_string()])).unwrap();
        let looker_pid = Pid::from_raw(i32::try_from(looker.0.id()).unwrap());
        // It is frozen in the middle of a look; so the signal comes at the worst moment.
        let start = Instant::now();
        loop {
            if is_traced(pid) {
                kill(looker_pid, Signal::SIGSTOP).unwrap();
                while tasks(looker.0.id()).iter().any(|(state, _)| *state != 'T') {}
                if tasks(pid).iter().all(|(state, _)| *state == 't') {
                    break;
                }
                kill(looker_pid, Signal::SIGCONT).unwrap();
            }
            assert!(start.elapsed() < Duration::from_secs(20), "it was never seen to stand still");
        }
        kill(looker_pid, signal).unwrap();
        kill(looker_pid, Signal::SIGCONT).unwrap();
        assert_eq!(looker.0.wait().unwrap().signal(), Some(signal as i32));
        goes_on(pid, 21, signal.as_str());
    }
}

/// What pyinquest says as uid 65534, and how it ends.
fn as_nobody(arguments: &[&str]) -> Option<(Option<i32>, String)> {
    // The build's directory may be closed to others.
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let copy = dir.path().join("pyinquest");
    std::fs::copy(pyinquest().get_program(), &copy).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&copy).args(arguments);
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Some((output.status.code(), text))
}

#[test]
fn what_may_not_be_looked_at_is_explained() {
    if !geteuid().is_root() {
        skip!("only root can be somebody else");
    }
    let others = Running::start(Command::new("sleep").arg("60")).unwrap();
    let Some((code, text)) = as_nobody(&["report", "--pid", &others.0.id().to_string()]) else { skip!("no setpriv") };
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("it belongs to uid 0, you are uid 65534"), "{text}");
    assert!(text.contains("run pyinquest as that user or as root (sudo)"), "{text}");
    // Root without the capability, as in a container, is told which one is missing.
    let mut nobodys = Command::new("setpriv");
    nobodys.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "sleep", "60"]);
    let nobodys = Running::start(&mut nobodys).unwrap();
    let start = Instant::now();
    while !std::fs::read_to_string(format!("/proc/{}/comm", nobodys.0.id())).unwrap().starts_with("sleep") {
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    let mut bounded = Command::new("setpriv");
    bounded.args(["--bounding-set", "-sys_ptrace"]).arg(pyinquest().get_program());
    let output = bounded.args(["report", "--pid", &nobodys.0.id().to_string()]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("not permitted") && text.contains("CAP_SYS_PTRACE"), "{text}");
}

fn report(process: u32) -> Report {
    let arguments = ["report", "--locals", "--native=all", "--format", "json", "--pid", &process.to_string()];
    let output = pyinquest().args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_process_in_a_container_is_read_with_the_containers_files() {
    // Other libraries than this machine's under the same names.
    let rooted = |i: &&Interpreter| i.is_ordinary() && i.root.is_some();
    let Some(interpreter) = interpreters().iter().find(rooted) else { skip!("no interpreter with a root of its own") };
    let process = match block_contained(interpreter, "threads.py") {
        Ok(process) => process,
        Err(reason) => skip!("{reason}"),
    };
    assert_eq!(process.truth["pid"], 1);
    let mut seen = report(process.pid);
    let codes: Vec<String> = seen.diagnostics.iter().map(|d| d.code.to_string()).collect();
    assert!(
        codes.contains(&"live-pid-namespace".to_owned()) && !codes.contains(&"module-files-missing".to_owned()),
        "{codes:?}"
    );
    let root = format!("/proc/{}/root/", process.pid);
    for module in seen.modules.iter().filter(|m| m.path.starts_with('/')) {
        let file = module.file.as_deref().unwrap_or_else(|| panic!("no file: {module:?}"));
        assert!(file.starts_with(&root) && module.file_status == Some(FileStatus::Ok), "{module:?}");
    }
    assert_eq!(seen.process.ppid, Some(0));
    seen.threads.iter_mut().for_each(|t| t.frames.retain(|f| f.native.is_none() || f.owner.is_some()));
    let differences = compare::report(&seen, &process.living_truth());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_pause_is_told() {
    let Some(interpreter) = interpreters().iter().find(|i| i.is_ordinary() && i.root.is_none()) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let process = match block(interpreter, "threads.py", &[]) {
        Ok(process) => process,
        Err(reason) => skip!("{reason}"),
    };
    let output = pyinquest().args(["report", "--verbose", "--pid", &process.pid.to_string()]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, told) = text.split_once("the process stood still for ").unwrap_or_else(|| panic!("{text}"));
    let milliseconds: f64 = told.split_once(" ms").unwrap().0.parse().unwrap();
    assert!(milliseconds > 0.0, "{text}");
}

/// A process whose threads do not come to a stand in the time that there is for it is let go and read as it runs.
#[test]
fn what_cannot_be_stopped_in_time_is_read_as_it_runs() {
    let Some(interpreter) = interpreters().iter().find(|i| i.is_ordinary() && i.root.is_none()) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let process = match block(interpreter, "threads.py", &[]) {
        Ok(process) => process,
        Err(reason) => skip!("{reason}"),
    };
    let pid = process.pid.to_string();
    let output = pyinquest().args(["report", "--json", "--max-stop", "0", "--pid", &pid]).output().unwrap();
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success() && report.threads.iter().any(|t| !t.frames.is_empty()), "{output:?}");
    let said: Vec<&str> = report.diagnostics.iter().map(|d| d.message.as_str()).collect();
    assert!(said.iter().any(|text| text.contains("did not all come to a stand in time (of 0 ms)")), "{said:?}");
    let printed = pyinquest().args(["info", "--max-stop", "0", "--strict", "--pid", &pid]).output().unwrap();
    assert_eq!(printed.status.code(), Some(5), "{printed:?}");
}

/// What pyinquest says of a process, in one line.
fn told(pid: u32) -> String {
    let output = pyinquest().args(["report", "--verbose", "--pid", &pid.to_string()]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn vfork_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (source, program) = (dir.path().join("vfork.c"), dir.path().join("vfork"));
    std::fs::write(
        &source,
        "#include <unistd.h>\nint main(void) { if (vfork() == 0) { pause(); _exit(0); } pause(); }\n",
    )
    .unwrap();
    let built = Command::new("cc").arg(&source).arg("-o").arg(&program).status();
    if !built.is_ok_and(|status| status.success()) {
        skip!("no C compiler");
    }
    let parent = Running::start(&mut Command::new(&program)).unwrap();
    let children = format!("/proc/{0}/task/{0}/children", parent.0.id());
    let start = Instant::now();
    let child: u32 = loop {
        if let Ok(child) = std::fs::read_to_string(&children).unwrap_or_default().trim().parse() {
            break child;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "it made no child");
    };
    let (of_parent, of_child) = (told(parent.0.id()), told(child));
    // Its parent waits in the kernel until it ends.
    kill(Pid::from_raw(i32::try_from(child).unwrap()), Signal::SIGKILL).unwrap();
    let want = format!("thread {} has made a child with vfork()", parent.0.id());
    assert!(of_parent.contains(&want), "{of_parent}");
    let want = format!("process {child} is a child that vfork() made");
    let whose = format!("it is in the memory of process {}", parent.0.id());
    assert!(of_child.contains(&want) && of_child.contains(&whose), "{of_child}");
}

/// `--watch` ends when its process has, whatever has got its number since. In a pid namespace of its own the next number can be
/// chosen (`ns_last_pid`, `CONFIG_CHECKPOINT_RESTORE`).
#[test]
fn watching_ends_with_its_process() {
    if !geteuid().is_root() {
        skip!("only root can choose process ids");
    }
    let script = "sleep 60 & a=$!\n\
        \"$0\" bt --watch 1.5 --pid $a >/dev/null 2>\"$1\" & w=$!\n\
        while ! grep -q -- '---' \"$1\"; do sleep 0.05; done\n\
        sleep 0.7; kill -9 $a; wait $a 2>/dev/null\n\
        echo $((a - 1)) >/proc/sys/kernel/ns_last_pid; sleep 60 & b=$!\n\
        [ $a = $b ] || exit 77\n\
        wait $w; exit $?\n";
    let dir = tempfile::tempdir().unwrap();
    let said = dir.path().join("said");
    std::fs::write(&said, "").unwrap();
    let mut run = Command::new("unshare");
    run.args(["--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", script])
        .arg(pyinquest().get_program())
        .arg(&said);
    let Ok(ran) = run.output() else { skip!("no unshare") };
    let text = std::fs::read_to_string(&said).unwrap();
    match ran.status.code() {
        Some(3) => assert!(text.contains("has ended; another one has its number now"), "{text}"),
        Some(77) | Some(1) if text.is_empty() || !String::from_utf8_lossy(&ran.stderr).is_empty() => {
            skip!("no pid namespace, or the next number cannot be chosen: {ran:?}")
        }
        code => panic!("{code:?}: {text}: {ran:?}"),
    }
}
