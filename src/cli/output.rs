//! Where output goes, and whether it is coloured.

use super::CliError;
use super::args::{Color, OutputArgs};
use super::error::io_text;
use super::exit;
use crate::base::Diagnostic;
use crate::render::palette::Palette;
use std::io::{self, IsTerminal as _, Write as _};

/// Columns of text that does not go to a terminal.
const NO_TERMINAL: usize = 160;

/// Colours for standard output (or the file) as asked for.
#[must_use]
pub fn palette(output: &OutputArgs) -> Palette {
    match (output.color, &output.output) {
        (Color::Auto, Some(_)) => Palette::plain(),
        (color, _) => palette_of(color),
    }
}

/// Colours for standard output.
#[must_use]
pub fn palette_of(color: Color) -> Palette {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
    let colored = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => io::stdout().is_terminal() && !set("NO_COLOR") && !dumb,
    };
    if colored { Palette::colored() } else { Palette::plain() }
}

/// Whether a person sees the output as it is.
#[must_use]
pub fn to_terminal(output: &OutputArgs) -> bool {
    output.output.is_none() && io::stdout().is_terminal()
}

/// Columns of a line with a value, where long values are cut.
#[must_use]
pub fn value_width(output: &OutputArgs) -> Option<usize> {
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let width = || if to_terminal(output) { terminal() } else { None };
    (!output.full && !output.verbose).then(|| width().unwrap_or(NO_TERMINAL))
}

/// Writes a whole document to standard output or the file. A reader that went away (`| head`) is not an error.
///
/// # Errors
/// When the file or the stream cannot be written.
pub fn write(output: &OutputArgs, bytes: &[u8]) -> Result<(), CliError> {
    match &output.output {
        Some(path) => std::fs::write(path, bytes)
            .map_err(|e| CliError::new(exit::USAGE, format!("cannot write {}: {}", path.display(), io_text(&e)))),
        None => write_stdout(bytes),
    }
}

/// Writes to standard output.
///
/// # Errors
/// When it cannot be written, unless that is because the reader went away.
pub fn write_stdout(bytes: &[u8]) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::new(exit::INTERNAL, format!("cannot write to standard output: {}", io_text(&e))))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes to standard error; nothing can be done when that fails.
pub fn write_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// A warning on standard error.
pub fn tell(diagnostic: Option<Diagnostic>) {
    if let Some(Diagnostic { message, hint, .. }) = diagnostic {
        let hint = hint.map(|hint| format!("\n  help: {hint}")).unwrap_or_default();
        write_stderr(&format!("pyinquest: warning: {message}{hint}\n"));
    }
}
