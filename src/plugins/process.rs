//! The process that runs the commands of other packages, and what is said to it: one JSON object a line (`python.py`).

use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What it runs.
const PROGRAM: &str = include_str!("python.py");
/// The longest line that is taken from it.
const MAX_LINE: u64 = 64 << 20;

/// It ends when its input is closed, which is when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Waited for by nobody: who reads dumps has no right to end or wait for others.
    _child: Child,
}

impl Process {
    /// Starts it, and has it look for commands meanwhile.
    pub(super) fn start(python: &Path) -> io::Result<Self> {
        let mut child = Command::new(python)
            .args(["-c", PROGRAM])
            // gdb and lldb set it for their own Python.
            .env_remove("PYTHONHOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        let mut process = Process { input, output, _child: child };
        process.send(&json!({ "do": "list" }))?;
        Ok(process)
    }

    pub(super) fn send(&mut self, message: &Json) -> io::Result<()> {
        self.input.write_all(format!("{message}\n").as_bytes())?;
        self.input.flush()
    }

    pub(super) fn receive<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        let mut line = Vec::new();
        self.output.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        match line.is_empty() {
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(serde_json::from_slice(&line)?),
        }
    }
}
