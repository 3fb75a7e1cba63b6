//! Long answers on a terminal go through a pager.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

/// What is used where `PAGER` does not say: quits for what fits the screen, keeps colours, leaves the text there.
const DEFAULT: &str = "less -FRX";

/// Where answers go.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    /// The program and its arguments; none where answers are not paged.
    words: Vec<String>,
}

impl Pager {
    /// The user's, where standard output is a terminal.
    #[must_use]
    pub fn of_user(wanted: bool) -> Self {
        if !wanted || !io::stdout().is_terminal() {
            return Pager::default();
        }
        let given = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
        let given = given.unwrap_or_else(|| DEFAULT.to_owned());
        Pager { words: given.split_whitespace().map(str::to_owned).collect() }
    }

    /// Shows a text of which `rows` lines fit the screen.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn show(&self, text: &str, rows: usize) -> io::Result<()> {
        if let Some((program, arguments)) = self.words.split_first()
            && text.lines().count() >= rows
            && let Ok(mut child) = Command::new(program).args(arguments).stdin(Stdio::piped()).spawn()
        {
            if let Some(mut input) = child.stdin.take() {
                // A pager that is left early has seen enough.
                let _ = input.write_all(text.as_bytes());
            }
            let _ = child.wait();
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    }
}
