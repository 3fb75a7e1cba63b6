//! The editor's console: what is typed there is a command of the table, or else a path.

use super::protocol::Refusal;
use crate::commands::{self, OnDump, dump_commands};
use crate::engine::{Inspection, Options, Place};
use crate::render::answers::{self, Manner};

/// Carries out a command; `None` for what is none. Commands come before paths: `print NAME` shows a variable that has the
/// name of one.
pub fn command(inspection: &Inspection, place: Place, text: &str) -> Option<Result<String, Refusal>> {
    let (word, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    if word == "help" {
        return Some(help(rest.trim()));
    }
    let row = commands::command_of_word(word)?;
    let mut host = host(inspection, place);
    let reply = match commands::run(&mut host, row.name, rest) {
        Ok(reply) => reply,
        Err(error) => return Some(Err(Refusal::new(error.plain()))),
    };
    let manner = Manner { verbose: reply.verbose, ..Manner::default() };
    Some(Ok(match reply.json {
        true => serde_json::to_string_pretty(&reply.answer).unwrap_or_default(),
        false => answers::text(&reply.answer, &manner),
    }))
}

/// What may complete a path: whole texts; nothing where the path leads nowhere.
pub fn completions(inspection: &Inspection, place: Place, begun: &str) -> Vec<String> {
    let reply = commands::run(&mut host(inspection, place), "complete", begun);
    reply.ok().and_then(|reply| serde_json::from_value(reply.value).ok()).unwrap_or_default()
}

/// Names of commands that begin so.
pub fn names(begun: &str) -> impl Iterator<Item = &'static str> {
    dump_commands().map(|row| row.name).chain(["help"]).filter(move |name| name.starts_with(begun))
}

fn host(inspection: &Inspection, place: Place) -> OnDump<&Inspection> {
    OnDump::new(inspection, place.thread, place.frame, Options { source_lines: true, ..Options::default() })
}

fn help(about: &str) -> Result<String, Refusal> {
    if about.is_empty() {
        return Ok(dump_commands().map(|row| format!("{:<10} {}\n", row.name, row.summary)).collect());
    }
    commands::command_of_word(about)
        .map(|row| row.help(""))
        .ok_or_else(|| Refusal::new(format!("there is no command {about:?}; help lists them")))
}
