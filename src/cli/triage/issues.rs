//! `pyinquest triage issues` and `mark`: the memory of crashes.

use super::args::{IssuesArgs, MarkArgs};
use crate::base::escape_terminal;
use crate::cli::{CliError, exit, output};
use crate::triage::read_dump;
use crate::triage::store;
use std::time::SystemTime;

pub(super) fn list(args: &IssuesArgs) -> Result<u8, CliError> {
    let failed = |e: store::StoreError| CliError::new(exit::USAGE, e.to_string());
    let issues = store::open(&args.db).and_then(|mut store| store.issues()).map_err(failed)?;
    if args.json {
        let text = serde_json::to_string_pretty(&issues)
            .map_err(|e| CliError::new(exit::INTERNAL, format!("cannot write JSON: {e}")))?;
        output::write_stdout(format!("{text}\n").as_bytes())?;
        return Ok(exit::OK);
    }
    let mut out = String::new();
    for issue in &issues {
        let seen = match (&issue.first_seen, &issue.last_seen) {
            (Some(first), Some(last)) => format!(", {first} to {last}"),
            _ => String::new(),
        };
        out.push_str(&format!(
            "{:>5}  {:<7}  {} ({} dumps{seen})\n",
            issue.id,
            issue.status.word(),
            issue.title,
            issue.count
        ));
        for (label, count) in &issue.labels {
            out.push_str(&format!("                {label}: {count}\n"));
        }
        for note in &issue.notes {
            out.push_str(&format!("                note: {note}\n"));
        }
    }
    let safe: String = out.lines().map(|line| escape_terminal(line) + "\n").collect();
    output::write_stdout(safe.as_bytes())?;
    Ok(exit::OK)
}

pub(super) fn mark(args: &MarkArgs) -> Result<u8, CliError> {
    let failed = |e: store::StoreError| CliError::new(exit::USAGE, e.to_string());
    let now = read_dump::time_text(SystemTime::now());
    let mut store = store::open(&args.db).map_err(failed)?;
    store.mark(args.issue, args.status, args.note.as_deref(), &now).map_err(failed)?;
    Ok(exit::OK)
}
