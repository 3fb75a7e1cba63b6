//! Stopping the threads of a process and taking their registers (Linux `ptrace(2)`).
//!
//! Every request must come from the operating system thread that attached: [`Stopped`] can be neither sent nor
//! shared. When it is dropped, or when this process dies in whatever way, the kernel lets the threads go on.

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::time::{Duration, Instant};

/// The threads of a process, stopped.
#[derive(Debug)]
pub struct Stopped {
    /// Stopped threads; the value is a signal that was on its way and must be handed on.
    threads: BTreeMap<i32, Option<Signal>>,
    /// Seized, but not seen to stop in time (uninterruptible sleep).
    running: Vec<i32>,
    /// ptrace belongs to one thread of ours.
    _here: PhantomData<*const ()>,
}

/// Thread ids of a process, ascending, as this process's pid namespace names them.
///
/// # Errors
/// What reading `/proc/PID/task` says.
pub fn thread_ids(pid: i32) -> io::Result<Vec<i32>> {
    let list = std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task"))?;
    let mut ids: Vec<i32> = list.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect();
    ids.sort_unstable();
    Ok(ids)
}

impl Stopped {
    /// Stops all threads of `pid`, waiting at most `patience` for those that do not stop at once.
    ///
    /// # Errors
    /// `EPERM` when it is not permitted, `ESRCH` when there is no such process. Threads stopped until then go on.
    pub fn stop(pid: i32, patience: Duration) -> Result<Stopped, Errno> {
        let mut stopped = Stopped { threads: BTreeMap::new(), running: Vec::new(), _here: PhantomData };
        let start = Instant::now();
        // A running thread may start others; a round that finds nothing new has caught all.
        for round in 0.. {
            let ids = thread_ids(pid).map_err(|_| Errno::ESRCH)?;
            let fresh: Vec<i32> = ids.into_iter().filter(|id| !stopped.knows(*id)).collect();
            if fresh.is_empty() || start.elapsed() > patience {
                break;
            }
            let mut seized = 0usize;
            for id in fresh {
                match ptrace::seize(Pid::from_raw(id), Options::empty()) {
                    Ok(()) => {
                        stopped.running.push(id);
                        seized = seized.saturating_add(1);
                        let _ = ptrace::interrupt(Pid::from_raw(id));
                    }
                    // The main thread has its say; any other may just have ended.
                    Err(e) if round == 0 && id == pid => return Err(e),
                    Err(_) => {}
                }
            }
            stopped.wait_all(start, patience);
            if seized == 0 {
                break;
            }
        }
        Ok(stopped)
    }

    fn knows(&self, id: i32) -> bool {
        self.threads.contains_key(&id) || self.running.contains(&id)
    }

    fn wait_all(&mut self, start: Instant, patience: Duration) {
        let mut pause = Duration::from_micros(20);
        while !self.running.is_empty() {
            for id in std::mem::take(&mut self.running) {
                // __WALL: threads are not children that plain wait knows of.
                let flags = WaitPidFlag::WNOHANG | WaitPidFlag::__WALL;
                match waitpid(Pid::from_raw(id), Some(flags)) {
                    Ok(WaitStatus::PtraceEvent(_, _, _)) => {
                        self.threads.insert(id, None);
                    }
                    Ok(WaitStatus::Stopped(_, signal)) => {
                        self.threads.insert(id, Some(signal));
                    }
                    Ok(WaitStatus::StillAlive) => self.running.push(id),
                    Err(Errno::EINTR) => self.running.push(id),
                    // It has ended, or was never ours.
                    Ok(_) | Err(_) => {}
                }
            }
            if self.running.is_empty() || start.elapsed() > patience {
                break;
            }
            std::thread::sleep(pause);
            pause = pause.saturating_mul(2).min(if start.elapsed() < Duration::from_millis(50) {
                Duration::from_micros(200)
            } else {
                Duration::from_millis(5)
            });
        }
    }

    /// Threads that did not stop in time.
    #[must_use]
    pub fn not_stopped(&self) -> &[i32] {
        &self.running
    }

    /// A set of registers of a stopped thread, as the kernel writes it into the note of this type of a core.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn register_set(&self, id: i32, note: u32) -> Result<Vec<u8>, Errno> {
        /// No set of general-purpose registers is larger.
        const MOST: usize = 1024;
        let mut set = vec![0u8; MOST];
        let mut iov = libc::iovec { iov_base: set.as_mut_ptr().cast(), iov_len: set.len() };
        // SAFETY: `iov` describes `set`, which outlives the call; the kernel writes at most `iov_len` bytes.
        let done = unsafe { libc::ptrace(libc::PTRACE_GETREGSET, id, note, &raw mut iov) };
        Errno::result(done)?;
        set.truncate(iov.iov_len);
        Ok(set)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for (id, signal) in &self.threads {
            let _ = ptrace::detach(Pid::from_raw(*id), *signal);
        }
        for id in &self.running {
            // Not stopped, so it cannot be detached yet: give it a last short chance.
            let pid = Pid::from_raw(*id);
            let flags = WaitPidFlag::WNOHANG | WaitPidFlag::__WALL;
            let signal = match waitpid(pid, Some(flags)) {
                Ok(WaitStatus::Stopped(_, signal)) => Some(signal),
                _ => None,
            };
            let _ = ptrace::detach(pid, signal);
        }
    }
}
