//! `pyinquest bridge --stdio`: the engine behind the `py-*` commands; started by the debuggers' scripts.

use super::{CliError, exit};

pub fn run() -> Result<u8, CliError> {
    crate::bridge::serve(Box::new(std::io::stdin()), Box::new(std::io::stdout()))
        .map(|()| exit::OK)
        .map_err(|error| CliError::new(exit::INTERNAL, error.to_string()))
}
