//! `pyinquest dap`: what editors start, or connect to.

use super::args::DapArgs;
use super::{CliError, exit, output, sandbox};
use crate::plugins::Plugins;
use crate::sys::sandbox::Needs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

pub fn run(args: &DapArgs) -> Result<u8, CliError> {
    match args.port {
        None => {
            let plugins = Plugins::start();
            let _ = sandbox::give_up(needs(args));
            crate::dap::serve(std::io::stdin(), &mut std::io::stdout(), plugins).map_err(|e| failed(&e))?;
        }
        Some(port) => listen(port, args)?,
    }
    Ok(exit::OK)
}

/// What an editor will ask for is not known yet: dumps and running processes. Only where debuginfod's servers are named may it want
/// its client, which takes all rights.
fn needs(args: &DapArgs) -> Option<Needs> {
    let servers = std::env::var_os("DEBUGINFOD_URLS").is_some_and(|urls| !urls.is_empty());
    (!args.safety.no_sandbox && !servers).then(|| Needs { live: true, serves: args.port.is_some(), ..Needs::default() })
}

/// Serves each connection by a thread of its own, until the program is ended. Other hosts cannot connect: whoever can
/// reads all memory of the dumps.
fn listen(port: u16, args: &DapArgs) -> Result<(), CliError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        CliError::new(exit::USAGE, format!("port {port} cannot be used: {error}"))
            .help("another one, or 0 for any free one")
    })?;
    let at = listener.local_addr().map_err(|e| failed(&e))?;
    output::write_stdout(format!("listening on {at}\n").as_bytes())?;
    let plugins = Plugins::start();
    let _ = sandbox::give_up(needs(args));
    for stream in listener.incoming() {
        let stream = stream.map_err(|e| failed(&e))?;
        let plugins = plugins.clone();
        std::thread::spawn(move || session(stream, plugins));
    }
    Ok(())
}

fn session(stream: TcpStream, plugins: Plugins) {
    let Ok(mut output) = stream.try_clone() else { return };
    // A client that goes away ends its session and no other.
    let _ = crate::dap::serve(stream, &mut output, plugins);
    let _ = output.shutdown(std::net::Shutdown::Both);
}

fn failed(error: &std::io::Error) -> CliError {
    CliError::new(exit::INTERNAL, error.to_string())
}
