//! The table in `docs/sources.md`: which source was compared with Python's own words for which version. The tests that
//! compare hold it against what they did; `PYINQUEST_UPDATE_TABLE=1` has them write it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::Interpreter;

const HEAD: &str = "| Compared source |";
const DONE: &str = "✓";

/// `3.13`, `3.13t` for a free-threaded build.
pub fn label(interpreter: &Interpreter) -> String {
    format!(
        "{}.{}{}",
        interpreter.hexversion >> 24,
        interpreter.minor,
        if interpreter.free_threaded { "t" } else { "" }
    )
}

/// Holds a row of the table against what ran. A version in the table that did not run here is a difference only where
/// it is among `at_hand`: machines have different interpreters.
///
/// # Panics
/// When the table says otherwise.
pub fn check(row: &str, ran: &BTreeSet<String>, at_hand: &BTreeSet<String>) {
    // Tests of one file run side by side.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/sources.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let head = lines.iter().find(|l| l.starts_with(HEAD)).expect("the table in docs/sources.md").clone();
    let versions: Vec<&str> =
        head.split('|').map(str::trim).filter(|v| v.starts_with(|c: char| c.is_ascii_digit())).collect();
    let start = format!("| {row} |");
    // Another table may have a row of that name.
    let top = lines.iter().position(|l| *l == head).unwrap_or(0);
    let at = (top..lines.len())
        .find(|at| lines[*at].starts_with(&start))
        .unwrap_or_else(|| panic!("no row {row} in the table"));
    let cells: Vec<&str> = lines[at].split('|').map(str::trim).skip(2).collect();
    let said: BTreeSet<String> =
        (versions.iter().zip(&cells)).filter(|(_, c)| **c == DONE).map(|(v, _)| (*v).to_owned()).collect();
    let elsewhere = said.difference(at_hand).cloned();
    let now: BTreeSet<String> = ran.iter().cloned().chain(elsewhere).collect();
    let unknown: Vec<&String> = now.iter().filter(|v| !versions.contains(&v.as_str())).collect();
    assert!(unknown.is_empty(), "the table has no column for {unknown:?}");
    if std::env::var_os("PYINQUEST_UPDATE_TABLE").is_some() {
        let cells = versions.iter().map(|v| format!(" {} |", if now.contains(*v) { DONE } else { "" }));
        lines[at] = start + &cells.collect::<String>();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        return;
    }
    assert_eq!(said, now, "docs/sources.md, row {row}: the table differs from what ran (PYINQUEST_UPDATE_TABLE=1)");
}
