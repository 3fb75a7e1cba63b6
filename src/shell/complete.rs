//! What completes a line: names of commands, their options, names and attributes of Python objects, files.

use super::line::OWN;
use super::session::Shell;
use crate::commands::{Completion, Reply, command_of_word, dump_commands};
use crate::model::answers::Answer;

/// Entries of a directory that are looked at.
const MAX_FILES: usize = 2000;

impl Shell {
    /// Where the word begins that is completed, and what it may be.
    pub fn complete(&mut self, line: &str) -> (usize, Vec<String>) {
        let line_start = line.len().saturating_sub(line.trim_start().len());
        let text = line.get(line_start..).unwrap_or_default();
        let Some(space) = text.find(char::is_whitespace) else {
            return (line_start, self.names(text));
        };
        let (word, rest) = text.split_at(space);
        let last = rest.rfind(char::is_whitespace).map_or(0, |at| at.saturating_add(1));
        let begun = rest.get(last..).unwrap_or_default();
        let start = line_start.saturating_add(space).saturating_add(last);
        let found = match word {
            "help" | "h" => self.names(begun),
            "source" | "export" => files(begun),
            _ => self.arguments(word, begun),
        };
        (start, found)
    }

    /// Names of commands that begin so.
    fn names(&self, begun: &str) -> Vec<String> {
        let own = dump_commands().map(|command| command.name).chain(OWN.iter().map(|(name, _)| *name));
        let others = self.options.plugins.commands().into_iter().map(|plugin| plugin.name);
        own.map(str::to_owned).chain(others).filter(|name| name.starts_with(begun)).collect()
    }

    fn arguments(&mut self, word: &str, begun: &str) -> Vec<String> {
        let Some(command) = command_of_word(word) else { return Vec::new() };
        if begun.starts_with('-') {
            let words = command.arguments.iter().filter_map(|argument| argument.kind.word()).chain(["--json"]);
            return words.filter(|word| word.starts_with(begun)).map(str::to_owned).collect();
        }
        if command.name == "thread" {
            return self.threads(begun);
        }
        if command.completion() != Completion::Path {
            return Vec::new();
        }
        let reply = self.command("complete", begun);
        let list = reply.ok().and_then(|reply| serde_json::from_value(reply.value).ok());
        list.unwrap_or_default()
    }
}

impl Shell {
    /// Ids and names of threads that begin so.
    fn threads(&mut self, begun: &str) -> Vec<String> {
        let Ok(Reply { answer: Answer::Threads(list), .. }) = self.command("threads", "") else { return Vec::new() };
        let names = list.threads.iter().filter_map(|row| row.name.as_ref().map(ToString::to_string));
        let ids = list.threads.iter().filter_map(|row| row.tid.map(|tid| tid.to_string()));
        let all = ids.chain(names).chain(["apply all ".to_owned()]);
        all.filter(|word| word.starts_with(begun) && !word.contains(char::is_control)).collect()
    }
}

/// Paths that begin so.
fn files(begun: &str) -> Vec<String> {
    let (directory, name) = begun.rsplit_once('/').map_or(("", begun), |(directory, name)| (directory, name));
    let prefix = if begun.contains('/') { format!("{directory}/") } else { String::new() };
    let looked_at = if prefix.is_empty() { "." } else { prefix.as_str() };
    let entries = std::fs::read_dir(looked_at).into_iter().flatten().take(MAX_FILES).flatten();
    let mut found: Vec<String> = entries
        .filter_map(|entry| {
            let own = entry.file_name().into_string().ok()?;
            let end = if entry.file_type().is_ok_and(|kind| kind.is_dir()) { "/" } else { "" };
            (own.starts_with(name) && (!own.starts_with('.') || name.starts_with('.')))
                .then(|| format!("{prefix}{own}{end}"))
        })
        .collect();
    found.sort();
    found
}
