//! `py-report`: the full crash report.

use super::{CommandError, Reply, arguments};
use crate::bridge::protocol::RegistersOf;
use crate::bridge::session::Session;
use crate::engine::Options;
use crate::render::text::{self, TextOptions};

/// `py-report [--locals]`.
pub(super) fn report(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let [locals] = arguments::flags(args, ["--locals"], "py-report [--locals]")?;
    let process = session.process(RegistersOf::All)?;
    let report = process.inspection.report(&Options { locals, source_lines: true, ..Options::default() });
    Ok(Reply::text(text::render(&report, &TextOptions::default())))
}
