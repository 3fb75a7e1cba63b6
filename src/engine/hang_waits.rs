//! Which processes wait for which by pipes and sockets between them, and for the end of which children: running processes alone, as
//! no dump has the kernel's tables.

use crate::base::Text;
use crate::debuggee::live::{Channel, Channels, End};
use crate::model::hang::{ChannelWait, Hang};
use crate::model::{ChannelKind, Report, TaskWaitKind, WaitKind};
use std::collections::HashMap;

/// Processes that one thread waits for.
const MAX_PEERS: usize = 1000;

/// What a running process has open, and which of it its tasks wait for.
#[derive(Clone, Debug, Default)]
pub struct Open {
    /// Number in [`Hang::processes`].
    pub process: usize,
    /// Its pipes and sockets, and threads that sleep on some.
    pub channels: Channels,
    /// Tasks that wait for a socket.
    pub tasks: Vec<TaskOn>,
}

/// A task that waits for a file descriptor.
#[derive(Clone, Debug)]
pub struct TaskOn {
    task: Text,
    tid: u64,
    fd: u32,
    writes: bool,
}

/// The tasks of a process that wait for file descriptors.
#[must_use]
pub fn tasks_on(report: &Report) -> Vec<TaskOn> {
    let Some(found) = &report.tasks else { return Vec::new() };
    let on = |task: &crate::model::tasks::Task| {
        let wait = task.waits_for.as_ref()?;
        let writes = match wait.kind {
            TaskWaitKind::SocketRead | TaskWaitKind::StreamRead => false,
            TaskWaitKind::SocketWrite | TaskWaitKind::StreamWrite => true,
            _ => return None,
        };
        let event_loop = found.loops.iter().find(|one| Some(one.addr) == task.event_loop);
        let tid = event_loop.and_then(|one| one.thread).unwrap_or(0);
        Some(TaskOn { task: task.name.clone(), tid, fd: u32::try_from(wait.fd?).ok()?, writes })
    };
    found.tasks.iter().filter_map(on).collect()
}

/// Adds what the threads and tasks of processes wait for of each other. `unix`: the other end of each Unix socket.
pub fn add(hang: &mut Hang, all: &[Open], unix: &HashMap<u64, u64>) {
    let holders = Holders::new(all, unix);
    let numbers: HashMap<u64, u32> =
        hang.processes.iter().zip(0..).filter_map(|(one, n)| Some((one.pid?, n))).collect();
    for Open { process, channels, tasks } in all {
        let end = |fd: u32| {
            let at = channels.ends.binary_search_by_key(&fd, |end| end.fd).ok()?;
            channels.ends.get(at)
        };
        let of_threads = channels.sleepers.iter().flat_map(|sleeper| {
            let wait = |(fd, writes): &(u32, bool)| {
                let wait = holders.wait(*process, end(*fd)?, *writes);
                Some(ChannelWait { tid: sleeper.tid, call: sleeper.call.to_owned(), ..wait })
            };
            sleeper.on.iter().filter_map(wait)
        });
        let for_children = channels.sleepers.iter().filter(|sleeper| !sleeper.children.is_empty()).map(|sleeper| {
            let known = sleeper.children.iter().filter_map(|pid| numbers.get(pid).copied());
            ChannelWait {
                tid: sleeper.tid,
                call: sleeper.call.to_owned(),
                kind: ChannelKind::Child,
                peers: known.take(MAX_PEERS).collect(),
                children: sleeper.children.iter().copied().take(MAX_PEERS).collect(),
                ..ChannelWait::default()
            }
        });
        let of_tasks = tasks.iter().filter_map(|on| {
            let wait = holders.wait(*process, end(on.fd)?, on.writes);
            Some(ChannelWait { tid: on.tid, task: Some(on.task.clone()), ..wait })
        });
        let mut waits: Vec<ChannelWait> = of_threads.chain(for_children).chain(of_tasks).collect();
        waits.sort_by_key(|wait| (wait.task.is_some(), wait.tid, wait.fd));
        if let Some(process) = hang.processes.get_mut(*process) {
            process.waits = waits;
        }
    }
    hang.cycles = cycles(hang);
}

/// Who has which end of what open.
struct Holders<'a> {
    pipes: HashMap<u64, Vec<(usize, End)>>,
    sockets: HashMap<u64, Vec<usize>>,
    /// The other end of a connected socket of TCP.
    peers: HashMap<u64, u64>,
    /// The other end of a Unix socket.
    unix: &'a HashMap<u64, u64>,
}

impl<'a> Holders<'a> {
    fn new(all: &[Open], unix: &'a HashMap<u64, u64>) -> Holders<'a> {
        let mut holders = Holders { pipes: HashMap::new(), sockets: HashMap::new(), peers: HashMap::new(), unix };
        // Of a connection the two ends have the same addresses the other way round.
        let mut addresses: HashMap<(&str, &str), u64> = HashMap::new();
        for Open { process, channels: open, .. } in all {
            for end in &open.ends {
                match end.channel {
                    Channel::Pipe(number) => holders.pipes.entry(number).or_default().push((*process, *end)),
                    Channel::Socket(number) => holders.sockets.entry(number).or_default().push(*process),
                }
            }
            for (inode, (own, other)) in &open.connections {
                addresses.insert((own, other), *inode);
            }
        }
        for open in all.iter().map(|open| &open.channels) {
            for (inode, (own, other)) in &open.connections {
                if let Some(peer) = addresses.get(&(other.as_str(), own.as_str())).filter(|peer| *peer != inode) {
                    holders.peers.insert(*inode, *peer);
                }
            }
        }
        holders
    }

    fn wait(&self, process: usize, end: &End, writes: bool) -> ChannelWait {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (kind, inode, mut peers) = match end.channel {
            Channel::Pipe(inode) => {
                // Who reads waits for those that can write, and the other way round.
                let other = |end: &End| if writes { end.reads } else { end.writes };
                let all = self.pipes.get(&inode).into_iter().flatten().filter(|(_, end)| other(end));
                (ChannelKind::Pipe, inode, all.map(|(process, _)| *process).collect::<Vec<_>>())
            }
            Channel::Socket(inode) => {
                let (kind, peer) = match self.unix.get(&inode) {
                    Some(peer) => (ChannelKind::UnixSocket, Some(peer)),
                    None => (ChannelKind::Socket, self.peers.get(&inode)),
                };
                (kind, inode, peer.and_then(|peer| self.sockets.get(peer)).cloned().unwrap_or_default())
            }
        };
        peers.sort_unstable();
        peers.dedup();
        let itself = peers.contains(&process);
        peers.retain(|peer| *peer != process);
        peers.truncate(MAX_PEERS);
        ChannelWait {
            kind,
            fd: end.fd,
            inode,
            writes,
            peers: peers.into_iter().map(number).collect(),
            itself,
            ..ChannelWait::default()
        }
    }
}

/// Processes each of which waits for the next alone, with all of its threads that wait for one.
fn cycles(hang: &Hang) -> Vec<Vec<u32>> {
    let next = |number: u32| -> Option<u32> {
        let process = hang.processes.get(usize::try_from(number).ok()?)?;
        // A loop whose tasks wait serves others as well.
        let of_threads = || process.waits.iter().filter(|wait| wait.task.is_none());
        let mut on = of_threads().map(|wait| match wait.peers.as_slice() {
            // The end of a child that is not looked at ends the wait, too.
            [one] if wait.kind == ChannelKind::Child => (wait.children.len() == 1).then_some(*one),
            // Nobody reads what a process writes to itself while all of its threads wait.
            [one] if !wait.itself || wait.writes => Some(*one),
            _ => None,
        });
        let first = on.next()??;
        // Another thread that works may end the wait; one that waits for such a thread cannot.
        let threads =
            hang.stacks.iter().filter(|stack| stack.wait != Some(WaitKind::Gil)).flat_map(|stack| &stack.threads);
        let waits = |tid: Option<u64>| tid.is_some() && of_threads().any(|wait| Some(wait.tid) == tid);
        let behind = threads.filter(|thread| thread.process == number && waits(thread.owner) && !waits(thread.tid));
        let asleep = of_threads().count().saturating_add(behind.count());
        (usize::try_from(process.threads).ok()? <= asleep && on.all(|other| other == Some(first))).then_some(first)
    };
    let mut found: Vec<Vec<u32>> = Vec::new();
    for start in 0..u32::try_from(hang.processes.len()).unwrap_or(u32::MAX) {
        let mut way = vec![start];
        while let Some(on) = way.last().and_then(|last| next(*last)) {
            if let Some(at) = way.iter().position(|process| *process == on) {
                let cycle = way.split_off(at);
                if !found.iter().any(|known| known.contains(&on)) {
                    found.push(cycle);
                }
                break;
            }
            way.push(on);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debuggee::live::Sleeper;
    use crate::model::hang::HangProcess;

    fn process(ends: &[(u32, Channel, bool)], sleeps: &[(u32, bool)]) -> Channels {
        let end = |(fd, channel, writes): &(u32, Channel, bool)| End {
            fd: *fd,
            channel: *channel,
            reads: !writes || matches!(channel, Channel::Socket(_)),
            writes: *writes || matches!(channel, Channel::Socket(_)),
        };
        let sleeper = |on: &(u32, bool)| Sleeper { tid: 1, call: "read", on: vec![*on], children: Vec::new() };
        Channels {
            ends: ends.iter().map(end).collect(),
            sleepers: sleeps.iter().map(sleeper).collect(),
            ..Channels::default()
        }
    }

    fn hang(channels: Vec<Channels>) -> Hang {
        let threads = |c: &Channels| HangProcess { threads: c.sleepers.len() as u32, ..HangProcess::default() };
        let mut hang = Hang { processes: channels.iter().map(threads).collect(), ..Hang::default() };
        let open = |(process, channels)| Open { process, channels, tasks: Vec::new() };
        let all: Vec<Open> = channels.into_iter().enumerate().map(open).collect();
        add(&mut hang, &all, &HashMap::from([(20, 21), (21, 20)]));
        hang
    }

    #[test]
    fn who_has_the_other_end_is_waited_for() {
        use Channel::Pipe;
        let found = hang(vec![
            process(&[(3, Pipe(7), false)], &[(3, false)]),
            process(&[(4, Pipe(7), true), (5, Pipe(8), true)], &[(5, true)]),
            process(&[(6, Pipe(8), false), (7, Pipe(8), true)], &[(6, false)]),
        ]);
        let waits = |n: usize| (found.processes[n].waits[0].peers.clone(), found.processes[n].waits[0].itself);
        assert_eq!((waits(0), waits(1), waits(2)), ((vec![1], false), (vec![2], false), (vec![1], true)));
        assert!(found.cycles.is_empty(), "the third has an end of its own open: {:?}", found.cycles);
    }

    #[test]
    fn a_cycle_is_found_where_nobody_else_can_end_it() {
        use Channel::Pipe;
        let parent = || process(&[(3, Pipe(7), true), (4, Pipe(8), false)], &[(3, true)]);
        let child = || process(&[(0, Pipe(7), false), (1, Pipe(8), true)], &[(1, true)]);
        assert_eq!(hang(vec![parent(), child()]).cycles, [[0, 1]]);
        // A third one that has the end of the pipe may read from it.
        let other = process(&[(5, Pipe(7), false)], &[]);
        assert!(hang(vec![parent(), child(), other]).cycles.is_empty());
        let mut hang = hang(vec![parent(), child()]);
        hang.processes[1].threads = 2;
        assert!(cycles(&hang).is_empty(), "another thread of it works");
    }

    /// `Popen(..., stdout=PIPE).wait()` of a child that writes more than a pipe holds.
    #[test]
    fn a_parent_waits_for_the_end_of_a_child_that_waits_for_it() {
        use Channel::Pipe;
        let found = |children: &[u64]| {
            let mut parent = process(&[(3, Pipe(7), false)], &[]);
            parent.sleepers.push(Sleeper { tid: 1, call: "wait4", on: Vec::new(), children: children.to_vec() });
            // A child that was forked has both ends.
            let child = process(&[(1, Pipe(7), true), (3, Pipe(7), false)], &[(1, true)]);
            let one = |pid: u64| HangProcess { pid: Some(pid), threads: 1, ..HangProcess::default() };
            let mut hang = Hang { processes: vec![one(50), one(51)], ..Hang::default() };
            let open = |(process, channels)| Open { process, channels, tasks: Vec::new() };
            let all: Vec<Open> = [parent, child].into_iter().enumerate().map(open).collect();
            add(&mut hang, &all, &HashMap::new());
            hang
        };
        let hang = found(&[51]);
        let wait = &hang.processes[0].waits[0];
        assert_eq!(
            (wait.kind, wait.peers.as_slice(), wait.call.as_str()),
            (ChannelKind::Child, [1].as_slice(), "wait4")
        );
        assert_eq!(hang.cycles, [[0, 1]]);
        assert!(found(&[51, 52]).cycles.is_empty(), "the other child may end");
    }

    #[test]
    fn ends_of_a_connection_have_each_others_addresses() {
        let with = |inode: u64, own: &str, other: &str| {
            let mut one = process(&[(3, Channel::Socket(inode), false)], &[(3, false)]);
            one.connections.insert(inode, (own.to_owned(), other.to_owned()));
            one
        };
        let found = hang(vec![with(7, "A:1", "B:2"), with(8, "B:2", "A:1")]);
        assert_eq!(found.processes[0].waits[0].peers, [1]);
        assert_eq!(found.cycles, [[0, 1]]);
    }

    #[test]
    fn ends_of_a_unix_socket_are_what_the_kernel_says() {
        let with = |inode: u64| process(&[(3, Channel::Socket(inode), false)], &[(3, false)]);
        let found = hang(vec![with(20), with(21)]);
        let wait = &found.processes[1].waits[0];
        assert_eq!((wait.kind, wait.peers.as_slice()), (ChannelKind::UnixSocket, [0].as_slice()));
        assert_eq!(found.cycles, [[0, 1]]);
    }

    #[test]
    fn a_task_waits_and_its_thread_does_not() {
        let open = |process: usize, inode: u64, fd: u32| {
            let task = TaskOn { task: Text::from("reader"), tid: 9, fd: 3, writes: false };
            let ends = process_with(inode, fd);
            Open { process, channels: ends, tasks: vec![task] }
        };
        fn process_with(inode: u64, fd: u32) -> Channels {
            process(&[(fd, Channel::Socket(inode), false)], &[])
        }
        let mut hang = Hang { processes: vec![HangProcess::default(), HangProcess::default()], ..Hang::default() };
        add(&mut hang, &[open(0, 20, 3), open(1, 21, 4)], &HashMap::from([(20, 21), (21, 20)]));
        let [wait] = hang.processes[0].waits.as_slice() else { panic!("{:?}", hang.processes) };
        assert_eq!((wait.peers.as_slice(), wait.tid), ([1].as_slice(), 9));
        assert_eq!(wait.task, Some(Text::from("reader")));
        assert!(hang.processes[1].waits.is_empty(), "its task's descriptor is not open");
        assert!(hang.cycles.is_empty());
    }
}
