//! [`Shell`]: a process and what of it is selected.

use crate::base::escape_terminal;
use crate::commands::{self, CommandError, Host as _, OnDump, Reply};
use crate::engine::{Inspection, Options};
use crate::plugins::{Given, Plugins};
use crate::render::answers::Manner;

/// How a shell shows what it says.
#[derive(Clone, Debug, Default)]
pub struct ShellOptions {
    /// How answers are written.
    pub manner: Manner,
    /// Every answer as JSON, one line each.
    pub json: bool,
    /// How values are shown, and where they are cut.
    pub values: Options,
    /// Commands of other packages.
    pub plugins: Plugins,
}

/// One process that commands are given about.
#[derive(Debug)]
pub struct Shell {
    pub(super) host: OnDump<Inspection>,
    pub(super) options: ShellOptions,
    /// How many files of commands are being read, one from the other.
    pub(super) reading: usize,
}

impl Shell {
    /// A shell on a process. The crashed thread is selected, or else the main thread.
    #[must_use]
    pub fn new(inspection: Inspection, options: ShellOptions) -> Self {
        let host = OnDump::new(inspection, None, 0, options.values.clone());
        Shell { host, options, reading: 0 }
    }

    /// Carries out a command of the table, and selects what it selects.
    pub(super) fn command(&mut self, name: &str, text: &str) -> Result<Reply, CommandError> {
        let reply = commands::run(&mut self.host, name, text)?;
        self.host.select(&reply);
        Ok(reply)
    }

    /// Carries out a command of another package, which asks those of the table.
    pub(super) fn of_others(&mut self, name: &str, text: &str) -> Result<Given, CommandError> {
        let plugins = self.options.plugins.clone();
        plugins.run(name, text, |name, text| {
            let reply = self.command(name, text)?;
            serde_json::to_value(&reply.answer).map_err(|error| CommandError::message(error.to_string()))
        })
    }

    /// What is looked at, in two lines.
    #[must_use]
    pub fn greeting(&self) -> String {
        let inspection = self.host.inspection();
        let target = inspection.target();
        let python = match inspection.python() {
            Some(python) => format!("CPython {}", python.located.version),
            None => "no CPython was found in it".to_owned(),
        };
        let what = match &target.path {
            Some(path) => path.display().to_string(),
            None => format!("process {}", target.process.pid.unwrap_or_default()),
        };
        let threads = match target.threads.len() {
            1 => "1 thread".to_owned(),
            n => format!("{n} threads"),
        };
        let thread = self.host.selection().thread;
        let selected = thread.map(|tid| format!("Thread {tid} is selected. ")).unwrap_or_default();
        format!("{}: {python}, {threads}\n{selected}help lists the commands, quit ends.\n", escape_terminal(&what))
    }
}
