//! `pyinquest render`: a saved JSON report in another format.

use super::args::{Native, RenderArgs};
use super::emit::{self, Show};
use super::error::input_name;
use super::{CliError, exit};
use crate::model::Report;
use crate::render::select::Threads;
use std::io::Read as _;

/// A report is text of a few megabytes at most.
const MAX_SIZE: u64 = 1 << 30;

pub fn run(args: &RenderArgs) -> Result<u8, CliError> {
    let mut text = Vec::new();
    let read = if args.report.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_SIZE).read_to_end(&mut text)
    } else {
        std::fs::File::open(&args.report).and_then(|f| f.take(MAX_SIZE).read_to_end(&mut text))
    };
    read.map_err(|e| CliError::input(&args.report, &e))?;
    let report: Report = serde_json::from_slice(&text).map_err(|e| {
        CliError::new(exit::INPUT, format!("{}: not a JSON report: {e}", input_name(&args.report)))
            .help("write one with: pyinquest report CORE --format json --output report.json")
    })?;
    let known = crate::model::SCHEMA_VERSION.split('.').next();
    if report.schema_version.split('.').next() != known {
        let message =
            format!("{}: schema version \"{}\" is not supported", input_name(&args.report), report.schema_version);
        return Err(
            CliError::new(exit::INPUT, message).help("use the pyinquest that wrote it, or make the report anew")
        );
    }
    let threads = emit::threads(&args.select, Threads::All);
    let show = Show { view: args.view, threads, native: Native::Merged };
    emit::show(report, &show, &args.select, &args.output)
}
