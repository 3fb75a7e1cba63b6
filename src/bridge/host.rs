//! A debugger's session as a host of the commands: they are carried out by `crate::commands`, their answers are shown here.

use super::link::Link;
use super::protocol::{Action, Ask, DebuggerName, FrameAnswer, PROTOCOL_VERSION, ProcessKind, RegistersOf, RunAnswer};
use super::session::{Selection as Selected, Session, SessionError};
use crate::commands::host::{Host, HostError, NativeFrames, NoDebugger, Run, Selection, Steps, Stop, Style};
use crate::commands::{self, CommandError, values};
use crate::cpython::object::ReprStyle;
use crate::engine::{Inspection, Options};
use crate::model::answers::{Answer, Status, StatusCost};
use crate::plugins::Plugins;
use crate::render::answers::{self, Manner};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a command gives to the debugger's script.
#[derive(Debug, Default)]
pub struct Reply {
    /// Whether it did what was asked.
    pub ok: bool,
    /// What to print.
    pub text: String,
    /// What a function gives.
    pub value: serde_json::Value,
    /// What the debugger is to do.
    pub actions: Vec<Action>,
}

/// Runs a command: one of the table, or else of another package.
#[must_use]
pub fn run(session: &mut Session, plugins: &Plugins, name: &str, text: &str) -> Reply {
    let ran = match commands::is_known(name) {
        true => of_table(session, name, text),
        false => of_others(session, plugins, name, text),
    };
    ran.unwrap_or_else(|error| Reply { text: format!("{error}\n"), ..Reply::default() })
}

/// A command of the table: its answer as text, and what the debugger is to select.
fn of_table(session: &mut Session, name: &str, text: &str) -> Result<Reply, CommandError> {
    let reply = commands::run(session, name, text)?;
    let actions = select(session, &reply);
    let manner = Manner { style: session.style(), verbose: reply.verbose, ..Manner::default() };
    let text = match (&reply.answer, reply.json) {
        (Answer::Nothing(()), _) => String::new(),
        (answer, true) => match serde_json::to_string_pretty(answer) {
            Ok(json) => json + "\n",
            Err(error) => return Err(CommandError::message(format!("pyinquest: {error}"))),
        },
        (answer, false) => answers::text(answer, &manner),
    };
    Ok(Reply { ok: true, text, value: reply.value, actions })
}

/// A command of another package, which asks those of the table.
fn of_others(session: &mut Session, plugins: &Plugins, name: &str, text: &str) -> Result<Reply, CommandError> {
    let mut actions = Vec::new();
    let given = plugins.run(name, text, |name, text| {
        let reply = commands::run(session, name, text)?;
        actions.extend(select(session, &reply));
        serde_json::to_value(&reply.answer).map_err(|error| CommandError::message(error.to_string()))
    })?;
    Ok(Reply { ok: true, text: given.text(), actions, ..Reply::default() })
}

/// Takes note of what a command selects; what the debugger is to do for that.
fn select(session: &mut Session, reply: &commands::Reply) -> Vec<Action> {
    if reply.select_thread.is_some() {
        session.selection = None;
    }
    if let Some(select) = reply.select {
        let scene = session.scene();
        let frame = select.level.or(scene.frame);
        let selection = Selected { thread: scene.thread, stop: scene.stop.clone(), frame, entry: select.entry };
        session.selection = Some(selection);
    }
    let level = reply.select.and_then(|select| select.level);
    let thread = reply.select_thread.map(|tid| Action::SelectThread { tid });
    level.map(|level| Action::SelectFrame { level }).into_iter().chain(thread).collect()
}

impl From<SessionError> for HostError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NoProcess => HostError::NoProcess,
            other => HostError::Other(other.to_string()),
        }
    }
}

impl Host for Session {
    fn process(&mut self, registers: RegistersOf) -> Result<&Inspection, HostError> {
        let registers = if self.focus.is_some() { RegistersOf::All } else { registers };
        Ok(Session::process(self, registers)?)
    }

    /// Over the bridge each page would be a question.
    fn whole(&mut self) -> Result<&Inspection, HostError> {
        Ok(Session::whole(self)?)
    }

    /// The entry that the user has selected holds as long as the debugger's own selection is what it was then.
    fn selection(&self) -> Selection {
        let scene = self.scene();
        if let Some(thread) = self.focus {
            return Selection { thread: Some(thread), level: None, entry: None };
        }
        let holds = |s: &&Selected| s.thread == scene.thread && s.stop == scene.stop && s.frame == scene.frame;
        let entry = self.selection.as_ref().filter(holds).map(|s| s.entry);
        Selection { thread: scene.thread, level: scene.frame, entry }
    }

    fn native_frames(&self) -> Arc<dyn NativeFrames> {
        match self.focus {
            // The debugger tells of its selected thread only.
            Some(_) => Arc::new(NoDebugger),
            None => Arc::<Link>::clone(self.link()),
        }
    }

    fn focus(&mut self, thread: Option<u64>) {
        self.focus = thread;
    }

    fn run(&mut self, run: &Run) -> Result<Stop, HostError> {
        match self.scene().process {
            ProcessKind::None => return Err(HostError::NoProcess),
            ProcessKind::Core => return Err(HostError::Other("a core does not run".to_owned())),
            ProcessKind::Live | ProcessKind::Remote => {}
        }
        let asked = self.link().ask(Ask::Run(run.clone()));
        let (answer, _): (RunAnswer, _) = asked.map_err(|error| HostError::Other(format!("pyinquest: {error}")))?;
        self.enter(answer.scene);
        Ok(answer.stop)
    }

    fn steps(&mut self) -> Option<&mut Steps> {
        Some(&mut self.steps)
    }

    fn style(&self) -> Style {
        if self.debugger == DebuggerName::Lldb { Style::Lldb } else { Style::Gdb }
    }

    /// gdb's users know the forms of CPython's script for gdb; lldb's have none to expect.
    fn options(&self) -> Options {
        let gdb = self.debugger == DebuggerName::Gdb;
        values::of_debuggers(if gdb { ReprStyle::GdbScript } else { ReprStyle::Python })
    }

    fn status(&self) -> Status {
        let scene = self.scene();
        let process = match scene.process {
            ProcessKind::None => None,
            ProcessKind::Core => Some("core"),
            ProcessKind::Live => Some("live process"),
            ProcessKind::Remote => Some("remote process"),
        };
        let cost = self.link().cost();
        let cost = StatusCost { requests: cost.requests, bytes: cost.bytes, memory: cost.memory };
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: Some(format!("protocol {PROTOCOL_VERSION}")),
            process: process.map(str::to_owned),
            pid: scene.pid,
            cost: Some(cost),
            ..Status::default()
        }
    }
}

impl NativeFrames for Link {
    fn frames(&self, limit: u32) -> Vec<FrameAnswer> {
        self.ask(Ask::Frames { limit }).map(|(frames, _)| frames).unwrap_or_default()
    }

    fn variable(&self, level: u32, name: &str) -> Option<u64> {
        let ask = Ask::Variables { level, names: vec![name.to_owned()] };
        self.ask::<BTreeMap<String, u64>>(ask).ok().and_then(|(values, _)| values.get(name).copied())
    }
}
