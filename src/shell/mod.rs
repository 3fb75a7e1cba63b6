//! `pyinquest shell`: a prompt on a dump or a running process. The commands are those of `crate::commands`; here are the
//! words that gdb's users have for them, the prompt, and paging.

mod complete;
mod export;
mod line;
mod pager;
mod prompt;
mod session;

pub use line::Said;
pub use pager::Pager;
pub use prompt::read_commands;
pub use session::{Shell, ShellOptions};
