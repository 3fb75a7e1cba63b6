//! `pyinquest run -- CMD...`: runs a command, and triages what dumps core.

use super::error::io_text;
use super::triage::{self, FilesArgs, PoolArgs, ResultArgs};
use super::{CliError, output};
use crate::base::escape_terminal;
use crate::triage::run_command;
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = EXIT)]
pub struct RunArgs {
    /// The command and its arguments
    #[arg(value_name = "CMD", required = true, last = true)]
    pub command: Vec<OsString>,
    /// Another directory where cores may appear; may be repeated
    #[arg(long, value_name = "DIR")]
    pub core_dir: Vec<PathBuf>,
    /// Where the files of the dead processes are
    #[command(flatten)]
    pub files: FilesArgs,
    /// How the work is done
    #[command(flatten)]
    pub pool: PoolArgs,
    /// What comes out
    #[command(flatten)]
    pub result: ResultArgs,
}

const EXIT: &str = "\
Cores are looked for in the working directory and below, in the directory for temporary files, and where
kernel.core_pattern says. They stay where they are.

The exit code is that of the command (128 and the signal when a signal ended it; 127 when there is no such command, 126
when it cannot be run). When the command succeeds and
--fail-on finds something, because a child has crashed, it is 7.";

/// As shells have it.
fn not_run(error: &std::io::Error) -> u8 {
    if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 }
}

/// Runs the command, then the triage.
///
/// # Errors
/// When the command cannot be started or the triage cannot be done.
pub fn run(args: &RunArgs) -> Result<u8, CliError> {
    let name = args.command.first().map(|c| c.to_string_lossy().into_owned()).unwrap_or_default();
    let ran = run_command::run(&args.command, &args.core_dir)
        .map_err(|e| CliError::new(not_run(&e), format!("cannot run {name}: {}", io_text(&e))))?;
    let own = run_command::shell_status(ran.status);
    let died = std::os::unix::process::ExitStatusExt::core_dumped(&ran.status);
    if ran.cores.is_empty() && !died {
        return Ok(own);
    }
    for note in &ran.notes {
        output::write_stderr(&format!("pyinquest: note: {}\n", escape_terminal(note)));
    }
    if ran.cores.is_empty() {
        output::write_stderr("pyinquest: note: the command dumped core, but no core was found\n");
        return Ok(own);
    }
    let code = triage::triage(&ran.cores, &args.files, &args.pool, &args.result)?;
    Ok(if own == 0 { code } else { own })
}
