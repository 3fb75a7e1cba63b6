//! `completions`, `schema` and `man`: documents made from the program itself.

use super::args::{Cli, CompletionsArgs, ManArgs, SchemaArgs, SchemaKind, at_once};
use super::error::io_text;
use super::{CliError, exit, output};
use clap::CommandFactory as _;

pub fn completions(args: &CompletionsArgs) -> Result<u8, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut at_once(Cli::command), "pyinquest", &mut script);
    output::write_stdout(&script)?;
    Ok(exit::OK)
}

pub fn schema(args: &SchemaArgs) -> Result<u8, CliError> {
    let text = match args.kind {
        SchemaKind::Report => crate::render::json::schema(),
        SchemaKind::Triage => crate::triage::outputs::schema(),
        SchemaKind::Heap => crate::render::heap::json::schema(),
    };
    let text = text.map_err(|e| CliError::new(exit::INTERNAL, format!("cannot write the schema: {e}")))?;
    output::write_stdout(text.as_bytes())?;
    Ok(exit::OK)
}

pub fn man(args: &ManArgs) -> Result<u8, CliError> {
    let failed = |e: std::io::Error| CliError::new(exit::USAGE, format!("cannot write manual pages: {}", io_text(&e)));
    match &args.out {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(failed)?;
            clap_mangen::generate_to(Cli::command(), dir).map_err(failed)?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(failed)?;
            output::write_stdout(&page)?;
        }
    }
    Ok(exit::OK)
}
