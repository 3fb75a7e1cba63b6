//! A program that stands still instead of dying, for tests of live processes and of debuggers.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::crash::Scene;
use super::{Crash, Interpreter, Unavailable};

const START: Duration = Duration::from_secs(60);

/// A process that blocks where it would have died. Dropping it kills it and removes its directory.
#[derive(Debug)]
pub struct Blocked {
    pub pid: u32,
    pub truth: Value,
    /// Working directory of the process, as a path on this machine; cores of [`Blocked::gcore`] go there too.
    pub dir: PathBuf,
    child: Child,
    _scene: Scene,
}

/// Starts `program` of `tests/programs` and waits until it blocks in the C call in which it would have died.
///
/// # Panics
/// If it ends, or does not come that far within a minute.
pub fn block(interpreter: &Interpreter, program: &str, args: &[&str]) -> Result<Blocked, Unavailable> {
    wait_for(Crash::new(interpreter, program).args(args).death("block"))
}

/// As [`block`], in a container made of the interpreter's root directory. `pid` is that from outside.
pub fn block_contained(interpreter: &Interpreter, program: &str) -> Result<Blocked, Unavailable> {
    let mut blocked = wait_for(Crash::new(interpreter, program).death("block").contained())?;
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", blocked.pid)).unwrap_or_default();
    blocked.pid = children.trim().parse().map_err(|_| Unavailable("the kernel lists no children".to_owned()))?;
    while !is_asleep(blocked.pid) {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(blocked)
}

/// Starts `program` and waits until it has made the file `ready` and stands still. It goes on by a word in the FIFO `go` of
/// its directory.
///
/// # Panics
/// If it ends, or does not come that far within a minute.
pub fn waiting(interpreter: &Interpreter, program: &str, args: &[&str]) -> Result<Blocked, Unavailable> {
    waits(Crash::new(interpreter, program).args(args))
}

/// As [`waiting`], with more switches.
pub fn waits(program: Crash<'_>) -> Result<Blocked, Unavailable> {
    let (scene, mut child) = program.start()?;
    let (pid, start) = (child.id(), Instant::now());
    let dir = scene.work();
    while !(dir.join("ready").exists() && is_asleep(pid)) {
        let ended = child.try_wait().expect("our own child can be waited for");
        if ended.is_some() || start.elapsed() > START {
            let _ = child.kill();
            panic!("{program:?} does not wait ({ended:?}):\n{}", scene.text("stderr.txt"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(Blocked { pid, truth: Value::Null, dir, child, _scene: scene })
}

/// What a program prints that runs to its end.
///
/// # Panics
/// If it fails, or does not end within three minutes.
pub fn printed(interpreter: &Interpreter, program: &str, args: &[&str]) -> Result<String, Unavailable> {
    let program = Crash::new(interpreter, program).args(args);
    let (scene, mut child) = program.start()?;
    let status = super::crash::wait(&mut child, Duration::from_secs(180));
    assert!(status.is_some_and(|s| s.success()), "{program:?}: {status:?}\n{}", scene.text("stderr.txt"));
    Ok(scene.text("stdout.txt"))
}

fn wait_for(program: Crash<'_>) -> Result<Blocked, Unavailable> {
    let (scene, mut child) = program.start()?;
    let pid = child.id();
    let start = Instant::now();
    loop {
        if let Some(truth) = scene.truth() {
            // Between the writing of the truth and the blocking call lie a few instructions.
            if is_asleep(pid) {
                std::thread::sleep(Duration::from_millis(50));
                let dir = scene.work();
                return Ok(Blocked { pid, truth, dir, child, _scene: scene });
            }
        }
        if let Some(status) = child.try_wait().expect("our own child can be waited for") {
            panic!("{program:?} ended ({status}) instead of blocking:\n{}", scene.text("stderr.txt"));
        }
        if start.elapsed() > START {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{program:?} does not come to block within {START:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Blocked {
    /// The truth of a process that merely stands still: the thread that would have died has not.
    pub fn living_truth(&self) -> Value {
        let mut truth = self.truth.clone();
        for thread in truth["threads"].as_array_mut().expect("the truth has threads") {
            thread["crashed"] = false.into();
        }
        truth
    }

    /// Has gdb's `gcore` write a core of the process, which lives on.
    pub fn gcore(&self) -> Result<PathBuf, Unavailable> {
        let prefix = self.dir.join("gcore");
        let run = Command::new("gcore")
            .arg("-o")
            .arg(&prefix)
            .arg(self.pid.to_string())
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Unavailable(format!("gcore (of gdb) does not run: {error}")))?;
        let core = self.dir.join(format!("gcore.{}", self.pid));
        if core.is_file() {
            return Ok(core);
        }
        let text = String::from_utf8_lossy(&run.stderr).into_owned();
        Err(Unavailable(format!("gcore wrote no core: {}", text.trim())))
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// True if the main thread of the process waits for something.
fn is_asleep(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
}
