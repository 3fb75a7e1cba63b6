//! Debug adapter: an editor looks at a dead process, or at one that it stops, through the Debug Adapter Protocol.
//!
//! Nothing is run and nothing is written: what an editor would have to change the process for is refused. The adapter is
//! a host like the others: it parses, asks the engine, shows.

mod columns;
mod console;
mod memory;
mod protocol;
mod session;
mod stack;
mod target;
mod variables;

pub use session::serve;
