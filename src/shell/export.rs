//! `export`: the report as a file.

use super::session::Shell;
use crate::commands::CommandError;
use crate::engine::Options;
use crate::render::text::{self, TextOptions};
use crate::render::{html, json, markdown};
use std::path::Path;

/// Writes the report to the file that `text` names.
pub(super) fn export(shell: &Shell, text: &str) -> Result<String, CommandError> {
    let (locals, path) = match text.strip_prefix("--locals ") {
        Some(path) => (true, path.trim()),
        None => (false, text),
    };
    let ending = Path::new(path).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let render: fn(&crate::model::Report) -> Result<String, CommandError> = match ending {
        "txt" => |report| Ok(text::render(report, &TextOptions::default())),
        "json" => |report| json::render(report).map_err(|error| CommandError::message(error.to_string())),
        "md" => |report| Ok(markdown::render(report)),
        "html" => |report| Ok(html::render(report)),
        _ => return Err(CommandError::message("usage: export [--locals] FILE.txt|FILE.json|FILE.md|FILE.html")),
    };
    let options = Options { locals, source_lines: true, machine: true, ..Options::default() };
    let report = render(&shell.host.inspection().report(&options))?;
    std::fs::write(path, report).map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::PermissionDenied => {
                " (the shell writes below the directory where it was started, with --no-sandbox anywhere)"
            }
            _ => "",
        };
        CommandError::message(format!("{path}: {error}{hint}"))
    })?;
    Ok(format!("wrote {path}\n"))
}
