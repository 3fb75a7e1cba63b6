//! A sign of life on the terminal when something takes long.

use indicatif::ProgressBar;
use std::io::IsTerminal as _;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Shorter work shows nothing.
const DELAY: Duration = Duration::from_millis(800);
const TICK: Duration = Duration::from_millis(120);

/// Removes the sign when dropped.
#[derive(Debug)]
pub struct Progress(Option<(Sender<()>, JoinHandle<()>)>);

/// Shows `what` with a spinner on standard error after a while, if that is a terminal.
pub fn after_a_while(what: &'static str) -> Progress {
    if !std::io::stderr().is_terminal() {
        return Progress(None);
    }
    let (done, wait) = channel();
    let thread = std::thread::spawn(move || {
        if wait.recv_timeout(DELAY) == Err(RecvTimeoutError::Timeout) {
            let bar = ProgressBar::new_spinner().with_message(what);
            bar.enable_steady_tick(TICK);
            // Ends when the other side goes away.
            let _ = wait.recv();
            bar.finish_and_clear();
        }
    });
    Progress(Some((done, thread)))
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.0.take() {
            drop(done);
            // Only a panic in indicatif could fail here, and that costs no more than the sign.
            let _ = thread.join();
        }
    }
}
