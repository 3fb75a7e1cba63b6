//! The dumps that a client has open.

use super::pages::{Answers, Page};
use super::quote;
use super::roots::Roots;
use crate::base::escape_terminal;
use crate::commands::{self, Command, Host as _, OnDump, checks, command_of_word, dump_commands};
use crate::debuggee::{Deadline, Limits};
use crate::engine::{Inspection, Options, Source};
use crate::image::SearchOptions;
use crate::render::answers::{self, Manner};
use crate::render::text::{self, TextOptions};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Dumps that may be open at a time.
const MAX_OPEN: usize = 8;

/// What a tool gives.
#[derive(Debug)]
pub struct Said {
    /// Our own words.
    pub own: String,
    /// Text of the dump; absent where there is none.
    pub data: Option<Page>,
    /// Commands to give next.
    pub next: Vec<&'static str>,
    /// The dump that it is about.
    pub dump: Option<String>,
}

/// Why a tool did not do what was asked: in our own words, and in those that may hold text of the dump.
#[derive(Debug)]
pub struct Refusal {
    pub own: String,
    pub data: Option<String>,
}

impl Refusal {
    /// In our own words.
    pub fn own(text: impl Into<String>) -> Refusal {
        Refusal { own: text.into(), data: None }
    }

    /// With what the engine says, which may repeat what a dump says.
    fn of(own: impl Into<String>, data: impl std::fmt::Display) -> Refusal {
        Refusal { own: own.into(), data: Some(quote::lines(&escape_terminal(&data.to_string()))) }
    }
}

/// What one client has.
pub struct Session {
    pub roots: Roots,
    search: SearchOptions,
    dumps: BTreeMap<u64, OnDump<Inspection>>,
    opened: u64,
    answers: Answers,
    deadline: Deadline,
}

impl Session {
    /// Nothing more is read once `deadline` is over.
    pub fn new(roots: Roots, search: SearchOptions, deadline: Deadline) -> Session {
        Session { roots, search, dumps: BTreeMap::new(), opened: 0, answers: Answers::default(), deadline }
    }

    /// Opens a dump, and says what is known of its end.
    pub fn open(&mut self, path: &str, size: usize) -> Result<Said, Refusal> {
        if self.dumps.len() >= MAX_OPEN {
            return Err(Refusal::own(format!("{MAX_OPEN} dumps are open: close_dump ends one")));
        }
        let (shown, file) =
            self.roots.open(Path::new(path)).map_err(|error| Refusal::of("the dump is not opened", error))?;
        let limits = Limits { deadline: self.deadline.clone(), ..Limits::default() };
        let target = Source::Opened(shown, Arc::new(file)).target_within(&limits).map_err(|error| {
            let help = error.help().map(|help| format!(" ({help})")).unwrap_or_default();
            Refusal::of("the dump is not opened", format!("{error}{help}"))
        })?;
        let inspection = Inspection::from_target(target, &self.search);
        let report = inspection.report(&Options { source_lines: true, ..Options::default() });
        if self.deadline.is_over() {
            // What is missing now would be missing in every answer.
            return Err(Refusal::own("the time was over before the dump was read: it is not opened"));
        }
        let values = Options { source_lines: true, ..Options::default() };
        let host = OnDump::new(inspection, None, 0, values);
        self.opened = self.opened.saturating_add(1);
        let selected = host.selection().thread.map(|tid| format!(" Thread {tid} is selected.")).unwrap_or_default();
        let name = format!("d{}", self.opened);
        self.dumps.insert(self.opened, host);
        let threads = report.threads.len();
        let own = format!("The dump is open as {name}. Threads: {threads}.{selected} What is known of its end:");
        let data = self.answers.first(quote::lines(&text::ending(&report, &TextOptions::default())), size);
        Ok(Said { own, data: Some(data), next: checks(&report), dump: Some(name) })
    }

    /// Forgets a dump.
    pub fn close(&mut self, name: &str) -> Result<Said, Refusal> {
        let number = self.number(name)?;
        self.dumps.remove(&number);
        Ok(Said { own: format!("{name} is closed."), data: None, next: Vec::new(), dump: None })
    }

    /// Carries out a command of the table; what it selects stays selected.
    pub fn command(&mut self, name: &str, word: &str, text: &str, json: bool, size: usize) -> Result<Said, Refusal> {
        let number = self.number(name)?;
        // The whole line may come as the command.
        let (word, text) = match word.trim().split_once(char::is_whitespace) {
            Some((word, rest)) => (word, format!("{rest} {text}")),
            None => (word.trim(), text.to_owned()),
        };
        let row = row(word)?;
        let line = format!("{} {text}", row.name);
        let host = self.dumps.get_mut(&number).ok_or_else(|| unknown(name))?;
        let reply = commands::run(host, row.name, &text);
        let late = self.deadline.is_over();
        if late {
            // Later answers are not to rest on what could not be read now.
            host.inspection_mut().forget();
        }
        let reply = reply.map_err(|error| Refusal::of(format!("{}: no answer", row.name), error.plain()))?;
        host.select(&reply);
        let text = match json || reply.json {
            true => quote::ascii_json(&serde_json::to_string(&reply.answer).unwrap_or_default()),
            false => {
                quote::lines(&answers::text(&reply.answer, &Manner { verbose: reply.verbose, ..Manner::default() }))
            }
        };
        let mut own = match json || reply.json {
            true => format!("{} of {name}, as JSON:", row.name),
            false => format!("{} of {name}:", row.name),
        };
        if late {
            own.push_str("\nThe time of the call was over before all was read: what is missing may be there.");
        }
        let data = self.answers.first(text, size);
        let given = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let next = row.then.iter().copied().filter(|check| *check != given).collect();
        Ok(Said { own, data: Some(data), next, dump: Some(name.to_owned()) })
    }

    /// The next page of an answer.
    pub fn more(&self, cursor: &str, size: usize) -> Result<Said, Refusal> {
        let page = self.answers.next(cursor, size).ok_or_else(|| {
            Refusal::own(
                "this cursor leads nowhere (any more): only the newest answers are kept; give the command again",
            )
        })?;
        Ok(Said { own: "The answer goes on:".to_owned(), data: Some(page), next: Vec::new(), dump: None })
    }

    /// What there is to ask, or all about one command.
    pub fn help(about: Option<&str>) -> Result<Said, Refusal> {
        let own = match about {
            Some(word) => row(word)?.help(""),
            None => dump_commands().map(|row| format!("{}\n    {}\n", row.usage(""), row.summary)).collect(),
        };
        Ok(Said { own, data: None, next: Vec::new(), dump: None })
    }

    fn number(&self, name: &str) -> Result<u64, Refusal> {
        let number = name.strip_prefix('d').and_then(|number| number.parse().ok());
        number.filter(|number| self.dumps.contains_key(number)).ok_or_else(|| unknown(name))
    }
}

fn unknown(name: &str) -> Refusal {
    Refusal::own(format!("no dump {:?} is open: open_dump gives its name", escape_terminal(name)))
}

fn row(word: &str) -> Result<&'static Command, Refusal> {
    command_of_word(word)
        .ok_or_else(|| Refusal::own(format!("there is no command {:?}: list_commands has all", escape_terminal(word))))
}
