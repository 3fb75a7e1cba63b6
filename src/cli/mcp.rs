//! `pyinquest mcp`: what agents start.

use super::args::McpArgs;
use super::{CliError, exit, sandbox};
use crate::mcp::Roots;
use std::path::{Path, PathBuf};

pub fn run(args: &McpArgs) -> Result<u8, CliError> {
    let given = if args.root.is_empty() { vec![PathBuf::from(".")] } else { args.root.clone() };
    let roots = Roots::new(&given).map_err(|error| CliError::new(exit::USAGE, error.to_string()))?;
    let _ = sandbox::give_up(sandbox::of_dumps_below(&args.files, roots.directories().map(Path::to_owned)));
    crate::mcp::serve(roots, args.files.search()).map_err(|e| CliError::new(exit::INTERNAL, e.to_string()))?;
    Ok(exit::OK)
}
