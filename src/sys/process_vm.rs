//! Memory of another process (`process_vm_readv(2)`, `/proc/PID/mem`).

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::fs::File;
use std::io::IoSliceMut;
use std::os::unix::fs::FileExt as _;

/// Reads the memory of a process.
#[derive(Debug)]
pub struct ProcessMemory {
    pid: Pid,
    /// Reads what `process_vm_readv` may not: pages without read permission.
    mem: Option<File>,
}

impl ProcessMemory {
    /// The memory of `pid`; whether it may be read shows with the first read.
    #[must_use]
    pub fn new(pid: i32) -> Self {
        ProcessMemory { pid: Pid::from_raw(pid), mem: File::open(format!("/proc/{pid}/mem")).ok() }
    }

    /// Copies from `addr`; how many bytes could be copied before the first unreadable one.
    ///
    /// # Errors
    /// When the process is gone or may not be read; an unmapped address is not an error but a short count.
    pub fn read(&self, addr: u64, buf: &mut [u8]) -> Result<usize, Errno> {
        let len = buf.len();
        let Ok(base) = usize::try_from(addr) else { return Ok(0) };
        let quick = process_vm_readv(self.pid, &mut [IoSliceMut::new(buf)], &[RemoteIoVec { base, len }]);
        let done = match quick {
            Ok(n) if n == len => return Ok(n),
            Ok(n) => n,
            Err(Errno::EFAULT) => 0,
            Err(e) => match &self.mem {
                // Some sandboxes forbid the system call, but not the file.
                Some(_) if e != Errno::ESRCH => 0,
                _ => return Err(e),
            },
        };
        let Some(mem) = &self.mem else { return Ok(done) };
        let mut done = done;
        while let Some(rest) = buf.get_mut(done..).filter(|r| !r.is_empty()) {
            let at = addr.wrapping_add(done as u64);
            // /proc/PID/mem takes offsets as signed: the highest addresses (vsyscall) cannot be asked for.
            match mem.read_at(rest, at) {
                Ok(0) => break,
                Ok(n) => done = done.saturating_add(n),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        Ok(done)
    }

    /// Copies many pieces, one after the other, into a buffer of their whole size, in few system calls; how much of each
    /// could be read before its first unreadable byte.
    #[must_use]
    pub fn read_into(&self, pieces: &[(u64, usize)], buf: &mut [u8]) -> Vec<usize> {
        // IOV_MAX of Linux.
        const MOST: usize = 1024;
        let mut out = Vec::with_capacity(pieces.len());
        let mut rest = buf;
        for group in pieces.chunks(MOST) {
            let wanted = group.iter().fold(0usize, |sum, (_, len)| sum.saturating_add(*len));
            let Some((room, next)) = std::mem::take(&mut rest).split_at_mut_checked(wanted) else { break };
            rest = next;
            let remote: Vec<RemoteIoVec> = group
                .iter()
                .map(|(at, len)| RemoteIoVec { base: usize::try_from(*at).unwrap_or(0), len: *len })
                .collect();
            let mut got = process_vm_readv(self.pid, &mut [IoSliceMut::new(room)], &remote).unwrap_or(0);
            let mut room = room;
            for (at, len) in group {
                let Some((piece, next)) = std::mem::take(&mut room).split_at_mut_checked(*len) else { break };
                room = next;
                let good = got.min(*len);
                got = got.saturating_sub(*len);
                out.push(if good == *len { good } else { self.read(*at, piece).unwrap_or(0) });
            }
        }
        out.resize(pieces.len(), 0);
        out
    }
}

/// Whether two processes share their memory, as one that `vfork` has made and its parent do (kcmp(2)); `None` where the
/// kernel does not say.
#[must_use]
pub fn share_memory(one: i32, other: i32) -> Option<bool> {
    /// `KCMP_VM` of linux/kcmp.h.
    const KCMP_VM: i32 = 1;
    // SAFETY: the call takes numbers only.
    let answer = unsafe { nix::libc::syscall(nix::libc::SYS_kcmp, one, other, KCMP_VM, 0, 0) };
    Errno::result(answer).ok().map(|answer| answer == 0)
}
