//! Which processes wait for which by pipes and sockets between them: running processes alone, as no dump has the kernel's tables.

use crate::debuggee::live::{Channel, Channels, End};
use crate::model::ChannelKind;
use crate::model::hang::{ChannelWait, Hang};
use std::collections::HashMap;

/// Processes that one thread waits for.
const MAX_PEERS: usize = 1000;

/// Adds what the threads of processes wait for of each other. `channels`: number in [`Hang::processes`], and what is open
/// there.
pub fn add(hang: &mut Hang, channels: &[(usize, Channels)]) {
    let holders = Holders::new(channels);
    for (process, open) in channels {
        let waits = open.sleepers.iter().flat_map(|sleeper| {
            sleeper.on.iter().filter_map(|(fd, writes)| {
                let end = open.ends.iter().find(|end| end.fd == *fd)?;
                Some(holders.wait(*process, sleeper.tid, sleeper.call, end, *writes))
            })
        });
        let mut waits: Vec<ChannelWait> = waits.collect();
        waits.sort_by_key(|wait| (wait.tid, wait.fd));
        if let Some(process) = hang.processes.get_mut(*process) {
            process.waits = waits;
        }
    }
    hang.cycles = cycles(hang);
}

/// Who has which end of what open.
struct Holders {
    pipes: HashMap<u64, Vec<(usize, End)>>,
    sockets: HashMap<u64, Vec<usize>>,
    /// The other end of a connected socket.
    peers: HashMap<u64, u64>,
}

impl Holders {
    fn new(channels: &[(usize, Channels)]) -> Holders {
        let mut holders = Holders { pipes: HashMap::new(), sockets: HashMap::new(), peers: HashMap::new() };
        // Of a connection the two ends have the same addresses the other way round.
        let mut addresses: HashMap<(&str, &str), u64> = HashMap::new();
        for (process, open) in channels {
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
        for (_, open) in channels {
            for (inode, (own, other)) in &open.connections {
                if let Some(peer) = addresses.get(&(other.as_str(), own.as_str())).filter(|peer| *peer != inode) {
                    holders.peers.insert(*inode, *peer);
                }
            }
        }
        holders
    }

    fn wait(&self, process: usize, tid: u64, call: &str, end: &End, writes: bool) -> ChannelWait {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (kind, inode, mut peers) = match end.channel {
            Channel::Pipe(inode) => {
                // Who reads waits for those that can write, and the other way round.
                let other = |end: &End| if writes { end.reads } else { end.writes };
                let all = self.pipes.get(&inode).into_iter().flatten().filter(|(_, end)| other(end));
                (ChannelKind::Pipe, inode, all.map(|(process, _)| *process).collect::<Vec<_>>())
            }
            Channel::Socket(inode) => {
                let peer = self.peers.get(&inode).and_then(|peer| self.sockets.get(peer));
                (ChannelKind::Socket, inode, peer.cloned().unwrap_or_default())
            }
        };
        peers.sort_unstable();
        peers.dedup();
        let itself = peers.contains(&process);
        peers.retain(|peer| *peer != process);
        peers.truncate(MAX_PEERS);
        ChannelWait {
            tid,
            call: call.to_owned(),
            kind,
            fd: end.fd,
            inode,
            writes,
            peers: peers.into_iter().map(number).collect(),
            itself,
        }
    }
}

/// Processes each of which waits for the next alone, with all of its threads that wait for one.
fn cycles(hang: &Hang) -> Vec<Vec<u32>> {
    let next = |process: u32| -> Option<u32> {
        let process = hang.processes.get(usize::try_from(process).ok()?)?;
        let mut on = process.waits.iter().map(|wait| match wait.peers.as_slice() {
            [one] if !wait.itself => Some(*one),
            _ => None,
        });
        let first = on.next()??;
        // Another thread that works may end the wait.
        (usize::try_from(process.threads).ok()? <= process.waits.len() && on.all(|other| other == Some(first)))
            .then_some(first)
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
        let sleeper = |on: &(u32, bool)| Sleeper { tid: 1, call: "read", on: vec![*on] };
        Channels {
            ends: ends.iter().map(end).collect(),
            sleepers: sleeps.iter().map(sleeper).collect(),
            ..Channels::default()
        }
    }

    fn hang(channels: Vec<Channels>) -> Hang {
        let threads = |c: &Channels| HangProcess { threads: c.sleepers.len() as u32, ..HangProcess::default() };
        let mut hang = Hang { processes: channels.iter().map(threads).collect(), ..Hang::default() };
        let channels: Vec<(usize, Channels)> = channels.into_iter().enumerate().collect();
        add(&mut hang, &channels);
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
}
