//! The engine's loop: hello, then one command after the other until the debugger closes the bridge.

use super::host::{self, Reply};
use super::link::Link;
use super::protocol::{PROTOCOL_VERSION, ProtocolError, ToDebugger, ToEngine};
use super::session::Session;
use crate::commands::{Command, FUNCTIONS, Function, debugger_commands};
use crate::plugins::{Plugin, Plugins};
use std::io::{Read, Write};
use std::sync::Arc;

/// Serves a debugger's script over two pipes until it closes them.
///
/// # Errors
/// [`ProtocolError`] when the other side does not keep to the protocol or the pipe fails; not when it is closed.
pub fn serve(from: Box<dyn Read + Send>, to: Box<dyn Write + Send>, plugins: &Plugins) -> Result<(), ProtocolError> {
    let link = Arc::new(Link::new(from, to));
    match run(&link, plugins) {
        Err(ProtocolError::Closed) => Ok(()),
        other => other,
    }
}

fn run(link: &Arc<Link>, plugins: &Plugins) -> Result<(), ProtocolError> {
    let ToEngine::Hello { protocol, debugger, .. } = link.receive()? else {
        return Err(ProtocolError::Unexpected("a hello was due"));
    };
    let error = (protocol != PROTOCOL_VERSION).then(|| {
        format!(
            "the {debugger} script speaks version {protocol} of the bridge and this engine version \
             {PROTOCOL_VERSION}; run `pyinquest init {debugger}` to renew the script"
        )
    });
    let refused = error.is_some();
    let engine = env!("CARGO_PKG_VERSION").to_owned();
    link.send(&ToDebugger::Hello { protocol: PROTOCOL_VERSION, engine, error }, &[])?;
    if refused {
        return Ok(());
    }
    let mut session = Session::new(Arc::clone(link), debugger);
    loop {
        let (id, name, args, scene) = match link.receive()? {
            ToEngine::Command { id, name, args, scene } => (id, name, args, scene),
            ToEngine::Commands => {
                link.send(&table(plugins), &[])?;
                continue;
            }
            _ => return Err(ProtocolError::Unexpected("a command was due")),
        };
        session.enter(scene);
        let Reply { ok, text, value, actions } = host::run(&mut session, plugins, &name, &args);
        session.leave();
        let result = ToDebugger::Result { id, ok, actions, value, cost: link.cost() };
        link.send(&result, text.as_bytes())?;
    }
}

fn table(plugins: &Plugins) -> ToDebugger {
    let others = plugins.commands();
    ToDebugger::Commands {
        commands: debugger_commands()
            .map(Command::for_debuggers)
            .chain(others.iter().map(Plugin::for_debuggers))
            .collect(),
        functions: FUNCTIONS.iter().map(Function::for_debuggers).collect(),
    }
}
