//! The command line: parses, calls the library, shows what comes back.

mod answer;
pub mod args;
mod bridge;
#[cfg(target_os = "linux")]
mod core_pattern;
#[cfg(target_os = "linux")]
mod core_reader;
mod coredumpctl;
#[cfg(feature = "dap")]
mod dap;
mod deadline;
mod documents;
mod emit;
mod error;
pub mod exit;
mod export;
mod hang;
mod heap;
mod init;
#[cfg(target_os = "linux")]
mod init_collect;
mod layouts;
#[cfg(target_os = "linux")]
mod live;
#[cfg(not(target_os = "linux"))]
mod live_elsewhere;
#[cfg(feature = "mcp")]
mod mcp;
pub mod output;
mod print;
mod progress;
mod render;
mod report;
#[cfg(target_os = "linux")]
pub mod run;
mod sandbox;
#[cfg(feature = "shell")]
mod shell;
mod shorthand;
mod slim;
mod tasks;
pub mod triage;

pub use error::CliError;
#[cfg(not(target_os = "linux"))]
use live_elsewhere as live;

use args::{Cli, Command};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};
use std::ffi::OsString;
use std::mem::ManuallyDrop;

/// Runs the program with its arguments (the first is its name) and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    quiet_guarded_panics();
    let result = match parse(shorthand::expanded(arguments)) {
        Ok(cli) => dispatch(&cli.command),
        // `--help` and `--version` come this way too; no argument at all gets the help text, as an error.
        Err(error) if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Err(CliError::from(error))
        }
        Err(error) => {
            // A reader that went away is not an error.
            let _ = error.print();
            Ok(if error.use_stderr() { exit::USAGE } else { exit::OK })
        }
    };
    result.unwrap_or_else(|error| {
        output::write_stderr(&error.render());
        error.code
    })
}

/// As `Cli::try_parse_from`, but that what clap knows of the commands is left in memory until the program ends.
fn parse(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut known = left(Cli::command());
    let matches = known.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut known))
}

/// What is left to the end of the program, which is near: to give memory back piece by piece takes longer than to end.
fn left<T>(owned: T) -> ManuallyDrop<T> {
    ManuallyDrop::new(owned)
}

/// Says nothing of the panics that the library takes for answers; all others are shown as before.
fn quiet_guarded_panics() {
    #[cfg(feature = "pdb")]
    {
        use crate::image::pdb_source::GUARDED_THREAD;
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() != Some(GUARDED_THREAD) {
                hook(info);
            }
        }));
    }
}

fn dispatch(command: &Command) -> Result<u8, CliError> {
    let sockets = matches!(command, Command::Hang(_)).then(live::UnixSockets::open).flatten();
    let held = sandbox::enter_for(command);
    match command {
        Command::Report(args) => report::report(args),
        Command::Bt(args) => report::bt(args),
        Command::Locals(args) => report::locals(args),
        Command::Print(args) => print::print(args),
        Command::Object(args) => print::object(args),
        Command::Info(args) => report::info(args, held),
        Command::What(args) => heap::what(args),
        Command::Memory(args) => heap::memory(args),
        Command::Heap(args) => heap::run(args),
        #[cfg(feature = "shell")]
        Command::Shell(args) => shell::run(args),
        Command::Hang(args) => hang::run(args, sockets),
        Command::Tasks(args) => tasks::run(args),
        Command::Render(args) => render::run(args),
        Command::Slim(args) => slim::run(args),
        #[cfg(target_os = "linux")]
        Command::Collect(args) => core_pattern::run(args),
        Command::Layouts(args) => layouts::run(args),
        Command::Triage(args) => triage::run(args),
        #[cfg(target_os = "linux")]
        Command::Run(args) => run::run(args),
        Command::Completions(args) => documents::completions(args),
        Command::Schema(args) => documents::schema(args),
        Command::Man(args) => documents::man(args),
        Command::Init(args) => init::run(args),
        Command::Bridge(args) => bridge::run(args),
        #[cfg(feature = "dap")]
        Command::Dap(args) => dap::run(args),
        #[cfg(feature = "mcp")]
        Command::Mcp(args) => mcp::run(args),
    }
}
