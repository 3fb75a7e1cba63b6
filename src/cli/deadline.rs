//! Limits of a command: numbers, and a clock.

use super::args::LimitArgs;
use super::exit;
use crate::debuggee::{Deadline, Limits};
use std::time::Duration;

/// Limits whose clock runs until they are dropped.
#[derive(Debug)]
pub struct Running {
    /// The limits.
    pub limits: Limits,
    _clock: Option<Clock>,
}

impl LimitArgs {
    /// From now on the clock runs. When the time is over nothing more is read; when half as much again, or half a minute,
    /// has gone by and nothing came of it, the program ends.
    #[must_use]
    pub fn start(&self) -> Running {
        let mut limits = Limits { threads: self.max_threads, modules: self.max_modules, ..Limits::default() };
        limits.frames = self.max_frames;
        limits.all_frames = Limits::all_frames_for(self.max_frames);
        limits.expanded = self.max_expanded.map(|mib| mib.saturating_mul(1 << 20));
        let clock = Duration::try_from_secs_f64(self.timeout).ok().filter(|time| !time.is_zero());
        let clock = clock.and_then(|time| watch(time, &limits.deadline));
        Running { limits, _clock: clock }
    }
}

/// `None` where there is no clock to be had: then there is no limit of time.
fn watch(time: Duration, deadline: &Deadline) -> Option<Clock> {
    let more = time.div_f64(2.0).max(Duration::from_secs(30));
    let seconds = time.saturating_add(more).as_secs_f32();
    let last_words = format!(
        "pyinquest: error: given up after {seconds} s\n  help: --timeout SECONDS allows more, --timeout 0 any\n"
    );
    clock(time, deadline, more, last_words)
}

#[cfg(unix)]
use crate::sys::Alarm as Clock;

#[cfg(unix)]
fn clock(time: Duration, deadline: &Deadline, more: Duration, last_words: String) -> Option<Clock> {
    Clock::set(time, deadline.flag(), more, last_words, exit::INPUT)
}

/// A thread; it ends when this is gone. Nobody waits for it: on a busy host that takes longer than the command.
#[cfg(not(unix))]
type Clock = std::sync::mpsc::Sender<()>;

#[cfg(not(unix))]
fn clock(time: Duration, deadline: &Deadline, more: Duration, last_words: String) -> Option<Clock> {
    use std::sync::mpsc::{RecvTimeoutError, channel};
    let (done, wait) = channel::<()>();
    let deadline = deadline.clone();
    let thread = std::thread::Builder::new().name("clock".to_owned()).spawn(move || {
        if wait.recv_timeout(time) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        deadline.set();
        if wait.recv_timeout(more) == Err(RecvTimeoutError::Timeout) {
            super::output::write_stderr(&last_words);
            std::process::exit(i32::from(exit::INPUT));
        }
    });
    thread.ok().map(|_| done)
}
