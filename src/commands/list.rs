//! `list`: source of the selected frame.

use super::Args;
use super::current::{Natives, current, for_selection};
use super::host::Host;
use super::run::{CommandError, Reply};
use crate::base::escape_terminal;
use crate::model::answers::{Answer, SourceLines};
use std::io;

/// Lines before and after the current one.
const AROUND: u32 = 5;
/// Most lines shown at once.
const MAX_LINES: u32 = 10_000;

/// `list [START[,END]]`.
pub(super) fn list(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let natives = for_selection(host, Natives::None);
    let current = current(host, natives)?;
    let frame = current.frame()?;
    let code = frame.code.as_ref().map_err(Clone::clone)?;
    let file = code.filename.as_ref().map_err(Clone::clone)?;
    let line = frame.position.as_ref().ok().and_then(|position| position.line);
    let (first, last) = match (args.lines, line) {
        (Some(range), _) => range,
        (None, Some(line)) => (line.saturating_sub(AROUND), line.saturating_add(AROUND)),
        (None, None) => return Err(CommandError::message("Unable to read python frame line number")),
    };
    let first = first.max(1);
    let last = last.min(first.saturating_add(MAX_LINES));
    let no_files = || Err(io::Error::from(io::ErrorKind::NotFound));
    let lines = current.view.inspection.sources().map_or_else(no_files, |s| s.lines(&file.to_string(), first, last));
    let name = || escape_terminal(&file.to_string());
    let lines = lines.map_err(|error| CommandError::message(format!("Unable to open {}: {error}", name())))?;
    if lines.is_empty() {
        return Err(CommandError::message(format!("{} ends before line {first}", name())));
    }
    let name = code.name.as_ref().ok().map(ToString::to_string);
    let sources = current.view.inspection.sources();
    let doubt = sources.zip(name).and_then(|(sources, name)| sources.doubt(&file.to_string(), &name));
    let doubt = doubt.map(|doubt| doubt.to_string());
    Ok(Reply::answer(Answer::Source(SourceLines { file: file.clone(), first, current: line, lines, doubt })))
}
