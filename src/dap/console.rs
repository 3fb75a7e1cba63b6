//! The editor's console: what is typed there is a command of the table, or else a path.

use super::protocol::Refusal;
use crate::commands::{self, CommandError, OnDump, dump_commands};
use crate::engine::{Inspection, Options, Place};
use crate::plugins::Plugins;
use crate::render::answers::{self, Manner};

/// Carries out a command; `None` for what is none. Commands come before paths: `print NAME` shows a variable that has the
/// name of one.
pub fn command(
    inspection: &Inspection,
    plugins: &Plugins,
    place: Place,
    text: &str,
) -> Option<Result<String, Refusal>> {
    let (word, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    if word == "help" {
        return Some(help(plugins, rest.trim()));
    }
    let mut host = host(inspection, place);
    let Some(row) = commands::command_of_word(word) else {
        plugins.command(word)?;
        return Some(of_others(&mut host, plugins, word, rest.trim()));
    };
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

/// Carries out a command of another package, which asks those of the table.
fn of_others(host: &mut OnDump<&Inspection>, plugins: &Plugins, name: &str, text: &str) -> Result<String, Refusal> {
    let given = plugins.run(name, text, |name, text| {
        let reply = commands::run(host, name, text)?;
        host.select(&reply);
        serde_json::to_value(&reply.answer).map_err(|error| CommandError::message(error.to_string()))
    });
    given.map(|given| given.text()).map_err(|error| Refusal::new(error.plain()))
}

/// What may complete a path: whole texts; nothing where the path leads nowhere.
pub fn completions(inspection: &Inspection, place: Place, begun: &str) -> Vec<String> {
    let reply = commands::run(&mut host(inspection, place), "complete", begun);
    reply.ok().and_then(|reply| serde_json::from_value(reply.value).ok()).unwrap_or_default()
}

/// Names of commands that begin so.
pub fn names(plugins: &Plugins, begun: &str) -> impl Iterator<Item = String> {
    let own = dump_commands().map(|row| row.name).chain(["help"]).map(str::to_owned);
    let others = plugins.commands().into_iter().map(|plugin| plugin.name);
    own.chain(others).filter(move |name| name.starts_with(begun))
}

fn host(inspection: &Inspection, place: Place) -> OnDump<&Inspection> {
    OnDump::new(inspection, place.thread, place.frame, Options { source_lines: true, ..Options::default() })
}

fn help(plugins: &Plugins, about: &str) -> Result<String, Refusal> {
    if about.is_empty() {
        let mut out: String = dump_commands().map(|row| format!("{:<10} {}\n", row.name, row.summary)).collect();
        out.extend(plugins.commands().iter().map(|plugin| format!("{:<10} {}\n", plugin.name, plugin.summary())));
        out.extend(plugins.problems().iter().map(|problem| format!("not available: {problem}\n")));
        return Ok(out);
    }
    let own = commands::command_of_word(about).map(|row| row.help(""));
    own.or_else(|| plugins.command(about).map(|plugin| plugin.help()))
        .ok_or_else(|| Refusal::new(format!("there is no command {about:?}; help lists them")))
}
