//! `thread`: which thread is selected, and commands for all threads.

use super::Args;
use super::current::no_python;
use super::host::{Host, RegistersOf};
use super::run::{CommandError, Reply, run};
use super::view::View;
use crate::base::{Text, escape_terminal};
use crate::model::answers::{Answer, ForThread, ForThreads, ThreadRow, Threads};

/// A thread that runs Python.
struct Known {
    tid: u64,
    name: Option<Text>,
}

/// `thread [ID|NAME|apply all COMMAND]`.
pub(super) fn thread(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let text = args.path;
    if let Some(rest) = after(text, "apply") {
        let command = after(rest, "all").filter(|command| !command.is_empty());
        return match command {
            Some(command) => for_all(host, command, args.json),
            None => Err(CommandError::message(format!("usage: {}thread apply all COMMAND", host.style().prefix()))),
        };
    }
    let threads = known(host)?;
    let selected = host.selection().thread;
    let is_it = |thread: &&Known| match text.parse::<u64>() {
        _ if text.is_empty() => Some(thread.tid) == selected,
        Ok(tid) => thread.tid == tid,
        Err(_) => thread.name.as_ref().is_some_and(|name| *name == *text),
    };
    let found = threads.iter().find(is_it).ok_or_else(|| match text {
        "" => CommandError::message("the selected thread runs no Python"),
        _ => CommandError::message(format!("no Python thread {}", escape_terminal(text))),
    })?;
    let row = ThreadRow { tid: Some(found.tid), name: found.name.clone(), selected: true, ..ThreadRow::default() };
    let select_thread = (!text.is_empty()).then_some(found.tid);
    let row = whole(host, found.tid)?.unwrap_or(row);
    Ok(Reply { select_thread, ..Reply::answer(Answer::Threads(Threads { threads: vec![row] })) })
}

/// What follows a word, where the text begins with it.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim())
}

/// The row of a thread in the list of all.
fn whole(host: &mut dyn Host, tid: u64) -> Result<Option<ThreadRow>, CommandError> {
    let Answer::Threads(all) = run(host, "threads", "")?.answer else { return Ok(None) };
    let row = all.threads.into_iter().find(|row| row.tid == Some(tid));
    Ok(row.map(|row| ThreadRow { selected: true, ..row }))
}

/// The threads that run Python and have an id; one that has states in several interpreters once.
fn known(host: &mut dyn Host) -> Result<Vec<Known>, CommandError> {
    let (options, style) = (host.options(), host.style());
    let inspection = host.process(RegistersOf::All)?;
    let view = View::new(inspection, options).ok_or_else(|| no_python(style, inspection))?;
    let mut out: Vec<Known> = Vec::new();
    for thread in view.threads() {
        let Some(tid) = view.tid(&thread) else { continue };
        if out.iter().all(|known| known.tid != tid) {
            out.push(Known { tid, name: view.name(&thread) });
        }
    }
    Ok(out)
}

fn for_all(host: &mut dyn Host, command: &str, json: bool) -> Result<Reply, CommandError> {
    let (name, rest) = command.split_at(command.find(char::is_whitespace).unwrap_or(command.len()));
    let name = name.strip_prefix(super::DEBUGGER_PREFIX).unwrap_or(name);
    let named =
        super::command_of_word(name).filter(|command| !matches!(command.name, "thread" | "up" | "down" | "frame"));
    let named = named
        .ok_or_else(|| CommandError::message(format!("{} is not a command for each thread", escape_terminal(name))))?;
    let rest = if json { format!("{rest} --json") } else { rest.to_owned() };
    let mut threads = Vec::new();
    let mut verbose = false;
    for Known { tid, name } in known(host)? {
        host.focus(Some(tid));
        let reply = run(host, named.name, &rest);
        host.focus(None);
        let (answer, error) = match reply {
            Ok(reply) => {
                verbose = reply.verbose;
                (Some(reply.answer), None)
            }
            Err(error) => (None, Some(error.to_string())),
        };
        threads.push(ForThread { tid, name, answer, error });
    }
    Ok(Reply { verbose, ..Reply::answer(Answer::ForThreads(ForThreads { threads })) })
}
