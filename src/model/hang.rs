//! Many threads of many processes side by side, as it goes over the wire.

use super::{ChannelKind, Frame, TaskState, TaskWaitKind, WaitKind};
use crate::base::Text;
use serde::{Deserialize, Serialize};

/// Version of this answer: `MAJOR.MINOR`. New optional fields raise MINOR, anything else MAJOR.
pub const HANG_SCHEMA_VERSION: &str = "1.3";

/// Processes side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Hang {
    /// [`HANG_SCHEMA_VERSION`].
    pub schema_version: String,
    /// The processes, in the order in which they were named.
    pub processes: Vec<HangProcess>,
    /// Those that stand elsewhere than most others, by the threads of one role.
    pub odd: Vec<OddOne>,
    /// Running processes that wait for each other by pipes and sockets or for the end of a child: each for the next, and the last for
    /// the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cycles: Vec<Vec<u32>>,
    /// Stacks with the threads that stand there, the rarest first.
    pub stacks: Vec<HangStack>,
    /// Tasks that have not ended and greenlets that are suspended, those that stand alike together, the rarest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<HangTasks>,
    /// What could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
}

/// One process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct HangProcess {
    /// The file it was read from, or its process id.
    pub name: String,
    /// Process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// Its command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Threads with Python frames.
    pub threads: u32,
    /// What its threads wait for of other processes, while they run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<ChannelWait>,
    /// Titles of findings that are likely or certain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

/// A thread or task of a running process that sleeps until another process reads from a pipe or socket, or writes to it, or a thread
/// that waits for the end of a child process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct ChannelWait {
    /// The operating system's id of the thread; of a task that of its event loop's, 0 where it is not known.
    pub tid: u64,
    /// Name of the task, where a task waits and not a thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Text>,
    /// The system call that the thread is in.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub call: String,
    /// What it is.
    pub kind: ChannelKind,
    /// Its file descriptor; 0 where it waits for a child process.
    pub fd: u32,
    /// The kernel's number of it; 0 where it waits for a child process.
    pub inode: u64,
    /// Child processes the end of any of which it waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<u64>,
    /// Whether it writes.
    pub writes: bool,
    /// Numbers in [`Hang::processes`] of those that have the other end open, or are one of those children.
    pub peers: Vec<u32>,
    /// Whether its own process has the other end open, too: it then never comes to an end by itself.
    pub itself: bool,
}

/// Processes whose threads of one role do not stand where those of most processes stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct OddOne {
    /// Name of the threads, its numbers as `N`: `MainThread`, `worker-N`.
    pub role: String,
    /// Numbers in [`Hang::processes`].
    pub processes: Vec<u32>,
    /// How many processes stand together elsewhere.
    pub others: u32,
    /// Where the first of the odd ones stands: a number in [`Hang::stacks`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<u32>,
    /// Where the others stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others_stack: Option<u32>,
}

/// Threads that stand in the same place and wait for the same kind of thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct HangStack {
    /// Frames, innermost first, without what differs from thread to thread.
    pub frames: Vec<Frame>,
    /// Kind of thing that they wait for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<WaitKind>,
    /// What the first of them waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// The threads.
    pub threads: Vec<HangThread>,
}

/// Tasks that stand in the same place and wait for the same kind of thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct HangTasks {
    /// Frames, innermost first, without what differs from task to task.
    pub frames: Vec<Frame>,
    /// State of the tasks.
    pub state: TaskState,
    /// Kind of thing that they wait for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<TaskWaitKind>,
    /// What the first of them waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Whether they are greenlets.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub greenlets: bool,
    /// How many there are.
    pub count: u64,
    /// Name of the first; of greenlets that of their type.
    pub name: Text,
    /// Numbers in [`Hang::processes`] of those that have such tasks.
    pub processes: Vec<u32>,
}

/// One thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct HangThread {
    /// Number of its process in [`Hang::processes`].
    pub process: u32,
    /// The operating system's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u64>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Thread of the same process that has what it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<u64>,
}

/// A process that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Unreadable {
    /// The file or process id.
    pub name: String,
    /// Why.
    pub why: String,
}
