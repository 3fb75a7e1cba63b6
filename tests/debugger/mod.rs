//! Runs real debuggers with our scripts, for `gdb.rs` and `lldb.rs`.

// Each test file compiles its own copy and uses a part of it.
#![allow(dead_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod session;

use crate::common::{Interpreter, Unavailable, cache};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Long enough for a debug build on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(300);

/// What a debugger wrote.
#[derive(Debug)]
pub struct Said {
    /// Standard output and, after it, standard error.
    pub text: String,
    /// Costs of our commands, in their order: name, requests, bytes.
    pub costs: Vec<(String, u64, u64)>,
}

impl Said {
    /// Takes what a process has written apart.
    pub fn new(output: &Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let costs = stderr.lines().filter_map(|line| {
            let (name, json) = line.split_once("pyinquest-cost ")?.1.split_once(' ')?;
            let cost: Value = serde_json::from_str(json).ok()?;
            Some((name.to_owned(), cost["requests"].as_u64()?, cost["bytes"].as_u64()?))
        });
        let costs = costs.collect();
        let text = format!("{}{stderr}", String::from_utf8_lossy(&output.stdout));
        Said { text, costs }
    }

    /// The text between two lines that `echo` commands have written.
    pub fn between(&self, from: &str, to: &str) -> &str {
        let start = self.text.find(from).unwrap_or_else(|| panic!("no {from:?} in:\n{}", self.text)) + from.len();
        let rest = &self.text[start..];
        rest.find(to).map(|end| &rest[..end]).unwrap_or_else(|| panic!("no {to:?} in:\n{}", self.text))
    }
}

/// The directory of a debugger's script.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Where debuggers find the engine under test.
pub fn engine() -> &'static str {
    env!("CARGO_BIN_EXE_pyinquest")
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Output {
    run_with(command, |_| {})
}

/// The same, with something to do meanwhile to the process of this id.
pub fn run_with(command: &mut Command, meanwhile: impl FnOnce(u32)) -> Output {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let id = child.id();
    meanwhile(id);
    let (done, watch) = std::sync::mpsc::channel::<()>();
    // A debugger that hangs is killed, so that the test fails with what it has said.
    let guard = std::thread::spawn(move || {
        if watch.recv_timeout(TIMEOUT).is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
        }
    });
    let output = child.wait_with_output().expect("a debugger's output");
    let _ = done.send(());
    let _ = guard.join();
    output
}

/// gdb with our script and these commands. `arguments` come after the commands.
pub fn gdb(commands: &[&str], arguments: &[&str]) -> Result<Said, Unavailable> {
    gdb_with(commands, arguments, &[("PYINQUEST", engine())])
}

/// The same with other environment variables.
pub fn gdb_with(commands: &[&str], arguments: &[&str], env: &[(&str, &str)]) -> Result<Said, Unavailable> {
    // Which gdb to try, where it shall be another than the machine's own: `gdb-10` of those that were unpacked.
    let program = match std::env::var("PYINQUEST_TEST_GDB") {
        Ok(name) => cache().join("debuggers/bin").join(name).display().to_string(),
        Err(_) => "gdb".to_owned(),
    };
    Ok(Said::new(&run(&mut gdb_command(&program, commands, arguments, env)?)))
}

/// The same of the gdb `program`, not yet started.
pub fn gdb_command(
    program: &str,
    commands: &[&str],
    arguments: &[&str],
    env: &[(&str, &str)],
) -> Result<Command, Unavailable> {
    let version = Command::new(program).args(["-nx", "-batch", "-ex", "python print(gdb.VERSION)"]).output();
    match version {
        Err(error) => return Err(Unavailable(format!("gdb does not run: {error}"))),
        Ok(output) if output.stdout.is_empty() => return Err(Unavailable("gdb has no Python".to_owned())),
        Ok(_) => {}
    }
    let mut command = Command::new(program);
    command.args(["-nx", "-batch", "-ex", "set auto-load off", "-ex", "set breakpoint pending on"]);
    command.args(["-ex", "set width 0", "-ex", "set debuginfod enabled off"]);
    command.args(["-ex", &format!("source {}", script("gdb-scripts/pyinquest_gdb.py").display())]);
    for text in commands {
        command.args(["-ex", text]);
    }
    command.args(arguments).env("PYINQUEST_COST", "1").env("LC_ALL", "C.UTF-8").env_remove("PYINQUEST");
    command.envs(env.iter().copied());
    Ok(command)
}

/// Programs that `tests/interpreters/debuggers.py` has unpacked: paths of those named `prefix` and a number.
pub fn unpacked(prefix: &str) -> Vec<String> {
    let files = std::fs::read_dir(cache().join("debuggers/bin")).into_iter().flatten().flatten();
    let is_it = |name: &str| name.strip_prefix(prefix).is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    let mut found: Vec<String> = files
        .filter(|f| f.file_name().to_str().is_some_and(is_it))
        .filter_map(|f| f.path().to_str().map(str::to_owned))
        .collect();
    found.sort();
    found
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// An lldb of this machine.
#[derive(Debug, Clone)]
pub struct Lldb {
    program: String,
    python_path: Option<PathBuf>,
}

/// All versions of lldb on this machine whose Python works.
pub fn lldbs() -> Vec<Lldb> {
    let names = std::iter::once("lldb".to_owned()).chain((14..=30).map(|n| format!("lldb-{n}")));
    let names = names.chain(unpacked("lldb-"));
    let mut found: Vec<(String, Lldb)> = Vec::new();
    for program in names {
        let version = Command::new(&program).arg("--version").output();
        let Some(version) = version.ok().map(|o| String::from_utf8_lossy(&o.stdout).into_owned()) else { continue };
        if found.iter().any(|(v, _)| *v == version) {
            continue;
        }
        // Debian's lldb 14 looks for its Python module where it is not.
        let number: String = file_name(&program).chars().filter(char::is_ascii_digit).collect();
        let directories =
            (9..20).map(|minor| PathBuf::from(format!("/usr/lib/llvm-{number}/lib/python3.{minor}/dist-packages")));
        let candidates = std::iter::once(None).chain(directories.filter(|f| f.is_dir()).map(Some));
        let works = candidates.map(|python_path| Lldb { program: program.clone(), python_path }).find(|lldb| {
            let output = run(lldb.command().args(["-b", "-o", "script print(6 * lldb.SBDebugger.Create().IsValid())"]));
            String::from_utf8_lossy(&output.stdout).lines().any(|line| line.trim() == "6")
        });
        found.extend(works.map(|lldb| (version, lldb)));
    }
    found.into_iter().map(|(_, lldb)| lldb).collect()
}

impl Lldb {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--no-lldbinit");
        if let Some(directory) = &self.python_path {
            command.env("PYTHONPATH", directory);
        }
        command
    }

    /// Whether it is one of those that were unpacked beside the machine's own.
    pub fn is_unpacked(&self) -> bool {
        self.program.contains('/')
    }

    /// Whether to try it with this interpreter: versions beside the machine's own with one old and one new, which are
    /// enough to show what differs between debuggers.
    pub fn tries(&self, interpreter: &Interpreter) -> bool {
        !self.is_unpacked() || [8, 12].contains(&interpreter.minor)
    }

    /// Whether this version has a way to ask for the file of a core.
    pub fn tells_core(&self) -> bool {
        let output = run(self.command().args(["-b", "-o", "script print(hasattr(lldb.SBProcess, 'GetCoreFile'))"]));
        String::from_utf8_lossy(&output.stdout).lines().any(|line| line.trim() == "True")
    }

    /// Its server for remote processes.
    pub fn server(&self) -> String {
        let name = file_name(&self.program);
        let directory = self.program.strip_suffix(name).unwrap_or_default();
        format!("{directory}{}", name.replace("lldb", "lldb-server"))
    }

    /// Name of the program.
    pub fn name(&self) -> &str {
        file_name(&self.program)
    }

    /// lldb with our script and these commands. `arguments` come after the commands.
    pub fn run(&self, commands: &[&str], arguments: &[&str]) -> Said {
        Said::new(&run(&mut self.command_with(commands, arguments, &[("PYINQUEST", engine())])))
    }

    /// The same with other environment variables, not yet started.
    pub fn command_with(&self, commands: &[&str], arguments: &[&str], env: &[(&str, &str)]) -> Command {
        let mut command = self.command();
        let import = format!("command script import \"{}\"", script("lldb-scripts/pyinquest_lldb.py").display());
        command.args(["-b", "-o", &import]);
        for text in commands {
            command.args(["-o", text]);
        }
        command.args(arguments).env("PYINQUEST_COST", "1").env_remove("PYINQUEST").envs(env.iter().copied());
        command
    }
}

/// A server of a debugger, which ends with it or here.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// `host:port`.
    pub address: String,
}

impl Server {
    /// Starts `words`, in which `{address}` stands for the address to listen at.
    pub fn start(words: &[&str]) -> Result<Server, Unavailable> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let address = format!("127.0.0.1:{port}");
        let words: Vec<String> = words.iter().map(|w| w.replace("{address}", &address)).collect();
        let child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Unavailable(format!("{} does not run: {error}", words[0])))?;
        // To connect and go away again would end it: look at the list of listening sockets instead.
        let wanted = format!(":{port:04X} 00000000:0000 0A");
        let start = Instant::now();
        while !std::fs::read_to_string("/proc/net/tcp").unwrap_or_default().contains(&wanted) {
            assert!(start.elapsed() < Duration::from_secs(30), "{words:?} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Server { child, address })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `  File "f", line N, in name` for each frame of the thread that crashed.
pub fn traceback(frames: &Value) -> Vec<String> {
    let line = |frame: &Value| {
        let (file, function) = (frame["filename"].as_str().unwrap(), frame["function"].as_str().unwrap());
        format!("  File \"{file}\", line {}, in {function}", frame["line"])
    };
    frames.as_array().expect("frames").iter().map(line).collect()
}

/// Lines of a text that name Python frames.
pub fn file_lines(text: &str) -> Vec<String> {
    text.lines().filter(|line| line.starts_with("  File ")).map(str::to_owned).collect()
}

/// `frame #N: name at file:line` for each frame.
pub fn frame_lines(frames: &Value) -> Vec<String> {
    let line = |(at, frame): (usize, &Value)| {
        let (file, function) = (frame["filename"].as_str().unwrap(), frame["function"].as_str().unwrap());
        format!("frame #{at}: {function} at {file}:{}", frame["line"])
    };
    frames.as_array().unwrap().iter().enumerate().map(line).collect()
}

/// Lines of our lldb commands that name Python frames.
pub fn told_frames(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|l| l.strip_prefix("    ").or_else(|| l.strip_prefix("  * ")));
    // The native frames that lldb itself shows have an address first.
    lines.filter(|l| l.starts_with("frame #") && !l.contains(": 0x")).map(str::to_owned).collect()
}
