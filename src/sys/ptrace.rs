//! Stopping the threads of a process and taking their registers (Linux `ptrace(2)`).
//!
//! Every request must come from the operating system thread that attached: [`Stopped`] can be neither sent nor
//! shared. When it is dropped, or when this process dies in whatever way, the kernel lets the threads go on.

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, gettid};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long threads are waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until the last has come to a stand, at most.
    pub all: Duration,
    /// Where all that are left are in uninterruptible sleep, at most.
    pub asleep: Duration,
}

/// The threads of a process, stopped.
#[derive(Debug)]
pub struct Stopped {
    /// Stopped threads; the value is a signal that was on its way and must be handed on.
    threads: BTreeMap<i32, Option<Signal>>,
    /// Not seen to stop in time.
    running: Vec<i32>,
    /// All that were seized.
    known: HashSet<i32>,
    /// When the first was told to stop.
    since: Instant,
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

/// Whether a thread is in uninterruptible sleep (proc_pid_stat(5), state).
fn is_asleep(pid: i32, id: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/task/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('D'))
}

/// Stops process `pid` for as long as `work` takes; its result, and for how long threads stood still.
///
/// A thread of its own does it. When that ends the kernel lets all threads go at once, those too that have not come to a stand
/// yet: a thread that is detached from another is one system call, and those that run again are in the way of the next one.
///
/// # Errors
/// As [`Stopped::stop`].
pub fn while_stopped<R: Send>(
    pid: i32,
    patience: Patience,
    work: impl FnOnce(&Stopped) -> R + Send,
) -> Result<(R, Duration), Errno> {
    let run = || {
        hasten();
        let stopped = Stopped::stop(pid, patience)?;
        let (result, since) = (work(&stopped), stopped.since);
        stopped.leave();
        Ok((result, since, gettid()))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("stop".to_owned()).spawn_scoped(scope, run);
        let done = thread.map_err(|_| Errno::EAGAIN)?.join();
        let (result, since, id) = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        wait_for_end(id);
        Ok((result, since.elapsed()))
    })
}

/// The thread comes before others where we may have that: what it has stopped waits for it.
fn hasten() {
    // SAFETY: the call takes numbers only; process 0 is the calling thread (setpriority(2), C library/kernel differences).
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -20) };
}

/// Waits until a thread of ours is gone: one that was joined may still be on its way out.
fn wait_for_end(id: Pid) {
    const MOST: Duration = Duration::from_secs(1);
    let (task, start) = (format!("/proc/self/task/{id}"), Instant::now());
    while Path::new(&task).exists() && start.elapsed() < MOST {
        std::thread::sleep(Duration::from_micros(20));
    }
}

impl Stopped {
    /// Stops all threads of `pid`.
    ///
    /// # Errors
    /// `EPERM` when it is not permitted, `ESRCH` when there is no such process. Threads stopped until then go on.
    pub fn stop(pid: i32, patience: Patience) -> Result<Stopped, Errno> {
        /// Threads that are told to stop between two looks at the clock.
        const GROUP: usize = 64;
        let mut stopped = Stopped {
            threads: BTreeMap::new(),
            running: Vec::new(),
            known: HashSet::new(),
            since: Instant::now(),
            _here: PhantomData,
        };
        // A running thread may start others; a round that finds nothing new has caught all.
        for round in 0.. {
            let ids = thread_ids(pid).map_err(|_| Errno::ESRCH)?;
            let mut fresh: Vec<i32> = ids.into_iter().filter(|id| !stopped.known.contains(id)).collect();
            if round > 0 && stopped.since.elapsed() > patience.all {
                stopped.running.append(&mut fresh);
            }
            // Being seized stops nobody, so all are before the first is told to stop.
            let mut seized = Vec::with_capacity(fresh.len());
            for id in fresh {
                match ptrace::seize(Pid::from_raw(id), Options::empty()) {
                    Ok(()) => {
                        stopped.known.insert(id);
                        stopped.running.push(id);
                        seized.push(id);
                    }
                    // The main thread has its say; any other may just have ended.
                    Err(e) if round == 0 && id == pid => return Err(e),
                    Err(_) => {}
                }
            }
            if seized.is_empty() {
                break;
            }
            if round == 0 {
                stopped.since = Instant::now();
            }
            // The kernel lets those go first that were seized last: they are also told first.
            for group in seized.rchunks(GROUP) {
                if stopped.since.elapsed() > patience.all {
                    break;
                }
                for id in group.iter().rev() {
                    let _ = ptrace::interrupt(Pid::from_raw(*id));
                }
            }
            stopped.wait_all(pid, patience);
        }
        Ok(stopped)
    }

    /// Ids of all threads, ascending.
    #[must_use]
    pub fn ids(&self) -> Vec<i32> {
        let mut ids: Vec<i32> = self.threads.keys().chain(&self.running).copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Whether all threads stand still but for those in uninterruptible sleep.
    #[must_use]
    pub fn is_whole(&self, pid: i32) -> bool {
        self.running.iter().all(|id| is_asleep(pid, *id))
    }

    /// Hands signals on that were on their way. The others go on when the thread of ours ends that has stopped them.
    fn leave(mut self) {
        self.running.clear();
        self.threads.retain(|_, signal| signal.is_some());
    }

    /// When the first thread was told to stop.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.since
    }

    fn wait_all(&mut self, pid: i32, patience: Patience) {
        let start = self.since;
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
            if self.running.is_empty() || start.elapsed() > patience.all {
                break;
            }
            if start.elapsed() > patience.asleep && self.running.iter().all(|id| is_asleep(pid, *id)) {
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
