//! Serves the `py-*` commands of gdb and lldb: the debugger's script starts `pyinquest bridge --stdio`, hands over
//! commands, and answers requests for memory, registers, threads and modules. See `docs/debuggers.md`.

mod commands;
mod link;
mod memory;
mod native;
pub mod protocol;
mod python;
mod server;
mod session;
mod stack;
mod values;

pub use link::{AskError, Link};
pub use memory::BridgeMemory;
pub use server::serve;
