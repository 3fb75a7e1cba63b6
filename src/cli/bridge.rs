//! `pyinquest bridge --stdio`: the engine behind the `py-*` commands; started by the debuggers' scripts.

use std::process::ExitCode;

/// Serves the debugger that started this process, over standard input and output.
#[derive(Debug, clap::Args)]
pub struct BridgeArgs {
    /// Talk over standard input and output (the only way there is)
    #[arg(long, required = true)]
    pub stdio: bool,
}

/// Runs the command.
#[must_use]
pub fn run(_: &BridgeArgs) -> ExitCode {
    let served = crate::bridge::serve(Box::new(std::io::stdin()), Box::new(std::io::stdout()));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pyinquest bridge: {error}");
            ExitCode::FAILURE
        }
    }
}
