//! `py-report`: the full crash report.

use super::{CommandError, Reply};
use crate::bridge::protocol::RegistersOf;
use crate::bridge::session::Session;
use crate::commands::Args;
use crate::engine::Options;
use crate::render::text::{self, TextOptions};

/// `py-report [--locals]`.
pub(super) fn report(session: &mut Session, args: &Args<'_>) -> Result<Reply, CommandError> {
    let process = session.process(RegistersOf::All)?;
    let report =
        process.inspection.report(&Options { locals: args.has("--locals"), source_lines: true, ..Options::default() });
    Ok(Reply::text(text::render(&report, &TextOptions::default())))
}
