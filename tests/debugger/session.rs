//! One way to talk to gdb and to lldb, for tests that hold for both.

use super::{
    Lldb, Said, engine, file_lines, file_name, frame_lines, gdb_command, lldbs, run, told_frames, traceback, unpacked,
};
use crate::common::Unavailable;
use serde_json::Value;
use std::process::Command;

/// A debugger under test.
#[derive(Debug)]
pub enum Debugger {
    /// A gdb: the one on `PATH`, or the path of another.
    Gdb(String),
    /// An lldb of this machine.
    Lldb(Lldb),
}

/// What it is told.
#[derive(Debug)]
pub enum Say {
    /// Stop whenever this function is called.
    Break(&'static str),
    /// Stop when it is called next.
    Once(&'static str),
    /// Start the program.
    Run,
    /// Connect to a server at this address.
    Connect(String),
    /// Go on.
    Continue,
    /// Write `=text=`.
    Mark(String),
    /// A `py-*` command.
    Py(&'static str),
    /// A line of Python, in which `{script}` stands for what our names are in.
    Python(String),
}

impl Debugger {
    /// All versions of gdb and lldb.
    pub fn all() -> Vec<Debugger> {
        let lldbs = lldbs().into_iter().map(Debugger::Lldb);
        let gdbs = std::iter::once("gdb".to_owned()).chain(unpacked("gdb-")).map(Debugger::Gdb);
        gdbs.chain(lldbs).collect()
    }

    /// Whether it is one of those that were unpacked beside the machine's own.
    pub fn is_unpacked(&self) -> bool {
        match self {
            Debugger::Gdb(program) => program.contains('/'),
            Debugger::Lldb(lldb) => lldb.is_unpacked(),
        }
    }

    /// Name of the program.
    pub fn name(&self) -> &str {
        match self {
            Debugger::Gdb(program) => file_name(program),
            Debugger::Lldb(lldb) => lldb.name(),
        }
    }

    /// How this debugger says it.
    pub fn word(&self, say: &Say) -> String {
        match (self, say) {
            (Debugger::Gdb(_), Say::Break(function)) => format!("break {function}"),
            (Debugger::Gdb(_), Say::Once(function)) => format!("tbreak {function}"),
            (Debugger::Gdb(_), Say::Connect(address)) => format!("target remote {address}"),
            (Debugger::Gdb(_), Say::Mark(text)) => format!("echo ={text}=\\n"),
            (Debugger::Lldb(_), Say::Break(function)) => format!("breakpoint set --name {function}"),
            (Debugger::Lldb(_), Say::Once(function)) => format!("breakpoint set --one-shot true --name {function}"),
            (Debugger::Lldb(_), Say::Connect(address)) => format!("gdb-remote {address}"),
            (Debugger::Lldb(_), Say::Mark(text)) => format!("script print('={text}=')"),
            (Debugger::Gdb(_), Say::Python(line)) => format!("python {}", line.replace("{script}.", "")),
            (Debugger::Lldb(_), Say::Python(line)) => format!("script {}", line.replace("{script}", "pyinquest_lldb")),
            (_, Say::Run) => "run".to_owned(),
            (_, Say::Continue) => "continue".to_owned(),
            (_, Say::Py(command)) => (*command).to_owned(),
        }
    }

    /// A session, not yet started.
    pub fn command(&self, says: &[Say], arguments: &[&str], env: &[(&str, &str)]) -> Result<Command, Unavailable> {
        let words: Vec<String> = says.iter().map(|say| self.word(say)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match self {
            Debugger::Gdb(program) => gdb_command(program, &words, arguments, env),
            Debugger::Lldb(lldb) => Ok(lldb.command_with(&words, arguments, env)),
        }
    }

    /// The word in front of a program that is to be started.
    pub fn program(&self) -> &'static str {
        if matches!(self, Debugger::Gdb(_)) { "--args" } else { "--" }
    }

    /// A session with a program that is to be started, or with what the commands connect to.
    pub fn session(&self, says: &[Say], program: &[&str]) -> Result<Said, Unavailable> {
        let arguments = [&[self.program()], program].concat();
        Ok(Said::new(&run(&mut self.command(says, &arguments, &[("PYINQUEST", engine())])?)))
    }

    /// A session with a process that runs already.
    pub fn attached(&self, says: &[Say], pid: u32) -> Result<Said, Unavailable> {
        Ok(Said::new(&run(&mut self.command(says, &["-p", &pid.to_string()], &[("PYINQUEST", engine())])?)))
    }

    /// The Python frames of a `py-bt`.
    pub fn told(&self, text: &str) -> Vec<String> {
        match self {
            Debugger::Gdb(_) => file_lines(text),
            Debugger::Lldb(_) => told_frames(text),
        }
    }

    /// What `py-bt` should say of these frames.
    pub fn expected(&self, frames: &Value) -> Vec<String> {
        match self {
            Debugger::Gdb(_) => traceback(frames),
            Debugger::Lldb(_) => frame_lines(frames),
        }
    }
}
