//! The `pyinquest` command.

use clap::Parser;
use pyinquest::cli::bridge::{self, BridgeArgs};
use pyinquest::cli::init::{self, InitArgs};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(version, about)]
enum Command {
    /// Serve a debugger's script
    #[command(hide = true)]
    Bridge(BridgeArgs),
    /// Set up gdb or lldb
    Init(InitArgs),
}

fn main() -> ExitCode {
    match Command::parse() {
        Command::Bridge(args) => bridge::run(&args),
        Command::Init(args) => match init::run(&args) {
            Ok(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("pyinquest: error: {error}");
                ExitCode::from(2)
            }
        },
    }
}
