//! [`Link`]: the engine's end of the bridge: sends requests, waits for their answers, counts what they cost.

use super::protocol::{Ask, Cost, ProtocolError, ToDebugger, ToEngine, read_frame, write_frame};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::io::{Read, Write};
use std::sync::Mutex;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The debugger could not answer.
    #[error("{0}")]
    Refused(String),
    /// The user pressed Ctrl-C.
    #[error("interrupted")]
    Cancelled,
    /// The answer is not what was asked for.
    #[error("the debugger's answer makes no sense: {0}")]
    Nonsense(String),
    /// The bridge is down.
    #[error(transparent)]
    Bridge(#[from] ProtocolError),
}

/// The engine's end of the bridge.
pub struct Link {
    state: Mutex<State>,
}

struct State {
    from: Box<dyn Read + Send>,
    to: Box<dyn Write + Send>,
    next: u64,
    cost: Cost,
    cancelled: bool,
    broken: bool,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Link {
    /// A link over two pipes.
    #[must_use]
    pub fn new(from: Box<dyn Read + Send>, to: Box<dyn Write + Send>) -> Self {
        let state = State { from, to, next: 1, cost: Cost::default(), cancelled: false, broken: false };
        Link { state: Mutex::new(state) }
    }

    /// The next message of the script, outside of any request.
    ///
    /// # Errors
    /// [`ProtocolError`].
    pub fn receive(&self) -> Result<ToEngine, ProtocolError> {
        let mut state = self.lock()?;
        let (message, _, size) = read_frame(&mut state.from)?;
        state.cost = Cost { bytes: size, ..Cost::default() };
        state.cancelled = false;
        Ok(message)
    }

    /// Sends a message that is not a request.
    ///
    /// # Errors
    /// [`ProtocolError`].
    pub fn send(&self, message: &ToDebugger, payload: &[u8]) -> Result<(), ProtocolError> {
        write_frame(&mut self.lock()?.to, message, payload).map(drop)
    }

    /// Asks the debugger; the body of its answer as `T`, and the payload.
    ///
    /// # Errors
    /// [`AskError`]. After Ctrl-C every request fails at once until the next command.
    pub fn ask<T: DeserializeOwned>(&self, ask: Ask) -> Result<(T, Vec<u8>), AskError> {
        let mut state = self.lock()?;
        if state.cancelled {
            return Err(AskError::Cancelled);
        }
        let reads_memory = matches!(ask, Ask::Read { .. });
        let answer = state.exchange(ask);
        if matches!(answer, Err(AskError::Bridge(_))) {
            state.broken = true;
        }
        let (body, payload) = answer?;
        if reads_memory {
            state.cost.memory = state.cost.memory.saturating_add(payload.len() as u64);
        }
        let body = serde_json::from_value(body).map_err(|e| AskError::Nonsense(e.to_string()))?;
        Ok((body, payload))
    }

    /// What the current command has cost so far.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.lock().map(|state| state.cost).unwrap_or_default()
    }

    /// Whether the user has interrupted the current command.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.lock().is_ok_and(|state| state.cancelled)
    }

    fn lock(&self) -> Result<std::sync::MutexGuard<'_, State>, ProtocolError> {
        // A panic while the lock was held may have left half a message on the wire.
        let state = self.state.lock().map_err(|_| ProtocolError::Unexpected("the bridge was torn by a panic"))?;
        if state.broken { Err(ProtocolError::Closed) } else { Ok(state) }
    }
}

impl State {
    fn exchange(&mut self, ask: Ask) -> Result<(serde_json::Value, Vec<u8>), AskError> {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let sent = write_frame(&mut self.to, &Borrowed { kind: "request", id, ask: &ask }, &[])?;
        let (answer, payload, received) = read_frame(&mut self.from)?;
        self.cost.requests = self.cost.requests.saturating_add(1);
        self.cost.bytes = self.cost.bytes.saturating_add(sent).saturating_add(received);
        match answer {
            ToEngine::Answer { id: same, error, cancelled, body } if same == id => {
                self.cancelled |= cancelled;
                match error {
                    _ if cancelled => Err(AskError::Cancelled),
                    Some(reason) => Err(AskError::Refused(reason)),
                    None => Ok((body, payload)),
                }
            }
            _ => Err(ProtocolError::Unexpected("an answer was due").into()),
        }
    }
}

/// [`ToDebugger::Request`] without owning what is asked.
#[derive(Serialize)]
struct Borrowed<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: u64,
    #[serde(flatten)]
    ask: &'a Ask,
}
