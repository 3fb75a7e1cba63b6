//! A clock of the program without a thread of its own: the kernel's timer and SIGALRM. To start a thread, and to change
//! mappings while there are two, took a twentieth of the time of a short command.

use nix::libc;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::time::Duration;

/// What is done when the timer runs out.
struct Plan {
    /// Set the first time.
    over: Arc<AtomicBool>,
    /// Whether that was.
    rung: AtomicBool,
    /// Until the second time.
    more: Duration,
    /// Written to standard error the second time, when the program ends.
    last_words: String,
    code: i32,
}

/// The plan of the alarm that is set. A signal handler can be told of it in no other way.
static PLAN: AtomicPtr<Plan> = AtomicPtr::new(ptr::null_mut());

/// An alarm that is set until it is dropped.
#[derive(Debug)]
pub struct Alarm(());

impl Alarm {
    /// After `time` `over` is set. After `more` the program ends with `last_words` and the exit code `code`.
    ///
    /// `None` where the system gives no timer, and where an alarm is set already.
    #[must_use]
    pub fn set(time: Duration, over: Arc<AtomicBool>, more: Duration, last_words: String, code: u8) -> Option<Alarm> {
        let plan = Box::into_raw(Box::new(Plan {
            over,
            rung: AtomicBool::new(false),
            more,
            last_words,
            code: i32::from(code),
        }));
        if PLAN.compare_exchange(ptr::null_mut(), plan, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            // SAFETY: it is of `Box::into_raw` above, and nobody else has it.
            drop(unsafe { Box::from_raw(plan) });
            return None;
        }
        let alarm = Alarm(());
        (listen() && start(time)).then_some(alarm)
    }
}

impl Drop for Alarm {
    /// The plan stays in memory: the handler may be running in another thread.
    fn drop(&mut self) {
        start(Duration::ZERO);
        PLAN.store(ptr::null_mut(), Ordering::Release);
    }
}

/// Has the handler called, whatever was inherited.
fn listen() -> bool {
    // SAFETY: plain structures of the C library, for which zeros are valid; the handler calls only what is safe in one.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = rang as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut action.sa_mask) == 0
            && libc::sigaction(libc::SIGALRM, &raw const action, ptr::null_mut()) == 0
            && libc::sigemptyset(&raw mut set) == 0
            && libc::sigaddset(&raw mut set, libc::SIGALRM) == 0
            && libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut()) == 0
    }
}

/// Lets the timer run; no time stops it.
fn start(time: Duration) -> bool {
    let value = libc::timeval {
        tv_sec: time.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_usec: time.subsec_micros().into(),
    };
    let timer = libc::itimerval { it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 }, it_value: value };
    // SAFETY: a structure of our own that the call reads.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, ptr::null_mut()) == 0 }
}

/// Called by the kernel, between any two instructions: no memory may be allocated, no lock taken.
extern "C" fn rang(_: libc::c_int) {
    let plan = PLAN.load(Ordering::Acquire);
    // SAFETY: a plan is never freed once it was set.
    let Some(plan) = (unsafe { plan.as_ref() }) else { return };
    if !plan.rung.swap(true, Ordering::Relaxed) {
        plan.over.store(true, Ordering::Relaxed);
        start(plan.more);
        return;
    }
    // SAFETY: both calls are safe in a signal handler (signal-safety(7)).
    unsafe {
        libc::write(libc::STDERR_FILENO, plan.last_words.as_ptr().cast(), plan.last_words.len());
        libc::_exit(plan.code);
    }
}
