//! `py-list`.

use super::show::{self, Style};
use super::stack::{Natives, current, for_selection};
use super::{CommandError, Reply};
use crate::base::escape_terminal;
use crate::bridge::session::Session;
use crate::commands::Args;
use std::io;

/// Lines before and after the current one.
const AROUND: u32 = 5;
/// Most lines shown at once.
const MAX_LINES: u32 = 10_000;

/// `py-list [START[,END]]`.
pub(super) fn list(session: &mut Session, args: &Args<'_>) -> Result<Reply, CommandError> {
    let natives = for_selection(session, Natives::None);
    let current = current(session, natives)?;
    let frame = current
        .stack
        .frame_from(current.entry)
        .ok_or_else(|| CommandError::message("Unable to locate python frame"))?;
    let code = frame.code.as_ref().map_err(Clone::clone)?;
    let name = code.filename.as_ref().map_err(Clone::clone)?.to_string();
    let line = show::line(frame);
    let (first, last) = match (args.lines, line) {
        (Some(range), _) => range,
        (None, Some(line)) => (line.saturating_sub(AROUND), line.saturating_add(AROUND)),
        (None, None) => return Err(CommandError::message("Unable to read python frame line number")),
    };
    let first = first.max(1);
    let last = last.min(first.saturating_add(MAX_LINES));
    let no_files = || Err(io::Error::from(io::ErrorKind::NotFound));
    let lines = current.view.inspection.sources().map_or_else(no_files, |s| s.lines(&name, first, last));
    let lines =
        lines.map_err(|error| CommandError::message(format!("Unable to open {}: {error}", escape_terminal(&name))))?;
    if lines.is_empty() {
        let name = escape_terminal(&name);
        return Err(CommandError::message(format!("{name} ends before line {first}")));
    }
    let mut out = String::new();
    for (number, text) in (first..).zip(lines) {
        let mark = if Some(number) == line { ">" } else { "" };
        // Tabs are part of the text; other control characters are not for the terminal.
        let text: Vec<String> = text.split('\t').map(escape_terminal).collect();
        match current.style {
            Style::Gdb => out.push_str(&format!("{:>4}    {}\n", format!("{mark}{number}"), text.join("\t"))),
            Style::Lldb => {
                let mark = if mark.is_empty() { "  " } else { "->" };
                out.push_str(&format!("{mark} {number:<4} {}\n", text.join("\t")));
            }
        }
    }
    Ok(Reply::text(out))
}
