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

    /// Copies many pieces in few system calls; each piece that could not be read whole is left out of the answer.
    #[must_use]
    pub fn read_many(&self, pieces: &[(u64, usize)]) -> Vec<(u64, Vec<u8>)> {
        // IOV_MAX of Linux.
        const MOST: usize = 1024;
        let mut out = Vec::with_capacity(pieces.len());
        for group in pieces.chunks(MOST) {
            let mut buffers: Vec<Vec<u8>> = group.iter().map(|(_, len)| vec![0; *len]).collect();
            let wanted: usize = group.iter().map(|(_, len)| *len).sum();
            let remote: Vec<RemoteIoVec> = group
                .iter()
                .map(|(at, len)| RemoteIoVec { base: usize::try_from(*at).unwrap_or(0), len: *len })
                .collect();
            let got = {
                let mut local: Vec<IoSliceMut<'_>> = buffers.iter_mut().map(|b| IoSliceMut::new(b)).collect();
                process_vm_readv(self.pid, &mut local, &remote).unwrap_or(0)
            };
            let mut left = got;
            for ((at, len), mut buffer) in group.iter().copied().zip(buffers) {
                let whole = left >= len && got > 0;
                left = if whole { left.saturating_sub(len) } else { 0 };
                if whole || (got < wanted && self.read(at, &mut buffer) == Ok(len)) {
                    out.push((at, buffer));
                }
            }
        }
        out
    }
}
