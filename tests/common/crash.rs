//! Runs a program of `tests/programs` until it dies, and collects what is left: the core, the truth, the output.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Interpreter, Unavailable};

/// Long enough for a debug build under an emulator on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(180);

/// A run of one program by one interpreter, still to be started.
#[derive(Debug, Clone)]
pub struct Crash<'a> {
    interpreter: &'a Interpreter,
    program: &'a str,
    options: Vec<String>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    files: Vec<PathBuf>,
    contained: bool,
    proc: bool,
}

/// What is left of a process. Dropping it removes its directory.
#[derive(Debug)]
pub struct CrashedProcess {
    pub core: PathBuf,
    /// What `truth.py` wrote just before death; `Null` if the program never got that far.
    pub truth: Value,
    pub stdout: String,
    pub stderr: String,
    pub status: ExitStatus,
    /// Holds the core and everything that the program wrote, as a path on this machine.
    pub dir: PathBuf,
    _scene: Scene,
}

/// Runs `program` of `tests/programs`; the short form of [`Crash`].
pub fn crash(
    interpreter: &Interpreter,
    program: &str,
    args: &[&str],
    env: &[(&str, &str)],
) -> Result<CrashedProcess, Unavailable> {
    let start = Crash::new(interpreter, program).args(args);
    env.iter().fold(start, |run, (key, value)| run.env(key, value)).run()
}

impl<'a> Crash<'a> {
    pub fn new(interpreter: &'a Interpreter, program: &'a str) -> Self {
        let (options, args, env, files) = Default::default();
        Self { interpreter, program, options, args, env, files, contained: false, proc: false }
    }

    /// Arguments of the program.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// Puts a copy of a file beside the program: an extension module, say.
    pub fn file(mut self, path: &Path) -> Self {
        self.files.push(path.to_owned());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.env.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Another way to die than the program's own: a key of `DEATHS` in `truth.py`.
    pub fn death(self, how: &str) -> Self {
        self.env("PYINQUEST_DEATH", how)
    }

    /// Options of the interpreter, such as `-O` or `-X importtime`.
    pub fn options(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(|option| (*option).to_owned()));
        self
    }

    /// Has Python's own faulthandler report the crash too: see [`CrashedProcess::faulthandler`].
    ///
    /// The native stack in the core then begins inside the signal handler.
    pub fn faulthandler(self) -> Self {
        self.options(&["-X", "faulthandler"])
    }

    /// Runs it as the first process of pid and mount namespaces of its own, with `root` of the interpreter as `/`.
    pub fn contained(mut self) -> Self {
        self.contained = true;
        self
    }

    /// Lets it see `/proc`, which the root directories of interpreters lack.
    pub fn proc(mut self) -> Self {
        self.proc = true;
        self
    }

    /// Runs it to its end and takes the core.
    ///
    /// # Panics
    /// If the program ends without a core although this machine writes cores where they can be found.
    pub fn run(self) -> Result<CrashedProcess, Unavailable> {
        cores_are_kept()?;
        let (scene, mut child) = self.start()?;
        let status = wait(&mut child, TIMEOUT).unwrap_or_else(|| panic!("{self:?} hangs"));
        let stderr = scene.text("stderr.txt");
        let Some(core) = scene.core() else {
            // `truth.needs`.
            let needs = stderr.lines().find(|line| line.starts_with("needs Python 3."));
            let Some(needs) = needs else { panic!("{self:?} left no core ({status}):\n{stderr}") };
            return Err(Unavailable(format!("{} {needs}", self.program)));
        };
        Ok(CrashedProcess {
            core,
            truth: scene.truth().unwrap_or(Value::Null),
            stdout: scene.text("stdout.txt"),
            stderr,
            status,
            dir: scene.work(),
            _scene: scene,
        })
    }

    /// Starts it in a fresh directory, with core files allowed.
    pub(super) fn start(&self) -> Result<(Scene, Child), Unavailable> {
        let scene = Scene::new(self.interpreter);
        for file in &self.files {
            let name = file.file_name().expect("a file has a name");
            fs::copy(file, scene.host.join("programs").join(name)).expect("a copy of our own file");
        }
        let inside = scene.inside();
        let mut words = self.interpreter.command_in(&format!("{inside}/work"), self.contained);
        if self.proc && self.interpreter.root.is_some() {
            words.insert(1, "--mount-proc".to_owned());
        }
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -c unlimited; exec \"$@\"", "sh"])
            .args(words)
            .args(&self.options)
            .arg(format!("{inside}/programs/{}", self.program))
            .args(&self.args)
            .current_dir(scene.work())
            .stdin(Stdio::null())
            .stdout(scene.file("stdout.txt"))
            .stderr(scene.file("stderr.txt"));
        for (key, _) in std::env::vars_os().filter(|(key, _)| is_pythons(key)) {
            command.env_remove(key);
        }
        command.env("LC_ALL", "C.UTF-8").env("PYINQUEST_TRUTH", format!("{inside}/work/truth.json"));
        command.envs(self.interpreter.env.iter().cloned()).envs(self.env.iter().cloned());
        let child = command.spawn().map_err(|error| Unavailable(format!("cannot run sh: {error}")))?;
        Ok((scene, child))
    }
}

impl CrashedProcess {
    /// The signal that killed the process that was started (not a child of its own).
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// The thread that died, in the truth.
    pub fn crashed_thread(&self) -> &Value {
        let threads = self.truth["threads"].as_array().expect("the truth has threads");
        threads.iter().find(|thread| thread["crashed"] == true).expect("one of them has crashed")
    }

    /// faulthandler's report from the error output, if it was asked for: all from the line `Fatal Python error` on.
    pub fn faulthandler(&self) -> Option<&str> {
        self.stderr.find("Fatal Python error").and_then(|start| self.stderr.get(start..))
    }
}

/// A directory of its own for one run: the programs beside a working directory.
#[derive(Debug)]
pub(super) struct Scene {
    /// As a path on this machine.
    host: PathBuf,
    /// As the interpreter sees it.
    inside: String,
    arch: String,
}

impl Scene {
    fn new(interpreter: &Interpreter) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("pyinquest-{}-{number}", std::process::id());
        let (host, inside) = match &interpreter.root {
            Some(root) => (root.join("tmp").join(&name), PathBuf::from("/tmp").join(&name)),
            None => {
                let directory = std::env::temp_dir().join(&name);
                (directory.clone(), directory)
            }
        };
        let inside = inside.to_str().expect("the directory for temporary files has a UTF-8 name").to_owned();
        let scene = Self { host, inside, arch: interpreter.arch.clone() };
        fs::create_dir_all(scene.work()).expect("a directory for temporary files");
        copy_programs(&scene.host.join("programs")).expect("a copy of tests/programs");
        scene
    }

    pub(super) fn work(&self) -> PathBuf {
        self.host.join("work")
    }

    fn inside(&self) -> &str {
        &self.inside
    }

    fn file(&self, name: &str) -> File {
        File::create(self.host.join(name)).expect("a file in our own directory")
    }

    pub(super) fn text(&self, name: &str) -> String {
        let bytes = fs::read(self.host.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(super) fn truth(&self) -> Option<Value> {
        let text = fs::read_to_string(self.work().join("truth.json")).ok()?;
        Some(serde_json::from_str(&text).expect("truth.json is JSON"))
    }

    /// The core, whatever the kernel (or qemu) has called it.
    fn core(&self) -> Option<PathBuf> {
        let mut files = fs::read_dir(self.work()).ok()?.filter_map(Result::ok).map(|entry| entry.path());
        files.find(|path| is_core(path, &self.arch))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // Under a failing test the directory is still removed: cores are large and the message tells how to make another.
        let _ = fs::remove_dir_all(&self.host);
    }
}

fn copy_programs(to: &Path) -> std::io::Result<()> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// True for an ELF file of type `ET_CORE` of that processor; beside the core of an emulated process there may lie one
/// of the emulator.
fn is_core(path: &Path, arch: &str) -> bool {
    // `e_machine`: EM_AARCH64, EM_RISCV, EM_X86_64.
    let machine: u16 = match arch {
        "aarch64" => 183,
        "riscv64" => 243,
        _ => 62,
    };
    let mut header = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok()
        && header.starts_with(b"\x7fELF")
        && header[16..18] == [4, 0]
        && header[18..20] == machine.to_le_bytes()
}

/// Variables of the caller that would change what the interpreter does.
fn is_pythons(key: &OsStr) -> bool {
    let key = key.to_string_lossy();
    (key.starts_with("PYTHON") || key.starts_with("PYINQUEST_")) && key != "PYINQUEST_CACHE"
}

/// Fails unless the kernel writes cores into the working directory of the process.
fn cores_are_kept() -> Result<(), Unavailable> {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let pattern = pattern.trim();
    let fault = match pattern.chars().next() {
        None => "is empty, so no core is written",
        Some('|') => "hands cores to a program",
        _ if pattern.contains('/') => "writes cores to a directory of its own",
        _ => return Ok(()),
    };
    Err(Unavailable(format!(
        "/proc/sys/kernel/core_pattern {fault} ({pattern}); as root: echo core > /proc/sys/kernel/core_pattern"
    )))
}

/// Waits for the end, at most `limit`; then the process is killed and `None` is the answer.
pub(super) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("our own child can be waited for") {
            return Some(status);
        }
        if start.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
