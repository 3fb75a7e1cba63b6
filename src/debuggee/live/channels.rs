//! Pipes and sockets of a running process, and which of them, or of its children, its threads wait for (`/proc`; proc(5)).

use crate::arch::{self, FdCall, FdUse, awaited_child};
use crate::debuggee::procfs::read;
use std::collections::HashMap;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// File descriptors and threads of one process that are looked at.
const MAX_FDS: usize = 1 << 16;
const MAX_THREADS: usize = 1 << 14;
/// Children of one process that are looked at.
const MAX_CHILDREN: usize = 1 << 14;
/// File descriptors of one `poll`: one that waits for more serves many, and waits for none of them.
const MAX_POLLED: u64 = 16;
/// Bytes of a `struct pollfd`: fd, events, revents (poll(2)).
const POLLFD: u64 = 8;
/// `POLLIN`, `POLLOUT`.
const POLL_IN: u16 = 1;
const POLL_OUT: u16 = 4;
/// `O_ACCMODE`: the lowest bits of the flags; `O_WRONLY`, `O_RDWR` (open(2)).
const ACCESS_MODE: u32 = 3;
const WRITE_ONLY: u32 = 1;

/// What a file descriptor leads to, by the kernel's number (its inode).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// A pipe or FIFO without a name.
    Pipe(u64),
    /// One end of a connection.
    Socket(u64),
}

/// A file descriptor of a pipe or socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The file descriptor.
    pub fd: u32,
    /// What it leads to.
    pub channel: Channel,
    /// Whether it can be read from.
    pub reads: bool,
    /// Whether it can be written to.
    pub writes: bool,
}

/// A thread that sleeps until a file descriptor is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sleeper {
    /// Its id.
    pub tid: u64,
    /// The system call that it is in.
    pub call: &'static str,
    /// File descriptors, each with whether it is to be written to.
    pub on: Vec<(u32, bool)>,
    /// Child processes the end of any of which it waits for.
    pub children: Vec<u64>,
}

/// The pipes and sockets of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    /// All of them, by file descriptor.
    pub ends: Vec<End>,
    /// Threads that sleep on some.
    pub sleepers: Vec<Sleeper>,
    /// Of each connected TCP socket its two addresses, as the kernel writes them: own, then the other end's.
    pub connections: HashMap<u64, (String, String)>,
}

/// The pipes and sockets of a process of this host; what cannot be read of it is left out.
#[must_use]
pub fn channels(pid: i32) -> Channels {
    let process = Path::new("/proc").join(pid.to_string());
    let ends = ends(&process);
    let sleepers = numbers(&process.join("task"), MAX_THREADS);
    let sleepers = sleepers.filter_map(|tid| sleeper(&process, tid)).collect();
    let sockets = ends.iter().any(|end| matches!(end.channel, Channel::Socket(_)));
    let connections = if sockets { connections(&process) } else { HashMap::new() };
    Channels { ends, sleepers, connections }
}

fn numbers(directory: &Path, most: usize) -> impl Iterator<Item = u64> + use<> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().to_str()?.parse().ok()).take(most)
}

fn ends(process: &Path) -> Vec<End> {
    let end = |fd: u64| {
        let target = std::fs::read_link(process.join("fd").join(fd.to_string())).ok()?;
        let channel = channel(target.to_str()?)?;
        let info = text(&process.join("fdinfo").join(fd.to_string()))?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
        let mode = u32::from_str_radix(flags.trim(), 8).ok()? & ACCESS_MODE;
        Some(End { fd: u32::try_from(fd).ok()?, channel, reads: mode != WRITE_ONLY, writes: mode != 0 })
    };
    let mut found: Vec<End> = numbers(&process.join("fd"), MAX_FDS).filter_map(end).collect();
    found.sort_by_key(|end| end.fd);
    found
}

/// `pipe:[123]`, `socket:[123]`.
fn channel(target: &str) -> Option<Channel> {
    let (kind, rest) = target.split_once(":[")?;
    let inode = rest.strip_suffix(']')?.parse().ok()?;
    match kind {
        "pipe" => Some(Channel::Pipe(inode)),
        "socket" => Some(Channel::Socket(inode)),
        _ => None,
    }
}

fn text(path: &Path) -> Option<String> {
    Some(String::from_utf8_lossy(&read(path).ok()?).into_owned())
}

/// What a thread sleeps on: number and arguments of its system call; those of one that runs are not told.
fn sleeper(process: &Path, tid: u64) -> Option<Sleeper> {
    let line = text(&process.join("task").join(tid.to_string()).join("syscall"))?;
    let calls = arch::by_tool_name(std::env::consts::ARCH)?.fd_calls;
    let (call, usage, arguments) = asleep_in(&line, calls)?;
    let first = *arguments.first()?;
    let mut awaited = Vec::new();
    let on = match usage {
        FdUse::Reads => vec![(u32::try_from(first).ok()?, false)],
        FdUse::Writes => vec![(u32::try_from(first).ok()?, true)],
        FdUse::Polls => polled(&process.join("mem"), first, *arguments.get(1)?)?,
        FdUse::Child | FdUse::ChildById => {
            awaited =
                awaited_child(usage, first, *arguments.get(1)?)?.map_or_else(|| children(process), |pid| vec![pid]);
            Vec::new()
        }
    };
    Some(Sleeper { tid, call, on, children: awaited })
}

/// The children of a process, by the thread that started each.
fn children(process: &Path) -> Vec<u64> {
    let of_thread = |tid: u64| text(&process.join("task").join(tid.to_string()).join("children")).unwrap_or_default();
    let lists = numbers(&process.join("task"), MAX_THREADS).map(of_thread);
    let mut found: Vec<u64> = lists.flat_map(|list| pids(&list)).take(MAX_CHILDREN).collect();
    found.sort_unstable();
    found
}

fn pids(list: &str) -> Vec<u64> {
    list.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn asleep_in(line: &str, calls: &[FdCall]) -> Option<(&'static str, FdUse, Vec<u64>)> {
    let mut words = line.split_ascii_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    let (_, name, usage) = *calls.iter().find(|(n, _, _)| *n == number)?;
    let arguments = words.filter_map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()).take(6).collect();
    Some((name, usage, arguments))
}

/// The file descriptors of a `poll`, from its array in the process's memory.
fn polled(memory: &Path, at: u64, count: u64) -> Option<Vec<(u32, bool)>> {
    if count == 0 || count > MAX_POLLED {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(count.checked_mul(POLLFD)?).ok()?];
    std::fs::File::open(memory).ok()?.read_exact_at(&mut bytes, at).ok()?;
    let one = |bytes: &[u8; 8]| {
        let [a, b, c, d, events, high, ..] = *bytes;
        let fd = u32::try_from(i32::from_ne_bytes([a, b, c, d])).ok()?;
        let events = u16::from_ne_bytes([events, high]);
        (events & (POLL_IN | POLL_OUT) != 0).then_some((fd, events & POLL_IN == 0))
    };
    Some(bytes.as_chunks::<8>().0.iter().filter_map(one).collect())
}

/// `/proc/PID/net/tcp`: number, own address, other address, state, ..., inode as the tenth word.
fn connections(process: &Path) -> HashMap<u64, (String, String)> {
    let mut found = HashMap::new();
    for file in ["net/tcp", "net/tcp6"] {
        let Some(table) = text(&process.join(file)) else { continue };
        for line in table.lines().skip(1) {
            let words: Vec<&str> = line.split_ascii_whitespace().take(10).collect();
            if let [_, own, other, _, .., inode] = words.as_slice()
                && let Ok(inode) = inode.parse()
            {
                found.insert(inode, ((*own).to_owned(), (*other).to_owned()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_lines_of_the_kernel_are_understood() {
        assert_eq!(channel("pipe:[42]"), Some(Channel::Pipe(42)));
        assert_eq!(channel("socket:[7]"), Some(Channel::Socket(7)));
        assert_eq!(channel("anon_inode:[eventpoll]"), None);
        assert_eq!(channel("/dev/null"), None);
        let calls = arch::cpu(crate::base::Arch::X86_64).fd_calls;
        let (call, usage, arguments) = asleep_in("0 0x5 0x7f00 0x1000 0x0 0x0 0x0 0x7ffe 0x7f01\n", calls).unwrap();
        assert!(call == "read" && matches!(usage, FdUse::Reads) && arguments[..3] == [5, 0x7f00, 0x1000]);
        assert!(asleep_in("running\n", calls).is_none());
        assert!(asleep_in("-1 0x7ffe 0x7f01\n", calls).is_none());
    }
}
