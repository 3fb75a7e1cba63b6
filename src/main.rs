//! The `pyinquest` command.

use clap::Parser;
use pyinquest::cli::bridge::{self, BridgeArgs};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(version, about)]
enum Command {
    /// Serve a debugger's script
    #[command(hide = true)]
    Bridge(BridgeArgs),
}

fn main() -> ExitCode {
    match Command::parse() {
        Command::Bridge(args) => bridge::run(&args),
    }
}
