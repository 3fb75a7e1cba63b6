//! Serves the `py-*` commands of gdb and lldb: the debugger's script starts `pyinquest bridge --stdio`, hands over
//! commands, and answers requests for memory, registers, threads and modules. See `docs/debuggers.md`.

mod host;
mod link;
mod memory;
pub mod protocol;
mod server;
mod session;

pub use link::{AskError, Link};
pub use memory::BridgeMemory;
pub use server::serve;
