//! [`enter`]: gives up, for good, what reading a dump does not need. A parser that a hostile dump has taken over can then
//! change no file, start no program and talk to nobody.
//!
//! Two things of Linux do it, and each does what it can where the other is missing: Landlock says where files may be
//! written (it knows directories), seccomp which system calls there are (it knows their arguments, but no paths).

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod ranges;

use std::path::PathBuf;

/// What is still needed.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Directories in which files are made, replaced and removed, and files that are written.
    pub write: Vec<PathBuf>,
    /// Files, and directories, that are read; `None` where any may be: a dump names the files of its modules. What is written
    /// may be read in any case.
    pub read: Option<Vec<PathBuf>>,
    /// Directory in which compressed dumps are expanded.
    pub temporary: Option<PathBuf>,
    /// What is read needs no expanding.
    pub plain: bool,
    /// A running process is looked at. Landlock lets nobody look at a process outside of its own domain.
    pub live: bool,
    /// The files of a running process are read below `/proc/PID/root`, which Landlock takes for the same.
    pub roots: bool,
    /// Other programs are started: a client that fetches files from servers, a pager, workers. They have what we have.
    pub programs: bool,
    /// They, or we, talk to servers.
    pub network: bool,
    /// Connections are served that others make.
    pub serves: bool,
    /// Lines are edited at a terminal.
    pub terminal: bool,
}

/// What holds from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Where files may be written.
    pub files: State,
    /// Which files may be read.
    pub reads: State,
    /// Which system calls there are.
    pub calls: State,
}

/// How far one of both holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All of it.
    Whole,
    /// As much as this kernel knows of it.
    Partly,
    /// Not asked for, since it would forbid what is needed.
    NotUsed,
    /// This kernel has it not, or a sandbox around us forbids it.
    Missing,
}

/// Gives up everything else, for this thread and those that it starts. (Threads that are there already keep the right to
/// write to files; system calls are given up by all.)
///
/// Opened files stay as they are. Files without a name can be made where dumps are expanded.
#[cfg(target_os = "linux")]
#[must_use]
pub fn enter(needs: &Needs) -> Held {
    let files = if needs.live || needs.roots { State::NotUsed } else { files::limit(needs) };
    // What other programs call is their own affair.
    let calls = if needs.programs || needs.network { State::NotUsed } else { calls::limit(needs, files) };
    let reads = if needs.read.is_some() { files } else { State::NotUsed };
    Held { files, reads, calls }
}

/// Nothing: this host has neither.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn enter(_: &Needs) -> Held {
    Held { files: State::Missing, reads: State::NotUsed, calls: State::Missing }
}
