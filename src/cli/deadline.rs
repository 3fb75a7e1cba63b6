//! Limits of a command: numbers, and a clock.

use super::args::LimitArgs;
use super::{exit, output};
use crate::debuggee::{Deadline, Limits};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Limits whose clock runs until they are dropped.
#[derive(Debug)]
pub struct Running {
    /// The limits.
    pub limits: Limits,
    /// The clock's thread ends when this is gone. Nobody waits for it: on a busy host that takes longer than the command.
    _clock: Option<Sender<()>>,
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
        let clock = clock.and_then(|time| watch(time, limits.deadline.clone()));
        Running { limits, _clock: clock }
    }
}

/// `None` where no thread can be had: then there is no limit of time.
fn watch(time: Duration, deadline: Deadline) -> Option<Sender<()>> {
    let (done, wait) = channel::<()>();
    let thread = std::thread::Builder::new().name("clock".to_owned()).spawn(move || {
        if wait.recv_timeout(time) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        deadline.set();
        let more = time.div_f64(2.0).max(Duration::from_secs(30));
        if wait.recv_timeout(more) == Err(RecvTimeoutError::Timeout) {
            let seconds = time.saturating_add(more).as_secs_f32();
            output::write_stderr(&format!(
                "pyinquest: error: given up after {seconds} s\n  help: --timeout SECONDS allows more, --timeout 0 any\n"
            ));
            std::process::exit(i32::from(exit::INPUT));
        }
    });
    thread.ok().map(|_| done)
}
