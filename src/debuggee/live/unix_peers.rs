//! Which Unix sockets of this host are connected to which: `/proc` does not tell, the kernel's table of sockets does (sock_diag(7)).

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Write as _};

/// `SOCK_DIAG_BY_FAMILY`, `NLMSG_ERROR`, `NLMSG_DONE` (linux/sock_diag.h, linux/netlink.h).
const BY_FAMILY: u16 = 20;
const FAILED: u16 = 2;
const DONE: u16 = 3;
/// `NLM_F_REQUEST | NLM_F_DUMP`: all of them.
const DUMP: u16 = 0x301;
/// `AF_UNIX`; `UDIAG_SHOW_PEER`; `UNIX_DIAG_PEER` (linux/unix_diag.h).
const UNIX: u8 = 1;
const SHOW_PEER: u32 = 4;
const PEER: u16 = 2;
/// Bytes of a `struct nlmsghdr`, of a `struct unix_diag_msg`, of a `struct nlattr`.
const HEAD: usize = 16;
const MESSAGE: usize = 16;
const ATTRIBUTE: usize = 4;
/// Where `udiag_ino` is in a `struct unix_diag_msg`.
const INODE: usize = 4;
/// Reads of 32 KiB, each with hundreds of sockets.
const MAX_READS: usize = 1 << 16;

/// The kernel's table of Unix sockets.
#[derive(Debug)]
pub struct UnixSockets(File);

impl UnixSockets {
    /// Opens it; `None` where that is not allowed, as after giving up what reading a dump does not need.
    #[must_use]
    pub fn open() -> Option<UnixSockets> {
        crate::sys::sock_diag().ok().map(UnixSockets)
    }

    /// The other end of each connected Unix socket of this network namespace, by the kernel's numbers. Empty where the
    /// kernel does not say.
    #[must_use]
    pub fn peers(self) -> HashMap<u64, u64> {
        ask(self.0).unwrap_or_default()
    }
}

fn ask(mut kernel: File) -> io::Result<HashMap<u64, u64>> {
    kernel.write_all(&question())?;
    let mut peers = HashMap::new();
    let mut answer = vec![0; 32 << 10];
    for _ in 0..MAX_READS {
        let len = kernel.read(&mut answer)?;
        if len == 0 || take(answer.get(..len).unwrap_or_default(), &mut peers) {
            break;
        }
    }
    Ok(peers)
}

/// A `struct nlmsghdr` and a `struct unix_diag_req` for sockets in all states.
fn question() -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(40u32.to_ne_bytes());
    out.extend(BY_FAMILY.to_ne_bytes());
    out.extend(DUMP.to_ne_bytes());
    // Sequence number, sender.
    out.extend([0; 8]);
    // Family, protocol, padding; states; number; what to show; cookie.
    out.extend([UNIX, 0, 0, 0]);
    out.extend(u32::MAX.to_ne_bytes());
    out.extend(0u32.to_ne_bytes());
    out.extend(SHOW_PEER.to_ne_bytes());
    out.extend([0xff; 8]);
    out
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Takes what one read gave; whether it was the last.
fn take(mut bytes: &[u8], peers: &mut HashMap<u64, u64>) -> bool {
    while let (Some(len), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if kind == DONE || kind == FAILED || len < HEAD {
            return true;
        }
        let Some(message) = bytes.get(HEAD..len) else { return true };
        if let (Some(own), Some(other)) = (u32_at(message, INODE), peer(message)) {
            peers.insert(u64::from(own), u64::from(other));
        }
        // Messages begin at multiples of four.
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

/// The attribute with the number of the other end.
fn peer(message: &[u8]) -> Option<u32> {
    let mut rest = message.get(MESSAGE..)?;
    loop {
        let (len, kind) = (usize::from(u16_at(rest, 0)?), u16_at(rest, 2)?);
        if kind == PEER {
            return u32_at(rest, ATTRIBUTE);
        }
        rest = rest.get(len.max(ATTRIBUTE).next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_ends_of_a_pair_lead_to_each_other() {
        let (one, other) = UnixStream::pair().unwrap();
        let inode = |socket: &UnixStream| {
            let file = std::fs::File::from(std::os::fd::OwnedFd::from(socket.try_clone().unwrap()));
            file.metadata().unwrap().ino()
        };
        let Some(table) = UnixSockets::open() else { return };
        let peers = table.peers();
        assert_eq!(peers.get(&inode(&one)), Some(&inode(&other)));
        assert_eq!(peers.get(&inode(&other)), Some(&inode(&one)));
    }

    #[test]
    fn an_answer_that_is_cut_ends() {
        let mut peers = HashMap::new();
        let message = [&36u32.to_ne_bytes()[..], &BY_FAMILY.to_ne_bytes(), &[0; 10]].concat();
        let socket = [&[UNIX, 1, 1, 0][..], &7u32.to_ne_bytes(), &[0; 8]].concat();
        let attribute = [&8u16.to_ne_bytes()[..], &PEER.to_ne_bytes(), &9u32.to_ne_bytes()].concat();
        let whole = [message, socket, attribute].concat();
        // The length says less than is there: the attribute is cut off.
        assert!(!take(&whole, &mut peers));
        assert!(peers.is_empty());
        let mut whole = whole;
        whole[..4].copy_from_slice(&40u32.to_ne_bytes());
        assert!(!take(&whole, &mut peers));
        assert_eq!(peers.get(&7), Some(&9));
        for len in 0..whole.len() {
            take(&whole[..len], &mut HashMap::new());
        }
        assert!(take(&[&16u32.to_ne_bytes()[..], &DONE.to_ne_bytes(), &[0; 10]].concat(), &mut peers));
    }
}
