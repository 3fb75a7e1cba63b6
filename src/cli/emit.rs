//! Shows a report: selection, format, exit code. What all commands that make reports have in common.

use super::args::{Format, Native, OutputArgs, SelectArgs, View};
use super::{CliError, exit, export, output};
use crate::base::{Severity, escape_terminal};
use crate::model::Report;
use crate::render::redact::{Privacy, redact};
use crate::render::select::{self, Threads};
use crate::render::text::{self, TextOptions};
use crate::render::{faulthandler, html, info, json, markdown};

/// What to show of a report.
#[derive(Clone, Debug)]
pub struct Show {
    /// Part of it.
    pub view: View,
    /// Threads.
    pub threads: Threads,
    /// Native frames.
    pub native: Native,
}

/// Which threads are shown unless `--thread` says.
#[must_use]
pub fn threads(select: &SelectArgs, default: Threads) -> Threads {
    match select.thread.as_deref() {
        None => default,
        Some("all") => Threads::All,
        Some("crashed") => Threads::Crashed,
        Some(text) => {
            let number = match text.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16).ok(),
                None => text.parse().ok(),
            };
            number.map_or_else(|| Threads::Name(text.to_owned()), Threads::Id)
        }
    }
}

/// Selects, renders and writes; returns the exit code.
///
/// # Errors
/// When the selection fits nothing or the output cannot be written.
pub fn show(mut report: Report, what: &Show, args: &SelectArgs, out: &OutputArgs) -> Result<u8, CliError> {
    let code = exit_code(&report, out.strict);
    let exported = matches!(out.format(), Format::Sentry | Format::Otel);
    if !exported && (out.send_to.is_some() || out.no_redact) {
        let text = "--send-to and --no-redact are for --format sentry and --format otel";
        return Err(CliError::new(exit::USAGE, text));
    }
    if out.redact {
        redact(&mut report, Privacy::NoText);
    }
    // Frames are numbered as they are shown.
    match (what.native, args.frame, out.format()) {
        (Native::All, _, Format::Json) => {}
        (Native::All, ..) => select::plumbing_is_wanted(&mut report),
        (_, Some(_), _) => select::without_plumbing(&mut report),
        _ => {}
    }
    let selected = select::threads(&mut report, &what.threads);
    let selected = selected.and_then(|()| args.frame.map_or(Ok(()), |n| select::frame(&mut report, n)));
    // Without Python there is nothing to choose from; that is the message then.
    if code != exit::NO_PYTHON {
        selected.map_err(|e| CliError::new(exit::USAGE, e.to_string()))?;
    }
    let options = TextOptions {
        palette: output::palette(out),
        verbose: out.verbose,
        first_frame: args.frame.unwrap_or(0),
        plumbing: what.native == Native::All,
        width: output::value_width(out),
    };
    let bytes = match out.format() {
        Format::Text => match what.view {
            View::Report => text::render(&report, &options),
            View::Stacks => text::stacks(&report, &options),
            View::Info => info::render(&report, &options),
        }
        .into_bytes(),
        Format::Json => render_json(&report)?.into_bytes(),
        Format::Markdown => markdown::render(&report).into_bytes(),
        Format::Html => html::render(&report).into_bytes(),
        Format::Sentry | Format::Otel => {
            let bytes = export::render(report, out)?;
            return match &out.send_to {
                Some(to) => export::send(out.format(), to, &bytes).map(|()| code),
                None => output::write(out, &bytes).map(|()| code),
            };
        }
        Format::Faulthandler => {
            let rendered = faulthandler::render(&report);
            for note in &rendered.notes {
                output::write_stderr(&format!("pyinquest: note: {}\n", escape_terminal(note)));
            }
            // Byte for byte is for files and pipes: what the dead process printed must not steer a terminal.
            match output::to_terminal(out) {
                true => {
                    let text = String::from_utf8_lossy(&rendered.text);
                    text.split_inclusive('\n').map(escaped_line).collect::<String>().into_bytes()
                }
                false => rendered.text,
            }
        }
    };
    output::write(out, &bytes)?;
    if what.view == View::Stacks && out.format() == Format::Text {
        tell_diagnostics(&report);
    }
    Ok(code)
}

fn escaped_line(line: &str) -> String {
    match line.strip_suffix('\n') {
        Some(line) => format!("{}\n", escape_terminal(line)),
        None => escape_terminal(line),
    }
}

fn render_json(report: &Report) -> Result<String, CliError> {
    json::render(report).map_err(|e| CliError::new(exit::INTERNAL, format!("cannot write JSON: {e}")))
}

/// Views without diagnostics of their own tell the important ones on standard error.
fn tell_diagnostics(report: &Report) {
    for diagnostic in report.diagnostics.iter().filter(|d| d.severity != Severity::Note) {
        let word = if diagnostic.severity == Severity::Error { "error" } else { "warning" };
        let hint = diagnostic.hint.as_ref().map(|h| format!("\n  help: {}", escape_terminal(h))).unwrap_or_default();
        output::write_stderr(&format!("pyinquest: {word}: {}{hint}\n", escape_terminal(&diagnostic.message)));
    }
}

/// The exit code a report stands for.
#[must_use]
pub fn exit_code(report: &Report, strict: bool) -> u8 {
    let incomplete = || {
        let doubts = report.diagnostics.iter().any(|d| d.severity != Severity::Note);
        doubts || report.threads.iter().any(|t| t.python.is_some() && t.frames_end.is_some())
    };
    if report.python.is_none() {
        exit::NO_PYTHON
    } else if strict && incomplete() {
        exit::INCOMPLETE
    } else {
        exit::OK
    }
}
