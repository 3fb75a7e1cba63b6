//! Files from debuginfod servers, only where the user asks for it: elfutils' own client fetches them and keeps them.

use crate::debuggee::BuildId;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The client, and the variable that tells it (and every other client) where the servers are.
const CLIENT: &str = "debuginfod-find";
const SERVERS: &str = "DEBUGINFOD_URLS";

/// Which file of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Artifact {
    /// The program or library itself.
    Executable,
    /// Its separate debug file.
    DebugInfo,
}

/// Why no file can be fetched, if that is so.
pub(super) fn unavailable() -> Option<(&'static str, &'static str)> {
    if std::env::var_os(SERVERS).is_none_or(|servers| servers.is_empty()) {
        return Some(("DEBUGINFOD_URLS names no server", "set it to the address of your distribution's server"));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|dir| dir.join(CLIENT).is_file());
    (!there).then_some(("there is no debuginfod-find on the PATH", "install elfutils' client (package debuginfod)"))
}

/// Path of the file with this build-id; `None` when no server has it.
pub(super) fn fetch(artifact: Artifact, id: &BuildId) -> Option<PathBuf> {
    if unavailable().is_some() {
        return None;
    }
    let word = match artifact {
        Artifact::Executable => "executable",
        Artifact::DebugInfo => "debuginfo",
    };
    let mut client = Command::new(CLIENT);
    client.arg(word).arg(id.to_string()).stdin(Stdio::null()).stderr(Stdio::null());
    let output = client.output().ok().filter(|o| o.status.success())?;
    let path = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(path.trim_end())).filter(|path| path.is_absolute())
}
