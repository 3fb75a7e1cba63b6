//! `pyinquest bridge --stdio`: the engine behind the `py-*` commands; started by the debuggers' scripts.

use super::args::BridgeArgs;
use super::{CliError, exit, sandbox};
use crate::plugins::Plugins;
use crate::sys::sandbox::Needs;

pub fn run(args: &BridgeArgs) -> Result<u8, CliError> {
    let plugins = Plugins::start();
    // What the debugger has stopped may be in another root directory.
    let _ = sandbox::give_up((!args.no_sandbox).then(|| Needs { roots: true, ..Needs::default() }));
    crate::bridge::serve(Box::new(std::io::stdin()), Box::new(std::io::stdout()), &plugins)
        .map(|()| exit::OK)
        .map_err(|error| CliError::new(exit::INTERNAL, error.to_string()))
}
