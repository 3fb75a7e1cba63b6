//! `pyinquest mcp`: what agents start.

use super::args::McpArgs;
use super::{CliError, exit, sandbox};
use crate::mcp::Roots;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub fn run(args: &McpArgs) -> Result<u8, CliError> {
    let given = if args.root.is_empty() { vec![PathBuf::from(".")] } else { args.root.clone() };
    let roots = Roots::new(&given).map_err(|error| CliError::new(exit::USAGE, error.to_string()))?;
    let _ = sandbox::give_up(sandbox::of_dumps_below(&args.files, roots.directories().map(Path::to_owned)));
    let time = Duration::try_from_secs_f64(args.timeout).ok().filter(|time| !time.is_zero());
    crate::mcp::serve(roots, args.files.search(), time).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => {
            CliError::new(exit::INPUT, format!("the client does not speak the protocol: {error}"))
        }
        _ => CliError::new(exit::INTERNAL, error.to_string()),
    })?;
    Ok(exit::OK)
}
