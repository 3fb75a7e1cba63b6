//! The command line: one file a command.

pub mod bridge;
pub mod init;
