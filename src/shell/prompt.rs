//! The prompt: reads lines with history and completion, where there is a terminal.

use super::pager::Pager;
use super::session::Shell;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use std::cell::RefCell;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

const PROMPT: &str = "(pyinquest) ";

/// Lines of history that are kept.
const MAX_HISTORY: usize = 1000;

/// Rows of a screen that does not tell.
const ROWS: usize = 24;

/// Completes by asking the shell.
struct Helping(Rc<RefCell<Shell>>);

impl Completer for Helping {
    type Candidate = Pair;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let Ok(mut shell) = self.0.try_borrow_mut() else { return Ok((position, Vec::new())) };
        let (start, found) = shell.complete(line.get(..position).unwrap_or(line));
        Ok((start, found.into_iter().map(|text| Pair { display: text.clone(), replacement: text }).collect()))
    }
}

impl Hinter for Helping {
    type Hint = String;
}

impl Highlighter for Helping {}

impl Validator for Helping {}

impl Helper for Helping {}

/// Reads commands from the terminal until the user ends. With `history`, lines are remembered in that file.
///
/// # Errors
/// When the terminal cannot be used.
pub fn read_commands(shell: Shell, pager: &Pager, history: Option<&Path>) -> io::Result<()> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .max_history_size(MAX_HISTORY)
        .map_err(io::Error::other)?
        .history_ignore_space(true)
        .build();
    let mut editor: Editor<Helping, FileHistory> = Editor::with_config(config).map_err(io::Error::other)?;
    let shell = Rc::new(RefCell::new(shell));
    editor.set_helper(Some(Helping(Rc::clone(&shell))));
    // A first use has none.
    let history = history.map(Path::to_path_buf);
    if let Some(path) = &history {
        let _ = editor.load_history(path);
    }
    let mut again = String::new();
    loop {
        let line = match editor.readline(PROMPT) {
            Ok(line) => line,
            // Ctrl-C clears the line, Ctrl-D ends.
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(io::Error::other(error)),
        };
        if !line.trim().is_empty() {
            let _ = editor.add_history_entry(line.as_str());
        }
        let line = if line.trim().is_empty() { std::mem::take(&mut again) } else { line };
        let said = shell.borrow_mut().line(&line);
        again = if said.repeats { line } else { String::new() };
        let rows = editor.dimensions().map_or(ROWS, |(_, rows)| usize::from(rows));
        pager.show(&said.text, rows)?;
        if let Some(error) = said.error {
            let _ = writeln!(io::stderr(), "{error}");
        }
        if said.quit {
            break;
        }
    }
    if let Some(path) = &history {
        keep(&mut editor, path);
    }
    Ok(())
}

/// Lines may name secrets: the file is the user's alone.
fn keep(editor: &mut Editor<Helping, FileHistory>, path: &PathBuf) {
    if let Some(directory) = path.parent() {
        let _ = std::fs::create_dir_all(directory);
    }
    let _ = editor.append_history(path);
}
