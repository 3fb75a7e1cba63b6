//! What the debugger's script and the engine say to each other over a pair of pipes.
//!
//! Every message is one frame: `u32` length of the header, `u32` length of the payload (both little-endian), the
//! header as a JSON object with a `type`, the payload as raw bytes (memory, UTF-8 text). The script speaks first
//! ([`ToEngine::Hello`]), the engine answers ([`ToDebugger::Hello`]). Then the script may ask which commands there are
//! ([`ToEngine::Commands`]), whenever none is being carried out. From then on it sends one [`ToEngine::Command`] at a time; while it runs the engine sends any number of [`ToDebugger::Request`]s, each of
//! which the script answers before the next, and in the end one [`ToDebugger::Result`].

pub use crate::commands::host::{FrameAnswer, RegistersOf};
use crate::commands::host::{Run, Stop};
use crate::commands::{CommandHelp, FunctionHelp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{self, Read, Write};

/// Version of the protocol. The script and the engine of one release have the same; anything else is refused.
pub const PROTOCOL_VERSION: u32 = 3;

/// Longest header, in bytes.
pub const MAX_HEADER: u32 = 16 << 20;

/// Longest payload, in bytes.
pub const MAX_PAYLOAD: u32 = 64 << 20;

/// Which debugger asks: it decides how frames and values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DebuggerName {
    /// GNU gdb.
    Gdb,
    /// LLVM's lldb.
    Lldb,
    /// One that this version does not know.
    #[default]
    #[serde(other)]
    Other,
}

/// The same word as on the wire.
impl fmt::Display for DebuggerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// From the script to the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToEngine {
    /// First message.
    Hello {
        /// [`PROTOCOL_VERSION`] of the script.
        protocol: u32,
        /// Who asks.
        debugger: DebuggerName,
        /// Its version, for messages only.
        #[serde(default)]
        version: String,
    },
    /// Which commands and functions there are.
    Commands,
    /// Run a command.
    Command {
        /// Comes back in the result.
        id: u64,
        /// Name without the prefix (`bt`).
        name: String,
        /// What the user typed after it.
        #[serde(default)]
        args: String,
        /// The debugger's state.
        scene: Scene,
    },
    /// Answer to a request; what it is depends on the request. `error` is set when the debugger could not.
    Answer {
        /// The request's id.
        id: u64,
        /// Why there is no answer.
        #[serde(default)]
        error: Option<String>,
        /// Set when the user pressed Ctrl-C: the command is to end as soon as it can.
        #[serde(default)]
        cancelled: bool,
        /// The answer.
        #[serde(default)]
        body: serde_json::Value,
    },
}

/// The debugger's state when a command is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scene {
    /// Changes whenever memory, registers or threads may have: while it stays the same, cached reads hold.
    pub epoch: String,
    /// Changes whenever the process is another or modules may have come or gone.
    pub modules: String,
    /// Changes whenever the process has run: while it stays the same, a selected frame is still there.
    pub stop: String,
    /// What kind of process it is.
    pub process: ProcessKind,
    /// Process id, when known.
    pub pid: Option<u64>,
    /// Instruction set as the debugger calls it (`i386:x86-64`, `aarch64`, or an LLVM triple).
    pub arch: String,
    /// Core file on this machine's disk, when the process is one.
    pub core: Option<String>,
    /// Main executable on this machine's disk, when the debugger has one.
    pub executable: Option<String>,
    /// Directory under which the files of the process lie, when the debugger was told one.
    pub sysroot: Option<String>,
    /// Selected thread (Linux LWP id).
    pub thread: Option<u64>,
    /// Level of the selected native frame, from 0.
    pub frame: Option<u32>,
}

/// What kind of process the debugger has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessKind {
    /// None (yet).
    #[default]
    None,
    /// A core file.
    Core,
    /// A process that can run on.
    Live,
    /// A process behind a debug server.
    Remote,
}

/// From the engine to the script.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToDebugger {
    /// Answer to the script's hello.
    Hello {
        /// [`PROTOCOL_VERSION`] of the engine.
        protocol: u32,
        /// Version of the engine.
        engine: String,
        /// Set when the two cannot work together; says what to do. The engine ends after it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// Answer to [`ToEngine::Commands`].
    Commands {
        /// The commands.
        commands: Vec<CommandHelp>,
        /// The functions for expressions.
        functions: Vec<FunctionHelp>,
    },
    /// Something the engine needs to know.
    Request {
        /// Comes back in the answer.
        id: u64,
        /// What.
        #[serde(flatten)]
        ask: Ask,
    },
    /// The command is done; its text is the payload.
    Result {
        /// The command's id.
        id: u64,
        /// Whether it did what was asked (its text says why not).
        ok: bool,
        /// What the debugger is to do.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        actions: Vec<Action>,
        /// What a function (rather than a command) gives.
        #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
        value: serde_json::Value,
        /// What the command cost.
        cost: Cost,
    },
}

/// What the engine may ask of the debugger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Bytes of the process: a list of (address, length). Body: a list of the lengths that could be read, each the
    /// whole length or 0; payload: the bytes of those that could.
    Read {
        /// Address and length, each.
        ranges: Vec<(u64, u64)>,
    },
    /// All threads. Body: [`ThreadAnswer`]s.
    Threads {
        /// Whose registers to give.
        registers: RegistersOf,
    },
    /// What is mapped. Body: [`ModulesAnswer`].
    Modules,
    /// Native frames of the selected thread, innermost first. Body: [`FrameAnswer`]s.
    Frames {
        /// At most as many.
        limit: u32,
    },
    /// Variables of a native frame, as the debug information has them. Body: an object of name and value (an
    /// integer); names that it does not have are left out.
    Variables {
        /// Level of the frame.
        level: u32,
        /// Names.
        names: Vec<String>,
    },
    /// Has the process run on. Body: [`RunAnswer`].
    Run(Run),
}

/// Where the process has stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAnswer {
    /// The debugger's state there.
    pub scene: Scene,
    /// Why.
    pub stop: Stop,
}

/// A thread, as the debugger knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThreadAnswer {
    /// Linux LWP id.
    pub tid: u64,
    /// Name.
    pub name: Option<String>,
    /// Registers of the innermost frame by the debugger's names; empty when not asked for.
    pub registers: Vec<(String, u64)>,
    /// Signal that stopped it.
    pub signal: Option<SignalAnswer>,
}

/// A signal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignalAnswer {
    /// `si_signo`.
    pub number: i32,
    /// `si_code`.
    pub code: Option<i32>,
    /// `si_addr`.
    pub address: Option<u64>,
}

/// What is mapped, as far as the debugger can tell: any part may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModulesAnswer {
    /// Auxiliary vector: type and value.
    pub auxv: Vec<(u64, u64)>,
    /// Mappings of the process.
    pub mappings: Vec<MappingAnswer>,
    /// Modules the debugger has loaded: path and address of the ELF header.
    pub modules: Vec<(String, u64)>,
}

/// One mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MappingAnswer {
    /// First address.
    pub start: u64,
    /// First address after it.
    pub end: u64,
    /// Offset in the file.
    pub offset: u64,
    /// `r-xp`, or empty when not known.
    pub flags: String,
    /// Path; empty for memory without a file.
    pub path: String,
}

/// What the debugger is to do after a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Select a native frame of the selected thread.
    SelectFrame {
        /// Its level.
        level: u32,
    },
    /// Select a thread.
    SelectThread {
        /// Its id (Linux LWP id).
        tid: u64,
    },
}

/// What a command cost, as counted by the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Requests sent to the debugger.
    pub requests: u64,
    /// Bytes sent and received, headers included, from the command to before its result.
    pub bytes: u64,
    /// Of these, bytes of the process's memory.
    pub memory: u64,
}

/// Why a message could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The other side is gone.
    #[error("the debugger closed the bridge")]
    Closed,
    /// The pipe failed.
    #[error("the bridge failed: {0}")]
    Io(#[from] io::Error),
    /// A length that no message has.
    #[error("a message of {header} + {payload} bytes on the bridge")]
    TooLong {
        /// Bytes of the header.
        header: u32,
        /// Bytes of the payload.
        payload: u32,
    },
    /// Not the JSON that was expected.
    #[error("a malformed message on the bridge: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Another message than the one that must come now.
    #[error("unexpected message on the bridge: {0}")]
    Unexpected(&'static str),
}

/// Reads one frame; its header, payload and total size.
///
/// # Errors
/// [`ProtocolError`]; [`ProtocolError::Closed`] at the end of the stream.
pub fn read_frame<T: for<'de> Deserialize<'de>>(from: &mut impl Read) -> Result<(T, Vec<u8>, u64), ProtocolError> {
    let mut lengths = [0u8; 8];
    from.read_exact(&mut lengths).map_err(closed)?;
    let [h0, h1, h2, h3, p0, p1, p2, p3] = lengths;
    let header = u32::from_le_bytes([h0, h1, h2, h3]);
    let payload = u32::from_le_bytes([p0, p1, p2, p3]);
    if header > MAX_HEADER || payload > MAX_PAYLOAD {
        return Err(ProtocolError::TooLong { header, payload });
    }
    let head = read_bytes(from, header)?;
    let body = read_bytes(from, payload)?;
    let size = 8u64.saturating_add(u64::from(header)).saturating_add(u64::from(payload));
    Ok((serde_json::from_slice(&head)?, body, size))
}

/// Writes one frame; its total size.
///
/// # Errors
/// [`ProtocolError::TooLong`], [`ProtocolError::Io`].
pub fn write_frame(to: &mut impl Write, header: &impl Serialize, payload: &[u8]) -> Result<u64, ProtocolError> {
    let head = serde_json::to_vec(header)?;
    let header = u32::try_from(head.len()).unwrap_or(u32::MAX);
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    if header > MAX_HEADER || length > MAX_PAYLOAD {
        return Err(ProtocolError::TooLong { header, payload: length });
    }
    // One write for the small messages that most are: the other side wakes once.
    let mut frame = Vec::with_capacity(head.len().saturating_add(8));
    frame.extend_from_slice(&header.to_le_bytes());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&head);
    frame.extend_from_slice(payload);
    to.write_all(&frame)?;
    to.flush()?;
    Ok(frame.len() as u64)
}

/// `length` bytes, without believing `length` before they came.
fn read_bytes(from: &mut impl Read, length: u32) -> Result<Vec<u8>, ProtocolError> {
    let mut out = Vec::new();
    let got = from.take(u64::from(length)).read_to_end(&mut out)?;
    if got as u64 == u64::from(length) { Ok(out) } else { Err(ProtocolError::Closed) }
}

fn closed(error: io::Error) -> ProtocolError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => ProtocolError::Closed,
        _ => ProtocolError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_as_it_was_written() {
        let body = serde_json::json!([[0x1000, 16], [u64::MAX, 1]]);
        let message = ToEngine::Answer { id: 3, error: None, cancelled: false, body };
        let mut wire = Vec::new();
        let size = write_frame(&mut wire, &message, b"\x00\xff").unwrap();
        assert_eq!(size, wire.len() as u64);
        let (back, payload, read): (ToEngine, _, _) = read_frame(&mut wire.as_slice()).unwrap();
        assert_eq!((back, payload.as_slice(), read), (message, b"\x00\xff".as_slice(), size));
    }

    #[test]
    fn a_request_is_flat_json() {
        let message = ToDebugger::Request { id: 1, ask: Ask::Threads { registers: RegistersOf::All } };
        assert_eq!(
            serde_json::to_string(&message).unwrap(),
            r#"{"type":"request","id":1,"ask":"threads","registers":"all"}"#
        );
    }

    #[test]
    fn a_huge_length_is_refused_before_anything_is_allocated() {
        let wire = [0xff; 8];
        assert!(matches!(
            read_frame::<ToEngine>(&mut wire.as_slice()),
            Err(ProtocolError::TooLong { header: u32::MAX, payload: u32::MAX })
        ));
    }

    #[test]
    fn the_end_of_the_stream_is_told_from_damage() {
        assert!(matches!(read_frame::<ToEngine>(&mut [].as_slice()), Err(ProtocolError::Closed)));
        let mut cut = Vec::new();
        write_frame(&mut cut, &serde_json::json!({"type": "hello"}), b"").unwrap();
        assert!(matches!(read_frame::<ToEngine>(&mut cut.as_slice()), Err(ProtocolError::Malformed(_))));
        cut.pop();
        assert!(matches!(read_frame::<ToEngine>(&mut cut.as_slice()), Err(ProtocolError::Closed)));
    }
}
